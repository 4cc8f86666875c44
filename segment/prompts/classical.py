"""Clicks without published weights: the detected object under them, else regions that a small judge picks.

The photo is cut into small regions once (`regions`). For each click `evidence` says what speaks for a region,
and `judge` what follows from it. A small thing is looked at again in a window of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segment.box import fit_to_edges, mask_from_box
from segment.prompts.contract import check_image, check_prompt, obeyed
from segment.prompts.evidence import Clicks, cover_of, evidence
from segment.prompts.judge import judge
from segment.prompts.regions import Regions, regions_of

if TYPE_CHECKING:
    from segment.detections import Detections

Window = tuple[int, int, int, int]  # top, left, bottom, right in pixels of the photo

LEAST_DETECTED = 0.5  # score from which on a detected object counts
SMALL = 0.25  # of the photo's long side: what is smaller is looked at again in a window
CONTEXT = 2.5  # side of that window, over the thing's larger side
WINDOW_STEP = 0.125  # of the photo's long side: windows lie on this grid, so that further clicks find theirs
LEAST_WINDOW_PX = 64
SAME_THING = 0.6  # IoU of both looks: below, the second found something else, as a part of the thing ...
TRUSTED_CLICKS = 4  # ... and is believed from this many clicks on
KEPT_WINDOWS = 4
MARGIN = 0.1  # of the thing's larger side: how far its outline may move to the photo's edges


class ClassicalPrompter:
    """Follows the contract of `segment.prompts.Prompter`.

    detections: found before, of the photo's size; None = the built-in finder looks for people.
    """

    name = "classical"
    is_network = False
    description = "classical: detected objects, else regions by colours and edges, cpu"

    def __init__(self, detections: Detections | None = None):
        self.detections = detections

    def embed(self, image: np.ndarray, detections: Detections | None = None) -> ClassicalEmbedded:
        """Looks at a photo, uint8 (H, W, 3) RGB; detections: in place of those that it was built with.

        Raises TypeError, ValueError for another array.
        """
        check_image(image)
        found = self.detections if detections is None else detections
        if found is None:
            from segment.builtin import load_builtin

            (found,) = load_builtin()([image])
        return ClassicalEmbedded(image, found)


class ClassicalEmbedded:
    """One photo, uint8 (H, W, 3) RGB, and what was detected in it."""

    def __init__(self, image: np.ndarray, detections: Detections):
        if (detections.height, detections.width) != image.shape[:2]:
            size = detections.height, detections.width
            raise ValueError(f"expected detections of the size {image.shape[:2]}, got {size}")
        self.image = image
        self.detections = detections.select(min_score=LEAST_DETECTED)
        self.whole: Window = (0, 0, *image.shape[:2])
        self._views: OrderedDict[Window, tuple[Regions, np.ndarray]] = OrderedDict()
        self._view(self.whole)

    def __call__(
        self,
        points: Sequence[tuple[float, float]] = (),
        labels: Sequence[int] = (),
        box: tuple[float, float, float, float] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `segment.prompts.Embedded` says: one mask."""
        check_prompt(points, labels, box, *self.image.shape[:2])
        if box is not None:
            mask, score = self._in_box(points, labels, box)
        elif 0 not in labels and (detected := self._detected(points)) is not None:
            mask, score = detected
        else:
            mask, score = self._judged(points, labels)
        return obeyed(mask, points, labels)[None], np.array([score], np.float32)

    def _detected(self, points: Sequence[tuple[float, float]]) -> tuple[np.ndarray, float] | None:
        """The smallest detected object that holds every point, or where the points lie on several objects,
        all of these. A point beside the thing says that it is not what was detected: then nobody asks."""
        on = {(int(x), int(y)) for x, y in points}
        held: dict[int, tuple[np.ndarray, set[tuple[int, int]]]] = {}
        for index, (left, top, right, bottom) in enumerate(self.detections.boxes):
            if any(left <= x <= right and top <= y <= bottom for x, y in on):
                mask = self.detections.mask(index)
                held[index] = mask, {place for place in on if mask[place[1], place[0]]}
        chosen: set[int] = set()
        for wanted in [on] if any(on <= here for _, here in held.values()) else [{place} for place in on]:
            fitting = [index for index, (_, here) in held.items() if wanted <= here]
            if not fitting:
                return None
            chosen.add(min(fitting, key=lambda index: np.count_nonzero(held[index][0])))
        union = np.logical_or.reduce([held[index][0] for index in chosen])
        return union, float(min(self.detections.scores[index] for index in chosen))

    def _judged(
        self, points: Sequence[tuple[float, float]], labels: Sequence[int]
    ) -> tuple[np.ndarray, float]:
        """What the judge takes for the thing, in the whole photo, and where that is small in a window."""
        mask, score = self._look(self.whole, points, labels)
        window = self._window_around(mask, points, labels)
        if window is not None:
            nearer, sure = self._look(window, points, labels)
            if len(points) >= TRUSTED_CLICKS or agreement(mask, nearer) > SAME_THING:
                return nearer, sure
        return mask, score

    def _look(
        self, window: Window, points: Sequence[tuple[float, float]], labels: Sequence[int]
    ) -> tuple[np.ndarray, float]:
        """The thing in a window, bool (H, W) of the photo, and how sure that is: the IoU to expect."""
        regions, cover = self._view(window)
        top, left, bottom, right = window
        down, across = (
            size / (end - start)
            for size, start, end in zip(regions.numbers.shape, (top, left), (bottom, right), strict=True)
        )
        seeds: dict[int, list[tuple[float, float]]] = {0: [], 1: []}
        for (x, y), label in zip(points, labels, strict=True):
            if left <= x < right and top <= y < bottom:
                seeds[label].append(((x - left) * across, (y - top) * down))
        on, off = (
            np.array([regions.numbers[int(y), int(x)] for x, y in seeds[label]], int) for label in (1, 0)
        )
        chances = judge(evidence(regions, Clicks(on, off, cover)), regions)
        soft = followed(chances, regions, seeds)
        score = expected_iou(chances, regions.areas)
        mask = np.zeros(self.image.shape[:2], bool)
        mask[top:bottom, left:right] = enlarged(soft, self.image[top:bottom, left:right])
        return mask, score

    def _view(self, window: Window) -> tuple[Regions, np.ndarray]:
        """The regions of a window and how much of them each detected object covers; the last are kept."""
        if window not in self._views:
            top, left, bottom, right = window
            regions = regions_of(self.image[top:bottom, left:right])
            size = regions.numbers.shape[::-1]
            masks = []
            for index, (x0, y0, x1, y1) in enumerate(self.detections.boxes):
                if x0 < right and x1 > left and y0 < bottom and y1 > top:
                    part = self.detections.mask(index)[top:bottom, left:right].view(np.uint8)
                    masks.append(cv2.resize(part, size, interpolation=cv2.INTER_AREA) > 0)
            self._views[window] = regions, cover_of(regions, masks)
            if len(self._views) > KEPT_WINDOWS:
                del self._views[next(key for key in self._views if key != self.whole)]
        return self._views[window]

    def _window_around(
        self, mask: np.ndarray, points: Sequence[tuple[float, float]], labels: Sequence[int]
    ) -> Window | None:
        """The window in which a small thing is looked at again, on a grid; None where the photo does."""
        height, width = mask.shape
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        on = np.array([point for point, label in zip(points, labels, strict=True) if label])
        if not len(rows):
            return None
        low = np.minimum(on.min(0), [cols[0], rows[0]])
        high = np.maximum(on.max(0), [cols[-1], rows[-1]])
        extent = float((high - low).max()) + 1
        if extent > SMALL * max(height, width):
            return None
        middle = (low + high) / 2
        half = max(CONTEXT * extent, LEAST_WINDOW_PX) / 2
        step = max(1.0, WINDOW_STEP * CONTEXT * extent)
        left, top = np.maximum(np.floor((middle - half) / step) * step, 0).astype(int)
        right, bottom = np.minimum(np.ceil((middle + half) / step) * step, [width, height]).astype(int)
        return int(top), int(left), int(bottom), int(right)

    def _in_box(
        self,
        points: Sequence[tuple[float, float]],
        labels: Sequence[int],
        box: tuple[float, float, float, float],
    ) -> tuple[np.ndarray, float]:
        """The thing in a box: GrabCut's, and where clicks contradict that, what they say inside the box."""
        left, top, right, bottom = box
        mask = mask_from_box(self.image, (left, top, right - left, bottom - top))
        agrees = all(
            mask[int(y), int(x)] == bool(label) for (x, y), label in zip(points, labels, strict=True)
        )
        if agrees or 1 not in labels:
            return mask, 0.5
        judged, score = self._judged(points, labels)
        inside = np.zeros_like(mask)
        inside[int(top) : int(bottom) + 1, int(left) : int(right) + 1] = True
        return judged & inside, score


