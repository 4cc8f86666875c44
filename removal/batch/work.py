"""The work on single photos, from file to file, in the stages that a run puts them through."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _removal_support.files import is_there
from removal.batch.jobs import MAPS, Job, Outcome
from removal.batch.notes import note_of
from removal.batch.stages import Finished, Stage
from removal.batch.threads import OneAtATime
from removal.cluster.paths import is_remote
from removal.errors import ResultExistsError, describe
from removal.models import build
from removal.options import OutputOptions, RunOptions

if TYPE_CHECKING:
    import numpy as np

    from removal.images import Photo
    from removal.pipeline import Pipeline, Removal
    from removal.sources import MaskSource
    from segment import Detections


@dataclass(eq=False)
class Task:
    """A photo on its way through the stages, each of which sets what it makes.

    overwrite: whether the job's files may be written over. seconds: wall time by stage. inputs: what a record
    notes of the files that were read.
    """

    job: Job
    overwrite: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    photo: Photo = field(init=False)  # set by read
    found: Detections = field(init=False)  # set by segment
    result: Removal = field(init=False)  # set by fill


class PhotoWork:
    """What is done with each photo; its methods may be called by several threads.

    pipeline: refines and fills. source: gives what is to be removed. output: the folder of all results, which
    is there before any work is done; None = none. note: called with the outcome of each photo that was
    written, before anybody else hears of it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        source: MaskSource,
        *,
        max_megapixels: float = OutputOptions.max_megapixels,
        output: Path | None = None,
        note: Callable[[Outcome], object] | None = None,
    ):
        self.output = output
        self.pipeline, self.source, self.max_megapixels, self.note = pipeline, source, max_megapixels, note
        if pipeline.inpainter is not None and not pipeline.inpainter.may_overlap:
            pipeline.inpainter = OneAtATime(pipeline.inpainter)

    def do(self, task: Task, *, busy: dict[str, float] | None = None) -> Outcome:
        """One photo by itself. What goes wrong with it is in the outcome and not raised.

        busy: the seconds of each stage are added to it by name; None = nobody asks.
        """
        busy = {} if busy is None else busy
        item: Any = task
        for stage in self.stages():
            started = time.perf_counter()
            try:
                if stage.each is not None:
                    item = stage.each(item)
                else:
                    assert stage.work is not None
                    (item,) = stage.work([item])
            except Exception as error:
                item = Finished(item, error, stage.name)
                break
            finally:
                busy[stage.name] = busy.get(stage.name, 0.0) + time.perf_counter() - started
        return outcome_of(item) if isinstance(item, Finished) else item

    def stages(self, *, workers: int = 1, batch: int = 1) -> list[Stage]:
        """The stages a Task goes through to become an Outcome.

        workers: threads of each stage but for one on a device, which has one. batch: the most photos that
        such a one is given at once.
        """
        on_device = self.source.batched
        return [
            Stage("read", each=self.read, workers=workers),
            Stage(
                "segment", self.segment, batch=batch if on_device else 1, workers=1 if on_device else workers
            ),
            Stage("fill", each=self.fill, workers=workers),
            Stage("write", each=self.write, workers=workers),
        ]

    def read(self, task: Task) -> Task:
        """Decodes the photo, unless a file that it would write is there already."""
        from removal.images import read_photo

        started, job = time.perf_counter(), task.job
        for file in reversed(job.files):  # where the result is ours, it is the mask or sheet that is not
            check_free(file, overwrite=task.overwrite)
        status = job.source.stat()
        task.photo = read_photo(job.source, max_megapixels=self.max_megapixels)
        task.inputs = note_of(status, task.photo.encoded)
        task.seconds["read"] = time.perf_counter() - started
        return task

    def segment(self, tasks: list[Task]) -> list[Task]:
        """Finds what is to be removed from several photos; each is booked the same share of the time."""
        started = time.perf_counter()
        found = self.source([task.photo for task in tasks])
        notes = [self.source.note(task.job.source) for task in tasks]
        seconds = (time.perf_counter() - started) / len(tasks)
        for task, detections, note in zip(tasks, found, notes, strict=True):
            task.found = detections
            task.inputs |= note
            task.seconds["segment"] = seconds
        return tasks

    def fill(self, task: Task) -> Task:
        """Refines the mask and fills it."""
        task.result = self.pipeline.erase(task.photo.pixels, task.found)
        task.seconds |= {name: value for name, value in task.result.seconds.items() if name != "segment"}
        return task

    def write(self, task: Task) -> Outcome:
        """Writes the result and what else was asked for, and has it noted."""
        from removal.images import write_photo

        started, job, result = time.perf_counter(), task.job, task.result
        self.make_folder(job)
        write_photo(task.photo, result.image, result.mask, job.target, overwrite=task.overwrite)
        write_extras(job, task.photo, result, overwrite=task.overwrite)
        outcome = Outcome(
            job,
            "done" if result.mask.any() else "unchanged",
            objects=objects_of(result.detections),
            attached=objects_of(result.attached),
            mask_share=share(result.mask),
            parts={name: share(part) for name, part in result.parts.items()},
            shadow_confidence=result.shadow_confidence,
            seconds=task.seconds | {"write": time.perf_counter() - started},
            inputs=task.inputs,
            notes=list(task.photo.notes),
        )
        if self.note is not None:
            self.note(outcome)
        return outcome

    def make_folder(self, job: Job) -> None:
        """Makes the folder of a job's files. The folder of all results is not made anew: where it disappeared
        during the run, what lay there did too."""
        output = self.output
        if output is not None and output != job.target and not is_remote(output) and not output.is_dir():
            reason = "the output folder disappeared during the run"
            raise FileNotFoundError(errno.ENOENT, reason, str(output))
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
            cause = "a file of this name is in the way" if in_the_way else error.strerror
            text = f"cannot make the folder for the result: {cause}"
            raise OSError(error.errno, text, str(job.target.parent)) from error


