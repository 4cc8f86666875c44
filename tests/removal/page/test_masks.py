import numpy as np
import pytest

from removal.page.masks import StepError, draw, outlines


def area(*steps, height=40, width=50):
    return draw(list(steps), height, width, finders={})


def test_a_box_is_its_two_corners_in_any_order():
    mask = area({"kind": "box", "points": [[12, 9], [2, 3]]})
    assert mask.dtype == bool
    expected = np.zeros((40, 50), bool)
    expected[3:9, 2:12] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_box_ends_at_the_photo():
    assert area({"kind": "box", "points": [[-5, -5], [900, 4]]}).sum() == 4 * 50


def test_a_dot_of_the_brush_is_a_disc_of_its_size():
    mask = area({"kind": "brush", "size_px": 20, "points": [[25, 20]]})
    rows, cols = np.nonzero(mask)
    assert abs(mask.sum() - np.pi * 100) < 30
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (10, 30, 15, 35)  # whatever it touches


def test_a_stroke_covers_its_way_and_no_more():
    mask = area({"kind": "brush", "size_px": 6, "points": [[10, 20], [40, 20]]})
    assert mask[18:23, 10:41].all()
    assert not mask[:15].any()
    assert not mask[26:].any()


def test_a_lasso_is_filled():
    mask = area({"kind": "lasso", "points": [[10, 10], [30, 10], [30, 30], [10, 30]]})
    assert mask[10:30, 10:30].all()
    assert mask.sum() == 21 * 21
    assert not area({"kind": "lasso", "points": [[1, 1], [9, 9]]}).any()


def test_steps_are_applied_in_order():
    box = {"kind": "box", "points": [[0, 0], [20, 20]]}
    hole = {"kind": "box", "points": [[5, 5], [10, 10]], "erase": True}
    assert area(box, hole).sum() == 400 - 25
    assert area(hole, box).sum() == 400
    assert area(box, {"kind": "clear"}).sum() == 0
    assert area(box, {"kind": "invert"}).sum() == 2000 - 400


def test_grow_and_shrink_move_the_outline_by_distance():
    dot = {"kind": "box", "points": [[20, 20], [21, 21]]}
    grown = area(dot, {"kind": "grow", "px": 2})
    assert grown.sum() == 13  # the pixels no farther than 2
    square = {"kind": "box", "points": [[10, 10], [20, 20]]}
    assert area(square, {"kind": "shrink", "px": 1}).sum() == 64
    np.testing.assert_array_equal(
        area(square, {"kind": "shrink", "px": 2}, {"kind": "grow", "px": 1}).any(), True
    )


def test_nothing_grown_is_nothing_and_everything_shrunk_stays():
    assert not area({"kind": "grow", "px": 5}).any()
    assert area({"kind": "invert"}, {"kind": "shrink", "px": 5}).all()


@pytest.mark.parametrize(
    "step",
    [
        3,
        {},
        {"kind": 3},
        {"kind": "star", "points": [[1, 1]]},
        {"kind": "brush", "points": [[1, 1]]},
        {"kind": "brush", "points": [[1, 1]], "size_px": 0},
        {"kind": "brush", "points": [[1, 1]], "size_px": True},
        {"kind": "brush", "points": [], "size_px": 3},
        {"kind": "brush", "points": [[1]], "size_px": 3},
        {"kind": "brush", "points": [[1, float("nan")]], "size_px": 3},
        {"kind": "brush", "points": [[1, 1e9]], "size_px": 3},
        {"kind": "brush", "points": [["1", 1]], "size_px": 3},
        {"kind": "box", "points": [[1, 1]]},
        {"kind": "grow", "px": 0},
        {"kind": "grow"},
    ],
)
def test_a_wrong_step_is_refused(step):
    with pytest.raises(StepError, match="expected"):
        area(step)


def test_too_many_steps_or_points_are_refused():
    with pytest.raises(StepError):
        area(*[{"kind": "invert"}] * 2001)
    stroke = {"kind": "brush", "size_px": 3, "points": [[1, 1]] * 100_001}
    with pytest.raises(StepError):
        area(stroke, stroke)


def test_outlines_hold_what_they_came_from():
    import cv2

    mask = area(
        {"kind": "box", "points": [[5, 5], [30, 30]]},
        {"kind": "box", "points": [[10, 10], [20, 20]], "erase": True},
    )
    found = outlines(mask)
    assert len(found) == 2
    drawn = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(drawn, [np.array(found[0])], 1)
    assert drawn.sum() == 625