def followed(
    chances: np.ndarray, regions: Regions, seeds: dict[int, list[tuple[float, float]]]
) -> np.ndarray:
    """The chances of all pixels, float32 (h, w), where a region with a click is as the click says; of several
    clicks in a region each pixel follows the nearest."""
    soft: np.ndarray = chances.astype(np.float32)[regions.numbers]
    clicks = [(x, y, label) for label, places in seeds.items() for x, y in places]
    for number in {int(regions.numbers[int(y), int(x)]) for x, y, _ in clicks}:
        rows, cols = np.nonzero(regions.numbers == number)
        here = [click for click in clicks if regions.numbers[int(click[1]), int(click[0])] == number]
        distances = np.stack([(cols - int(x)) ** 2 + (rows - int(y)) ** 2 for x, y, _ in here])
        soft[rows, cols] = np.array([label for _, _, label in here], np.float32)[distances.argmin(0)]
    return soft


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """IoU of two masks, bool (H, W), that are not both empty."""
    return int((first & second).sum()) / max(1, int((first | second).sum()))


def expected_iou(chances: np.ndarray, areas: np.ndarray) -> float:
    """The IoU of the mask to expect where the chances are right."""
    taken = chances > 0.5
    union = float((areas * np.maximum(chances, taken)).sum())
    return float((areas * chances * taken).sum()) / union if union else 0.0


def enlarged(soft: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Chances of a reduced photo as a mask of its full size, bool (H, W), on the photo's edges.

    soft: float32 (h, w). image: uint8 (H, W, 3).
    """
    taken = soft > 0.5
    mask = np.zeros(image.shape[:2], bool)
    rows, cols = np.flatnonzero(taken.any(1)), np.flatnonzero(taken.any(0))
    if not len(rows):
        return mask
    margin = 3 + int(MARGIN * max(rows[-1] - rows[0], cols[-1] - cols[0]))
    top, left = max(0, rows[0] - margin), max(0, cols[0] - margin)
    bottom, right = min(soft.shape[0], rows[-1] + margin + 1), min(soft.shape[1], cols[-1] + margin + 1)
    down, across = image.shape[0] / soft.shape[0], image.shape[1] / soft.shape[1]
    place = (
        slice(round(top * down), round(bottom * down)),
        slice(round(left * across), round(right * across)),
    )
    mask[place] = fit_to_edges(soft[top:bottom, left:right], image[place])
    return mask
