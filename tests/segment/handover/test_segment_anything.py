import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from segment import MaskError, MaskFiles

HEIGHT, WIDTH = 20, 30
COLUMNS = (
    "id,area,bbox_x0,bbox_y0,bbox_w,bbox_h,point_input_x,point_input_y,predicted_iou,stability_score,"
    "crop_box_x0,crop_box_y0,crop_box_w,crop_box_h"
)
LEFT, RIGHT = np.zeros((HEIGHT, WIDTH), bool), np.zeros((HEIGHT, WIDTH), bool)
LEFT[5:10, 2:8], RIGHT[4:16, 20:26] = True, True


@pytest.fixture
def folder(tmp_path):
    """As the automatic mask generator's script writes it: out/STEM/0.png ... and metadata.csv."""
    for stem in ("street", "0"):
        here = tmp_path / "out" / stem
        here.mkdir(parents=True)
        rows = [COLUMNS]
        for number, (mask, score) in enumerate(((LEFT, 1.01), (RIGHT, 0.4))):
            Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(here / f"{number}.png")
            rows.append(f"{number},{mask.sum()},0,0,1,1,3.5,4.5,{score},0.97,0,0,{WIDTH},{HEIGHT}")
        (here / "metadata.csv").write_text("\n".join(rows))
    return tmp_path / "out"


def entry(mask: np.ndarray, **changes) -> dict:
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    content = {
        "segmentation": {"size": list(mask.shape), "counts": rle["counts"].decode()},
        "area": int(mask.sum()),
        "bbox": [0, 0, 1, 1],
        "predicted_iou": 0.9,
        "stability_score": 0.95,
        "point_coords": [[3.5, 4.5]],
        "crop_box": [0, 0, WIDTH, HEIGHT],
    }
    return content | changes


def test_a_folder_per_photo(folder):
    files = MaskFiles(folder)
    found = files.detections("photos/street.jpg", (HEIGHT, WIDTH))
    assert found.labels == ("object", "object")
    assert found.scores.tolist() == pytest.approx([1.0, 0.4])
    np.testing.assert_array_equal(found.mask(0), LEFT)
    np.testing.assert_array_equal(found.mask(1), RIGHT)
    np.testing.assert_array_equal(found.boxes, [[2, 5, 8, 10], [20, 4, 26, 16]])
    assert files.find("0.jpg") == folder / "0" / "metadata.csv"  # and not the first object of another
    with pytest.raises(MaskError, match="found none"):
        files.find("1.jpg")
    with pytest.raises(ValueError, match="carry no classes, but person was asked for"):
        files.check_classes(["person"])


def test_the_folder_of_one_photo(folder):
    files = MaskFiles(folder / "street")
    assert files.mask("any.jpg", (2 * HEIGHT, 2 * WIDTH)).sum() == pytest.approx(4 * 102, rel=0.1)


def test_objects_are_chosen_by_deleting_the_others(folder):
    (folder / "street" / "0.png").unlink()
    found = MaskFiles(folder).detections("street.jpg", (HEIGHT, WIDTH))
    assert found.scores.tolist() == pytest.approx([0.4])
    np.testing.assert_array_equal(found.union(), RIGHT)


def test_broken_folders(folder):
    files = MaskFiles(folder)

    def refusal() -> str:
        with pytest.raises(MaskError) as error:
            files.detections("street.jpg", (HEIGHT, WIDTH))
        return str(error.value)

    Image.fromarray(LEFT).save(folder / "street" / "7.png")
    assert "7.png has no line in metadata.csv" in refusal()
    (folder / "street" / "7.png").unlink()
    Image.fromarray(LEFT[:8]).save(folder / "street" / "1.png")
    assert "have different sizes: [(8, 30), (20, 30)]" in refusal()
    (folder / "street" / "1.png").write_text("text")
    assert "1.png cannot be read" in refusal()
    for number in (0, 1):
        (folder / "street" / f"{number}.png").unlink()
    assert "lists masks, but none of their PNG files is there" in refusal()
    (folder / "street" / "metadata.csv").write_text(COLUMNS + "\n0,1,0,0,1,1,1,1,much,0,0,0,1,1")
    assert "metadata.csv cannot be read" in refusal()
    (folder / "street" / "metadata.csv").write_text(COLUMNS)
    assert len(files.detections("street.jpg", (HEIGHT, WIDTH))) == 0  # nothing was found


@pytest.mark.parametrize("kind", ["list", "SA-1B", "lengths"])
def test_json(kind, tmp_path):
    content: object = [entry(LEFT, predicted_iou=1.02), entry(RIGHT)]
    if kind == "SA-1B":
        image = {"image_id": 1, "width": WIDTH, "height": HEIGHT, "file_name": "street.jpg"}
        content = {"image": image, "annotations": content}
    if kind == "lengths":
        lengths = [int(LEFT.T.ravel().argmax())]
        for _ in range(6):
            lengths += [5, 15]
        lengths[-1] = HEIGHT * WIDTH - sum(lengths[:-1])
        content = [entry(LEFT, segmentation={"size": [HEIGHT, WIDTH], "counts": lengths}), entry(RIGHT)]
    (tmp_path / "street.json").write_text(json.dumps(content))
    for path in (tmp_path, tmp_path / "street.json"):
        found = MaskFiles(path).detections("street.jpg", (HEIGHT, WIDTH))
        np.testing.assert_array_equal(found.mask(0), LEFT)
        np.testing.assert_array_equal(found.union(), LEFT | RIGHT)
        assert found.scores.max() <= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([entry(LEFT), entry(LEFT[:8])], r"mask 1: expected run lengths"),
        ([entry(LEFT, segmentation=None)], "mask 0: expected run lengths with their size"),
        ([entry(LEFT, segmentation={"size": [10**9, 10**9], "counts": "0"})], "more than 300 million"),
        ([entry(LEFT, predicted_iou="high")], "expected a score"),
        ({"image": {"height": 0, "width": 5}, "annotations": []}, "expected a height and width in pixels"),
        (
            {"image": {"height": 20, "width": 30, "file_name": "../road.jpg"}, "annotations": []},
            r"expected the mask of street\.jpg, found that of road\.jpg",
        ),
    ],
)
def test_broken_json(content, message, tmp_path):
    (tmp_path / "street.json").write_text(json.dumps(content))
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(MaskError, match=message):
        MaskFiles(tmp_path).detections("street.jpg", (HEIGHT, WIDTH))
