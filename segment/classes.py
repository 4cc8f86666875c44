"""Class names: COCO's 80, and the errors for names that a model does not know."""

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


def check_classes(wanted: Sequence[str] | None, known: Sequence[str], *, segmenter: str) -> tuple[str, ...]:
    """The wanted class names, checked against those that ``segmenter`` knows; None = all of these.

    Raises TypeError for a single string, ValueError for a name that is not known: a COCO class that this
    model lacks is told which weights file it needs, any other name gets the nearest ones.
    """
    if wanted is None:
        return tuple(known)
    if isinstance(wanted, str):
        raise TypeError(f"expected a sequence of class names, got the string {wanted!r}")
    unknown = [name for name in wanted if name not in known]
    if unknown and unknown[0] in coco_classes():
        from segment.maskrcnn import MASKRCNN_V2

        raise ValueError(
            f"{segmenter!r} finds only {', '.join(known)}; {unknown[0]!r} needs Mask R-CNN's weights: "
            f"{MASKRCNN_V2.instructions()}"
        )
    if unknown:
        raise ValueError(unknown_class(unknown[0], coco_classes()))
    return tuple(wanted)


def unknown_class(name: str, known: Sequence[str]) -> str:
    """One line for a class name that is not among ``known``: the nearest names, then all of them."""
    near = difflib.get_close_matches(str(name).lower(), known, n=3, cutoff=0.6)
    hint = f" (did you mean {' or '.join(repr(one) for one in near)}?)" if near else ""
    return f"unknown class {name!r}{hint}; known classes: {', '.join(known)}"
