import json

import numpy as np
import pytest

from segment import CocoMasks, MaskError

SQUARE = [[1, 1, 3, 1, 3, 3, 1, 3]]  # columns and rows 1 and 2
RUNS = {"size": [4, 5], "counts": [0, 4, 16]}  # the first column
COMPRESSED = {"size": [4, 5], "counts": "04`0"}  # the same


def annotations(**changes) -> dict:
    content = {
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
        "images": [
            {"id": 7, "file_name": "train/1.jpg", "height": 4, "width": 5},
            {"id": 8, "file_name": "val/1.jpg", "height": 4, "width": 5},
            {"id": 9, "file_name": "2.jpg", "height": 4, "width": 5},
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 1,
                "segmentation": SQUARE,
                "bbox": [1, 1, 2, 2],
                "iscrowd": 0,
            },
            {
                "id": 2,
                "image_id": 7,
                "category_id": 18,
                "segmentation": RUNS,
                "bbox": [0, 0, 1, 4],
                "iscrowd": 1,
            },
            {"id": 3, "image_id": 8, "category_id": 18, "segmentation": COMPRESSED},
        ],
    }
    return content | changes


@pytest.fixture
def load(tmp_path):
    def write_and_load(content) -> CocoMasks:
        path = tmp_path / "coco.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return CocoMasks(path)

    return write_and_load


def first_column() -> np.ndarray:
    mask = np.zeros((4, 5), bool)
    mask[:, 0] = True
    return mask


def test_polygons_and_both_kinds_of_run_lengths(load):
    found = load(annotations()).detections(7)
    assert found.labels == ("person", "dog")
    assert found.scores.tolist() == [1, 1]
    square = np.zeros((4, 5), bool)
    square[1:3, 1:3] = True
    np.testing.assert_array_equal(found.mask(0), square)
    np.testing.assert_array_equal(found.mask(1), first_column())
    np.testing.assert_array_equal(found.boxes, [[1, 1, 3, 3], [0, 0, 1, 4]])
    other = load(annotations()).detections(8)
    np.testing.assert_array_equal(other.mask(0), first_column())
    np.testing.assert_array_equal(other.boxes, [[0, 0, 1, 4]])  # no bbox given: the mask's


def test_crowds_can_be_left_out(load):
    assert load(annotations()).detections(7, crowds=False).labels == ("person",)


def test_photos_are_found_by_stem_and_then_by_folder(load):
    coco = load(annotations())
    assert coco.detections("anywhere/train/1.jpg", (4, 5)).labels == ("person", "dog")
    assert coco.detections("val/1.jpg").labels == ("dog",)
    assert len(coco.detections("elsewhere/2.JPEG")) == 0
    with pytest.raises(
        ValueError, match=r"expected one image for 1\.jpg .* found several: train/1\.jpg, val/1\.jpg"
    ):
        coco.detections("1.jpg")
    with pytest.raises(ValueError, match=r"one image for 3\.jpg in .*coco\.json, found none"):
        coco.detections("3.jpg")
    with pytest.raises(ValueError, match="has no image 5"):
        coco.detections(5)


def test_the_photo_must_have_the_shape_of_its_annotations(load):
    with pytest.raises(ValueError, match=r"image 7 is 5 x 4 there, but the photo train/1\.jpg is 10 x 10"):
        load(annotations()).detections("train/1.jpg", (10, 10))


def test_masks_of_another_size_are_scaled(load):
    found = load(annotations()).detections("train/1.jpg", (40, 50))
    assert (found.height, found.width) == (40, 50)
    np.testing.assert_allclose(found.boxes, [[10, 10, 30, 30], [0, 0, 10, 40]], rtol=1e-6)
    square = found.mask(0)
    assert square[15:25, 15:25].all()
    assert not square[:8].any()
    assert not square[:, 32:].any()
    assert square.sum() == pytest.approx(400, rel=0.1)


def test_results(load):
    entry = {"image_id": 42, "category_id": 1, "segmentation": COMPRESSED, "score": 0.25}
    coco = load([entry])
    assert len(coco.classes) == 80
    for photo in (42, "000000000042.jpg", "COCO_val2014_000000000042.png"):
        found = coco.detections(photo)
        assert (found.labels, found.scores.tolist()) == (("person",), [0.25])
        np.testing.assert_array_equal(found.mask(0), first_column())
    assert len(coco.detections("43.jpg", (2, 3))) == 0
    with pytest.raises(ValueError, match="no results for image 43"):
        coco.detections("43.jpg")
    with pytest.raises(ValueError, match=r"photo\.jpg ends in no image id"):
        coco.detections("photo.jpg")


def test_class_names_are_those_of_the_file(load):
    coco = load(annotations())
    assert coco.check_classes(None) == coco.classes == ("person", "dog")
    assert coco.check_classes(["dog"]) == ("dog",)
    with pytest.raises(ValueError, match="unknown class 'dgo'"):
        coco.check_classes(["dgo"])
    with pytest.raises(TypeError, match="the string 'dog'"):
        coco.check_classes("dog")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/1.jpg",
        "../1.jpg",
        "a/../../1.jpg",
        "C:\\photos\\1.jpg",
        "..\\..\\label-studio\\media\\1.jpg",
        "https://host.example/o/abc%2F1.jpg?alt=media&token=d4c-9",
        "s3://bucket/photos/1.jpg",
        "data/local-files/?d=photos/1.jpg",
    ],
)
def test_of_names_of_another_machine_the_last_component_counts(name, load):
    content = annotations(images=[{"id": 8, "file_name": name, "height": 4, "width": 5}])
    assert load(content).detections("here/1.jpg", (4, 5)).labels == ("dog",)
    with pytest.raises(MaskError, match="found none"):
        load(content).detections("here/2.jpg", (4, 5))


