"""Which cells are answered together, and which rows of scores that takes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpaint.networks.diagonals import Cells, DiagonalSum, plan_sum, reached

NEAR = (-1, 0, 1)


@dataclass(frozen=True)
class Quadrant:
    """One of the four features of a cell: which cells' the tile reaches, and the sums on the way there.

    The last sum's rows are those of `cells`.
    """

    cells: Cells
    across: DiagonalSum


@dataclass(frozen=True)
class TilePlan:
    """The sums that take pixels' products to a tile's answers.

    compared: the cells whose pixels are multiplied with all others' (sorted ids).
    patches: from products of pixels to products of 3 x 3 patches.
    fusion: from these, divided by the keys' lengths, to fused scores; empty = not fused.
    halves: for the upper and the lower features of each cell, the sum down and the left and right quadrant.
    """

    compared: Cells
    patches: tuple[DiagonalSum, DiagonalSum]
    fusion: tuple[DiagonalSum, ...]
    halves: tuple[tuple[DiagonalSum, tuple[Quadrant, Quadrant]], ...]


def plan_tile(cells: Cells, size: tuple[int, int], *, fuse: bool) -> TilePlan:
    """The plan for the answers of `cells` (sorted row-major ids, at least one) in a map of `size`."""
    rows, fusion = cells, []
    for direction in ("column", "line") if fuse else ():
        rows, step = plan_sum(rows, direction, NEAR, size)
        fusion.append(step)
    rows, across = plan_sum(rows, "across", NEAR, size)
    rows, down = plan_sum(rows, "down", NEAR, size)
    return TilePlan(
        rows, (down, across), tuple(reversed(fusion)), (_half(cells, -1, size), _half(cells, 1, size))
    )


def _half(cells: Cells, shift: int, size: tuple[int, int]) -> tuple[DiagonalSum, tuple[Quadrant, Quadrant]]:
    """A 4 x 4 patch covers its cell and the nearest features of the next ones.

    So a cell's upper features are its own and the ones above's, its lower ones its own and the ones below's.
    """
    rows = reached(cells, "down", shift, size)
    _, down = plan_sum(rows, "down", (0, shift), size, available=cells)
    quadrants = []
    for sideways in (-1, 1):
        ends = reached(rows, "across", sideways, size)
        _, across = plan_sum(ends, "across", (0, sideways), size, available=rows)
        quadrants.append(Quadrant(ends, across))
    return down, (quadrants[0], quadrants[1])


def tiles(wanted: NDArray[np.bool_], *, rows: float, fuse: bool) -> Iterator[Cells]:
    """The wanted cells (sorted row-major ids) square by square, each with at most `rows` rows of scores.

    That many with the neighbours that patches and fusion need; one cell is taken even if its are more.
    """
    if not wanted.any():
        return
    side = max(1, int(rows**0.5) - (4 if fuse else 2))
    filled_rows, filled_columns = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    bottom, right = int(filled_rows[-1]) + 1, int(filled_columns[-1]) + 1
    # A map that fits whole is one tile, whatever its shape.
    tall, wide = (bottom, right) if wanted.size <= rows else (side, side)
    ids = np.arange(wanted.size).reshape(wanted.shape)
    for top in range(int(filled_rows[0]), bottom, tall):
        for left in range(int(filled_columns[0]), right, wide):
            tile = slice(top, top + tall), slice(left, left + wide)
            if wanted[tile].any():
                yield ids[tile][wanted[tile]]
