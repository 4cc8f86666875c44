"""What goes along with a person: things carried, worn, held or ridden."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

ATTACHED_CHOICES = ("none", "carried", "ridden", "all")


def attached_objects(
    labels: Sequence[str],
    boxes: np.ndarray,
    mask_of: Callable[[int], np.ndarray],
    wanted: Sequence[int],
    *,
    kinds: str = "all",
) -> list[int]:
    """Which detections go along with the wanted ones, by index.

    labels: class name of each detection. boxes: float (N, 4) xyxy pixels. mask_of: index -> bool (H, W).
    wanted: indices of the detections to remove. kinds: one of ATTACHED_CHOICES.
    """
    return []


def clinging_region(
    image: np.ndarray, objects: np.ndarray, *, others: np.ndarray | None = None
) -> np.ndarray:
    """What sticks to the outline of `objects`, stands out from the background and belongs to nothing else.

    image: uint8 (H, W, 3) RGB. objects, others: bool (H, W). Returns bool (H, W), outside `objects`.
    """
    return np.zeros_like(objects)
