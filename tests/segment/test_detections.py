import numpy as np
import pytest
from pycocotools import mask as coco_mask

from segment.detections import Detections, encode_crop

FIRST = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], dtype=bool)
SECOND = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]], dtype=bool)


@pytest.fixture
def found() -> Detections:
    return Detections.from_masks([FIRST, SECOND], ["person", "dog"], [0.9, 0.4])


def test_masks_come_back_and_boxes_are_their_bounds(found):
    assert len(found) == 2
    assert found.labels == ("person", "dog")
    assert (found.height, found.width) == (3, 4)
    np.testing.assert_array_equal(found.boxes, np.array([[0, 0, 2, 2], [2, 1, 4, 3]], np.float32))
    assert found.boxes.dtype == found.scores.dtype == np.float32
    np.testing.assert_array_equal(found.mask(0), FIRST)
    np.testing.assert_array_equal(found.mask(1), SECOND)
    assert found.mask(1).dtype == np.bool_
    assert found.mask(1).flags.c_contiguous


def test_union_is_of_the_wanted_classes_and_scores(found):
    np.testing.assert_array_equal(found.union(), FIRST | SECOND)
    np.testing.assert_array_equal(found.union(classes=("dog",)), SECOND)
    np.testing.assert_array_equal(found.union(min_score=0.5), FIRST)
    assert not found.union(classes=("cat",)).any()
    assert found.union(classes=("cat",)).shape == (3, 4)


def test_select_keeps_order_and_all_fields(found):
    assert found.select(min_score=0.4).labels == ("person", "dog")
    only = found.select(indices=[1])
    assert only.labels == ("dog",)
    assert only.scores.tolist() == [np.float32(0.4)]
    np.testing.assert_array_equal(only.mask(0), SECOND)
    assert len(found.select(("person",), 0.95)) == 0


def test_no_instance():
    nothing = Detections.empty(2, 5)
    assert len(nothing) == 0
    assert nothing.boxes.shape == (0, 4)
    assert nothing.union().shape == (2, 5)
    assert len(Detections.from_masks(np.zeros((0, 2, 5), bool), [], [])) == 0


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_run_lengths_are_those_of_pycocotools(rng, share):
    for height, width in rng.integers(1, 12, (40, 2)).tolist():
        mask = rng.random((height, width)) < share
        expected = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert Detections.from_masks(mask[None], ["a"], [1.0]).rles[0] == expected


def test_a_crop_is_placed_without_the_whole_mask():
    rle = encode_crop(np.ones((2, 3), bool), 10_000, 20_000, 30_000, 40_000)  # 1.2 gigapixels
    assert coco_mask.area(rle) == 6
    assert coco_mask.toBbox(rle).tolist() == [20_000, 10_000, 3, 2]


def test_arguments_are_not_kept_by_reference():
    scores = np.array([0.5], np.float32)
    found = Detections.from_masks([FIRST], ["a"], scores)
    scores[0] = 0
    assert found.scores[0] == 0.5


def test_errors(found):
    with pytest.raises(TypeError, match="expected bool masks, got uint8"):
        Detections.from_masks(np.zeros((1, 2, 2), np.uint8), ["a"], [1.0])
    with pytest.raises(ValueError, match="masks of one size"):
        Detections.from_masks([FIRST, FIRST[:2]], ["a", "b"], [1.0, 1.0])
    with pytest.raises(ValueError, match="as many labels as scores"):
        Detections.from_masks([FIRST], ["a", "b"], [1.0])
    with pytest.raises(ValueError, match=r"shape \(N, H, W\)"):
        Detections.from_masks([], [], [])
    with pytest.raises(TypeError, match="the string 'person'"):
        found.union(classes="person")
    with pytest.raises(ValueError, match=r"masks of size \(9, 9\), got \(3, 4\)"):
        Detections(found.labels, found.scores, found.boxes, 9, 9, found.rles)
    with pytest.raises(IndexError):
        found.mask(2)
