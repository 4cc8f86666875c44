"""How well a mask covers what it should: two masks of one photo against each other.

All take bool (H, W) masks of one size, first the one that is judged, then the true one. TypeError for another
type, ValueError for another size.
"""

from __future__ import annotations

import math

import numpy as np

BOUNDARY_TOLERANCE = 0.008


def union_iou(mask: np.ndarray, reference: np.ndarray) -> float:
    """Intersection over union, 0 to 1 (equal), higher is better (Jaccard 1912); 1 where both are empty.

    ``reference`` is the union of all objects of the wanted classes in the photo, so that this says how well
    the pixels were found, not the instances.
    """
    _check_masks(mask, reference)
    union = int(np.count_nonzero(mask | reference))
    return int(np.count_nonzero(mask & reference)) / union if union else 1.0


def leak(mask: np.ndarray, target: np.ndarray) -> float:
    """Share of the target's pixels that the mask leaves uncovered: 0 (none) to 1, lower is better.

    What leaks stays visible after removal. ValueError where the target is empty.
    """
    _check_masks(mask, target)
    return int(np.count_nonzero(target & ~mask)) / _area(target)


def spill(mask: np.ndarray, target: np.ndarray) -> float:
    """Pixels covered outside the target over the target's pixels: 0 (none) and up, lower is better.

    Background that is painted over without need. ValueError where the target is empty.
    """
    _check_masks(mask, target)
    return int(np.count_nonzero(mask & ~target)) / _area(target)


def boundary_f(mask: np.ndarray, reference: np.ndarray, *, tolerance: float = BOUNDARY_TOLERANCE) -> float:
    """Boundary F-measure, 0 to 1 (outlines match), higher is better (Martin 2004; DAVIS, Perazzi 2016).

    Harmonic mean of the share of the mask's outline that lies near the reference's and of the reverse.
    Near: at most ``tolerance`` times the picture's diagonal, rounded up to whole pixels. The outline runs
    between pixels that differ and is noted at the upper left of them; the picture's border is no outline. 1
    where neither mask has an outline, 0 where only one has.

    Raises ValueError for a negative tolerance too.
    """
    _check_masks(mask, reference)
    if tolerance < 0:
        raise ValueError(f"expected a tolerance of 0 or more, got {tolerance}")
    ours, theirs = _outline(mask), _outline(reference)
    if not ours.any() or not theirs.any():
        return 1.0 if ours.any() == theirs.any() else 0.0
    radius_px = math.ceil(tolerance * math.hypot(*mask.shape))
    precision = _share_near(ours, theirs, radius_px)
    recall = _share_near(theirs, ours, radius_px)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _outline(mask: np.ndarray) -> np.ndarray:
    """Pixels that differ from the one to the right, below, or right below."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    result: np.ndarray = (mask != padded[:-1, 1:]) | (mask != padded[1:, :-1]) | (mask != padded[1:, 1:])
    return result


def _share_near(outline: np.ndarray, other: np.ndarray, radius_px: int) -> float:
    import cv2

    distance = cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(np.count_nonzero(distance[outline] <= radius_px + 1e-3)) / int(np.count_nonzero(outline))


def _area(target: np.ndarray) -> int:
    area = int(np.count_nonzero(target))
    if area == 0:
        raise ValueError("expected a target of at least one pixel, got an empty one")
    return area


def _check_masks(mask: np.ndarray, reference: np.ndarray) -> None:
    for array in (mask, reference):
        if array.dtype != np.bool_:
            raise TypeError(f"expected bool masks, got {array.dtype}")
        if array.ndim != 2:
            raise ValueError(f"expected masks of shape (H, W), got {array.shape}")
    if mask.shape != reference.shape:
        raise ValueError(f"expected masks of one size, got {mask.shape} and {reference.shape}")
