import numpy as np
import pytest
import torch

from tools.finder.box_network import WINDOW_PX, BoxNetwork, box_map, box_probabilities, warped, window_matrix
from tools.finder.boxes import boxed_cutouts, load_boxed
from tools.finder.photos import IGNORE, PERSON
from tools.finder.pseudo_masks import believed, probabilities, pseudo_mask


def likely(*places):
    """A map of 0.05 inside of the first place (a box), 0.95 inside of the others."""
    found = np.zeros((80, 80), np.float32)
    for value, (left, top, right, bottom) in zip((0.05, 0.95, 0.95), places, strict=False):
        found[top:bottom, left:right] = value
    return found


def test_pixels_of_two_boxes_are_of_the_likelier_person():
    boxes = np.array([[10, 10, 50, 60], [40, 10, 70, 60]], np.float32)
    first, second = (
        likely((10, 10, 50, 60), (15, 12, 45, 58)),
        likely((40, 10, 70, 60), (43, 12, 68, 58)) * 0.9,
    )
    label, numbers = pseudo_mask((80, 80), boxes, [first, second])
    assert (numbers[12:58, 15:45] == 1).all()  # also where both claim it
    assert (numbers[12:58, 45:68] == 2).all()
    assert np.array_equal(label == PERSON, numbers > 0)
    assert (label[10, 10:40] == 0).all()
    assert not label[:10].any()


def test_a_mask_that_leaves_half_of_its_box_is_not_believed():
    box = np.array([[10, 10, 50, 60]], np.float32)
    label, numbers = pseudo_mask((80, 80), box, [likely((10, 10, 50, 60), (12, 12, 48, 30))])
    assert (label[10:60, 10:50] == IGNORE).all()
    assert not numbers.any()
    assert not label[60:].any()
    assert not believed(np.ones((6, 40), bool))
    assert believed(np.ones((8, 40), bool))


def test_a_box_around_a_crowd_is_no_person():
    singles = [[5, 5, 20, 40], [25, 5, 40, 40], [45, 5, 60, 40]]
    boxes = np.array([[0, 0, 70, 60], *singles], np.float32)
    image = np.zeros((80, 80, 3), np.uint8)
    asked = probabilities(BoxNetwork().eval(), image, np.concatenate([boxes, [[0, 0, 6, 40]]]))
    assert [bool(one.any()) for one in asked] == [False, True, True, True, False]  # the last is too small
    maps = [asked[0]] + [likely(b, b) for b in singles]
    label, numbers = pseudo_mask((80, 80), boxes, maps)
    assert set(np.unique(numbers)) == {0, 2, 3, 4}
    assert (label[45:60, :70] == IGNORE).all()


def test_the_window_around_a_box_and_the_way_back():
    box = np.array([30, 20, 50, 60], np.float32)
    matrix = window_matrix(box, context=1.25)
    assert matrix @ np.array([40, 40, 1]) == pytest.approx([WINDOW_PX / 2] * 2)
    inside = box_map(box, matrix)
    rows, cols = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    assert (rows[0], rows[-1], cols[0], cols[-1]) == (16, 143, 48, 111)
    image = np.full((80, 80, 3), 200, np.uint8)
    assert (warped(image, matrix)[80, 80] == 200).all()


def test_probabilities_lie_in_the_boxes_and_the_box_matters(rng):
    torch.manual_seed(0)
    network = BoxNetwork()
    torch.nn.init.normal_(network.box_stem.weight, std=0.5)
    network.eval()
    image = rng.integers(0, 255, (80, 100, 3), np.uint8)
    boxes = np.array([[10, 20, 40, 70], [50.5, -3, 90, 30]], np.float32)
    found = box_probabilities(network, image, boxes)
    assert [one.shape for one in found] == [(80, 100)] * 2
    assert not found[0][:20].any()
    assert (found[0][21:69, 11:39] > 0).all()
    assert not found[1][:, :50].any()
    assert (found[1][1:29, 52:89] > 0).all()
    mirrored = box_probabilities(network, image[:, ::-1].copy(), np.array([[60, 20, 90, 70]], np.float32))
    assert np.abs(mirrored[0][:, ::-1] - found[0]).max() < 0.02


def test_what_was_written_trains_with_its_people(tmp_path, rng):
    import json

    import cv2

    folder = tmp_path / "people_boxes/coco_val_more"
    (folder / "images").mkdir(parents=True)
    cv2.imwrite(str(folder / "images/1.jpg"), rng.integers(0, 255, (80, 80, 3), np.uint8))
    boxes = np.array([[10, 10, 40, 60], [45, 10, 75, 60]], np.float32)
    (folder / "boxes.json").write_text(json.dumps({"1": boxes.tolist()}))
    with pytest.raises(ValueError, match="no mask for the photo 1"):
        load_boxed(tmp_path, tmp_path)
    label, numbers = pseudo_mask((80, 80), boxes, [likely(b.astype(int), b.astype(int)) for b in boxes])
    cv2.imwrite(str(tmp_path / "1.png"), label)
    cv2.imwrite(str(tmp_path / "1_people.png"), numbers)
    (photo,) = load_boxed(tmp_path, tmp_path)
    assert [(photo.people == n).sum() for n in (1, 2)] == [1500, 1500]
    assert [c.alpha.shape for c in boxed_cutouts(photo)] == [(58, 38), (58, 38)]
