"""A second look at what is small: any segmenter is shown parts of the photo once more, enlarged.

A segmenter sees a photo shrunk to its own size. What is small there is found less surely and its mask is
coarse, though the photo may hold more. So windows around small found or suspected objects are cut out and
given to the same segmenter as photos of their own. What it finds in them takes the place of what it found
before, and those that are new must be smaller still. Small objects that it no longer finds are dropped
where `drops` says so: that was measured to be right with the built-in finder alone.

Sizes are in pixels of what the segmenter sees; they were chosen with the built-in finder
(docs/notes/segmentation.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from segment.detections import Detections, Rle, encode_crop
from segment.segmenter import Segmenter

SUSPECTED = 0.05  # least score of what is worth a second look, of segmenters that say nothing else
SMALL_PX = 84  # longer side of what is looked at again, at most
ADDED_PX = 31  # the same of what only the second look finds: anything larger the first would have seen
LEAST_WINDOW_PX = 115
CONTEXT = 5.0  # side of a window, over the longer side of what it is around
MOST_WINDOWS = 4
SAME = 0.5  # share of the smaller of two masks in common from which on they are the same object
REPLACED = 0.8  # share of an object of the first look that the second must cover to take its place
CUT_PX = 1  # of the photo: what comes this near to a side of the window that is not the photo's is cut off

Window = tuple[int, int, int, int]
"""top, left, bottom, right in pixels of the photo."""


@runtime_checkable
class Suspecting(Protocol):
    """A segmenter that can say, at little cost, where it half believes that something is."""

    def suspects(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes float32 (N, 4) xyxy pixels, and how likely each is, float32 (N,) in [0, 1]."""
        ...


class SecondLook:
    """A segmenter that looks twice; it follows the contract of `segment.segmenter.Segmenter` itself.

    sees_px: the longer side to which the segmenter shrinks a photo; None = it does not. always: it looks
    again at small photos too, which hold no more than it saw at first. drops: small objects that it does
    not find again are dropped.
    """

    def __init__(
        self, segmenter: Segmenter, sees_px: int | None = None, *, always: bool = False, drops: bool = True
    ) -> None:
        self.segmenter, self.sees_px, self.always, self.drops = segmenter, sees_px, always, drops
        self.fallback = segmenter.fallback

    @property
    def name(self) -> str:
        return self.segmenter.name

    @property
    def classes(self) -> tuple[str, ...]:
        return self.segmenter.classes

    @property
    def description(self) -> str:
        return f"{self.segmenter.description}, second look at what is small"

    def __call__(
        self, images: Sequence[np.ndarray], *, classes: Sequence[str] | None = None, min_score: float = 0.05
    ) -> list[Detections]:
        """As the segmenter itself; what is small is as the second look has it."""
        asks = isinstance(self.segmenter, Suspecting)
        least = min_score if asks else min(min_score, SUSPECTED)
        firsts = self.segmenter(images, classes=classes, min_score=least)
        found = []
        for image, first in zip(images, firsts, strict=True):
            windows = self._windows(image, first)
            crops = [image[top:bottom, left:right] for top, left, bottom, right in windows]
            seconds = self.segmenter(crops, classes=classes, min_score=min_score) if crops else []
            scale = self._scale(first)
            first = first.select(min_score=min_score)
            found.append(merged(first, windows, seconds, scale, drops=self.drops))
        return found

    def _scale(self, photo: Detections) -> float:
        """Pixels of the photo for each pixel that the segmenter sees."""
        return max(1.0, max(photo.height, photo.width) / (self.sees_px or np.inf))

    def _windows(self, image: np.ndarray, first: Detections) -> list[Window]:
        scale = self._scale(first)
        if scale == 1 and not self.always:
            return []
        boxes, likely = first.boxes, first.scores
        if isinstance(self.segmenter, Suspecting):
            boxes, likely = self.segmenter.suspects(image)
        windows = windows_around(boxes, likely, image.shape[:2], scale)
        return [window for window in windows if window != (0, 0, *image.shape[:2])]


