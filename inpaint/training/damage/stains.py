"""Damage that leaves part of the photo to be seen: stains, veils, drops of water."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.damage.contract import Range, check_range, drawn_px
from inpaint.training.damage.covers import Cover, check_contents, drawn_content, relit

MOST_DROPS = 2000  # more are not drawn, whatever area is asked for


@dataclass(frozen=True)
class SoftCover(Cover):
    """Blotches of any shape that thin out towards their edges: stains, veils, faded and fogged parts.

    area: share of the photo on which the cover has at least half its opacity, in [0, 1], drawn.
    opacity: at the thickest, in [0, 1], drawn for each photo.
    blotch: their size, a share in [0.02, 1] of the shorter side, drawn for each photo.
    edge: over which the cover thins out from all to nothing, in deviations of the thickness, above 0: 0.1 are
        stains with a rim, 3 is a veil over all of it.
    contents: of `covers.CONTENTS`, one is drawn for each photo.
    """

    area: Range = (0.05, 0.4)
    opacity: Range = (0.25, 0.95)
    blotch: Range = (0.1, 0.6)
    edge: Range = (0.1, 2.0)
    contents: tuple[str, ...] = ("colour", "noise", "texture")

    def __post_init__(self) -> None:
        check_range("area", self.area, 0, 1)
        check_range("opacity", self.opacity, 0, 1)
        check_range("blotch", self.blotch, 0.02, 1)
        check_range("edge", self.edge, 0.01, 100)
        check_contents(self.contents)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        height, width = image.shape[:2]
        thickness = _smooth(height, width, rng.uniform(*self.blotch) * min(height, width), rng)
        # On every 16th row and column at most: their quantile is that of all.
        some = thickness[:: max(1, height // 64), :: max(1, width // 64)]
        edge = rng.uniform(*self.edge) * max(float(some.std()), 1e-6)
        middle = float(np.quantile(some, 1 - rng.uniform(*self.area)))
        mask = np.clip((thickness - np.float32(middle)) / np.float32(edge) + np.float32(0.5), 0, 1)
        opacity = np.float32(rng.uniform(*self.opacity))
        return drawn_content(self.contents, image, rng), mask * mask * (3 - 2 * mask) * opacity


@dataclass(frozen=True)
class Raindrops(Cover):
    """Drops of water: behind each the scene is turned over, blurred and lighter, and its rim is soft.

    area: mean of the mask in [0, 0.5], drawn for each photo; drops are added until it is reached.
    radius: a share in (0, 0.5] of the shorter side, at least 2 px; small ones are more frequent.
    opacity: of each drop, in [0.05, 1].
    """

    area: Range = (0.03, 0.2)
    radius: Range = (0.012, 0.08)
    opacity: Range = (0.6, 1.0)

    def __post_init__(self) -> None:
        check_range("area", self.area, 0, 0.5)
        check_range("radius", self.radius, 0, 0.5)
        check_range("opacity", self.opacity, 0.05, 1)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        height, width = image.shape[:2]
        shorter = min(height, width)
        mask: np.ndarray = np.zeros((height, width), np.uint8)
        wanted = rng.uniform(*self.area) * 255 * mask.size
        mean_px = np.mean(self.radius) * shorter
        for _ in range(MOST_DROPS):
            if cv2.sumElems(mask)[0] >= wanted:
                break
            radius = drawn_px(rng, (self.radius[0], rng.uniform(*self.radius)), shorter, least=2)
            axes = radius, max(2, round(radius * rng.uniform(0.8, 1.6)))
            centre = int(rng.integers(width)), int(rng.integers(height))
            opacity = 255 * rng.uniform(*self.opacity)
            cv2.ellipse(mask, centre, axes, rng.uniform(-15, 15), 0, 360, opacity, -1, cv2.LINE_AA)
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, mean_px / 8))
        return self._behind(image, mean_px, rng), mask.astype(np.float32) / np.float32(255)

    @staticmethod
    def _behind(image: np.ndarray, mean_px: float, rng: np.random.Generator) -> np.ndarray:
        """What is seen through the drops: the photo upside down, blurred, in a light of its own."""
        moved = np.roll(image[::-1], int(rng.integers(image.shape[1])), axis=1)
        blurred = cv2.blur(moved, (2 * math.ceil(mean_px / 2) + 1,) * 2)
        return relit(blurred, rng.uniform(0.7, 1.1, 1), rng.uniform(25, 80, 1))


def _smooth(height: int, width: int, blotch_px: float, rng: np.random.Generator) -> np.ndarray:
    """float32 (H, W): random numbers at this distance, and smaller ones at half of it, joined smoothly."""
    field = np.zeros((height, width), np.float32)
    for octave in (1, 2):
        shape = math.ceil(height * octave / blotch_px) + 2, math.ceil(width * octave / blotch_px) + 2
        knots = (rng.standard_normal(shape) / octave).astype(np.float32)
        field += cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC)
    return field
