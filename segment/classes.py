"""Class names: COCO's 80, and the words for a name that is none of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache


@cache
def coco_categories() -> tuple[str, ...]:
    """COCO's 91 category slots in the order of their ids, as torchvision lists them ("N/A" where unused)."""
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights

    return tuple(MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1.meta["categories"])


@cache
def coco_classes() -> tuple[str, ...]:
    """COCO's 80 class names, in the order of their ids."""
    return tuple(name for name in coco_categories() if name not in ("__background__", "N/A"))


def unknown_class(name: str, known: Sequence[str]) -> str:
    """One line for a class name that is not among ``known``: the nearest names, then all of them."""
    near = difflib.get_close_matches(str(name).lower(), known, n=3, cutoff=0.6)
    hint = f" (did you mean {' or '.join(repr(one) for one in near)}?)" if near else ""
    return f"unknown class {name!r}{hint}; known classes: {', '.join(known)}"
