"""Gradient-domain assembly of copied pixels: seams between pieces vanish, the pieces' own detail stays.

A correction c is added to the copied colours that minimises, over all pairs of neighbouring pixels,
weight * (difference of c - what the seam between them misses)^2 (Perez et al. 2003; Agarwala et al. 2004,
section 3). Multigrid by 2 x 2 aggregation with over-correction (Braess 1995).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from inpaint.boxes import slices_around
from inpaint.exemplar.bands import in_bands

SCREEN = 1e-2
"""Pull of the correction towards zero, against the weight 1 of a trusted pair: without it, what textured
seams miss adds up to blotches."""
MOST_LEVELS = 30
"""The correction is clipped to this."""
REAL_EDGE_LEVELS = 20.0
"""A seam that misses this much cannot be told from texture or a real edge."""
LEAST_PIXELS = 20_000
"""Fewer pixels than this cost more to hand to another thread than to work off."""
CYCLES = 6
COARSEST_PX = 8


def _sum_pairs(a: np.ndarray) -> np.ndarray:
    """Sum over blocks of 2 x 2."""
    result: np.ndarray = a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]
    return result


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
        residual = self._residual(wanted, c)
        coarse_wanted = _sum_pairs(_even(residual))
        coarse = np.zeros_like(coarse_wanted)
        self.coarser.cycle(coarse_wanted, coarse)
        step = coarse.repeat(2, axis=0).repeat(2, axis=1)[: c.shape[0], : c.shape[1]].copy()
        c += step * self._step_length(step, residual)
        self._smooth(wanted, c, rounds)

    def _step_length(self, step: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """How far to go along a step to reach the least energy, per channel: aggregation goes too short."""
        curvature = self._residual(np.zeros_like(step), step)
        gain = (step * residual).sum(axis=(0, 1))
        cost = -(step * curvature).sum(axis=(0, 1))
        return np.where(cost > 0, gain / np.maximum(cost, 1e-12), 0).astype(np.float32)

    def _residual(self, wanted: np.ndarray, c: np.ndarray) -> np.ndarray:
        from inpaint.exemplar import poisson_kernels as kernels

        out = np.empty_like(wanted)
        pairs = self.right, self.down, self.pinned
        in_rows(partial(kernels.residual, *pairs, wanted, c, out), self.pinned.shape)
        return out

    def _smooth(self, wanted: np.ndarray, c: np.ndarray, rounds: int) -> None:
        """Red-black Gauss-Seidel: the pixels of one colour depend on those of the other only."""
        from inpaint.exemplar import poisson_kernels as kernels

        pairs = self.right, self.down, self.pinned
        for colour in (0, 1) * rounds:
            in_rows(partial(kernels.relax, *pairs, wanted, c, colour), self.pinned.shape)


def in_rows(work: Callable[[int, int], None], shape: tuple[int, ...]) -> None:
    """Call `work(first, last)` for bands of the rows of an array of that shape."""
    in_bands(work, shape[0], least=1 + LEAST_PIXELS // shape[1])


@dataclass(frozen=True)
class Equations:
    """The least squares problem in a box of (h, w) pixels.

    right, down: float32 (h, w), weight of a pixel's pair with its right and lower neighbour.
    pinned: float32 (h, w), weight of its pairs with known pixels.
    wanted: float32 (h, w, 3), right-hand side.
    """

    right: np.ndarray
    down: np.ndarray
    pinned: np.ndarray
    wanted: np.ndarray


def seam_equations(
    image: np.ndarray,
    fill: np.ndarray,
    origin: np.ndarray,
    hole: np.ndarray,
    usable: np.ndarray,
    real_edge_levels: float,
) -> Equations:
    """Set up the least squares problem.

    Args:
        image: uint8 (H, W, 3), the photo that colours were copied from.
        fill: uint8 (h, w, 3), the copied colours in the box to solve for.
        origin: int32 (h, w, 2), where in `image` each came from.
        hole: bool (h, w).
        usable: bool (H, W), True = neither hole nor protected.
        real_edge_levels: a seam that misses this much or more is left alone.
    """
    from inpaint.exemplar import poisson_kernels as kernels

    right, down, pinned = (np.zeros(hole.shape, np.float32) for _ in range(3))
    wanted = np.zeros((*hole.shape, 3), np.float32)
    edge = np.float32(real_edge_levels)

    missed = np.empty((len(hole), 3), np.float32)  # a row's own, for the rows are worked on side by side
    given = image, fill, origin, hole, usable, edge
    in_rows(partial(kernels.seam_equations, *given, right, down, pinned, wanted, missed), hole.shape)
    return Equations(right, down, pinned, wanted)


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
    box = slices_around(mask, 1)
    hole = mask[box].copy(order="C")
    origins = np.zeros((*hole.shape, 2), np.int32)
    origins[hole] = origin
    pairs = seam_equations(image, image[box].copy(), origins, hole, usable, real_edge_levels)
    correction = np.zeros_like(pairs.wanted)
    grid = Grid(pairs.right, pairs.down, pairs.pinned + np.float32(SCREEN) * hole)
    for _ in range(cycles):
        grid.cycle(pairs.wanted, correction)
    assembled = image.copy()
    evened = np.clip(np.rint(image[box] + np.clip(correction, -MOST_LEVELS, MOST_LEVELS)), 0, 255).astype(
        np.uint8
    )
    np.copyto(assembled[box], evened, where=hole[..., None])
    return assembled
