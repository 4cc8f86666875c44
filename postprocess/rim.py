"""The rim of an object that its mask misses, found where the photo shows the object's edge.

Each pixel near the outline is judged by its colour: does it occur among the colours just inside the mask, or
among those just outside the band? Both are kept as histograms over a small palette, blurred over space (so
that they are local) and over like colours: the colour model of Criminisi et al., "Bilayer segmentation of
live video" (CVPR 2006), made local. Where colours do not tell, the distance to the outline decides.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from postprocess.morphology import Box, check_mask, regions, thicken

# The band is this many times as wide as what is added where the photo shows no edge.
BAND_PER_RADIUS = 2.5
# Colours are gathered up to this many bands from the outline, and count up to two bands away.
REACH_BANDS = 3.0
# All that is looked at lies within this many of the radii given, from the mask.
REACH_RADII = REACH_BANDS * BAND_PER_RADIUS
LOCALITY_BANDS = 2.0
# A band this wide tells the edge well enough: wider ones are looked at in a smaller photo.
BAND_PX = 16.0
PALETTE = 24
LIKE_COLOURS = 6.0  # standard deviation, CIE Lab units
RARE = 0.01  # a colour of this share among its neighbours is as good as not seen
COLOUR_WEIGHT = 2.0  # of the log ratio of the shares, against the distance to the outline
# Fewer pixels of an object than this are counted all, not one of five.
LEAST_SAMPLE = 400
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
    return (box[0].stop - box[0].start) * (box[1].stop - box[1].start)


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
    inner = shrink(mask, size)
    edge = object_in_band(
        small,
        inner,
        band_px / factor,
        outside=None if outside is None else shrink(outside, size) & ~inner,
        aside=None if aside is None else shrink(aside, size) & ~inner,
    )
    distance = cv2.distanceTransform((~edge).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    if factor == 1:
        return distance <= np.float32(margin_px + 1e-3)
    # Fractions of a pixel as whole numbers: bytes are enlarged several times quicker than floats.
    steps = 255 / (2 * margin_px / factor + 2)
    levels = np.clip(distance * np.float32(steps), 0, 255).astype(np.uint8)
    levels = cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR)
    return levels <= int(steps * margin_px / factor)


def shrink(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
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
        score += COLOUR_WEIGHT * _colour_score(image, near, judged, inside, ground, band_px)
    score = cv2.GaussianBlur(score, (0, 0), 0.8)
    found = (score > 0) & (signed <= band_px) | (signed < -band_px)
    if outside is not None:
        found &= ~outside
    return found & _connected(found | mask, mask)


def _connected(area: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The pieces of `area` that hold a seed."""
    _, labels = cv2.connectedComponents(area.view(np.uint8), connectivity=8)
    held = np.zeros(labels.max() + 1, bool)
    held[labels[seeds]] = True
    held[0] = False
    return held[labels]


