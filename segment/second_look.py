"""A second look at what is small: any segmenter is shown parts of the photo once more, enlarged.

A segmenter sees a photo shrunk to its own working size. What is small there is found less surely and its mask
is coarse, though the photo may hold more. So windows around small found or suspected objects are cut out and
given to the same segmenter as photos of their own, and what it finds in them replaces what it found before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from segment.detections import Detections, Rle, encode_crop
from segment.segmenter import Segmenter

SUSPECTED = 0.05  # least score of what is worth a second look, of segmenters that say nothing else
SMALL = 0.22  # of the photo's longer side: what is larger both ways is not looked at again
CONTEXT = 5.0  # side of a window, over the larger side of what it is around
LEAST_WINDOW = 0.3  # of the photo's longer side
MOST_WINDOWS = 6
SAME = 0.5  # share of the smaller of two masks in common from which on they are the same object
CUT_PX = 1  # what comes this near to a side of the window that is not the photo's is cut off by it


@runtime_checkable
class Suspecting(Protocol):
    """A segmenter that can say, at little cost, where it half believes that something is."""

    def suspects(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes float32 (N, 4) xyxy pixels, and how likely each is, float32 (N,) in [0, 1]."""
        ...


Window = tuple[int, int, int, int]
"""top, left, bottom, right in pixels of the photo."""


