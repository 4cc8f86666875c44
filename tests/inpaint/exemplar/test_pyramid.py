import numpy as np
import pytest

from inpaint.exemplar.pyramid import build_pyramid, halve, inside


def test_halving_takes_the_mean_of_four_pixels():
    image = np.array([[0, 4, 10], [8, 4, 10], [2, 2, 6]], np.float32)
    assert halve(image).tolist() == [[4, 10], [2, 6]]


@pytest.mark.parametrize("size", [(100, 130), (101, 131)])
def test_levels_halve_until_the_hole_is_small(size):
    image = np.full((*size, 3), 120, np.uint8)
    mask = np.zeros(size, bool)
    mask[40:64, 40:64] = True
    image[mask] = 0
    levels = build_pyramid(image, mask, None, coarsest_hole_px=4)
    assert [level.hole.shape for level in levels] == [
        size,
        tuple((n + 1) // 2 for n in size),
        (25 + size[0] % 2, 33),
    ]
    for level in levels:
        assert (level.image[~level.hole] == 120).all()
        assert not (level.valid & level.blocked).any()
    assert levels[2].hole.sum() == 36


def test_no_source_touches_hole_protect_or_border():
    mask, protect = np.zeros((2, 40, 50), bool)
    mask[20, 20] = True
    protect[10, 40] = True
    (level,) = build_pyramid(np.zeros((40, 50, 3), np.uint8), mask, protect, coarsest_hole_px=6)
    expected = inside(np.ones((40, 50), bool))
    expected[17:24, 17:24] = False
    expected[7:14, 37:44] = False
    assert np.array_equal(level.valid, expected)


def test_texture_tells_stripes_from_flatness():
    image = np.zeros((60, 80, 3), np.uint8)
    image[:, 40::4] = 200
    image[:, 41::4] = 200
    mask = np.zeros((60, 80), bool)
    mask[28:32, 38:42] = True
    texture = build_pyramid(image, mask, None, coarsest_hole_px=6)[0].texture
    assert (texture[:, :30] == 0).all()
    assert (texture[5:20, 50:70, 0] > 100).all()
    assert (texture[5:20, 50:70, 1] == 0).all()


def test_without_one_whole_patch_there_is_no_level():
    mask = np.zeros((20, 20), bool)
    mask[::6, ::6] = True
    assert build_pyramid(np.zeros((20, 20, 3), np.uint8), mask, None, coarsest_hole_px=6) == []
