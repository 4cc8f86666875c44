"""What runs on a cluster's machines: workers that hold the models, and the ledger of what they are at."""

from __future__ import annotations

import os
import pickle
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from removal.batch import Job, Outcome
from removal.models import RunError
from removal.options import RunOptions
from removal.remote_files import RemotePath, fetch, is_remote, store

if TYPE_CHECKING:
    from removal.work import PhotoWork

ATTEMPTS = 3  # as often a worker may die in a photo; after that the photo is taken to be the cause


@dataclass(frozen=True)
class Assignment:
    """A photo of a run. index: its place among the run's jobs; overwrite: its files may be written over."""

    index: int
    job: Job
    overwrite: bool


class Ledger:
    """What has begun and what has ended, kept apart from the workers because these may die."""

    def __init__(self) -> None:
        self.open: Counter[int] = Counter()
        self.outcomes: dict[int, Outcome] = {}

    def begin(self, index: int) -> tuple[int, Outcome | None]:
        """How many workers have died in this photo; and its outcome, where one died after it."""
        if index in self.outcomes:
            return 0, self.outcomes[index]
        self.open[index] += 1
        return self.open[index] - 1, None

    def end(self, index: int, outcome: Outcome) -> None:
        self.outcomes[index] = outcome

    def forget(self, indices: Iterable[int]) -> None:
        """Called when the outcomes have come to where they are recorded."""
        for index in indices:
            self.open.pop(index, None)
            self.outcomes.pop(index, None)


class PhotoWorker:
    """One worker: the models, loaded once, and the photos it is given.

    models: what runs, in words, on the machine that was asked first: another model here would be another
    result. ledger: the handle of a Ledger actor. threads: processors that this worker may use.
    Raises RunError where the models cannot be had or are others.
    """

    def __init__(self, options: RunOptions, models: dict[str, str], ledger: Any, threads: int):
        use_threads(threads)
        self.work, here = load(options)
        if here != models:
            raise RunError(f"{os.uname().nodename} has other models than the first machine: {here}, {models}")
        self.ledger = ledger

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Does a group of photos. row["work"]: pickled Assignments; their outcomes come back the same way, as
        pairs with the index."""
        import ray

        finished = []
        for assignment in pickle.loads(row["work"]):
            deaths, outcome = ray.get(self.ledger.begin.remote(assignment.index))
            if outcome is None:
                outcome = self.outcome_of(assignment, deaths)
                ray.get(self.ledger.end.remote(assignment.index, outcome))
            finished.append((assignment.index, outcome))
        return {"work": pickle.dumps(finished)}

    def outcome_of(self, assignment: Assignment, deaths: int) -> Outcome:
        """deaths: of workers in this photo. What these may have written is written over."""
        job = assignment.job
        if deaths >= ATTEMPTS:
            text = f"{job.source}: {deaths} workers died at this photo, perhaps for want of memory"
            return Outcome(job, "failed", error=text)
        return erase(job, self.work, overwrite=assignment.overwrite or deaths > 0)


def use_threads(count: int) -> None:
    """Has everything that starts threads of its own use this many, so that the workers of one machine do not
    stand in each other's way."""
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(count)
    import cv2

    cv2.setNumThreads(count)


def load(options: RunOptions, say: Any = str) -> tuple[PhotoWork, dict[str, str]]:
    """The work on photos and what it runs with, in words; masks in a file elsewhere are fetched first."""
    from removal.run import build_work

    return build_work(options, say)


def describe_models(options: RunOptions, threads: int) -> tuple[dict[str, str], list[str]]:
    """What runs on this machine, in words, and what is to be said about it."""
    use_threads(threads)
    said: list[str] = []
    _, models = load(options, said.append)
    return models, said


def erase(job: Job, work: PhotoWork, *, overwrite: bool) -> Outcome:
    """One photo, wherever it and its results are. What goes wrong with it is in the outcome, not raised."""
    if not any(is_remote(path) for path in (job.source, *job.files)):
        return work.do(job, overwrite=overwrite)
    from removal.work import describe

    with tempfile.TemporaryDirectory(prefix="removal-") as folder:
        here = local_job(job, Path(folder))
        seconds: dict[str, float] = {}
        try:
            refuse_existing(job.files, overwrite=overwrite)
            started = time.perf_counter()
            if isinstance(job.source, RemotePath):
                fetch(job.source, here.source)
            seconds["fetch"] = time.perf_counter() - started
            outcome = work.do(here, overwrite=overwrite)
            started = time.perf_counter()
            if outcome.error is None:
                store_all(here.files, job.files)
            seconds["store"] = time.perf_counter() - started
        except OSError as error:
            return Outcome(job, "failed", error=describe(job.source, error))
    error_text = outcome.error
    for mine, theirs in zip((here.source, *here.files), (job.source, *job.files), strict=True):
        error_text = error_text and error_text.replace(str(mine), str(theirs))
    return replace(outcome, job=job, error=error_text, seconds=outcome.seconds | seconds)


def local_job(job: Job, folder: Path) -> Job:
    """The job with files in a folder of this machine in the place of those elsewhere. Below it a photo keeps
    the folders it is in, by which its masks may be known."""

    def here(path: Path | None, place: str) -> Path | None:
        if path is None or not is_remote(path):
            return path
        return folder / place / Path(*path.parts[1:] if place == "in" else [path.name])

    source, target = here(job.source, "in"), here(job.target, "out")
    assert source is not None
    assert target is not None
    return Job(source, target, here(job.mask, "mask"), here(job.sheet, "sheet"))


def refuse_existing(files: Sequence[Path], *, overwrite: bool) -> None:
    for file in files:
        if not overwrite and is_remote(file) and file.exists():
            raise FileExistsError(f"'{file}' exists; --overwrite writes over it")


def store_all(here: Sequence[Path], there: Sequence[Path]) -> None:
    """Copies results to where they belong: the photo last, for it is what says that all is done."""
    for mine, theirs in reversed(list(zip(here, there, strict=True))):
        if isinstance(theirs, RemotePath):
            store(mine, theirs)
