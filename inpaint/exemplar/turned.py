"""Sources that are turned by right angles or mirrored, for what is round: a wheel, a flower, rings.

The photo is laid out beside itself in the other seven ways that a square can lie, so that no pixel is
resampled, and this sheet is filled as any photo. A turned source pays a fixed distance, and nothing for
lines. More sources are more chances of a patch that fits by accident; the sheet is therefore taken only where
it explains the coarse levels much better than the photo alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from _removal_support.progress import unwatched
from inpaint.exemplar.hypotheses import carried_down, descend, pick_level
from inpaint.exemplar.matches import Matches
from inpaint.exemplar.palette import Palette
from inpaint.exemplar.poisson import assemble
from inpaint.exemplar.pyramid import Level
from inpaint.exemplar.settings import ExemplarSettings

MOST_COST = 0.6
"""Turned sources are taken where the mean cost of a patch falls to this share of what it is without."""
MOST_SHEET_PX = 12_000_000
"""A larger sheet takes too much memory, and what is round in a large window is rare."""
CELL_PX = 32
"""The side of a cell of the sheet is a multiple of this, so that cells are whole at every level."""


def turned_fill(
    levels: Sequence[Level], matches: Matches, seed: int, settings: ExemplarSettings
) -> np.ndarray | None:
    """The fill from turned sources too, where they explain the coarse levels much better.

    Args:
        levels: of the photo, from fine to coarse.
        matches: of the photo at the pick level.
        seed, settings: see `completion.complete`.

    Returns:
        uint8 (H, W, 3), the photo with its hole filled; None = no.
    """
    height, width = levels[0].hole.shape
    own = height + -height % CELL_PX, width + -width % CELL_PX
    if 8 * max(own) ** 2 > MOST_SHEET_PX or 2 ** (len(levels) - 1) > CELL_PX:
        return None
    pick = pick_level(levels, settings)
    coarse = [sheet_of(levels[n], (own[0] >> n, own[1] >> n)) for n in range(pick, len(levels))]
    with unwatched():
        turned = descend([*levels[:pick], *coarse], None, len(levels) - 1, pick, seed, settings)
    if turned.mean_cost > MOST_COST * matches.mean_cost:
        return None
    fine = [sheet_of(levels[n], (own[0] >> n, own[1] >> n)) for n in range(pick)]
    sheets = [*fine, *coarse]
    copied, origin = carried_down(sheets, turned, pick, seed, settings)
    filled = assemble(copied, sheets[0].hole, ~sheets[0].blocked, origin)
    return np.ascontiguousarray(filled[:height, :width])


def sheet_of(level: Level, own: tuple[int, int]) -> Level:
    """A level with itself beside it in the seven other ways that it can lie.

    Args:
        level: of h x w pixels.
        own: rows and columns of the cell that the level itself gets, at least h and w. Where the hole touches
            the border it goes on to the end of the cell.

    Returns:
        A level of two rows of four square cells, without a hole in the other seven.
    """
    height, width = level.hole.shape
    after = ((0, own[0] - height), (0, own[1] - width))
    image, texture = (np.pad(a, (*after, (0, 0)), mode="edge") for a in (level.image, level.texture))
    barred = np.pad(level.blocked, after, constant_values=True)
    sources = np.pad(level.valid, after)
    side = max(own)
    shape = 2 * side, 4 * side
    sheet_image, sheet_texture = np.zeros((*shape, 3), np.uint8), np.zeros((*shape, 2), np.uint8)
    hole, blocked, valid = np.zeros(shape, bool), np.ones(shape, bool), np.zeros(shape, bool)
    hole[: own[0], : own[1]] = np.pad(level.hole, after, mode="edge")
    for row, across in enumerate((1, -1)):
        for column in range(4):
            bars = np.rot90(barred[:, ::across], column)
            rows = slice(row * side, row * side + bars.shape[0])
            columns = slice(column * side, column * side + bars.shape[1])
            blocked[rows, columns] = bars
            valid[rows, columns] = np.rot90(sources[:, ::across], column)
            sheet_image[rows, columns] = np.rot90(image[:, ::across], column)
            along = (1, 0) if column % 2 else (0, 1)  # horizontal gradients become vertical ones
            sheet_texture[rows, columns] = np.rot90(texture[:, ::across], column)[..., along]
    lines = None
    if level.lines is not None:
        lines = np.zeros((*shape, 3), np.float32)
        lines[:height, :width] = level.lines
    palette = None if level.palette is None else _sheet_of_palette(level.palette, own)
    return Level(sheet_image, sheet_texture, hole, blocked, valid, lines, palette, own)


def _sheet_of_palette(palette: Palette, own: tuple[int, int]) -> Palette:
    """The colours of a level laid out like it; their costs are those of the level itself."""
    rows, columns = (size >> palette.shift for size in own)
    side = max(rows, columns)
    height, width = palette.labels.shape
    after = ((0, rows - height), (0, columns - width))
    labels = np.pad(palette.labels, after, mode="edge")
    sheet = np.zeros((2 * side, 4 * side), np.uint8)
    for row, across in enumerate((1, -1)):
        for column in range(4):
            turned = np.rot90(labels[:, ::across], column)
            top, left = row * side, column * side
            sheet[top : top + turned.shape[0], left : left + turned.shape[1]] = turned
    costs = np.pad(palette.costs, (*after, (0, 0)), mode="edge")
    return replace(palette, labels=sheet, costs=costs)
