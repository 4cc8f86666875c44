import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from segment import MaskError, MaskFiles
from segment.handover.labelme import read_labelme

HEIGHT, WIDTH = 40, 60
PATCH = np.array([[255, 0, 255], [255, 255, 255]], np.uint8)


def shape(kind: str | None, points, **changes) -> dict:
    content = {"label": "person", "points": points, "group_id": None, "shape_type": kind, "flags": {}}
    return content | changes


def document(*shapes, **changes) -> dict:
    content = {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "photo.jpg",
        "imageData": "not looked at",
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    }
    return content | changes


def encoded(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def read(tmp_path, *shapes, **changes):
    return read_labelme(document(*shapes, **changes), tmp_path / "photo.json", (HEIGHT, WIDTH))


def drawn(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("polygon", [[10, 5], [19, 5], [19, 14], [10, 14]]),
        (None, [[10, 5], [19, 5], [19, 14], [10, 14]]),  # as old versions have it
        ("rectangle", [[19, 14], [10, 5]]),
        ("oriented_rectangle", [[10, 5], [19, 5], [19, 14], [10, 14]]),
    ],
)
def test_areas(kind, points, tmp_path):
    found = read(tmp_path, shape(kind, points))
    np.testing.assert_array_equal(found.mask(0), drawn(slice(5, 15), slice(10, 20)))
    np.testing.assert_array_equal(found.boxes, [[10, 5, 20, 15]])


def test_circles_lines_and_points(tmp_path):
    found = read(
        tmp_path,
        shape("circle", [[30, 20], [30, 30]]),
        shape("line", [[10, 20], [50, 20]]),
        shape("linestrip", [[10, 10], [50, 10], [50, 30]]),
        shape("point", [[30, 20]]),
        shape("points", [[10, 10], [50, 30]]),
    )
    areas = [int(found.mask(index).sum()) for index in range(5)]
    assert areas[0] == pytest.approx(np.pi * 10.5**2, rel=0.06)
    assert areas[1] == pytest.approx(40 * 10, rel=0.06)
    assert areas[2] == pytest.approx(60 * 10, rel=0.15)
    assert areas[3] == pytest.approx(np.pi * 5.5**2, rel=0.06)
    assert areas[4] == 2 * areas[3]


@pytest.mark.parametrize(("left", "top"), [(10, 5), (-1, -1), (58, 39), (100, 5)])
def test_masks_inside_the_file(left, top, tmp_path):
    found = read(tmp_path, shape("mask", [[left, top], [left + 2, top + 1]], mask=encoded(PATCH)))
    expected = np.zeros((HEIGHT + 200, WIDTH + 200), bool)
    expected[top + 100 : top + 102, left + 100 : left + 103] = PATCH > 0
    np.testing.assert_array_equal(found.mask(0), expected[100 : 100 + HEIGHT, 100 : 100 + WIDTH])


def test_labels_are_classes(tmp_path):
    square = [[10, 5], [19, 14]]
    other = shape("rectangle", square, label="dog", score=0.25)
    (tmp_path / "photo.json").write_text(json.dumps(document(shape("rectangle", square), other)))
    files = MaskFiles(tmp_path)
    found = files.detections("photo.jpg", (HEIGHT, WIDTH))
    assert (found.labels, found.scores.tolist()) == (("person", "dog"), [1.0, 0.25])
    files.check_classes(["dog"])
    with pytest.raises(ValueError, match=r"photo\.json: unknown class 'dogg': did you mean 'dog'\?"):
        files.check_classes(["dogg"])
    assert files.detections("photo.jpg", (80, 120)).mask(0).sum() == pytest.approx(400, rel=0.1)


def test_no_label_anywhere_says_that_there_is_nothing(tmp_path):
    (tmp_path / "photo.json").write_text(json.dumps(document()))
    lines: list[str] = []
    files = MaskFiles(tmp_path / "photo.json", tell=lines.append)
    files.check_classes(["person"])
    assert lines[1:] == ["masks: no 'person' in 1 of 1 files looked at"]
    assert len(files.detections("photo.jpg", (HEIGHT, WIDTH))) == 0


