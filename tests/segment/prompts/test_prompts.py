import cv2
import numpy as np
import pytest

from segment import Detections
from segment.prompts import load_prompter, prompter_names


@pytest.fixture
def disc(rng):
    """A red disc on grey, with noise: the photo and the disc's mask."""
    image = np.full((240, 320, 3), 110, np.uint8)
    mask = np.zeros((240, 320), np.uint8)
    cv2.circle(mask, (150, 120), 40, 1, -1)
    image[mask > 0] = (190, 40, 40)
    noisy = image + rng.normal(0, 6, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), mask.astype(bool)


def iou(first, second):
    return (first & second).sum() / (first | second).sum()


@pytest.mark.parametrize("name", ["auto", "classical"])
def test_a_click_cuts_the_disc_out(disc, name):
    image, mask = disc
    masks, scores = load_prompter(name).embed(image)(points=[(150, 120)], labels=[1])
    assert masks.dtype == bool
    assert masks.shape[1:] == (240, 320)
    assert len(scores) == len(masks)
    assert (np.diff(scores) <= 0).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert iou(masks[0], mask) > 0.9


def test_a_box_cuts_the_disc_out(disc):
    image, mask = disc
    masks, _ = load_prompter().embed(image)(box=(105, 75, 195, 165))
    assert iou(masks[0], mask) > 0.9


def test_the_same_click_gives_the_same_mask(disc):
    embedded = load_prompter().embed(disc[0])
    first, second = (embedded(points=[(150, 120)], labels=[1])[0][0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_click_on_a_detected_object_means_the_smallest_of_them():
    large, small = np.zeros((60, 80), bool), np.zeros((60, 80), bool)
    large[5:50, 5:70], small[20:30, 20:30] = True, True
    found = Detections.from_masks([large, small], ["person", "bag"], [0.9, 0.5])
    embedded = load_prompter(detections=found).embed(np.zeros((60, 80, 3), np.uint8))
    np.testing.assert_array_equal(embedded(points=[(25, 25)], labels=[1])[0][0], small)
    np.testing.assert_array_equal(embedded(points=[(10, 10)], labels=[1])[0][0], large)
    np.testing.assert_array_equal(embedded(points=[(10, 10), (75, 55)], labels=[1, 0])[0][0], large)


def test_an_even_photo_gives_a_mask_and_no_error():
    masks, _ = load_prompter().embed(np.full((50, 60, 3), 9, np.uint8))(points=[(30, 25)], labels=[1])
    assert masks.shape[1:] == (50, 60)


@pytest.mark.parametrize("point", [(0, 0), (59, 49), (0, 49)])
def test_a_click_in_a_corner_is_taken(point, rng):
    image = rng.integers(0, 255, (50, 60, 3), dtype=np.uint8)
    masks, _ = load_prompter().embed(image)(points=[point], labels=[1])
    assert masks.shape[1:] == (50, 60)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ({}, "at least one point on the thing"),
        ({"points": [(1, 1)], "labels": [0]}, "at least one point on the thing"),
        ({"points": [(1, 1)], "labels": []}, "a label for each of 1 points, got 0"),
        ({"points": [(1, 1)], "labels": [2]}, "labels of 0 or 1"),
        ({"points": [(60, 1)], "labels": [1]}, "points inside 60 x 50 pixels"),
        ({"points": [(-1, 1)], "labels": [1]}, "points inside 60 x 50 pixels"),
        ({"box": (5, 5, 5, 9)}, "a box of two corners"),
        ({"box": (5, 5, 500, 9)}, "a box of two corners"),
    ],
)
def test_a_prompt_that_says_nothing_is_refused(prompt, message):
    with pytest.raises(ValueError, match=message):
        load_prompter().embed(np.zeros((50, 60, 3), np.uint8))(**prompt)


def test_names():
    assert prompter_names() == ("auto", "classical")
    with pytest.raises(ValueError, match="expected one of auto, classical, got 'none'"):
        load_prompter("none")
