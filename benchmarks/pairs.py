"""Pairs of a photo with an object and the same view without it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from postprocess.morphology import connected_to

CHANGED_LEVEL = 14.0
"""Levels by which a photo must differ from the empty view."""


@dataclass(frozen=True)
class Pair:
    """A photo with an object and the view without: image, clean uint8 (H, W, 3) RGB; object, changed, shadow
    bool (H, W), the last None where it is not known."""

    name: str
    image: np.ndarray
    clean: np.ndarray
    object: np.ndarray
    changed: np.ndarray
    shadow: np.ndarray | None

    @property
    def kind(self) -> str:
        return self.name.removeprefix("sbi_").split("_")[0]


def read_mask(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) > 127


def read_image(path: Path) -> np.ndarray:
    return cv2.cvtColor(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)


def read_pairs(data: Path) -> Iterator[Pair]:
    """The pairs of data/pairs and those of the fixed cameras in data/pairs2."""
    for pair in sorted((data / "pairs").iterdir()):
        shadow = pair / "shadow.png"
        yield Pair(
            pair.name,
            read_image(pair / "photo.png"),
            read_image(pair / "clean.png"),
            read_mask(pair / "object.png"),
            read_mask(pair / "changed.png"),
            read_mask(shadow) if shadow.exists() else None,
        )
    for pair in sorted((data / "pairs2").glob("sbi_*")):
        image, clean = read_image(pair / "photo.png"), read_image(pair / "clean.png")
        mask = read_mask(pair / "object.png")
        yield Pair(pair.name, image, clean, mask, changed_from(image, clean, mask), None)


def changed_from(photo: np.ndarray, clean: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What differs between a photo and the view without the object, and hangs together with it: bool (H, W).

    photo, clean: uint8 (H, W, 3). mask: bool (H, W), the object. The light is matched outside it; a
    difference counts from CHANGED_LEVEL on, or from five times the usual one.
    """
    seen, empty = (cv2.GaussianBlur(view.astype(np.float32), (0, 0), 1.0) for view in (photo, clean))
    away = ~dilated(mask, 15)
    gain = np.median((seen[away] + 1) / (empty[away] + 1), axis=0)
    difference = np.abs(seen - empty * gain).max(axis=2)
    level = max(CHANGED_LEVEL, 5 * float(np.median(difference[away])))
    found = (difference > level).view(np.uint8)
    opened = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) | mask
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return connected_to(mask, closed.view(bool) | mask, connectivity=8)


def dilated(mask: np.ndarray, radius_px: int) -> np.ndarray:
    """Plain dilation by an ellipse, what everybody does today."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel).view(bool)
