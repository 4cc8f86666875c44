import numpy as np
import pytest
from pycocotools import mask as coco_mask

from segment.handover.run_lengths import from_rles, read_segmentation


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        (None, "expected polygons or run lengths, got 'None'"),
        ([], "expected polygons or run lengths"),
        ([[1, 1, 3, 3]], "at least three x, y pairs"),
        ([[1, 1, 3, 1, 3, 3, 1]], "at least three x, y pairs"),
        ({"size": [5, 4], "counts": [20]}, r"of size \[4, 5\], got \[5, 4\]"),
        ({"size": [4, 5], "counts": [19]}, "add up to 20 pixels"),
        ({"size": [4, 5], "counts": [-1, 21]}, "add up to 20 pixels"),
        ({"size": [4, 5]}, "counts to be a list or a string, got NoneType"),
        ({"size": [4, 5], "counts": ""}, "add up to 20 pixels"),
        ({"size": [4, 5], "counts": "04"}, "add up to 20 pixels"),
        ({"size": [4, 5], "counts": "04`0~"}, "the letter '~' in it"),
        ({"size": [4, 5], "counts": [4.5, 15.5]}, "add up to 20 pixels"),
        ([[1, 1, float("nan"), 1, 3, 3]], "expected numbers as coordinates, got nan"),
        ([[1, 1, "3", 1, 3, 3]], "expected numbers as coordinates"),
        ([[1, 1, 1e300, 1, 3, 3]], r"the point 1e\+300, 1 is far outside the picture of 5 x 4"),
        ([[1, 1, 3, -9, 3, 3]], "far outside"),
        ([[0, 0, 5, 4] * 300_000], "its outline is 3000000 pixels long, more than 2000000"),
    ],
)
def test_broken_segmentations(segmentation, message):
    with pytest.raises(ValueError, match=message):
        read_segmentation(segmentation, 4, 5)


def test_polygons_partly_outside():
    mask = coco_mask.decode(read_segmentation([[-2, -2, 3, -2, 3, 2, -2, 2]], 4, 5))
    np.testing.assert_array_equal(np.argwhere(mask), [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]])


def test_boxes_are_measured():
    rles = [read_segmentation({"size": [4, 5], "counts": counts}, 4, 5) for counts in ([5, 2, 13], [20])]
    found = from_rles(["dog", "cat"], [0.5, 1], rles, 4, 5)
    np.testing.assert_array_equal(found.boxes, [[1, 1, 2, 3], [0, 0, 0, 0]])
    assert found.scores.dtype == np.float32
    assert len(from_rles([], [], [], 4, 5)) == 0
