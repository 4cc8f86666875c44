"""Prints that were folded: worn lines with light and shade beside them."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.damage.contract import Range, check_range, drawn_number
from inpaint.training.damage.covers import Cover, less_where_unseen

KNOTS = 48  # along a fold, at which its wear changes


@dataclass(frozen=True)
class Folds(Cover):
    """Lines across the photo along which the print is worn, brighter on one side and darker on the other.

    count: of folds, 0 < n.
    width: of the worn line, a share in [0, 0.1] of the shorter side, at least 1 px.
    opacity: of the worn line, in [0, 1], drawn for each; it changes along the line and may leave gaps.
    shade: how much of black or white lies beside it at most, in [0, 1], drawn for each side.
    reach: over which the shade fades to a third, a share in (0, 0.5] of the shorter side.
    waver: deviation of the line from a straight one, a share in [0, 0.1] of the shorter side.
    """

    count: tuple[int, int] = (1, 3)
    width: Range = (0.001, 0.01)
    opacity: Range = (0.5, 1.0)
    shade: Range = (0.0, 0.3)
    reach: Range = (0.004, 0.04)
    waver: Range = (0.0, 0.006)

    def __post_init__(self) -> None:
        check_range("count", self.count, 1, 100)
        check_range("width", self.width, 0, 0.1)
        check_range("opacity", self.opacity, 0, 1)
        check_range("shade", self.shade, 0, 1)
        check_range("reach", self.reach, 1e-6, 0.5)
        check_range("waver", self.waver, 0, 0.1)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        shown, left = np.zeros(image.shape[:2], np.float32), np.ones(image.shape[:2], np.float32)
        for _ in range(drawn_number(rng, self.count)):
            for level, mask in self._fold(image.shape[0], image.shape[1], rng):
                shown = shown * (1 - mask) + level * mask
                left *= 1 - mask
        covered = 1 - left
        grey = np.clip(shown / np.maximum(covered, 1e-6), 0, 255)
        content = cv2.merge([np.rint(grey).astype(np.uint8)] * 3)
        return content, less_where_unseen(image, content, covered)

    def _fold(
        self, height: int, width: int, rng: np.random.Generator
    ) -> list[tuple[np.ndarray | float, np.ndarray]]:
        """Grey levels and how much of each pixel they take, float32 (H, W) in [0, 1]: the shade, the line."""
        shorter = min(height, width)
        away, along = _line(height, width, rng)
        waver = rng.normal(0, rng.uniform(*self.waver) * shorter, 8)
        away += np.interp(along, np.linspace(0, 1, 8), waver).astype(np.float32)
        sides, reach = rng.uniform(*self.shade, 2), rng.uniform(*self.reach, 2) * shorter
        shade = np.where(away > 0, sides[0], sides[1]) * np.exp(
            -np.abs(away) / np.where(away > 0, reach[0], reach[1])
        )
        bright = (away > 0) == bool(rng.integers(2))
        half = max(1.0, rng.uniform(*self.width) * shorter) / 2
        wear = np.clip(rng.normal(rng.uniform(0.5, 1.2), 0.5, KNOTS), 0, 1) * rng.uniform(*self.opacity)
        worn = np.clip(half + 0.5 - np.abs(away), 0, 1) * np.interp(along, np.linspace(0, 1, KNOTS), wear)
        paper = rng.uniform(205, 255) if rng.uniform() < 0.8 else rng.uniform(0, 60)
        return [
            (np.where(bright, np.float32(255), np.float32(0)), shade.astype(np.float32)),
            (paper, worn.astype(np.float32)),
        ]


def _line(height: int, width: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Of each pixel: px from a line across the photo, signed, where along it in [0, 1]; float32 (H, W)."""
    kind = rng.integers(3)
    angle = (0.0, math.pi / 2, rng.uniform(0, math.pi))[kind] + rng.normal(0, 0.03)
    # Letters are folded in halves, thirds and quarters.
    share = rng.choice([1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4]) if kind < 2 else rng.uniform(0.1, 0.9)
    x = np.arange(width, dtype=np.float32) - width * np.float32(share + rng.normal(0, 0.02))
    y = np.arange(height, dtype=np.float32)[:, None] - height * np.float32(share + rng.normal(0, 0.02))
    cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    diagonal = np.float32(math.hypot(height, width))
    return x * cosine + y * sine, (y * cosine - x * sine) / (2 * diagonal) + np.float32(0.5)
