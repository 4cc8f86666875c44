import cv2
import numpy as np
import pytest

from segment import mask_from_box


def scene(rng, height=200, width=240) -> tuple[np.ndarray, np.ndarray]:
    """A dark red ellipse of 60 x 120 px (centre 100, 90) on noisy green; image and true mask."""
    image = np.full((height, width, 3), (90, 160, 80), np.uint8)
    truth = np.zeros((height, width), np.uint8)
    cv2.ellipse(truth, (100, 90), (30, 60), 0, 0, 360, 1, -1)
    image[truth == 1] = (120, 30, 40)
    noisy = image + rng.normal(0, 6, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), truth.astype(bool)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def test_the_object_is_parted_from_the_ground(rng):
    image, truth = scene(rng)
    before = image.copy()
    mask = mask_from_box(image, (68, 28, 65, 125))
    assert mask.dtype == np.bool_
    assert mask.shape == (200, 240)
    assert overlap(mask, truth) > 0.97
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(mask, mask_from_box(image, (68, 28, 65, 125)))


def test_large_photos_keep_their_outline(rng):
    image, truth = scene(rng)
    large = cv2.resize(image, None, fx=10, fy=10, interpolation=cv2.INTER_CUBIC)
    large_truth = cv2.resize(truth.astype(np.uint8), None, fx=10, fy=10, interpolation=cv2.INTER_NEAREST) > 0
    mask = mask_from_box(large, (680, 280, 650, 1250))
    assert overlap(mask, large_truth) > 0.97


def test_nothing_outside_the_box_is_marked(rng):
    image, truth = scene(rng)
    mask = mask_from_box(image, (80, 28, 30, 125))  # narrower than the object
    assert not mask[:, :80].any()
    assert not mask[:, 110:].any()
    assert not mask[:28].any()
    assert mask[truth][:].any()


def test_an_object_that_cannot_be_told_is_its_box():
    flat = np.full((60, 80, 3), 128, np.uint8)
    mask = mask_from_box(flat, (20, 10, 30, 40))
    assert mask[10:50, 20:50].all()
    assert mask.sum() == 30 * 40


@pytest.mark.parametrize("box", [(0, 0, 80, 60), (-5, -5, 200, 200)])
def test_a_box_without_surroundings_is_its_own_mask(rng, box):
    assert mask_from_box(rng.integers(0, 255, (60, 80, 3), np.uint8), box).all()


def test_tiny_boxes_and_images(rng):
    image = rng.integers(0, 255, (60, 80, 3), np.uint8)
    assert mask_from_box(image, (10, 10, 1, 1)).sum() == 1
    assert mask_from_box(image[:1, :1], (0, 0, 1, 1)).all()
    assert mask_from_box(image[:, :3], (0, 0, 2, 60)).any()


def test_errors():
    image = np.zeros((60, 80, 3), np.uint8)
    for box in ((80, 0, 10, 10), (0, -20, 10, 10), (0, 60, 5, 5)):
        with pytest.raises(ValueError, match=r"lies outside of the image \(80 x 60"):
            mask_from_box(image, box)
    for box in ((0, 0, 0, 10), (0, 0, 10, -1)):
        with pytest.raises(ValueError, match="width and height above 0"):
            mask_from_box(image, box)
    for box in ((0, 0, 10), (0, 0, float("nan"), 10), (0, 0, float("inf"), 10)):
        with pytest.raises(ValueError, match="four numbers x, y, width, height"):
            mask_from_box(image, box)
    with pytest.raises(TypeError, match="uint8 image, got float64"):
        mask_from_box(image.astype(float), (0, 0, 1, 1))
    with pytest.raises(ValueError, match=r"shape \(H, W, 3\), got \(60, 80\)"):
        mask_from_box(image[..., 0], (0, 0, 1, 1))


def test_a_person_in_a_photo(shared):
    folder = shared / "data" / "pairs" / "closeup_0001"
    photo = cv2.cvtColor(cv2.imread(str(folder / "photo.png")), cv2.COLOR_BGR2RGB)
    truth = cv2.imread(str(folder / "object.png"), cv2.IMREAD_GRAYSCALE) > 127
    rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
    box = (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert overlap(mask_from_box(photo, box), truth) > 0.9
