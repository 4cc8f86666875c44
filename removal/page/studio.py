"""What the page can do, on the same Pipeline as the command line: open, find, point, fill, save."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from _removal_support.errors import RemovalError
from removal.options import RunOptions
from removal.page.gallery import Gallery, Opened, Result
from removal.page.jobs import Job, Worker
from removal.page.masks import StepError, draw, outlines, points_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from inpaint.inpainter import Effort
    from removal.pipeline import Hole, Pipeline

SHOWN_SCORE = 0.35  # objects below are not drawn
PARTS = ("object", "shadow", "attached")


class Studio:
    """The open photos, the models, and the worker that they run in.

    options: what the command line was given: models, device, refinement, where results go.
    notify: called with a job whenever something about it changed.
    """

    def __init__(self, options: RunOptions, notify: Callable[[Job], None]):
        self.options = options
        self.gallery = Gallery(max_megapixels=options.max_megapixels)
        self.worker = Worker(notify)
        self.pipeline: Pipeline | None = None
        self.models: dict[str, str] = {}
        self.said: list[str] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        self.worker.close()
        self.gallery.close()

    def start(self) -> Job:
        """Loads the models behind the page."""
        return self.worker.submit("models", None, lambda job: self._load(job))

    def choose(self, segmenter: str | None, inpainter: str | None) -> Job:
        """Loads other models; the old ones stay where that fails. Raises RemovalError."""
        from inpaint import inpainter_names
        from segment import segmenter_names

        for name, known in ((segmenter, segmenter_names()), (inpainter, inpainter_names())):
            if name is not None and name not in known:
                raise RemovalError(f"expected one of {', '.join(known)}, got {name[:40]!r}")
        return self.worker.submit("models", None, lambda job: self._load(job, segmenter, inpainter))

    def _load(self, job: Job, segmenter: str | None = None, inpainter: str | None = None) -> dict[str, Any]:
        from removal.models import build_removal

        job.at("loading the models")
        said: list[str] = []
        options = replace(
            self.options,
            segmenter=segmenter or self.options.segmenter,
            inpainter=inpainter or self.options.inpainter,
        )
        pipeline = build_removal(replace(options, classes=(), score=SHOWN_SCORE), said.append)
        assert pipeline.segmenter is not None
        assert pipeline.inpainter is not None
        if options.segmenter != self.options.segmenter:
            for opened in list(self.gallery.photos.values()):
                opened.detections = None
        self.models = {"masks": pipeline.segmenter.description, "inpainter": pipeline.inpainter.description}
        self.options, self.pipeline, self.said = options, pipeline, said
        return self.description()

    def description(self) -> dict[str, Any]:
        """The models in words, what was said while they were loaded, and which may be chosen."""
        from inpaint import inpainter_names
        from segment import segmenter_names

        return {
            "ready": self.pipeline is not None,
            "finds": self.models.get("masks", ""),
            "fills": self.models.get("inpainter", ""),
            "said": self.said,
            "segmenters": list(segmenter_names()),
            "inpainters": list(inpainter_names()),
            "chosen": {"segmenter": self.options.segmenter, "inpainter": self.options.inpainter},
        }

    def find(self, opened: Opened) -> Job:
        """Looks for objects; the job's result lists them."""

        def work(job: Job) -> dict[str, Any]:
            if opened.detections is None:
                pipeline = self._ready(job)
                job.at("looking for objects")
                photo = self.gallery.photo(opened)
                (opened.detections,) = pipeline.detect([photo.pixels])
            return {"objects": self.objects(opened)}

        return self.worker.submit("find", opened.id, work)

    def objects(self, opened: Opened) -> list[dict[str, Any]]:
        """What was found, most certain first: label, score, box (xyxy, px) and outlines."""
        found = opened.detections
        if found is None:
            return []
        return [
            {
                "id": index,
                "label": label,
                "score": round(float(score), 3),
                "box": [round(float(edge), 1) for edge in box],
                "outlines": outlines(found.mask(index)),
            }
            for index, (label, score, box) in enumerate(
                zip(found.labels, found.scores, found.boxes, strict=True)
            )
            if score >= SHOWN_SCORE
        ]

    def parts(self, opened: Opened, chosen: Sequence[int]) -> Job:
        """What would be filled for some objects: the outlines of the mask's parts."""

        def work(job: Job) -> dict[str, Any]:
            refined = self._refined(job, opened, chosen)
            shown = {name: outlines(refined.parts[name]) for name in PARTS if name in refined.parts}
            return {"objects": list(chosen), "parts": shown}

        return self.worker.submit("parts", opened.id, work)

    def _refined(self, job: Job, opened: Opened, chosen: Sequence[int]) -> Hole:
        pipeline = self._ready(job)
        found = opened.detections
        if found is None:
            raise StepError("expected the objects to be looked for first")
        if not all(isinstance(index, int) and 0 <= index < len(found) for index in chosen):
            raise StepError("expected the ids of objects of this photo")
        job.at("refining the mask")
        return pipeline.hole(self.gallery.photo(opened).pixels, found, chosen=tuple(chosen))

    def mask(self, job: Job, opened: Opened, steps: object) -> np.ndarray:
        """The mask that the page's steps describe, bool (H, W)."""

        def of_objects(step: Mapping[str, Any]) -> np.ndarray:
            chosen, wanted = step.get("objects"), step.get("parts", list(PARTS))
            if not isinstance(chosen, list) or not isinstance(wanted, list):
                raise StepError("expected objects and parts as lists")
            refined = self._refined(job, opened, chosen)
            area = np.zeros((opened.height, opened.width), bool)
            for name in PARTS:
                if name in wanted and name in refined.parts:
                    area |= refined.parts[name]
            return area

        def uploaded(step: Mapping[str, Any]) -> np.ndarray:
            path = opened.masks.get(str(step.get("mask")))
            if path is None:
                raise StepError("expected the id of a mask that was uploaded for this photo")
            with np.load(path) as file:
                return np.unpackbits(file["mask"], axis=1)[:, : opened.width].astype(bool)

        def clicked(step: Mapping[str, Any]) -> np.ndarray:
            return self.pointed(opened, step)

        finders = {"objects": of_objects, "mask": uploaded, "click": clicked}
        return draw(steps, opened.height, opened.width, finders=finders)

    def pointed(self, opened: Opened, step: Mapping[str, Any]) -> np.ndarray:
        """The thing under some clicks: label 1 = this, 0 = not this."""
        from segment.prompts import load_prompter

        points, labels = points_of(step, 100), step.get("labels")
        if not isinstance(labels, list) or len(labels) != len(points) or not set(labels) <= {0, 1}:
            raise StepError("expected a label of 0 or 1 for each point")
        prompter = load_prompter("auto", detections=opened.detections)
        image = self.gallery.photo(opened).pixels
        masks, _ = prompter.embed(image)(points=points.tolist(), labels=labels)
        result: np.ndarray = masks[0]
        return result

    def point(self, opened: Opened, step: Mapping[str, Any]) -> Job:
        """The outlines of the thing under some clicks."""

        def work(job: Job) -> dict[str, Any]:
            job.at("looking at what is there")
            return {"outlines": outlines(self.pointed(opened, step))}

        return self.worker.submit("point", opened.id, work)

    def fill(
        self,
        opened: Opened,
        steps: object,
        *,
        seed: int,
        base: str | None,
        effort: Effort | None = None,
    ) -> Job:
        """Fills what the steps describe, in the photo or on top of an earlier result; effort: None = that of
        the options."""

        def work(job: Job) -> dict[str, Any]:
            pipeline = self._ready(job)
            mask = self.mask(job, opened, steps)
            if not mask.any():
                raise StepError("nothing is marked: choose an object or paint over what is to go")
            if mask.all():
                raise StepError("all of the photo is marked: nothing would be left to fill it from")
            job.at("filling")
            pixels, before = self.gallery.pixels(opened, base)
            inpainter = self._inpainter(pipeline, seed, effort or self.options.effort)
            filled = inpainter(pixels, mask, self._protect(opened, mask))
            result = self.gallery.add_result(opened, filled, before | mask, seed=seed, base=base)
            return {"result": self.result_record(opened, result)}

        return self.worker.submit("fill", opened.id, work)

    def _inpainter(self, pipeline: Pipeline, seed: int, effort: Effort) -> Any:
        same = seed == self.options.seed and effort == self.options.effort
        if same or not hasattr(pipeline.inpainter, "seed"):
            return pipeline.inpainter
        from removal.models import build_inpainter

        return build_inpainter(replace(self.options, seed=seed, effort=effort), self.said.append)

    def _protect(self, opened: Opened, mask: np.ndarray) -> np.ndarray | None:
        from removal.pipeline import protected

        if opened.detections is None:
            return None
        return protected(opened.detections.union() & ~mask, mask)

    def _ready(self, job: Job) -> Pipeline:
        """The models; loaded now where that failed or was not asked for before."""
        if self.pipeline is None:
            self._load(job)
        assert self.pipeline is not None
        return self.pipeline

    def result_record(self, opened: Opened, result: Result) -> dict[str, Any]:
        return {
            "id": result.id,
            "photo": opened.id,
            "seed": result.seed,
            "base": result.base,
            "share": round(result.share, 5),
        }

    def write(self, opened: Opened, result_id: str, path: Path, *, overwrite: bool = False) -> Path:
        """Writes a result as the command line would: the photo's format, depth and metadata."""
        from removal.images import write_photo

        pixels, mask = self.gallery.pixels(opened, result_id)
        return write_photo(self.gallery.photo(opened), pixels, mask, path, overwrite=overwrite)

    def save(self, opened: Opened, result_id: str) -> Path:
        """Writes a result into the output folder, under the photo's name. Raises RemovalError, OSError."""
        if self.options.output is None:
            raise RemovalError("expected an output folder: start the page with one, or download the result")
        self.options.output.mkdir(parents=True, exist_ok=True)
        target = self.options.output / Path(opened.name).name
        return self.write(opened, result_id, target, overwrite=self.options.overwrite)
