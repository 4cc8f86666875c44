"""Photos to learn finding people from, read from a data folder: labelled ones, and ones without people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pycocotools.coco import COCO

from tools.finder.splits import (
    Split,
    coco_more_split,
    coco_split,
    empty_split,
    set_split,
)

STORED_SHORT_SIDE = 288
PERSON, IGNORE = 255, 128
UNKNOWN = -1  # instance: a person, or maybe several
CROWD = -2  # instance: in a box around many people
TRUSTED_MARGIN_PX = 12  # beyond this distance from the person a bystander may be labelled 0
ONE_PERSON = ("ccp", "ccp_extra", "p3m_demo", "davis")


@dataclass(frozen=True)
class Labelled:
    """image uint8 (H, W, 3) RGB; label uint8 (H, W): 255 person, 0 not, 128 not known; people int16 (H, W):
    the person's number from 1 on, 0 where nobody is, UNKNOWN or CROWD where it is not known which; boxes
    float32 (N, 4) xyxy of all people where they alone are known, None where the label says it.
    """

    image: np.ndarray
    label: np.ndarray
    people: np.ndarray
    name: str
    boxes: np.ndarray | None = None


@dataclass(frozen=True)
class Cutout:
    """A thing to paste: image uint8 (H, W, 3), alpha uint8 (H, W)."""

    image: np.ndarray
    alpha: np.ndarray


def read_rgb(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"cannot read the photo {path}")
    return np.ascontiguousarray(image[..., ::-1])


def shrink(image: np.ndarray, *maps: np.ndarray) -> tuple[np.ndarray, ...]:
    """The photo and its maps at a short side of at most STORED_SHORT_SIDE, for those that train."""
    scale = STORED_SHORT_SIDE / min(image.shape[:2])
    if scale >= 1:
        return image, *maps
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return image, *(cv2.resize(m, image.shape[1::-1], interpolation=cv2.INTER_NEAREST) for m in maps)


def cut_out(image: np.ndarray, mask: np.ndarray, margin: int = 4) -> Cutout | None:
    rows, cols = np.nonzero(mask)
    if len(rows) < 600:
        return None
    top, bottom = max(rows.min() - margin, 0), rows.max() + margin + 1
    left, right = max(cols.min() - margin, 0), cols.max() + margin + 1
    alpha = mask[top:bottom, left:right].astype(np.uint8) * 255
    return Cutout(np.ascontiguousarray(image[top:bottom, left:right]), cv2.GaussianBlur(alpha, (3, 3), 0))


def trusted_label(label: np.ndarray) -> np.ndarray:
    """Label whose zeros far from the person become "not known": a bystander may stand there."""
    distance = cv2.distanceTransform((label != PERSON).astype(np.uint8), cv2.DIST_L2, 3)
    return np.where((label == 0) & (distance > TRUSTED_MARGIN_PX), IGNORE, label).astype(np.uint8)


def load_coco(folder: Path, split: Split) -> tuple[list[Labelled], list[Cutout], list[Cutout]]:
    """Labelled images of one split, with cut-outs of their people and of their other objects."""
    coco = COCO()
    coco.dataset = json.loads((folder / "instances.json").read_text())
    coco.createIndex()
    person_id = next(c["id"] for c in coco.dataset["categories"] if c["name"] == "person")
    images: list[Labelled] = []
    people: list[Cutout] = []
    things: list[Cutout] = []
    for info in coco.dataset["images"]:
        if coco_split(info["id"]) != split:
            continue
        image = read_rgb(folder / "images" / info["file_name"])
        annotations = coco.imgToAnns[info["id"]]
        masks = [coco.annToMask(annotation).astype(bool) for annotation in annotations]
        for annotation, mask in zip(annotations, masks, strict=True):
            cutout = None if annotation["iscrowd"] or split != "train" else cut_out(image, mask)
            if cutout is not None:
                (people if annotation["category_id"] == person_id else things).append(cutout)
        persons = [
            (mask, bool(annotation["iscrowd"]))
            for annotation, mask in zip(annotations, masks, strict=True)
            if annotation["category_id"] == person_id
        ]
        label, numbers = coco_maps(image.shape[:2], persons)
        if split == "train":
            image, label, numbers = shrink(image, label, numbers)
        images.append(Labelled(image, label, numbers, info["file_name"]))
    return images, people, things


def coco_maps(size: tuple[int, ...], persons: list[tuple[np.ndarray, bool]]) -> tuple[np.ndarray, np.ndarray]:
    """Label and numbers from (mask, is a crowd) pairs; what a smaller person covers is the smaller one's."""
    label, numbers = np.zeros(size, np.uint8), np.zeros(size, np.int16)
    for mask, crowd in persons:
        if crowd:
            label[mask], numbers[mask] = IGNORE, UNKNOWN
    single = sorted((mask for mask, crowd in persons if not crowd), key=lambda m: -int(m.sum()))
    for number, mask in enumerate(single, 1):
        label[mask], numbers[mask] = PERSON, number
    return label, numbers


def load_set(folder: Path, split: Split) -> list[Labelled]:
    """One split of a set of `people/`."""
    paths = sorted((folder / "images").glob("*.jpg"))
    images = []
    for index, path in enumerate(paths):
        if folder.name == "coco_more":
            found = coco_more_split(int(path.stem))
        else:
            found = set_split(folder.name, index, len(paths))
        if found != split:
            continue
        label = cv2.imread(str(folder / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        if label is None:
            raise ValueError(f"no mask for the photo {path}")
        image = read_rgb(path)
        if split == "train":
            image, label = shrink(image, label)
        number = 1 if folder.name in ONE_PERSON else UNKNOWN
        people = np.where(label == PERSON, number, np.where(label == IGNORE, UNKNOWN, 0)).astype(np.int16)
        images.append(Labelled(image, label, people, f"{folder.name}/{path.name}"))
    return images


def load_empty(data: Path, split: Split, with_people: set[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Names and photos without people; `with_people` names those that show some all the same."""
    folders = sorted(p for p in (data / "nopeople").glob("*") if p.is_dir())
    for folder in folders:
        for path in sorted(p for p in folder.iterdir() if p.suffix in (".jpg", ".png")):
            name = f"{folder.name}/{path.name}"
            if empty_split(name) == split and path.name not in with_people:
                image = read_rgb(path)
                yield name, shrink(image)[0] if split == "train" else image
    for folder_name in ("train", "photos") if split == "train" else ():
        for path in sorted((data / folder_name).glob("*.jpg")):
            if path.name not in with_people:
                yield f"{folder_name}/{path.name}", shrink(read_rgb(path))[0]
