import numpy as np
import pytest

from tools.blind_photos import in_other_colours, square_of_four, with_thin_things


def test_four_photos_side_by_side_are_not_enlarged():
    images = [np.full((40 + 5 * n, 60, 3), 10 * n + 10, np.uint8) for n in range(4)]
    square = square_of_four(images, 64, np.random.default_rng(0))
    assert square.shape == (64, 64, 3)
    corners = [square[:32, :32], square[:32, 32:], square[32:, :32], square[32:, 32:]]
    assert [np.unique(corner).tolist() for corner in corners] == [[10], [20], [30], [40]]
    with pytest.raises(ValueError, match="expected four photos, got 3"):
        square_of_four(images[:3], 64, np.random.default_rng(0))


def test_a_photo_that_is_too_small_is_continued():
    assert square_of_four([np.full((20, 90, 3), 7, np.uint8)] * 4, 64, np.random.default_rng(0)).min() == 7


def test_thin_things_change_a_little_of_the_photo():
    image = np.full((200, 240, 3), 100, np.uint8)
    results = [with_thin_things(image, np.random.default_rng(seed)) for seed in range(6)]
    changed = [(result != 100).any(axis=2).mean() for result in results]
    assert 0.0005 < np.mean(changed) < 0.4
    assert (image == 100).all()


def test_other_colours_keep_the_shapes():
    image = np.repeat(np.arange(0, 250, 5, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(20, axis=0)
    for seed in range(6):
        result = in_other_colours(image, np.random.default_rng(seed))
        assert result.dtype == np.uint8
        assert (np.diff(result.astype(int), axis=1) >= 0).all()
        assert (result[0] == result[19]).all()
