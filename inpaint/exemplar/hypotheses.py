"""Several ways to fill the coarse levels, of which the cheapest is carried down: structure is decided there,
the search is cheap, and the first way it takes is often not the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from _removal_support.progress import in_turn, unwatched
from inpaint.exemplar.bands import threads
from inpaint.exemplar.guidance import line_field
from inpaint.exemplar.line_geometry import Line
from inpaint.exemplar.matches import Matches, lines_at, peel
from inpaint.exemplar.palette import find_palette, prices_at
from inpaint.exemplar.pyramid import Level
from inpaint.exemplar.settings import ExemplarSettings
from inpaint.exemplar.shift_maps import candidates, shift_map

SHIFT_MAP_NEAR = (0.0, 0.15)
"""Costs of a source one pixel farther away, one for each shift-map."""
SHIFT_MAP_ROUNDS = 3
HYPOTHESIS_SEEDS = 7919


def pick_level(levels: Sequence[Level], settings: ExemplarSettings) -> int:
    """The number of the level at which hypotheses are compared."""
    pick = min(settings.pick_level, len(levels) - 1)
    while pick < len(levels) - 1 and np.count_nonzero(levels[pick].hole) > settings.pick_px:
        pick += 1
    return pick


def guide_by(levels: Sequence[Level], lines: Sequence[Line]) -> None:
    """Give each level the lines that go on there."""
    if lines:
        for number, level in enumerate(levels):
            level.lines = line_field(lines, level.hole.shape, 2**number)


def _colour_by(levels: Sequence[Level], pick: int, lines: Sequence[Line]) -> None:
    """Give each level the palette that is found at the level `pick`."""
    level = levels[pick]
    palette = find_palette(level.image, level.hole, level.blocked, lines, 2**pick)
    if palette is not None:
        for number, level in enumerate(levels):
            level.palette = (
                palette.finer(pick - number)
                if number <= pick
                else palette.coarser(level.image, number - pick)
            )


def picked(
    levels: list[Level], pick: int, lines: Sequence[Line], seed: int, settings: ExemplarSettings
) -> Matches:
    """The matches that are carried down from the level `pick`, see `cheapest` and `descend`."""
    guide_by(levels, lines)
    small = (
        np.count_nonzero(levels[pick].hole) <= settings.pick_px
    )  # else long and thin: its border says it all
    if settings.palette_weight > 0 and small:
        _colour_by(levels, pick, lines)
    if (settings.hypotheses > 1 or settings.shift_maps > 0) and small:
        return cheapest(levels, pick, lines, seed, settings)
    with unwatched():  # what is told must only grow, and the levels below are told by `carried_down`
        return descend(levels, None, len(levels) - 1, pick, seed, settings)


def carried_down(
    levels: Sequence[Level], matches: Matches, pick: int, seed: int, settings: ExemplarSettings
) -> tuple[np.ndarray, np.ndarray]:
    """From the matches of the level `pick`: uint8 (H, W, 3), the photo with copied colours in the hole, and
    int32 (M, 2), where each came from."""
    matches = descend(levels, matches, pick - 1, 0, seed, settings)
    origin = matches.origins()
    finest = levels[0]
    finest.image[finest.hole] = matches.copies(origin)
    return finest.image, origin


def descend(
    levels: Sequence[Level],
    matches: Matches | None,
    first: int,
    last: int,
    seed: int,
    settings: ExemplarSettings,
) -> Matches:
    """Search and vote from one level down to another.

    Args:
        levels: from fine to coarse; written to.
        matches: of the level before `first`; None = `first` is where the fill starts.
        first, last: numbers of levels.
        seed, settings: see `completion.complete`.

    Returns:
        The matches of the last level.
    """
    for number in downwards(levels, first, last):
        start = matches is None
        matches = Matches(levels[number], matches, seed=seed + 1000 * number, settings=settings)
        if start:
            peel(levels[number], seed, settings)
            rounds = settings.coarse_rounds
        else:
            matches.vote(settings.fine_bandwidth)
            rounds = settings.fine_rounds + number
        _improve(matches, number, rounds, settings)
    assert matches is not None  # there is at least one level, or they are given
    return matches


def downwards(levels: Sequence[Level], first: int, last: int) -> Iterator[int]:
    """The numbers of the levels from `first` down to `last`, each a portion of the work by its hole."""
    numbers = range(first, last - 1, -1)
    return in_turn(numbers, [int(np.count_nonzero(levels[number].hole)) for number in numbers])


def _improve(matches: Matches, number: int, rounds: int, settings: ExemplarSettings) -> None:
    bandwidth = settings.coarse_bandwidth if number >= 2 else settings.fine_bandwidth
    for _ in in_turn(range(matches.affordable(rounds))):
        matches.improve()
        matches.vote(bandwidth)


def cheapest(
    levels: list[Level], pick: int, lines: Sequence[Line], seed: int, settings: ExemplarSettings
) -> Matches:
    """The best of several ways to fill the level `pick`, which is left in `levels`.

    Args:
        levels: from fine to coarse; those from `pick` on are replaced.
        pick: number of the level.
        lines: that go on in the hole.
        seed, settings: see `completion.complete`.
    """

    def grow(number: int) -> Matches:
        own = [*levels[:pick], *(level.unworked() for level in levels[pick:])]
        first = max(pick, len(own) - 1 - number % 2)
        return descend(own, None, first, pick, seed + HYPOTHESIS_SEEDS * number, settings)

    def shift(near_weight: float, shifts: np.ndarray) -> Matches:
        level = levels[pick].unworked()
        holes = np.argwhere(level.hole)
        prices = prices_at(level.palette, holes, settings.palette_weight)
        lines_here = lines_at(level, holes, settings)
        chosen = shift_map(level, shifts, lines_here, near_weight=near_weight, prices=prices)
        matches = Matches(level, None, seed=seed + 1000 * pick, settings=settings, shifts=chosen)
        matches.vote(settings.fine_bandwidth)
        _improve(matches, pick, SHIFT_MAP_ROUNDS, settings)
        return matches

    with ThreadPoolExecutor(threads()) as pool:
        numbers = [number ^ 1 for number in range(settings.hypotheses)]  # the finer start is the better one
        tried = list(pool.map(grow, numbers))
        if settings.shift_maps:
            coarser = levels[min(pick + 1, len(levels) - 1)]
            fields = [matches.field - matches.targets for matches in tried]
            shifts = candidates(levels[pick], coarser, fields, lines, 2**pick, seed=seed)
            tried += pool.map(partial(shift, shifts=shifts), SHIFT_MAP_NEAR[: settings.shift_maps])
    best = min(tried, key=lambda matches: matches.mean_cost)
    levels[pick] = best.level
    return best
