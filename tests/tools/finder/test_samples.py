import numpy as np
import pytest

from tools.finder.augment import Sample, crop, paste, with_shadow
from tools.finder.boxes import boxes_label, crowds
from tools.finder.collection import Collection
from tools.finder.photos import (
    IGNORE,
    PERSON,
    UNKNOWN,
    Cutout,
    Labelled,
    coco_maps,
    cut_out,
    shrink,
    trusted_label,
)
from tools.finder.samples import SampleSource


@pytest.fixture
def collection(rng):
    def photo():
        return rng.integers(0, 255, (90, 120, 3), np.uint8)

    people = np.zeros((90, 120), np.int16)
    people[20:70, 40:80] = 1
    label = np.where(people > 0, PERSON, 0).astype(np.uint8)
    alpha = np.full((50, 30), 255, np.uint8)
    person = Cutout(rng.integers(0, 255, (50, 30, 3), np.uint8), alpha)
    boxes = np.array([[40, 20, 80, 70]], np.float32)
    unknown = np.where(people > 0, UNKNOWN, 0).astype(np.int16)
    boxed = Labelled(photo(), boxes_label((90, 120), boxes), unknown, "b", boxes)
    return Collection(
        {"coco": [Labelled(photo(), label, people, "a")]},
        [boxed],
        [photo(), photo()],
        [0.0, 0.5],
        [person],
        [person],
    )


def test_samples_have_the_asked_size_and_depend_on_the_seed_alone(collection):
    batch = SampleSource(collection, np.random.default_rng(3)).batch(8, 64)
    again = SampleSource(collection, np.random.default_rng(3)).batch(8, 64)
    assert batch.images.shape == (8, 64, 64, 3)
    assert batch.labels.shape == batch.weights.shape == (8, 64, 64)
    assert batch.heat.shape == batch.heat_known.shape == batch.offset_weight.shape == (8, 16, 16)
    assert batch.offsets.shape == (8, 2, 16, 16)
    assert batch.same_colour.shape == (3, 4, 32, 32)
    assert (batch.boxed.start, batch.boxed.stop, len(batch.boxes)) == (2, 5, 3)
    assert np.array_equal(batch.images, again.images)
    assert np.array_equal(batch.heat, again.heat)
    assert set(np.unique(batch.labels)) <= {0, IGNORE, PERSON}


def test_boxes_follow_the_crop(collection):
    photo = collection.boxed[0]
    for seed in range(6):
        sample = crop(np.random.default_rng(seed), photo, 64, None)
        inside = np.zeros((64, 64), bool)
        left, top, right, bottom = np.clip(sample.boxes[0], 0, 64).round().astype(int)
        inside[top:bottom, left:right] = True
        known = sample.label != IGNORE
        assert (inside & known & (sample.label == 0)).sum() <= 130  # a rim of a pixel at most
        assert not (~inside & (sample.label == PERSON)).any()


def test_pasted_people_are_labelled_and_numbered_and_pasted_things_are_not(collection):
    rng = np.random.default_rng(0)
    empty = Sample(
        *(np.zeros(s, t) for s, t in (((64, 64, 3), np.uint8), ((64, 64), np.uint8), ((64, 64), np.int16)))
    )
    sample, drawn = empty, 0
    for _ in range(8):
        with_person = paste(rng, sample, collection.people[0], person=True)
        drawn += with_person.people.max() > sample.people.max()
        sample = paste(rng, with_person, collection.people[0], person=False)
        assert ((sample.people > 0) == (sample.label == PERSON)).all()
        assert (sample.label == PERSON).sum() <= (with_person.label == PERSON).sum()
    assert drawn > 2
    assert not empty.image.any()
    assert not empty.label.any()


def test_a_shadow_darkens_and_lies_at_the_feet():
    image = np.full((64, 64, 3), 200, np.uint8)
    alpha = np.zeros((64, 64), np.uint8)
    alpha[10:40, 28:36] = 255
    shaded = with_shadow(np.random.default_rng(1), image, alpha)
    assert (shaded <= image).all()
    assert (shaded < 190).any()
    assert (image == 200).all()


def test_zeros_far_from_the_person_become_unknown():
    label = np.zeros((1, 60), np.uint8)
    label[0, 0] = PERSON
    trusted = trusted_label(label)
    assert (trusted[0, 0], trusted[0, 12], trusted[0, 14]) == (PERSON, 0, IGNORE)


def test_cut_outs_keep_a_margin_and_small_ones_are_left_out():
    mask = np.zeros((100, 100), bool)
    mask[10:50, 20:60] = True
    cutout = cut_out(np.zeros((100, 100, 3), np.uint8), mask)
    assert cutout.alpha.shape == (49 - 10 + 1 + 8, 48)
    assert cut_out(np.zeros((100, 100, 3), np.uint8), mask & (np.arange(100) < 25)) is None


def test_of_people_who_overlap_the_smaller_is_in_front_and_crowds_are_unknown():
    large, small, crowd = np.zeros((3, 4, 8), bool)
    large[:, :4], small[1:3, 1:3], crowd[:, 3:] = True, True, True
    label, numbers = coco_maps((4, 8), [(small, False), (large, False), (crowd, True)])
    assert numbers[0].tolist() == [1, 1, 1, 1, -1, -1, -1, -1]
    assert numbers[1].tolist() == [1, 2, 2, 1, -1, -1, -1, -1]
    assert label[1].tolist() == [PERSON] * 4 + [IGNORE] * 4


def test_boxes_around_crowds():
    boxes = np.array([[0, 0, 40, 30], *([[i * 10, 5, i * 10 + 8, 20] for i in range(4)])], np.float32)
    assert crowds(boxes).tolist() == [True, False, False, False, False]


def test_photos_are_shrunk_with_their_maps():
    image, label = shrink(np.zeros((576, 600, 3), np.uint8), np.zeros((576, 600), np.uint8))
    assert image.shape == (288, 300, 3)
    assert label.shape == (288, 300)
