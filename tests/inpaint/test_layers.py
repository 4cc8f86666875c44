import cv2
import numpy as np
import pytest

from inpaint import layers
from inpaint.layers import OPACITY, undo_layers
from removal.evaluation.fidelity import psnr


def photo(seed: int = 4) -> np.ndarray:
    """Large smooth blotches of any colours, with a little grain."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(20, 236, (7, 9, 3), np.uint8)
    smooth = cv2.resize(cells, (360, 270), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 1.5, smooth.shape), 0, 255).astype(np.uint8)


def letters() -> np.ndarray:
    """float32 (H, W) in [0, 1]: three words."""
    canvas = np.zeros((270, 360), np.uint8)
    for row, word in enumerate(("SAMPLE", "oBject", "Draft")):
        cv2.putText(canvas, word, (20, 70 + 85 * row), cv2.FONT_HERSHEY_SIMPLEX, 2.4, 255, 9, cv2.LINE_AA)
    return canvas.astype(np.float32) / 255


def under(image: np.ndarray, cover: np.ndarray, colour: tuple[int, int, int], opacity: float) -> np.ndarray:
    share = opacity * cover[..., None]
    return np.rint(image * (1 - share) + np.float32(colour) * share).astype(np.uint8)


@pytest.mark.parametrize("opacity", [0.2, 0.45, 0.65])
@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (200, 30, 90)])
def test_a_watermark_is_undone_with_its_own_opacity_and_colour(opacity, colour):
    veiled = under(photo(), letters(), colour, opacity)
    undone = undo_layers(veiled, letters())
    assert np.median(undone.opacity[letters() == 1]) == pytest.approx(opacity, abs=0.03)
    assert psnr(undone.image, photo()) > psnr(veiled, photo()) + 8
    assert psnr(undone.image, photo()) > 38
    untouched = undone.opacity == 0
    assert np.array_equal(undone.image[untouched], veiled[untouched])
    assert untouched[cv2.dilate(letters(), np.ones((13, 13))) == 0].all()


def test_letters_that_the_map_missed_are_undone_with_the_others():
    veiled = under(photo(), letters(), (255, 255, 255), 0.5)
    level = letters()
    level[:, 180:] = 0
    undone = undo_layers(veiled, level)
    missed = (letters() == 1) & (level == 0)
    assert (undone.opacity[missed] > 0).mean() > 0.9
    assert psnr(undone.image, photo()) > 36


def test_what_lies_between_the_strokes_stays_though_the_map_has_it():
    veiled = under(photo(), letters(), (0, 0, 0), 0.5)
    level = cv2.morphologyEx(letters(), cv2.MORPH_CLOSE, np.ones((21, 21)))
    undone = undo_layers(veiled, level)
    between = (level == 1) & (cv2.dilate(letters(), np.ones((5, 5))) == 0)
    assert between.sum() > 500
    assert (undone.opacity[between] > 0).mean() < 0.1


def test_what_hides_the_photo_stays_to_be_filled():
    assert OPACITY[1] < 0.9
    for opacity in (0.95, 1.0):
        covered = under(photo(), letters(), (240, 240, 240), opacity)
        undone = undo_layers(covered, letters())
        assert undone.image is covered
        assert not undone.opacity.any()


def test_a_part_of_another_picture_is_no_layer():
    image = photo()
    mask = np.zeros((270, 360), bool)
    mask[60:200, 90:280] = True
    image[mask] = photo(9)[mask]
    assert not undo_layers(image, mask.astype(np.float32)).opacity.any()


def test_on_an_even_ground_and_without_damage_nothing_is_undone():
    even = under(np.full((270, 360, 3), 90, np.uint8), letters(), (255, 255, 255), 0.5)
    for image, level in ((even, letters()), (photo(), np.zeros((270, 360), np.float32))):
        undone = undo_layers(image, level)
        assert undone.image is image
        assert not undone.opacity.any()


def test_two_layers_are_undone_each_by_itself():
    upper, lower = letters(), letters()
    upper[140:], lower[:140] = 0, 0
    veiled = under(under(photo(), upper, (255, 255, 255), 0.5), lower, (160, 0, 0), 0.4)
    undone = undo_layers(veiled, letters())
    assert np.median(undone.opacity[upper == 1]) == pytest.approx(0.5, abs=0.04)
    assert np.median(undone.opacity[lower == 1]) == pytest.approx(0.4, abs=0.04)


def test_in_a_large_photo_the_outline_is_found_in_a_smaller_one(monkeypatch):
    veiled = under(photo(), letters(), (255, 255, 255), 0.5)
    large, level = (
        cv2.resize(each, (720, 540), interpolation=cv2.INTER_CUBIC) for each in (veiled, letters())
    )
    monkeypatch.setattr(layers, "MOST_PX", 270 * 360)
    undone = undo_layers(large, np.clip(level, 0, 1))
    assert undone.image.shape == (540, 720, 3)
    truth = cv2.resize(photo(), (720, 540), interpolation=cv2.INTER_CUBIC)
    assert psnr(undone.image, truth) > psnr(large, truth) + 8
