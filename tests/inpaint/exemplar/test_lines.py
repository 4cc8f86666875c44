import cv2
import numpy as np
import pytest

from inpaint.exemplar.guidance import line_field
from inpaint.exemplar.line_geometry import Line
from inpaint.exemplar.lines import CORNER, FREE, JOINED, T_JOINT, find_lines


def drawn(polygon, height=160, width=220, ground=(60, 90, 120), colour=(200, 190, 170)):
    """A polygon of (x, y) corners, drawn at four times the size and made smaller, with a little grain."""
    image = np.full((height * 4, width * 4, 3), ground, np.uint8)
    cv2.fillPoly(image, [np.int32(np.array(polygon) * 4)], colour)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    grain = np.random.default_rng(0).integers(-3, 4, image.shape)
    return np.clip(image.astype(int) + grain, 0, 255).astype(np.uint8)


def hole(height=160, width=220):
    mask = np.zeros((height, width), bool)
    mask[50:110, 80:140] = True
    return mask


def distance(line, a, b):
    """Of the ends of a line from the straight line through (x, y) points a and b, in pixels."""
    a, b = np.array(a[::-1], float), np.array(b[::-1], float)
    normal = np.array([-(b - a)[1], (b - a)[0]]) / np.linalg.norm(b - a)
    return max(abs(normal @ (end - a + 0.5)) for end in (line.start, line.end))


def test_an_edge_on_both_sides_of_the_hole_is_joined():
    image, mask = drawn([(0, 60), (220, 100), (220, 160), (0, 160)]), hole()
    image[mask] = 255
    lines = find_lines(image, mask)
    joined = [line for line in lines if line.weight == JOINED]
    assert len(joined) == 1
    assert distance(joined[0], (0, 60), (220, 100)) < 1
    assert {round(end[1] / 60) for end in (joined[0].start, joined[0].end)} == {1, 2}  # left and right of it


def test_two_edges_meet_in_a_corner_inside_the_hole():
    image, mask = drawn([(110, 80), (220, 80), (220, 160), (110, 160)]), hole()
    image[mask] = 255
    corners = [line for line in find_lines(image, mask) if line.weight == CORNER]
    assert len(corners) == 2
    for line in corners:
        assert line.end == pytest.approx([79.5, 109.5], abs=1)


def test_an_edge_ends_on_the_one_that_goes_through():
    image, mask = drawn([(0, 70), (220, 70), (220, 160), (0, 160)]), hole()
    image[70:, 110:] = (130, 160, 90)
    image[mask] = 255
    lines = find_lines(image, mask)
    assert [line.weight for line in lines if line.weight >= T_JOINT] == [JOINED, T_JOINT]
    assert lines[1].end == pytest.approx([69.5, 109.5], abs=1)


def test_an_edge_with_nothing_to_meet_fades_out():
    image, mask = drawn([(0, 70), (80, 70), (80, 90), (0, 90)]), hole()
    image[mask] = 255
    lines = find_lines(image, mask)
    assert len(lines) == 2
    assert all(line.weight == FREE and line.fading for line in lines)


@pytest.mark.parametrize("image", [np.full((160, 220, 3), 90, np.uint8), None], ids=["flat", "noise"])
def test_nothing_goes_on_where_there_is_no_edge(image):
    if image is None:
        image = np.random.default_rng(1).integers(0, 256, (160, 220, 3)).astype(np.uint8)
    assert find_lines(image, hole()) == []


def test_no_hole_no_lines():
    image = drawn([(0, 60), (220, 100), (220, 160), (0, 160)])
    assert find_lines(image, np.zeros((160, 220), bool)) == []


def test_a_large_hole_is_looked_at_at_reduced_size():
    image = drawn([(0, 600), (1200, 700), (1200, 1000), (0, 1000)], 1000, 1200)
    mask = np.zeros((1000, 1200), bool)
    mask[400:900, 400:800] = True
    image[mask] = 255
    joined = [line for line in find_lines(image, mask) if line.weight == JOINED]
    assert len(joined) == 1
    assert distance(joined[0], (0, 600), (1200, 700)) < 1.5


def test_the_field_of_a_line_has_its_normal_and_falls_to_nothing_six_pixels_away():
    line = Line(np.array([20.0, 10.0]), np.array([20.0, 50.0]), 1.0)
    field = line_field([line], (40, 60), 1)
    assert np.abs(field[20, 30, :2]) == pytest.approx([1, 0])
    assert [field[20 + d, 30, 2] for d in (0, 3, 6)] == pytest.approx([1, 1, 0])
    assert 0 < field[25, 30, 2] < 1
    assert field[20, 58, 2] == 0
    smaller = line_field([line], (20, 30), 2)
    assert smaller[10, 15, 2] == 1


def test_a_fading_line_loses_its_weight_and_a_crossing_one_takes_it_away():
    along = Line(np.array([20.0, 10.0]), np.array([20.0, 50.0]), 0.4, fading=True)
    field = line_field([along], (40, 60), 1)
    assert [field[20, x, 2] for x in (10, 30, 50)] == pytest.approx([0.4, 0.2, 0])
    sure = [
        Line(np.array([20.0, 10.0]), np.array([20.0, 50.0]), 1.0),
        Line(np.array([5.0, 30.0]), np.array([35.0, 30.0]), 1.0),
    ]
    field = line_field(sure, (40, 60), 1)
    assert field[20, 30, 2] == 0
    assert field[20, 15, 2] == 1
