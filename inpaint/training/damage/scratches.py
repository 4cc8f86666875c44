"""Scratches, hairs and dust."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.damage.contract import Range, check_range, drawn_px, line_thickness
from inpaint.training.damage.covers import LEAST_CONTRAST, Cover

MOST_MARKS = 2000  # more are not drawn, whatever area is asked for
VERTICES = 24  # of a scratch


@dataclass(frozen=True)
class Scratches(Cover):
    """Thin long lines that waver, and specks of dust, dark or bright.

    area: mean of the mask in [0, 0.5], drawn for each photo; marks are added until it is reached.
    width: of a line, a share in (0, 0.1] of the shorter side, at least 1 px (1 to 5 px of 256).
    length: of a line, a share in (0, 3] of the shorter side.
    waver: deviation of the turn, radians, over the whole line, in [0, 20].
    specks: share in [0, 1] of the marks that are specks and not lines, drawn for each photo.
    speck: radius of a speck, a share in (0, 0.1] of the shorter side, at least 1 px.
    opacity: of each mark, in [0.05, 1].
    """

    area: Range = (0.01, 0.08)
    width: Range = (0.002, 0.02)
    length: Range = (0.2, 1.5)
    waver: float = 1.0
    specks: Range = (0.0, 0.8)
    speck: Range = (0.003, 0.015)
    opacity: Range = (0.7, 1.0)

    def __post_init__(self) -> None:
        check_range("area", self.area, 0, 0.5)
        check_range("width", self.width, 0, 0.1)
        check_range("length", self.length, 0, 3)
        check_range("waver", (self.waver, self.waver), 0, 20)
        check_range("specks", self.specks, 0, 1)
        check_range("speck", self.speck, 0, 0.1)
        check_range("opacity", self.opacity, 0.05, 1)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        height, width = image.shape[:2]
        shorter = min(height, width)
        mask, content = np.zeros((height, width), np.uint8), np.zeros_like(image)
        wanted, specks = rng.uniform(*self.area) * 255 * mask.size, rng.uniform(*self.specks)
        bright_share = rng.choice([0.0, 0.5, 1.0])
        for _ in range(MOST_MARKS):
            if cv2.sumElems(mask)[0] >= wanted:
                break
            opacity = 255 * rng.uniform(*self.opacity)
            bright = bool(rng.uniform() < bright_share)
            if rng.uniform() < specks:
                points = self._speck(height, width, rng)
                colour = _mark_colour(image, points, bright, rng)
                cv2.fillPoly(content, [points], colour)
                cv2.polylines(content, [points], True, colour, 2)  # under the soft edge of the mask
                cv2.fillPoly(mask, [points], opacity, cv2.LINE_AA)
            else:
                points = self._line(height, width, rng)
                colour = _mark_colour(image, points, bright, rng)
                thickness = line_thickness(drawn_px(rng, self.width, shorter))
                cv2.polylines(content, [points], False, colour, thickness + 2)
                cv2.polylines(mask, [points], False, opacity, thickness, cv2.LINE_AA)
        return content, mask.astype(np.float32) / np.float32(255)

    def _line(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """int32 (N, 2) of x, y; a line begins anywhere and may leave the photo."""
        step = rng.uniform(*self.length) * min(height, width) / VERTICES
        bend = rng.normal(0, self.waver / VERTICES)  # of the whole line, to one side
        turns = bend + rng.normal(0, self.waver / math.sqrt(VERTICES), VERTICES) / 2
        angles = rng.uniform(0, 2 * math.pi) + np.cumsum(turns)
        steps = np.stack([np.cos(angles), np.sin(angles)], axis=1) * step
        path = np.cumsum(steps, axis=0) + rng.uniform(0, 1, 2) * (width, height)
        return np.rint(path).astype(np.int32)

    def _speck(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """int32 (N, 2) of x, y: an uneven outline around a centre within the photo."""
        radius = max(1.0, rng.uniform(*self.speck) * min(height, width))
        angles = np.linspace(0, 2 * math.pi, 8, endpoint=False)
        radii = radius * rng.uniform(0.5, 1.2, 8)
        outline = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]
        return np.rint(outline + rng.uniform(0, 1, 2) * (width, height)).astype(np.int32)


def _mark_colour(
    image: np.ndarray, points: np.ndarray, bright: bool, rng: np.random.Generator
) -> tuple[int, ...]:
    """Close to white or to black; the other of the two where it would not be seen."""
    columns = np.clip(points[:, 0], 0, image.shape[1] - 1)
    rows = np.clip(points[:, 1], 0, image.shape[0] - 1)
    level = 255 - rng.uniform(0, 55) if bright else rng.uniform(0, 55)
    if abs(image[rows, columns].mean() - level) < LEAST_CONTRAST:
        level = 255 - level
    return tuple(int(value) for value in np.clip(level + rng.uniform(-12, 12, 3), 0, 255))
