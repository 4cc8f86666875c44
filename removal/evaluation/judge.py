"""A detector that looks for what should be gone, and is named with what it finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from removal.evaluation.mask_sources import Segmenters
from removal.evaluation.options import ANNOTATIONS
from removal.evaluation.removal_success import MIN_SCORE, new_in_hole, still_found

if TYPE_CHECKING:
    from removal.evaluation.case import Case, Figures
    from segment import Detections

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
