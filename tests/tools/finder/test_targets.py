import numpy as np
import pytest

from segment.person_network import OFFSET_UNIT_PX
from tools.finder.augment import Sample
from tools.finder.photos import CROWD, IGNORE, PERSON, UNKNOWN
from tools.finder.targets import instance_target, pixel_weight, same_colour


def sample(boxes=None):
    people = np.zeros((64, 64), np.int16)
    people[8:40, 16:32] = 1
    label = np.where(people > 0, PERSON, 0).astype(np.uint8)
    return Sample(np.zeros((64, 64, 3), np.uint8), label, people, boxes)


def test_the_middle_is_that_of_the_visible_box_and_each_pixel_points_to_it():
    target = instance_target(sample())
    row, col = np.unravel_index(target.heat.argmax(), target.heat.shape)
    assert target.heat.max() == 1
    assert row in (5, 6)  # the box's middle, 23.5, lies between two cells
    assert col in (5, 6)
    inside = target.offset_weight > 0
    assert inside.sum() == 8 * 4
    places = np.arange(16) * 4 + 1.5
    rows, cols = np.nonzero(inside)
    assert (places[rows] + target.offsets[0, rows, cols] * OFFSET_UNIT_PX).tolist() == pytest.approx(
        [23.5] * 32
    )
    assert (places[cols] + target.offsets[1, rows, cols] * OFFSET_UNIT_PX).tolist() == pytest.approx(
        [23.5] * 32
    )
    assert target.heat_known.all()


def test_where_people_are_not_told_apart_no_middle_is_asked_for():
    unknown = sample()
    unknown.people[unknown.people == 1] = UNKNOWN
    target = instance_target(unknown)
    assert target.heat.max() == 0
    assert not target.heat_known[3:9, 4:8].any()
    assert target.heat_known[14, 14]
    assert not target.offset_weight.any()


def test_boxes_give_middles_but_crowds_do_not():
    boxed = sample(np.array([[0, 0, 0, 0], [40, 40, 60, 60]], np.float32))
    boxed.people[...] = 0
    boxed.people[48:60, :20] = CROWD
    target = instance_target(boxed)
    assert target.heat[12, 12] == 1
    assert (target.heat == 1).sum() <= 4
    assert not target.heat_known[13, 2]
    assert target.heat_known[2, 2]


def test_small_people_count_for_more():
    label = np.zeros((64, 64), np.uint8)
    label[2:14, 2:8] = PERSON
    label[:, 40:60] = PERSON
    label[30:, :10] = IGNORE
    weight = pixel_weight(label)
    assert weight[5, 5] == np.float32(1.6)
    assert weight[30, 50] == weight[60, 5] == weight[20, 20] == 1


def test_crops_without_people_count_for_more():
    assert (pixel_weight(np.zeros((8, 8), np.uint8)) == 2).all()


def test_colours_are_compared_inside_boxes_alone():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, 16:] = 250
    same = same_colour(image, np.array([[4, 4, 28, 28]], np.float32))
    assert same.shape == (4, 16, 16)
    assert not same[:, :2].any()
    assert same[0, 5, 3]
    assert not same[0, 5, 6:8].any()  # two to the right it is light
    assert same[1, 5, 7]  # two below it is not
