"""Which things go along with whom, as data: a rule per class name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
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
    lowest: tuple[float, float] = (-9.0, 9.0)
    """Where its lower end may lie, along the holder."""
    most_area: float = 9.0
    """Its greatest area, in areas of the holder."""
    centred: float = 9.0
    """How far the holder's middle may lie from its own, sideways, in widths of the object."""
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
            if isinstance(field.default, float) and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise TypeError(f"{field.name} must be a number, got {type(value).__name__}")


_WORN = AttachedRule()
_BAG = AttachedRule(contact=0.15, most_area=1.0, may_rest=False, may_stand=False, on_mount=True)
_HELD = AttachedRule(contact=0.15, gripped_from=0.3, lowest=(-1.0, 1.0), most_area=0.5, may_rest=False)
_BOARD = AttachedRule(kind="either", underfoot_reach=0.1, most_area=3.0)
_CYCLE = AttachedRule(kind="ridden", lowest=(0.85, 2.0), centred=0.6)
_ANIMAL = AttachedRule(kind="ridden", reach=0.1, lowest=(1.25, 4.0), centred=0.5)

TABLE: Mapping[str, AttachedRule] = MappingProxyType(
    {
        "tie": _WORN,
        "baseball glove": _WORN,
        "baseball bat": _WORN,
        "tennis racket": _WORN,
        "toothbrush": _WORN,
        "hair drier": _WORN,
        "scissors": _WORN,
        "cell phone": _WORN,
        "remote": _WORN,
        "clock": AttachedRule(contact=0.9, most_area=0.02),  # a wrist watch, not one on the wall
        "backpack": _BAG,
        "handbag": _BAG,
        "suitcase": _BAG,
        "umbrella": AttachedRule(contact=0.04, most_area=3.0, centred=0.25),
        "sports ball": AttachedRule(most_area=0.3),
        "frisbee": AttachedRule(most_area=0.3),
        "kite": AttachedRule(contact=0.05, most_area=0.6),
        "teddy bear": AttachedRule(contact=0.3, most_area=0.6),
        **dict.fromkeys(
            ("bottle", "wine glass", "cup", "bowl", "fork", "knife", "spoon", "book")
            + ("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake"),
            _HELD,
        ),
        **dict.fromkeys(("skis", "snowboard", "skateboard", "surfboard"), _BOARD),
        **dict.fromkeys(("bicycle", "motorcycle"), _CYCLE),
        **dict.fromkeys(("horse", "elephant"), _ANIMAL),
    }
)
"""The rules by COCO's class names; a class that is not here never goes along."""
