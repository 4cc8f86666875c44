import numpy as np
import pytest

from inpaint.blending import even_seams, pull_push


def disc(height=120, width=160, radius=35):
    rows, columns = np.mgrid[:height, :width]
    return (rows - height // 2) ** 2 + (columns - width // 2) ** 2 < radius**2


@pytest.mark.parametrize("shift", [12, -12, (12, -12, 12)])
def test_a_shifted_fill_loses_at_least_four_fifths_of_its_step(shift, rng):
    image = rng.integers(105, 136, (120, 160, 3)).astype(np.uint8)
    mask = disc()
    fill = (image + np.array(shift)).astype(np.uint8)
    evened = even_seams(image, fill, mask).astype(int)
    left = np.abs((evened - image)[mask].mean(axis=0))
    assert (left <= 0.2 * np.abs(np.array(shift))).all()
    texture = (evened - image)[mask]
    assert texture.std() < 2


def test_a_right_fill_with_a_real_edge_along_the_hole_stays():
    image = np.full((120, 160, 3), 200, np.uint8)
    image[60:] = 40
    mask = np.zeros((120, 160), bool)
    mask[30:60, 50:110] = True
    evened = even_seams(image, image, mask).astype(int)
    assert np.abs(evened - image).max() <= 3


def test_outside_the_hole_the_fill_is_returned_as_it_is(rng):
    image, fill = rng.integers(0, 256, (2, 50, 60, 3), dtype=np.uint8)
    mask = disc(50, 60, 15)
    evened = even_seams(image, fill, mask)
    assert np.array_equal(evened[~mask], fill[~mask])
    assert evened is not fill
    assert np.array_equal(even_seams(image, fill, np.zeros_like(mask)), fill)
    assert np.array_equal(even_seams(image, fill, np.ones_like(mask)), fill)


def test_sizes_must_agree():
    with pytest.raises(ValueError, match=r"one size, received \(4, 4, 3\), \(4, 5, 3\)"):
        even_seams(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), np.zeros((4, 4), bool))


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (33, 70)])
def test_pull_push_spreads_one_value_everywhere_and_keeps_known_ones(size):
    weight = np.zeros(size, np.float32)
    weight[0, 0] = 1
    values = np.zeros((*size, 2), np.float32)
    values[0, 0] = (5, -3)
    assert np.allclose(pull_push(values, weight), (5, -3), atol=1e-4)
    assert not pull_push(values, np.zeros_like(weight)).any()


def test_pull_push_stays_within_the_range_of_the_known_values(rng):
    weight = (rng.random((64, 64)) < 0.02).astype(np.float32)
    values = rng.uniform(10, 20, (64, 64, 1)).astype(np.float32)
    spread = pull_push(values, weight)
    assert spread.min() >= 9.99
    assert spread.max() <= 20.01
    assert np.allclose(spread[weight > 0], values[weight > 0], atol=1e-3)
