"""From a detector's mask to one worth removing: NumPy and OpenCV only, loaded when first used."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postprocess.recipe import MaskRecipe, RefinedMask, refine_mask

__all__ = ["MaskRecipe", "RefinedMask", "refine_mask"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(importlib.import_module("postprocess.recipe"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
