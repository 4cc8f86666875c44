"""Drawn scenes whose hole has a known right answer."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from inpaint.exemplar.completion import complete
from inpaint.exemplar.settings import BEST, FAST, NORMAL

HEIGHT, WIDTH = 240, 320


def grain(seed, strength):
    noise = np.random.default_rng(seed).normal(0, strength, (HEIGHT, WIDTH, 3))
    return cv2.GaussianBlur(noise, (0, 0), 0.8)


def two_sides(inside, *, strength=6.0):
    """uint8 photo of two materials: light where the bool-like coverage `inside` (four times the size) is."""
    share = cv2.resize(inside.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)[..., None]
    light = np.array([205, 195, 180]) + grain(1, strength)
    dark = np.array([70, 85, 100]) + grain(2, strength)
    return np.clip(share * light + (1 - share) * dark, 0, 255).astype(np.uint8)


def person(top=60, bottom=180, left=120, right=200):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(
        mask,
        ((left + right) // 2, (top + bottom) // 2),
        ((right - left) // 2, (bottom - top) // 2),
        0,
        0,
        360,
        1,
        -1,
    )
    return mask > 0


def fill(image, mask, settings=NORMAL):
    return complete(np.where(mask[..., None], np.uint8((255, 0, 255)), image), mask, settings=settings)


def grid():
    rows, columns = np.mgrid[: 4 * HEIGHT, : 4 * WIDTH]
    return (rows + 0.5) / 4, (columns + 0.5) / 4


def edge_error(filled, truth, mask):
    """Largest error of where the light side begins, over the columns of the hole, in pixels."""
    light = filled.mean(axis=2) > 138
    right = truth.mean(axis=2) > 138
    columns = np.flatnonzero(mask.any(axis=0))
    crossed = [c for c in columns if mask[:, c].sum() > 8]
    return max(abs(int(light[:, c].sum()) - int(right[:, c].sum())) for c in crossed)


@pytest.mark.parametrize("slope", [0.0, 0.17, -0.4])
def test_a_straight_edge_is_continued_within_a_pixel(slope):
    rows, columns = grid()
    truth = two_sides(rows > 120 + slope * (columns - 160))
    mask = person()
    assert edge_error(fill(truth, mask), truth, mask) <= 1


def wrong_share(filled, truth, mask):
    return (np.abs(filled.astype(int) - truth).mean(axis=2) > 50)[mask].mean()


def test_a_corner_is_closed():
    rows, columns = grid()
    truth = two_sides((rows > 115) & (columns > 150))
    mask = person()
    assert wrong_share(fill(truth, mask), truth, mask) < 0.01


def test_an_edge_ends_on_the_one_it_meets():
    rows, _ = grid()
    truth = two_sides(rows > 110)
    truth[110:, 165:] = np.clip(truth[110:, 165:].astype(int) - (150, 40, 120), 0, 255)
    mask = person()
    assert wrong_share(fill(truth, mask), truth, mask) < 0.02


def test_a_thin_bar_across_the_hole_is_not_broken():
    rows, columns = grid()
    truth = two_sides(np.abs(rows - (100 + 0.25 * (columns - 160))) < 4)
    mask = person()
    filled = fill(truth, mask)
    bar = (truth.mean(axis=2) > 138) & mask
    assert (filled.mean(axis=2) > 120)[bar].mean() > 0.9


def test_fast_knows_no_lines_and_normal_does_better_on_a_slanted_edge():
    rows, columns = grid()
    truth = two_sides(rows > 120 - 0.4 * (columns - 160))
    mask = person()
    assert wrong_share(fill(truth, mask), truth, mask) <= wrong_share(fill(truth, mask, FAST), truth, mask)


@pytest.fixture(scope="module")
def wall_beside_a_cabinet():
    """A rough light wall and a smooth dark cabinet, whose left edge, at column 165, a person hides."""
    rows, columns = grid()
    photo = np.array([196, 200, 190]) + grain(1, 16)
    for where, colour, seed, strength in (
        (rows > 200, (120, 90, 60), 5, 12),
        ((rows > 90) & (columns > 165) & (rows < 205), (35, 33, 36), 6, 1),
    ):
        share = cv2.resize(where.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)[..., None]
        photo = (1 - share) * photo + share * (np.array(colour) + grain(seed, strength))
    return np.clip(photo, 0, 255).astype(np.uint8)


def dark_share(filled, mask):
    return (filled.mean(axis=2) < 60)[mask].mean()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_cabinet_does_not_grow_over_the_wall(wall_beside_a_cabinet, seed):
    """Where its edge is hidden, it may end as far into the hole as half the hole's width, column 157."""
    mask = person(50, 230, 90, 225)
    holed = np.where(mask[..., None], np.uint8((255, 0, 255)), wall_beside_a_cabinet)
    filled, grown = (
        complete(holed, mask, seed=seed, settings=settings)
        for settings in (NORMAL, replace(NORMAL, palette_weight=0.0))
    )
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    beyond = mask & (columns < 154)
    assert dark_share(filled, beyond) < 0.001
    assert dark_share(grown, beyond) > 0.005
    assert dark_share(filled, mask & (columns > 170) & (rows > 95) & (rows < 200)) > 0.95


@pytest.fixture(scope="module")
def chequered_floor():
    """A floor of squares that shrink towards the horizon, at row 20, seen from its middle."""
    rows, columns = grid()
    depth = 1 / np.maximum(rows - 20, 1e-3)
    across, along = np.floor((columns - 160) * depth * 1.6), np.floor(320 * depth)
    return two_sides(((across + along) % 2 == 0) & (rows > 20))


def wrong_beyond_two_pixels(filled, truth, mask):
    """Share of the hole on the wrong side of every edge within 2 px."""
    side = np.ones((5, 5), np.uint8)
    light, right = filled.mean(axis=2) > 138, (truth.mean(axis=2) > 138).astype(np.uint8)
    wrong = np.where(light, cv2.dilate(right, side) == 0, cv2.erode(right, side) == 1)
    return wrong[mask].mean()


@pytest.mark.parametrize(
    "hole",
    [
        (80, 180, 125, 195),
        (60, 200, 100, 220),
        (80, 180, 45, 115),
        (80, 180, 210, 280),
        (70, 220, 160, 250),
    ],
)
def test_a_chequered_floor_goes_on_in_perspective(chequered_floor, hole):
    mask = person(*hole)
    filled = fill(chequered_floor, mask, replace(NORMAL, planes=1))
    assert wrong_beyond_two_pixels(filled, chequered_floor, mask) < 0.02
    assert wrong_share(filled, chequered_floor, mask) < 0.08


def test_best_knows_planes(chequered_floor):
    mask = person(80, 180, 125, 195)
    assert wrong_beyond_two_pixels(fill(chequered_floor, mask, BEST), chequered_floor, mask) < 0.02


def test_without_planes_the_chequered_floor_is_wrong(chequered_floor):
    mask = person(80, 180, 210, 280)
    filled = fill(chequered_floor, mask)
    assert wrong_share(filled, chequered_floor, mask) > 0.3
