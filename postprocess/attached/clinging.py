"""What sticks to an object without having been detected: a bag, a coat tail, a sheet of paper in the hand.

A region goes along where everything speaks for it: its colours are found nowhere else around the object, its
edge is sharp all round, it ends well before the surroundings do, and a good part of its outline lies on the
object. What lies behind an object fails one of these as a rule: a wall or a road goes on, a window has a
neighbour of its kind, a fence post touches along a small part of its outline only. At somebody seen at
full length a judge (`judge.py`) weighs more regions by the same evidence and more. Where nothing is sure,
nothing is added.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from postprocess.attached.evidence import LIKE, RIM, evidence_of
from postprocess.attached.judge import is_figure, is_pack, likelihood, looked_at
from postprocess.attached.sticks import held_stick
from postprocess.attached.view import (
    KERNEL,
    OBJECT_MIN_PX,
    SURROUNDINGS,
    Cut,
    View,
    grown,
    median,
    outline,
    percentiles,
    view_of,
)
from postprocess.morphology import check_photo
from postprocess.scaling import mask_levels, scaled

WORKING_SIDE_PX = 1024  # short side at which photos are looked at: regions of interest are large
OBJECT_SHARE = 0.02  # of the largest object's area; smaller ones are not looked at
OBJECTS_MAX = 24

RARITIES = (0.002, 0.006, 0.02)  # a colour that a smaller share of the surroundings has is foreign there
AREA = (0.004, 0.6)  # of the object's area
CONTACT = 0.25  # least share of the outline on the object
BEYOND_RIM = 0.3  # least share of the region outside the rim
WITHIN = 0.3  # least share of the region in the object's convex hull: between arm and body, not behind
EDGE = 20.0  # Lab units that all but a fifth of the free outline contrasts by
ELSEWHERE = 0.3  # most area of the region's colours elsewhere, over its own
OTHERS = 0.05  # most share of the outline at another object
SHADE = (0.3, 0.97)  # brightness over that of the surroundings, where the chromaticity is theirs: a shadow
CHROMATICITY = 0.03
AROUND = 0.1  # of the object's size: the surroundings of a region whose light it is held against

JUDGED_RARITIES = (0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06)
JUDGED_GRADIENTS = (5.0, 9.0, 14.0)  # Lab units per pixel: where less changes, it is one region
SURE = 0.8  # of the judge
SAME = 0.92  # two regions that share this much of the larger one are one


def clinging_region(
    image: np.ndarray, objects: np.ndarray, *, others: np.ndarray | None = None
) -> np.ndarray:
    """What sticks to the outline of `objects`, stands out from the background and belongs to nothing else.

    image: uint8 (H, W, 3) RGB. objects: bool (H, W). others: bool (H, W), what stays; None = nothing known.
    Returns bool (H, W), outside `objects` and `others`; nothing where nothing is sure. Raises TypeError or
    ValueError for masks of another type or shape.
    """
    check_photo(image, {"objects": objects, "others": others})
    found = np.zeros_like(objects)
    height, width = objects.shape
    if not objects.any():
        return found
    factor = min(1.0, WORKING_SIDE_PX / min(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    photo = scaled(image, size)
    marked = scaled(mask_levels(objects), size)
    stays = np.zeros_like(marked) if others is None else scaled(mask_levels(others), size)
    for (top, left, bottom, right), alone in surroundings(marked):
        cut = (slice(top, bottom), slice(left, right))
        # Whole pixels of the photo, from the crop's corners.
        y, x = round(top / factor), round(left / factor)
        full = found[y : round(bottom / factor), x : round(right / factor)]
        for find in (_region_at, held_stick):
            region = find(photo[cut], alone, marked[cut], stays[cut])
            if region is not None:
                full |= scaled(mask_levels(region), full.shape[::-1]) > 127
    free = ~objects if others is None else ~(objects | others)
    result: np.ndarray = found & free
    return result


def surroundings(marked: np.ndarray) -> Iterator[tuple[tuple[int, int, int, int], np.ndarray]]:
    """Box (top, left, bottom, right) around each object of some size, and its levels within it."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((marked > 127).view(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return
    height, width = marked.shape
    for index in np.argsort(-areas, kind="stable")[:OBJECTS_MAX].tolist():
        area = int(areas[index])
        if area < max(OBJECT_MIN_PX, OBJECT_SHARE * int(areas.max())):
            return
        x, y, w, h = stats[index + 1, :4].tolist()
        margin = int(SURROUNDINGS * area**0.5) + 4
        top, left = max(0, y - margin), max(0, x - margin)
        bottom, right = min(height, y + h + margin), min(width, x + w + margin)
        alone = mask_levels(labels[top:bottom, left:right] == index + 1)
        yield (top, left, bottom, right), alone


