"""How near a filled photo comes to the known background."""

from __future__ import annotations

import numpy as np


def psnr(image: np.ndarray, reference: np.ndarray, where: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB, 10 log10(255^2 / MSE); infinite where both are equal.

    image, reference: uint8 (H, W, 3). where: bool (H, W), the pixels that count; None = all.
    Raises ValueError where sizes differ or no pixel counts.
    """
    if image.shape != reference.shape:
        raise ValueError(f"expected images of one shape, got {image.shape} and {reference.shape}")
    difference = image.astype(np.float64) - reference
    if where is not None:
        if where.shape != image.shape[:2]:
            raise ValueError(f"expected `where` of shape {image.shape[:2]}, got {where.shape}")
        difference = difference[where]
    if difference.size == 0:
        raise ValueError("expected at least one pixel to compare, got none")
    error = float(np.mean(difference**2))
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))
