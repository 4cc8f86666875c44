"""The work on single photos, from file to file, in the stages that a run puts them through."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from removal.batch.jobs import Job, Outcome
from removal.batch.record import note_of
from removal.batch.stages import Finished, Stage, in_turn
from removal.batch.threads import OneAtATime, may_overlap
from removal.options import RunOptions
from removal.sources import FileMasks, MaskSource

if TYPE_CHECKING:
    import numpy as np

    from removal.images import Photo
    from removal.pipeline import Pipeline, Removal
    from segment import Detections


@dataclass(frozen=True, eq=False)
class Task:
    """A photo on its way through the stages. overwrite: whether its files may be written over."""

    job: Job
    overwrite: bool = False
    photo: Photo | None = None
    found: Detections | None = None
    result: Removal | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)


class PhotoWork:
    """What is done with each photo; its methods may be called by several threads.

    pipeline: refines and fills. source: gives what is to be removed. note: called with the outcome of each
    photo that was written, before anybody else hears of it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        source: MaskSource,
        options: RunOptions,
        *,
        note: Callable[[Outcome], object] | None = None,
    ):
        self.pipeline, self.source, self.options, self.note = pipeline, source, options, note
        self.note_of_all_masks: dict[str, Any] | None = None  # where one file has them all
        if pipeline.inpainter is not None and not may_overlap(pipeline.inpainter):
            pipeline.inpainter = OneAtATime(pipeline.inpainter)

    def do(self, job: Job, *, overwrite: bool = False) -> Outcome:
        """One photo by itself. What goes wrong with it is in the outcome and not raised."""
        (finished,) = in_turn([Task(job, overwrite)], self.stages())
        return outcome_of(finished)

    def stages(self, *, workers: int = 1, batch: int = 1) -> list[Stage]:
        """The stages a Task goes through to become an Outcome.

        workers: threads of each stage but for a detector, which has one. batch: the most photos that the
        detector is given at once.
        """
        detects = self.options.has_detector
        return [
            Stage("read", one_by_one(self.read), workers=workers),
            Stage("segment", self.detect, batch=batch)
            if detects
            else Stage("segment", one_by_one(self.find), workers=workers),
            Stage("fill", one_by_one(self.fill), workers=workers),
            Stage("write", one_by_one(self.write), workers=workers),
        ]

    def read(self, task: Task) -> Task:
        """Decodes the photo, unless a file that it would write is there already."""
        from removal.images import read_photo

        started, job = time.perf_counter(), task.job
        for file in reversed(job.files):  # where the result is ours, it is the mask or sheet that is not
            if file.is_dir() or (file.exists() and not task.overwrite):
                raise FileExistsError(f"'{file}' exists; --overwrite writes over it")
        status = job.source.stat()
        photo = read_photo(job.source, max_megapixels=self.options.max_megapixels)
        inputs = note_of(status, photo.encoded)
        return replace(task, photo=photo, inputs=inputs, seconds=seconds_since(started, "read"))

    def detect(self, tasks: list[Task]) -> list[Task]:
        """Finds the objects of several photos; each is booked the same share of the time."""
        started = time.perf_counter()
        found = self.pipeline.detect([photo_of(task).pixels for task in tasks])
        seconds = (time.perf_counter() - started) / len(tasks)
        return [
            replace(task, found=one, seconds=task.seconds | {"segment": seconds})
            for task, one in zip(tasks, found, strict=True)
        ]

    def find(self, task: Task) -> Task:
        """Gets what is to be removed from where it is given: mask files, annotations, boxes."""
        started = time.perf_counter()
        found = self.source(photo_of(task))
        inputs = task.inputs | self.note_of_masks(task.job.source)
        return replace(
            task, found=found, inputs=inputs, seconds=task.seconds | seconds_since(started, "segment")
        )

    def fill(self, task: Task) -> Task:
        """Refines the mask and fills it."""
        assert task.found is not None
        result = self.pipeline.erase(photo_of(task).pixels, task.found)
        seconds = {name: value for name, value in result.seconds.items() if name != "segment"}
        return replace(task, result=result, seconds=task.seconds | seconds)

    def write(self, task: Task) -> Outcome:
        """Writes the result and what else was asked for, and has it noted."""
        from removal.images import write_photo

        assert task.result is not None
        started, job, photo, result = time.perf_counter(), task.job, photo_of(task), task.result
        job.target.parent.mkdir(parents=True, exist_ok=True)
        write_photo(photo, result.image, result.mask, job.target, overwrite=task.overwrite)
        write_extras(job, photo, result)
        outcome = Outcome(
            job,
            "done" if result.mask.any() else "unchanged",
            objects=objects_of(result.detections),
            attached=objects_of(result.attached),
            mask_share=share(result.mask),
            parts={name: share(part) for name, part in result.parts.items()},
            shadow_confidence=result.shadow_confidence,
            seconds=task.seconds | seconds_since(started, "write"),
            inputs=task.inputs,
        )
        if self.note is not None:
            self.note(outcome)
        return outcome

    def note_of_masks(self, photo: Path) -> dict[str, Any]:
        """What the record notes of the file that a photo's mask is in; empty where it is in none."""
        if not isinstance(self.source, FileMasks):
            return {}
        path = self.source.files.find(photo)
        if path != self.source.files.path:
            return {"mask_file": note_of_file(path)} if path.is_file() else {}
        if self.note_of_all_masks is None:
            self.note_of_all_masks = {"mask_file": note_of_file(path)}
        return self.note_of_all_masks