class SecondLook:
    """A segmenter that looks twice; it follows the contract of `segment.segmenter.Segmenter` itself."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter
        self.fallback = segmenter.fallback

    @property
    def name(self) -> str:
        return self.segmenter.name

    @property
    def classes(self) -> tuple[str, ...]:
        return self.segmenter.classes

    @property
    def description(self) -> str:
        return f"{self.segmenter.description}, second look"

    def __call__(
        self, images: Sequence[np.ndarray], *, classes: Sequence[str] | None = None, min_score: float = 0.05
    ) -> list[Detections]:
        """As the segmenter itself; what is small is found by the second look."""
        asks = isinstance(self.segmenter, Suspecting)
        least = min_score if asks else min(min_score, SUSPECTED)
        firsts = self.segmenter(images, classes=classes, min_score=least)
        found = []
        for image, first in zip(images, firsts, strict=True):
            if isinstance(self.segmenter, Suspecting):
                boxes, likely = self.segmenter.suspects(image)
            else:
                boxes, likely = first.boxes, first.scores
            windows = windows_around(boxes, likely, image.shape[:2])
            crops = [np.ascontiguousarray(image[t:b, l:r]) for t, l, b, r in windows]
            seconds = self.segmenter(crops, classes=classes, min_score=min_score) if crops else []
            found.append(merged(first.select(min_score=min_score), windows, seconds))
        return found


def windows_around(boxes: np.ndarray, likely: np.ndarray, size: tuple[int, int]) -> list[Window]:
    """At most MOST_WINDOWS squares that hold as many of the small boxes, weighted by how likely each is, as
    can be; the best first.

    boxes: float (N, 4) xyxy pixels of a photo of `size` (height, width). likely: float (N,).
    """
    long_side = max(size)
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
    small = (sides > 0) & (sides <= SMALL * long_side)
    boxes, sides, left = boxes[small], sides[small], np.asarray(likely, np.float64)[small] ** 2
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    candidates = []
    for (x, y), side in zip(middles, np.maximum(CONTEXT * sides, LEAST_WINDOW * long_side), strict=True):
        top, bottom = _fitted(y, side, size[0])
        first, last = _fitted(x, side, size[1])
        candidates.append((top, first, bottom, last))
    corners = np.array(candidates, np.float64).reshape(-1, 4)
    inside = (
        (corners[:, None, 1] <= boxes[None, :, 0])
        & (corners[:, None, 0] <= boxes[None, :, 1])
        & (boxes[None, :, 2] <= corners[:, None, 3])
        & (boxes[None, :, 3] <= corners[:, None, 2])
    )
    chosen: list[Window] = []
    while len(chosen) < MOST_WINDOWS and left.any():
        best = int((inside * left).sum(axis=1).argmax())
        left = np.where(inside[best], 0.0, left)
        left[best] = 0.0
        chosen.append(candidates[best])
    return chosen


def _fitted(middle: float, side: float, whole: int) -> tuple[int, int]:
    """An interval of length `side` around the middle, moved into [0, whole] and cut to it."""
    start = int(np.clip(middle - side / 2, 0, max(0.0, whole - side)))
    return start, min(whole, start + round(side))


def merged(first: Detections, windows: Sequence[Window], seconds: Sequence[Detections]) -> Detections:
    """What two looks found, most certain first.

    What the second look found whole takes the place of what the first look found there of the same class. An
    object of the first look of which the second found less than half (it reaches out of the window) stays,
    and what the second found inside it is part of it.

    seconds: one for each window, of the window's size.
    """
    again = _without_doubles(_in_photo(first, windows, seconds))
    same = np.array([[a == b for b in again.labels] for a in first.labels], bool)
    same = same.reshape(len(first), len(again))
    of_first, of_again = _shares(first.rles, again.rles)
    related = same & (np.maximum(of_first, of_again) >= SAME)
    replaced = np.array([
        row.any() and _covered(first.rles[i], [again.rles[j] for j in np.flatnonzero(row)]) >= SAME
        for i, row in enumerate(related)
    ], bool)  # fmt: skip
    parts = (related & (of_again >= SAME))[~replaced].any(axis=0)
    return _together(
        first.select(indices=np.flatnonzero(~replaced)), again.select(indices=np.flatnonzero(~parts))
    )


def _in_photo(first: Detections, windows: Sequence[Window], seconds: Sequence[Detections]) -> Detections:
    """What was found whole in the windows, by its place in the photo that `first` is of."""
    whole = Detections.empty(first.height, first.width)
    for (top, left, bottom, right), found in zip(windows, seconds, strict=True):
        near = np.array([left > 0, top > 0, right < first.width, bottom < first.height])
        boxes = found.boxes
        room = np.stack([boxes[:, 0], boxes[:, 1], found.width - boxes[:, 2], found.height - boxes[:, 3]], 1)
        found = found.select(indices=np.flatnonzero(~(near & (room <= CUT_PX)).any(axis=1)))
        moved = Detections(
            found.labels,
            found.scores,
            found.boxes + np.array([left, top, left, top], np.float32),
            first.height,
            first.width,
            tuple(
                encode_crop(found.mask(index), top, left, first.height, first.width)
                for index in range(len(found))
            ),
        )
        whole = _together(whole, moved)
    return whole


def _together(one: Detections, other: Detections) -> Detections:
    """All of both, most certain first."""
    both = Detections(
        one.labels + other.labels,
        np.concatenate([one.scores, other.scores]),
        np.concatenate([one.boxes, other.boxes]),
        one.height,
        one.width,
        one.rles + other.rles,
    )
    return both.select(indices=np.argsort(-both.scores, kind="stable"))


def _without_doubles(found: Detections) -> Detections:
    """The most certain of those of one class that are the same object."""
    of_one, of_other = _shares(found.rles, found.rles)
    alike = np.maximum(of_one, of_other) >= SAME
    kept: list[int] = []
    for index, label in enumerate(found.labels):
        if not any(alike[index, other] and found.labels[other] == label for other in kept):
            kept.append(index)
    return found.select(indices=kept)


def _shares(ones: Sequence[Rle], others: Sequence[Rle]) -> tuple[np.ndarray, np.ndarray]:
    """For each two masks the share of the first, and of the second, that both have: float (N, M) each."""
    from pycocotools import mask as coco_mask

    if not ones or not others:
        return np.zeros((len(ones), len(others))), np.zeros((len(ones), len(others)))
    of_ones = coco_mask.iou(
        list(ones), list(others), [1] * len(others)
    )  # of a "crowd": over the first's area
    of_others = coco_mask.iou(list(others), list(ones), [1] * len(ones))
    return np.asarray(of_ones), np.asarray(of_others).T


def _covered(mask: Rle, by: Sequence[Rle]) -> float:
    """The share of a mask that the others cover together."""
    from pycocotools import mask as coco_mask

    return float(coco_mask.iou([mask], [coco_mask.merge(list(by))], [1])[0, 0])
