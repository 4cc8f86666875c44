import numpy as np
import pytest

from inpaint.boxes import Box
from inpaint.windows import MIN_CONTEXT_PX, fill_by_windows, find_holes, windows


def test_holes_and_specks_get_tight_boxes():
    mask = np.zeros((200, 300), bool)
    mask[50:70, 101:140] = True
    mask[150:153, 250:256] = True
    holes, specks = find_holes(mask)
    assert holes == [Box(50, 101, 70, 140)]
    assert specks == [Box(150, 250, 153, 256)]


def test_touching_cells_make_one_hole_and_far_ones_two():
    mask = np.zeros((400, 400), bool)
    mask[10:30, 10:30] = True
    mask[10:30, 34:50] = True
    mask[300:320, 300:320] = True
    holes, _ = find_holes(mask)
    assert sorted(holes) == [Box(10, 10, 30, 50), Box(300, 300, 320, 320)]


def test_a_window_shows_the_context_asked_for_clipped_at_the_photo():
    mask = np.zeros((1000, 1000), bool)
    mask[400:500, 400:600] = True
    (window,) = windows(mask, context=0.5)
    assert window.view == Box(300, 300, 600, 700)
    mask[:] = False
    mask[:20, :20] = True
    (window,) = windows(mask, context=0.1)
    assert window.view == Box(0, 0, 20 + MIN_CONTEXT_PX, 20 + MIN_CONTEXT_PX)


def test_near_windows_merge_where_one_costs_no_more():
    mask = np.zeros((600, 2000), bool)
    mask[300:400, 300:400] = True
    mask[300:400, 450:550] = True
    mask[300:400, 1700:1800] = True
    found = windows(mask)
    assert [window.hole for window in found] == [Box(300, 300, 400, 550), Box(300, 1700, 400, 1800)]


def test_a_hole_inside_the_box_of_another_shares_its_window():
    mask = np.zeros((400, 400), bool)
    mask[100:300, 100:110] = True
    mask[290:300, 100:300] = True
    mask[150:170, 200:220] = True
    assert [window.hole for window in windows(mask, context=0)] == [Box(100, 100, 300, 300)]


def test_a_window_grows_until_it_shows_sources():
    mask = np.zeros((500, 500), bool)
    mask[200:300, 200:300] = True
    protect = np.zeros_like(mask)
    protect[100:400, 100:400] = True
    (window,) = windows(mask, protect, context=0)
    shown = ~(mask | protect)[window.view.slices]
    assert shown.sum() >= mask.sum()


def test_all_of_every_hole_is_pasted_and_nothing_else(rng):
    image = rng.integers(0, 200, (300, 500, 3), dtype=np.uint8)
    mask = np.zeros((300, 500), bool)
    mask[rng.integers(0, 300, 60), rng.integers(0, 500, 60)] = True
    mask[40:90, 60:110] = True
    mask[200:260, 400:490] = True

    def fill(images, masks, protects):
        assert all(p is None for p in protects)
        return [np.full_like(shown, 255) for shown in images]

    filled = fill_by_windows(image, mask, None, fill, context=0.2, even=False)
    holes, specks = find_holes(mask)
    assert len(specks) > 10
    for box in holes:
        part = mask[box.slices]
        assert (filled[box.slices][part] == 255).all()
    assert np.array_equal(filled[~mask], image[~mask])


def test_ten_thousand_specks_need_no_window(rng):
    image = np.full((1600, 1600, 3), 90, np.uint8)
    mask = np.zeros((1600, 1600), bool)
    mask[8:1600:16, 8:1600:16] = True
    assert mask.sum() == 10_000
    damaged = image.copy()
    damaged[mask] = 255

    def fill(images, masks, protects):
        raise AssertionError("a speck got a window")

    assert np.array_equal(fill_by_windows(damaged, mask, None, fill, context=1.0, even=False), image)


def test_a_negative_context_is_refused():
    with pytest.raises(ValueError, match="0 or more, got -1"):
        windows(np.zeros((10, 10), bool), context=-1)


def test_a_window_has_a_least_side_where_the_photo_is_that_large():
    mask = np.zeros((400, 300), bool)
    mask[200:210, 100:130] = True
    (window,) = windows(mask, least_side_px=256)
    assert window.view == (77, 0, 333, 256)  # moved in at the left edge, not cut
    (window,) = windows(mask[190:220, 90:140], least_side_px=256)
    assert window.view == (0, 0, 30, 50)
