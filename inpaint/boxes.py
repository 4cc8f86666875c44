"""Rectangles of pixels around holes."""

from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A rectangle of pixels; `bottom` and `right` are one past its last ones."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def area_px(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def longer_side_px(self) -> int:
        return max(self.bottom - self.top, self.right - self.left)

    def grown(self, margin_px: int, height: int, width: int) -> "Box":
        """The box with a margin on each side, clipped to a photo of the size given."""
        return Box(
            max(0, self.top - margin_px),
            max(0, self.left - margin_px),
            min(height, self.bottom + margin_px),
            min(width, self.right + margin_px),
        )

    def union(self, other: "Box") -> "Box":
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )


def tightened(box: Box, mask: np.ndarray) -> Box:
    """The smallest box within `box` around what of a mask, bool (H, W), lies there; not nothing."""
    part = mask[box.slices]
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    return Box(
        box.top + int(rows[0]),
        box.left + int(columns[0]),
        box.top + int(rows[-1]) + 1,
        box.left + int(columns[-1]) + 1,
    )


def slices_around(mask: np.ndarray, margin_px: int) -> tuple[slice, slice]:
    """Rows and columns of a mask, bool (H, W) and not empty, with so much around it as the photo has."""
    height, width = mask.shape
    return tightened(Box(0, 0, height, width), mask).grown(margin_px, height, width).slices
