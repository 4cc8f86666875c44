"""Who works off the photos of a run: the protocol of an engine, and the one that works in this process."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Protocol

from removal.batch.jobs import Job, Outcome
from removal.batch.record import Record
from removal.batch.report import RunReport
from removal.batch.stages import overlapped
from removal.batch.threads import default_workers
from removal.batch.work import PhotoWork, Task, outcome_of
from removal.options import RunOptions

STARTED_TOGETHER = 16  # photos whose start is noted by one write to the disk
IN_FLIGHT_PER_WORKER = 8  # photos: enough that a write that the disk holds up does not stop the models
MEGAPIXELS_PER_WORKER = 32  # of photos alive at once, each some 20 bytes to a pixel
BATCH_ON_A_GPU = 8


class Engine(Protocol):
    """Has the models, and does the photos of a run.

    models: what runs, in words: "masks" and "inpainter".
    """

    @property
    def models(self) -> Mapping[str, str]: ...

    def outcomes(
        self, jobs: Sequence[Job], record: Record, report: RunReport
    ) -> Generator[Outcome, None, None]:
        """The outcome of each job, in their order, noted in the record; the report is kept up to date.

        Closing it ends the work after the photos that are in hand.
        """
        ...

    def close(self) -> None:
        """Gives back what the engine holds besides memory."""
        ...


class LocalEngine:
    """Works in this process: the photos of a folder overlap in threads, a single one has none.

    work, models: as `removal.batch.work.build_work` gives them.
    """

    def __init__(self, work: PhotoWork, models: Mapping[str, str], options: RunOptions) -> None:
        self.work, self.models, self.options = work, models, options

    def outcomes(
        self, jobs: Sequence[Job], record: Record, report: RunReport
    ) -> Generator[Outcome, None, None]:
        self.work.note = record.ended
        report.workers = workers = self.options.workers or default_workers()
        report.batch_size = batch = self.options.batch_size or default_batch(self.options)
        overwrite, started = self.options.overwrite, time.perf_counter()
        with ExitStack() as ending:
            if len(jobs) == 1:
                tasks: Iterator[Task] = map(Task, jobs, record.start(jobs, overwrite=overwrite))
                outcomes: Iterator[Outcome] = map(partial(self.work.do, busy=report.busy), tasks)
            else:
                finished = overlapped(
                    started_in_groups(jobs, record, overwrite=overwrite),
                    self.work.stages(workers=workers, batch=batch),
                    in_flight=IN_FLIGHT_PER_WORKER * workers + 2 * batch,
                    weight=megapixels,
                    capacity=MEGAPIXELS_PER_WORKER * workers,
                    busy=report.busy,
                )
                outcomes = map(outcome_of, ending.enter_context(closing(finished)))
            for outcome in outcomes:
                if outcome.outcome == "failed":  # the others were noted when they were written
                    record.ended(outcome)
                report.seconds = time.perf_counter() - started
                yield outcome

    def close(self) -> None:
        pass


def started_in_groups(jobs: Sequence[Job], record: Record, *, overwrite: bool) -> Iterator[Task]:
    """The tasks of the jobs; their start is noted before they are given, that of some by one write to the
    disk."""
    for first in range(0, len(jobs), STARTED_TOGETHER):
        group = jobs[first : first + STARTED_TOGETHER]
        yield from map(Task, group, record.start(group, overwrite=overwrite))


def megapixels(task: Task) -> float:
    """The size of a task's photo by its header; 0 where that cannot be read."""
    from PIL import Image, UnidentifiedImageError

    from _removal_support.pillow_limit import pillow_limit_lifted
    from removal.images.size import read_size

    try:
        if not task.job.source.is_file():  # a pipe would be waited for
            return 0.0
        with pillow_limit_lifted(sys.maxsize), Image.open(task.job.source) as image:
            return image.width * image.height / 1e6
    except UnidentifiedImageError:  # a HEIF, for instance, which Pillow does not know
        try:
            height, width, _ = read_size(task.job.source)
        except (OSError, ValueError):
            return 0.0
        return height * width / 1e6
    except (OSError, ValueError, SyntaxError):
        return 0.0


def default_batch(options: RunOptions) -> int:
    """Photos that the detector is given at once: several where there is a GPU, for one fills a processor."""
    if not options.has_detector or "torch" not in sys.modules:
        return 1  # the models are loaded, and none of them runs on a GPU
    from _removal_support.device import resolve_device

    return 1 if resolve_device(options.device) == "cpu" else BATCH_ON_A_GPU
