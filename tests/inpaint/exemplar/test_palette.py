"""Which colours may go where in a hole."""

import numpy as np
import pytest

from inpaint.exemplar import palette as palette_module
from inpaint.exemplar.line_geometry import Line
from inpaint.exemplar.lines import FREE, JOINED
from inpaint.exemplar.palette import ANYWHERE, barriers, find_palette, main_colours, prices_at, sorted_pixels
from inpaint.exemplar.patchmatch import match_known, search

SIZE = 60
HOLE = slice(20, 40), slice(10, 50)
LIGHT, DARK, RED = (200, 200, 200), (40, 40, 40), (220, 30, 30)


@pytest.fixture
def light_and_dark():
    """A hole between a light half on the left and a dark one on the right, and red that does not touch it."""
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[:, :30], image[:, 30:], image[:8] = LIGHT, DARK, RED
    hole = np.zeros((SIZE, SIZE), bool)
    hole[HOLE] = True
    image[hole] = (255, 0, 255)
    return image, hole


def costs_of(palette, colour, image):
    """float32 (h, w): what a colour costs."""
    labels = sorted_pixels(np.full_like(image, colour), palette.colours)
    return palette.costs[..., labels[0, 0]]


def test_a_colour_costs_more_where_another_is_nearer(light_and_dark):
    image, hole = light_and_dark
    found = find_palette(image, hole, hole, [], 1)
    light, dark = costs_of(found, LIGHT, image), costs_of(found, DARK, image)
    assert light[30, 12] == dark[30, 47] == 0
    assert dark[30, 12] == light[30, 47] == 1
    assert light[30, 29] < 0.2  # in the middle either may be
    assert dark[30, 29] < 0.2
    assert not light[~hole].any()


def test_a_colour_that_the_border_does_not_show_costs_most_everywhere(light_and_dark):
    image, hole = light_and_dark
    found = find_palette(image, hole, hole, [], 1)
    assert (costs_of(found, RED, image)[hole] == 1).all()


def test_what_lies_in_the_hole_has_no_influence(light_and_dark):
    image, hole = light_and_dark
    other = image.copy()
    other[hole] = (0, 255, 0)
    one, two = (find_palette(each, hole, hole, [], 1) for each in (image, other))
    np.testing.assert_array_equal(one.costs, two.costs)
    np.testing.assert_array_equal(one.colours, two.colours)


def test_the_sides_of_a_line_keep_their_colours(light_and_dark):
    image, hole = light_and_dark
    line = Line(
        np.array([18.0, 18.0]), np.array([41.0, 18.0]), JOINED
    )  # light on its left, dark on its right
    image[:, 18:] = DARK
    image[hole] = 0
    without, parted = (find_palette(image, hole, hole, lines, 1) for lines in ([], [line]))
    assert costs_of(without, DARK, image)[30, 16] < 0.5
    assert costs_of(parted, DARK, image)[30, 16] == 1
    assert costs_of(parted, LIGHT, image)[30, 20] == 1
    assert costs_of(parted, DARK, image)[30, 40] == 0


def test_a_line_of_a_larger_photo_parts_the_same_place(light_and_dark):
    _, hole = light_and_dark
    line = Line(np.array([18.0, 18.0]) * 4 + 1.5, np.array([41.0, 18.0]) * 4 + 1.5, JOINED)
    assert barriers(hole.shape, [line], 4)[18:42, 18].all()
    assert not barriers(hole.shape, [line], 4)[:, 20:].any()


def test_a_line_that_fades_out_parts_twice_its_length():
    fading = Line(np.array([20.0, 30.0]), np.array([30.0, 30.0]), FREE, fading=True)
    drawn = barriers((SIZE, SIZE), [fading], 1)[:, 30]
    assert drawn[20:40].all()
    assert not drawn[42:].any()


