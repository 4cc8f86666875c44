import numpy as np
import pytest

from inpaint.guided import follow_colours


def test_a_stroke_of_which_a_part_was_missed_is_found_further():
    image = np.full((40, 40, 3), 60, np.uint8)
    image[18:22] = 250
    level = np.full((40, 40), 0.02, np.float32)
    level[18:22] = 0.95
    level[18:22, 19:22] = 0.3
    before = level.copy()
    result = follow_colours(level, image)
    assert result.dtype == np.float32
    assert result[18:22, 19:22].min() > 0.5
    assert result[:17].max() < 0.1
    assert np.array_equal(level, before)


def test_what_is_not_of_the_colour_of_the_damage_is_less_sure():
    image = np.full((40, 40, 3), 60, np.uint8)
    image[18:22] = 250
    level = np.full((40, 40), 0.02, np.float32)
    level[18:24] = 0.9  # two rows too many
    result = follow_colours(level, image)
    assert result[18:22, 8:32].min() > 0.8
    assert result[22:24, 8:32].max() < 0.7


@pytest.mark.parametrize("value", [0.2, 0.5, 0.9])
def test_an_even_map_stays_as_it_is(value):
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    assert follow_colours(np.full((30, 50), value, np.float32), image) == pytest.approx(value, abs=1e-3)
