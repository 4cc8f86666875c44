"""Gradient-domain assembly of copied pixels: seams between pieces vanish, the pieces' own detail stays.

A correction c is added to the copied colours that minimises, over all pairs of neighbouring pixels,
weight * (difference of c - what the seam between them misses)^2 (Perez et al. 2003; Agarwala et al. 2004,
section 3). Multigrid by 2 x 2 aggregation with over-correction (Braess 1995).
"""

import numpy as np
from numba import prange

from inpaint.exemplar.compilation import kernel

SCREEN = 1e-2
"""Pull of the correction towards zero, against the weight 1 of a trusted pair: without it, what textured
seams miss adds up to blotches."""
MOST_LEVELS = 30
"""The correction is clipped to this."""
REAL_EDGE_LEVELS = 20.0
"""A seam that misses this much cannot be told from texture or a real edge."""
LEAST_WEIGHT = np.float32(0.01)
"""Weight of a pair that is left alone, so that no piece is quite cut off."""
CYCLES = 6
COARSEST_PX = 8


@kernel(inline="always")
def _add_gradient(image, usable, at, dy, dx, sign, total):
    """Add the step from a pixel to its neighbour in the photo, where both are original; returns how many."""
    b = at[0] + dy
    a = at[1] + dx
    if b < 0 or b >= usable.shape[0] or a < 0 or a >= usable.shape[1] or not usable[b, a]:
        return 0
    for k in range(3):
        total[k] += sign * (np.float32(image[b, a, k]) - np.float32(image[at[0], at[1], k]))
    return 1


@kernel(parallel=True)
def seam_equations(image, fill, origin, hole, usable, real_edge, right, down, pinned, wanted):
    """Set up the least squares problem.

    Args:
        image: uint8 (H, W, 3), the photo that colours were copied from.
        fill: uint8 (h, w, 3), the copied colours in the box to solve for.
        origin: int32 (h, w, 2), where in `image` each came from.
        hole: bool (h, w).
        usable: bool (H, W), True = neither hole nor protected.
        real_edge: levels; a seam that misses this much or more is left alone.
        right, down: float32 (h, w), written: weight of a pixel's pair with its right and lower neighbour.
        pinned: float32 (h, w), written: weight of its pairs with known pixels.
        wanted: float32 (h, w, 3), written: right-hand side.
    """
    height, width = hole.shape
    for y in prange(height):
        missed = np.empty(3, np.float32)
        for x in range(width):
            if not hole[y, x]:
                continue
            for way in range(4):
                dy = (way == 1) - (way == 3)
                dx = (way == 0) - (way == 2)
                v = y + dy
                u = x + dx
                if v < 0 or v >= height or u < 0 or u >= width:
                    continue
                missed[:] = 0
                guides = _add_gradient(image, usable, origin[y, x], dy, dx, 1, missed)
                if hole[v, u]:
                    guides += _add_gradient(image, usable, origin[v, u], -dy, -dx, -1, missed)
                if guides == 0:
                    continue
                largest = np.float32(0)
                for k in range(3):
                    there = np.float32(fill[v, u, k]) - np.float32(fill[y, x, k])
                    missed[k] = missed[k] / guides - there
                    largest = max(largest, abs(missed[k]))
                trust = (1 - min(largest / real_edge, np.float32(1)) ** 2) ** 2
                for k in range(3):
                    wanted[y, x, k] -= trust * missed[k]
                weight = max(trust, LEAST_WEIGHT)
                if not hole[v, u]:
                    pinned[y, x] += weight
                elif way == 0:
                    right[y, x] = weight
                elif way == 1:
                    down[y, x] = weight


@kernel(parallel=True)
def _relax(right, down, pinned, wanted, c, colour):
    """One half of a red-black Gauss-Seidel sweep."""
    height, width = pinned.shape
    for y in prange(height):
        for x in range((y + colour) % 2, width, 2):
            e = right[y, x]
            s = down[y, x]
            w = right[y, x - 1] if x > 0 else np.float32(0)
            n = down[y - 1, x] if y > 0 else np.float32(0)
            total = e + s + w + n + pinned[y, x]
            if total <= 0:
                continue
            for k in range(3):
                value = wanted[y, x, k]
                if e > 0:
                    value += e * c[y, x + 1, k]
                if s > 0:
                    value += s * c[y + 1, x, k]
                if w > 0:
                    value += w * c[y, x - 1, k]
                if n > 0:
                    value += n * c[y - 1, x, k]
                c[y, x, k] = value / total


@kernel(parallel=True)
def _residual(right, down, pinned, wanted, c, out):
    height, width = pinned.shape
    for y in prange(height):
        for x in range(width):
            e = right[y, x]
            s = down[y, x]
            w = right[y, x - 1] if x > 0 else np.float32(0)
            n = down[y - 1, x] if y > 0 else np.float32(0)
            total = e + s + w + n + pinned[y, x]
            for k in range(3):
                value = wanted[y, x, k] - total * c[y, x, k]
                if e > 0:
                    value += e * c[y, x + 1, k]
                if s > 0:
                    value += s * c[y + 1, x, k]
                if w > 0:
                    value += w * c[y, x - 1, k]
                if n > 0:
                    value += n * c[y - 1, x, k]
                out[y, x, k] = value


