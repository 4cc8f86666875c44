"""Small data sets of drawn photos for evaluations, each with its own oddities."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

HEIGHT, WIDTH = 48, 64
PERSON, DOG = 900, 7  # category ids: neither in order nor without gaps


def drawn_photo(number, *, white=None):
    """A coloured ground with some grain, uint8 (48, 64, 3); white where `white`, bool (48, 64), says."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    grain = np.random.default_rng(number).integers(0, 24, (HEIGHT, WIDTH, 3))
    pixels = np.stack([rows * 2 + 40, cols * 2 + 20, rows + cols + number], axis=2) + grain
    pixels = pixels.astype(np.uint8)
    if white is not None:
        pixels[white] = 255
    return pixels


def box_mask(left, top, width, height):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + height, left : left + width] = True
    return mask


class CocoSet:
    """A COCO folder being drawn: photos are added, then `write` makes `instances.json`."""

    def __init__(self, folder: Path):
        self.folder, self.images = folder, folder / "images"
        self.content = {
            "images": [],
            "annotations": [],
            "categories": [{"id": PERSON, "name": "person"}, {"id": DOG, "name": "dog"}],
        }

    def photo(self, number, name, *, persons=(), dogs=(), crowds=(), mode="RGB", there=True):
        """Adds a photo with objects in boxes (left, top, width, height)."""
        white = np.zeros((HEIGHT, WIDTH), bool)
        for category, boxes, crowd in ((PERSON, persons, 0), (DOG, dogs, 0), (PERSON, crowds, 1)):
            for box in boxes:
                white |= box_mask(*box)
                self.annotation(number, category, box, crowd)
        self.content["images"].append({"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH})
        if there:
            path = self.images / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawn_photo(number, white=white)).convert(mode).save(path)
        return self

    def annotation(self, number, category, box, crowd=0, segmentation=None):
        left, top, width, height = box
        if segmentation is None and crowd:
            rle = coco_mask.encode(np.asfortranarray(box_mask(*box).astype(np.uint8)))
            segmentation = {"size": rle["size"], "counts": rle["counts"].decode()}
        corners = [left, top, left + width, top, left + width, top + height, left, top + height]
        self.content["annotations"].append(
            {
                "id": 5000 - len(self.content["annotations"]),
                "image_id": number,
                "category_id": category,
                "bbox": list(box),
                "area": width * height,
                "iscrowd": crowd,
                "segmentation": segmentation or [corners],
            }
        )

    def write(self):
        self.images.mkdir(parents=True, exist_ok=True)
        path = self.folder / "instances.json"
        path.write_text(json.dumps(self.content))
        return path


@pytest.fixture
def coco_set(tmp_path):
    """An empty COCO folder to add photos to."""
    return CocoSet(tmp_path / "coco")


@pytest.fixture
def small_coco(coco_set):
    """Three photos with people (ids 30, 4, 17), two without, one of them without any annotation."""
    coco_set.photo(30, "c.png", persons=[(10, 8, 12, 30)])
    coco_set.photo(4, "a.png", persons=[(4, 10, 10, 20), (40, 12, 12, 28)], dogs=[(22, 30, 10, 10)])
    coco_set.photo(17, "sub/b.png", crowds=[(30, 6, 20, 20)], persons=[(6, 6, 10, 30)])
    coco_set.photo(99, "empty.png")
    coco_set.photo(2, "dog.png", dogs=[(20, 20, 16, 16)])
    coco_set.write()
    return coco_set


@pytest.fixture
def holes_set(tmp_path):
    """Two photos without people and a hole each."""
    for folder in ("photos", "holes"):
        (tmp_path / folder).mkdir()
    for number, box in ((1, (20, 12, 20, 24)), (2, (8, 8, 16, 32))):
        Image.fromarray(drawn_photo(number)).save(tmp_path / f"photos/{number}.png")
        Image.fromarray(box_mask(*box)).save(tmp_path / f"holes/{number}.png")
    return tmp_path


@pytest.fixture
def pairs_set(tmp_path):
    """Two pairs: a white box on the ground with a dark strip, its shadow, below."""
    for number, left in ((1, 20), (2, 34)):
        folder = tmp_path / f"pairs/scene_{number}"
        folder.mkdir(parents=True)
        thing, shadow = box_mask(left, 8, 12, 24), box_mask(left, 32, 20, 6)
        clean = drawn_photo(number)
        photo = drawn_photo(number, white=thing)
        photo[shadow] //= 2
        pictures = {"photo": photo, "clean": clean, "object": thing, "changed": thing | shadow}
        for name, picture in (pictures | ({"shadow": shadow} if number == 1 else {})).items():
            Image.fromarray(picture).save(folder / f"{name}.png")
    return tmp_path / "pairs"
