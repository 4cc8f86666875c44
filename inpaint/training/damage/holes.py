"""Holes that are drawn: free-form strokes, boxes, and several kinds in one photo."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.damage.contract import (
    HoleDamage,
    Range,
    check_range,
    drawn_number,
    drawn_px,
    line_thickness,
)


@dataclass(frozen=True)
class FreeFormStrokes(HoleDamage):
    """Brush strokes that turn at their vertices, to one side and the other (Yu et al. 2019, algorithm 1).

    The paper leaves the numbers open; the defaults are those of the authors' code at 256 px, and so are the
    distributions.

    strokes: how many, 0 < n. vertices: of a stroke, at which it turns, 0 < n.
    width: of the brush, a share in (0, 1] of the shorter side (12 to 40 px of 256).
    length: between vertices, a share in [0, 1] of the diagonal: the mean; the deviation is half of it, the
        most is twice it.
    angle, spread: of a turn, radians: drawn evenly within +- `spread`, redrawn for each stroke, of `angle`.
    """

    strokes: tuple[int, int] = (1, 3)
    vertices: tuple[int, int] = (4, 11)
    width: Range = (12 / 256, 40 / 256)
    length: float = 1 / 8
    angle: float = 2 * math.pi / 5
    spread: float = 2 * math.pi / 15

    def __post_init__(self) -> None:
        check_range("strokes", self.strokes, 1, 1000)
        check_range("vertices", self.vertices, 1, 1000)
        check_range("width", self.width, 0, 1)
        check_range("length", (0, self.length), 0, 1)
        check_range("angle", (self.angle, self.angle), 0, 2 * math.pi)
        check_range("spread", (self.spread, self.spread), 0, math.pi)

    def hole(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        canvas = np.zeros((height, width), np.uint8)
        for _ in range(drawn_number(rng, self.strokes)):
            points = self._vertices(height, width, rng)
            thickness = line_thickness(drawn_px(rng, self.width, min(height, width)))
            cv2.polylines(canvas, [points], False, 1, thickness)
        mirrored = rng.integers(2, size=2)
        return canvas.view(bool)[:: -1 if mirrored[0] else 1, :: -1 if mirrored[1] else 1]

    def _vertices(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """int32 (N, 2) of x, y within the photo: where a stroke begins, turns and ends."""
        turns = drawn_number(rng, self.vertices)
        low, high = self.angle - rng.uniform(0, self.spread), self.angle + rng.uniform(0, self.spread)
        angles = rng.uniform(low, high, turns)
        angles[::2] = 2 * math.pi - angles[::2]
        mean = self.length * math.hypot(height, width)
        lengths = np.clip(rng.normal(mean, mean / 2, turns), 0, 2 * mean)
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        points = [(x, y)]
        for angle, length in zip(angles, lengths, strict=True):
            # At the edge a stroke runs along it and is not lost.
            x = min(max(x + length * math.cos(angle), 0), width - 1)
            y = min(max(y + length * math.sin(angle), 0), height - 1)
            points.append((x, y))
        return np.array(points, np.int32)


@dataclass(frozen=True)
class Boxes(HoleDamage):
    """Upright boxes.

    The defaults are those of the DeepFill papers' code and of Iizuka et al. 2017: one of 96 to 128 px of 256,
    anywhere. `Boxes(side=(0.5, 0.5), centred=True)` is the context encoder's.

    side: of a box, in (0, 1], a share of the photo's height and, drawn on its own, of its width.
    margin: kept free at each edge, a share of height and width, in [0, 0.5).
    centred: in the middle, not anywhere. count: how many boxes, 0 < n.

    Raises ValueError where the largest box does not fit between the margins.
    """

    side: Range = (96 / 256, 128 / 256)
    margin: float = 0.0
    centred: bool = False
    count: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        check_range("side", self.side, 0, 1)
        check_range("count", self.count, 1, 1000)
        if not 0 <= self.margin < 0.5 or self.side[1] + 2 * self.margin > 1:
            raise ValueError(
                f"expected a margin of 0 to {(1 - self.side[1]) / 2:.3f} around sides up to "
                f"{self.side[1]:.3f}, got {self.margin}"
            )

    def hole(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        hole = np.zeros((height, width), bool)
        for _ in range(drawn_number(rng, self.count)):
            hole[self._stretch(height, rng), self._stretch(width, rng)] = True
        return hole

    def _stretch(self, length: int, rng: np.random.Generator) -> slice:
        side = drawn_px(rng, self.side, length)
        margin = min(round(self.margin * length), (length - side) // 2)
        start = (length - side) // 2 if self.centred else drawn_number(rng, (margin, length - side - margin))
        return slice(start, start + side)


@dataclass(frozen=True)
class JoinedHoles(HoleDamage):
    """Several in each photo: `JoinedHoles((FreeFormStrokes(), Boxes()))` is what DeepFillv2 is trained on."""

    parts: tuple[HoleDamage, ...]

    def __post_init__(self) -> None:
        if not self.parts or not all(isinstance(part, HoleDamage) for part in self.parts):
            raise ValueError(f"expected kinds of holes, got {self.parts!r}")

    def hole(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        result: np.ndarray = np.logical_or.reduce([part.hole(height, width, rng) for part in self.parts])
        return result
