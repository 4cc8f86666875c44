"""Hand-overs by which the wrong thing would be removed, and the run say that it is done."""

import json

import numpy as np
import pytest
from PIL import Image

from segment import CocoMasks, MaskError, MaskFiles

SIZE = (24, 32)
LEFT, RIGHT = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
LEFT[4:12, 2:10] = True
RIGHT[4:12, 20:30] = True
PERSON, CAR = (48, 112, 32), (176, 112, 32)


def box(mask: np.ndarray) -> list[list[float]]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return [[float(value) for value in (left, top, right, top, right, bottom, left, bottom)]]


def obj(number: int, image: object, mask: np.ndarray = LEFT, category: object = 1, **changes) -> dict:
    content = {"id": number, "image_id": image, "category_id": category, "segmentation": box(mask)}
    return content | changes


def image(number: object, name: object, size: tuple[int, int] = SIZE) -> dict:
    return {"id": number, "file_name": name, "height": size[0], "width": size[1]}


def coco(tmp_path, images, objects, categories=({"id": 1, "name": "person"},), **options):
    path = tmp_path / "coco.json"
    content = {"images": images, "annotations": objects, "categories": list(categories)}
    path.write_text(json.dumps(content))
    return CocoMasks(path, **options)


@pytest.fixture
def days(tmp_path):
    """The same name in two folders of photos."""
    photos = [tmp_path / "in" / day / "IMG_0001.jpg" for day in ("day1", "day2")]
    for photo in photos:
        photo.parent.mkdir(parents=True)
        Image.new("RGB", SIZE[::-1]).save(photo)
    return photos


def test_a_mask_of_another_folders_photo_is_no_match(tmp_path, days):
    (tmp_path / "masks" / "day1").mkdir(parents=True)
    Image.fromarray(LEFT).save(tmp_path / "masks" / "day1" / "IMG_0001.png")
    files = MaskFiles(tmp_path / "masks")
    np.testing.assert_array_equal(files.mask(days[0], SIZE), LEFT)
    with pytest.raises(MaskError, match=r"found none; .*IMG_0001.png is in another folder") as error:
        files.find(days[1])
    assert error.value.reason == "missing"


def test_an_image_of_another_folder_or_suffix_is_no_match(tmp_path, days):
    found = coco(tmp_path, [image(1, "day1/IMG_0001.jpg")], [obj(1, 1)])
    assert len(found.detections(days[0], SIZE)) == 1
    for photo in (days[1], "day1/IMG_0001.png"):
        with pytest.raises(
            MaskError, match=r"found none; 'day1/IMG_0001.jpg' is in another folder or"
        ) as error:
            found.detections(photo, SIZE)
        assert error.value.reason == "missing"


def test_a_mask_without_a_folder_for_two_photos_is_told(tmp_path, days):
    (tmp_path / "masks").mkdir()
    Image.fromarray(LEFT).save(tmp_path / "masks" / "IMG_0001.png")
    lines: list[str] = []
    files = MaskFiles(tmp_path / "masks", tell=lines.append)
    for photo in days:
        files.mask(photo, SIZE)
    assert f"IMG_0001.png is taken for {days[0]} and for {days[1]}" in lines[-1]


def test_a_name_in_another_case_is_not_taken_from_the_photo_that_has_it(tmp_path):
    for name in ("Street.jpg", "street.jpg"):
        Image.new("RGB", SIZE[::-1]).save(tmp_path / name)
    if len(list(tmp_path.glob("*.jpg"))) == 1:
        pytest.skip("names are the same in any case here")
    (tmp_path / "masks").mkdir()
    Image.fromarray(LEFT).save(tmp_path / "masks" / "street.png")
    files = MaskFiles(tmp_path / "masks")
    assert files.find(tmp_path / "street.jpg").name == "street.png"
    with pytest.raises(MaskError, match="found none"):
        files.find(tmp_path / "Street.jpg")


def test_one_id_of_two_photos_is_refused_for_both_and_no_other(tmp_path):
    images = [image(1, "a.jpg"), image(1, "b.jpg"), image(2, "c.jpg")]
    lines: list[str] = []
    found = coco(tmp_path, images, [obj(1, 1), obj(2, 1, RIGHT), obj(3, 2)], tell=lines.append)
    for photo in ("a.jpg", "b.jpg"):
        with pytest.raises(MaskError, match=r"image 1 is listed twice, as a\.jpg \(32 x 24\) and as b\.jpg"):
            found.detections(photo, SIZE)
    assert len(found.detections("c.jpg", SIZE)) == 1
    assert "images that contradict each other, not used: image 1 is listed twice" in lines[0]


