"""Layers through which the photo is seen: filling them loses more than leaving them."""

import cv2
import numpy as np

LEAST_PX = 8
"""Damage less wide is filled whatever it is: a thin line is filled well."""
RIM_PX = 6
"""So far on either side of the edge colours are compared."""
LEAST_LEFT = 0.3
"""Share of the photo's contrast that must be seen through."""
LEAST_LIKENESS = 0.6
"""Correlation, squared, of the colours within along the edge with those outside."""
LEAST_SPREAD = 8.0
"""Deviation of the colours outside along the edge, of 255; where they hardly change nothing can be told."""
_LEAST_PIXELS = 50


def seen_through(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The connected parts of a mask in which the photo goes on, paler or darker; bool (H, W).

    Behind a layer of one colour and opacity, `I = (1 - a) J + a C`, the colours just within its edge are a
    linear function of those just outside; behind opaque damage they are the same everywhere.

    image: uint8 (H, W, 3). mask: bool (H, W).
    """
    result = np.zeros_like(mask)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    for label, (left, top, width, height, area) in enumerate(boxes):
        if label == 0 or min(width, height) < LEAST_PX or area < _LEAST_PIXELS:
            continue
        rows = slice(max(0, top - RIM_PX), top + height + RIM_PX)
        columns = slice(max(0, left - RIM_PX), left + width + RIM_PX)
        part = labels[rows, columns] == label
        if _goes_on(image[rows, columns], part, ~mask[rows, columns]):
            result[rows, columns] |= part
    return result


def _goes_on(image: np.ndarray, part: np.ndarray, outside: np.ndarray) -> bool:
    depth = cv2.distanceTransform(np.pad(part, 1).view(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    if depth.max() < LEAST_PX / 2:
        return False
    within, support_in = _local_mean(image, depth > 1.5)
    beyond, support_out = _local_mean(image, outside)
    rim = part & (depth <= RIM_PX) & (support_in > 0.1) & (support_out > 0.1)
    if rim.sum() < _LEAST_PIXELS:
        return False
    inner, outer = (values[rim] - values[rim].mean(axis=0) for values in (within, beyond))
    spread, together = float((outer**2).mean()), float((outer * inner).mean())
    if spread < LEAST_SPREAD**2:
        return False
    likeness = together**2 / (spread * max(float((inner**2).mean()), 1e-6))
    return together / spread >= LEAST_LEFT and likeness >= LEAST_LIKENESS


def _local_mean(image: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 (h, w, 3) of the counted pixels around each pixel, and their share, float32 (h, w)."""
    window = (2 * RIM_PX + 1,) * 2
    share = cv2.blur(counted.astype(np.float32), window)
    total = cv2.blur(image.astype(np.float32) * counted[..., None], window)
    return total / np.maximum(share, 1e-6)[..., None], share
