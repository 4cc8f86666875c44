"""Sums along the diagonals of score matrices: each pair (query, key) gains pairs in which both moved alike.

Queries and keys are the cells of one map, numbered row by row; a matrix holds some of the queries, one a row,
and all keys. Comparing 3 x 3 patches, fusing scores and pasting 4 x 4 patches are all such sums, and each
takes far less work than patches would.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Cells = NDArray[np.intp]
Direction = Literal["down", "across", "line", "column"]
"""Where a neighbour is: below or to the right, nothing past the border; or the next one in row-major or in
column-major order, where the end of one line is followed by the start of the next."""


@dataclass(frozen=True)
class _Rows:
    """`lines` runs of `count` rows of a matrix, the first from `start`, the next ones `stride` further on."""

    start: int
    count: int
    lines: int = 1
    stride: int = 1

    def of(self, matrix: Tensor) -> Tensor:
        """A view of them, (N, lines, count, L)."""
        stop = self.start + (self.lines - 1) * self.stride + self.count
        return matrix[:, self.start : stop].unfold(1, self.count, self.stride).movedim(-1, 2)


@dataclass(frozen=True)
class _Move:
    """Rows of one matrix to add to rows of the next, the keys moved by `shift`, -1, 0 or 1."""

    target: _Rows
    source: _Rows
    shift: int


@dataclass(frozen=True)
class DiagonalSum:
    """How rows of one matrix add up to those of the next: from `sources` rows to `rows`."""

    direction: Direction
    moves: tuple[_Move, ...]
    sources: int
    rows: int
    height: int
    width: int

    @property
    def reverse(self) -> "DiagonalSum":
        """Its adjoint, from `rows` rows to `sources`."""
        moves = tuple(_Move(move.source, move.target, -move.shift) for move in self.moves)
        return replace(self, moves=moves, sources=self.rows, rows=self.sources)


def plan_sum(
    cells: Cells,
    direction: Direction,
    shifts: tuple[int, ...],
    size: tuple[int, int],
    *,
    available: Cells | None = None,
) -> tuple[Cells, DiagonalSum]:
    """Plan the sums of `cells` (sorted ids) over neighbours at `shifts`, in a map of `size`.

    available: the cells that have a row, sorted; others add nothing. None = a row for all that are needed.

    Returns the cells that have a row before, and the plan.
    """
    beside = []
    for shift in shifts:
        neighbours, exists = _neighbours(cells, direction, shift, size)
        if available is not None:
            exists &= np.isin(neighbours, available)
        beside.append((shift, np.flatnonzero(exists), neighbours[exists]))
    if available is None:
        available = np.unique(np.concatenate([found for _, _, found in beside]))
    moves = _moves(beside, available)
    return available, DiagonalSum(direction, moves, len(available), len(cells), *size)


def reached(cells: Cells, direction: Direction, shift: int, size: tuple[int, int]) -> Cells:
    """The cells, sorted, that have one of `cells` at 0 or at `shift`."""
    neighbours, exists = _neighbours(cells, direction, -shift, size)
    return np.union1d(cells, neighbours[exists])


def _neighbours(
    cells: Cells, direction: Direction, shift: int, size: tuple[int, int]
) -> tuple[Cells, NDArray[np.bool_]]:
    """Each cell's neighbour, and whether there is one."""
    height, width = size
    if direction == "across":
        column = cells % width + shift
        return cells + shift, (column >= 0) & (column < width)
    if direction == "column":
        order = cells % width * height + cells // width + shift
        return order % height * width + order // height, (order >= 0) & (order < height * width)
    moved = cells + (shift * width if direction == "down" else shift)
    return moved, (moved >= 0) & (moved < height * width)


def _moves(wanted: Iterable[tuple[int, Cells, Cells]], available: Cells) -> tuple[_Move, ...]:
    """Runs of rows: (shift, target rows, source cells) -> slices, so that no row is copied by index."""
    moves: list[_Move] = []
    for shift, targets, cells in wanted:
        sources = np.searchsorted(available, cells)
        breaks = np.flatnonzero((np.diff(targets) != 1) | (np.diff(sources) != 1)) + 1
        for part in np.split(np.arange(len(targets)), breaks):
            if len(part):
                target, source = int(targets[part[0]]), int(sources[part[0]])
                move = _Move(_Rows(target, len(part)), _Rows(source, len(part)), shift)
                joined = _join(moves[-1], move) if moves else None
                if joined:
                    moves[-1] = joined
                else:
                    moves.append(move)
    return tuple(moves)


def _join(moves: _Move, move: _Move) -> _Move | None:
    """One more run behind others, where it is as long and as far from the last: lines of a map are."""
    if moves.shift != move.shift:
        return None
    target, source = _lengthen(moves.target, move.target), _lengthen(moves.source, move.source)
    return _Move(target, source, move.shift) if target and source else None


def _lengthen(rows: _Rows, run: _Rows) -> _Rows | None:
    stride = run.start - rows.start - (rows.lines - 1) * rows.stride
    fits = stride == rows.stride if rows.lines > 1 else stride >= rows.count
    return replace(rows, lines=rows.lines + 1, stride=stride) if fits and run.count == rows.count else None


def sum_diagonals(scores: Tensor, plan: DiagonalSum) -> Tensor:
    """Scores (N, plan.sources, L) -> sums (N, plan.rows, L)."""
    sums: Tensor = _Sum.apply(scores, plan)
    return sums


class _Sum(torch.autograd.Function):
    """Linear, so backward is the same moves the other way round, and nothing is kept for it."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, scores: Tensor, plan: DiagonalSum) -> Tensor:
        ctx.plan = plan  # type: ignore[attr-defined]
        return _sum(scores, plan)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        return _sum(gradient.contiguous(), ctx.plan.reverse), None  # type: ignore[attr-defined]


def _sum(scores: Tensor, plan: DiagonalSum) -> Tensor:
    moves = plan.moves
    whole = _Rows(0, plan.rows)
    if _Move(whole, whole, 0) in moves and plan.rows == plan.sources:
        sums = scores.clone()  # quicker than adding to zeros
        moves = tuple(move for move in moves if move.shift)
    else:
        sums = scores.new_zeros(len(scores), plan.rows, scores.shape[2])
    for move in moves:
        _add(move.target.of(sums), move.source.of(scores), move.shift, plan)
    return sums


def _add(total: Tensor, rows: Tensor, shift: int, plan: DiagonalSum) -> None:
    """total[..., key] += rows[..., the key's neighbour at `shift`]."""
    if shift == 0:
        total += rows
    elif plan.direction in ("line", "down"):
        _add_flat(total, rows, shift * (plan.width if plan.direction == "down" else 1))
    else:
        total, rows = (part.unflatten(-1, (plan.height, plan.width)) for part in (total, rows))
        if plan.direction == "across":
            _add_flat(total, rows, shift)
        elif shift == 1:  # down the column, and from its end to the top of the next
            total[..., :-1, :] += rows[..., 1:, :]
            total[..., -1, :-1] += rows[..., 0, 1:]
        else:
            total[..., 1:, :] += rows[..., :-1, :]
            total[..., 0, 1:] += rows[..., -1, :-1]


def _add_flat(total: Tensor, rows: Tensor, shift: int) -> None:
    """total[..., i] += rows[..., i + shift], nothing past the ends; |shift| may be all there is."""
    if shift > 0:
        total[..., :-shift] += rows[..., shift:]
    else:
        total[..., -shift:] += rows[..., :shift]