def one_by_one(work: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    """Work on one item as a stage takes it."""
    return lambda items: [work(item) for item in items]


def photo_of(task: Task) -> Photo:
    assert task.photo is not None
    return task.photo


def seconds_since(started: float, stage: str) -> dict[str, float]:
    return {stage: time.perf_counter() - started}


def share(mask: np.ndarray) -> float:
    """The share of a bool (H, W) mask that is True."""
    import cv2
    import numpy as np

    return cv2.countNonZero(mask.view(np.uint8)) / mask.size


def note_of_file(path: Path) -> dict[str, Any]:
    status = path.stat()
    return {"path": str(path.absolute())} | note_of(status, path.read_bytes())


def objects_of(detections: Detections) -> list[dict[str, Any]]:
    """Label, score and box of each object as JSON takes them."""
    return [
        {"label": label, "score": round(float(score), 4), "box_xyxy": [round(float(edge), 1) for edge in box]}
        for label, score, box in zip(detections.labels, detections.scores, detections.boxes, strict=True)
    ]


def write_extras(job: Job, photo: Photo, result: Removal) -> None:
    """The mask, the comparison sheet and the maps of damage, where they are asked for."""
    from removal.images import write_mask, write_png
    from removal.images.sheet import comparison_sheet

    if job.mask is not None:
        write_mask(result.mask, job.mask, overwrite=True)
    if job.sheet is not None:
        sheet = comparison_sheet(photo.pixels, result.parts, result.image)
        write_png(sheet, job.sheet, overwrite=True)
    for name, level in result.maps.items():
        if (path := getattr(job, name)) is not None:
            write_png((level * 255 + 0.5).astype("uint8"), path, overwrite=True)


def outcome_of(finished: Finished) -> Outcome:
    """The outcome of a photo that went through the stages, or of one that failed on the way."""
    if finished.error is None:
        return finished.item
    job = finished.item.job
    return Outcome(job, "failed", error=describe(job.source, finished.error))


def describe(path: Path, error: Exception) -> str:
    """One line that names the file and the cause."""
    import cv2

    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: '{error.filename or path}'"
    else:
        text = " ".join(str(error).split())
    if not isinstance(error, ValueError | TypeError | OSError | RuntimeError | cv2.error) or not text:
        text = f"{type(error).__name__} {text}".rstrip()
    return text if str(path) in text else f"{path}: {text}"