def windows_around(
    boxes: np.ndarray, likely: np.ndarray, size: tuple[int, int], scale: float = 1.0
) -> list[Window]:
    """At most MOST_WINDOWS squares that hold as many of the small boxes, weighted by how likely each is, as
    can be; the best first.

    boxes: float (N, 4) xyxy pixels of a photo of `size` (height, width). likely: float (N,). scale: pixels of
    the photo for each that the segmenter sees.
    """
    sides = _longer_sides(boxes)
    small = (sides > 0) & (sides <= SMALL_PX * scale)
    boxes, sides, left = boxes[small], sides[small], np.asarray(likely, np.float64)[small] ** 2
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    candidates = []
    for (x, y), side in zip(middles, np.maximum(CONTEXT * sides, LEAST_WINDOW_PX * scale), strict=True):
        top, bottom = _fitted(y, side, size[0])
        first, last = _fitted(x, side, size[1])
        candidates.append((top, first, bottom, last))
    inside = _inside(boxes, candidates)
    chosen: list[Window] = []
    while len(chosen) < MOST_WINDOWS and left.any():
        best = int((inside * left).sum(axis=1).argmax())
        left = np.where(inside[best], 0.0, left)
        left[best] = 0.0
        chosen.append(candidates[best])
    return chosen


def _longer_sides(boxes: np.ndarray) -> np.ndarray:
    sides: np.ndarray = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
    return sides


def _inside(boxes: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
    """Whether each window (row) holds each box (column): bool (M, N)."""
    tops, lefts, bottoms, rights = np.array(windows, np.float64).reshape(-1, 4).T[:, :, None]
    held: np.ndarray = (
        (lefts <= boxes[:, 0]) & (tops <= boxes[:, 1]) & (boxes[:, 2] <= rights) & (boxes[:, 3] <= bottoms)
    )
    return held


def _fitted(middle: float, side: float, whole: int) -> tuple[int, int]:
    """An interval of length `side` around the middle, moved into [0, whole] and cut to it."""
    start = int(np.clip(middle - side / 2, 0, max(0.0, whole - side)))
    return start, min(whole, start + round(side))


def merged(
    first: Detections,
    windows: Sequence[Window],
    seconds: Sequence[Detections],
    scale: float = 1.0,
    *,
    drops: bool = True,
) -> Detections:
    """What two looks found, most certain first.

    What the second look found whole takes the place of what the first found there of the same class. Of the
    first look stays what is large or lies in no window, and what the second saw again but in part; what the
    second found inside that is part of it.

    seconds: one for each window, of the window's size. scale: as `windows_around` has it. drops: what is
    small and lies in a window must be seen again to stay.
    """
    if not windows:
        return first
    again = _in_photo(first, windows, seconds)
    small = (_longer_sides(first.boxes) <= SMALL_PX * scale) & _inside(first.boxes, windows).any(axis=0)
    lost = small & ~_related(first, again)[0].any(axis=1) & drops
    sides = _longer_sides(again.boxes)
    known = [
        _covered(rle, [first.rles[i] for i, other in enumerate(first.labels) if other == label])
        for rle, label in zip(again.rles, again.labels, strict=True)
    ]
    meant = (sides <= ADDED_PX * scale) | ((sides <= SMALL_PX * scale) & (np.array(known) >= SAME))
    again = _without_doubles(again.select(indices=np.flatnonzero(meant)))
    related, of_again = _related(first, again)
    replaced = [
        _covered(first.rles[i], [again.rles[j] for j in np.flatnonzero(row)]) >= REPLACED
        for i, row in enumerate(related)
    ]
    stays = ~(lost | np.array(replaced, bool))
    parts = (related & (of_again >= SAME))[stays].any(axis=0)
    return _together(
        first.select(indices=np.flatnonzero(stays)), again.select(indices=np.flatnonzero(~parts))
    )


def _related(first: Detections, again: Detections) -> tuple[np.ndarray, np.ndarray]:
    """Which of two looks are the same object of the same class, bool (N, M), and the share of the second's
    mask in common, float (N, M)."""
    same = np.array([[a == b for b in again.labels] for a in first.labels], bool)
    of_first, of_again = _shares(first.rles, again.rles)
    related: np.ndarray = same.reshape(of_first.shape) & (np.maximum(of_first, of_again) >= SAME)
    return related, of_again


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

    if not by:
        return 0.0
    return float(coco_mask.iou([mask], [coco_mask.merge(list(by))], [1])[0, 0])