def test_beside_a_busy_border_anything_may_be_copied(light_and_dark):
    image, hole = light_and_dark
    generator = np.random.default_rng(0)
    busy = generator.integers(0, 256, image.shape, dtype=np.uint8)
    image[:, 45:] = busy[:, 45:]
    found = find_palette(image, hole, hole, [], 1)
    assert (found.costs[25:35, 47] == 0).all()
    assert costs_of(found, RED, image)[30, 12] == 1


def test_a_source_without_a_colour_of_its_own_costs_nothing(light_and_dark):
    image, hole = light_and_dark
    found = find_palette(image, hole, hole, [], 1)
    none = len(found.colours)
    assert (found.labels[50, 29:31] == none).all()  # on the edge
    assert found.labels[50, 20] < none
    assert not found.costs[..., none].any()


def test_what_is_protected_is_no_border(light_and_dark):
    image, hole = light_and_dark
    blocked = hole.copy()
    blocked[:, 30:] = True
    found = find_palette(image, hole, blocked, [], 1)
    assert not costs_of(found, LIGHT, image)[hole].any()


def test_where_all_is_blocked_there_is_no_palette(light_and_dark):
    image, hole = light_and_dark
    assert find_palette(image, hole, np.ones_like(hole), [], 1) is None
    assert prices_at(None, np.zeros((3, 2), np.int32), 5.0) is ANYWHERE


def test_other_levels_have_the_same_costs(light_and_dark):
    image, hole = light_and_dark
    found = find_palette(image, hole, hole, [], 1)
    points = np.array([(30, 12), (30, 47)], np.int32)
    own = found.prices(points, 100.0)
    assert own.costs.max() == 100
    finer = found.finer(2).prices(4 * points + 3, 100.0)
    np.testing.assert_array_equal(finer.costs, own.costs)
    assert finer.shift == 2
    half = found.coarser(image[::2, ::2], 1)
    np.testing.assert_array_equal(half.prices(points // 2, 100.0).costs, own.costs)
    assert half.labels.shape == (SIZE // 2, SIZE // 2)


def test_main_colours_are_those_that_there_are():
    colours = np.repeat(np.float32([(10, 0, 0), (50, 20, 0), (90, -30, 10)]), 50, axis=0)
    colours += np.random.default_rng(0).normal(0, 0.5, colours.shape).astype(np.float32)
    found = main_colours(colours)
    found = found[np.argsort(found[:, 0])]
    np.testing.assert_allclose(found, [(10, 0, 0), (50, 20, 0), (90, -30, 10)], atol=0.3)


def test_there_are_no_more_colours_than_so_many():
    many = np.random.default_rng(0).uniform(-100, 100, (500, 3)).astype(np.float32)
    assert len(main_colours(many)) == palette_module.MOST_COLOURS


def test_the_search_pays_the_price_of_a_colour():
    """Two sources alike; the nearer one has a colour that costs."""
    image = np.full((20, 40, 3), 100, np.uint8)
    labels = np.zeros((20, 40), np.uint8)
    labels[:, :20] = 1
    candidates = np.array([(10, 12), (10, 30)], np.int32)
    target = np.array([(10, 8)], np.int32)
    known = np.ones((20, 40), bool)
    none = np.zeros((1, 3), np.float32)
    prices = ANYWHERE._replace(labels=labels, costs=np.float32([(0, 500)]))
    assert match_known(image, known, none, target, candidates, 1.0)[0].tolist() == [10, 12]
    assert match_known(image, known, none, target, candidates, 1.0, prices=prices)[0].tolist() == [10, 30]
    field, cost = candidates[:1].copy(), np.zeros(1, np.float32)
    index = np.full((20, 40), -1, np.int32)
    index[10, 8] = 0
    valid = np.zeros((20, 40), bool)
    valid[10, 12] = valid[4:17, 24:36] = True
    texture = np.zeros((20, 40, 2), np.uint8)
    weights = {"texture_weight": 0.0, "near_weight": 1.0, "reach_px": 30, "prices": prices}
    for seed in range(100):
        search(image, texture, none, target, index, valid, field, cost, seed=seed, **weights)
    assert field[0].tolist() == [10, 24]
    assert cost[0] == 16
