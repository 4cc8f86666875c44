"""Fusing attention scores: each pair (query, key) gains the scores of its neighbouring pairs.

Two steps, as published: +-1 in row-major order of the cells, then +-1 in column-major order, both wrapping
from one row (column) to the next, and zero past the ends (Yu et al. 2018, section 4.1, "attention
propagation").
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Cells = NDArray[np.intp]


@dataclass(frozen=True)
class _Move:
    """Rows of one score matrix to add to rows of the next, the keys shifted by `shift` in its order."""

    target: slice
    source: slice
    shift: int


@dataclass(frozen=True)
class FusionPlan:
    """Which rows of scores the fused rows need (`cells`, sorted) and how rows add up in the two steps."""

    cells: Cells
    middle_rows: int
    rows: int
    row_major: tuple[_Move, ...]
    column_major: tuple[_Move, ...]
    height: int
    width: int


def plan_fusion(cells: Cells, height: int, width: int) -> FusionPlan:
    """Plan the fused scores of `cells` (sorted row-major ids) in a map of `height` x `width` cells."""
    order = cells % width * height + cells // width
    beside = []
    for shift in (-1, 0, 1):
        moved = order + shift
        exists = (moved >= 0) & (moved < height * width)
        beside.append((shift, np.flatnonzero(exists), (moved % height * width + moved // height)[exists]))
    middle = np.unique(np.concatenate([sources for _, _, sources in beside]))
    needed = np.unique(np.clip(np.concatenate([middle - 1, middle, middle + 1]), 0, height * width - 1))
    along = []
    for shift in (-1, 0, 1):
        exists = (middle + shift >= 0) & (middle + shift < height * width)
        along.append((shift, np.flatnonzero(exists), (middle + shift)[exists]))
    return FusionPlan(
        cells=needed,
        middle_rows=len(middle),
        rows=len(cells),
        row_major=_moves(along, needed),
        column_major=_moves(beside, middle),
        height=height,
        width=width,
    )


def _moves(wanted: Iterable[tuple[int, Cells, Cells]], available: Cells) -> tuple[_Move, ...]:
    """Runs of rows: (shift, target rows, source cells) -> slices, so that no row is copied by index."""
    moves = []
    for shift, targets, cells in wanted:
        sources = np.searchsorted(available, cells)
        breaks = np.flatnonzero((np.diff(targets) != 1) | (np.diff(sources) != 1)) + 1
        for part in np.split(np.arange(len(targets)), breaks):
            if len(part):
                target, source = int(targets[part[0]]), int(sources[part[0]])
                moves.append(
                    _Move(slice(target, target + len(part)), slice(source, source + len(part)), shift)
                )
    return tuple(moves)


def fuse_scores(scores: Tensor, plan: FusionPlan) -> Tensor:
    """Scores (N, len(plan.cells), L) of the plan's cells -> fused scores (N, plan.rows, L)."""
    fused: Tensor = _Fuse.apply(scores, plan)
    return fused


class _Fuse(torch.autograd.Function):
    """Linear, so backward is the same moves the other way round."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, scores: Tensor, plan: FusionPlan) -> Tensor:
        ctx.plan = plan  # type: ignore[attr-defined]
        middle = scores.new_zeros(len(scores), plan.middle_rows, scores.shape[2])
        for move in plan.row_major:
            _add_row_major(middle[:, move.target], scores[:, move.source], move.shift)
        fused = scores.new_zeros(len(scores), plan.rows, scores.shape[2])
        for move in plan.column_major:
            _add_column_major(fused[:, move.target], middle[:, move.source], move.shift, plan)
        return fused

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: torch.autograd.function.FunctionCtx, gradient: Tensor
    ) -> tuple[Tensor, None]:
        plan: FusionPlan = ctx.plan  # type: ignore[attr-defined]
        gradient = gradient.contiguous()
        middle = gradient.new_zeros(len(gradient), plan.middle_rows, gradient.shape[2])
        for move in plan.column_major:
            _add_column_major(middle[:, move.source], gradient[:, move.target], -move.shift, plan)
        scores = gradient.new_zeros(len(gradient), len(plan.cells), gradient.shape[2])
        for move in plan.row_major:
            _add_row_major(scores[:, move.source], middle[:, move.target], -move.shift)
        return scores, None


def _add_row_major(total: Tensor, rows: Tensor, shift: int) -> None:
    """total[..., k] += rows[..., k + shift], keys in row-major order."""
    if shift == 0:
        total += rows
    elif shift == 1:
        total[..., :-1] += rows[..., 1:]
    else:
        total[..., 1:] += rows[..., :-1]


def _add_column_major(total: Tensor, rows: Tensor, shift: int, plan: FusionPlan) -> None:
    """The same with the shift in column-major order: down the column, from its end to the top of the next."""
    if shift == 0:
        total += rows
        return
    total, rows = (part.unflatten(-1, (plan.height, plan.width)) for part in (total, rows))
    if shift == 1:
        total[..., :-1, :] += rows[..., 1:, :]
        total[..., -1, :-1] += rows[..., 0, 1:]
    else:
        total[..., 1:, :] += rows[..., :-1, :]
        total[..., 0, 1:] += rows[..., -1, :-1]
