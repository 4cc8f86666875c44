"""What the page can do, on the same Pipeline as the command line: open, find, point, fill, save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from _removal_support.errors import RemovalError
from removal.options import RunOptions
from removal.page.gallery import Gallery, Opened, Result
from removal.page.jobs import Job, Worker
from removal.page.masks import StepError, draw, outlines
from removal.page.models import SHOWN_SCORE, Models
from removal.page.pieces import area_of, pieces
from removal.page.pointing import Pointer

if TYPE_CHECKING:
    from collections.abc import Callable

    from inpaint import Inpainter
    from inpaint.inpainter import Effort
    from removal.pipeline import Hole


class Studio:
    """The open photos, the models, and the worker that they run in.

    options: what the command line was given: models, device, refinement, where results go.
    notify: called with a job whenever something about it changed.
    """

    def __init__(self, options: RunOptions, notify: Callable[[Job], None]):
        self.output, self.overwrite = options.output, options.overwrite
        self.models = Models(options)
        self.gallery = Gallery(max_megapixels=options.max_megapixels)
        self.pointer = Pointer(self.gallery)
        self.worker = Worker(notify)

    def close(self) -> None:
        self.worker.close()
        self.gallery.close()

    def start(self) -> Job:
        """Loads the models behind the page."""
        return self._load_models(None, None)

    def choose_models(self, segmenter: str | None, inpainter: str | None) -> Job:
        """Loads other models; the old ones stay where that fails. Raises RemovalError."""
        self.models.check(segmenter, inpainter)
        return self._load_models(segmenter, inpainter)

    def _load_models(self, segmenter: str | None, inpainter: str | None) -> Job:
        def work(job: Job) -> dict[str, Any]:
            if self.models.load(job, segmenter, inpainter):
                for opened in list(self.gallery.photos.values()):
                    opened.detections = None
            return self.models.description()

        return self.worker.submit("models", None, work)

    def look(self, opened: Opened) -> None:
        """Makes a photo ready to be clicked on, behind the page."""

        def work(job: Job) -> dict[str, Any]:
            self.pointer.look(opened)
            return {}

        self.worker.submit("look", opened.id, work, quick=True, silent=True)

    def close_photo(self, opened: Opened) -> None:
        self.pointer.forget(opened)
        self.gallery.close_photo(opened.id)

    def find(self, opened: Opened) -> Job:
        """Looks for objects; the job's result lists them."""

        def work(job: Job) -> dict[str, Any]:
            if opened.detections is None:
                pipeline = self.models.ready(job)
                job.at("looking for objects")
                photo = self.gallery.photo(opened)
                (opened.detections,) = pipeline.detect([photo.pixels])
            self.look(opened)
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
        """What would be filled for some objects, piece by piece."""

        def work(job: Job) -> dict[str, Any]:
            hole = self._hole(job, opened, chosen)
            job.at("refining the mask")
            return {"objects": list(chosen), "pieces": [piece.record() for piece in pieces(hole)]}

        return self.worker.submit("parts", opened.id, work, quick=True)

    def _hole(self, job: Job, opened: Opened, chosen: object) -> Hole:
        found = opened.detections
        if not isinstance(chosen, list):
            raise StepError("expected objects as a list of ids")
        if found is None:
            raise StepError("expected the objects to be looked for first")
        if not all(type(index) is int and 0 <= index < len(found) for index in chosen):
            raise StepError("expected the ids of objects of this photo")
        pipeline = self.models.ready(job)
        job.at("refining the mask")
        return pipeline.hole(self.gallery.photo(opened).pixels, found, chosen=tuple(chosen))

    def mask(self, job: Job, opened: Opened, steps: object) -> np.ndarray:
        """The mask that the page's steps describe, bool (H, W)."""

        def of_objects(step: Mapping[str, Any]) -> np.ndarray:
            return area_of(self._hole(job, opened, step.get("objects")), step)

        def uploaded(step: Mapping[str, Any]) -> np.ndarray:
            path = opened.masks.get(str(step.get("mask")))
            if path is None:
                raise StepError("expected the id of a mask that was uploaded for this photo")
            with np.load(path) as file:
                return np.unpackbits(file["mask"], axis=1)[:, : opened.width].astype(bool)

        def clicked(step: Mapping[str, Any]) -> np.ndarray:
            return self.pointer.mask(opened, step)

        finders = {"objects": of_objects, "mask": uploaded, "click": clicked}
        return draw(steps, opened.height, opened.width, finders=finders)

    def point(self, opened: Opened, step: Mapping[str, Any]) -> Job:
        """The outlines of the thing under some clicks."""

        def work(job: Job) -> dict[str, Any]:
            job.at("looking at what is there")
            return {"outlines": outlines(self.pointer.mask(opened, step))}

        return self.worker.submit("point", opened.id, work, quick=True)

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
            pipeline = self.models.ready(job)
            mask = self.mask(job, opened, steps)
            if not mask.any():
                raise StepError("nothing is marked: choose an object or paint over what is to go")
            if mask.all():
                raise StepError("all of the photo is marked: nothing would be left to fill it from")
            job.at("filling")
            pixels, before = self.gallery.pixels(opened, base)
            inpainter = self.models.inpainter(pipeline, seed, effort or self.models.options.effort)
            filled = inpainter(pixels, mask, self._protect(opened, pixels, mask, inpainter))
            job.at("keeping the result")
            result = self.gallery.add_result(opened, filled, before | mask, mask, seed=seed, base=base)
            return {"result": self.result_record(opened, result)}

        return self.worker.submit("fill", opened.id, work)

    def _protect(
        self, opened: Opened, pixels: np.ndarray, mask: np.ndarray, inpainter: Inpainter
    ) -> np.ndarray | None:
        """What the fill may not copy: what was found and stays or, before anybody looked, people."""
        from removal.bystanders import find_people, people_who_stay
        from removal.pipeline import protected

        if not self.models.options.protect:
            return None
        if opened.detections is not None:
            return protected(opened.detections.union() & ~mask, mask)
        finder = self.models.bystanders(inpainter)
        return None if finder is None else protected(people_who_stay(find_people(finder, pixels), mask), mask)

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
        """Writes a result into the output folder, under the photo's name; where a file of this name stays, as
        photo-2.jpg, photo-3.jpg and so on. Raises RemovalError, OSError."""
        if self.output is None:
            raise RemovalError("expected an output folder: start the page with one, or download the result")
        self.output.mkdir(parents=True, exist_ok=True)
        name = Path(Path(opened.name).name)
        for number in count(1):
            target = self.output / (name.name if number == 1 else f"{name.stem}-{number}{name.suffix}")
            try:
                return self.write(opened, result_id, target, overwrite=self.overwrite)
            except FileExistsError:
                continue
        raise AssertionError("there is always a free name")
