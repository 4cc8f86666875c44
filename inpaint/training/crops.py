"""Squares of photos that are trained on, and regions within them."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Crop:
    """A square of an image, in its pixels."""

    top: int
    left: int
    side: int

    def cut(self, image: np.ndarray, size_px: int, *, mirrored: bool = False) -> np.ndarray:
        """The square of uint8 (H, W, 3) as uint8 (size_px, size_px, 3): averaged down or interpolated up."""
        square = image[self.top : self.top + self.side, self.left : self.left + self.side]
        if self.side != size_px:
            method = cv2.INTER_AREA if self.side > size_px else cv2.INTER_LINEAR
            square = cv2.resize(square, (size_px, size_px), interpolation=method)
        return np.ascontiguousarray(square[:, ::-1] if mirrored else square)

    def box(self, region: np.ndarray, size_px: int, *, mirrored: bool = False) -> tuple[int, int, int, int]:
        """Where xyxy of the image lies in the cut square: xyxy, whole pixels that hold all of it, clipped."""
        x0, y0, x1, y1 = (region - [self.left, self.top] * 2) * (size_px / self.side)
        if mirrored:
            x0, x1 = size_px - x1, size_px - x0
        # A share of a pixel that rounding left over is no pixel.
        low = np.clip(np.floor([x0 + 1e-6, y0 + 1e-6]), 0, size_px).astype(int)
        high = np.clip(np.ceil([x1 - 1e-6, y1 - 1e-6]), 0, size_px).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def central_crop(shape: tuple[int, ...], *, region: np.ndarray | None = None) -> Crop:
    """The largest square in the middle of (H, W), or as close to the middle of the region (xyxy) as fits."""
    height, width = shape
    side = min(height, width)
    if region is None:
        return Crop((height - side) // 2, (width - side) // 2, side)
    x0, y0, x1, y1 = region
    return Crop(_around(y0, y1, side, height), _around(x0, x1, side, width), side)


def random_crop(
    shape: tuple[int, ...],
    rng: np.random.Generator,
    *,
    smallest_scale: float,
    region: np.ndarray | None = None,
) -> Crop:
    """A square anywhere in (H, W), its side drawn evenly between smallest_scale and 1 of the shorter side.

    region: xyxy; the square holds it whole, or, where it is larger than that, has it in its middle.
    """
    height, width = shape
    longest = min(height, width)
    least = max(1, round(smallest_scale * longest))
    if region is not None:
        x0, y0, x1, y1 = region
        least = min(longest, max(least, int(np.ceil(max(x1 - x0, y1 - y0))) + 1))
    side = int(rng.integers(least, longest + 1))
    if region is None:
        return Crop(int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1)), side)
    return Crop(_holding(y0, y1, side, height, rng), _holding(x0, x1, side, width, rng), side)


def _holding(start: float, end: float, side: int, length: int, rng: np.random.Generator) -> int:
    """Where a stretch of `side` within `length` begins that holds start to end; around it where none does."""
    first, last = max(0, int(np.ceil(end)) - side), min(int(start), length - side)
    drawn = int(rng.integers(first, max(first, last) + 1))
    return drawn if first <= last else _around(start, end, side, length)


def _around(start: float, end: float, side: int, length: int) -> int:
    return int(np.clip(round((start + end - side) / 2), 0, length - side))
