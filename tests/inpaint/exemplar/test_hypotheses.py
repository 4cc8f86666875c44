"""The ways to fill the coarse levels, of which the cheapest is carried down."""

from dataclasses import replace

import numpy as np
import pytest

from inpaint.exemplar import hypotheses
from inpaint.exemplar.completion import complete
from inpaint.exemplar.hypotheses import cheapest
from inpaint.exemplar.pyramid import build_pyramid
from inpaint.exemplar.settings import FAST, NORMAL

QUICK = replace(NORMAL, coarse_rounds=2, fine_rounds=1)


def noisy(rng):
    image = rng.integers(0, 256, (120, 160, 3), np.uint8)
    mask = np.zeros((120, 160), bool)
    mask[30:90, 50:110] = True
    return image, mask


@pytest.fixture
def starts(monkeypatch):
    """The seed and the first level of each way that is grown."""
    found = []
    grown = hypotheses.descend

    def watched(levels, matches, first, last, seed, settings):
        found.append((seed, first))
        return grown(levels, matches, first, last, seed, settings)

    monkeypatch.setattr(hypotheses, "descend", watched)
    return found


@pytest.mark.parametrize(("count", "levels_started"), [(1, [1]), (2, [2, 1]), (4, [2, 1, 2, 1])])
def test_one_way_starts_a_level_finer_and_of_more_every_second(starts, rng, count, levels_started):
    image, mask = noisy(rng)
    levels = build_pyramid(image, mask, None, coarsest_hole_px=6.0)
    assert len(levels) == 3
    cheapest(levels, 1, [], 0, replace(QUICK, hypotheses=count, shift_maps=0))
    assert [first for _, first in sorted(starts)] == levels_started


def test_what_is_carried_down_costs_no_more_than_one_way_alone_and_is_the_same_each_time(rng):
    image, mask = noisy(rng)
    found = []
    for shift_maps in (2, 2, 0):
        levels = build_pyramid(image, mask, None, coarsest_hole_px=6.0)
        best = cheapest(levels, 1, [], 3, replace(QUICK, shift_maps=shift_maps))
        assert levels[1] is best.level
        found.append(best)
    np.testing.assert_array_equal(found[0].field, found[1].field)
    np.testing.assert_array_equal(found[0].level.image, found[1].level.image)
    assert found[0].mean_cost <= found[2].mean_cost


@pytest.mark.parametrize(
    ("settings", "tried"), [(FAST, False), (NORMAL, True), (replace(FAST, hypotheses=2), True)]
)
def test_several_ways_are_tried_where_the_settings_have_shift_maps_or_more_than_one(
    monkeypatch, rng, settings, tried
):
    called = []

    def watched(levels, pick, lines, seed, settings):
        called.append(pick)
        return cheapest(levels, pick, lines, seed, settings)

    monkeypatch.setattr(hypotheses, "cheapest", watched)
    image, mask = noisy(rng)
    complete(image, mask, settings=replace(settings, coarse_rounds=1, fine_rounds=1))
    assert bool(called) == tried
