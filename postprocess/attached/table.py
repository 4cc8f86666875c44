"""Which things go along with whom, as data: a rule per class name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import inf
from types import MappingProxyType
from typing import Literal

ATTACHED_CHOICES = ("none", "carried", "ridden", "all")
PERSON = ("person",)
FURNITURE = ("bed", "bench", "chair", "couch", "dining table", "oven", "sink")
"""What things are put down on."""


@dataclass(frozen=True)
class AttachedRule:
    """When an object of some class goes along with a holder that it touches.

    Lengths along the holder are shares of its box: 0 its upper edge, 1 its lower edge. "Touches": within 2 %
    of the holder's size, the root of its area.
    """

    kind: Literal["carried", "ridden", "either"] = "carried"
    """"either": ridden where it lies under the holder's feet, else carried."""
    holders: tuple[str, ...] = PERSON
    """Classes of what it can go along with."""
    reach: float = 0.04
    """Widest gap to the holder, as a share of the holder's size."""
    underfoot_reach: float = 0.0
    """The same where it lies under the holder's feet: snow and spray hide what is between."""
    contact: float = 0.0
    """Least share of its outline that touches the holder."""
    gripped_from: float = 0.0
    """Least height on the object at which it is touched, on average: 0 its upper end, 1 its lower end. A
    glass that stands before a person is touched near its rim alone."""
    both_sides: float = 0.0
    """Least share of its outline's left and of its right side that touches holders: a hand reaches around."""
    by_end: float = inf
    """Least share of one of its ends that touches holders, where it is not touched on both sides: cutlery is
    held by its handle. What rests on furniture is not held so."""
    overhead: bool = False
    """Whether it also goes along where it is held over the holder's head."""
    on_hand: bool = False
    """Whether it is worn on a hand: of two that it touches it belongs to the one whose limb is there."""
    lowest: tuple[float, float] = (-inf, inf)
    """Where its lower end may lie, along the holder."""
    most_area: float = inf
    """Its greatest area, in areas of the holder."""
    grasped_from: float = inf
    """Where this share of its outline touches, it may be of any size: of the holder a hand alone is seen."""
    centred: float = inf
    """How far the holder's middle may lie from its own, sideways, in widths of the object."""
    astride_from: float = inf
    """Where this much of the holder lies within its hull (`Touch.astride`), the holder sits on it, and its
    lower end may lie anywhere in `astride_lowest`."""
    astride_lowest: tuple[float, float] = (-inf, inf)
    hung: float = inf
    """Least share of its outline that touches the holder where it hangs in the hand, clear of the ground."""
    may_rest: bool = True
    """Whether it goes along although it rests on furniture."""
    may_stand: bool = True
    """Whether it goes along although it stands on the ground beside the holder's feet."""
    on_mount: bool = False
    """Whether it also goes along where it hangs on something ridden that goes along."""

    def __post_init__(self) -> None:
        if self.kind not in ("carried", "ridden", "either"):
            raise ValueError(f"kind must be carried, ridden or either, got {self.kind!r}")
        if isinstance(self.holders, str):
            raise TypeError(f"holders must be a tuple of class names, got the string {self.holders!r}")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, float) and (
                isinstance(value, bool) or not isinstance(value, int | float)
            ):
                raise TypeError(f"{field.name} must be a number, got {type(value).__name__}")


_WORN = AttachedRule()
_IN_HAND = AttachedRule(most_area=0.5, grasped_from=0.4, may_rest=False)
_BAG = AttachedRule(contact=0.15, hung=0.02, most_area=1.0, may_rest=False, may_stand=False, on_mount=True)
_HELD = AttachedRule(
    contact=0.15, gripped_from=0.33, both_sides=0.15, lowest=(-inf, 1.0), most_area=0.5, may_rest=False
)
_CUTLERY = AttachedRule(
    contact=0.15, gripped_from=0.33, both_sides=0.15, by_end=0.5, lowest=(-inf, 1.2), most_area=0.2
)
_BALL = AttachedRule(most_area=0.6)
_GLOVE = AttachedRule(on_hand=True)
_BOARD = AttachedRule(kind="either", underfoot_reach=0.1, most_area=4.5)
_CYCLE = AttachedRule(
    kind="ridden", lowest=(0.85, 2.0), astride_from=0.12, astride_lowest=(0.85, 3.0), centred=0.65
)
_ANIMAL = AttachedRule(kind="ridden", reach=0.1, lowest=(1.25, 4.0), centred=0.5)

_SMALL_TOOLS = ("toothbrush", "hair drier", "scissors")
_FOOD = ("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake")
_CLASSES: dict[AttachedRule, tuple[str, ...]] = {
    _GLOVE: ("baseball glove",),
    _WORN: ("tie", "baseball bat", "tennis racket", *_SMALL_TOOLS),
    _IN_HAND: ("cell phone", "remote"),
    _BAG: ("backpack", "handbag", "suitcase"),
    _HELD: ("bottle", "wine glass", "cup", "bowl", "book", *_FOOD),
    _CUTLERY: ("fork", "knife", "spoon"),
    _BALL: ("sports ball", "frisbee"),
    _BOARD: ("skis", "snowboard", "skateboard", "surfboard"),
    _CYCLE: ("bicycle", "motorcycle"),
    _ANIMAL: ("horse", "elephant"),
    AttachedRule(contact=0.9, most_area=0.02): ("clock",),  # a wrist watch, not one on the wall
    AttachedRule(contact=0.04, gripped_from=0.7, most_area=3.0, centred=0.25, overhead=True): ("umbrella",),
    AttachedRule(contact=0.05, most_area=0.6): ("kite",),
    AttachedRule(contact=0.3, most_area=0.6): ("teddy bear",),
    AttachedRule(contact=0.3, gripped_from=0.33, both_sides=0.3, most_area=1.2, may_rest=False): ("laptop",),
}
TABLE: Mapping[str, AttachedRule] = MappingProxyType(
    {label: rule for rule, labels in _CLASSES.items() for label in labels}
)
"""The rules by COCO's class names; a class that is not here never goes along."""
