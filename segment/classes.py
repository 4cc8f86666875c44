"""Class names: COCO's 80, and the words for a name that is none of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache

# COCO's category slots in the order of their ids, as torchvision lists them ("N/A" where unused); written out
# so that a name can be checked without loading torchvision.
_CATEGORIES = (
    "__background__,person,bicycle,car,motorcycle,airplane,bus,train,truck,"
    "boat,traffic light,fire hydrant,N/A,stop sign,parking meter,bench,bird,cat,"
    "dog,horse,sheep,cow,elephant,bear,zebra,giraffe,N/A,"
    "backpack,umbrella,N/A,N/A,handbag,tie,suitcase,frisbee,skis,"
    "snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,"
    "N/A,wine glass,cup,fork,knife,spoon,bowl,banana,apple,"
    "sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,"
    "couch,potted plant,bed,N/A,dining table,N/A,N/A,toilet,N/A,"
    "tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,"
    "sink,refrigerator,N/A,book,clock,vase,scissors,teddy bear,hair drier,"
    "toothbrush"
)
COCO_CATEGORIES = tuple(_CATEGORIES.split(","))


def coco_categories() -> tuple[str, ...]:
    """COCO's 91 category slots in the order of their ids, as torchvision lists them ("N/A" where unused)."""
    return COCO_CATEGORIES


@cache
def coco_classes() -> tuple[str, ...]:
    """COCO's 80 class names, in the order of their ids."""
    return tuple(name for name in coco_categories() if name not in ("__background__", "N/A"))


def unknown_class(name: str, known: Sequence[str]) -> str:
    """One line for a class name that is not among ``known``: the nearest names, or all where none is near."""
    near = difflib.get_close_matches(str(name).lower(), known, n=3, cutoff=0.6)
    if near:
        return f"unknown class {name!r}: did you mean {' or '.join(repr(one) for one in near)}?"
    return f"unknown class {name!r}; known classes: {', '.join(known)}"