def build_work(options: RunOptions, say: Callable[[str], None]) -> tuple[PhotoWork, dict[str, str]]:
    """Loads the models; also returns what they are in words. Raises RunError."""
    pipeline, source, models = build(options, say)
    work = PhotoWork(pipeline, source, max_megapixels=options.max_megapixels, output=options.output)
    return work, models


def check_free(file: Path, *, overwrite: bool) -> None:
    """Raises ResultExistsError where a result cannot have this name: a folder has it, or a file that may not
    be written over."""
    if file.is_dir() or (is_there(file) and not overwrite):
        raise ResultExistsError(f"'{file}' exists, and nothing says to write over it", option="overwrite")


def share(mask: np.ndarray) -> float:
    """The share of a bool (H, W) mask that is True."""
    import cv2
    import numpy as np

    return cv2.countNonZero(mask.view(np.uint8)) / mask.size


def objects_of(detections: Detections) -> list[dict[str, Any]]:
    """Label, score and box of each object as JSON takes them."""
    return [
        {"label": label, "score": round(float(score), 4), "box_xyxy": [round(float(edge), 1) for edge in box]}
        for label, score, box in zip(detections.labels, detections.scores, detections.boxes, strict=True)
    ]


def write_extras(job: Job, photo: Photo, result: Removal, *, overwrite: bool) -> None:
    """The mask, the comparison sheet and the maps of damage, where they are asked for."""
    import numpy as np

    from removal.images import write_mask, write_png
    from removal.images.sheet import comparison_sheet

    if job.mask is not None:
        write_mask(result.mask, job.mask, overwrite=overwrite)
    if job.sheet is not None:
        sheet = comparison_sheet(photo.pixels, result.parts, result.image)
        write_png(sheet, job.sheet, overwrite=overwrite)
    for name in MAPS:
        if (path := getattr(job, name)) is not None:
            level = result.maps.get(name)
            if level is None:  # written all the same: a run that goes on asks for all files of a photo
                level = np.zeros(result.mask.shape, np.float32)
            write_png((level * 255 + 0.5).astype(np.uint8), path, overwrite=overwrite)


def outcome_of(finished: Finished) -> Outcome:
    """The outcome of a photo that went through the stages, or of one that failed on the way."""
    if finished.error is None:
        outcome: Outcome = finished.item
        return outcome
    return failed(finished.item.job, finished.error)


def failed(job: Job, error: Exception) -> Outcome:
    """The outcome of a photo that an error ended: one line that names the file and the cause."""
    text = describe(error, job.source)
    return Outcome(job, "failed", error=text, option=getattr(error, "option", None))