@dataclass(frozen=True)
class _Cells:
    """A coarse grid over a photo of height x width pixels, for colours counted place by place."""

    height_px: int
    width_px: int
    side_px: float

    @property
    def shape(self) -> tuple[int, int]:
        return int(np.ceil(self.height_px / self.side_px)), int(np.ceil(self.width_px / self.side_px))

    def places(self, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and column in the grid of some pixels: float32 (N,) each, cell centres at whole numbers."""
        rows, cols = np.nonzero(where)
        scale = np.float32(1 / self.side_px)
        return (rows.astype(np.float32) + 0.5) * scale - 0.5, (cols.astype(np.float32) + 0.5) * scale - 0.5

    def histograms(
        self,
        places: tuple[np.ndarray, np.ndarray],
        index: np.ndarray,
        weight: np.ndarray,
        colours: int,
        sigma_px: float,
    ) -> np.ndarray:
        """Share of each colour around each cell: float32 (cells, colours)."""
        height, width = self.shape
        home = np.rint(places[0]).astype(np.int32).clip(0, height - 1) * width
        home += np.rint(places[1]).astype(np.int32).clip(0, width - 1)
        sums = np.bincount(home * colours + index, weight, height * width * colours)
        layers = np.moveaxis(sums.reshape(height, width, colours).astype(np.float32), 2, 0)
        sigma = sigma_px / self.side_px
        blurred = [cv2.GaussianBlur(layer, (0, 0), sigma) for layer in layers]
        table = np.stack(blurred, axis=2).reshape(-1, colours)
        return table / (table.sum(axis=1, keepdims=True) + np.float32(1e-12))

    def look_up(
        self, table: np.ndarray, places: tuple[np.ndarray, np.ndarray], index: np.ndarray
    ) -> np.ndarray:
        """The share of colour `index` at `places`, between cells by bilinear weights: float32 (N,)."""
        height, width = self.shape
        top, left = (np.floor(place).astype(np.int32) for place in places)
        down, right = places[0] - top, places[1] - left
        rows = [
            (row.clip(0, height - 1) * width, weight) for row, weight in ((top, 1 - down), (top + 1, down))
        ]
        cols = [(col.clip(0, width - 1), weight) for col, weight in ((left, 1 - right), (left + 1, right))]
        flat, count = table.ravel(), table.shape[1]
        found = np.zeros(len(index), np.float32)
        for row, by_row in rows:
            for col, by_col in cols:
                found += by_row * by_col * flat[(row + col) * count + index]
        return found


def _colour_score(
    image: np.ndarray,
    near: np.ndarray,
    judged: np.ndarray,
    inside: np.ndarray,
    ground: np.ndarray,
    band_px: float,
) -> np.ndarray:
    """Log ratio of how common a colour is inside and outside nearby: float32 (H, W), 0 where not `judged`.

    near: bool (H, W), what is counted. inside: float32 (H, W), how much it counts as object. ground: bool
    (H, W), what counts as outside.
    """
    soft = cv2.GaussianBlur(image, (0, 0), 0.6)
    counted = _sample(near, inside > 0)
    gathered = _lab(soft, counted)
    colours = _palette(gathered)
    index, judged_index = _nearest(gathered, colours), _nearest(_lab(soft, judged), colours)
    reach_px = LOCALITY_BANDS * band_px
    cells = _Cells(near.shape[0], near.shape[1], max(1.0, reach_px / 3))
    places, judged_places = cells.places(counted), cells.places(judged)
    apart = ((colours[:, None] - colours[None]) ** 2).sum(axis=2)
    alike = np.exp(-apart / (2 * LIKE_COLOURS**2))
    alike /= alike.sum(axis=1, keepdims=True)
    logs = []
    for weight in (inside, ground.astype(np.float32)):
        table = cells.histograms(places, index, weight[counted], len(colours), reach_px) @ alike
        logs.append(np.log(cells.look_up(table, judged_places, judged_index) + RARE))
    score = np.zeros(near.shape, np.float32)
    score[judged] = logs[0] - logs[1]
    return score


def _sample(area: np.ndarray, rare: np.ndarray) -> np.ndarray:
    """The pixels of `area` to count colours by: one of five, or all where that leaves few of `rare`.

    Any five pixels along a row, a column or a diagonal hold one of them, so that no strap is missed.
    """
    height, width = area.shape
    fifth = (np.arange(width, dtype=np.int32) + 2 * np.arange(height, dtype=np.int32)[:, None]) % 5 == 0
    fifth &= area
    return fifth if np.count_nonzero(rare & fifth) >= LEAST_SAMPLE else area


def _lab(image: np.ndarray, where: np.ndarray) -> np.ndarray:
    """CIE Lab of some pixels: float32 (N, 3)."""
    return cv2.cvtColor((image[where].astype(np.float32) / 255)[None], cv2.COLOR_RGB2Lab)[0]


def _palette(lab: np.ndarray) -> np.ndarray:
    """Up to `PALETTE` colours of some pixels, float32 (N, 3) -> float32 (K, 3); the same pixels, the same."""
    sample = lab[:: max(1, len(lab) // 4000)]
    count = min(PALETTE, len(sample))
    spread = np.argsort(sample[:, 0], kind="stable")
    start = np.empty(len(sample), np.int32)  # first guess: slices of equal number, from dark to bright
    start[spread] = np.arange(len(sample)) * count // len(sample)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 8, 1.0)
    _, _, colours = cv2.kmeans(sample, count, start, stop, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    return colours


def _nearest(lab: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Index of the nearest of the colours, int32 (N,)."""
    length, twice = (colours**2).sum(axis=1), -2 * colours.T
    index = np.empty(len(lab), np.int32)
    for start in range(0, len(lab), 2048):  # small enough for the cache, and for BLAS to start no threads
        index[start : start + 2048] = (lab[start : start + 2048] @ twice + length).argmin(axis=1)
    return index
