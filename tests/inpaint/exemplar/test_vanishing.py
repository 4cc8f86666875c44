import numpy as np
import pytest

from inpaint.exemplar.vanishing import Plane, find_planes, vanishing_points

HEIGHT, WIDTH = 240, 320


def floor_edges(horizon=20.0):
    """Edges of a floor that run to (horizon, 160), and level ones."""
    towards = [
        ((230.0, x), (90.0, 160 + (x - 160) * (90 - horizon) / (230 - horizon))) for x in range(-100, 420, 40)
    ]
    level = [((row, 10.0), (row, 300.0)) for row in (100.0, 130.0, 170.0, 220.0)]
    return np.array(towards + level)


def hole():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[100:180, 130:190] = True
    return mask


def test_vanishing_points_of_a_floor():
    first, second = vanishing_points(floor_edges() / 100, 100.0)
    along, across = (first, second) if abs(first[2]) > abs(second[2]) else (second, first)
    np.testing.assert_allclose(along[:2] / along[2], (0.2, 1.6), atol=1e-6)
    np.testing.assert_allclose(np.abs(across), (0, 1, 0), atol=1e-6)


def test_the_plane_of_a_floor_ends_at_its_horizon():
    plane = find_planes(floor_edges(), hole())[0]
    np.testing.assert_allclose(plane.nearness(np.array([[20.0, 0], [20, 160], [20, 319]])), 0, atol=1e-6)
    assert plane.nearness(np.array([plane.centre]))[0] == 1
    # twice as far below the horizon is twice as large
    one, other = plane.nearness(np.array([[70.0, 5], [120, 200]]))
    assert other == pytest.approx(2 * one)


def test_flat_coordinates_there_and_back():
    plane = Plane(np.array([130.0, 160]), np.array([1 / 110, 0.001]))
    pixels = np.array([[60.0, 20], [130, 160], [239, 319]])
    np.testing.assert_allclose(plane.pixels(plane.flat(pixels)), pixels)
    np.testing.assert_allclose(plane.flat(pixels)[1], 0)


def test_squares_of_a_floor_are_equally_large_when_flat():
    plane = Plane(np.array([120.0, 160]), np.array([1 / 100, 0]))  # horizon at row 20
    rows = 20 + 320 / np.arange(2, 7)  # where the floor's squares begin
    flat = plane.flat(np.stack([rows, np.full(5, 160.0)], axis=1))
    np.testing.assert_allclose(np.diff(flat[:, 0]), np.diff(flat[:, 0])[0])


@pytest.mark.parametrize("edges", [np.zeros((0, 2, 2)), floor_edges()[:3], floor_edges()[-4:]])
def test_no_plane_where_too_few_edges_run_together_or_all_are_level(edges):
    assert find_planes(edges, hole()) == []


def test_edges_in_all_directions_have_no_vanishing_point():
    generator = np.random.default_rng(0)
    start = generator.uniform(0, 300, (200, 2))
    angle = generator.uniform(0, np.pi, 200)
    edges = np.stack([start, start + 20 * np.stack([np.sin(angle), np.cos(angle)], axis=1)], axis=1)
    assert vanishing_points(edges / 100, 100.0) == []
