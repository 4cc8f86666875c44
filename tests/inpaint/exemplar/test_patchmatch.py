import numpy as np

from inpaint.exemplar.patchmatch import best_origins, match_known, search, vote
from inpaint.exemplar.pyramid import RADIUS

NO_LINE = np.zeros((1, 3), np.float32)


def one_target(image, at):
    """Arrays for a single target with every source but its own surroundings allowed."""
    height, width = image.shape[:2]
    valid = np.zeros((height, width), bool)
    valid[RADIUS:-RADIUS, RADIUS:-RADIUS] = True
    valid[at[0] - 4 : at[0] + 5, at[1] - 4 : at[1] + 5] = False
    index = np.full((height, width), -1, np.int32)
    index[at] = 0
    return valid, index, np.array([at], np.int32)


def run_search(image, at, start, sweeps=30, near_weight=0.0):
    valid, index, targets = one_target(image, at)
    texture = np.zeros((*image.shape[:2], 2), np.uint8)
    field, cost = np.array([start], np.int32), np.zeros(1, np.float32)
    for sweep in range(sweeps):
        search(
            image,
            texture,
            NO_LINE,
            targets,
            index,
            valid,
            field,
            cost,
            seed=sweep,
            reach_px=32,
            texture_weight=0,
            near_weight=near_weight,
        )
    return tuple(field[0]), float(cost[0])


def test_the_search_finds_the_one_equal_patch(rng):
    image = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
    image[30:37, 30:37] = image[7:14, 7:14]
    found, cost = run_search(image, (10, 10), (20, 40), sweeps=200)
    assert found == (33, 33)
    assert cost == 0


def test_the_cost_is_the_sum_of_squared_differences_and_the_way(rng):
    image = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
    valid, index, targets = one_target(image, (10, 10))
    valid[:] = False
    texture = np.zeros((48, 48, 2), np.uint8)
    texture[10, 10], texture[20, 40] = (5, 1), (2, 3)
    field, cost = np.array([(20, 40)], np.int32), np.zeros(1, np.float32)
    search(
        image,
        texture,
        NO_LINE,
        targets,
        index,
        valid,
        field,
        cost,
        seed=0,
        reach_px=4,
        texture_weight=2,
        near_weight=10,
    )
    first, second = image[7:14, 7:14].astype(int), image[17:24, 37:44].astype(int)
    expected = np.square(first - second).sum() + 2 * (3**2 + 2**2) + 10 * np.hypot(10, 30)
    assert np.isclose(cost[0], expected, rtol=1e-6)


def test_a_near_source_is_preferred_where_both_fit(rng):
    image = np.full((48, 48, 3), 50, np.uint8)
    found, _ = run_search(image, (10, 10), (40, 40), near_weight=1.0)
    assert max(abs(found[0] - 10), abs(found[1] - 10)) == 5


def test_a_vote_is_the_weighted_mean_of_what_the_patches_say():
    image = np.zeros((40, 40, 3), np.uint8)
    image[10, 10], image[20, 20] = (100, 0, 10), (200, 40, 30)
    texture = np.zeros((40, 40, 2), np.uint8)
    texture[10, 10], texture[20, 20] = (8, 0), (16, 4)
    index = np.full((40, 40), -1, np.int32)
    index[30, 30], index[30, 31] = 0, 1
    field = np.array([(10, 10), (20, 21)], np.int32)  # the second one's left neighbour is (20, 20)
    colours, textures = vote(
        image,
        texture,
        np.array([(30, 30)], np.int32),
        index,
        field,
        np.zeros(2, np.float32),
        np.array([3, 1], np.float32),
        1.0,
    )
    assert colours.tolist() == [[125, 10, 15]]
    assert textures.tolist() == [[10, 1]]


def test_the_last_pass_copies_from_the_cheapest_patch():
    index = np.full((40, 40), -1, np.int32)
    index[30, 30], index[29, 31] = 0, 1
    field = np.array([(10, 10), (20, 21)], np.int32)
    origin = best_origins(np.array([(30, 30)], np.int32), index, field, np.array([5, 4], np.float32))
    assert origin.tolist() == [[21, 20]]


def test_a_match_over_known_pixels_ignores_the_others(rng):
    image = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    image[27:31, 17:24] = image[7:11, 7:14]
    known = np.ones((40, 40), bool)
    known[11:14, 7:14] = False
    candidates = np.array([(20, 30), (30, 20), (5, 25)], np.int32)
    field = match_known(image, known, NO_LINE, np.array([(10, 10)], np.int32), candidates, 0)
    assert field.tolist() == [[30, 20]]


def test_a_source_off_the_line_costs_what_is_beyond_six_tenths_of_a_pixel_up_to_four():
    image = np.zeros((48, 48, 3), np.uint8)
    valid, index, targets = one_target(image, (10, 10))
    valid[:] = False
    texture = np.zeros((48, 48, 2), np.uint8)
    line = np.array([[1, 0, 100]], np.float32)  # along the row

    def cost_of(source):
        field, cost = np.array([source], np.int32), np.zeros(1, np.float32)
        numbers = {"seed": 0, "reach_px": 1, "texture_weight": 0, "near_weight": 0}
        search(image, texture, line, targets, index, valid, field, cost, **numbers)
        return float(cost[0])

    assert cost_of((10, 30)) == 0
    assert np.isclose(cost_of((12, 30)), 140)
    assert np.isclose(cost_of((30, 30)), 400)


def test_the_search_draws_along_the_line():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (48, 400, 3), dtype=np.uint8)
    image[7:14, 350:357] = image[7:14, 7:14]
    image[30:37, 30:37] = image[7:14, 7:14]
    valid, index, targets = one_target(image, (10, 10))
    texture = np.zeros((48, 400, 2), np.uint8)
    line = np.array([[1, 0, 20_000]], np.float32)
    field, cost = np.array([(20, 40)], np.int32), np.zeros(1, np.float32)
    for sweep in range(600):
        numbers = {"seed": sweep, "reach_px": 400, "texture_weight": 0, "near_weight": 0}
        search(image, texture, line, targets, index, valid, field, cost, **numbers)
    assert tuple(field[0]) == (10, 353)
    assert cost[0] == 0


def test_candidates_that_are_too_near_are_passed_over():
    image = np.zeros((48, 48, 3), np.uint8)
    known, candidates = np.ones((48, 48), bool), np.array([(11, 10), (10, 30)], np.int32)
    at = np.array([(10, 10)], np.int32)
    assert match_known(image, known, NO_LINE, at, candidates, 1)[0].tolist() == [11, 10]
    assert match_known(image, known, NO_LINE, at, candidates, 1, 5)[0].tolist() == [10, 30]
