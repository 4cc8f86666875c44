import numpy as np

from tools.finder.photos import IGNORE, PERSON
from tools.finder.pseudo_masks import agreed, pseudo_mask


def scene():
    rng = np.random.default_rng(0)
    image = rng.integers(180, 200, (80, 80, 3), np.uint8)
    image[20:60, 30:50] = rng.integers(20, 40, (40, 20, 3), np.uint8)
    probability = np.full((80, 80), 0.05, np.float32)
    probability[22:58, 31:49] = 0.95
    return image, probability, np.array([30, 20, 50, 60], np.float32)


def test_where_both_agree_a_person_is_labelled():
    image, probability, box = scene()
    label = agreed(image, probability, box + np.array([-2, -4, 2, 4]))
    assert label.shape == (48, 24)
    assert (label[8:40, 6:18] == PERSON).all()
    assert (label[0] == 0).all()


def test_where_the_finder_sees_nobody_the_box_stays_unknown():
    image, probability, box = scene()
    label = pseudo_mask(image, probability * 0, np.stack([box, np.array([0, 0, 5, 5])]))
    assert (label[20:60, 30:50] == IGNORE).all()
    assert (label[:5, :5] == IGNORE).all()  # too small
    assert not label[61:].any()


def test_half_a_person_gives_no_background():
    image, probability, box = scene()
    probability[35:] = 0.05
    image[35:60, 30:50] = 190
    label = pseudo_mask(image, probability, box[None])
    assert (label[24:33, 34:46] == PERSON).all()
    assert not (label[20:60, 30:50] == 0).any()
