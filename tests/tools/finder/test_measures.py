import numpy as np
import pytest

from tools.finder.measures import (
    box_covered,
    box_iou,
    boxes_split,
    cut_in_pieces,
    overlapping_boxes,
    pair_split,
    small_people,
    touching_pairs,
    union_iou,
)
from tools.finder.photos import IGNORE, PERSON, UNKNOWN


def rectangle(shape, top, left, bottom, right):
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def test_what_is_not_known_does_not_count():
    label = np.array([[PERSON, PERSON, 0, IGNORE]], np.uint8)
    assert union_iou(np.array([[True, False, True, True]]), label) == pytest.approx(1 / 3)


def test_small_people_are_3_to_10_percent_of_the_height():
    people = np.zeros((100, 100), np.int16)
    people[10:15, 10:12] = 1
    people[20:60, 20:30] = 2
    people[80:88, 50:53] = UNKNOWN  # a region of its own
    label = np.where(people != 0, PERSON, 0).astype(np.uint8)
    assert sorted(int(mask.sum()) for mask in small_people(label, people)) == [10, 24]


def test_a_box_is_covered_where_half_of_a_person_can_be():
    box = np.array([10.0, 10.0, 30.0, 50.0])
    assert box_covered(rectangle((60, 60), 10, 14, 35, 26), box)
    assert not box_covered(rectangle((60, 60), 10, 10, 20, 30), box)  # a quarter of the height
    assert not box_covered(np.zeros((60, 60), bool), box)
    assert not box_covered(np.ones((60, 60), bool), np.array([70.0, 0, 80, 9]))  # outside


def test_pairs_that_touch_and_whether_they_are_told_apart():
    people = np.zeros((40, 60), np.int16)
    people[10:30, 10:20], people[10:30, 21:30], people[10:30, 45:55] = 1, 2, 3
    ((first, second),) = touching_pairs(people)
    assert (first.sum(), second.sum()) == (200, 180)
    assert pair_split([people == 1, people == 2], first, second)
    assert not pair_split([(people == 1) | (people == 2)], first, second)
    assert not pair_split([people == 1], first, second)
    assert not pair_split([], first, second)


def test_a_person_is_cut_where_two_instances_hold_a_part_of_it():
    people = np.zeros((50, 50), np.int16)
    people[5:25, 5:15], people[5:25, 30:40], people[45:47, 45:47] = 1, 2, 3  # the last one is too small
    upper, lower = rectangle((50, 50), 5, 5, 15, 15), rectangle((50, 50), 15, 5, 25, 15)
    sliver = rectangle((50, 50), 5, 30, 7, 40)  # a tenth of the second
    rest = rectangle((50, 50), 7, 30, 25, 40)
    assert list(cut_in_pieces([upper, lower, sliver, rest], people)) == [True, False]
    assert list(cut_in_pieces([upper], people)) == [False]  # half of it is found, in one piece
    assert list(cut_in_pieces([sliver], people)) == []


def test_boxes_that_overlap_need_one_found_box_each():
    boxes = np.array([[0, 0, 10, 20], [8, 0, 18, 20], [50, 50, 51, 51]], float)
    ((first, second),) = overlapping_boxes(boxes, area_px=3600)
    assert box_iou(first, second) == pytest.approx(40 / 360)
    assert boxes_split([first, second], first, second)
    assert not boxes_split([first], first, second)
    assert not boxes_split([np.array([0, 0, 18, 20])], first, second)
