"""What goes along with a person: things carried, worn, held or ridden that a detector found too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from postprocess.attached.clinging import clinging_region
from postprocess.attached.holding import is_underfoot, reach_of, suits
from postprocess.attached.table import ATTACHED_CHOICES, FURNITURE, TABLE, AttachedRule
from postprocess.attached.touch import (
    Shape,
    Touch,
    measure_touch,
    part_at,
    shape_at_working_size,
    thickness_at,
)

__all__ = ["ATTACHED_CHOICES", "TABLE", "AttachedRule", "attached_objects", "clinging_region"]

CROWD_WIDTH, CROWD_CENTRED = 1.5, 0.35
"""Over an object's width: a holder that is wider may be several people in one mask, of whom the part at the
object is looked at alone; whose middle must then lie as close as this."""
ON_HAND_SHARE = 0.3  # of the outline of what is worn on a hand: whoever it touches so may be who wears it
MIDDLE_SHARE = 0.3  # of an object's width belongs to neither of its sides
BASE_SHARE = 0.25  # of an object's height, its lowest part, by which it would rest on something
RESTS_SHARE = 0.5  # of the base that is not at the holder lies on furniture: then it rests
END_SHARE = 0.25  # of an object's length, each of its ends
MOUNTED_BOTTOM, MOUNTED_AREA = 0.85, 0.5  # what hangs on something ridden is clear of the ground, and small


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
    removed = set(wanted)
    if kinds == "none" or not removed:
        return []
    scene = _Scene(labels, boxes, mask_of)
    things = {index: table[label] for index, label in enumerate(labels) if label in table}
    found: dict[int, str] = {}
    for index in things.keys() - removed:
        holder, kind = scene.holder(index, things[index])
        if holder in removed:
            found[index] = kind
    mounts = [index for index, kind in found.items() if kind == "ridden"]
    for index in things.keys() - removed - found.keys():
        rule = things[index]
        if rule.on_mount and any(scene.hangs_on(index, mount, rule) for mount in mounts):
            found[index] = "ridden"
    return sorted(index for index, kind in found.items() if kinds in ("all", kind))


class _Scene:
    """The detections of one photo, their masks shrunk when first asked for."""

    def __init__(self, labels: Sequence[str], boxes: np.ndarray, mask_of: Callable[[int], np.ndarray]):
        self.labels, self.boxes, self.mask_of = labels, boxes, mask_of
        self._shapes: dict[int, Shape] = {}

    def shape(self, index: int) -> Shape:
        if index not in self._shapes:
            self._shapes[index] = shape_at_working_size(self.mask_of(index))
        return self._shapes[index]

    def holder(self, index: int, rule: AttachedRule) -> tuple[int | None, str]:
        """Whom an object goes along with, None where nobody, and as what: "carried" or "ridden"."""
        near = [other for other in self._near(index, rule) if self.labels[other] in rule.holders]
        touches = {other: measure_touch(self.shape(index), self.shape(other)) for other in near}
        suited = {
            other: touch
            for other, touch in touches.items()
            if touch and (suits(touch, rule) or self._suits_part(index, other, rule))
        }
        if not suited:
            return None, rule.kind
        best = self._owner(index, suited, rule)
        kind = rule.kind
        if kind == "either":
            kind = "ridden" if is_underfoot(suited[best]) else "carried"
        held = not rule.both_sides or self._between(index, near, rule)
        put_down = not rule.may_rest and self._rests(index, best)
        return best if held and not put_down else None, kind

    def _owner(self, index: int, suited: Mapping[int, Touch], rule: AttachedRule) -> int:
        """The one of several holders that an object belongs to: whom it touches most. What is worn on a hand
        may be before somebody else's body, and belongs to the thinnest limb that it touches well."""
        limbs = [other for other, touch in suited.items() if touch.share >= ON_HAND_SHARE]
        if rule.on_hand and len(limbs) > 1:
            return min(limbs, key=lambda other: thickness_at(self.shape(index), self.shape(other)))
        return max(suited, key=lambda other: (suited[other].length, -suited[other].gap))

    def _suits_part(self, index: int, other: int, rule: AttachedRule) -> bool:
        """Whether an object is ridden by that part of a holder which is above and below it: several riders
        side by side may be one mask."""
        shape, holder = self.shape(index), self.shape(other)
        if rule.kind != "ridden" or holder.width <= CROWD_WIDTH * shape.width:
            return False
        touch = measure_touch(shape, part_at(shape, holder))
        if touch is None or touch.sideways > CROWD_CENTRED:
            return False
        return suits(replace(touch, slim=holder.height / holder.width), rule)

    def hangs_on(self, index: int, mount: int, rule: AttachedRule) -> bool:
        """Whether an object hangs on something ridden, clear of the ground."""
        if mount not in self._near(index, rule):
            return False
        touch = measure_touch(self.shape(index), self.shape(mount))
        return (
            touch is not None
            and touch.share >= rule.contact
            and touch.bottom < MOUNTED_BOTTOM
            and touch.area < MOUNTED_AREA
        )

    def _near(self, index: int, rule: AttachedRule) -> list[int]:
        """Detections whose boxes are close enough for the masks to be: no mask's size exceeds its box's."""
        box, others = self.boxes[index], self.boxes
        gaps = np.maximum(box[:2], others[:, :2]) - np.minimum(box[2:], others[:, 2:])
        sizes = np.prod(np.maximum(others[:, 2:] - others[:, :2], 0), axis=1) ** 0.5
        reach_px = reach_of(rule) * sizes + 4
        return [int(other) for other in np.flatnonzero(gaps.max(axis=1) <= reach_px) if other != index]

    def _between(self, index: int, holders: Sequence[int], rule: AttachedRule) -> bool:
        """Whether holders, several hands maybe, touch an object on its left and on its right, or, where the
        rule says so, at one of its ends."""
        shape = self.shape(index)
        rows, columns = shape.outline
        touched = np.zeros(len(rows), bool)
        for holder in holders:
            if self.shape(holder).area:
                touched |= self.shape(holder).touches(rows, columns)
        aside = (columns - shape.left) / max(1, shape.width - 1) - 0.5
        sides = [touched[aside < -MIDDLE_SHARE / 2], touched[aside > MIDDLE_SHARE / 2]]
        if all(side.size and side.mean() >= rule.both_sides for side in sides):
            return True
        along = shape.along
        ends = [touched[along <= END_SHARE], touched[along >= 1 - END_SHARE]]
        by_end = touched.mean() >= rule.by_end / 2 and any(end.mean() >= rule.by_end for end in ends)
        return bool(by_end) and not any(self._rests(index, holder) for holder in holders)

    def _rests(self, index: int, holder: int) -> bool:
        """Whether what is not at the holder of an object's base lies on furniture."""
        shape = self.shape(index)
        rows, columns = shape.outline
        base = rows >= shape.top + (1 - BASE_SHARE) * (shape.height - 1)
        base[base] = ~self.shape(holder).touches(rows[base], columns[base])
        if not base.any():
            return False
        supported = np.zeros(int(base.sum()), bool)
        for other in self._near(index, AttachedRule()):
            if self.labels[other] in FURNITURE and self.shape(other).area:
                supported |= self.shape(other).touches(rows[base], columns[base])
        return bool(supported.mean() >= RESTS_SHARE)
