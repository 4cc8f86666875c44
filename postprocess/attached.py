"""What goes along with a person: things carried, worn, held or ridden that a detector found too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from postprocess.attached_table import ATTACHED_CHOICES, FURNITURE, TABLE, AttachedRule
from postprocess.clinging import clinging_region

__all__ = ["ATTACHED_CHOICES", "TABLE", "AttachedRule", "attached_objects", "clinging_region"]

WORKING_SIDE_PX = 1024  # masks are measured at this short side: a 24 MP mask would cost 20 times as much
TOUCH_SHARE = 0.02  # of the holder's size: what is closer touches, for masks miss the rim
TOUCH_MIN_PX = 2.0
BASE_SHARE = 0.25  # the lowest part of an object, by which it would rest on something
RESTS_SHARE = 0.5  # of its base that is not at the holder: from here on it rests
FEET_SHARE = 0.1  # of the holder's height, around its lower edge
HIP_SHARE = 0.55  # along the holder; below it hangs no bag
HANDLE_SHARE = 0.25  # touched above this along its height: it is held by a handle
UNDERFOOT_SHARE = 0.72  # along the holder


def attached_objects(
    labels: Sequence[str],
    boxes: np.ndarray,
    mask_of: Callable[[int], np.ndarray],
    wanted: Sequence[int],
    *,
    kinds: str = "all",
    table: Mapping[str, AttachedRule] = TABLE,
) -> list[int]:
    """Which detections go along with the wanted ones: their indices, ascending, none of `wanted` among them.

    labels: class name of each detection. boxes: float (N, 4) xyxy, pixels. mask_of: index -> bool (H, W),
    asked only of what may matter. wanted: indices of what is removed. kinds: one of ATTACHED_CHOICES.
    table: rule by class name. An object that touches several holders belongs to the one it touches most, and
    stays where that one stays. Raises ValueError for another `kinds`, boxes of another shape, or an index
    that there is not.
    """
    boxes = np.asarray(boxes, np.float32)
    if kinds not in ATTACHED_CHOICES:
        raise ValueError(f"kinds must be one of {', '.join(ATTACHED_CHOICES)}, got {kinds!r}")
    if boxes.shape != (len(labels), 4):
        raise ValueError(f"boxes must have shape {(len(labels), 4)}, got {boxes.shape}")
    if any(not 0 <= index < len(labels) for index in wanted):
        raise ValueError(f"wanted must hold indices below {len(labels)}, got {list(wanted)}")
    if kinds == "none" or not len(wanted):
        return []
    scene = _Scene(labels, boxes, mask_of)
    found = {}
    for index, label in enumerate(labels):
        if label in table and index not in wanted:
            holder, kind = scene.holder(index, table[label])
            if holder in wanted:
                found[index] = kind
    mounts = [index for index, kind in found.items() if kind == "ridden"]
    for index, label in enumerate(labels):
        if label in table and table[label].on_mount and index not in found and index not in wanted:
            if any(scene.hangs_on(index, mount, table[label]) for mount in mounts):
                found[index] = "ridden"
    return sorted(index for index, kind in found.items() if kinds in ("all", kind))


@dataclass(frozen=True)
class _Touch:
    """How an object lies at a holder; lengths in working pixels, heights as in `AttachedRule`."""

    gap: float  # over the holder's size
    length: int  # outline pixels of the object that touch the holder
    share: float  # of the object's outline
    grip: float  # mean height on the object at which it is touched
    height: float  # mean height on the holder at which it touches
    top: float
    bottom: float
    sideways: float  # distance between the middles, in widths of the object
    area: float  # over the holder's

    @property
    def underfoot(self) -> bool:
        middle = (self.top + self.bottom) / 2
        return (self.height if self.length else middle) > UNDERFOOT_SHARE and self.bottom > 0.8

    @property
    def stands(self) -> bool:
        """Whether the object is on the ground at the holder's feet, and not held by its handle."""
        at_feet = abs(self.bottom - 1) < FEET_SHARE or (self.bottom > 1 and self.top > HIP_SHARE)
        by_handle = self.grip < HANDLE_SHARE and self.height < 0.75
        return at_feet and self.top > HIP_SHARE and not by_handle

    def suits(self, rule: AttachedRule) -> bool:
        reach = max(rule.reach, rule.underfoot_reach) if self.underfoot else rule.reach
        return (
            self.gap <= reach
            and self.share >= rule.contact
            and (self.grip >= rule.gripped_from or self.share > 0.9)
            and rule.lowest[0] <= self.bottom <= rule.lowest[1]
            and self.area <= rule.most_area
            and self.sideways <= rule.centred
            and (rule.may_stand or not self.stands)
        )


