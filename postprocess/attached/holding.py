"""When a thing that lies at a holder goes along with it, by a rule and by how the two touch."""

from __future__ import annotations

from math import inf

from postprocess.attached.table import AttachedRule
from postprocess.attached.touch import Touch

ENCLOSED_SHARE = 0.9  # of the outline touches: then it does not matter where it is touched

# Heights on the holder: 0 its upper edge, 1 its lower edge.
FEET_SHARE = 0.1  # of the holder's height, around its lower edge
HIP_HEIGHT, HAND_HEIGHT, SHIN_HEIGHT = 0.55, 0.75, 0.72
SHOULDER_HEIGHT, CLEAR = 0.3, 0.9  # what hangs in the hand lies between
HANDLE_SHARE = 0.3  # of an object's height, its highest part, by which it is held by hand
BESIDE_SHARE = 0.5  # of the outline touches: more than what stands beside the feet does

SEAT_HEIGHT, SLIM = 0.75, 2.0  # what ends below the knees of a figure this many times as high as wide
ROW_SLIM = 0.6  # what is wider than this is a row of people
BEHIND_GRIP, BEHIND_SHARE, BEHIND_ASTRIDE, BEHIND_LOWEST = 0.2, 0.3, 0.05, 1.4
BEFORE_ASTRIDE, BEFORE_TOP = 0.9, -0.8

OVERHEAD_REACH, OVERHEAD_SIDEWAYS, OVERHEAD_BOTTOM = 0.15, 0.15, 0.1
OVERHEAD_AREA = (0.15, 1.5)  # of the holder's: what is larger is a parasol, what is smaller is far behind
AROUND_SHARE, AROUND_SIDEWAYS, AROUND_AREA = 0.1, 0.35, (0.3, 1.5)
AROUND_TOP, AROUND_BOTTOM = -0.05, (0.2, 0.6)
ON_HEAD_SHARE, ON_HEAD_GRIP, ON_HEAD_BOTTOM = 0.2, 0.7, 0.2


def suits(touch: Touch, rule: AttachedRule) -> bool:
    """Whether an object that lies at a holder so goes along with it, by all of `rule` that needs just these
    two.
    """
    reach = max(rule.reach, rule.underfoot_reach) if is_underfoot(touch) else rule.reach
    lowest = rule.astride_lowest if touch.astride >= rule.astride_from else rule.lowest
    gripped = touch.grip >= rule.gripped_from and touch.sideways <= rule.centred
    if rule.overhead and _shelters(touch):
        return True
    if rule.kind == "ridden" and (_before(touch) or _at_feet(touch)):
        return False
    if rule.astride_from < inf and _behind(touch):
        return False
    return (
        (touch.length > 0 or touch.gap <= reach)
        and (touch.share >= rule.contact or (touch.share >= rule.hung and _hangs(touch)))
        and lowest[0] <= touch.bottom <= lowest[1]
        and (touch.area <= rule.most_area or touch.share >= rule.grasped_from)
        and (rule.may_stand or not _stands(touch))
        and (gripped or touch.share > ENCLOSED_SHARE)
    )


def reach_of(rule: AttachedRule) -> float:
    """The widest gap to a holder at which the rule can hold, over the holder's size."""
    return max(rule.reach, rule.underfoot_reach, OVERHEAD_REACH if rule.overhead else 0.0)


def is_underfoot(touch: Touch) -> bool:
    """Whether an object lies under the holder's feet."""
    return touch.height > SHIN_HEIGHT and touch.bottom > 1 - 2 * FEET_SHARE


def _hangs(touch: Touch) -> bool:
    """Whether the object is held by its upper end at the height of hands, and clear of the ground."""
    return touch.grip < HANDLE_SHARE and SHOULDER_HEIGHT < touch.height < HAND_HEIGHT and touch.bottom < CLEAR


def _stands(touch: Touch) -> bool:
    """Whether the object is on the ground at the holder's feet, and not held by its handle. What ends at the
    photo's lower edge, or touches along most of its outline, is not known to stand."""
    on_ground = touch.bottom > 1 - FEET_SHARE and touch.top > HIP_HEIGHT
    by_handle = touch.grip < HANDLE_SHARE and touch.height < HAND_HEIGHT
    return on_ground and not by_handle and not touch.cut and touch.share <= BESIDE_SHARE


def _behind(touch: Touch) -> bool:
    """Whether the holder stands behind the object: touches its upper edge alone, and little of that unless
    it is a row of people, and is hidden by it far down."""
    return (
        touch.grip < BEHIND_GRIP
        and (touch.share < BEHIND_SHARE or touch.slim < ROW_SLIM)
        and touch.astride < BEHIND_ASTRIDE
        and touch.bottom > BEHIND_LOWEST
    )


def _before(touch: Touch) -> bool:
    """Whether the whole holder is before the object, which rises far above it."""
    return touch.astride > BEFORE_ASTRIDE and touch.top < BEFORE_TOP


def _at_feet(touch: Touch) -> bool:
    """Whether the object lies at the feet of somebody who is seen down to them."""
    return touch.slim >= SLIM and touch.top > SEAT_HEIGHT


def _shelters(touch: Touch) -> bool:
    """Whether an umbrella is over the holder's head, its stick hidden or too thin to be seen, around it, on
    the shoulder, or worn on it."""
    over = (
        touch.gap <= OVERHEAD_REACH
        and touch.sideways <= OVERHEAD_SIDEWAYS
        and touch.bottom <= OVERHEAD_BOTTOM
        and OVERHEAD_AREA[0] <= touch.area <= OVERHEAD_AREA[1]
    )
    around = (
        touch.share >= AROUND_SHARE
        and touch.sideways <= AROUND_SIDEWAYS
        and touch.top <= AROUND_TOP
        and AROUND_BOTTOM[0] <= touch.bottom <= AROUND_BOTTOM[1]
        and AROUND_AREA[0] <= touch.area <= AROUND_AREA[1]
    )
    on_head = (
        touch.share >= ON_HEAD_SHARE
        and touch.grip >= ON_HEAD_GRIP
        and touch.sideways <= AROUND_SIDEWAYS
        and touch.bottom <= ON_HEAD_BOTTOM
    )
    return over or around or on_head
