import numpy as np
import pytest

from removal.evaluation.removal_success import change_outside, new_in_hole, still_found
from segment import Detections

SIZE = (50, 60)


def rectangle(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def detections(*objects: tuple[str, float, np.ndarray]) -> Detections:
    if not objects:
        return Detections.empty(*SIZE)
    return Detections.from_masks(
        [mask for *_, mask in objects], [o[0] for o in objects], [o[1] for o in objects]
    )


MAN = rectangle(10, 10, 30, 10)
WOMAN = rectangle(10, 40, 30, 10)
REMOVED = detections(("person", 1.0, MAN), ("person", 1.0, WOMAN))


def test_nothing_found_is_all_removed():
    assert still_found(REMOVED, detections()).tolist() == [False, False]
    assert still_found(detections(), REMOVED).tolist() == []


def test_an_untouched_photo_has_everyone_still():
    assert still_found(REMOVED, REMOVED).tolist() == [True, True]


@pytest.mark.parametrize(("height", "found"), [(30, True), (20, True), (19, False)])
def test_the_same_object_is_one_of_half_the_overlap(height, found):
    man = detections(("person", 1.0, rectangle(10, 10, height, 10)))
    taller = detections(("person", 0.9, rectangle(10, 10, 40, 10)))  # IoU and part: height / 40
    assert still_found(man, taller).tolist() == [found]


def test_a_part_that_is_left_counts_and_one_that_hardly_touches_does_not():
    head = detections(("person", 0.9, rectangle(10, 12, 5, 5)))
    assert still_found(REMOVED, head).tolist() == [True, False]
    half_out = detections(("person", 0.9, rectangle(10, 15, 4, 10)))  # 20 of its 40 pixels on the man
    assert still_found(REMOVED, half_out).tolist() == [True, False]
    more_out = detections(("person", 0.9, rectangle(10, 16, 4, 10)))
    assert still_found(REMOVED, more_out).tolist() == [False, False]
    assert still_found(REMOVED, more_out, threshold=0.4).tolist() == [True, False]


def test_another_class_and_an_unsure_find_do_not_count():
    assert (
        still_found(REMOVED, detections(("dog", 0.9, MAN), ("person", 0.49, WOMAN))).tolist() == [False] * 2
    )
    assert still_found(REMOVED, detections(("person", 0.5, WOMAN))).tolist() == [False, True]
    assert still_found(REMOVED, detections(("person", 0.2, MAN)), min_score=0.1).tolist() == [True, False]


def test_what_the_fill_made_is_new_and_what_was_there_is_not():
    hole = rectangle(8, 8, 34, 14)
    original = detections(("person", 0.9, MAN), ("chair", 0.3, rectangle(30, 5, 20, 20)))
    result = detections(
        ("dog", 0.9, rectangle(12, 10, 8, 8)),  # made
        ("person", 0.9, rectangle(12, 12, 5, 5)),  # a part of him: still found, not new
        ("chair", 0.8, rectangle(30, 5, 18, 20)),  # was there
        ("cat", 0.4, rectangle(20, 10, 8, 8)),  # unsure
        ("car", 0.9, WOMAN),  # elsewhere
        ("bird", 0.9, rectangle(15, 20, 4, 4)),  # half of it in the hole
        ("kite", 0.9, rectangle(15, 20, 4, 5)),  # less than half
    )
    assert new_in_hole(hole, original, result).tolist() == [0, 5]
    assert new_in_hole(hole, original, result, min_score=0.3).tolist() == [0, 3, 5]
    assert new_in_hole(hole, original, result, threshold=0.4).tolist() == [0, 5, 6]
    assert new_in_hole(hole, detections(), result).tolist() == [0, 1, 5]
    assert new_in_hole(np.zeros(SIZE, bool), original, result).tolist() == []
    assert new_in_hole(hole, original, detections()).tolist() == []


def test_change_outside_is_the_largest_of_any_channel():
    image = np.full((*SIZE, 3), 200, np.uint8)
    result = image.copy()
    result[MAN] = 0
    assert change_outside(image, result, MAN) == 0
    result[0, 0, 2] = 203
    result[49, 59, 0] = 190
    assert change_outside(image, result, MAN) == 10
    assert change_outside(image, result, np.zeros(SIZE, bool)) == 200
    assert change_outside(image, result, np.ones(SIZE, bool)) == 0
    white, black = np.full((*SIZE, 3), 255, np.uint8), np.zeros((*SIZE, 3), np.uint8)
    assert change_outside(black, white, MAN) == change_outside(white, black, MAN) == 255


def test_what_does_not_fit_together_is_refused():
    image = np.zeros((*SIZE, 3), np.uint8)
    small = Detections.empty(49, 60)
    with pytest.raises(ValueError, match="photos of one size, got \\(50, 60\\) and \\(49, 60\\)"):
        still_found(REMOVED, small)
    with pytest.raises(ValueError, match="hole of size \\(49, 60\\), got \\(50, 60\\)"):
        new_in_hole(MAN, REMOVED, small)
    with pytest.raises(TypeError, match="bool hole, got uint8"):
        new_in_hole(MAN.astype(np.uint8), REMOVED, REMOVED)
    with pytest.raises(ValueError, match="one size"):
        change_outside(image, image[:-1], MAN)
    with pytest.raises(ValueError, match="a mask of \\(49, 60\\)"):
        change_outside(image, image, MAN[:-1])
    with pytest.raises(TypeError, match="result of uint8, got float64"):
        change_outside(image, image / 1.0, MAN)
    with pytest.raises(TypeError, match="mask of bool, got uint8"):
        change_outside(image, image, MAN.astype(np.uint8))
