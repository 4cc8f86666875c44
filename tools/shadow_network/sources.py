"""Cut-outs of people and things, and views to put them on, kept small in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pycocotools.coco import COCO

from benchmarks.shadows import marked_outlines

CUT_PX = 120
"""Longest side of a cut-out."""
VIEW_PX = 300
"""Longest side of a view."""
PERSON_LEVEL = 200
KEPT_APART = 8
"""One cut-out, one view and one quiet photo in as many is kept for validation, by its name."""
FULL_LENGTH = ("ccp", "ccp_extra", "pelota", "coco_extra", "ochuman_sample")
THINGS = (
    1,
    2,
    3,
    4,
    6,
    8,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    25,
    15,
    27,
    31,
    33,
    62,
    44,
    47,
    64,
    11,
    13,
    37,
    41,
    36,
)
"""COCO's categories that stand on the ground."""


@dataclass(frozen=True, eq=False)
class Cut:
    """photo: uint8 (h, w, 3) RGB. cover: float32 (h, w), 0 to 1. whole: nothing of it is cut off below."""

    photo: np.ndarray
    cover: np.ndarray
    whole: bool


def is_apart(name: str) -> bool:
    """Whether what has this name belongs to validation."""
    return zlib.crc32(name.encode()) % KEPT_APART == 0


def marked_names() -> set[str]:
    """Photos that benchmarks/shadows.py measures: nothing of them is learned from."""
    return {name for _, name in marked_outlines()}


def read(path: Path) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR))[..., ::-1])


def people_cuts(data: Path, *, apart: bool) -> list[Cut]:
    """People of the labelled sets; of several in a photo those who stand apart."""
    marked, cuts = marked_names(), []
    for folder in FULL_LENGTH:
        for path in sorted((data / "people" / folder / "images").iterdir()):
            if path.stem in marked or is_apart(path.stem) is not apart:
                continue
            levels = cv2.imread(str(path.parents[1] / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
            if levels is not None:
                cuts += _parts(read(path), levels > PERSON_LEVEL)
    return cuts


def thing_cuts(data: Path, *, apart: bool) -> list[Cut]:
    """Things of COCO's photos that show nobody (those with people are what is measured)."""
    annotations = COCO(str(data / "coco" / "instances.json"))
    busy = set(annotations.getImgIds(catIds=[1]))
    found = annotations.loadAnns(annotations.getAnnIds(catIds=list(THINGS), iscrowd=False))
    cuts = []
    for thing in found:
        image = annotations.loadImgs(thing["image_id"])[0]
        name = image["file_name"]
        if image["id"] in busy or thing["area"] < 2500 or is_apart(name) is not apart:
            continue
        cuts += _parts(read(data / "coco" / "images" / name), annotations.annToMask(thing) > 0)
    return cuts


def _parts(photo: np.ndarray, mask: np.ndarray) -> list[Cut]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    cuts = []
    for index in range(1, count):
        x, y, width, height, area_px = stats[index].tolist()
        if height < 40 or area_px < 900 or width > 4 * height:
            continue
        if x <= 1 or y <= 1 or x + width >= mask.shape[1] - 1:
            continue
        box = (slice(y, y + height), slice(x, x + width))
        scale = min(1.0, CUT_PX / max(width, height))
        size = (max(4, round(width * scale)), max(4, round(height * scale)))
        cover = (labels[box] == index).astype(np.float32)
        cover = cv2.resize(cover, size, interpolation=cv2.INTER_AREA)
        whole = y + height < mask.shape[0] - 1
        cuts.append(Cut(cv2.resize(photo[box], size, interpolation=cv2.INTER_AREA), cover, whole))
    return cuts


def views(data: Path, *, apart: bool) -> list[np.ndarray]:
    """Photos without people, uint8 (h, w, 3)."""
    found = []
    for path in _view_paths(data):
        if is_apart(path.stem) is apart:
            photo = read(path)
            scale = VIEW_PX / max(photo.shape[:2])
            found.append(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return found


def _view_paths(data: Path) -> Iterator[Path]:
    for folder in sorted((data / "nopeople").iterdir()):
        yield from sorted(folder.glob("*.jpg"))[:: 3 if folder.name in ("animals", "bsds") else 1]
    yield from sorted((data / "photos").iterdir())
    yield from sorted((data / "train").iterdir())[::6]
