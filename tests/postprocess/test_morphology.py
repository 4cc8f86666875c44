import numpy as np
import pytest
from scipy import ndimage

from postprocess.morphology import (
    close,
    connected_to,
    drop_specks,
    enclosed_area_px,
    fill_holes,
    outlines,
    smooth,
    thicken,
)

CONNECTED_8 = np.ones((3, 3), bool)


def picture(text: str) -> np.ndarray:
    return np.array([[mark == "#" for mark in line] for line in text.split()])


def blobs(rng: np.random.Generator, height: int, width: int, share: float) -> np.ndarray:
    field = ndimage.gaussian_filter(rng.normal(size=(height, width)), 2.5)
    return field > np.quantile(field, 1 - share)


def test_thicken_by_two_pixels_gives_the_disc():
    mask = np.zeros((5, 6), bool)
    mask[2, 2] = True
    np.testing.assert_array_equal(thicken(mask, 2), picture("..#... .###.. #####. .###.. ..#..."))


@pytest.mark.parametrize("radius_px", [1, 2.5, 5, 14, 15, 20.5, 50])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.6])
def test_thicken_marks_exactly_the_pixels_within_the_radius(rng, radius_px, share):
    mask = blobs(rng, 150, 190, share)
    np.testing.assert_array_equal(
        thicken(mask, radius_px), ndimage.distance_transform_edt(~mask) <= radius_px
    )


def test_thicken_far_objects_each_in_its_box():
    mask = np.zeros((900, 1200), bool)
    mask[5, 5] = mask[890, 1190] = mask[450, 600] = True
    got = thicken(mask, 3)
    assert got.sum() == 3 * 29  # 29 whole points within 3 of a point; none of the three is cut off
    np.testing.assert_array_equal(got, ndimage.distance_transform_edt(~mask) <= 3)


def test_close_bridges_a_gap_of_up_to_twice_the_radius():
    mask = np.zeros((20, 40), bool)
    mask[5:15, 5:15] = mask[5:15, 18:28] = True
    assert not close(mask, 1)[10, 15:18].any()
    assert close(mask, 2)[10, 15:18].all()
    assert not close(mask, 2)[:5].any()


@pytest.mark.parametrize("radius_px", [1, 4, 16])
def test_close_is_dilation_then_erosion_without_edge_effects(rng, radius_px):
    mask = blobs(rng, 120, 140, 0.2)
    room = np.pad(mask, 40)
    dilated = ndimage.distance_transform_edt(~room) <= radius_px
    expected = ndimage.distance_transform_edt(dilated) > radius_px
    np.testing.assert_array_equal(close(mask, radius_px), expected[40:-40, 40:-40])


def test_smooth_takes_small_bumps_and_notches_and_keeps_the_body():
    body = np.zeros((80, 80), bool)
    body[20:60, 20:60] = True
    rough = body.copy()
    rough[18:20, 40] = True  # a bump
    rough[58:60, 30] = False  # a notch
    got = smooth(rough, 4)
    assert not got[18:20, 40].any()
    assert got[57:60, 30].all()
    assert (got ^ body).sum() < 30  # corners are rounded, nothing else


def test_smooth_keeps_thin_parts_and_slits_whole():
    mask = np.zeros((80, 120), bool)
    mask[20:60, 20:60] = True
    mask[38:40, 60:110] = True  # a stick, two pixels thick
    mask[30, 30:60] = False  # a slit, one pixel wide
    got = smooth(mask, 5)
    assert got[38:40, 60:110].all()
    assert not got[30, 40:50].any()


def test_smooth_keeps_an_object_at_the_edge_of_the_photo_at_the_edge():
    mask = np.zeros((60, 60), bool)
    mask[:, :20] = True
    np.testing.assert_array_equal(smooth(mask, 6), mask)


def test_fill_holes_up_to_an_area():
    mask = picture("######## #..##.## #..##### ######## #####...")
    filled = fill_holes(mask)
    np.testing.assert_array_equal(filled, picture("######## ######## ######## ######## #####..."))
    small_only = fill_holes(mask, 3)
    np.testing.assert_array_equal(small_only, picture("######## #..##### #..##### ######## #####..."))
    np.testing.assert_array_equal(fill_holes(mask, 4), filled)
    np.testing.assert_array_equal(fill_holes(mask, 0), mask)


