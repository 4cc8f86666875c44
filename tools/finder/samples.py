"""Batches for the person finder: labelled photos, photos with boxes, and photos into which people are pasted.

Cut-and-paste training follows Dwibedi et al. 2017 and Ghiasi et al. 2021: things other than people are
pasted too (label 0), so that the traces of pasting tell the network nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.finder.augment import Sample, crop, paste, recolour
from tools.finder.collection import Collection
from tools.finder.photos import PERSON, Labelled
from tools.finder.targets import instance_target, pixel_weight, same_colour

GROUP_WEIGHTS = {
    "coco": 0.34,
    "coco_more": 0.22,
    "ccp": 0.09,
    "hsd290": 0.1,
    "ccp_extra": 0.05,
    "camvid": 0.05,
    "pelota": 0.05,
    "davis": 0.03,
    "p3m_demo": 0.02,
    "coco_extra": 0.02,
    "ochuman_sample": 0.02,
    "cityscapes_p2p": 0.01,
}
LABELLED_SHARE, BOXED_SHARE = 0.25, 0.375  # of a batch; into the rest people are pasted, or nobody
NUMBER_OF_PEOPLE = (
    0.6,
    0.2,
    0.12,
    0.08,
)  # pasted, from none on: none keeps it from seeing people everywhere
HARD_SHARE = 0.6  # of the photos without people are drawn by their difficulty
HARD_BOXED_SHARE = 0.35  # of the boxed photos, by what is taken for people outside of the boxes
LEAST_DIFFICULTY = 0.002


@dataclass(frozen=True)
class Batch:
    """images uint8 (N, S, S, 3), labels uint8 (N, S, S), weights float32 (N, S, S); the targets of
    `targets.InstanceTarget`, stacked; and of the samples `boxed`, a slice: boxes, and same_colour bool
    (M, 4, S/2, S/2)."""

    images: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    heat: np.ndarray
    heat_known: np.ndarray
    offsets: np.ndarray
    offset_weight: np.ndarray
    boxed: slice
    boxes: list[np.ndarray]
    same_colour: np.ndarray


class SampleSource:
    """Draws training samples; everything random comes from the generator passed in."""

    def __init__(self, collection: Collection, rng: np.random.Generator):
        self.collection, self.rng = collection, rng
        self.groups = [g for g in GROUP_WEIGHTS if collection.groups.get(g)]
        weights = np.array([GROUP_WEIGHTS[g] for g in self.groups])
        self.weights = weights / weights.sum()
        difficulty = np.array(collection.difficulty)
        self.hard = np.nonzero(difficulty > LEAST_DIFFICULTY)[0]
        self.hard_weights = np.sqrt(difficulty[self.hard])
        boxed = np.sqrt(np.array(collection.boxed_difficulty))
        self.boxed_weights = boxed / boxed.sum() if boxed.sum() > 0 else None

    def batch(self, count: int, size: int) -> Batch:
        labelled = max(1, round(count * LABELLED_SHARE))
        boxed = round(count * BOXED_SHARE) if self.collection.boxed else 0
        samples = [self.labelled(size) for _ in range(labelled)]
        samples += [self.boxed(size) for _ in range(boxed)]
        samples += [self.pasted(size) for _ in range(count - len(samples))]
        with_boxes = samples[labelled : labelled + boxed]
        boxes = [s.boxes for s in with_boxes if s.boxes is not None]
        same = [same_colour(s.image, b) for s, b in zip(with_boxes, boxes, strict=True)]
        targets = [instance_target(s) for s in samples]
        return Batch(
            np.stack([recolour(self.rng, s.image) for s in samples]),
            np.stack([s.label for s in samples]),
            np.stack([pixel_weight(s.label) for s in samples]),
            np.stack([t.heat for t in targets]),
            np.stack([t.heat_known for t in targets]),
            np.stack([t.offsets for t in targets]),
            np.stack([t.offset_weight for t in targets]),
            slice(labelled, labelled + boxed),
            boxes,
            np.stack(same) if same else np.zeros((0, 4, size // 2, size // 2), bool),
        )

    def labelled(self, size: int) -> Sample:
        rng = self.rng
        group = self.collection.groups[self.groups[rng.choice(len(self.groups), p=self.weights)]]
        photo = group[rng.integers(len(group))]
        sample = crop(rng, photo, size, self.place_in(photo.label == PERSON))
        for _ in range(rng.choice(3, p=(0.65, 0.25, 0.1))):
            sample = self.with_one_more(sample, person=rng.random() < 0.5)
        return erased(rng, sample) if rng.random() < 0.1 else sample

    def boxed(self, size: int) -> Sample:
        photos = self.collection.boxed
        photo = photos[self.rng.integers(len(photos))]
        if self.boxed_weights is not None and self.rng.random() < HARD_BOXED_SHARE:
            photo = photos[self.rng.choice(len(photos), p=self.boxed_weights)]
        centre = None
        if photo.boxes is not None and len(photo.boxes) and self.rng.random() < 0.7:
            box = photo.boxes[self.rng.integers(len(photo.boxes))]
            centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
        return crop(self.rng, photo, size, centre)

    def pasted(self, size: int) -> Sample:
        rng, backgrounds = self.rng, self.collection.backgrounds
        index = int(rng.integers(len(backgrounds)))
        if len(self.hard) and rng.random() < HARD_SHARE:
            index = int(rng.choice(self.hard, p=self.hard_weights / self.hard_weights.sum()))
        nobody = np.zeros(backgrounds[index].shape[:2], np.uint8)
        sample = crop(rng, Labelled(backgrounds[index], nobody, nobody.astype(np.int16), ""), size, None)
        people = rng.choice(4, p=NUMBER_OF_PEOPLE)
        things = rng.choice(4, p=(0.5, 0.25, 0.15, 0.1))
        for person in rng.permutation([True] * people + [False] * things):
            sample = self.with_one_more(sample, person=bool(person))
        return sample

    def with_one_more(self, sample: Sample, *, person: bool) -> Sample:
        cutouts = self.collection.people if person else self.collection.things
        if not cutouts:
            return sample
        return paste(self.rng, sample, cutouts[self.rng.integers(len(cutouts))], person=person)

    def place_in(self, mask: np.ndarray) -> tuple[float, float] | None:
        """A random pixel (x, y) of the mask, at times None."""
        rows, cols = np.nonzero(mask)
        if not len(rows) or self.rng.random() > 0.7:
            return None
        pick = self.rng.integers(len(rows))
        return float(cols[pick]), float(rows[pick])


def erased(rng: np.random.Generator, sample: Sample) -> Sample:
    """A random box covered with one colour; the label stays: people half hidden are people."""
    size = sample.label.shape[0]
    height, width = (int(v) for v in rng.uniform(0.1, 0.35, 2) * size)
    top, left = int(rng.integers(size - height)), int(rng.integers(size - width))
    image = sample.image.copy()
    image[top : top + height, left : left + width] = rng.integers(0, 255, 3)
    return Sample(image, sample.label, sample.people, sample.boxes)