def test_no_size_is_the_photos(tmp_path):
    found = read(tmp_path, shape("rectangle", [[10, 5], [19, 14]]), imageHeight=None, imageWidth=None)
    assert (found.height, found.width) == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            document(shape("cuboid", [[1, 1]])),
            r"shape 0: expected a shape_type among .*got 'cuboid'",
        ),
        (document(shape("polygon", [[1, 1], [2, 2]])), "expected at least 3 points"),
        (document(shape("circle", [[1, 1]])), "expected at least 2 points"),
        (document(shape("point", [[1, 1]], label=None)), "expected a shape with a label"),
        (document(None), "expected a shape with a label"),
        (document(shape("point", [[1]])), "expected points x, y"),
        (document(shape("point", {"x": 1})), "expected at least 1 points"),
        (document(shape("point", [[1, float("inf")]])), "expected numbers as coordinates, got inf"),
        (document(shape("point", [[1, 10**9]])), "the point 1, 1e.09 is far outside"),
        (document(shape("mask", [[1, 1], [2, 2]])), "expected a mask as base64 text"),
        (document(shape("mask", [[1, 1], [2, 2]], mask="AAAA")), "expected a PNG as base64 text"),
        (document(shape("mask", [[1, 1], [2, 2]], mask="*")), "expected a PNG as base64 text"),
        (
            document(shape("mask", [[1, 1], [2, 2]], mask=encoded(np.zeros((400, 400), np.uint8)))),
            "its mask has 400 x 400 pixels, more than the photo",
        ),
        (document(imageHeight=10**9), "it states 60 x 1000000000 pixels, more than 0.0384 million"),
        (document(imageHeight="40"), "expected a height and width in pixels"),
    ],
)
def test_broken_files(content, message, tmp_path):
    with pytest.raises(MaskError, match=message) as error:
        read_labelme(content, tmp_path / "photo.json", (HEIGHT, WIDTH))
    assert error.value.reason == "unreadable"
    assert str(error.value).startswith(str(tmp_path / "photo.json"))


def test_the_photo_that_a_file_names(tmp_path):
    """LabelMe names ../photos/x.jpg where its files lie apart, and another machine's folders."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "photos").mkdir()
    photo = tmp_path / "photos" / "photo.jpg"
    path = tmp_path / "labels" / "photo.json"
    square = shape("rectangle", [[10, 5], [19, 14]])

    def look_up(name: str):
        path.write_text(json.dumps(document(square, imagePath=name)))
        return MaskFiles(tmp_path / "labels").detections(photo, (HEIGHT, WIDTH))

    assert len(look_up("../photos/photo.jpg")) == 1
    assert len(look_up("..\\photos\\photo.jpg")) == 1
    assert len(look_up(str(photo))) == 1
    for name in ("../photo.jpg", "/etc/photo.jpg", "../else/photo.jpg", "C:\\data\\photo.jpg"):
        assert len(look_up(name)) == 1  # of another machine: only the last component counts
    for name in ("other.jpg", "../photos/photo.png", "D:\\photos\\photo2.jpg"):
        with pytest.raises(MaskError, match=r"expected the mask of .*photo\.jpg, found that of"):
            look_up(name)


def test_the_labelled_images_are_no_masks(tmp_path):
    (tmp_path / "photo.json").write_text(json.dumps(document(shape("rectangle", [[10, 5], [19, 14]]))))
    Image.new("RGB", (WIDTH, HEIGHT), (200, 90, 40)).save(tmp_path / "photo.jpg")
    files = MaskFiles(tmp_path)
    assert files.find("elsewhere/photo.jpg") == tmp_path / "photo.json"
    assert files.mask_entries == (tmp_path / "photo.json",)


def test_one_file_is_for_the_photo_it_names(tmp_path):
    (tmp_path / "any.json").write_text(json.dumps(document(shape("rectangle", [[10, 5], [19, 14]]))))
    files = MaskFiles(tmp_path / "any.json")
    assert files.mask("photo.jpg", (HEIGHT, WIDTH)).sum() == 100
    with pytest.raises(MaskError, match=r"expected the mask of other\.jpg, found that of photo\.jpg"):
        files.find("other.jpg")
