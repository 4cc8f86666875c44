"""Drawn curves whose course in the hole is known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from inpaint.exemplar.completion import complete
from inpaint.exemplar.lines import edges_around
from inpaint.exemplar.settings import FAST, NORMAL
from inpaint.exemplar.strips import with_strips
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


DISCS = [(180, 160, 90), (200, 150, 100), (120, 100, 60)]


@pytest.mark.parametrize(("row", "column", "radius"), [*DISCS, (150, 160, 60)])
def test_the_rim_of_a_disc_is_found(row, column, radius):
    arcs = arcs_of(two_sides(away_from(row, column) < radius), person())
    assert len(arcs) == 1
    assert off_circle(arcs, row, column, radius) < 1


def test_the_rim_of_a_round_table_seen_from_the_side_is_found():
    rows, columns = grid()
    across = np.hypot((rows - 150) / 50, (columns - 160) / 90)
    (arc,) = arcs_of(two_sides(across < 1), person())
    row, column = (arc.way + 0.5).T
    assert np.abs(np.hypot((row - 150) / 50, (column - 160) / 90) - 1).max() * 50 < 1.5


SCENES = {
    **{f"disc {disc}": away_from(*disc[:2]) < disc[2] for disc in DISCS},
    "ring": np.abs(away_from(150, 160) - 70) < 7,
    "thin ring": np.abs(away_from(120, 90) - 80) < 5,
    "wide ring": np.abs(away_from(190, 160) - 90) < 12,
    "kerb": away_from(315, 150) < 200,
    "gentler kerb": away_from(515, 150) < 400,
}


@pytest.mark.parametrize("scene", SCENES)
def test_a_curve_is_continued_within_two_pixels(scene):
    truth, mask = two_sides(SCENES[scene]), person()
    filled = fill(truth, mask)
    assert wrong_beyond_two_pixels(filled, truth, mask) < 0.004
    assert wrong_share(filled, truth, mask) < 0.005


def test_fast_and_straight_lines_alone_break_a_ring():
    truth, mask = two_sides(SCENES["ring"]), person()
    assert all(wrong_share(fill(truth, mask, settings), truth, mask) > 0.08 for settings in (FAST, STRAIGHT))


def test_two_discs_are_closed_and_not_joined():
    discs = [(120, 95, 45), (130, 230, 50)]
    truth, mask = two_sides((away_from(120, 95) < 45) | (away_from(130, 230) < 50)), person()
    arcs = arcs_of(truth, mask)
    assert len(arcs) == 2
    assert all(min(off_circle([arc], *disc) for disc in discs) < 1 for arc in arcs)
    assert wrong_beyond_two_pixels(fill(truth, mask), truth, mask) < 0.002


@pytest.mark.parametrize("radii", [(60, 110), (60, 200), (90, 150)])
def test_ends_of_two_different_circles_are_not_joined(radii):
    columns = grid()[1]
    left, right = away_from(110 + radii[0], 130) < radii[0], away_from(110 + radii[1], 200) < radii[1]
    assert arcs_of(two_sides(np.where(columns < 160, left, right)), person()) == []


def test_what_is_protected_is_not_bent_into_the_hole():
    truth, mask = two_sides(SCENES["ring"]), person()
    arcs = arcs_of(truth, mask)
    painted, left = with_strips(truth, mask, ~mask, arcs)
    assert len(arcs) == 2
    assert np.array_equal(painted, truth)
    assert np.array_equal(left, mask)


def test_strips_change_nothing_outside_of_the_hole():
    truth, mask = two_sides(SCENES["ring"]), person()
    painted, left = with_strips(truth, mask, None, arcs_of(truth, mask))
    assert np.array_equal(painted[~mask | left], truth[~mask | left])
    assert not (left & ~mask).any()
    assert left.sum() < mask.sum()


def test_nothing_is_joined_in_a_corner():
    rows, columns = grid()
    assert arcs_of(two_sides((rows > 115) & (columns > 150)), person()) == []


@pytest.mark.parametrize("slope", [0.0, 0.17, -0.4])
def test_a_straight_edge_is_left_to_the_lines(slope):
    rows, columns = grid()
    truth, mask = two_sides(rows > 120 + slope * (columns - 160)), person()
    assert arcs_of(truth, mask) == []
    assert np.array_equal(fill(truth, mask), fill(truth, mask, STRAIGHT))


def test_a_strip_keeps_to_the_side_whose_colours_agree():
    """Behind the disc it is dark on the left and grey on the right; nothing says where that changes."""
    away = away_from(180, 160)
    truth, mask = two_sides(away < 90), person()
    _, columns = np.mgrid[: mask.shape[0], : mask.shape[1]]
    off = np.hypot(*(np.argwhere(np.ones_like(mask)) + 0.5 - (180, 160)).T).reshape(mask.shape) - 90
    changed = truth.copy()
    changed[(off > 0) & (columns > 160)] = (125, 140, 140)
    for photo, outside in ((truth, False), (changed, True)):
        (arc,) = edges_around(photo, mask, arcs=True).arcs
        _, left = with_strips(photo, mask, None, [arc])
        assert not left[mask & (np.abs(off + 2.5) < 0.7)].any()  # inside
        assert left[mask & (np.abs(off - 2.5) < 0.7)].all() == outside


def test_a_guide_leaves_the_ends_of_curves_to_the_lines():
    truth, mask = two_sides(SCENES["ring"]), person()
    smooth = cv2.GaussianBlur(truth, (0, 0), 3)
    bent, straight = (complete(truth, mask, guide=smooth, settings=each) for each in (NORMAL, STRAIGHT))
    assert np.array_equal(bent, straight)


def test_a_curve_of_which_nothing_may_be_copied_is_left_to_the_lines():
    truth, mask = two_sides(SCENES["ring"]), person()
    protect = np.zeros_like(mask)
    protect[away_from(150, 160)[::4, ::4] < 95] = True
    bent, straight = (complete(truth, mask, protect=protect, settings=each) for each in (NORMAL, STRAIGHT))
    assert np.array_equal(bent, straight)


@pytest.mark.parametrize("held", [False, True])
def test_what_lies_beside_a_strip_in_the_hole_or_is_protected_is_not_in_it(held):
    """Cubic sampling reads two pixels beyond those that it is asked for."""
    truth, mask = two_sides(away_from(180, 160) < 90), person()
    protect = np.zeros_like(mask)
    if held:
        protect[:, 224:] = True
    barred = (mask | protect)[..., None]
    arcs = edges_around(truth, mask, arcs=True).arcs
    painted = [
        with_strips(np.where(barred, np.uint8(colour), truth), mask, protect, arcs) for colour in (0, 255)
    ]
    hole = mask & ~painted[0][1]
    assert hole.any()
    assert np.array_equal(painted[0][0][hole], painted[1][0][hole])


def test_strips_may_fill_the_whole_hole():
    truth = two_sides(away_from(120, 160) < 80)
    away = np.abs(away_from(120, 160)[2::4, 2::4] - 80)
    rows, columns = np.mgrid[: truth.shape[0], : truth.shape[1]]
    mask = (away < 2.5) & (rows < 120) & (np.abs(columns - 160) < 20)
    filled = fill(truth, mask)
    assert np.array_equal(filled[~mask], truth[~mask])
    assert np.abs(filled.astype(int) - truth)[mask].mean() < 30
