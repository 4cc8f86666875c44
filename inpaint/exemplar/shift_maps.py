"""A hole put together from whole pieces of the photo: one shift for each pixel, seams where they show least.

He and Sun 2012 (the shifts by which a photo repeats itself), Pritch et al. 2009 (the graph cut).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from inpaint.exemplar.guidance import FREE_ACROSS_PX, MOST_ACROSS_PX
from inpaint.exemplar.line_geometry import Line
from inpaint.exemplar.palette import ANYWHERE, Prices
from inpaint.exemplar.patchmatch import match_known
from inpaint.exemplar.pyramid import SIDE, Level

SEED_PEAKS, SEED_SIGMA_PX = 60, 1.0
REPEATED_PEAKS, REPEATED_SIGMA_PX = 30, 1.5
REPEATED_TARGETS, REPEATED_SOURCES = 350, 2500
LINE_STEPS, STRONGEST_LINES = (0.35, 0.7, 1.1, 1.6), 6
BOX_STEPS = (0.3, 0.55, 0.8, 1.1, 1.5)
INVALID = 2e4
BORDER = 2.0
SWEEPS = 2


def candidates(
    level: Level,
    coarser: Level,
    fields: Sequence[np.ndarray],
    lines: Sequence[Line],
    scale: int,
    *,
    seed: int,
) -> np.ndarray:
    """Shifts that pieces of the photo may be copied over, from a hole pixel to its source.

    Args:
        level: the level to fill.
        coarser: the level above it, where the photo's own repetition is looked for.
        fields: int32 (N, 2) each, shifts of the patches of other ways to fill it.
        lines: those that go on in the hole.
        scale: pixels of the photo for one of the level.
        seed: of the patches looked at.

    Returns:
        int32 (K, 2), rows and columns, no two the same.
    """
    rows, columns = np.nonzero(level.hole)
    box = np.ptp(rows) + SIDE, np.ptp(columns) + SIDE
    longest = sorted(lines, key=lambda line: -line.weight * float(np.linalg.norm(line.end - line.start)))
    steps = [
        sign * share * (line.end - line.start) / scale
        for line in longest[:STRONGEST_LINES]
        for share in LINE_STEPS
        for sign in (1, -1)
    ]
    steps += [
        np.array([sign * share * box[0] * (1 - axis), sign * share * box[1] * axis])
        for axis in (0, 1)
        for share in BOX_STEPS
        for sign in (1, -1)
    ]
    found = [
        _peaks(np.concatenate(fields), level.hole.shape, SEED_PEAKS, SEED_SIGMA_PX),
        2 * _repeated(coarser, seed),
        np.rint(steps).astype(np.int32),
    ]
    shifts = np.concatenate(found)
    shifts = shifts[np.abs(shifts).max(axis=1) > 0]
    _, first = np.unique(shifts, axis=0, return_index=True)
    return np.ascontiguousarray(shifts[np.sort(first)].astype(np.int32))


def shift_map(
    level: Level,
    shifts: np.ndarray,
    lines: np.ndarray,
    *,
    near_weight: float,
    prices: Prices = ANYWHERE,
) -> np.ndarray:
    """The shift of each hole pixel that makes the least seams (alpha-expansion).

    Args:
        level: whose hole is filled; only its photo and its sources are read.
        shifts: int32 (K, 2), see `candidates`.
        lines: float32 (M, 3), the lines at the hole's pixels, as the search takes them.
        near_weight: cost of a source one pixel farther away.
        prices: of the sources' colours at the hole's pixels, as the search takes them.

    Returns:
        int32 (H, W, 2), in the hole the shift of each pixel, 0 elsewhere; a pixel for which no shift leads
        to a source has any of them.
    """
    from inpaint.exemplar import max_flow

    holes = np.argwhere(level.hole).astype(np.int32, order="C")
    unary = _unary(level, holes, shifts, lines, near_weight, prices)
    labels = np.argmin(unary, axis=0).astype(np.int32)
    max_flow.expand(level.image, holes, neighbours(level.hole), shifts, unary, labels, SWEEPS)
    chosen = np.zeros((*level.hole.shape, 2), np.int32)
    chosen[holes[:, 0], holes[:, 1]] = shifts[labels]
    return chosen


def neighbours(mask: np.ndarray) -> np.ndarray:
    """int32 (M, 4): of each pixel of a mask, in raster order, the numbers of those to the right, left, below
    and above, -1 = none."""
    number = np.full(np.add(mask.shape, 2), -1, np.int32)
    number[1:-1, 1:-1][mask] = np.arange(np.count_nonzero(mask))
    around = [number[1:-1, 2:], number[1:-1, :-2], number[2:, 1:-1], number[:-2, 1:-1]]
    return np.ascontiguousarray(np.stack([each[mask] for each in around], axis=1))


def _unary(
    level: Level,
    holes: np.ndarray,
    shifts: np.ndarray,
    lines: np.ndarray,
    near_weight: float,
    prices: Prices,
) -> np.ndarray:
    """float32 (K, M): cost of each shift at each hole pixel."""
    height, width = level.hole.shape
    image = level.image.astype(np.float32)
    weight = np.sqrt(lines[:, 2] / (3 * SIDE * SIDE))  # of a pixel, not squared
    prices = prices._replace(costs=np.sqrt(prices.costs / (3 * SIDE * SIDE)))
    numbers = np.arange(len(holes))
    beside = [
        (step, known)
        for step in ((0, 1), (0, -1), (1, 0), (-1, 0))
        if len(known := _known_beside(level.hole, holes, step))
    ]
    unary = np.empty((len(shifts), len(holes)), np.float32)
    for k, shift in enumerate(shifts):
        source = holes + shift
        clipped = np.clip(source, 0, (height - 1, width - 1))
        good = level.valid[clipped[:, 0], clipped[:, 1]] & (clipped == source).all(axis=1)
        across = np.abs(lines[:, 0] * shift[0] + lines[:, 1] * shift[1])
        cost = weight * np.clip(across - FREE_ACROSS_PX, 0, MOST_ACROSS_PX) + near_weight * np.hypot(*shift)
        if len(prices.costs):
            rows, columns = clipped.T >> prices.shift
            cost += prices.costs[numbers, prices.labels[rows, columns]]
        for step, known in beside:
            theirs = np.clip(clipped[known] + step, 0, (height - 1, width - 1))
            ours = holes[known] + step
            gap = image[theirs[:, 0], theirs[:, 1]] - image[ours[:, 0], ours[:, 1]]
            cost[known] += BORDER * np.sqrt(np.einsum("nc,nc->n", gap, gap))
        unary[k] = np.where(good, cost, INVALID)
    return unary


def _known_beside(hole: np.ndarray, holes: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """Numbers of the hole pixels whose neighbour in that direction is known."""
    beside = holes + step
    within = ((beside >= 0) & (beside < hole.shape)).all(axis=1)
    beside[~within] = 0
    return np.flatnonzero(within & ~hole[beside[:, 0], beside[:, 1]])


def _repeated(level: Level, seed: int) -> np.ndarray:
    """int32 (K, 2): shifts by which the photo looks like itself, and the opposite ones."""
    generator = np.random.default_rng(seed)
    sources = np.argwhere(level.valid).astype(np.int32, order="C")
    picked = [
        sources[np.sort(generator.choice(len(sources), min(most, len(sources)), replace=False))]
        for most in (REPEATED_TARGETS, REPEATED_SOURCES)
    ]
    none = np.zeros((len(picked[0]), 3), np.float32)
    apart = max(level.hole.shape) / 12
    matched = match_known(level.image, ~level.hole, none, picked[0], picked[1], 0.0, apart)
    shifts = (matched - picked[0])[matched.any(axis=1)]
    return _peaks(np.concatenate([shifts, -shifts]), level.hole.shape, REPEATED_PEAKS, REPEATED_SIGMA_PX)


def _peaks(shifts: np.ndarray, shape: tuple[int, int], most: int, sigma: float) -> np.ndarray:
    """int32 (K, 2): the commonest shifts, by their smoothed histogram."""
    height, width = shape
    counts = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    np.add.at(counts, (shifts[:, 0] + height, shifts[:, 1] + width), 1)
    smooth = cv2.GaussianBlur(counts, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    highest = (smooth == cv2.dilate(smooth, np.ones((3, 3), np.uint8))) & (smooth > 0)
    places = np.argwhere(highest)
    order = np.argsort(-smooth[highest], kind="stable")[:most]
    return (places[order] - (height, width)).astype(np.int32)
