"""Torn prints."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.damage.contract import Range, check_range, drawn_number, drawn_px, shown_in
from inpaint.training.damage.covers import Cover, check_contents, drawn_content, in_one_colour


@dataclass(frozen=True)
class Torn(Cover):
    """An edge or a corner is torn off along a ragged line, on which the white of the paper shows.

    area: share of the photo that is gone, in [0, 0.5], drawn for each photo and divided between the tears.
    tears: how many, 0 < n.
    roughness: deviation of the line, a share in [0, 0.2] of the shorter side.
    paper: mean width of the white, a share in [0, 0.2] of the shorter side.
    contents: what is seen where the photo was, of `covers.CONTENTS`, one drawn for each photo.
    """

    area: Range = (0.03, 0.25)
    tears: tuple[int, int] = (1, 2)
    roughness: Range = (0.005, 0.03)
    paper: Range = (0.0, 0.03)
    contents: tuple[str, ...] = ("colour", "colour", "colour", "noise")

    def __post_init__(self) -> None:
        check_range("area", self.area, 0, 0.5)
        check_range("tears", self.tears, 1, 100)
        check_range("roughness", self.roughness, 0, 0.2)
        check_range("paper", self.paper, 0, 0.2)
        check_contents(self.contents)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        height, width = image.shape[:2]
        mask, gone = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
        tears = drawn_number(rng, self.tears)
        area = rng.uniform(*self.area) / tears
        paper_px = drawn_px(rng, self.paper, min(height, width), least=0)
        for _ in range(tears):
            direction = _direction(height, width, rng)
            offset = _offset(height, width, direction, area)
            along = self._line(height, width, rng)
            # A drop of the line's own wavering lets the white be broad here and narrow there.
            inner = along - np.abs(self._line(height, width, rng)) - paper_px if paper_px else along
            cv2.fillPoly(mask, [_beyond(height, width, direction, offset, inner)], 255, cv2.LINE_AA)
            cv2.fillPoly(gone, [_beyond(height, width, direction, offset, along)], 1)
        content = drawn_content(self.contents, image, rng)
        if content.shape != image.shape:
            content = in_one_colour(content[0, 0], height, width)
        paper = np.full_like(image, rng.integers(225, 256))
        return shown_in(paper, gone.view(bool), content), mask.astype(np.float32) / np.float32(255)

    def _line(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """How far the ragged line is from the straight one, px, at even distances over twice the diagonal."""
        count = 128
        deviation = rng.uniform(*self.roughness) * min(height, width)
        knots = np.linspace(0, 1, 12)
        coarse = np.interp(np.linspace(0, 1, count), knots, rng.normal(0, deviation, 12))
        return coarse + rng.normal(0, deviation / 4, count)


def _direction(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Unit vector x, y: where the torn part lies; about across one edge, or towards a corner."""
    if rng.integers(2):
        angle = math.pi / 2 * rng.integers(4) + rng.normal(0, 0.12)
    else:
        corner = math.atan2(*((height, width) if rng.integers(2) else (width, height)))
        angle = corner * (1 - 2 * rng.integers(2)) + math.pi * rng.integers(2) + rng.normal(0, 0.2)
    return np.array([math.cos(angle), math.sin(angle)])


def _offset(height: int, width: int, direction: np.ndarray, area: float) -> float:
    """Where the line lies beyond which is `area` of the photo: px from the middle, along the direction."""
    rows = (np.arange(64) + 0.5) / 64 * height - height / 2
    columns = (np.arange(64) + 0.5) / 64 * width - width / 2
    return float(np.quantile(columns * direction[0] + rows[:, None] * direction[1], 1 - area))


def _beyond(height: int, width: int, direction: np.ndarray, offset: float, ragged: np.ndarray) -> np.ndarray:
    """int32 (N, 2) of x, y: the outline of all beyond the line."""
    diagonal = math.hypot(height, width)
    across = np.array([-direction[1], direction[0]])
    along = np.linspace(-diagonal, diagonal, len(ragged))
    line = along[:, None] * across + (offset + ragged)[:, None] * direction
    far = [line[-1] + diagonal * direction, line[0] + diagonal * direction]
    middle = np.array([width / 2, height / 2])
    result: np.ndarray = np.rint(np.vstack([line, far]) + middle).astype(np.int32)
    return result
