"""The shadows that objects cast, and their reflections in shiny floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from postprocess.morphology import check_photo
from postprocess.shadows.evidence import Witness
from postprocess.shadows.ground import SEARCH_SIDE_PX, Box, Surroundings, shrink_keeping_half, surroundings
from postprocess.shadows.judge import CUT_OFF, LARGEST, likelihood
from postprocess.shadows.reflections import find_reflection
from postprocess.shadows.regions import dark_regions, with_soft_edge

LEAST_CONFIDENCE = 0.5
"""Below this nothing is added."""
AREA_COST = 1.2
"""By how much surer a region that covered the whole photo would have to be: mistakes there cost most."""
CANDIDATES = 8
"""How many regions of an object are kept until the light's direction is known."""
LEAST_LEAN = 0.15
"""A region whose centre is nearer to the contact than this share of the object's size points nowhere."""
AGREED = 0.8
"""Length of the mean of unit vectors from which on the objects' shadows agree on a direction."""
SHARED_LIGHT = 0.15
"""How much a shadow along the others' direction gains, and one against it loses."""


@dataclass(frozen=True, eq=False)
class FoundShadow:
    """The shadow of the objects of a photo.

    mask: bool (H, W), outside the objects. confidence: 0 to 1, that of the surest shadow; where nothing is
    added, that of the best candidate.
    """

    mask: np.ndarray
    confidence: float


@dataclass(frozen=True, eq=False)
class Candidate:
    """A region bool (h, w) of an object's surroundings, how likely it is its shadow, and the unit vector
    (x, y) in which it points from the contact; None where it lies all around it."""

    region: np.ndarray
    confidence: float
    direction: np.ndarray | None


def find_shadow(
    image: np.ndarray,
    objects: np.ndarray,
    *,
    others: np.ndarray | None = None,
    least_confidence: float = LEAST_CONFIDENCE,
) -> FoundShadow:
    """The shadow that `objects` cast on the ground around where they touch it, and their reflections in it.

    image: uint8 (H, W, 3) RGB. objects: bool (H, W), what casts it; its rim may be missing. others:
    bool (H, W), objects that stay: nothing is added there; None = none. least_confidence: 0 to 1, how sure
    a shadow must be to be added. Raises TypeError or ValueError for anything else.
    """
    check_photo(image, {"objects": objects, "others": others})
    if not 0 <= least_confidence <= 1:
        raise ValueError(f"least_confidence must be from 0 to 1, got {least_confidence}")
    mask = np.zeros_like(objects)
    if not objects.any() or objects.all():
        return FoundShadow(mask, 0.0)
    scale = min(1.0, SEARCH_SIDE_PX / max(objects.shape))
    small = (max(1, round(objects.shape[0] * scale)), max(1, round(objects.shape[1] * scale)))
    staying = np.zeros(small, bool) if others is None else shrink_keeping_half(others, *small)
    seen = list(
        surroundings(shrink_keeping_half(image, *small), shrink_keeping_half(objects, *small), staying)
    )
    candidates = [_candidates(around, small) for around in seen]
    light = _shared_direction(candidates, least_confidence)
    surest = 0.0
    for around, ranked in zip(seen, candidates, strict=True):
        found = [best] if (best := _best(ranked, light)) is not None else []
        for candidate in found + _reflections(around):
            surest = max(surest, candidate.confidence)
            if candidate.confidence >= least_confidence:
                _draw(mask, with_soft_edge(around, candidate.region), around.box, small)
    mask &= ~objects
    if others is not None:
        mask &= ~others
    return FoundShadow(mask, surest)


def _candidates(around: Surroundings, photo: tuple[int, int]) -> list[Candidate]:
    """The likeliest regions of an object, the likeliest first. photo: height and width, as its box counts."""
    if around.cut > CUT_OFF:
        return []
    witness = Witness(around)
    largest_px = LARGEST * float(around.mine.sum())
    rated, seen = [], set()
    for region in dark_regions(around):
        # What cannot be likely, or was measured at another threshold, costs no time.
        key = region.mask.tobytes()
        if key in seen or np.count_nonzero(region.mask & around.beyond) > largest_px:
            continue
        seen.add(key)
        evidence = witness.measure(region)
        if evidence is None:
            continue
        likely = likelihood(evidence, short=region.short) - AREA_COST * _share(region.mask, around.box, photo)
        if likely > 0:
            rated.append((likely, region.mask))
    rated.sort(key=lambda pair: -pair[0])
    return [Candidate(mask, likely, _direction(around, mask)) for likely, mask in rated[:CANDIDATES]]


def _direction(around: Surroundings, region: np.ndarray) -> np.ndarray | None:
    rows, columns = np.nonzero(region & around.beyond)
    feet = np.nonzero(around.contact)
    lean = np.array([columns.mean() - feet[1].mean(), rows.mean() - feet[0].mean()]) / around.size_px
    length = float(np.hypot(*lean))
    return lean / length if length > LEAST_LEAN else None


def _shared_direction(
    candidates: Sequence[Sequence[Candidate]], least_confidence: float
) -> np.ndarray | None:
    """The direction in which the sure shadows of several objects lie; None where they do not agree."""
    pointing = [
        ranked[0].direction
        for ranked in candidates
        if ranked and ranked[0].direction is not None and ranked[0].confidence >= least_confidence
    ]
    if len(pointing) < 2:
        return None
    mean = np.mean(pointing, axis=0)
    length = float(np.hypot(*mean))
    return mean / length if length > AGREED else None


def _best(ranked: Sequence[Candidate], light: np.ndarray | None) -> Candidate | None:
    def agreed(candidate: Candidate) -> Candidate:
        if light is None or candidate.direction is None:
            return candidate
        factor = 1 + SHARED_LIGHT * float(candidate.direction @ light)
        return Candidate(candidate.region, min(1.0, candidate.confidence * factor), candidate.direction)

    return max(map(agreed, ranked), key=lambda candidate: candidate.confidence, default=None)


def _reflections(around: Surroundings) -> list[Candidate]:
    found = find_reflection(around)
    if found is None:
        return []
    return [Candidate(found.mask, found.agreement, None)]


def _share(region: np.ndarray, box: Box, photo: tuple[int, int]) -> float:
    """The area of a region of `box` over that of the photo, whose height and width `box` is counted in."""
    rows, columns = box
    result: float = (
        float(region.mean()) * (rows.stop - rows.start) * (columns.stop - columns.start) / np.prod(photo)
    )
    return result


def _draw(mask: np.ndarray, region: np.ndarray, box: Box, small: tuple[int, int]) -> None:
    """Add a region found in `box` of the small photo to the mask of the full one."""
    rows, columns = (
        slice(part.start * full // side, -(-part.stop * full // side))
        for part, full, side in zip(box, mask.shape, small, strict=True)
    )
    height, width = rows.stop - rows.start, columns.stop - columns.start
    levels = region.view(np.uint8) * np.uint8(255)
    mask[rows, columns] |= cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR) > 127
