"""Noise that replaces pixels."""

from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.damage.contract import Range, check_range, drawn_px
from inpaint.training.damage.covers import Cover, enlarged


@dataclass(frozen=True)
class Noise(Cover):
    """Grains anywhere in the photo, or within a part of it: salt and pepper, grey or coloured.

    area: share of the photo that grains take, in [0, 0.9], drawn for each photo.
    grain: side of a grain, a share in [0, 0.1] of the shorter side, at least 1 px (1 to 3 px of 256).
    patches: share in [0, 1] of the photos in which the grains keep to one upright ellipse, the more densely.
    opacity: of grains, in [0, 1], drawn for each photo.
    """

    area: Range = (0.02, 0.25)
    grain: Range = (0.0, 0.012)
    patches: float = 0.5
    opacity: Range = (0.6, 1.0)

    def __post_init__(self) -> None:
        check_range("area", self.area, 0, 0.9)
        check_range("grain", self.grain, 0, 0.1)
        check_range("patches", (self.patches, self.patches), 0, 1)
        check_range("opacity", self.opacity, 0, 1)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        height, width = image.shape[:2]
        grain_px = drawn_px(rng, self.grain, min(height, width))
        rows, columns = -(-height // grain_px), -(-width // grain_px)
        share = rng.uniform(*self.area)
        density = np.full((rows, columns), share, np.float32)
        if rng.uniform() < self.patches:
            patch = _ellipse(rows, columns, rng)
            # Where the ellipse is too small for the area, it is full of grains and the area is not reached.
            density = patch * np.float32(min(1.0, share / max(patch.mean(), 1e-6)))
        grains = (rng.random((rows, columns), np.float32) < density).astype(np.float32)
        mask = enlarged(grains * np.float32(rng.uniform(*self.opacity)), grain_px)[:height, :width]
        content = enlarged(_colours(rows, columns, rng), grain_px)[:height, :width]
        return content, np.ascontiguousarray(mask)


def _ellipse(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (rows, columns), 1 within an ellipse of a quarter to all of each side."""
    patch = np.zeros((rows, columns), np.float32)
    centre = int(rng.integers(columns)), int(rng.integers(rows))
    axes = max(1, int(columns * rng.uniform(0.25, 0.6))), max(1, int(rows * rng.uniform(0.25, 0.6)))
    cv2.ellipse(patch, centre, axes, 0, 0, 360, 1.0, -1)
    return patch


def _colours(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """uint8 (rows, columns, 3): black and white, greys or any colours."""
    kind = int(rng.integers(3))
    if kind == 2:
        return rng.integers(0, 256, (rows, columns, 3), np.uint8)
    grey = rng.integers(0, 256, (rows, columns, 1), np.uint8)
    if kind == 0:
        grey = np.where(grey < 128, 0, 255).astype(np.uint8)
    return cv2.merge([grey] * 3)