@pytest.mark.parametrize("name", [None, "", 7, "1.jpg\0", "..", "photos/.."])
def test_an_image_without_a_usable_name_is_noted_and_the_others_go_on(name, tmp_path):
    content, lines = annotations(), []
    content["images"][1]["file_name"] = name
    (tmp_path / "coco.json").write_text(json.dumps(content))
    coco = CocoMasks(tmp_path / "coco.json", tell=lines.append)
    assert coco.detections("train/1.jpg").labels == ("person", "dog")
    assert "1 images without an id or a usable file name, passed over: 8: expected a file name" in lines[0]
    assert "1 annotations of images that are not listed, passed over; image ids: 8" in lines[1]


def test_names_from_windows(load):
    content = annotations()
    content["images"][1]["file_name"] = "test\\3.jpg"
    assert load(content).detections("3.jpg").labels == ("dog",)


@pytest.mark.parametrize("number", [float("inf"), float("nan"), None, True, [7], 1.5, ""])
def test_image_ids_that_cannot_be(number, load):
    with pytest.raises(MaskError, match="is no COCO file: expected a number or a name as image id"):
        load([{"image_id": number, "category_id": 1, "segmentation": RUNS, "score": 0.5}])


@pytest.mark.parametrize("number", ["42", "000000000042", "street_42", 42.0])
def test_image_ids_as_text(number, load):
    coco = load([{"image_id": number, "category_id": 1, "segmentation": RUNS, "score": 0.5}])
    assert len(coco.detections("street_42.jpg", (4, 5))) == 1


def test_a_photo_shown_turned(load):
    """The annotations are of the stored pixels, 4 x 5; the photo is shown turned to the right, 5 x 4."""
    found = load(annotations()).detections("val/1.jpg", (5, 4), orientation=6)
    expected = np.zeros((5, 4), bool)
    expected[0] = True  # what was the first column is the first row
    np.testing.assert_array_equal(found.mask(0), expected)
    np.testing.assert_allclose(found.boxes, [[0, 0, 4, 1]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"height": 10**9, "width": 10**9},
            "states 1000000000 x 1000000000 pixels, more than 300 million",
        ),
        ({"height": -4}, "expected a height and width in pixels, got -4 and 5"),
        ({"height": "4"}, "expected a height and width in pixels"),
        ({"height": float("nan")}, "got nan and 5"),
    ],
)
def test_sizes_that_cannot_be(changes, message, load):
    content = annotations()
    content["images"][0] |= changes
    with pytest.raises(MaskError, match=message):
        load(content).detections("train/1.jpg", (4, 5))


def test_images_without_a_size_take_that_of_their_masks_or_photo(load):
    content = annotations()
    for image in content["images"]:
        del image["height"], image["width"]
    assert load(content).detections("val/1.jpg").height == 4
    assert load(content).detections("train/1.jpg", (4, 5)).height == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": float("nan")}, "expected a score from 0 to 1, got nan"),
        ({"score": 83}, "expected a score from 0 to 1, got 83"),
        ({"bbox": [1, 2, None, 4]}, "expected bbox as four numbers"),
        ({"bbox": [1, 2, 3]}, "expected bbox as four numbers"),
        ({"category_id": [1]}, r"unknown category_id \[1\]"),
    ],
)
def test_fields_that_cannot_be(changes, message, load):
    entry = {"image_id": 42, "category_id": 1, "segmentation": RUNS, "score": 0.5}
    with pytest.raises(MaskError, match=message):
        load([entry | changes]).detections("42.jpg", (4, 5))


def test_a_broken_object_is_named(load):
    broken = {"id": 77, "image_id": 7, "category_id": 1, "segmentation": []}
    with pytest.raises(ValueError, match=r"coco\.json: object 77 of image 7: expected polygons"):
        load(annotations(annotations=[broken])).detections(7)
    with pytest.raises(ValueError, match="object 77 of image 7: unknown category_id 5"):
        load(annotations(annotations=[broken | {"category_id": 5}])).detections(7)


def test_broken_files(load, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        CocoMasks(tmp_path / "nothing.json")
    with pytest.raises(ValueError, match=r"coco\.json is no JSON file"):
        load("no json")
    with pytest.raises(ValueError, match="to hold an object or a list, got str"):
        load('"text"')
    with pytest.raises(ValueError, match=r"is no COCO file: .*'annotations' cannot be found or read"):
        load({"images": []})


def test_real_annotations_agree_with_pycocotools(shared, capsys):
    from pycocotools.coco import COCO

    path = shared / "data" / "coco" / "instances.json"
    reference, ours = COCO(str(path)), CocoMasks(path)
    compared = 0
    for number in sorted(reference.imgs)[:40]:
        objects = reference.imgToAnns[number]
        found = ours.detections(reference.imgs[number]["file_name"])
        assert found.labels == tuple(reference.cats[entry["category_id"]]["name"] for entry in objects)
        for index, entry in enumerate(objects):
            np.testing.assert_array_equal(found.mask(index), reference.annToMask(entry).astype(bool))
            compared += 1
    assert compared > 200


def test_results_of_another_team(shared):
    coco = CocoMasks(shared / "data" / "team_masks" / "results.json")
    found = coco.detections("000000051712.jpg", (368, 640))
    assert set(found.labels) == {"person"}
    assert 0 < found.union().mean() < 1