@dataclass(frozen=True, eq=False)
class _Shape:
    """A mask at working size, cut to its bounds; top, left: where the cut begins."""

    mask: np.ndarray
    top: int
    left: int

    @cached_property
    def area(self) -> int:
        return int(np.count_nonzero(self.mask))

    @property
    def size(self) -> float:
        return float(self.area**0.5)

    @cached_property
    def outline(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of its edge pixels, in the photo at working size."""
        room = np.pad(self.mask, 1).view(np.uint8)
        inner = cv2.erode(room, np.ones((3, 3), np.uint8))[1:-1, 1:-1].view(bool)
        rows, columns = np.nonzero(self.mask & ~inner)
        return rows + self.top, columns + self.left

    @property
    def height(self) -> int:
        return self.mask.shape[0]

    def distances(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Distance of each point to the mask, float32 pixels: 0 inside."""
        top, left = min(self.top, rows.min()), min(self.left, columns.min())
        bottom = max(self.top + self.mask.shape[0], rows.max() + 1)
        right = max(self.left + self.mask.shape[1], columns.max() + 1)
        outside = np.ones((bottom - top, right - left), np.uint8)
        row, column = self.top - top, self.left - left
        outside[row : row + self.mask.shape[0], column : column + self.mask.shape[1]] = ~self.mask
        return cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5)[rows - top, columns - left]


class _Scene:
    """The detections of one photo, their masks shrunk when first asked for."""

    def __init__(self, labels: Sequence[str], boxes: np.ndarray, mask_of: Callable[[int], np.ndarray]):
        self.labels, self.boxes, self.mask_of = labels, boxes, mask_of
        self._shapes: dict[int, _Shape] = {}

    def shape(self, index: int) -> _Shape:
        if index not in self._shapes:
            self._shapes[index] = _shrink(self.mask_of(index))
        return self._shapes[index]

    def holder(self, index: int, rule: AttachedRule) -> tuple[int | None, str]:
        """Whom an object goes along with, None where nobody, and as what."""
        best, length = None, (-1, 0.0)
        kind = rule.kind
        for other, label in enumerate(self.labels):
            if label not in rule.holders or other == index or not self._near(index, other, rule):
                continue
            touch = self.touch(index, other)
            if touch is None or not touch.suits(rule) or (touch.length, -touch.gap) <= length:
                continue
            best, length = other, (touch.length, -touch.gap)
            if rule.kind == "either":
                kind = "ridden" if touch.underfoot else "carried"
        if best is not None and not rule.may_rest and self._rests(index, best):
            best = None
        return best, kind

    def hangs_on(self, index: int, mount: int, rule: AttachedRule) -> bool:
        """Whether an object hangs on something ridden, clear of the ground."""
        if not self._near(index, mount, rule):
            return False
        touch = self.touch(index, mount)
        return touch is not None and touch.share >= rule.contact and touch.bottom < 0.85 and touch.area < 0.5

    def touch(self, index: int, other: int) -> _Touch | None:
        shape, holder = self.shape(index), self.shape(other)
        if not shape.area or not holder.area:
            return None
        rows, columns = shape.outline
        away = holder.distances(rows, columns)
        near = away <= max(TOUCH_MIN_PX, TOUCH_SHARE * holder.size)
        length = int(near.sum())
        middle = shape.left + shape.mask.shape[1] / 2
        holder_middle = holder.left + holder.mask.shape[1] / 2
        mean_row = float(rows[near].mean()) if length else 0.0
        return _Touch(
            gap=float(away.min()) / holder.size,
            length=length,
            share=length / len(rows),
            grip=(mean_row - shape.top) / shape.height if length else 0.0,
            height=(mean_row - holder.top) / holder.height if length else 0.0,
            top=(shape.top - holder.top) / holder.height,
            bottom=(shape.top + shape.height - holder.top) / holder.height,
            sideways=abs(middle - holder_middle) / shape.mask.shape[1],
            area=shape.area / holder.area,
        )

    def _near(self, index: int, other: int, rule: AttachedRule) -> bool:
        """Whether the boxes are close enough for the masks to be; a mask's size is below its box's."""
        first, second = self.boxes[index], self.boxes[other]
        gaps = np.maximum(first[:2], second[:2]) - np.minimum(first[2:], second[2:])
        width, height = second[2:] - second[:2]
        reach = max(rule.reach, rule.underfoot_reach) * float(max(width * height, 0) ** 0.5) + 4
        return bool((gaps <= reach).all())

    def _rests(self, index: int, holder: int) -> bool:
        """Whether what is not at the holder of an object's base lies on furniture."""
        shape = self.shape(index)
        rows, columns = shape.outline
        low = rows >= shape.top + (1 - BASE_SHARE) * shape.height
        rows, columns = rows[low], columns[low]
        near_px = max(TOUCH_MIN_PX, TOUCH_SHARE * self.shape(holder).size)
        free = self.shape(holder).distances(rows, columns) > near_px
        if not free.any():
            return False
        rows, columns = rows[free], columns[free]
        supported = np.zeros(len(rows), bool)
        for other, label in enumerate(self.labels):
            if label in FURNITURE and self._near(index, other, AttachedRule()) and self.shape(other).area:
                supported |= self.shape(other).distances(rows, columns) <= near_px
        return bool(supported.mean() >= RESTS_SHARE)


def _shrink(mask: np.ndarray) -> _Shape:
    """A mask at working size; what is thin stays, for a pixel counts from a tenth of its area on."""
    factor = min(1.0, WORKING_SIDE_PX / max(1, min(mask.shape)))
    if factor < 1:
        size = (max(1, round(mask.shape[1] * factor)), max(1, round(mask.shape[0] * factor)))
        mask = cv2.resize(mask.view(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 25
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return _Shape(np.zeros((0, 0), bool), 0, 0)
    top, left = int(rows[0]), int(columns[0])
    return _Shape(np.ascontiguousarray(mask[top : rows[-1] + 1, left : columns[-1] + 1]), top, left)
