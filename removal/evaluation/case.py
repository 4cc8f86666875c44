"""What is compared, and one photo on its way through an evaluation.

A combination is a source of masks, refined or not, and a method (`methods`); a case is a photo and what came
of it; a protocol knows how photos are read and what is measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.methods import slug_of
from removal.evaluation.plan import HOLES, EvaluationOptions

if TYPE_CHECKING:
    from removal.evaluation.folder import EvaluationFolder
    from removal.pipeline import Hole
    from segment import Detections


@dataclass(frozen=True)
class Combination:
    """One row of the results.

    source: as given to --mask-source. refined: whether its masks are mended. inpainter: the
    label of who fills. folder: of its pictures in the run folder; mask_folder, found_folder: of its masks,
    and of those it began with.
    """

    source: str
    refined: bool
    inpainter: str
    source_slug: str

    @property
    def mask_key(self) -> tuple[str, bool]:
        """What its mask depends on."""
        return self.source, self.refined

    @property
    def found_folder(self) -> str:
        """That of its source's masks as they were found."""
        return f"{self.source_slug}.asis"

    @property
    def mask_folder(self) -> str:
        return f"{self.source_slug}.{'refined' if self.refined else 'asis'}"

    @property
    def folder(self) -> str:
        return f"{self.mask_folder}.{slug_of(self.inpainter)}"

    @property
    def label(self) -> str:
        """What tables that are not about sources of masks call it."""
        return self.inpainter if self.source == HOLES else f"{self.source}, {self.inpainter}"

    @property
    def title(self) -> str:
        refined = ", refined" if self.refined else ""
        return f"{self.source}{refined}, {self.inpainter}"


def combinations(options: EvaluationOptions) -> list[Combination]:
    """All combinations of an evaluation: sources outermost, inpainters innermost."""
    slugs = dict(zip(options.sources, slugs_of(options.sources), strict=True))
    return [
        Combination(source, refined, method.label, slugs[source])
        for source, refined, method in product(options.sources, options.refinements, options.methods)
    ]


def slugs_of(names: Sequence[str]) -> list[str]:
    """A folder name for each source, different for each: `runs/team masks/` becomes `team-masks`."""
    slugs: list[str] = []
    for name in names:
        last = [part for part in re.split(r"[\\/]", name) if part][-1:] or [name]
        slug = slug_of(last[0])[:60] or "masks"
        while slug in slugs:
            slug += "-2"
        slugs.append(slug)
    return slugs


Figures = dict[str, float | int | None]
"""Measures of one photo by the names of `removal.evaluation.results`; None = not defined for this photo."""


@dataclass(eq=False)
class Case:
    """One photo: what is known of it and, stage by stage, what came of it.

    image: uint8 (H, W, 3) RGB, what is worked on. clean: uint8 (H, W, 3), what it should come to; None = not
    known. truths: what the protocol knows to be there, by source ("annotations", "object", "changed",
    "holes"). regions: bool (H, W) each, parts of the photo that are measured by themselves. judged: what a
    judge finds in the photo as it is. people: who is in the photo, for masks of another team, which do not
    say it; None = not looked for. orientation: EXIF's, 1 to 8, of the photo's file. note: of that file,
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
    people: Detections | None = None
    orientation: int = 1
    note: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SetFigures:
    """What is measured on all photos of a combination together.

    figures: by the names of `removal.evaluation.results`. reasons: why a figure is not there, by name.
    """

    figures: Figures = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


class EvaluationProtocol(Protocol):
    """How photos are read, and what is measured.

    options: the evaluation's, with the classes by the names that the truth has for them. photos: what is
    worked on. problems: what was left out and why, by name, before any work.
    """

    options: EvaluationOptions
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
        self, combination: Combination, photos: Sequence[EvalPhoto], folder: EvaluationFolder
    ) -> SetFigures:
        """The figures of a combination that need all photos together."""
        ...

    def measure_unedited_set(self, photos: Sequence[EvalPhoto]) -> SetFigures:
        """The same for the photos as they were."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the results should say about the truth: counts and names, as JSON takes it."""
        ...
