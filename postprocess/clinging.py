"""What sticks to an object without having been detected: a cane, a trailing coat, a bag."""

from __future__ import annotations

import numpy as np


def clinging_region(
    image: np.ndarray, objects: np.ndarray, *, others: np.ndarray | None = None
) -> np.ndarray:
    """What sticks to the outline of `objects`, stands out from the background and belongs to nothing else.

    image: uint8 (H, W, 3) RGB. objects, others: bool (H, W). Returns bool (H, W), outside `objects`.
    """
    return np.zeros_like(objects)
