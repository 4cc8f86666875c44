import numpy as np
import pytest
import torch

from tools.finder.losses import (
    middle_loss,
    offset_loss,
    pairwise_loss,
    projection_loss,
    segmentation_loss,
)
from tools.finder.photos import IGNORE, PERSON


def test_the_loss_of_a_case_worked_out_by_hand():
    logits = torch.zeros(1, 1, 2, 2)  # probability 0.5 everywhere
    label = torch.tensor([[[[PERSON, 0], [0, IGNORE]]]], dtype=torch.uint8)
    # BCE = ln 2 over the three known pixels; Dice: overlap 0.5, sum 1.5 + 1
    expected = np.log(2) + 0.5 * (1 - (2 * 0.5 + 50) / (2.5 + 50))
    assert segmentation_loss(logits, label).item() == pytest.approx(expected, abs=1e-6)
    doubled = segmentation_loss(logits, label, torch.full((1, 1, 2, 2), 2.0))
    assert doubled.item() == pytest.approx(expected + np.log(2), abs=1e-6)


def test_unknown_pixels_do_not_count():
    label = torch.full((1, 1, 8, 8), IGNORE, dtype=torch.uint8)
    label[..., :4] = PERSON
    logits = torch.zeros(1, 1, 8, 8)
    changed = logits.clone()
    changed[..., 4:] = 9.0
    assert segmentation_loss(logits, label) == segmentation_loss(changed, label)


def test_a_box_wants_a_person_in_each_row_and_column_and_no_more():
    box = [np.array([[4.0, 4.0, 20.0, 28.0]])]
    logits = torch.full((1, 1, 16, 16), -9.0)
    assert projection_loss(logits, box).item() == pytest.approx(9, abs=0.01)
    logits[0, 0, :, 6], logits[0, 0, 8, :] = 9.0, 9.0  # a cross that reaches all sides
    assert projection_loss(logits, box).item() < 0.01
    logits[0, 0, 8, :6] = -9.0
    assert projection_loss(logits, box).item() > 1


def test_a_side_that_the_crop_cuts_says_nothing():
    logits = torch.full((1, 1, 16, 16), -9.0)
    logits[0, 0, 8, :] = 9.0  # each column has a person, not each row
    cut_at_the_side = [np.array([[-8.0, 4.0, 20.0, 28.0]])]  # its rows may have their person outside
    assert projection_loss(logits, cut_at_the_side).item() < 0.01
    assert projection_loss(logits, [np.zeros((0, 4))]).item() == 0


def test_neighbours_of_one_colour_shall_agree():
    logits = torch.full((1, 1, 8, 8), -8.0)
    logits[..., 4:] = 8.0
    none = torch.zeros(1, 4, 8, 8, dtype=torch.bool)
    assert pairwise_loss(logits, none).item() == 0
    same = none.clone()
    same[:, 0, :, :2] = True  # two to the right, on the one side: they agree
    assert pairwise_loss(logits, same).item() < 0.01
    same[:, 0, :, 3] = True  # across the edge
    assert pairwise_loss(logits, same).item() > 1


def test_middles_and_ways_of_a_perfect_answer_cost_nothing():
    heat = torch.zeros(1, 8, 8)
    heat[0, 3, 3] = 1
    known = torch.ones(1, 8, 8, dtype=torch.bool)
    assert middle_loss(torch.where(heat > 0.5, 20.0, -20.0), heat, known).item() < 1e-3
    assert middle_loss(torch.full((1, 8, 8), -20.0), heat, known).item() > 10
    assert middle_loss(torch.full((1, 8, 8), 20.0), heat, ~known).item() == 0
    offsets, weight = torch.zeros(1, 2, 8, 8), torch.zeros(1, 8, 8)
    weight[0, :2, :2] = 0.25
    assert offset_loss(offsets, offsets, weight).item() == 0
    assert offset_loss(offsets + 0.5, offsets, weight).item() == pytest.approx(1.0)  # rows and columns
