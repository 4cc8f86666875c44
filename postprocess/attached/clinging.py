"""What sticks to an object without having been detected: a bag, a coat tail, a sheet of paper in the hand.

A region goes along only where everything speaks for it: its colours are found nowhere else around the object,
its edge is sharp all round, it ends well before the surroundings do, and a good part of its outline lies on
the object. What lies behind an object fails one of these as a rule: a wall or a road goes on, a window has a
neighbour of its kind, a fence post touches along a small part of its outline only. Where nothing is sure,
nothing is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from postprocess.attached.sticks import held_stick
from postprocess.morphology import check_photo
from postprocess.scaling import mask_levels, scaled

WORKING_SIDE_PX = 1024  # short side at which photos are looked at: regions of interest are large
CROP_SIDE_PX = 320  # long side of the surroundings of one object
OBJECT_MIN_PX = 1500  # in its crop; what is smaller shows too little
OBJECT_SHARE = 0.02  # of the largest object's area; smaller ones are not looked at
OBJECTS_MAX = 24

# Lengths over the object's size, the root of its area.
BAND = 0.5  # how far a region may reach
SURROUNDINGS = 1.0  # how far around an object its background is looked at
RIM = 0.035  # what lies closer is the rim that a mask misses, and no region by itself
TOUCH = 0.02

RARITIES = (0.002, 0.006, 0.02)  # a colour that a smaller share of the surroundings has is foreign there
AREA = (0.004, 0.6)  # of the object's area
CONTACT = 0.25  # least share of the outline on the object
BEYOND_RIM = 0.3  # least share of the region outside the rim
WITHIN = 0.2  # least share of the region in the object's convex hull: between arm and body, not behind
EDGE = 10.0  # Lab units that all but a fifth of the free outline contrasts by
ELSEWHERE = 0.3  # most area of the region's colours elsewhere, over its own
OTHERS = 0.05  # most share of the outline at another object
SHADE = (0.3, 0.97)  # brightness over that of the surroundings, where the chromaticity is theirs: a shadow
CHROMATICITY = 0.03

L_STEP, AB_STEP = 8, 4  # cells of the colour histograms, in OpenCV's 8-bit Lab
CELLS = (32, 64, 64)
KERNEL = np.ones((3, 3), np.uint8)


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
    for (top, left, bottom, right), alone in _surroundings(marked):
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


def _surroundings(marked: np.ndarray) -> Iterator[tuple[tuple[int, int, int, int], np.ndarray]]:
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


@dataclass(frozen=True, eq=False)
class _View:
    """An object and its surroundings: bool (h, w) masks; colours float32 (h, w, 3) Lab; cells int (h, w)."""

    rgb: np.ndarray
    colours: np.ndarray
    cells: np.ndarray
    away: np.ndarray  # distance to the object, pixels
    free: np.ndarray  # neither an object nor something that stays
    stays: np.ndarray
    hull: np.ndarray  # within the object's convex hull
    area: int

    @property
    def size(self) -> float:
        return float(self.area**0.5)

    @property
    def touching(self) -> np.ndarray:
        return self.away <= max(2.0, TOUCH * self.size)


def _region_at(
    photo: np.ndarray, alone: np.ndarray, marked: np.ndarray, stays: np.ndarray
) -> np.ndarray | None:
    """What clings to one object: bool (h, w) of some size with the crop's aspect, None = nothing."""
    factor = min(1.0, CROP_SIDE_PX / max(alone.shape))
    size = (max(1, round(alone.shape[1] * factor)), max(1, round(alone.shape[0] * factor)))
    rgb = scaled(photo, size)
    inside = scaled(alone, size) > 100
    area = int(np.count_nonzero(inside))
    if area < OBJECT_MIN_PX:
        return None
    kept = scaled(stays, size) > 25
    colours = cv2.cvtColor(cv2.bilateralFilter(rgb, 5, 25, 3), cv2.COLOR_RGB2LAB)
    steps = colours.astype(np.int32) // (L_STEP, AB_STEP, AB_STEP)
    cells = (steps[..., 0] * CELLS[1] + steps[..., 1]) * CELLS[2] + steps[..., 2]
    view = _View(
        rgb,
        colours.astype(np.float32),
        cells,
        cv2.distanceTransform((~inside).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5),
        ~((scaled(marked, size) > 25) | kept),
        kept,
        _convex_hull(inside),
        area,
    )
    ring = view.free & (view.away > BAND * view.size) & (view.away <= SURROUNDINGS * view.size)
    if ring.sum() < 0.1 * area:
        return None
    share = _frequency(view, ring)
    band = view.free & (view.away <= BAND * view.size)
    found = np.zeros_like(inside)
    for rarity in RARITIES:
        for region in _pieces(view, band & (share < rarity)):
            if not (region & ~found).any() or _clings(view, region):
                found |= region
    return cv2.dilate(found.view(np.uint8), KERNEL) > 0 if found.any() else None


