"""Photos and masks at a smaller size, to look at what is large in them."""

from __future__ import annotations

import cv2
import numpy as np


def scaled(levels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """To `size` (width, height) in pixels: the mean of what falls into a pixel, or linear where it grows.

    levels: uint8 (H, W) or (H, W, 3). Returns uint8 of that size.
    """
    smaller = size[0] < levels.shape[1]
    return np.asarray(cv2.resize(levels, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR))


def mask_levels(mask: np.ndarray) -> np.ndarray:
    """A bool mask as uint8, 255 where True: what `scaled` makes of it is the share of True pixels."""
    return mask.view(np.uint8) * np.uint8(255)
