import cv2
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


def inner_edge(mask):
    return mask & (cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)


def test_texture_at_the_edge_hides_no_shift(rng):
    coarse = rng.integers(70, 186, (30, 40, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)
    mask = disc(radius=12)
    fills = [np.clip(image + np.array(shift), 0, 255).astype(np.uint8) for shift in (0, 12, -12)]
    right, *shifted = (even_seams(image, fill, mask)[mask].astype(int) for fill in fills)
    for evened in shifted:
        assert np.abs(evened - right).max() <= 1


def test_on_real_photos_four_fifths_of_a_step_go_and_a_right_fill_stays(shared):
    removed = []
    for path in sorted((shared / "data" / "photos").iterdir())[::6]:
        image = cv2.imread(str(path))
        hole = cv2.imread(str(shared / "data" / "holes" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        mask = hole > 127
        edge = inner_edge(mask)
        for shift in (12, -12):
            fill = np.clip(image.astype(int) + shift, 0, 255).astype(np.uint8)
            before, after = (
                np.abs((picture[edge].astype(float) - image[edge]).mean(axis=0)).mean()
                for picture in (fill, even_seams(image, fill, mask))
            )
            removed.append(1 - after / before)
        disturbed = np.abs(even_seams(image, image, mask).astype(float) - image)[mask].mean()
        assert disturbed < 4
    assert len(removed) == 16
    assert np.mean(removed) > 0.9
    assert min(removed) > 0.75


def test_a_real_edge_all_round_is_no_shift():
    image = np.full((120, 160, 3), 200, np.uint8)
    fill = np.full_like(image, 60)
    assert np.array_equal(even_seams(image, fill, disc()), fill)


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
    with pytest.raises(ValueError, match=r"one size, got \(4, 4, 3\), \(4, 5, 3\)"):
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
