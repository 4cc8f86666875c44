"""The models behind the page: loaded once, at the start, and switched when somebody asks for others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from _removal_support.errors import RemovalError
from removal.options import RunOptions
from removal.page.jobs import Job

if TYPE_CHECKING:
    from inpaint import Inpainter
    from inpaint.inpainter import Effort
    from removal.pipeline import Pipeline
    from segment import Segmenter

SHOWN_SCORE = 0.35  # objects below are not drawn


class Models:
    """options: what runs, and how. pipeline: None = not loaded yet. said: what was said while loading."""

    def __init__(self, options: RunOptions):
        self.options = options
        self.pipeline: Pipeline | None = None
        self.said: list[str] = []
        self._bystanders: Segmenter | None = None

    def ready(self, job: Job) -> Pipeline:
        """The models; loaded now where that failed or was not asked for before."""
        if self.pipeline is None:
            self.load(job)
        assert self.pipeline is not None
        return self.pipeline

    def load(self, job: Job, segmenter: str | None = None, inpainter: str | None = None) -> bool:
        """Loads models, the old ones where a name is None; those that are there stay where that fails.

        Returns whether another segmenter looks from now on. Raises RemovalError.
        """
        from removal.models import build_removal

        job.at("loading the models")
        said: list[str] = []
        options = replace(
            self.options,
            segmenter=segmenter or self.options.segmenter,
            inpainter=inpainter or self.options.inpainter,
        )
        pipeline = build_removal(replace(options, classes=(), score=SHOWN_SCORE), said.append)
        other = options.segmenter != self.options.segmenter
        self.options, self.pipeline, self.said = options, pipeline, said
        return other

    def check(self, segmenter: str | None, inpainter: str | None) -> None:
        """Raises RemovalError for a name that no model has."""
        from inpaint import inpainter_names
        from segment import segmenter_names

        for name, known in ((segmenter, segmenter_names()), (inpainter, inpainter_names())):
            if name is not None and name not in known:
                raise RemovalError(f"expected one of {', '.join(known)}, got {name[:40]!r}")

    def inpainter(self, pipeline: Pipeline, seed: int, effort: Effort) -> Inpainter:
        """The inpainter, with another seed and effort where it has them."""
        assert pipeline.inpainter is not None
        same = seed == self.options.seed and effort == self.options.effort
        if same or not hasattr(pipeline.inpainter, "seed"):
            return pipeline.inpainter
        from removal.models import build_inpainter

        return build_inpainter(replace(self.options, seed=seed, effort=effort), self.said.append)

    def bystanders(self, inpainter: Inpainter) -> Segmenter | None:
        """The finder of people who stay, for a photo that nobody looked at yet; None for a fill that copies
        nothing."""
        from removal.models import build_bystanders

        if not getattr(inpainter, "copies", True):
            return None
        self._bystanders = self._bystanders or build_bystanders(inpainter)
        return self._bystanders

    def description(self) -> dict[str, Any]:
        """The models in words, what they may be used for, and which may be chosen."""
        from inpaint import inpainter_names
        from segment import segmenter_names

        pipeline = self.pipeline
        finds, fills = (pipeline.segmenter, pipeline.inpainter) if pipeline else (None, None)
        return {
            "ready": pipeline is not None,
            "finds": finds.description if finds else "",
            "fills": fills.description if fills else "",
            "licences": {"finds": licence_of("segment", finds), "fills": licence_of("inpaint", fills)},
            "said": self.said,
            "segmenters": list(segmenter_names()),
            "inpainters": list(inpainter_names()),
            "chosen": {"segmenter": self.options.segmenter, "inpainter": self.options.inpainter},
        }


def licence_of(package: str, model: object) -> str:
    """The licence of a model and of its weights, as the registry of its package states it; "" = unknown."""
    from inpaint.registry import record as inpainter_record
    from segment.registry import record as segmenter_record

    name = getattr(model, "name", None)
    if name is None:
        return ""
    if package == "segment":
        known = segmenter_record(name)
        terms = [known.licence, known.weights.licence if known.weights else ""]
        return "; ".join(filter(None, terms))
    filler = inpainter_record(name)
    default = filler.default()
    return "; ".join(filter(None, [filler.licence, default.licence if default else ""]))