def test_fill_holes_agrees_with_scipy(rng):
    for share in (0.3, 0.5, 0.7):
        mask = blobs(rng, 160, 200, share)
        np.testing.assert_array_equal(fill_holes(mask), ndimage.binary_fill_holes(mask))


def test_drop_specks_by_area():
    mask = picture("#....## .....## ##..... #....#.")
    np.testing.assert_array_equal(drop_specks(mask, 2), picture(".....## .....## ##..... #......"))
    np.testing.assert_array_equal(drop_specks(mask, 4), picture(".....## .....## ....... ......."))
    np.testing.assert_array_equal(drop_specks(mask, 1), mask)


@pytest.mark.parametrize("min_area_px", [3, 30, 300])
def test_drop_specks_agrees_with_scipy(rng, min_area_px):
    mask = blobs(rng, 160, 200, 0.4)
    labels, count = ndimage.label(mask, CONNECTED_8)
    expected = np.zeros_like(mask)
    for index in range(1, count + 1):
        if ndimage.binary_fill_holes(labels == index).sum() >= min_area_px:
            expected |= labels == index
    assert expected.sum() > 0
    np.testing.assert_array_equal(drop_specks(mask, min_area_px), expected)


def test_outlines_know_the_area_they_enclose():
    mask = picture("####... #..#..# ####..# .......")
    assert sorted(enclosed_area_px(outline) for outline in outlines(mask)) == [2, 12]


OPERATIONS = [
    lambda mask, amount=3: thicken(mask, amount),
    lambda mask, amount=3: close(mask, amount),
    lambda mask, amount=3: smooth(mask, amount),
    lambda mask, amount=3: fill_holes(mask, amount),
    lambda mask, amount=3: drop_specks(mask, amount),
]


@pytest.mark.parametrize("operation", OPERATIONS)
class TestEveryOperation:
    def test_returns_a_new_bool_array_and_leaves_its_argument_alone(self, operation, rng):
        mask = blobs(rng, 50, 60, 0.3)
        before = mask.copy()
        got = operation(mask)
        assert got.dtype == bool
        assert got.shape == (50, 60)
        assert not np.shares_memory(got, mask)
        np.testing.assert_array_equal(mask, before)

    def test_keeps_an_empty_and_a_full_mask(self, operation):
        for value in (False, True):
            mask = np.full((40, 70), value)
            np.testing.assert_array_equal(operation(mask), mask)
        assert operation(np.zeros((0, 5), bool)).shape == (0, 5)

    def test_takes_views_that_are_not_contiguous(self, operation, rng):
        mask = blobs(rng, 60, 80, 0.3)
        view = mask.T[::-1, ::2]
        np.testing.assert_array_equal(operation(view), operation(np.ascontiguousarray(view)))

    def test_zero_changes_nothing(self, operation, rng):
        mask = blobs(rng, 50, 60, 0.3)
        np.testing.assert_array_equal(operation(mask, 0), mask)

    def test_refuses_what_is_not_a_mask(self, operation):
        with pytest.raises(TypeError, match=r"mask must be a bool array of shape \(H, W\), got uint8 array"):
            operation(np.zeros((4, 4), np.uint8))
        with pytest.raises(TypeError, match="got list"):
            operation([[True]])
        with pytest.raises(ValueError, match=r"shape \(H, W\), got \(4, 4, 1\)"):
            operation(np.zeros((4, 4, 1), bool))

    def test_refuses_a_senseless_amount(self, operation):
        mask = np.zeros((4, 4), bool)
        with pytest.raises(ValueError, match="finite number >= 0, got -1"):
            operation(mask, -1)
        with pytest.raises(ValueError, match="finite number >= 0, got nan"):
            operation(mask, float("nan"))
        with pytest.raises(TypeError, match="number of pixels, got str"):
            operation(mask, "3")


def test_the_pieces_that_hold_a_seed():
    area = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 0, 0]], bool)
    seeds = np.zeros_like(area)
    seeds[0, 0] = seeds[2, 2] = True  # the second one lies outside
    eight, four = np.zeros_like(area), np.zeros_like(area)
    eight[0, 0] = eight[1, 1] = four[0, 0] = True
    np.testing.assert_array_equal(connected_to(seeds, area), eight)
    np.testing.assert_array_equal(connected_to(seeds, area, connectivity=4), four)
