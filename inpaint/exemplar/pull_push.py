"""Smooth fill of holes by a pyramid (Gortler et al. 1996, section 5.4: pull and push)."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.exemplar.pyramid import halve


def pull_push(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fill a hole smoothly from what is around it.

    Args:
        image: uint8 (H, W, 3); what lies in the hole has no influence.
        hole: bool (H, W); where it is everything, the result is black.

    Returns:
        uint8 (H, W, 3), equal to `image` outside of the hole.
    """
    known = (~hole).astype(np.float32)
    colours, weights = [image * known[..., None]], [known]
    while (weights[-1] == 0).any() and max(weights[-1].shape) > 1:
        share = halve(weights[-1])
        colours.append(halve(colours[-1] * weights[-1][..., None]) / np.maximum(share, 1e-6)[..., None])
        weights.append(np.minimum(4 * share, 1))
    filled = colours[-1]
    for colour, weight in zip(colours[-2::-1], weights[-2::-1], strict=True):
        height, width = weight.shape
        below = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
        filled = below + weight[..., None] * (colour - below)
    return np.where(hole[..., None], np.clip(np.rint(filled), 0, 255).astype(np.uint8), image)
