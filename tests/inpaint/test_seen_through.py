import cv2
import numpy as np
import pytest

from inpaint.seen_through import seen_through


def photo() -> np.ndarray:
    """Large smooth blotches of any colours."""
    cells = np.random.default_rng(4).integers(20, 236, (6, 8, 3), np.uint8)
    return cv2.resize(cells, (240, 180), interpolation=cv2.INTER_CUBIC)


def block(top=50, bottom=120, left=60, right=190) -> np.ndarray:
    mask = np.zeros((180, 240), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize("opacity", [0.2, 0.5])
@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (200, 30, 90)])
def test_a_layer_that_the_photo_is_seen_through_is_known(opacity, colour):
    image, mask = photo().astype(np.float32), block()
    image[mask] += opacity * (np.float32(colour) - image[mask])
    assert np.array_equal(seen_through(np.rint(image).astype(np.uint8), mask), mask)


def test_what_hides_the_photo_is_no_layer():
    image, mask = photo(), block()
    image[mask] = (250, 250, 250)
    assert not seen_through(image, mask).any()
    image[mask] = photo()[::-1, ::-1][mask]
    assert not seen_through(image, mask).any()


def test_each_part_is_judged_by_itself_and_thin_ones_are_filled():
    image, layer, hidden, line = photo(), block(20, 80), block(100, 170), block(88, 92, 0, 240)
    image[layer] = image[layer] // 2 + 127
    image[hidden] = 10
    image[line] = image[line] // 2 + 127
    assert np.array_equal(seen_through(image, layer | hidden | line), layer)


def test_on_an_even_ground_nothing_can_be_told():
    image, mask = np.full((180, 240, 3), 90, np.uint8), block()
    image[mask] = 160
    assert not seen_through(image, mask).any()
    assert not seen_through(image, np.zeros_like(mask)).any()
