import numpy as np
import pytest

from inpaint.training.crops import Crop, central_crop, random_crop


def test_a_square_is_cut_as_it_is():
    image = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    cut = Crop(1, 2, 3).cut(image, 3)
    np.testing.assert_array_equal(cut, image[1:4, 2:5])
    assert not np.shares_memory(cut, image) or cut.flags.c_contiguous
    np.testing.assert_array_equal(Crop(1, 2, 3).cut(image, 3, mirrored=True), image[1:4, 2:5][:, ::-1])


def test_a_larger_square_is_averaged_and_a_smaller_one_interpolated():
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, 1::2] = 100
    np.testing.assert_array_equal(Crop(0, 0, 2).cut(image, 1), np.full((1, 1, 3), 50, np.uint8))
    np.testing.assert_array_equal(Crop(0, 0, 2).cut(image, 4)[0, :, 0], [0, 25, 75, 100])


@pytest.mark.parametrize(
    ("region", "mirrored", "expected"),
    [
        ((12, 6, 16, 8), False, (2, 1, 6, 3)),
        ((12, 6, 16, 8), True, (2, 1, 6, 3)),  # in the middle of 8
        ((11, 6, 16, 8), True, (2, 1, 7, 3)),
        ((12.5, 5.5, 15.5, 7.2), False, (2, 0, 6, 3)),  # whole pixels that hold it
        ((0, 0, 100, 100), False, (0, 0, 8, 8)),  # clipped
    ],
)
def test_a_box_is_where_the_region_lies(region, mirrored, expected):
    assert Crop(5, 10, 8).box(np.array(region), 8, mirrored=mirrored) == expected


def test_a_box_grows_and_shrinks_with_its_square():
    assert Crop(0, 0, 10).box(np.array([2, 4, 5, 6]), 20) == (4, 8, 10, 12)
    assert Crop(0, 0, 10).box(np.array([2, 4, 5, 6]), 5) == (1, 2, 3, 3)
    # 0.7 * 30 / 21 is a hair above 1 in binary
    assert Crop(0, 0, 21).box(np.array([0, 0, 0.7, 0.7]), 30) == (0, 0, 1, 1)


def test_central_crops():
    assert central_crop((4, 10)) == Crop(0, 3, 4)
    assert central_crop((10, 4)) == Crop(3, 0, 4)
    assert central_crop((4, 10), region=np.array([8, 0, 10, 2])) == Crop(0, 6, 4)
    assert central_crop((10, 4), region=np.array([0, 1, 2, 3])) == Crop(0, 0, 4)


def test_random_crops_lie_within_and_have_every_side_and_place(rng):
    crops = {random_crop((10, 14), rng, smallest_scale=0.6) for _ in range(2000)}
    assert {crop.side for crop in crops} == {6, 7, 8, 9, 10}
    for side in (6, 10):
        assert {crop.left for crop in crops if crop.side == side} == set(range(14 - side + 1))
        assert {crop.top for crop in crops if crop.side == side} == set(range(10 - side + 1))


@pytest.mark.parametrize(
    "region", [(0, 0, 3, 2), (20.3, 9.2, 28.9, 17.9), (25, 14, 30, 20), (5, 1, 24, 19.5)]
)
def test_random_crops_hold_their_region(rng, region):
    x0, y0, x1, y1 = region
    for _ in range(300):
        crop = random_crop((20, 30), rng, smallest_scale=0.3, region=np.array(region))
        assert crop.left <= x0
        assert x1 <= crop.left + crop.side <= 30
        assert crop.top <= y0
        assert y1 <= crop.top + crop.side <= 20


def test_a_region_that_no_square_holds_is_in_the_middle(rng):
    assert random_crop((10, 40), rng, smallest_scale=0.5, region=np.array([10, 0, 30, 10])) == Crop(0, 15, 10)
    assert random_crop((10, 40), rng, smallest_scale=0.5, region=np.array([0, 0, 14, 4])).left == 2


def test_an_image_of_one_pixel_has_one_crop(rng):
    assert random_crop((1, 1), rng, smallest_scale=0.1) == Crop(0, 0, 1)
