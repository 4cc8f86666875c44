import json

import numpy as np
import pytest
from PIL import Image

from removal.handover.check import CheckOptions, HandOverSummary, check_photo, check_photos
from removal.images import PhotoError
from removal.images.size import read_size
from segment import CocoMasks, MaskFiles

SIZE = (24, 32)
MASK = np.zeros(SIZE, bool)
MASK[8:16, 10:20] = True
GREY = np.where(MASK, 255, 0).astype(np.uint8)


@pytest.fixture
def photos(tmp_path):
    """Photos a.jpg to f.jpg, and c.jpg shown turned to the right."""
    (tmp_path / "photos").mkdir()
    for name in "abcdef":
        image, exif = Image.new("RGB", (32, 24), (90, 120, 60)), Image.Exif()
        exif[0x0112] = 6 if name == "c" else 1
        image.save(tmp_path / "photos" / f"{name}.jpg", exif=exif)
    return sorted((tmp_path / "photos").iterdir())


@pytest.fixture
def team(tmp_path):
    """a as it is, b half size, c of the stored pixels, d empty, e damaged, x of no photo; none of f."""
    folder = tmp_path / "team"
    folder.mkdir()
    for name, levels in (("a", GREY), ("b", GREY[::2, ::2]), ("c", GREY), ("d", GREY * 0), ("x", GREY)):
        Image.fromarray(levels).save(folder / f"{name}.png")
    (folder / "e.png").write_text("text")
    return folder


def test_read_size(photos, tmp_path):
    assert read_size(photos[0]) == (24, 32, 1)
    assert read_size(photos[2]) == (32, 24, 6)
    (tmp_path / "text.jpg").write_text("text")
    with pytest.raises(PhotoError, match=r"text\.jpg: is not a photo; .* can be read"):
        read_size(tmp_path / "text.jpg")
    with pytest.raises(FileNotFoundError):
        read_size(tmp_path / "missing.jpg")


def test_each_photo(photos, team):
    files = MaskFiles(team)
    checks = list(check_photos(files, photos, CheckOptions(), workers=3))
    assert [check.photo for check in checks] == photos
    assert [check.status for check in checks] == ["marked"] * 3 + ["empty", "unreadable", "missing"]
    assert [check.fails for check in checks] == [False] * 3 + [True] * 3
    assert [check.size for check in checks[:4]] == ["same", "scaled", "turned", None]
    assert checks[0].coverage == pytest.approx(80 / 768)
    assert checks[0].file == team / "a.png"
    assert "e.png cannot be read" in checks[4].message
    assert json.loads(json.dumps(checks[0].record()))["coverage"] == pytest.approx(0.104167)
    assert "iou" not in checks[0].record()


def test_the_whole(photos, team):
    files, summary = MaskFiles(team), HandOverSummary()
    for check in check_photos(files, photos, CheckOptions()):
        summary.add(check, files)
    record = summary.record(files)
    assert (record["photos"], record["failing"]) == (6, 3)
    assert record["statuses"] == {"marked": 3, "empty": 1, "unreadable": 1, "missing": 1}
    assert record["sizes"] == {"same": 1, "scaled": 1, "turned": 1}
    assert record["unmatched"] == [str(team / "x.png")]
    assert record["shared"] == []
    assert record["polarity"] == {"white": "remove", "known": "found", "threshold": 127}
    assert record["means"]["coverage"] == pytest.approx(80 / 768, rel=0.1)
    json.dumps(record)


def test_empty_masks_that_are_allowed(photos, team):
    check = check_photo(MaskFiles(team, allow_empty=True), photos[3], CheckOptions())
    assert (check.status, check.fails, check.coverage) == ("empty", False, 0.0)


def test_against_annotations(photos, team, tmp_path):
    """The annotated box is 10 x 8 pixels and 5 further to the right: half of it is covered, half spilt."""
    box = [15, 8, 25, 8, 25, 16, 15, 16]
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 24, "width": 32}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [box]},
            {"id": 2, "image_id": 1, "category_id": 2, "segmentation": [[0, 0, 32, 0, 32, 24, 0, 24]]},
        ],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    truth = CocoMasks(tmp_path / "instances.json")
    check = check_photo(MaskFiles(team), photos[0], CheckOptions(truth=truth, truth_classes=("person",)))
    assert (check.iou, check.leak, check.spill) == pytest.approx((40 / 120, 0.5, 0.5))
    missing = check_photo(MaskFiles(team), photos[1], CheckOptions(truth=truth))
    assert (missing.status, missing.fails, missing.iou) == ("marked", False, None)
    assert "not compared: expected one image for" in missing.message  # the annotations lack it


def test_a_coco_file(photos, tmp_path):
    content = {
        "images": [
            {"id": number, "file_name": f"{name}.jpg", "height": 24, "width": 32}
            for number, name in enumerate("abz")
        ],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 1, "segmentation": [[10, 8, 20, 8, 20, 16, 10, 16]]}
        ],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    files, summary = MaskFiles(tmp_path / "instances.json"), HandOverSummary()
    checks = [check_photo(files, photo, CheckOptions(("person",))) for photo in photos[:3]]
    assert [check.status for check in checks] == ["marked", "nothing", "missing"]
    assert [check.fails for check in checks] == [False, False, True]
    for check in checks:
        summary.add(check, files)
    assert summary.unmatched(files) == ["z.jpg"]
    assert "polarity" not in summary.record(files)


def test_one_mask_for_several_photos(photos, team, tmp_path):
    (tmp_path / "photos" / "more").mkdir()
    twin = tmp_path / "photos" / "more" / "a.jpg"
    twin.write_bytes(photos[0].read_bytes())
    files, summary = MaskFiles(team), HandOverSummary()
    for photo in (photos[0], twin):
        summary.add(check_photo(files, photo, CheckOptions()), files)
    assert summary.shared() == [f"{team / 'a.png'}: {photos[0]}, {twin}"]


def test_photos_that_cannot_be_read(team, tmp_path):
    (tmp_path / "a.jpg").write_text("text")
    check = check_photo(MaskFiles(team), tmp_path / "a.jpg", CheckOptions())
    assert (check.status, check.fails) == ("photo", True)
    check = check_photo(MaskFiles(team), tmp_path / "missing.jpg", CheckOptions())
    assert check.message.endswith("missing.jpg: no such file")


def test_a_list_that_covers_everything(photos, tmp_path):
    """As Segment-Anything's own output does."""
    entry = {"segmentation": {"size": [24, 32], "counts": [0, 768]}, "predicted_iou": 0.9}
    (tmp_path / "a.json").write_text(json.dumps([entry]))
    check = check_photo(MaskFiles(tmp_path / "a.json"), photos[0], CheckOptions())
    assert (check.status, check.fails) == ("polarity", True)
    assert "cover the whole photo" in check.message
