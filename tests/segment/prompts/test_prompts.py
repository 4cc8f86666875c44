import cv2
import numpy as np
import pytest

from segment import Detections
from segment.prompts import load_prompter


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
    np.testing.assert_array_equal(embedded(points=[(10, 10), (60, 45)], labels=[1, 1])[0][0], large)


def test_clicks_on_several_detected_objects_mean_all_of_them():
    one, other = np.zeros((60, 80), bool), np.zeros((60, 80), bool)
    one[5:30, 5:20], other[20:50, 40:70] = True, True
    found = Detections.from_masks([one, other], ["person", "person"], [0.9, 0.8])
    masks, scores = load_prompter().embed(np.zeros((60, 80, 3), np.uint8), found)(
        points=[(10, 10), (50, 30)], labels=[1, 1]
    )
    np.testing.assert_array_equal(masks[0], one | other)
    np.testing.assert_allclose(scores, [0.8])


def test_a_click_beside_a_detected_object_overrules_it(disc):
    image, mask = disc
    whole = np.ones(mask.shape, bool)
    found = Detections.from_masks([whole], ["person"], [0.9])
    masks, _ = load_prompter().embed(image, found)(points=[(150, 120), (20, 20)], labels=[1, 0])
    assert iou(masks[0], mask) > 0.8


def test_an_object_of_a_low_score_counts_for_nothing(disc):
    image, mask = disc
    found = Detections.from_masks([np.ones(mask.shape, bool)], ["person"], [0.3])
    masks, _ = load_prompter().embed(image, found)(points=[(150, 120)], labels=[1])
    assert iou(masks[0], mask) > 0.9


def test_detections_of_another_size_are_refused():
    found = Detections.empty(10, 10)
    with pytest.raises(ValueError, match="detections of the size"):
        load_prompter(detections=found).embed(np.zeros((20, 10, 3), np.uint8))


def test_every_click_is_obeyed_whatever_the_photo_shows(rng):
    image = rng.integers(0, 255, (90, 130, 3), dtype=np.uint8)
    embedded = load_prompter("classical").embed(image, Detections.empty(90, 130))
    for _ in range(20):
        count = rng.integers(1, 9)
        places = rng.permutation(90 * 130)[:count]
        points = [(int(place % 130), int(place // 130)) for place in places]
        labels = [1, *rng.integers(0, 2, count - 1).tolist()]
        masks, _ = embedded(points=points, labels=labels)
        assert [int(masks[0][y, x]) for x, y in points] == labels


def test_a_small_thing_in_a_large_photo_has_a_sharp_outline(rng):
    """The photo is looked at in 320 px: the disc of 60 px is 10 px there, and is looked at again."""
    image = np.full((1500, 2000, 3), 110, np.uint8)
    mask = np.zeros((1500, 2000), np.uint8)
    cv2.circle(mask, (1400, 500), 60, 1, -1)
    image[mask > 0] = (190, 40, 40)
    image = cv2.add(image, rng.integers(0, 12, image.shape, dtype=np.uint8))
    embedded = load_prompter("classical").embed(image, Detections.empty(1500, 2000))
    masks, _ = embedded(points=[(1400, 500)], labels=[1])
    assert iou(masks[0], mask.astype(bool)) > 0.97


def test_clicks_in_a_box_correct_what_is_found_there(disc):
    image, mask = disc
    embedded = load_prompter("classical").embed(image, Detections.empty(*mask.shape))
    masks, _ = embedded(box=(60, 40, 260, 220), points=[(150, 120), (90, 60)], labels=[1, 0])
    assert iou(masks[0], mask) > 0.9


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