def test_one_photo_under_two_ids_is_joined(tmp_path):
    images = [image(1, "a.jpg"), image(2, "./a.jpg"), image(3, "b.jpg")]
    lines: list[str] = []
    found = coco(tmp_path, images, [obj(1, 1), obj(2, 2, RIGHT), obj(3, 3)], tell=lines.append)
    np.testing.assert_array_equal(found.detections("a.jpg", SIZE).union(), LEFT | RIGHT)
    assert len(found.detections("b.jpg", SIZE)) == 1
    assert "1 photos that are listed twice, joined: a.jpg (images 1 and 2)" in lines[0]


def test_one_photo_with_two_sizes_is_refused(tmp_path):
    images = [image(1, "a.jpg"), image(2, "a.jpg", (48, 64)), image(3, "b.jpg")]
    found = coco(tmp_path, images, [obj(1, 1), obj(2, 2), obj(3, 3)])
    match = r"a\.jpg is listed twice, as image 1, a\.jpg \(32 x 24\), and as image 2, a\.jpg \(64 x 48\)"
    with pytest.raises(MaskError, match=match):
        found.detections("a.jpg", SIZE)
    assert len(found.detections("b.jpg", SIZE)) == 1


def test_one_category_id_of_two_names_means_nothing(tmp_path):
    names = ({"id": 1, "name": "person"}, {"id": 1, "name": "car"}, {"id": 2, "name": "dog"})
    found = coco(tmp_path, [image(1, "a.jpg"), image(2, "b.jpg")], [obj(1, 1), obj(2, 2, category=2)], names)
    with pytest.raises(MaskError, match="category_id 1 is listed twice, as 'person' and as 'car'"):
        found.detections("a.jpg", SIZE)
    assert found.detections("b.jpg", SIZE).labels == ("dog",)


@pytest.mark.parametrize("number", [1, 1.0, "1"])
def test_ids_that_are_the_same_number(number, tmp_path):
    found = coco(tmp_path, [image(1, "a.jpg")], [obj(1, number, category=number)])
    assert found.detections("a.jpg", SIZE).labels == ("person",)


def test_zeros_in_front_and_suffixes_are_part_of_an_id(tmp_path):
    path = tmp_path / "results.json"
    entries = [
        obj(n, name, mask, score=1.0) for n, (name, mask) in enumerate((("a.jpg", LEFT), ("a.png", RIGHT)))
    ]
    path.write_text(json.dumps(entries))
    found = CocoMasks(path)
    np.testing.assert_array_equal(found.detections("a.jpg", SIZE).union(), LEFT)
    np.testing.assert_array_equal(found.detections("a.png", SIZE).union(), RIGHT)
    path.write_text(json.dumps([obj(1, "007", score=1.0), obj(2, 7, RIGHT, score=1.0)]))
    with pytest.raises(MaskError, match="found several: '007', 7"):
        CocoMasks(path).detections("IMG_7.jpg", SIZE)


def test_what_does_not_fit_is_said(tmp_path):
    objects = [obj(1, 1), obj(1, 1, RIGHT), obj(2, 99), obj(3, 1, category=True), {"id": 4}, "text"]
    lines: list[str] = []
    found = coco(tmp_path, [image(1, "a.jpg")], objects, tell=lines.append)
    text = "\n".join(lines)
    assert "2 annotations without an image id, passed over: {'id': 4}, text" in text
    assert "1 annotations of images that are not listed, passed over; image ids: 99" in text
    assert "1 annotation ids that are used more than once: 1" in text
    with pytest.raises(MaskError, match="object 3 of image 1: unknown category_id True"):
        found.detections("a.jpg", SIZE)
    files = MaskFiles(tmp_path / "coco.json", tell=lines.append)
    files.check_classes(["person"])
    np.testing.assert_array_equal(files.mask("a.jpg", SIZE), LEFT | RIGHT)
    assert "left out: " in lines[-1]
    assert "object 3 of image 1: unknown category_id True" in lines[-1]


def test_labels_of_another_case_or_number_are_the_class(tmp_path):
    """One file has "person", another "Person", a third "people"; "person-seg" is near, and said."""
    labels = {"a": ["person"], "b": ["Person "], "c": ["people"], "d": ["woman"], "e": ["personn"]}
    for stem, names in labels.items():
        shapes = [
            {"label": name, "shape_type": "rectangle", "points": [[2, 4], [9, 11]]}
            for name in (*names, "car")
        ]
        content = {"shapes": shapes, "imagePath": f"{stem}.jpg", "imageHeight": 24, "imageWidth": 32}
        (tmp_path / f"{stem}.json").write_text(json.dumps(content))
    lines: list[str] = []
    files = MaskFiles(tmp_path, tell=lines.append)
    files.check_classes(["person"])
    for stem in "abc":
        assert files.detections(f"{stem}.jpg", SIZE).labels == ("person", "car")
    assert files.detections("d.jpg", SIZE).labels == ("woman", "car")
    assert files.detections("e.jpg", SIZE).labels == ("personn", "car")
    text = "\n".join(lines)
    assert "the label 'Person ' is taken for 'person'" in text
    assert "the label 'personn' is near 'person', but left out" in text
    assert "the label 'woman' is near 'person', but left out" in text


