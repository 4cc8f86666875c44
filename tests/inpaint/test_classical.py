import numpy as np
import pytest

from inpaint.classical import ClassicalInpainter


@pytest.mark.parametrize("method", ["telea", "navier-stokes"])
def test_a_flat_photo_stays_flat(method):
    image = np.full((40, 50, 3), (10, 120, 240), np.uint8)
    mask = np.zeros((40, 50), bool)
    mask[10:25, 20:35] = True
    damaged = image.copy()
    damaged[mask] = 0
    filled = ClassicalInpainter(method)(damaged, mask).astype(int)
    assert np.abs(filled - image).max() <= 2


def test_a_ramp_is_continued():
    ramp = np.repeat(np.arange(60, dtype=np.uint8)[None] * 4, 40, axis=0)
    image = np.dstack([ramp] * 3)
    mask = np.zeros((40, 60), bool)
    mask[15:25, 25:35] = True
    filled = ClassicalInpainter("navier-stokes")(image, mask).astype(int)
    assert np.abs(filled - image).max() <= 12  # one mean colour would be wrong by 20


def test_the_description_names_method_and_radius():
    inpainter = ClassicalInpainter("telea", radius_px=3)
    assert inpainter.name == "telea"
    assert inpainter.description == "telea (OpenCV), radius 3 px"


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match="telea or navier-stokes, got 'median'"):
        ClassicalInpainter("median")
    with pytest.raises(ValueError, match="positive radius_px, got 0"):
        ClassicalInpainter(radius_px=0)
