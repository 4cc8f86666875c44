"""How one mask lies at another: gap, touch, heights, measured at a working size in boxes around the masks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from postprocess.scaling import mask_levels, scaled

WORKING_SIDE_PX = 1024  # masks are measured at this short side: a 24 MP mask would cost 20 times as much
THIN_LEVEL = 25  # of 255: a pixel counts from a tenth of its area on, so that what is thin stays
TOUCH_SHARE = 0.02  # of the holder's size: what is closer touches, for masks miss the rim
TOUCH_MIN_PX = 2.0
PART_ASIDE = 0.25  # of an object's width, to both its sides


@dataclass(frozen=True, eq=False)
class Shape:
    """A mask at working size, cut to its bounds.

    mask: bool (h, w). top, left: row and column in the photo, at working size, of its first pixel.
    """

    mask: np.ndarray
    top: int
    left: int
    cut: bool = False
    """Whether it reaches the photo's lower edge."""

    @cached_property
    def area(self) -> int:
        return int(np.count_nonzero(self.mask))

    @property
    def size(self) -> float:
        """Root of the area, pixels."""
        return float(self.area**0.5)

    @property
    def height(self) -> int:
        result: int = self.mask.shape[0]
        return result

    @property
    def width(self) -> int:
        result: int = self.mask.shape[1]
        return result

    @cached_property
    def outline(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns, in the photo, of the pixels on its edge."""
        room = np.pad(self.mask, 1).view(np.uint8)
        inner = cv2.erode(room, np.ones((3, 3), np.uint8))[1:-1, 1:-1].view(bool)
        rows, columns = np.nonzero(self.mask & ~inner)
        return rows + self.top, columns + self.left

    @cached_property
    def along(self) -> np.ndarray:
        """How far each pixel of the outline lies along the longest axis: float (N,), 0 to 1."""
        points = np.stack(self.outline, axis=1).astype(float)
        points -= points.mean(axis=0)
        along = points @ np.linalg.eigh(points.T @ points)[1][:, 1]
        result: np.ndarray = (along - along.min()) / max(1e-6, float(np.ptp(along)))
        return result

    @cached_property
    def hull(self) -> np.ndarray:
        """The convex hull within the mask's bounds: bool (h, w)."""
        rows, columns = self.outline
        corners = cv2.convexHull(np.stack([columns - self.left, rows - self.top], axis=1).astype(np.int32))
        return cv2.fillConvexPoly(np.zeros(self.mask.shape, np.uint8), corners, 1).view(bool)

    def cut_to(self, box: tuple[int, int, int, int]) -> tuple[slice, slice]:
        """Where a box (top, left, bottom, right) of the photo lies in `mask`."""
        top, left, bottom, right = box
        return slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left)

    def distances(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Distance of each point from the mask in pixels, float32 (N,): 0 inside."""
        top, left = min(self.top, rows.min()), min(self.left, columns.min())
        bottom = max(self.top + self.height, rows.max() + 1)
        right = max(self.left + self.width, columns.max() + 1)
        outside = np.ones((bottom - top, right - left), np.uint8)
        row, column = self.top - top, self.left - left
        outside[row : row + self.height, column : column + self.width] = ~self.mask
        away = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5)
        return np.asarray(away[rows - top, columns - left])

    def touches(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Which of the points touch this mask, bool (N,)."""
        return self.distances(rows, columns) <= self.touch_px

    @property
    def touch_px(self) -> float:
        """What is this close touches the mask."""
        return max(TOUCH_MIN_PX, TOUCH_SHARE * self.size)


@dataclass(frozen=True)
class Touch:
    """How an object lies at a holder. Heights on the holder: 0 its upper edge, 1 its lower edge."""

    gap: float
    """Distance of the masks over the holder's size."""
    length: int
    """Pixels of the object's outline that touch the holder."""
    share: float
    """The same over its whole outline."""
    grip: float
    """Mean height on the object at which it is touched: 0 its upper end, 1 its lower end; 0 for no touch."""
    height: float
    """Mean height on the holder at which it touches; the object's middle for no touch."""
    top: float
    bottom: float
    """Heights of the object's ends on the holder."""
    sideways: float
    """Distance of the middles of both boxes, in widths of the object."""
    area: float
    """The object's over the holder's."""
    astride: float
    """How much of the holder lies within the object's convex hull, over the smaller of both: a rider's legs
    are before the middle of what is ridden, somebody behind it is hidden by it."""
    slim: float
    """The holder's height over its width."""
    cut: bool
    """Whether the object reaches the photo's lower edge."""


def measure_touch(shape: Shape, holder: Shape) -> Touch | None:
    """How `shape` lies at `holder`; None where one of the two is empty."""
    if not shape.area or not holder.area:
        return None
    rows, columns = shape.outline
    away = holder.distances(rows, columns)
    near = away <= holder.touch_px
    length = int(near.sum())
    top = (shape.top - holder.top) / holder.height
    bottom = (shape.top + shape.height - holder.top) / holder.height
    touched_row = float(rows[near].mean()) if length else 0.0
    middles = shape.left + shape.width / 2, holder.left + holder.width / 2
    return Touch(
        gap=float(away.min()) / holder.size,
        length=length,
        share=length / len(rows),
        grip=(touched_row - shape.top) / shape.height if length else 0.0,
        height=(touched_row - holder.top) / holder.height if length else (top + bottom) / 2,
        top=top,
        bottom=bottom,
        sideways=abs(middles[0] - middles[1]) / shape.width,
        area=shape.area / holder.area,
        astride=_astride(shape, holder),
        slim=holder.height / holder.width,
        cut=shape.cut,
    )


def part_at(shape: Shape, holder: Shape) -> Shape:
    """The part of `holder` above, below and at `shape`: within its columns and PART_ASIDE of its width."""
    aside = round(PART_ASIDE * shape.width)
    first = max(0, shape.left - aside - holder.left)
    last = min(holder.width, shape.left + shape.width + aside - holder.left)
    if last <= first:
        return Shape(np.zeros((0, 0), bool), 0, 0)
    part = holder.mask[:, first:last]
    rows = np.flatnonzero(part.any(axis=1))
    if not len(rows):
        return Shape(np.zeros((0, 0), bool), 0, 0)
    part = np.ascontiguousarray(part[rows[0] : rows[-1] + 1])
    return Shape(part, holder.top + int(rows[0]), holder.left + first, holder.cut)


def thickness_at(shape: Shape, holder: Shape) -> float:
    """Half the greatest thickness in the box of `shape` of it and the holder together, over the holder's
    size: a forearm is thin, a body is not, and what is before a body leaves a hole in its mask."""
    top, left = min(shape.top, holder.top), min(shape.left, holder.left)
    bottom = max(shape.top + shape.height, holder.top + holder.height)
    right = max(shape.left + shape.width, holder.left + holder.width)
    whole = np.zeros((bottom - top + 2, right - left + 2), np.uint8)
    for part in (holder, shape):
        row, column = part.top - top + 1, part.left - left + 1
        cut = whole[row : row + part.height, column : column + part.width]
        cut |= part.mask.view(np.uint8)
    return (
        float(
            cv2.distanceTransform(whole, cv2.DIST_L2, cv2.DIST_MASK_5)[
                shape.top - top + 1 : shape.top - top + 1 + shape.height,
                shape.left - left + 1 : shape.left - left + 1 + shape.width,
            ].max()
        )
        / holder.size
    )


def _common_box(first: Shape, second: Shape) -> tuple[int, int, int, int] | None:
    """Top, left, bottom, right in the photo of what the boxes of both share."""
    top, left = max(first.top, second.top), max(first.left, second.left)
    bottom = min(first.top + first.height, second.top + second.height)
    right = min(first.left + first.width, second.left + second.width)
    return (top, left, bottom, right) if bottom > top and right > left else None


def _astride(shape: Shape, holder: Shape) -> float:
    common = _common_box(shape, holder)
    if common is None:
        return 0.0
    both = np.count_nonzero(shape.hull[shape.cut_to(common)] & holder.mask[holder.cut_to(common)])
    return both / min(int(np.count_nonzero(shape.hull)), holder.area)


def shape_at_working_size(mask: np.ndarray) -> Shape:
    """A mask, bool (H, W), at working size."""
    factor = min(1.0, WORKING_SIDE_PX / max(1, min(mask.shape)))
    if factor < 1:
        size = (max(1, round(mask.shape[1] * factor)), max(1, round(mask.shape[0] * factor)))
        mask = scaled(mask_levels(mask), size) > THIN_LEVEL
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Shape(np.zeros((0, 0), bool), 0, 0)
    top, left = int(rows[0]), int(columns[0])
    cut = int(rows[-1]) == mask.shape[0] - 1
    return Shape(np.ascontiguousarray(mask[top : rows[-1] + 1, left : columns[-1] + 1]), top, left, cut)
