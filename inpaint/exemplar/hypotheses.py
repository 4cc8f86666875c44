"""Several ways to fill the coarse levels, of which the cheapest is carried down: structure is decided there,
the search is cheap, and the first way it takes is often not the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from _removal_support.progress import in_turn
from inpaint.exemplar.bands import threads
from inpaint.exemplar.line_geometry import Line
from inpaint.exemplar.matches import Matches, lines_at, peel
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
    assert matches is not None  # there is at least one level
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
        lines_here = lines_at(level, np.argwhere(level.hole), settings)
        chosen = shift_map(level, shifts, lines_here, near_weight=near_weight)
        matches = Matches(level, None, seed=seed + 1000 * pick, settings=settings, shifts=chosen)
        matches.vote(settings.fine_bandwidth)
        _improve(matches, pick, SHIFT_MAP_ROUNDS, settings)
        return matches

    with ThreadPoolExecutor(threads()) as pool:
        tried = list(pool.map(grow, range(settings.hypotheses)))
        if settings.shift_maps:
            coarser = levels[min(pick + 1, len(levels) - 1)]
            fields = [matches.field - matches.targets for matches in tried]
            shifts = candidates(levels[pick], coarser, fields, lines, 2**pick, seed=seed)
            tried += pool.map(partial(shift, shifts=shifts), SHIFT_MAP_NEAR[: settings.shift_maps])
    best = min(tried, key=lambda matches: matches.mean_cost)
    levels[pick] = best.level
    return best
