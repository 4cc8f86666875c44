"""Shape operations on masks: each takes a bool (H, W) mask and returns a new one, True = remove.

Distances are Euclidean, in pixels between pixel centres; objects are 8-connected, their holes 4-connected.
The work is done in boxes around what is marked, so that its cost follows the objects and not the photo.
"""

from collections.abc import Callable, Iterator, Mapping

import cv2
import numpy as np

# Up to this radius a direct dilation is quicker than the distance transform (measured at 24 MP on two cores).
KERNEL_MAX_RADIUS_PX = 14
# Side of the cells in which regions are looked for: small against an object, few even in a 24 MP photo.
CELL_PX = 32

Box = tuple[slice, slice]


def thicken(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Add every pixel within `radius_px` of the mask (dilation by an exact Euclidean disc).

    mask: bool (H, W). radius_px: pixels, >= 0; below 1 nothing is added. Returns bool (H, W).
    Raises TypeError or ValueError for anything else.
    """
    check_mask(mask)
    _check_amount("radius_px", radius_px)
    return _in_regions(mask, radius_px, lambda crop: _dilate(crop, radius_px))


def close(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Bridge gaps narrower than twice `radius_px`: dilation by a Euclidean disc, then erosion by the same.

    mask: bool (H, W); the area beyond the photo counts as not marked. radius_px: pixels, >= 0; below 1
    nothing changes. Returns bool (H, W), a superset of `mask`. Raises TypeError or ValueError for anything
    else.
    """
    check_mask(mask)
    _check_amount("radius_px", radius_px)
    reach = int(radius_px) + 1

    def closed(crop: np.ndarray) -> np.ndarray:
        height, width = crop.shape
        room = np.pad(crop, reach)  # the dilation must not be cut off at the photo's edge
        return ~_dilate(~_dilate(room, radius_px), radius_px)[reach : reach + height, reach : reach + width]

    return _in_regions(mask, 2 * reach, closed)


def smooth(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Round the outline: bumps and notches smaller than `radius_px` go, longer thin parts stay whole.

    A Gaussian of sigma `radius_px` / 2 is thresholded at one half. What that takes from the mask further than
    `radius_px` from the rest (a strap, a finger, a thin pole) is given back with its root, and what it adds
    that far from the rest of the outside (a slit) is taken out again.

    mask: bool (H, W). radius_px: pixels, >= 0; below 1 nothing changes. Returns bool (H, W).
    Raises TypeError or ValueError for anything else.
    """
    check_mask(mask)
    _check_amount("radius_px", radius_px)
    if radius_px < 1:
        return mask.copy()

    def smoothed(crop: np.ndarray) -> np.ndarray:
        levels = np.where(crop, np.uint8(255), np.uint8(0))
        rounded = cv2.GaussianBlur(levels, (0, 0), radius_px / 2, borderType=cv2.BORDER_REPLICATE) > 127
        thin = _far_from_rest(crop & ~rounded, crop & rounded, radius_px)
        slit = _far_from_rest(~crop & rounded, ~crop & ~rounded, radius_px)
        result: np.ndarray = (rounded | thin) & ~slit
        return result

    return _in_regions(mask, 4 * radius_px + 2, smoothed)


def fill_holes(mask: np.ndarray, max_area_px: float | None = None) -> np.ndarray:
    """Fill holes: areas enclosed by the mask that do not reach the photo's edge.

    mask: bool (H, W). max_area_px: larger holes stay open (islands inside a hole count as hole); None =
    fill all. Returns bool (H, W), a superset of `mask`. Raises TypeError or ValueError for anything else.
    """
    check_mask(mask)
    if max_area_px is not None:
        _check_amount("max_area_px", max_area_px)
    filled = np.ascontiguousarray(mask).astype(np.uint8)
    contours, hierarchy = _contours(mask)
    for contour, parent in zip(contours, hierarchy, strict=True):
        # Pick's theorem: a hole's contour runs on the mask's own pixels, the hole is what lies strictly
        # within.
        area = cv2.contourArea(contour) - len(contour) / 2 + 1
        if parent >= 0 and (max_area_px is None or area <= max_area_px):
            cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED)
    return filled.view(bool)


def drop_specks(mask: np.ndarray, min_area_px: float) -> np.ndarray:
    """Drop objects smaller than `min_area_px` (holes counted in, so that a ring is as large as its disc).

    mask: bool (H, W). min_area_px: pixels, >= 0; up to 1 nothing is dropped. Returns bool (H, W), a subset of
    `mask`. Raises TypeError or ValueError for anything else.
    """
    check_mask(mask)
    _check_amount("min_area_px", min_area_px)
    contours, hierarchy = _contours(mask)
    specks = [
        contour
        for contour, parent in zip(contours, hierarchy, strict=True)
        if parent < 0 and enclosed_area_px(contour) < min_area_px
    ]
    kept = np.ascontiguousarray(mask).astype(np.uint8)
    if specks:
        cv2.drawContours(kept, specks, -1, 0, cv2.FILLED)
    return kept.view(bool)


def outlines(mask: np.ndarray) -> list[np.ndarray]:
    """The outer outline of each object: int32 (N, 1, 2) arrays of x, y, one entry per step along the edge."""
    contours, hierarchy = _contours(mask)
    return [contour for contour, parent in zip(contours, hierarchy, strict=True) if parent < 0]


def enclosed_area_px(outline: np.ndarray) -> float:
    """Pixels on and within an outline of `outlines`, by Pick's theorem: holes counted in."""
    return cv2.contourArea(outline) + len(outline) / 2 + 1


def connected_to(seeds: np.ndarray, area: np.ndarray, *, connectivity: int = 8) -> np.ndarray:
    """The connected pieces of `area` that hold a seed: bool (H, W), as are `seeds` and `area`.

    connectivity: 8, or 4 where pieces that touch at a corner are two.
    """
    count, labels = cv2.connectedComponents(area.view(np.uint8), connectivity=connectivity)
    held = np.zeros(count, bool)
    held[labels[seeds]] = True
    held[0] = False
    result: np.ndarray = held[labels]
    return result


def check_mask(mask: np.ndarray, name: str = "mask") -> None:
    """Raise TypeError unless `mask` is a bool array and ValueError unless it has two dimensions."""
    if not isinstance(mask, np.ndarray) or mask.dtype != bool:
        got = f"{mask.dtype} array" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise TypeError(f"{name} must be a bool array of shape (H, W), got {got}")
    if mask.ndim != 2:
        raise ValueError(f"{name} must have shape (H, W), got {mask.shape}")


def check_photo(image: np.ndarray, masks: Mapping[str, np.ndarray | None]) -> None:
    """Raise TypeError or ValueError unless these are a photo, uint8 (H, W, 3), and masks of its size.

    masks: bool (H, W) each, by the name an error calls them; None = not given.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        got = f"{image.dtype} array" if isinstance(image, np.ndarray) else type(image).__name__
        raise TypeError(f"image must be a uint8 array of shape (H, W, 3), got {got}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image must have shape (H, W, 3), got {image.shape}")
    for name, mask in masks.items():
        if mask is None:
            continue
        check_mask(mask, name)
        if mask.shape != image.shape[:2]:
            raise ValueError(f"{name} must have the image's shape {image.shape[:2]}, got {mask.shape}")


def _check_amount(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number of pixels, got {type(value).__name__}")
    if not (0 <= value < float("inf")):
        raise ValueError(f"{name} must be a finite number >= 0, got {value}")


def _contours(mask: np.ndarray) -> tuple[list[np.ndarray], list[int]]:
    """Outlines of objects (parent -1) and of their holes (parent = index of the object's outline)."""
    room = np.pad(mask, 1).view(np.uint8)  # OpenCV would drop pixels on the photo's edge
    contours, hierarchy = cv2.findContours(room, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(-1, -1))
    return list(contours), ([] if hierarchy is None else hierarchy[0, :, 3].tolist())


def regions(mask: np.ndarray, reach_px: float) -> Iterator[Box]:
    """Disjoint boxes that hold every marked pixel and all pixels within `reach_px` of one."""
    height, width = mask.shape
    # Row bands one by one: any() of a band is many times quicker than reduceat over the whole.
    bands = [mask[top : top + CELL_PX].any(axis=0) for top in range(0, height, CELL_PX)]
    cells = np.logical_or.reduceat(np.stack(bands), np.arange(0, width, CELL_PX), axis=1)
    margin = int(np.ceil(reach_px / CELL_PX))
    grid = cv2.dilate(cells.astype(np.uint8), np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    boxes: list[tuple[int, int, int, int]] = []
    while True:
        count, _, stats, _ = cv2.connectedComponentsWithStats(grid, connectivity=8)
        if count - 1 == len(boxes):
            break
        boxes = [tuple(row[:4]) for row in stats[1:].tolist()]
        for (
            x,
            y,
            w,
            h,
        ) in boxes:  # boxes of separate shapes can overlap: painted full, they join in the next round
            grid[y : y + h, x : x + w] = 1
    for x, y, w, h in boxes:
        yield (
            slice(y * CELL_PX, min(height, (y + h) * CELL_PX)),
            slice(x * CELL_PX, min(width, (x + w) * CELL_PX)),
        )


def _in_regions(mask: np.ndarray, reach_px: float, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply `change` box by box; its result at a pixel may depend on the mask within `reach_px` only."""
    changed = np.zeros(mask.shape, bool)
    if mask.size:
        for box in regions(mask, reach_px):
            changed[box] = change(np.ascontiguousarray(mask[box]))
    return changed


def _dilate(mask: np.ndarray, radius_px: float) -> np.ndarray:
    if radius_px < 1 or not mask.any():
        return mask.copy()
    if radius_px <= KERNEL_MAX_RADIUS_PX:
        reach = int(radius_px)
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        disc = (x * x + y * y <= radius_px * radius_px).astype(np.uint8)
        return cv2.dilate(mask.view(np.uint8), disc).view(bool)
    distance = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # The exact distance of a pixel is the root of a whole number; float32 rounding must not lose the last
    # ring.
    return distance <= np.float32(radius_px + 1e-3)


def _far_from_rest(part: np.ndarray, rest: np.ndarray, radius_px: float) -> np.ndarray:
    """The pieces of `part` that reach further than `radius_px` from `rest`, down to where they meet it."""
    # The square within the disc is many times quicker to dilate by, and on most outlines nothing is further.
    half = int(radius_px / 2**0.5)
    square = np.ones((2 * half + 1, 2 * half + 1), np.uint8)
    if not (part & ~cv2.dilate(rest.view(np.uint8), square).view(bool)).any():
        return np.zeros_like(part)
    far = part & ~_dilate(rest, radius_px)
    result: np.ndarray = _dilate(far, radius_px + 1) & part
    return result
