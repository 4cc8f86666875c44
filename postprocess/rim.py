"""The rim of an object that its mask misses, found where the photo shows the object's edge.

Each pixel near the outline is judged by its colour: does it occur among the colours just inside the mask, or
among those just outside the band (`postprocess.local_colours`)? Where colours do not tell, the distance to
the outline decides.
"""

import cv2
import numpy as np

from postprocess.local_colours import colour_score
from postprocess.morphology import Box, check_mask, connected_to, regions, thicken

# The band is this many times as wide as what is added where the photo shows no edge.
BAND_PER_RADIUS = 2.5
# Colours are gathered up to this many bands from the outline.
REACH_BANDS = 3.0
# All that is looked at lies within this many of the radii given, from the mask.
REACH_RADII = REACH_BANDS * BAND_PER_RADIUS
# A band this wide tells the edge well enough: wider ones are looked at in a smaller photo.
BAND_PX = 16.0
COLOUR_WEIGHT = 2.0  # of the log ratio of the shares, against the distance to the outline
# More regions than this (dust, confetti): the smaller ones are grown without a look at the photo.
MOST_REGIONS = 48


def grow_to_edge(
    image: np.ndarray,
    mask: np.ndarray,
    radius_px: float,
    *,
    margin_px: float = 2.0,
    outside: np.ndarray | None = None,
    aside: np.ndarray | None = None,
) -> np.ndarray:
    """Grow a mask to the edge of its objects, and by a margin beyond.

    image: uint8 (H, W, 3), RGB. mask: bool (H, W). radius_px: how far the mask grows, margin and all, where
    the photo shows no edge; edges are looked for up to 2.5 times as far. margin_px: added beyond the edge;
    none is needed where the mask lies beyond the edge already. Pixels, >= 0. outside: bool (H, W), known not
    to belong to the objects, never added. aside: bool (H, W), told neither for the objects nor against them.
    None = none. Returns bool (H, W), a superset of `mask`. Raises TypeError or ValueError for a mask of
    another type or shape.
    """
    check_mask(mask)
    margin_px = min(margin_px, radius_px)
    reach_px = BAND_PER_RADIUS * (radius_px - margin_px)
    if reach_px < 1:
        return _without(thicken(mask, radius_px), outside, mask)
    grown = mask.copy()
    boxes = sorted(regions(mask, REACH_BANDS * reach_px + 2), key=_area_px, reverse=True)
    for index, box in enumerate(boxes):
        part = np.ascontiguousarray(mask[box])
        if index < MOST_REGIONS:
            others = None if outside is None else outside[box]
            beside = None if aside is None else aside[box]
            grown[box] |= _grow_region(image[box], part, reach_px, margin_px, others, beside)
        else:
            grown[box] |= thicken(part, radius_px)
    return _without(grown, outside, mask)


def _without(grown: np.ndarray, outside: np.ndarray | None, mask: np.ndarray) -> np.ndarray:
    return grown if outside is None else grown & (mask | ~outside)


def _area_px(box: Box) -> int:
    result: int = (box[0].stop - box[0].start) * (box[1].stop - box[1].start)
    return result


def _grow_region(
    image: np.ndarray,
    mask: np.ndarray,
    band_px: float,
    margin_px: float,
    outside: np.ndarray | None,
    aside: np.ndarray | None,
) -> np.ndarray:
    """`grow_to_edge` in one region, in a smaller photo when the band is wide."""
    height, width = mask.shape
    factor = max(1.0, min(band_px / BAND_PX, margin_px))
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    inner = shrink_keeping_any(mask, size)
    edge = object_in_band(
        small,
        inner,
        band_px / factor,
        outside=None if outside is None else shrink_keeping_any(outside, size) & ~inner,
        aside=None if aside is None else shrink_keeping_any(aside, size) & ~inner,
    )
    distance = cv2.distanceTransform((~edge).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    if factor == 1:
        return distance <= np.float32(margin_px + 1e-3)
    # Fractions of a pixel as whole numbers: bytes are enlarged several times quicker than floats.
    steps = 255 / (2 * margin_px / factor + 2)
    levels = np.clip(distance * np.float32(steps), 0, 255).astype(np.uint8)
    levels = cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR)
    result: np.ndarray = levels <= int(steps * margin_px / factor)
    return result


def shrink_keeping_any(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A bool mask at a smaller size (width, height): marked where any pixel was, so that no strap is lost."""
    height, width = mask.shape
    if (width, height) == size:
        return np.ascontiguousarray(mask)
    levels = np.where(mask, np.uint8(255), np.uint8(0))
    return cv2.resize(levels, size, interpolation=cv2.INTER_AREA) > 0


def object_in_band(
    image: np.ndarray,
    mask: np.ndarray,
    band_px: float,
    *,
    outside: np.ndarray | None = None,
    aside: np.ndarray | None = None,
) -> np.ndarray:
    """Where the object is, as the photo has it, within `band_px` of the mask's outline on either side.

    image: uint8 (H, W, 3), RGB. mask, outside, aside: bool (H, W), as in `grow_to_edge`. Returns bool (H, W):
    the mask further inside than the band, nothing further outside than it, and nothing apart from the mask.
    """
    away = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    deep = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    signed = away - deep
    near = np.abs(signed) <= REACH_BANDS * band_px
    ground = (signed > band_px) & near
    if outside is not None:
        ground |= outside & near
    if aside is not None:
        ground &= ~aside
    # Far inside, pixels count fully; at the outline, which may lie outside the object, hardly.
    inside = np.clip(deep / np.float32(band_px), 0, 1) ** 2
    inside[~near] = 0
    score = 1 - BAND_PER_RADIUS * np.clip(signed / np.float32(band_px), -1, 1)
    if ground.any() and inside.any():
        judged = np.abs(signed) <= band_px + 2
        score += COLOUR_WEIGHT * colour_score(image, near, judged, inside, ground, band_px)
    score = cv2.GaussianBlur(score, (0, 0), 0.8)
    found = (score > 0) & (signed <= band_px) | (signed < -band_px)
    if outside is not None:
        found &= ~outside
    result: np.ndarray = found & connected_to(mask, found | mask)
    return result
