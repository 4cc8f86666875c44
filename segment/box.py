"""The object inside a box that a person drew."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

WORKING_SIDE_PX = 448  # long side of the window GrabCut works on
SMALLEST_SHARE = 0.08  # of the box; less than that is taken as nothing found
SMALLEST_EXTENT = 0.5  # of the box's width and height; less is a part of the object at best
SPECK_SHARE = 0.03  # of the largest region; smaller regions are dropped
HOLE_SHARE = 0.02  # of the mask; smaller holes are filled


def mask_from_box(image: np.ndarray, box: Sequence[float], *, seed: int = 0) -> np.ndarray:
    """Mask of the object that fills a box, bool (H, W).

    GrabCut (Rother et al. 2004) parts the box from its surroundings, at a working size; the outline is then
    moved onto the photo's own edges. Where what it finds does not fill the box, or the box leaves no
    surroundings to compare with, the whole box is the mask. Nothing outside the box is ever marked.

    image: uint8 (H, W, 3) RGB. box: x, y, width, height in pixels; what lies outside of the image is cut off.
    seed: of GrabCut's colour models; the same seed gives the same mask.

    Raises TypeError or ValueError for another image, and ValueError for a box that is not four finite
    numbers, has no area or lies outside of the image.
    """
    left, top, right, bottom = _inside(image, box)
    mask = np.zeros(image.shape[:2], dtype=bool)
    inside = mask[top:bottom, left:right]
    first_x, first_y, end_x, end_y = _window(image.shape[:2], left, top, right, bottom)
    window = image[first_y:end_y, first_x:end_x]
    in_window = (left - first_x, top - first_y, right - first_x, bottom - first_y)
    found = _grab_cut(window, in_window, seed)
    if found is not None:
        fitted = fit_to_edges(found, window)
        inside[:] = fitted[in_window[1] : in_window[3], in_window[0] : in_window[2]]
    extent = min(inside.any(axis=0).mean(), inside.any(axis=1).mean())
    if inside.mean() < SMALLEST_SHARE or extent < SMALLEST_EXTENT:
        inside[:] = True
    return mask


def corners_inside(image: np.ndarray, box: Sequence[float]) -> tuple[float, float, float, float]:
    """A box x, y, width, height as its two corners x, y, x, y, cut to the image; whole pixels.

    Raises as `mask_from_box` does.
    """
    left, top, right, bottom = _inside(image, box)
    return float(left), float(top), float(right), float(bottom)


def _inside(image: np.ndarray, box: Sequence[float]) -> tuple[int, int, int, int]:
    """The box as whole pixels inside the image, xyxy."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise TypeError(f"expected a uint8 image, got {getattr(image, 'dtype', type(image).__name__)}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected an image of shape (H, W, 3), got {image.shape}")
    numbers = np.asarray(box, dtype=np.float64)
    if numbers.shape != (4,) or not np.isfinite(numbers).all():
        raise ValueError(f"expected a box of four numbers x, y, width, height, got {box}")
    x, y, width, height = numbers
    if width <= 0 or height <= 0:
        raise ValueError(f"expected a box with a width and height above 0, got {box}")
    left, top = max(0, round(x)), max(0, round(y))
    right, bottom = min(image.shape[1], round(x + width)), min(image.shape[0], round(y + height))
    if left >= right or top >= bottom:
        raise ValueError(
            f"box {box} lies outside of the image ({image.shape[1]} x {image.shape[0]}, width x height)"
        )
    return left, top, right, bottom


def _window(size: tuple[int, int], left: int, top: int, right: int, bottom: int) -> tuple[int, int, int, int]:
    """The box with enough surroundings to learn their colours from."""
    margin = max(12, round(0.3 * max(right - left, bottom - top)))
    height, width = size
    return (
        max(0, left - margin),
        max(0, top - margin),
        min(width, right + margin),
        min(height, bottom + margin),
    )


def _grab_cut(window: np.ndarray, box: tuple[int, int, int, int], seed: int) -> np.ndarray | None:
    """The object in ``box`` (xyxy), uint8 0 or 1 (h, w) at the working size; None where it cannot be told."""
    scale = min(1.0, WORKING_SIDE_PX / max(window.shape[:2]))
    size = tuple(max(1, round(side * scale)) for side in window.shape[1::-1])
    small = np.ascontiguousarray(cv2.resize(window, size, interpolation=cv2.INTER_AREA))
    left, top, right, bottom = (round(side * scale) for side in box)
    trimap = np.full(small.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    trimap[top:bottom, left:right] = cv2.GC_PR_FGD
    fewest = 10  # pixels of either kind, to fit five colour Gaussians to
    if min((trimap == cv2.GC_BGD).sum(), (trimap == cv2.GC_PR_FGD).sum()) < fewest:
        return None
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(seed)
    cv2.grabCut(small, trimap, (0, 0, 0, 0), background, foreground, 5, cv2.GC_INIT_WITH_MASK)
    return _without_specks((trimap == cv2.GC_PR_FGD).astype(np.uint8))


def _without_specks(mask: np.ndarray) -> np.ndarray:
    """Small regions dropped and small holes filled; uint8 0 or 1 (h, w)."""
    count, regions, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    kept = (areas >= SPECK_SHARE * areas.max())[regions]
    _, holes, stats, _ = cv2.connectedComponentsWithStats(1 - kept.astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] <= HOLE_SHARE * kept.sum()
    small[0] = False
    result: np.ndarray = (kept | small[holes]).astype(np.uint8)
    return result


def fit_to_edges(mask: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A small mask, 0 to 1 (h, w), brought to the size of ``image``, on its edges; bool (H, W).

    Fast guided filter with a grey guide (He and Sun 2015, arXiv 1505.00996): the filter's coefficients come
    from the small images, and are applied to the large one. A mask of the image's own size stays as it is.
    """
    if mask.shape == image.shape[:2]:
        return mask > 0.5
    guide = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(guide, mask.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    soft, window = mask.astype(np.float32), (5, 5)
    mean_guide, mean_soft = cv2.blur(small, window), cv2.blur(soft, window)
    covariance = cv2.blur(small * soft, window) - mean_guide * mean_soft
    variance = cv2.blur(small * small, window) - mean_guide * mean_guide
    slope = covariance / (variance + 1e-3)
    offset = mean_soft - slope * mean_guide
    large_slope, large_offset = (
        cv2.resize(cv2.blur(part, window), image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        for part in (slope, offset)
    )
    return large_slope * (guide.astype(np.float32) / 255) + large_offset > 0.5
