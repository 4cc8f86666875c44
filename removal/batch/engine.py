"""The engine of a run: what is to be done is put through the stages, many photos at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from removal.batch.jobs import Job, Outcome
from removal.batch.record import Manifest
from removal.batch.report import RunReport
from removal.batch.stages import in_turn, overlapped
from removal.batch.threads import default_workers
from removal.batch.work import PhotoWork, Task, outcome_of
from removal.options import RunOptions

if TYPE_CHECKING:
    from removal.cluster.engine import Cluster

STARTED_TOGETHER = 16  # photos whose start is noted by one write to the disk
IN_FLIGHT_PER_WORKER = 8  # photos: enough that a write that the disk holds up does not stop the models
MEGAPIXELS_PER_WORKER = 32  # of photos alive at once, each some 20 bytes to a pixel
BATCH_ON_A_GPU = 8


def work_off(
    jobs: Sequence[Job],
    work: PhotoWork | Cluster,
    options: RunOptions,
    manifest: Manifest | None,
    report: RunReport,
) -> Generator[Outcome, None, None]:
    """The outcome of each job, in their order. A single one is done without any threads."""
    if not isinstance(work, PhotoWork):
        tasks = noted_tasks(jobs, options, manifest, together=max(1, len(jobs)))
        yield from work.work_off(list(tasks), report)
        return
    workers = options.workers or default_workers()
    batch = options.batch_size or default_batch(options)
    report.workers, report.batch_size = workers, batch
    stages = work.stages(workers=workers, batch=batch)
    tasks = noted_tasks(jobs, options, manifest)
    started = time.perf_counter()
    if len(jobs) == 1:
        results = in_turn(tasks, stages, busy=report.busy)
    else:
        results = overlapped(
            tasks,
            stages,
            in_flight=IN_FLIGHT_PER_WORKER * workers + 2 * batch,
            weight=megapixels,
            capacity=MEGAPIXELS_PER_WORKER * workers,
            busy=report.busy,
        )
    with closing(results):
        for finished in results:
            outcome = outcome_of(finished)
            del finished
            if manifest is not None and outcome.outcome == "failed":
                manifest.ended(outcome)
            report.seconds = time.perf_counter() - started
            yield outcome


def noted_tasks(
    jobs: Sequence[Job], options: RunOptions, manifest: Manifest | None, *, together: int = STARTED_TOGETHER
) -> Iterator[Task]:
    """The tasks of the jobs, their start noted, that of `together` ones by one write to the disk. A photo
    begun by an earlier run may be written again."""
    for first in range(0, len(jobs), together):
        group = jobs[first : first + together]
        if manifest is None:
            yield from (Task(job, options.overwrite) for job in group)
            continue
        allowed = [options.overwrite or manifest.is_ours(job) for job in group]
        free = [
            job
            for job, may in zip(group, allowed, strict=True)
            if may or not any(file.exists() for file in job.files)
        ]
        manifest.started(free)
        yield from (Task(job, may) for job, may in zip(group, allowed, strict=True))


def megapixels(task: Task) -> float:
    """The size of a task's photo by its header; 0 where that cannot be read."""
    from PIL import Image

    from _removal_support.pillow_limit import pillow_limit_lifted

    try:
        if not task.job.source.is_file():  # a pipe would be waited for
            return 0.0
        with pillow_limit_lifted(sys.maxsize), Image.open(task.job.source) as image:
            return image.width * image.height / 1e6
    except (OSError, ValueError, SyntaxError):
        return 0.0


def default_batch(options: RunOptions) -> int:
    """Photos that the detector is given at once: several where there is a GPU, for one fills a processor."""
    if not options.has_detector or "torch" not in sys.modules:
        return 1  # the models are loaded, and none of them runs on a GPU
    from _removal_support.device import resolve_device

    return 1 if resolve_device(options.device) == "cpu" else BATCH_ON_A_GPU
