"""Drawn curves whose course in the hole is known."""

from dataclasses import replace

import numpy as np
import pytest

from inpaint.exemplar.lines import edges_around
from inpaint.exemplar.settings import FAST, NORMAL
from tests.inpaint.exemplar.test_structure import (
    fill,
    grid,
    person,
    two_sides,
    wrong_beyond_two_pixels,
    wrong_share,
)

STRAIGHT = replace(NORMAL, arcs=False)


def away_from(row, column):
    rows, columns = grid()
    return np.hypot(rows - row, columns - column)


def arcs_of(truth, mask):
    return edges_around(np.where(mask[..., None], 0, truth).astype(np.uint8), mask, arcs=True).arcs


def off_circle(arcs, row, column, radius):
    ways = np.concatenate([arc.way for arc in arcs]) + 0.5
    return np.abs(np.hypot(*(ways - (row, column)).T) - radius).max()


DISCS = [(150, 160, 60), (180, 160, 90), (200, 150, 100), (120, 100, 60)]


@pytest.mark.parametrize(("row", "column", "radius"), DISCS)
def test_the_rim_of_a_disc_is_found(row, column, radius):
    truth, mask = two_sides(away_from(row, column) < radius), person()
    arcs = arcs_of(truth, mask)
    assert len(arcs) == 1
    assert off_circle(arcs, row, column, radius) < 1.5


@pytest.mark.parametrize(("row", "column", "radius"), DISCS)
def test_the_rim_of_a_disc_is_continued_within_two_pixels(row, column, radius):
    truth, mask = two_sides(away_from(row, column) < radius), person()
    filled = fill(truth, mask)
    print(
        [
            (
                wrong_beyond_two_pixels(fill(truth, mask, s), truth, mask),
                wrong_share(fill(truth, mask, s), truth, mask),
            )
            for s in (FAST, STRAIGHT, NORMAL)
        ]
    )
    assert wrong_beyond_two_pixels(filled, truth, mask) < 0.005


RINGS = [(150, 160, 70, 14), (120, 90, 80, 10), (190, 160, 90, 24)]


@pytest.mark.parametrize(("row", "column", "radius", "width"), RINGS)
def test_a_ring_is_not_broken(row, column, radius, width):
    truth, mask = two_sides(np.abs(away_from(row, column) - radius) < width / 2), person()
    filled = fill(truth, mask)
    print(
        [
            (
                wrong_beyond_two_pixels(fill(truth, mask, s), truth, mask),
                wrong_share(fill(truth, mask, s), truth, mask),
            )
            for s in (FAST, STRAIGHT, NORMAL)
        ]
    )
    assert wrong_beyond_two_pixels(filled, truth, mask) < 0.01


@pytest.mark.parametrize("radius", [200, 400])
def test_a_gently_bent_kerb_is_continued_within_two_pixels(radius):
    truth, mask = two_sides(away_from(115 + radius, 150) < radius), person()
    print(
        [
            (
                wrong_beyond_two_pixels(fill(truth, mask, s), truth, mask),
                wrong_share(fill(truth, mask, s), truth, mask),
            )
            for s in (FAST, STRAIGHT, NORMAL)
        ]
    )
    assert wrong_beyond_two_pixels(fill(truth, mask), truth, mask) < 0.005


def test_edges_of_two_things_are_not_joined():
    mask = person()
    light = (away_from(120, 95) < 45) | (away_from(130, 230) < 50)
    assert arcs_of(two_sides(light), mask) == []


def test_nothing_is_joined_in_a_corner():
    rows, columns = grid()
    assert arcs_of(two_sides((rows > 115) & (columns > 150)), person()) == []


@pytest.mark.parametrize("slope", [0.0, 0.17, -0.4])
def test_a_straight_edge_is_left_to_the_lines(slope):
    rows, columns = grid()
    truth, mask = two_sides(rows > 120 + slope * (columns - 160)), person()
    assert arcs_of(truth, mask) == []
    assert np.array_equal(fill(truth, mask), fill(truth, mask, STRAIGHT))
