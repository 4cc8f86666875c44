"""Whether the objects are gone: what a detector, the judge, finds in the result, and the change outside the
mask.

Detections are compared by their masks, as run lengths: nothing is decoded. Two thresholds are the field's
own: a detection is taken for one with a score of at least 0.5, and for the same object with an IoU of at
least 0.5 (Everingham et al. 2010). Counting what an independent recogniser still finds follows Shetty et
al. 2018 (arXiv 1806.01911), who asked a classifier.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from removal.evaluation.mask_sources import Segmenters
from removal.evaluation.plan import ANNOTATIONS
from segment.detections import Detections, Rle, encode_crop

if TYPE_CHECKING:
    from removal.evaluation.case import Case, Figures

SAME_OBJECT = 0.5
MIN_SCORE = 0.5


def still_found(
    removed: Detections,
    found: Detections,
    *,
    threshold: float = SAME_OBJECT,
    min_score: float = MIN_SCORE,
) -> np.ndarray:
    """Which removed instances the judge still finds in the result: bool (N,), one per removed instance.

    The share of True, over all photos together, is 0 to 1; lower is better. An instance is still found
    where a detection of its class overlaps it with an IoU of at least ``threshold``, or lies with at least
    this share of its own area within the instance (a head that was left, or painted in anew).

    removed: the instances that were to be removed, in the original photo (annotations, or the judge's own).
    found: the judge's detections in the result.

    Raises ValueError where the photos differ in size.
    """
    sure = found.select(min_score=min_score)
    return np.asarray(_matches(removed, sure, threshold).any(axis=1))


def new_in_hole(
    hole: np.ndarray,
    original: Detections,
    found: Detections,
    *,
    threshold: float = SAME_OBJECT,
    min_score: float = MIN_SCORE,
) -> np.ndarray:
    """Which detections in the result were made by the fill: indices into ``found``, int (M,), in order.

    Those with at least ``threshold`` of their area in the hole and, among the original's detections of
    their class, none that overlaps them with an IoU of at least ``threshold`` or holds that share of them.
    (A part of the removed object that is found again is `still_found`, not new.) Their number per photo is
    best at 0.

    hole: bool (H, W), the pixels that were filled. original, found: the judge's detections before and
    after; of the original all count, whatever their score.

    Raises TypeError, ValueError for a hole of another type or size.
    """
    if hole.dtype != np.bool_:
        raise TypeError(f"expected a bool hole, got {hole.dtype}")
    if hole.shape != (found.height, found.width):
        raise ValueError(f"expected a hole of size {found.height, found.width}, got {hole.shape}")
    inside = _shares([encode_crop(hole, 0, 0, *hole.shape)], list(found.rles), within=True)[0] >= threshold
    known = _matches(original, found, threshold).any(axis=0)
    return np.flatnonzero(inside & ~known & (found.scores >= min_score))


def change_outside(image: np.ndarray, result: np.ndarray, mask: np.ndarray) -> int:
    """Largest difference of any channel outside the mask, in grey levels: 0 to 255; it must be 0.

    image, result: uint8 (H, W, 3). mask: bool (H, W), where change is allowed. Raises TypeError, ValueError
    for other types or sizes.
    """
    for name, array, kind in (
        ("image", image, np.uint8),
        ("result", result, np.uint8),
        ("mask", mask, np.bool_),
    ):
        if array.dtype != kind:
            raise TypeError(f"expected {name} of {kind.__name__}, got {array.dtype}")
    if image.shape != result.shape or mask.shape != image.shape[:2]:
        raise ValueError(f"expected one size, got {image.shape}, {result.shape} and a mask of {mask.shape}")
    difference = np.abs(image[~mask].astype(np.int16) - result[~mask])
    return int(difference.max(initial=0))


def _matches(before: Detections, after: Detections, threshold: float) -> np.ndarray:
    """bool (N, M): which of ``after`` are the same object as, or a part of, which of ``before``."""
    if (before.height, before.width) != (after.height, after.width):
        raise ValueError(
            f"expected photos of one size, got {before.height, before.width} and {after.height, after.width}"
        )
    same_class = np.array(before.labels, dtype=object)[:, None] == np.array(after.labels, dtype=object)[None]
    overlap = _shares(list(before.rles), list(after.rles), within=False)
    part = _shares(list(before.rles), list(after.rles), within=True)
    result: np.ndarray = same_class & ((overlap >= threshold) | (part >= threshold))
    return result


def _shares(before: list[Rle], after: list[Rle], *, within: bool) -> np.ndarray:
    """float (N, M): IoU of each pair of masks, or the share of ``after`` that lies within ``before``."""
    from pycocotools import mask as coco_mask

    if not before or not after:
        return np.zeros((len(before), len(after)))
    return np.asarray(coco_mask.iou(after, before, [within] * len(before))).T


JUDGE_SCORE = (
    0.2  # of the photo as it was everything counts that the judge half sees; of results 0.5 and more
)


class Judge:
    """Asks a segmenter about photos before and after.

    name: the segmenter's. segmenters: where it is loaded; RunError where it cannot be, or does not know the
    classes.
    """

    def __init__(self, name: str, segmenters: Segmenters, classes: tuple[str, ...]) -> None:
        self._segmenters, self._name, self._classes = segmenters, name, classes
        segmenter = segmenters.get(name)
        self.model = segmenter.description
        self.description = f"{segmenter.name}: {segmenter.description}"

    def look(self, case: Case) -> None:
        """Notes what is found in the photo as it is."""
        case.judged = self._find(case.image)

    def figures(self, case: Case, result: np.ndarray, hole: np.ndarray, instances: Detections) -> Figures:
        """Counts of one result.

        result: uint8 (H, W, 3). hole: bool (H, W), what was filled; where it is empty the result is the
        photo, and is not looked at again. instances: what was to be removed. Raises ValueError unless `look`
        came first.
        """
        if case.judged is None:
            raise ValueError(f"expected look() for {case.photo.name} before figures()")
        found = self._find(result) if hole.any() else case.judged
        target = case.truths[ANNOTATIONS].union(self._classes)
        area_before, area_after = (
            float(seen.union(self._classes, MIN_SCORE)[target].mean()) if target.any() else None
            for seen in (case.judged, found)
        )
        return {
            "seen_area_before": area_before,
            "seen_area": area_after,
            "instances": len(instances),
            "found_before": int(still_found(instances, case.judged).sum()),
            "still_found": int(still_found(instances, found).sum()),
            "new_in_hole": len(new_in_hole(hole, case.judged, found)),
        }

    def _find(self, image: np.ndarray) -> Detections:
        return self._segmenters.find(self._name, image, JUDGE_SCORE)


def build_judge(
    name: str, segmenters: Segmenters, classes: tuple[str, ...], say: Callable[[str], None]
) -> tuple[Judge | None, str]:
    """The judge, or None and why there is none: "none" was asked for, or `auto` knows nobody for the classes.

    RunError where one that was named cannot be had.
    """
    from removal.errors import RunError

    if name == "none":
        return None, "no judge was chosen"
    try:
        return Judge(name, segmenters, classes), ""
    except RunError as error:
        if name != "auto":
            raise
        say(f"judge: none, because {error}")
        return None, f"no judge: {error}"
