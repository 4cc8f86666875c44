"""--attached on the real command, with COCO annotations as detections, reading the pixels back."""

import json

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 120, 160
PERSON, SKATEBOARD, HANDBAG, CHAIR = (20, 60, 90, 80), (90, 50, 95, 90), (55, 80, 68, 88), (60, 120, 90, 140)
COLOURS = {"person": 255, "skateboard": (250, 20, 20), "handbag": (20, 250, 20), "chair": (20, 20, 250)}
OBJECTS = {"person": PERSON, "skateboard": SKATEBOARD, "handbag": HANDBAG, "chair": CHAIR}


@pytest.fixture
def photo(tmp_path):
    """Smooth ground with a box of its own colour for each object, and annotations.json beside it."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([rows // 2 + 40, columns // 2 + 20, rows // 4 + columns // 4 + 30], axis=2)
    entries = []
    for number, (name, (top, left, bottom, right)) in enumerate(OBJECTS.items(), start=1):
        pixels[top:bottom, left:right] = COLOURS[name]
        corners = [left, top, right, top, right, bottom, left, bottom]
        size = {"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)}
        entries.append({"id": number, "image_id": 1, "category_id": number, "iscrowd": 0, **size})
        entries[-1]["segmentation"] = [corners]
    content = {
        "images": [{"id": 1, "file_name": "photo.png", "height": HEIGHT, "width": WIDTH}],
        "annotations": entries,
        "categories": [{"id": number, "name": name} for number, name in enumerate(OBJECTS, start=1)],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    path = tmp_path / "photo.png"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def kept(path, name):
    """Share of an object that still has its colour."""
    top, left, bottom, right = OBJECTS[name]
    pixels = np.asarray(Image.open(path).convert("RGB"))
    return float((pixels[top:bottom, left:right] == COLOURS[name]).all(axis=2).mean())


@pytest.mark.parametrize(
    ("choice", "gone"),
    [
        ("all", {"person", "skateboard", "handbag"}),
        ("ridden", {"person", "skateboard"}),
        ("carried", {"person", "handbag"}),
        ("none", {"person"}),
    ],
)
def test_what_goes_along(invoke, photo, tmp_path, choice, gone):
    options = ("--masks", tmp_path / "annotations.json", "--class", "person", "--inpainter", "telea")
    result = invoke(*options, "--no-shadows", "--attached", choice, "--json", photo)
    assert result.exit_code == 0, result.output
    after = tmp_path / "photo.removed.png"
    # What stays beside the person loses no more than the margin around her.
    assert {name for name in OBJECTS if kept(after, name) == 0} == gone
    assert all(kept(after, name) > 0.3 for name in OBJECTS.keys() - gone)
    assert kept(after, "chair") == 1
    record = json.loads(result.stdout)
    assert {entry["label"] for entry in record["objects"]} == {"person"}
    assert {entry["label"] for entry in record["attached"]} == gone - {"person"}
    assert (record["parts"]["attached"] > 0) == (choice != "none")
    assert record["parts"]["shadow"] == 0


def test_nothing_goes_along_by_default_with_another_class(invoke, photo, tmp_path):
    options = ("--masks", tmp_path / "annotations.json", "--class", "chair", "--inpainter", "telea")
    result = invoke(*options, "--json", photo)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["attached"] == []
    assert kept(tmp_path / "photo.removed.png", "person") == 1


def test_the_line_names_what_went_along_and_the_sheet_shows_it(invoke, photo, tmp_path):
    options = ("--masks", tmp_path / "annotations.json", "--class", "person", "--inpainter", "telea")
    result = invoke(*options, "--compare", photo)
    assert result.exit_code == 0, result.output
    assert "removed 1 person with 1 skateboard, 1 handbag" in result.stdout
    sheet = np.asarray(Image.open(tmp_path / "photo.removed.compare.png").convert("RGB"))
    middle = sheet[:, WIDTH + 8 : 2 * WIDTH + 8].astype(int)
    assert middle[93, 55].argmax() == 1  # what is attached is green
    assert middle[40, 70].argmax() == 0  # objects are red
