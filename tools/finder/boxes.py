"""Photos of which the boxes of all people are known, and no outlines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from tools.finder.photos import CROWD, IGNORE, UNKNOWN, Cutout, Labelled, cut_out, read_rgb, shrink
from tools.finder.splits import Split, boxes_splits

PEOPLE_OF_A_CROWD = 3  # middles of other, smaller boxes that make a box one around a crowd
MOST_DOUBT = 0.06  # of a box: people with more pixels that are not known are not pasted


def box_paths(data: Path, split: Split) -> Iterator[tuple[Path, np.ndarray]]:
    """Photos of `people_boxes` and the boxes of their people, float32 (N, 4) xyxy in px."""
    for name in ("coco_val", "coco_val_more"):
        folder = data / "people_boxes" / name
        boxes = json.loads((folder / "boxes.json").read_text()) if folder.is_dir() else {}
        paths = {p.stem: p for p in sorted((folder / "images").glob("*.jpg")) if p.stem in boxes}
        splits = boxes_splits(paths) if name == "coco_val" else dict.fromkeys(paths, "train")
        for stem, path in paths.items():
            if splits[stem] == split:
                yield path, np.array(boxes[stem], np.float32).reshape(-1, 4)


def shrunk_boxes(image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    (small,) = shrink(image)
    scale = np.array(small.shape[1::-1]) / np.array(image.shape[1::-1])
    return small, (boxes * np.tile(scale, 2)).astype(np.float32)


def load_boxed(data: Path, pseudo: Path | None) -> list[Labelled]:
    """The boxed photos that train. pseudo: folder of what `pseudo_masks` wrote; None = boxes alone."""
    images = []
    for path, boxes in box_paths(data, "train"):
        image, boxes = shrunk_boxes(read_rgb(path), boxes)
        label = boxes_label(image.shape[:2], boxes)
        single = ~crowds(boxes)
        people = np.zeros(label.shape, np.int16)
        if pseudo is not None:
            label, people = read_pseudo(pseudo, path.stem, label.shape, single)
        people[label == IGNORE] = UNKNOWN
        outside = boxes_label(label.shape, boxes[single]) == 0
        for box in boxes[~single]:
            part = pixel_box(box, label.shape)
            people[part][outside[part]] = CROWD
        images.append(Labelled(image, label, people, path.name, boxes[single]))
    return images


def read_pseudo(
    folder: Path, stem: str, size: tuple[int, ...], single: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Label and numbers that `pseudo_masks` wrote; numbers count the boxes that are `single`, bool (N,)."""
    label = cv2.imread(str(folder / f"{stem}.png"), cv2.IMREAD_GRAYSCALE)
    numbers = cv2.imread(str(folder / f"{stem}_people.png"), cv2.IMREAD_UNCHANGED)
    if label is None or numbers is None or label.shape != size:
        raise ValueError(f"{folder} has no mask for the photo {stem}: run tools.finder.pseudo_masks")
    renumbered = np.concatenate([[0], np.where(single, np.cumsum(single), UNKNOWN)])
    return label, renumbered[numbers].astype(np.int16)


def boxed_cutouts(photo: Labelled) -> list[Cutout]:
    """The people of a boxed photo of whom almost every pixel is known and whom its rim does not cut."""
    found = []
    height, width = photo.label.shape
    for number, box in enumerate(photo.boxes if photo.boxes is not None else (), 1):
        part = pixel_box(box, photo.label.shape)
        whole = (box[:2] > 1).all() and box[2] < width - 1 and box[3] < height - 1
        if whole and (photo.label[part] == IGNORE).mean() < MOST_DOUBT:
            found.append(cut_out(photo.image, photo.people == number))
    return [cutout for cutout in found if cutout is not None]


def crowds(boxes: np.ndarray) -> np.ndarray:
    """bool (N,): the boxes (N, 4) that hold the middles of several others, each under a third of its area."""
    middles = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2  # of the other boxes, (N, 1, 2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    inside = (middles > boxes[None, :, :2]).all(2) & (middles < boxes[None, :, 2:]).all(2)
    others: np.ndarray = (inside & (area[:, None] < area[None] / 3)).sum(0)
    return np.asarray(others >= PEOPLE_OF_A_CROWD)


def pixel_box(box: np.ndarray, size: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns that a box touches."""
    left, top = np.floor(np.maximum(box[:2], 0)).astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    return slice(top, min(bottom, size[0])), slice(left, min(right, size[1]))


def boxes_label(size: tuple[int, ...], boxes: np.ndarray) -> np.ndarray:
    label = np.zeros(size, np.uint8)
    for box in boxes:
        label[pixel_box(box, size)] = IGNORE
    return label
