import numpy as np
import pytest

from postprocess.attached.touch import measure_touch, shape_at_working_size


def shape(height: int, width: int, top: int, left: int, bottom: int, right: int):
    mask = np.zeros((height, width), bool)
    mask[top:bottom, left:right] = True
    return shape_at_working_size(mask)


HOLDER = shape(200, 200, 50, 50, 150, 90)  # 100 x 40, of size 63


def test_a_mask_is_cut_to_its_bounds():
    assert (HOLDER.top, HOLDER.left, HOLDER.height, HOLDER.width, HOLDER.area) == (50, 50, 100, 40, 4000)
    assert HOLDER.size == pytest.approx(63.25, abs=0.01)
    rows, columns = HOLDER.outline
    assert len(rows) == 2 * (100 + 40) - 4
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (50, 149, 50, 89)
    np.testing.assert_allclose(HOLDER.distances(np.array([100, 100]), np.array([60, 99])), [0, 10], atol=0.1)


def test_a_box_beside_touches_by_its_near_column():
    touch = measure_touch(shape(200, 200, 100, 90, 120, 110), HOLDER)
    # Its outline has 76 pixels; those in columns 90 and 91 are within 2 pixels: 20 and 2.
    assert touch.length == 22
    assert touch.share == pytest.approx(22 / 76)
    assert touch.gap == pytest.approx(1 / HOLDER.size, abs=1e-3)
    assert touch.grip == pytest.approx(0.475)  # the middle of rows 0 to 19 over 20
    assert touch.height == pytest.approx(0.595)
    assert (touch.top, touch.bottom) == (0.5, 0.7)
    assert touch.sideways == pytest.approx(30 / 20)
    assert touch.area == pytest.approx(0.1)


def test_what_is_apart_touches_nowhere():
    touch = measure_touch(shape(200, 200, 160, 60, 170, 80), HOLDER)
    assert (touch.length, touch.share, touch.grip) == (0, 0, 0)
    assert touch.gap == pytest.approx(11 / HOLDER.size, abs=1e-2)
    assert touch.height == pytest.approx(1.15)  # its own middle


def test_empty_masks_have_no_touch():
    empty = shape_at_working_size(np.zeros((200, 200), bool))
    assert empty.area == 0
    assert measure_touch(empty, HOLDER) is None
    assert measure_touch(HOLDER, empty) is None


def test_large_masks_shrink_to_the_working_size_and_keep_what_is_thin():
    large = shape(4096, 2048, 1000, 500, 3000, 508)
    assert (large.top, large.left, large.height, large.width) == (500, 250, 1000, 4)
    thin = shape(10240, 10240, 1000, 505, 9000, 508)  # a third of a pixel wide
    assert (thin.height, thin.width) == (800, 1)
