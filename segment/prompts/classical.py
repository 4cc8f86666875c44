"""Clicks without weights: the detected object under the click, else a graph cut around it.

The cut is GrabCut (Rother et al. 2004) in a window around the clicks, at reduced size.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segment.prompts.contract import check_prompt

if TYPE_CHECKING:
    from segment.detections import Detections

WORKING_PX = 224  # long side of the window that is cut
CONTRAST_PX = 512  # long side of the photo in which outlines are judged
CHOICE_PX = 96  # the same while it is chosen how far the window reaches
REACHES = (0.12, 0.25, 0.45)  # of the photo's long side: how large the thing may be, tried in turn
ITERATIONS = 2
SEED_SHARE = 0.03  # of the window: a click stands for a disc of this radius


class ClassicalPrompter:
    """Follows the contract of `segment.prompts.Prompter`. detections: found before, of the photo's size."""

    name = "classical"
    description = "graph cut around the clicks, no weights"

    def __init__(self, detections: Detections | None = None):
        self.detections = detections

    def embed(self, image: np.ndarray) -> ClassicalEmbedded:
        return ClassicalEmbedded(image, self.detections)


class ClassicalEmbedded:
    """One photo, uint8 (H, W, 3) RGB."""

    def __init__(self, image: np.ndarray, detections: Detections | None):
        self.image, self.detections = image, detections

    def __call__(
        self,
        points: Sequence[tuple[float, float]] = (),
        labels: Sequence[int] = (),
        box: tuple[float, float, float, float] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `segment.prompts.Embedded` says."""
        height, width = self.image.shape[:2]
        check_prompt(points, labels, box, height, width)
        detected = self._detected(points, labels) if box is None else None
        if detected is not None:
            return detected[None], np.ones(1, np.float32)
        if box is not None:
            cut = self._cut(points, labels, box, WORKING_PX)
            return cut[None], np.array([self._contrast(cut)], np.float32)
        reaches = [self._around(points, labels, reach) for reach in REACHES]
        cuts = [self._cut(points, labels, reach, CHOICE_PX) for reach in reaches]
        scores = np.array([self._contrast(cut) for cut in cuts], np.float32)
        order = np.argsort(-scores, kind="stable")
        best = self._cut(points, labels, reaches[order[0]], WORKING_PX)
        return np.stack([best, *(cuts[index] for index in order[1:])]), scores[order]

    def _detected(self, points: Sequence[tuple[float, float]], labels: Sequence[int]) -> np.ndarray | None:
        """The smallest detected object that holds every point on the thing and none beside it."""
        best: tuple[int, np.ndarray] | None = None
        for index in range(0 if self.detections is None else len(self.detections)):
            assert self.detections is not None
            mask = self.detections.mask(index)
            if all(mask[int(y), int(x)] == bool(label) for (x, y), label in zip(points, labels, strict=True)):
                area = int(mask.sum())
                if best is None or area < best[0]:
                    best = area, mask
        return None if best is None else best[1]

    def _around(
        self, points: Sequence[tuple[float, float]], labels: Sequence[int], reach: float
    ) -> tuple[float, float, float, float]:
        """A box around the points on the thing, `reach` of the photo's long side to each side."""
        height, width = self.image.shape[:2]
        on = np.array([point for point, label in zip(points, labels, strict=True) if label])
        margin = reach * max(height, width) / 2
        left, top = np.maximum(on.min(axis=0) - margin, 0)
        right, bottom = np.minimum(on.max(axis=0) + margin, [width, height])
        return float(left), float(top), float(right), float(bottom)

    def _cut(
        self,
        points: Sequence[tuple[float, float]],
        labels: Sequence[int],
        box: tuple[float, float, float, float],
        working_px: int,
    ) -> np.ndarray:
        """The thing inside a box, bool (H, W), cut in a window of at most `working_px`."""
        height, width = self.image.shape[:2]
        margin = 0.15 * max(box[2] - box[0], box[3] - box[1])
        left, top = max(0, int(box[0] - margin)), max(0, int(box[1] - margin))
        right, bottom = min(width, int(box[2] + margin) + 1), min(height, int(box[3] + margin) + 1)
        window = self.image[top:bottom, left:right]
        scale = min(1.0, working_px / max(window.shape[:2]))
        small = cv2.resize(window, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        trimap = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
        inner = [
            (box[0] - left) * scale,
            (box[1] - top) * scale,
            (box[2] - left) * scale,
            (box[3] - top) * scale,
        ]
        first, last = np.array(inner[:2]), np.array(inner[2:])
        centre, axes = (first + last) / 2, np.maximum((last - first) / 2, 1)
        cv2.ellipse(
            trimap, tuple(int(v) for v in centre), tuple(int(v) for v in axes), 0, 0, 360, cv2.GC_PR_BGD, -1
        )
        cv2.ellipse(
            trimap,
            tuple(int(v) for v in centre),
            tuple(max(1, int(v * 0.7)) for v in axes),
            0,
            0,
            360,
            cv2.GC_PR_FGD,
            -1,
        )
        radius = max(1, round(SEED_SHARE * max(small.shape[:2])))
        for (x, y), label in zip(points, labels, strict=True):
            at = int((x - left) * scale), int((y - top) * scale)
            cv2.circle(trimap, at, radius, cv2.GC_FGD if label else cv2.GC_BGD, -1)
        cut = _grab_cut(small, trimap)
        cut = _parts_with(
            cut,
            [
                (int((x - left) * scale), int((y - top) * scale))
                for (x, y), label in zip(points, labels, strict=True)
                if label
            ],
        )
        mask = np.zeros((height, width), bool)
        large = cv2.resize(cut.astype(np.float32), window.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        mask[top:bottom, left:right] = large > 0.5
        return mask

    @functools.cached_property
    def _slope(self) -> np.ndarray:
        """How much the colour changes at each pixel of the photo, float32, at reduced size."""
        height, width = self.image.shape[:2]
        scale = min(1.0, CONTRAST_PX / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(self.image, size, interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
        steps = (cv2.Sobel(lab, cv2.CV_32F, dx, dy).sum(axis=2) ** 2 for dx, dy in ((1, 0), (0, 1)))
        result: np.ndarray = np.sqrt(sum(steps))
        return result

    def _contrast(self, mask: np.ndarray) -> float:
        """How strong an edge the outline follows, 0 to 1: what a good cut has."""
        share = mask.mean()
        if not 0 < share < 0.9:
            return 0.0
        slope = self._slope
        inside = cv2.resize(mask.view(np.uint8), slope.shape[::-1], interpolation=cv2.INTER_NEAREST)
        rim = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        if not rim.any():
            return 0.0
        strength = float(np.median(slope[rim]))
        return strength / (strength + float(slope.mean()) + 1.0)


def _grab_cut(image: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """The trimap cut, bool (h, w); where the model cannot be fitted, its sure part."""
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cut = trimap.copy()
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(
            image[..., ::-1].copy(),
            cut,
            (0, 0, 0, 0),
            models[0],
            models[1],
            ITERATIONS,
            cv2.GC_INIT_WITH_MASK,
        )
    except cv2.error:  # one of the two sides has no pixel
        result: np.ndarray = trimap == cv2.GC_FGD
        return result
    result = (cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD)
    return result


def _parts_with(cut: np.ndarray, seeds: Sequence[tuple[int, int]]) -> np.ndarray:
    """The connected parts of a cut that hold a seed, holes closed; all of it where there is no seed."""
    if not seeds:
        return cut
    _, labelled = cv2.connectedComponents(cut.view(np.uint8), connectivity=4)
    height, width = cut.shape
    wanted = {int(labelled[min(y, height - 1), min(x, width - 1)]) for x, y in seeds} - {0}
    return np.isin(labelled, list(wanted))
