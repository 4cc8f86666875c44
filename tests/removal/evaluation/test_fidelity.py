import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from removal.evaluation.fidelity import psnr


def test_the_numbers_of_a_case_worked_out_by_hand():
    image = np.zeros((2, 2, 3), np.uint8)
    reference = image.copy()
    reference[0, 0] = 10  # MSE 25 over all, 100 over the pixel
    assert psnr(image, reference) == pytest.approx(10 * np.log10(255**2 / 25))
    where = np.zeros((2, 2), bool)
    where[0, 0] = True
    assert psnr(image, reference, where) == pytest.approx(10 * np.log10(255**2 / 100))
    assert psnr(image, reference, ~where) == float("inf")


def test_the_same_as_scikit_image(rng):
    first, second = rng.integers(0, 255, (2, 40, 50, 3), np.uint8)
    assert psnr(first, second) == pytest.approx(peak_signal_noise_ratio(first, second, data_range=255))


def test_what_cannot_be_compared_is_refused():
    image = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match="one shape"):
        psnr(image, image[:1])
    with pytest.raises(ValueError, match="`where` of shape"):
        psnr(image, image, np.ones((1, 2), bool))
    with pytest.raises(ValueError, match="at least one pixel"):
        psnr(image, image, np.zeros((2, 2), bool))
