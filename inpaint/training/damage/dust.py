"""Dust of many sizes, and short curled fibres."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.damage.contract import Range, check_range
from inpaint.training.damage.covers import Cover, less_where_unseen

_SHIFT = 4  # binary digits after the point in coordinates for OpenCV


@dataclass(frozen=True)
class Dust(Cover):
    """Many specks, most of them tiny, some large and soft, and fibres that curl.

    count: of marks, 0 < n, drawn evenly in the logarithm, as are the radii.
    radius: of a speck, a share in (0, 0.1] of the shorter side; at least 0.5 px.
    fibres: share in [0, 1] of the marks that are fibres, drawn for each photo.
    opacity: of each mark, in [0, 1]. blur: of all of them, deviation in px, drawn for each photo.
    """

    count: tuple[int, int] = (20, 500)
    radius: Range = (0.001, 0.012)
    fibres: Range = (0.0, 0.3)
    opacity: Range = (0.4, 1.0)
    blur: Range = (0.0, 1.2)

    def __post_init__(self) -> None:
        check_range("count", self.count, 1, 100_000)
        check_range("radius", self.radius, 1e-6, 0.1)
        check_range("fibres", self.fibres, 0, 1)
        check_range("opacity", self.opacity, 0, 1)
        check_range("blur", self.blur, 0, 20)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        height, width = image.shape[:2]
        shorter = min(height, width)
        mask: np.ndarray = np.zeros((height, width), np.uint8)
        fibres = rng.uniform(*self.fibres)
        for _ in range(round(_spread(self.count, rng))):
            centre = rng.uniform(0, 1, 2) * (width, height)
            opacity = 255 * rng.uniform(*self.opacity)
            if rng.uniform() < fibres:
                points = _fibre(centre, shorter * rng.uniform(0.01, 0.06), rng)
                cv2.polylines(mask, [points], False, opacity, 1, cv2.LINE_AA, _SHIFT)
            else:
                radius = max(0.5, _spread(self.radius, rng) * shorter)
                axes = radius, max(0.5, radius * rng.uniform(0.6, 1.0))
                whole = [tuple(int(value * 2**_SHIFT) for value in pair) for pair in (centre, axes)]
                angle = rng.uniform(0, 180)
                cv2.ellipse(mask, whole[0], whole[1], angle, 0, 360, opacity, -1, cv2.LINE_AA, _SHIFT)
        blur_px = rng.uniform(*self.blur)
        if blur_px > 0.2:  # less than that changes nothing
            mask = cv2.GaussianBlur(mask, (0, 0), blur_px)
        level = rng.uniform(200, 255) if rng.integers(2) else rng.uniform(0, 60)
        content = np.clip(level + rng.uniform(-15, 15, 3), 0, 255).astype(np.uint8)[None, None]
        return content, less_where_unseen(image, content, mask.astype(np.float32) / np.float32(255))


def _spread(between: tuple[float, float], rng: np.random.Generator) -> float:
    """Drawn evenly in the logarithm."""
    return math.exp(rng.uniform(math.log(between[0]), math.log(between[1])))


def _fibre(start: np.ndarray, length_px: float, rng: np.random.Generator) -> np.ndarray:
    """int32 (N, 2) of x, y, in 16ths of a pixel: a line that curls to one side, and back a little."""
    steps = 10
    turns = rng.normal(0, 0.35) + rng.normal(0, 0.2, steps)
    angles = rng.uniform(0, 2 * math.pi) + np.cumsum(turns)
    path = np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0) * length_px / steps + start
    places: np.ndarray = np.rint(path * 2**_SHIFT).astype(np.int32)
    return places
