"""One bad thing among good ones neither stops nor empties the rest."""

import json

import numpy as np
import pytest
from PIL import Image

from segment import CocoMasks, MaskError, MaskFiles

SIZE = (24, 32)
MASK, OTHER = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
MASK[4:12, 2:10] = True
OTHER[4:12, 20:30] = True
SQUARE = [2, 4, 10, 4, 10, 12, 2, 12]


def coco(*objects, images=None, **changes) -> dict:
    content = {
        "images": images or [{"id": 1, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}],
        "annotations": list(objects),
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}],
    }
    return content | changes


def obj(number: int, **changes) -> dict:
    return {"id": number, "image_id": 1, "category_id": 1, "segmentation": [SQUARE]} | changes


def labelme(*shapes, name: str = "a.jpg") -> dict:
    return {"shapes": list(shapes), "imagePath": name, "imageHeight": SIZE[0], "imageWidth": SIZE[1]}


def shape(label: object = "person", points: object = ((2, 4), (9, 4), (9, 11), (2, 11))) -> dict:
    return {"label": label, "shape_type": "polygon", "points": points}


def write(path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def opened(path, *wanted: str) -> tuple[MaskFiles, list[str]]:
    lines: list[str] = []
    files = MaskFiles(path, tell=lines.append)
    files.check_classes(wanted)
    return files, lines


def test_an_unreadable_json_among_good_ones(tmp_path):
    write(tmp_path / "a.json", labelme(shape()))
    write(tmp_path / "0.json", '{"作者": "张"}'.encode("gb18030"))
    write(tmp_path / "1.json", b"")
    files, lines = opened(tmp_path, "person")
    assert files.has_classes
    np.testing.assert_array_equal(files.mask("a.jpg", SIZE), MASK)
    with pytest.raises(
        MaskError, match=r"0.json is no JSON file: expected UTF-8 text, got byte 2 in another"
    ):
        files.mask("0.jpg", SIZE)
    with pytest.raises(MaskError, match=r"1.json is no JSON file"):
        files.mask("1.jpg", SIZE)
    assert sum("passed over: " in line for line in lines) == 2


@pytest.mark.parametrize(
    "scrap",
    [
        obj(2, segmentation=[]),
        obj(2, segmentation=None),
        obj(2, segmentation=[[5, 5, 6, 6]]),
        obj(2, segmentation=[[]]),
    ],
)
def test_an_object_that_marks_nothing_is_left_out_and_said(scrap, tmp_path):
    write(tmp_path / "c.json", coco(obj(1), scrap))
    files, lines = opened(tmp_path / "c.json", "person")
    np.testing.assert_array_equal(files.mask("a.jpg", SIZE), MASK)
    assert "left out: " in lines[-1]
    assert "c.json: object 2 of image 1: expected polygons" in lines[-1]
    write(tmp_path / "c.json", coco(scrap))  # nothing else: the person would stay, and the photo be "done"
    with pytest.raises(MaskError, match="object 2 of image 1: expected polygons"):
        opened(tmp_path / "c.json", "person")[0].mask("a.jpg", SIZE)


def test_a_scrap_beside_the_outline_of_one_object(tmp_path):
    write(tmp_path / "c.json", coco(obj(1, segmentation=[SQUARE, [3, 3, 4, 3]])))
    np.testing.assert_array_equal(opened(tmp_path / "c.json")[0].mask("a.jpg", SIZE), MASK)


@pytest.mark.parametrize(
    "segmentation",
    [
        SQUARE,  # a list less
        [[[2, 4], [10, 4], [10, 12], [2, 12]]],  # a list more
        {"counts": [52, 8, 16, 8, 16, 8, 16, 8, 16, 8, 16, 8, 16, 8, 16, 8, 540], "size": [24.0, 32.0]},
        [{"counts": [52.0, 8, 16, 8, 16, 8, 16, 8, 16, 8, 16, 8, 16, 8, 16, 8, 540]}],
    ],
)
def test_segmentations_written_a_little_otherwise(segmentation, tmp_path):
    write(tmp_path / "c.json", coco(obj(1, segmentation=segmentation)))
    np.testing.assert_array_equal(opened(tmp_path / "c.json")[0].mask("a.jpg", SIZE), MASK)


@pytest.mark.parametrize("changes", [{"segmentation": []}, {"segmentation": None}, {"segmentation": [[]]}])
def test_of_an_object_that_has_only_a_box_the_box_is_taken_and_said(changes, tmp_path):
    write(tmp_path / "c.json", coco(obj(1, bbox=[20, 4, 10, 8], **changes)))
    files, lines = opened(tmp_path / "c.json", "person")
    np.testing.assert_array_equal(files.mask("a.jpg", SIZE), OTHER)
    assert "object 1 has a box and no outline, so the whole box is taken" in lines[-1]


@pytest.mark.parametrize(
    "changes",
    [
        {"segmentation": "text"},
        {"segmentation": {"size": [24, 32], "counts": "~"}},
        {"segmentation": [[1, 1, 10**400, 1, 3, 3]]},
        {"segmentation": [[1, 1, 900, 1, 3, 3]]},
        {"score": "high"},
        {"bbox": [1, 2]},
    ],
)
def test_a_bad_object_matters_only_where_it_is_wanted(changes, tmp_path):
    write(tmp_path / "c.json", coco(obj(1), obj(2, category_id=2, **changes)))
    files, lines = opened(tmp_path / "c.json", "person")
    np.testing.assert_array_equal(files.mask("a.jpg", SIZE), MASK)
    assert "left out: " in lines[-1]
    for wanted in (("car",), ()):
        with pytest.raises(MaskError, match=r"c.json: object 2 of image 1: "):
            opened(tmp_path / "c.json", *wanted)[0].mask("a.jpg", SIZE)


def test_a_category_that_nobody_names_matters_only_where_all_are_wanted(tmp_path):
    write(tmp_path / "c.json", coco(obj(1), obj(2, category_id=9)))
    np.testing.assert_array_equal(opened(tmp_path / "c.json", "person")[0].mask("a.jpg", SIZE), MASK)
    with pytest.raises(MaskError, match="object 2 of image 1: unknown category_id 9"):
        opened(tmp_path / "c.json")[0].mask("a.jpg", SIZE)


@pytest.mark.parametrize(
    "bad", [shape("car", []), shape("car", "text"), shape(None), shape("car", [[1, 9999]] * 3)]
)
def test_a_bad_shape_matters_only_where_it_is_wanted(bad, tmp_path):
    write(tmp_path / "a.json", labelme(shape(), bad))
    files, lines = opened(tmp_path, "person")
    np.testing.assert_array_equal(files.detections("a.jpg", SIZE).union(["person"]), MASK)
    assert "a.json: shape 1: " in lines[-1]


def test_a_shape_of_two_points_beside_a_good_one(tmp_path):
    write(tmp_path / "a.json", labelme(shape(), shape(points=[[1, 1], [2, 2]])))
    files, lines = opened(tmp_path)
    np.testing.assert_array_equal(files.mask("a.jpg", SIZE), MASK)
    assert "left out: " in lines[-1]
    write(tmp_path / "a.json", labelme(shape(points=[[1, 1], [2, 2]])))
    with pytest.raises(MaskError, match="shape 0: expected at least 3 points"):
        opened(tmp_path)[0].mask("a.jpg", SIZE)


def test_several_masks_of_one_photo_are_joined(tmp_path):
    """As LaMa lays them out: NAME.png and NAME_mask001.png in one folder."""
    for name in ("a.png", "b.png"):
        Image.new("RGB", SIZE[::-1], (90, 120, 60)).save(tmp_path / name)
    Image.fromarray(MASK).save(tmp_path / "a_mask001.png")
    Image.fromarray(OTHER).save(tmp_path / "a_mask002.png")
    Image.fromarray(OTHER).save(tmp_path / "b_mask.png")
    files = MaskFiles(tmp_path)
    np.testing.assert_array_equal(files.mask(tmp_path / "a.png", SIZE), MASK | OTHER)
    np.testing.assert_array_equal(files.mask(tmp_path / "b.png", SIZE), OTHER)
    assert [path.name for path in files.find_all(tmp_path / "a.png")] == ["a_mask001.png", "a_mask002.png"]


def test_a_coco_file_beside_its_photos(tmp_path):
    """As Roboflow exports a data set."""
    Image.new("RGB", SIZE[::-1], (90, 120, 60)).save(tmp_path / "a.jpg")
    write(tmp_path / "_annotations.coco.json", coco(obj(1)))
    files, _ = opened(tmp_path, "person")
    assert isinstance(files.coco, CocoMasks)
    np.testing.assert_array_equal(files.mask(tmp_path / "a.jpg", SIZE), MASK)


def test_several_coco_files_in_a_folder(tmp_path):
    for name in ("a", "b"):
        images = [{"id": 1, "file_name": f"{name}.jpg", "height": SIZE[0], "width": SIZE[1]}]
        write(tmp_path / f"instances_{name}.json", coco(obj(1), images=images))
    files, _ = opened(tmp_path, "person")
    assert files.find("b.jpg") == tmp_path / "instances_b.json"
    np.testing.assert_array_equal(files.mask("b.jpg", SIZE), MASK)
    assert files.sources == tuple(f"{tmp_path / f'instances_{name}.json'}: {name}.jpg" for name in "ab")
    assert files.sources_of("b.jpg") == (f"{tmp_path / 'instances_b.json'}: b.jpg",)
    write(tmp_path / "instances_c.json", coco(obj(1)))
    with pytest.raises(MaskError, match=r"expected one COCO file that lists a.jpg, found several: "):
        opened(tmp_path)[0].find("a.jpg")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"a.jpg12": {"filename": "a.jpg", "regions": []}},
            "a VIA project .* export its annotations as COCO",
        ),
        ({"_via_img_metadata": {}}, "a VIA project"),
        ([{"id": 1, "data": {"image": "a.jpg"}, "annotations": []}], "Label Studio's JSON.*export COCO"),
        ({"categories": {}, "items": []}, "Datumaro's own JSON.*as COCO"),
        ({"type": "FeatureCollection", "features": []}, "GeoJSON"),
        (coco({"id": 1, "image_id": 1, "caption": "x"}), "COCO captions, which mark nothing"),
        (coco({"image_id": 1, "segments_info": []}), "COCO panoptic annotations"),
        ({"some": 1}, "expected COCO annotations or results, .* got an object with some"),
    ],
)
def test_json_that_is_not_read_is_named(content, words, tmp_path):
    write(tmp_path / "a.json", content)
    for path in (tmp_path / "a.json", tmp_path):
        with pytest.raises(MaskError, match=words):
            opened(path)[0].mask("a.jpg", SIZE)


def test_annotations_in_xml_are_named(tmp_path):
    write(tmp_path / "annotations.xml", b"<annotations/>")
    with pytest.raises(
        MaskError, match=r"no mask file .*: XML files are CVAT's or Pascal VOC's, .*export COCO"
    ):
        MaskFiles(tmp_path)
