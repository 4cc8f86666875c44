"""The shadows that objects cast, and their reflections in shiny floors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class FoundShadow:
    """The shadow of the objects of a photo.

    mask: bool (H, W), outside the objects. confidence: 0 to 1.
    """

    mask: np.ndarray
    confidence: float


def find_shadow(image: np.ndarray, objects: np.ndarray, *, others: np.ndarray | None = None) -> FoundShadow:
    """The shadow that `objects` cast.

    image: uint8 (H, W, 3) RGB. objects: bool (H, W), what casts it. others: bool (H, W), objects that stay.
    """
    return FoundShadow(np.zeros_like(objects), 0.0)