def label_map(folder, *names: str) -> None:
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[LEFT], pixels[RIGHT] = PERSON, CAR
    folder.mkdir(parents=True)
    for name in names:
        Image.fromarray(pixels).save(folder / name)


def test_a_colour_label_map_is_refused_with_its_colours(tmp_path):
    label_map(tmp_path / "masks", "a.png")
    colours = r"0,0,0 \(81\.2%\); 176,112,32 \(10\.4%\); 48,112,32 \(8\.3%\)"
    match = rf"a\.png looks like a label map.* the colours {colours}"
    with pytest.raises(MaskError, match=match) as error:
        MaskFiles(tmp_path / "masks")
    assert (error.value.reason, error.value.option) == ("labels", "mask_label")


def test_a_colour_of_a_label_map_is_chosen(tmp_path):
    label_map(tmp_path / "masks", "a.png")
    np.testing.assert_array_equal(MaskFiles(tmp_path / "masks", label=PERSON).mask("a.jpg", SIZE), LEFT)
    np.testing.assert_array_equal(MaskFiles(tmp_path / "masks", label=CAR).mask("a.jpg", SIZE), RIGHT)
    with pytest.raises(MaskError, match="no pixel has the colour 1,2,3"):
        MaskFiles(tmp_path / "masks", label=(1, 2, 3)).mask("a.jpg", SIZE)


@pytest.mark.parametrize("given", [".", "SegmentationClass"])
def test_a_class_of_a_label_map_that_labelmap_txt_names(given, tmp_path):
    label_map(tmp_path / "SegmentationClass", "a.png")
    label_map(tmp_path / "SegmentationObject", "a.png")
    lines = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nperson:48,112,32::\ncar:176,112,32::\n"
    (tmp_path / "labelmap.txt").write_text(lines)
    files = MaskFiles(tmp_path / given)
    assert files.has_classes
    with pytest.raises(MaskError, match=r"label maps of person, car .*: name the class") as error:
        files.check_classes([])
    assert error.value.option == "classes"
    with pytest.raises(MaskError, match="unknown class 'dog'"):
        files.check_classes(["dog"])
    files.check_classes(["Persons"])
    found = files.detections("a.jpg", SIZE)
    assert found.labels == ("Persons", "car")
    np.testing.assert_array_equal(found.union(["Persons"]), LEFT)


def test_marks_that_differ_are_labels(tmp_path):
    """One photo has only the car, another only the person: each by itself looks like a mask."""
    for name, mask, colour in (("a.png", LEFT, PERSON), ("b.png", RIGHT, CAR)):
        pixels = np.zeros((*SIZE, 3), np.uint8)
        pixels[mask] = colour
        Image.fromarray(pixels).save(tmp_path / name)
    with pytest.raises(MaskError, match=r"their marks differ: 48,112,32 in .*a.png; 176,112,32 in .*b.png"):
        MaskFiles(tmp_path)
    (tmp_path / "b.png").unlink()
    np.testing.assert_array_equal(MaskFiles(tmp_path).mask("a.jpg", SIZE), LEFT)


def test_palettes_and_transparency_are_label_maps_too(tmp_path):
    pixels = np.zeros((*SIZE, 4), np.uint8)
    pixels[LEFT], pixels[RIGHT] = (*PERSON, 255), (*CAR, 255)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(MaskError, match=r"a.png looks like a label map"):
        MaskFiles(tmp_path)
    indices = Image.fromarray(np.where(LEFT, 15, np.where(RIGHT, 7, 0)).astype(np.uint8), "P")
    indices.putpalette([value % 256 for value in range(3 * 16)])
    indices.save(tmp_path / "a.png")
    with pytest.raises(MaskError, match=r"a.png looks like a label map"):
        MaskFiles(tmp_path)
    np.testing.assert_array_equal(MaskFiles(tmp_path, label=15).mask("a.jpg", SIZE), LEFT)
    np.testing.assert_array_equal(MaskFiles(tmp_path, label=(21, 22, 23)).mask("a.jpg", SIZE), RIGHT)


def test_a_red_mask_with_a_soft_outline_is_no_label_map(tmp_path):
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[LEFT] = (255, 0, 0)
    for row, red in ((3, 64), (12, 128), (13, 32)):
        pixels[row, 2:10, 0] = red
    Image.fromarray(pixels).save(tmp_path / "a.png")
    expected = LEFT.copy()
    expected[12, 2:10] = True
    np.testing.assert_array_equal(MaskFiles(tmp_path).mask("a.jpg", SIZE), expected)
