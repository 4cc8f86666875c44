import numpy as np

from postprocess.scaling import mask_levels, scaled


def test_shrinking_takes_the_mean_and_growing_is_linear():
    levels = np.array([[0, 255, 0, 0], [255, 255, 0, 0]], np.uint8)
    np.testing.assert_array_equal(scaled(levels, (2, 1)), [[191, 0]])
    np.testing.assert_array_equal(scaled(np.array([[0, 100]], np.uint8), (4, 1)), [[0, 25, 75, 100]])
    assert scaled(np.zeros((6, 4, 3), np.uint8), (2, 3)).shape == (3, 2, 3)


def test_masks_as_levels():
    levels = mask_levels(np.array([[True, False]]))
    assert levels.dtype == np.uint8
    np.testing.assert_array_equal(levels, [[255, 0]])