def _pieces(view: _View, foreign: np.ndarray) -> Iterator[np.ndarray]:
    """Regions of foreign colour that reach the object and are of a size that a thing carried may have."""
    # An opening whose even kernel takes the same two pixels both times: cv2.morphologyEx would shift it.
    square = np.ones((2, 2), np.uint8)
    opened = cv2.dilate(cv2.erode(foreign.view(np.uint8), square, anchor=(0, 0)), square, anchor=(1, 1))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    reaching = np.unique(labels[view.touching])
    for index in reaching[reaching > 0].tolist():
        if AREA[0] * view.area <= stats[index, cv2.CC_STAT_AREA] <= AREA[1] * view.area:
            yield labels == index


def _clings(view: _View, region: np.ndarray) -> bool:
    edge = region & ~(cv2.erode(region.view(np.uint8), KERNEL, borderValue=0) > 0)
    contact = float(view.touching[edge].mean())
    beyond = float((view.away[region] > RIM * view.size + 1).mean())
    if contact < CONTACT or beyond < BEYOND_RIM:
        return False
    cut_off = np.zeros_like(edge)
    cut_off[[0, -1]] = cut_off[:, [0, -1]] = True
    near_others = cv2.dilate(view.stays.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return (
        not (edge & cut_off).any()
        and float(view.hull[region].mean()) >= WITHIN
        and float(near_others[edge].mean()) <= OTHERS
        and _contrast(view, region, edge & ~view.touching) >= EDGE
        and _elsewhere(view, region) <= ELSEWHERE
        and not _is_shade(view, region)
    )


def _contrast(view: _View, region: np.ndarray, edge: np.ndarray) -> float:
    """The Lab distance between both sides of a free edge that a fifth of its pixels falls short of."""
    inner, outer = region.astype(np.float32), (view.free & ~region).astype(np.float32)
    sides = []
    for side in (inner, outer):
        weight = cv2.blur(side, (7, 7))
        total = cv2.blur(view.colours * side[..., None], (7, 7))
        sides.append((total / np.maximum(weight, 1e-6)[..., None], weight))
    known = edge & (sides[1][1] > 0.05)
    if known.sum() <= 3:
        return np.inf
    distance = np.linalg.norm(sides[0][0][known] - sides[1][0][known], axis=1)
    return float(np.percentile(distance, 20))


def _elsewhere(view: _View, region: np.ndarray) -> float:
    """Area of the region's colours in the rest of the surroundings, over the region's own."""
    away = view.free & ~_grown(region, 0.04 * view.size)
    return float((_frequency(view, region)[away] > 0.05).sum() / region.sum())


def _is_shade(view: _View, region: np.ndarray) -> bool:
    """Whether the region is what is around it, but darker: shadows are found elsewhere."""
    around = view.free & ~region & _grown(region, 0.1 * view.size)
    if not around.any():
        return False
    light = view.rgb.astype(np.float32) + 4
    bright = light.sum(axis=-1)
    tint = light / bright[..., None]
    darker = float(np.median(bright[region]) / np.median(bright[around]))
    change = np.abs(np.median(tint[region], axis=0) - np.median(tint[around], axis=0)).max()
    return bool(SHADE[0] < darker < SHADE[1] and change < CHROMATICITY)


def _frequency(view: _View, area: np.ndarray) -> np.ndarray:
    """For each pixel, the share of `area` that has its colour or one next to it: float32 (h, w)."""
    counts = np.bincount(view.cells[area], minlength=int(np.prod(CELLS))).astype(np.float32).reshape(CELLS)
    room = np.pad(counts, ((1, 1), (0, 0), (0, 0)))
    counts = room[:-2] + room[1:-1] + room[2:]
    used = np.flatnonzero(counts.any(axis=(1, 2)))
    for level in used.tolist():
        counts[level] = cv2.boxFilter(
            counts[level], -1, (5, 5), normalize=False, borderType=cv2.BORDER_CONSTANT
        )
    result: np.ndarray = counts.ravel()[view.cells] / np.float32(area.sum())
    return result


def _convex_hull(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    corners = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))
    return cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), corners, 1) > 0


def _grown(region: np.ndarray, radius_px: float) -> np.ndarray:
    side = 2 * max(2, int(radius_px)) + 1
    return cv2.dilate(region.view(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0
