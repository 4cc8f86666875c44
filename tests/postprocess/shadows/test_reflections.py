import cv2
import numpy as np
import pytest

from postprocess.shadows.finding import find_shadow
from postprocess.shadows.ground import surroundings
from postprocess.shadows.reflections import LEAST_BLURRED, Reflection, find_reflection


def standing(*, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A figure of bands of colour on a floor that mirrors `share` of it: photo, object, reflection."""
    rng = np.random.default_rng(seed)
    photo = np.full((240, 200, 3), (120, 118, 112), np.float32)
    figure = np.zeros((240, 200), bool)
    figure[40:130, 80:116] = True
    colours = rng.uniform(20, 230, (9, 3))
    photo[40:130, 80:116] = colours.repeat(10, axis=0)[:, None]
    mirrored = np.zeros_like(figure)
    mirrored[130:220] = figure[40:130][::-1]
    below = photo[40:130][::-1]
    floor = photo[130:220]
    floor[mirrored[130:220]] += (share * (below - floor))[mirrored[130:220]]
    photo += 2 * rng.standard_normal(photo.shape)
    return photo.clip(0, 255).astype(np.uint8), figure, mirrored


def reflection(photo: np.ndarray, figure: np.ndarray) -> tuple[Reflection | None, np.ndarray]:
    """The reflection found, and its mask in the whole photo (these scenes are looked at in full size)."""
    around = next(iter(surroundings(photo, figure, np.zeros_like(figure))))
    found = find_reflection(around)
    whole = np.zeros_like(figure)
    if found is not None:
        whole[around.box] = found.mask
    return found, whole


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_a_mirrored_figure_is_found_with_its_strength(share: float) -> None:
    photo, figure, mirrored = standing(share=share)
    found, whole = reflection(photo, figure)
    assert found is not None
    assert found.agreement > 0.9
    assert found.strength == pytest.approx(share, abs=0.05)
    assert (whole & mirrored).sum() > 0.55 * mirrored.sum()
    assert not (whole & ~mirrored).any()


def test_a_reflection_comes_back_with_the_shadow() -> None:
    photo, figure, mirrored = standing(share=0.4)
    found = find_shadow(photo, figure)
    assert found.confidence >= LEAST_BLURRED
    assert (found.mask & mirrored).sum() > 0.55 * mirrored.sum()


@pytest.mark.parametrize("share", [0.0, 0.95])
def test_a_dull_floor_and_the_object_going_on_are_no_reflection(share: float) -> None:
    photo, figure, _ = standing(share=share)
    found, _ = reflection(photo, figure)
    assert found is None or found.agreement < LEAST_BLURRED


def test_the_same_bands_the_right_way_up_are_no_reflection() -> None:
    photo, figure, mirrored = standing(share=0.0)
    pale = photo.astype(np.float32)
    pale[130:220] += 0.4 * (pale[40:130] - pale[130:220]) * mirrored[130:220, :, None]
    found, _ = reflection(pale.astype(np.uint8), figure)
    assert found is None or found.agreement < LEAST_BLURRED


def test_a_figure_cut_by_the_frame_has_none() -> None:
    photo, figure, _ = standing(share=0.4)
    found, _ = reflection(np.ascontiguousarray(photo[:130]), np.ascontiguousarray(figure[:130]))
    assert found is None


def test_a_small_and_a_large_photo_agree() -> None:
    photo, figure, mirrored = standing(share=0.4)
    large = cv2.resize(photo, None, fx=5, fy=5, interpolation=cv2.INTER_LINEAR)
    marked = cv2.resize(figure.view(np.uint8), None, fx=5, fy=5, interpolation=cv2.INTER_NEAREST).view(bool)
    found = find_shadow(large, marked).mask[2::5, 2::5]
    assert (found & mirrored).sum() > 0.5 * mirrored.sum()


def test_a_reflection_blurred_by_the_floor_is_found() -> None:
    photo, figure, mirrored = standing(share=0.4)
    blurred = cv2.GaussianBlur(photo, (0, 0), sigmaX=1.5, sigmaY=5.0)
    photo[134:] = blurred[134:]  # just below the feet the object itself would run into the blur
    found, whole = reflection(photo, figure)
    assert found is not None
    assert (whole & mirrored).sum() > 0.55 * mirrored.sum()


def test_an_object_that_the_photo_cuts_off_at_its_side_has_none() -> None:
    photo, figure, _ = standing(share=0.4)
    found, _ = reflection(np.ascontiguousarray(photo[:, 95:]), np.ascontiguousarray(figure[:, 95:]))
    assert found is None
