import cv2
import numpy as np
import pytest

from segment.prompts.regions import Regions, borders, joins_of, regions_of, superpixels, walk


def regions_with(edges, steps, areas):
    """Regions of which only what a shortest way takes is set."""
    count = len(areas)
    zeros = np.zeros((count, count), np.float32)
    return Regions(
        np.zeros((1, 1), np.int32), np.zeros((count, 3), np.float32), np.zeros((count, 2), np.float32),
        np.array(areas, np.float32), np.zeros(count, np.float32), np.zeros(count, bool), np.array(edges),
        np.array(steps, np.float32), (zeros,), zeros, zeros,
    )  # fmt: skip


def halves():
    """Dark red on the left, light blue on the right."""
    image = np.full((90, 120, 3), (90, 20, 20), np.uint8)
    image[:, 64:] = (150, 170, 250)
    return image


def test_superpixels_follow_the_edge_and_leave_no_number_out():
    lab = cv2.cvtColor(halves().astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    numbers = superpixels(lab)
    assert numbers.dtype == np.int32
    np.testing.assert_array_equal(np.unique(numbers), np.arange(numbers.max() + 1))
    assert 60 < numbers.max() < 120
    left, right = set(numbers[:, :63].ravel()), set(numbers[:, 66:].ravel())
    assert not left & right


def test_borders_of_four_squares():
    numbers = np.kron([[0, 1], [2, 3]], np.ones((3, 3), int)).astype(np.int32)
    slope = np.zeros((6, 6), np.float32)
    slope[:3, 2] = 5  # along the border of 0 and 1
    edges, strengths, lengths = borders(numbers, slope)
    np.testing.assert_array_equal(edges, [[0, 1], [0, 2], [1, 3], [2, 3]])
    np.testing.assert_allclose(strengths, [5, 5 / 3, 0, 0])
    np.testing.assert_allclose(lengths, [3, 3, 3, 3])


def test_the_walk_of_two_regions_by_hand():
    weight = np.exp(-2 * 0.5) * 22 / 11
    found = walk(2, np.array([[0, 1]]), np.array([0.5]), np.array([22.0]), 2.0, 0.1)
    laplacian = np.array([[0.1 + weight, -weight], [-weight, 0.1 + weight]])
    np.testing.assert_allclose(found @ laplacian, np.eye(2), atol=1e-5)


def test_joins_merge_what_is_alike_first():
    colours = np.array([[10, 0, 0], [12, 0, 0], [60, 0, 0], [90, 0, 0]], np.float32)
    edges = np.array([[0, 1], [1, 2], [2, 3]])
    found = joins_of(
        colours, np.array([1, 1, 1, 1], np.float32), edges, np.zeros(3, np.float32), np.ones(3, np.float32)
    )
    expected = [[0.25, 0.5, 1, 1], [0.5, 0.25, 1, 1], [1, 1, 0.25, 0.5], [1, 1, 0.5, 0.25]]
    np.testing.assert_allclose(found, expected)


def test_ways_take_the_shortest_and_reach_all():
    chain = regions_with([[0, 1], [1, 2], [0, 2]], [1, 1, 5], [1, 1, 1])
    np.testing.assert_allclose(chain.ways(np.array([0])), [0, 1, 2])
    np.testing.assert_allclose(chain.ways(np.array([0, 2])), [0, 1, 0])
    assert np.isinf(chain.ways(np.array([], int))).all()


def test_regions_of_two_halves():
    found = regions_of(halves())
    assert found.areas.sum() == pytest.approx(1, abs=1e-5)
    one, other = found.numbers[40, 20], found.numbers[40, 100]
    same = found.numbers[70, 30]
    assert found.joins[one, same] <= 0.56
    assert found.joins[one, other] == pytest.approx(1)
    assert found.alike[one, same] > 0.9
    assert found.alike[one, other] < 0.01
    for chance in (found.walks[0], found.walks[1]):
        assert chance[same, one] > 3 * chance[other, one]
    np.testing.assert_allclose(found.blend.sum(1), 1, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (700, 20)])
def test_a_photo_of_any_size_is_taken(size, rng):
    found = regions_of(rng.integers(0, 255, (*size, 3), dtype=np.uint8))
    assert np.isfinite(found.walks[0]).all()
    assert found.areas.sum() == pytest.approx(1, abs=1e-5)
