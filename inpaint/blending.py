"""Gradient-domain evening of the colour step between a fill and its surroundings."""

import cv2
import numpy as np

from inpaint.boxes import slices_around

BAND_PX = 3
"""Width of the bands on both sides of the edge whose colours are compared, and of the windows for it."""
AVERAGE_PX = 31
"""Length of the piece of edge over which trusted steps are averaged, so that texture cancels out."""
REAL_EDGE_LEVELS = 48.0
"""A step this far from the usual one is taken for a real edge that happens to run along the hole, and left
alone."""
USUAL_STEP_LEVELS = 24.0
"""The usual step, the median along the edge, counts up to this: what is farther off all round is no shift."""


def even_seams(image: np.ndarray, fill: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Shift a fill's colours so that they meet the surroundings at the hole's edge.

    The fill keeps its gradients: a smooth membrane is added that equals the colour step at the edge and is
    as flat as can be inside (Perez et al. 2003, section 2, guided interpolation; Farbman et al. 2009). The
    membrane is interpolated by pull-push (Gortler et al. 1996, section 3.4) and not solved exactly. A
    step counts the less the farther it is from the usual one (not from 0, which would favour the texture's
    steps against the shift), and not at all from `REAL_EDGE_LEVELS` on, so a real edge does not bleed.

    Args:
        image: uint8 (H, W, 3); what lies in the hole is not read.
        fill: uint8 (H, W, 3); only its pixels in the hole are read.
        mask: bool (H, W), True = hole; empty or full gives a copy of the fill.

    Returns:
        uint8 (H, W, 3): the fill with the membrane added inside the hole; outside it equals `fill`.

    Raises:
        ValueError: the sizes differ.
    """
    if image.shape != fill.shape or mask.shape != image.shape[:2]:
        raise ValueError(
            f"expected image, fill and mask of one size, got {image.shape}, {fill.shape}, {mask.shape}"
        )
    evened = fill.copy()
    if not mask.any() or mask.all():
        return evened
    box = slices_around(mask, AVERAGE_PX)
    hole = mask[box].astype(np.float32)
    step, weight = _edge_step(image[box], fill[box], hole)
    membrane = pull_push(step, weight)
    shifted = np.clip(np.rint(fill[box] + membrane), 0, 255).astype(np.uint8)
    np.copyto(evened[box], shifted, where=mask[box][..., None])
    return evened


def _edge_step(image: np.ndarray, fill: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour step (outside minus inside) along the inner edge and how far it is to be trusted, 0 to 1."""
    side = 2 * BAND_PX + 1
    kernel = np.ones((side, side), np.uint8)
    outer = cv2.dilate(hole, kernel) - hole
    inner = hole - cv2.erode(hole, kernel)
    outer_mean, outer_share = _local_mean(image, outer, side)
    inner_mean, inner_share = _local_mean(fill, inner, side)
    step = outer_mean - inner_mean
    known = (inner > 0) & (outer_share > 0) & (inner_share > 0)
    if not known.any():
        return np.zeros_like(step), np.zeros_like(hole)
    usual = np.clip(np.median(step[known], axis=0), -USUAL_STEP_LEVELS, USUAL_STEP_LEVELS)
    size = np.abs(step - usual).max(axis=2) / REAL_EDGE_LEVELS
    trust = np.square(np.clip(1 - np.square(size), 0, 1)) * known
    average, _ = _local_mean(step, trust, AVERAGE_PX)
    return average, trust


def _local_mean(values: np.ndarray, weight: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    border = cv2.BORDER_REFLECT_101
    total = cv2.boxFilter(values.astype(np.float32) * weight[..., None], -1, (side, side), borderType=border)
    share = cv2.boxFilter(weight, -1, (side, side), borderType=border)
    share[share < 1e-6] = 0  # running sums leave a trace where nothing was added
    return total / np.maximum(share, 1e-6)[..., None], share


def pull_push(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Spread weighted values smoothly over the whole array (Gortler et al. 1996, section 3.4).

    Args:
        values: float32 (H, W, C).
        weight: float32 (H, W), 0 to 1; 0 = nothing known here, 1 = the value stands.

    Returns:
        float32 (H, W, C); zero everywhere where no weight is above zero.
    """
    return _pull_push(values * weight[..., None], weight)


def _pull_push(weighted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    height, width = weight.shape
    known = np.minimum(weight, 1.0)[..., None]
    own = weighted / np.maximum(weight, 1e-8)[..., None]
    if min(height, width) <= 2:
        total = weight.sum()
        rest = weighted.sum(axis=(0, 1)) / total if total > 0 else np.zeros(weighted.shape[2], np.float32)
        result: np.ndarray = (own * known + rest * (1 - known)).astype(np.float32)
        return result
    # Four times the mean is the sum that a cell of four pixels holds: a coarse cell counts as known as soon
    # as about one of its pixels is.
    coarse_weight = 4 * cv2.pyrDown(weight)
    coarse = 4 * cv2.pyrDown(weighted).reshape(*coarse_weight.shape, -1)
    scale = 1 / np.maximum(coarse_weight, 1.0)
    spread = _pull_push(coarse * scale[..., None], coarse_weight * scale)
    spread = cv2.pyrUp(spread, dstsize=(width, height)).reshape(height, width, -1)
    result = own * known + spread * (1 - known)
    return result