def _region_at(
    photo: np.ndarray, alone: np.ndarray, marked: np.ndarray, stays: np.ndarray
) -> np.ndarray | None:
    """What clings to one object: bool (h, w) of some size with the crop's aspect, None = nothing."""
    view = view_of(photo, alone, marked, stays)
    if view is None:
        return None
    found = np.zeros_like(view.inside)
    for rarity in RARITIES:
        for region in _pieces(view, view.band & (view.commonness < rarity)):
            if not (region & ~found).any() or _clings(view, region):
                found |= region
    for region in judged_regions(view) if is_figure(view.inside) else ():
        new = (region & ~found).any()
        evidence = evidence_of(view, region, wanted=looked_at) if new else None
        if evidence is not None and (is_pack(evidence) or likelihood(evidence) >= SURE):
            found |= region
    return cv2.dilate(found.view(np.uint8), KERNEL) > 0 if found.any() else None


def judged_regions(view: View) -> Iterator[np.ndarray]:
    """Regions at the object for the judge, bool (h, w): of foreign colour, and of one colour."""
    seen: list[tuple[np.ndarray, int]] = []
    foreign = (_pieces(view, view.band & (view.commonness < rarity)) for rarity in JUDGED_RARITIES)
    even = (_even_pieces(view, view.band & (view.gradient < most)) for most in JUDGED_GRADIENTS)
    for pieces in (*foreign, *even):
        for region in pieces:
            area = int(np.count_nonzero(region))
            rivals = (other for other, size in seen if min(area, size) > SAME * max(area, size))
            if not any(np.count_nonzero(region & other) > SAME * area for other in rivals):
                seen.append((region, area))
                yield region


def _pieces(view: View, foreign: np.ndarray) -> Iterator[np.ndarray]:
    """Regions of foreign colour that reach the object and are of a size that a thing carried may have."""
    return _of_size(view, foreign, view.touching, 8)


def _even_pieces(view: View, even: np.ndarray) -> Iterator[np.ndarray]:
    """The same of regions between edges, each grown onto its edge."""
    near = cv2.dilate(view.touching.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    for region in _of_size(view, even, near, 4):
        yield (cv2.dilate(region.view(np.uint8), KERNEL, iterations=2) > 0) & view.band


def _of_size(view: View, mask: np.ndarray, near: np.ndarray, connectivity: int) -> Iterator[np.ndarray]:
    # An opening whose even kernel takes the same two pixels both times: cv2.morphologyEx would shift it.
    square = np.ones((2, 2), np.uint8)
    opened = cv2.dilate(cv2.erode(mask.view(np.uint8), square, anchor=(0, 0)), square, anchor=(1, 1))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        opened, connectivity=connectivity, ltype=cv2.CV_16U
    )
    areas = stats[:, cv2.CC_STAT_AREA]
    reaching = np.bincount(labels[near], minlength=count) > 0
    reaching &= (areas >= AREA[0] * view.area) & (areas <= AREA[1] * view.area)
    for index in (np.flatnonzero(reaching[1:]) + 1).tolist():
        yield labels == index


def _clings(view: View, whole: np.ndarray) -> bool:
    cut = view.around(whole, AROUND)
    region = whole[cut]
    edge = outline(region)
    touching = view.touching[cut]
    contact = float(touching[edge].mean())
    beyond = float((view.away[cut][region] > RIM * view.size + 1).mean())
    if contact < CONTACT or beyond < BEYOND_RIM or _is_cut_off(whole):
        return False
    return (
        float(view.hull[cut][region].mean()) >= WITHIN
        and float(view.beside_others[cut][edge].mean()) <= OTHERS
        and _contrast(view, cut, region, edge & ~touching) >= EDGE
        and _elsewhere(view, cut, region) <= ELSEWHERE
        and not _is_shade(view, cut, region)
    )


def _is_cut_off(region: np.ndarray) -> bool:
    return bool(region[[0, -1]].any() or region[:, [0, -1]].any())


def _contrast(view: View, cut: Cut, region: np.ndarray, edge: np.ndarray) -> float:
    """The Lab distance between both sides of a free edge that a fifth of its pixels falls short of."""
    inner, _ = view.beside(region, cut, edge)
    outer, share = view.beside(view.free[cut] & ~region, cut, edge)
    known = share > 0.05
    if known.sum() <= 3:
        return np.inf
    return float(percentiles(np.linalg.norm(inner[known] - outer[known], axis=1), (20,))[0])


def _elsewhere(view: View, cut: Cut, region: np.ndarray) -> float:
    """Area of the region's colours in the rest of the surroundings, over the region's own."""
    like = view.like(region, cut, LIKE)
    here = like.near & view.free[cut] & grown(region, 0.04 * view.size)
    return float((like.free - here.sum()) / region.sum())


def _is_shade(view: View, cut: Cut, region: np.ndarray) -> bool:
    """Whether the region is what is around it, but darker: shadows are found elsewhere."""
    around = view.free[cut] & ~region & grown(region, AROUND * view.size)
    if not around.any():
        return False
    bright, tint = (array[cut] for array in view.light)
    darker = float(median(bright[region]) / median(bright[around]))
    change = np.abs(median(tint[region]) - median(tint[around])).max()
    return bool(SHADE[0] < darker < SHADE[1] and change < CHROMATICITY)
