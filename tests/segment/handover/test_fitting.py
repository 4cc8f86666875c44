import numpy as np
import pytest

from segment import Detections
from segment.handover.fitting import Fit, factors, find_fit, fit_detections, fit_levels, turn_upright


@pytest.mark.parametrize(
    ("own", "size"),
    [
        ((213, 320), (427, 640)),  # half, rounded down
        ((214, 320), (427, 640)),  # rounded up
        ((854, 1280), (427, 640)),  # twice
        ((683, 1024), (427, 640)),
        ((107, 160), (427, 640)),
        ((480, 640), (3024, 4032)),
    ],
)
def test_shapes_that_agree(own, size):
    fit = find_fit(own, size)
    assert fit is not None
    assert fit.is_scaled
    assert not fit.is_turned
    assert fit_levels(np.zeros(own, np.uint8), fit).shape == size


@pytest.mark.parametrize(
    ("own", "size"),
    [
        ((640, 640), (427, 640)),
        ((416, 640), (427, 640)),
        ((217, 320), (427, 640)),
        ((640, 427), (427, 640)),
        ((1, 1), (427, 640)),
        ((2, 3), (427, 640)),
        ((1024, 1024), (768, 1024)),
    ],
)
def test_shapes_that_do_not(own, size):
    assert find_fit(own, size) is None


def test_the_same_size_is_left_alone():
    fit = find_fit((4, 6), (4, 6), orientation=6)
    assert fit == Fit(1, (4, 6), (4, 6))
    assert fit.words(6) == []
    (words,) = Fit(1, (4, 4), (4, 4)).words(6)  # square: the shape does not tell
    assert words == "taken as upright, though the photo is stored turned (EXIF orientation 6)"
    assert fit.words(3) == [words.replace("6", "3")]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_is_what_pillow_does(orientation, rng):
    from PIL import Image, ImageOps

    levels = rng.integers(0, 256, (4, 6), dtype=np.uint8)
    image = Image.fromarray(levels)
    image.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(
        turn_upright(levels, orientation), np.asarray(ImageOps.exif_transpose(image))
    )


def test_a_mask_of_the_stored_pixels_is_turned_with_its_photo():
    stored = np.zeros((40, 60), np.uint8)
    stored[:10, :20] = 255
    fit = find_fit((40, 60), (60, 40), orientation=6)  # shown turned to the right
    assert fit is not None
    assert fit.is_turned
    upright = fit_levels(stored, fit)
    assert upright.shape == (60, 40)
    assert (upright[:20, 30:] == 255).all()
    assert upright.sum() == 255 * 200
    half = find_fit((20, 30), (60, 40), orientation=8)
    assert half is not None
    assert (half.is_turned, half.is_scaled, half.factor) == (True, True, 2)
    assert find_fit((40, 60), (60, 40), orientation=3) is None  # upside down: the shape would be the same


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_boxes_follow_their_masks(orientation):
    mask = np.zeros((40, 60), bool)
    mask[5:15, 10:30] = True
    size = (80, 120) if orientation == 1 else (120, 80)
    fit = find_fit((40, 60), size, orientation=orientation)
    assert fit is not None
    found = fit_detections(Detections.from_masks([mask], ["dog"], [0.5]), fit)
    (box,) = found.boxes
    rows, cols = np.nonzero(found.mask(0))
    np.testing.assert_allclose(box, [cols.min(), rows.min(), cols.max() + 1, rows.max() + 1], atol=1)
    assert found.mask(0).sum() == pytest.approx(800, rel=0.05)
    assert (found.labels, found.scores.tolist()) == (("dog",), [0.5])


@pytest.mark.parametrize(
    ("own", "size"), [((100, 150), (200, 300)), ((107, 160), (427, 640)), ((40, 64), (25, 40))]
)
def test_objects_are_scaled_as_whole_masks_are(own, size, rng):
    """In a window around each; objects at the edges reach the photo's edge."""
    import cv2

    masks = []
    for row, col in ((50, 70), (0, 0), (own[0] - 1, own[1] - 1), (30, own[1] - 1)):
        mask = np.zeros(own, np.uint8)
        cv2.ellipse(mask, (col, row), (17, 9), 20, 0, 360, 1, -1)
        masks.append(mask.view(bool))
    masks.append(np.zeros(own, bool))
    fit = find_fit(own, size)
    assert fit is not None
    found = fit_detections(Detections.from_masks(masks, ["dog"] * 5, [1] * 5), fit)
    for index, mask in enumerate(masks):
        whole = fit_levels(mask.view(np.uint8) * 255, fit) > 127
        assert (found.mask(index) ^ whole).sum() <= 0.01 * whole.sum()
    assert found.mask(2)[-1, -1]
    assert not found.mask(4).any()


def test_a_half_size_mask_gets_a_smooth_outline():
    rows, cols = np.mgrid[:200, :200]
    truth = (rows - 100) ** 2 + (cols - 90) ** 2 < 60**2
    half = truth.reshape(100, 2, 100, 2).mean((1, 3))
    fit = find_fit((100, 100), (200, 200))
    assert fit is not None
    smooth = fit_levels(np.round(half * 255).astype(np.uint8), fit) > 127
    assert (smooth & truth).sum() / (smooth | truth).sum() > 0.995
    blocks = ((half > 0.5).repeat(2, 0)).repeat(2, 1)
    assert (smooth ^ truth).sum() < 0.5 * (blocks ^ truth).sum()


def test_odd_sizes_are_scaled_between_their_two_readings():
    assert factors((214, 320), (427, 640)) == pytest.approx(((2 + 427 / 214) / 2, 2))
    assert factors((213, 320), (427, 640)) == pytest.approx(((2 + 427 / 213) / 2, 2))
    assert factors((100, 150), (200, 300)) == (2, 2)
    assert factors((213, 321), (426, 641)) == pytest.approx((2, (2 + 641 / 321) / 2))  # the longer side too
    assert factors((683, 1024), (1280, 1920))[1] == pytest.approx(1.875)
