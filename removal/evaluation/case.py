"""One photo on its way through an evaluation, and what a protocol has to say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from removal.evaluation.combinations import Combination
from removal.evaluation.dataset import EvalPhoto

if TYPE_CHECKING:
    from removal.evaluation.run_folder import RunFolder
    from removal.pipeline import Hole
    from segment import Detections

Figures = dict[str, float | int | None]
"""Measures of one photo by the names of `removal.evaluation.columns`; None = not defined for this photo."""


@dataclass(eq=False)
class Case:
    """One photo: what is known of it and, stage by stage, what came of it.

    image: uint8 (H, W, 3) RGB, what is worked on. clean: uint8 (H, W, 3), what it should come to; None = not
    known. truths: what the protocol knows to be there, by source ("annotations", "object", "changed",
    "holes"). regions: bool (H, W) each, parts of the photo that are measured by themselves. judged: what a
    judge finds in the photo as it is. orientation: EXIF's, 1 to 8, of the photo's file. note: of that file,
    as `removal.batch.record.note_of` makes it.
    """

    photo: EvalPhoto
    size_bytes: int
    image: np.ndarray
    truths: Mapping[str, Detections]
    clean: np.ndarray | None = None
    regions: Mapping[str, np.ndarray] = field(default_factory=dict)
    found: dict[str, Detections] = field(default_factory=dict)
    find_seconds: dict[str, float] = field(default_factory=dict)
    holes: dict[tuple[str, bool], Hole] = field(default_factory=dict)
    filled: dict[Combination, np.ndarray] = field(default_factory=dict)
    fill_seconds: dict[Combination, float] = field(default_factory=dict)
    figures: dict[Combination, Figures] = field(default_factory=dict)
    unedited: Figures = field(default_factory=dict)
    judged: Detections | None = None
    orientation: int = 1
    note: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SetFigures:
    """What is measured on all photos of a combination together.

    figures: by the names of `removal.evaluation.columns`. reasons: why a figure is not there, by name.
    """

    figures: Figures = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


class EvaluationProtocol(Protocol):
    """How photos are read, and what is measured.

    photos: what is worked on. problems: what was left out and why, by name, before any work.
    """

    photos: tuple[EvalPhoto, ...]
    problems: dict[str, str]

    def read(self, photo: EvalPhoto) -> Case:
        """The photo and its truth; ValueError or OSError, in one line, where it cannot be had."""
        ...

    def measure(self, case: Case, combination: Combination) -> Figures:
        """The figures of one filled photo."""
        ...

    def measure_unedited(self, case: Case) -> Figures:
        """The same for the photo as it was, as far as they are defined for it."""
        ...

    def measure_set(
        self, combination: Combination, photos: Sequence[EvalPhoto], folder: RunFolder
    ) -> SetFigures:
        """The figures of a combination that need all photos together."""
        ...

    def measure_unedited_set(self, photos: Sequence[EvalPhoto]) -> SetFigures:
        """The same for the photos as they were."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the results should say about the truth: counts and names, as JSON takes it."""
        ...
