"""The shadows that objects cast, and their reflections in shiny floors."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from postprocess.ground import SEARCH_SIDE_PX, Surroundings, check_photo, shrink, surroundings
from postprocess.shadow_evidence import Witness
from postprocess.shadow_judge import likelihood
from postprocess.shadow_regions import dark_regions

LEAST_CONFIDENCE = 0.25
"""Below this nothing is added."""


@dataclass(frozen=True, eq=False)
class FoundShadow:
    """The shadow of the objects of a photo.

    mask: bool (H, W), outside the objects. confidence: 0 to 1, that of the surest shadow; where nothing is
    added, that of the best candidate.
    """

    mask: np.ndarray
    confidence: float


def find_shadow(
    image: np.ndarray,
    objects: np.ndarray,
    *,
    others: np.ndarray | None = None,
    least_confidence: float = LEAST_CONFIDENCE,
) -> FoundShadow:
    """The shadow that `objects` cast on the ground around where they touch it.

    image: uint8 (H, W, 3) RGB. objects: bool (H, W), what casts it; its rim may be missing. others:
    bool (H, W), objects that stay: nothing is added there; None = none. least_confidence: 0 to 1, how sure
    a shadow must be to be added. Raises TypeError or ValueError for anything else.
    """
    check_photo(image, objects, others)
    if not 0 <= least_confidence <= 1:
        raise ValueError(f"least_confidence must be from 0 to 1, got {least_confidence}")
    mask = np.zeros_like(objects)
    if not objects.any() or objects.all():
        return FoundShadow(mask, 0.0)
    scale = min(1.0, SEARCH_SIDE_PX / max(objects.shape))
    small = [max(1, round(side * scale)) for side in objects.shape]
    staying = np.zeros(small, bool) if others is None else shrink(others, *small)
    surest = 0.0
    for around in surroundings(shrink(image, *small), shrink(objects, *small), staying):
        region, confidence = _likeliest(around)
        surest = max(surest, confidence)
        if region is not None and confidence >= least_confidence:
            _draw(mask, region, around.box, tuple(small))
    mask &= ~objects
    if others is not None:
        mask &= ~others
    return FoundShadow(mask, surest)


def _likeliest(around: Surroundings) -> tuple[np.ndarray | None, float]:
    witness = Witness(around)
    best, confidence = None, 0.0
    for region in dark_regions(around):
        evidence = witness.measure(region)
        if evidence is not None and (likely := likelihood(evidence)) > confidence:
            best, confidence = region.mask, likely
    return best, confidence


def _draw(mask: np.ndarray, region: np.ndarray, box: tuple[slice, slice], small: tuple[int, ...]) -> None:
    """Add a region found in `box` of the small photo to the mask of the full one."""
    rows, columns = (
        slice(part.start * full // side, -(-part.stop * full // side))
        for part, full, side in zip(box, mask.shape, small, strict=True)
    )
    height, width = rows.stop - rows.start, columns.stop - columns.start
    levels = region.view(np.uint8) * np.uint8(255)
    mask[rows, columns] |= cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR) > 127
