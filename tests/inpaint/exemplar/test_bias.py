"""Sources that are brighter or darker all over: what that costs, what is added, what it is good for."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from inpaint.exemplar.completion import complete
from inpaint.exemplar.patchmatch import biases, search, vote
from inpaint.exemplar.settings import EFFORTS, FAST

TARGET, SOURCE = (10, 10), (20, 40)


def brighter_source(levels):
    """Noise in which one patch is another one, brighter by so many levels."""
    image = np.random.default_rng(0).integers(60, 160, (48, 48, 3), dtype=np.uint8)
    image[17:24, 37:44] = image[7:14, 7:14] + levels
    return image


@pytest.mark.parametrize(
    ("levels", "most", "expected"),
    [
        (8, 10.0, 147 * 0.25 * 8**2),  # all of it is bias, at a quarter of the price
        (20, 10.0, 147 * (10**2 + 0.25 * 10**2)),  # ten levels are left over
        (8, 0.0, 147 * 8**2),
    ],
)
def test_a_bounded_bias_costs_its_share(levels, most, expected):
    image = brighter_source(levels)
    index = np.full((48, 48), -1, np.int32)
    index[TARGET] = 0
    cost = np.zeros(1, np.float32)
    search(
        image,
        np.zeros((48, 48, 2), np.uint8),
        np.zeros((1, 3), np.float32),
        np.array([TARGET], np.int32),
        index,
        np.zeros((48, 48), bool),  # there is no other source
        np.array([SOURCE], np.int32),
        cost,
        seed=0,
        reach_px=8,
        texture_weight=0,
        near_weight=0,
        most_bias=most,
        bias_cost=0.25,
    )
    assert cost[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("levels", "expected"), [(8, -8.0), (20, -10.0), (-20, 10.0)])
def test_the_bias_evens_the_means_as_far_as_it_may(levels, expected):
    image = brighter_source(0)
    image[17:24, 37:44] = np.int16(image[7:14, 7:14]) + levels
    found = biases(image, np.array([TARGET], np.int32), np.array([SOURCE], np.int32), 10.0)
    assert found == pytest.approx(np.full((1, 3), expected), abs=1e-4)


def test_a_vote_adds_the_bias_and_stays_within_the_levels():
    image = np.zeros((40, 40, 3), np.uint8)
    image[10, 10], image[20, 20] = (100, 0, 250), (200, 40, 254)
    index = np.full((40, 40), -1, np.int32)
    index[30, 30], index[30, 31] = 0, 1
    colours, _ = vote(
        image,
        np.zeros((40, 40, 2), np.uint8),
        np.array([(30, 30)], np.int32),
        index,
        np.array([(10, 10), (20, 21)], np.int32),
        np.zeros(2, np.float32),
        np.array([3, 1], np.float32),
        1.0,
        np.array([(4, -40, 10), (-4, -40, 10)], np.float32),
    )
    assert colours.tolist() == [[127, 0, 255]]  # (3 * 104 + 196) / 4


def test_a_gradient_goes_on_beyond_the_colours_that_there_are():
    """Cloth that gets brighter to one corner, with the hole in that corner."""
    rows, columns = np.mgrid[:160, :240].astype(np.float32)
    weave = 12 * np.sin(rows * 0.9) * np.sin(columns * 0.7)
    grain = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 8, (160, 240)), (0, 0), 1)
    levels = 60 + 0.4 * columns + 0.4 * rows + weave + grain
    cloth = np.clip(levels, 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    mask = np.zeros((160, 240), bool)
    mask[60:, 180:] = True
    damaged = np.where(mask[..., None], np.uint8(0), cloth)

    def error(settings):
        filled = complete(damaged, mask, settings=settings)
        off = cv2.GaussianBlur(cloth.astype(np.float32) - filled, (0, 0), 3)[mask]
        return float(np.sqrt(np.square(off).mean()))

    plain, biased = error(FAST), error(replace(FAST, most_bias=10.0))
    assert plain > 6
    assert biased < 0.65 * plain


def test_fast_knows_no_bias():
    assert EFFORTS["fast"].most_bias == 0
    assert EFFORTS["normal"].most_bias == EFFORTS["best"].most_bias == 10