def _sum_pairs(a: np.ndarray) -> np.ndarray:
    """Sum over blocks of 2 x 2."""
    return a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]


def _even(a: np.ndarray) -> np.ndarray:
    pad = [(0, a.shape[0] % 2), (0, a.shape[1] % 2)] + [(0, 0)] * (a.ndim - 2)
    return np.pad(a, pad) if a.shape[0] % 2 or a.shape[1] % 2 else a


class Grid:
    """One level of the multigrid solver: the pair weights, and the coarser level below."""

    def __init__(self, right: np.ndarray, down: np.ndarray, pinned: np.ndarray) -> None:
        self.right, self.down, self.pinned = right, down, pinned
        self.coarser: Grid | None = None
        if min(pinned.shape) > COARSEST_PX:
            right, down, pinned = _even(right), _even(down), _even(pinned)
            across = right[::2, 1::2] + right[1::2, 1::2]
            along = down[1::2, ::2] + down[1::2, 1::2]
            self.coarser = Grid(across, along, _sum_pairs(pinned))

    def cycle(self, wanted: np.ndarray, c: np.ndarray) -> None:
        """One V-cycle on `c` (float32 (h, w, 3)), which is written to."""
        rounds = 2 if self.coarser else 30
        self._smooth(wanted, c, rounds)
        if self.coarser is None:
            return
        residual = np.empty_like(wanted)
        _residual(self.right, self.down, self.pinned, wanted, c, residual)
        coarse_wanted = _sum_pairs(_even(residual))
        coarse = np.zeros_like(coarse_wanted)
        self.coarser.cycle(coarse_wanted, coarse)
        step = coarse.repeat(2, axis=0).repeat(2, axis=1)[: c.shape[0], : c.shape[1]]
        c += step * self._step_length(step, residual)
        self._smooth(wanted, c, rounds)

    def _step_length(self, step: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """How far to go along a step to reach the least energy, per channel: aggregation goes too short."""
        curvature = np.empty_like(step)
        _residual(self.right, self.down, self.pinned, np.zeros_like(step), step, curvature)
        gain = (step * residual).sum(axis=(0, 1))
        cost = -(step * curvature).sum(axis=(0, 1))
        return np.where(cost > 0, gain / np.maximum(cost, 1e-12), 0).astype(np.float32)

    def _smooth(self, wanted: np.ndarray, c: np.ndarray, rounds: int) -> None:
        for _ in range(rounds):
            for colour in (0, 1):
                _relax(self.right, self.down, self.pinned, wanted, c, colour)


def assemble(
    image: np.ndarray,
    mask: np.ndarray,
    usable: np.ndarray,
    origin: np.ndarray,
    *,
    real_edge_levels: float = REAL_EDGE_LEVELS,
    cycles: int = CYCLES,
) -> np.ndarray:
    """Even the seams between copied pieces and with the surroundings.

    Args:
        image: uint8 (H, W, 3), with the copied colours in the hole.
        mask: bool (H, W), True = hole, not empty.
        usable: bool (H, W), True = original pixel that gradients may be taken from.
        origin: int32 (M, 2), row and column in `image` that each hole pixel was copied from, in
            raster order.
        real_edge_levels: a seam that misses this much or more is taken for a real edge.
        cycles: multigrid cycles.

    Returns:
        uint8 (H, W, 3), equal to `image` outside the mask.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = max(0, int(rows[0]) - 1), max(0, int(columns[0]) - 1)
    box = slice(top, int(rows[-1]) + 2), slice(left, int(columns[-1]) + 2)
    hole = np.ascontiguousarray(mask[box])
    origins = np.zeros((*hole.shape, 2), np.int32)
    origins[mask[box]] = origin
    right, down, pinned = (np.zeros(hole.shape, np.float32) for _ in range(3))
    wanted = np.zeros((*hole.shape, 3), np.float32)
    seam_equations(
        image,
        image[box],
        origins,
        hole,
        usable,
        np.float32(real_edge_levels),
        right,
        down,
        pinned,
        wanted,
    )
    pinned += np.float32(SCREEN) * hole
    correction = np.zeros_like(wanted)
    grid = Grid(right, down, pinned)
    for _ in range(cycles):
        grid.cycle(wanted, correction)
    assembled = image.copy()
    evened = np.clip(np.rint(image[box] + np.clip(correction, -MOST_LEVELS, MOST_LEVELS)), 0, 255).astype(
        np.uint8
    )
    np.copyto(assembled[box], evened, where=mask[box][..., None])
    return assembled
