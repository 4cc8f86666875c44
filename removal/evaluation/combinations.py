"""What is compared: a source of masks, mended or not, and an inpainter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from removal.evaluation.methods import slug_of

if TYPE_CHECKING:
    from removal.evaluation.plan import EvaluationOptions

ANNOTATIONS, OBJECT, CHANGED = "annotations", "object", "changed"
HOLES, BLIND = "holes", "blind"


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
