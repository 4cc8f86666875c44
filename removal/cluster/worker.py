"""What runs on a cluster's machines: workers that hold the models, and the ledger of what they are at."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from removal.batch.jobs import EXTRAS, Job, Outcome
from removal.batch.work import PhotoWork, Task, build_work, check_free, failed
from removal.cluster.paths import RemotePath, fetch, is_remote, local_copy, store
from removal.errors import RunError
from removal.options import RunOptions

COPIES = "removal-worker-"  # and the process: folders of photos from elsewhere while they are worked on
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

    def turn(self, ended: tuple[int, Outcome] | None, begun: int | None) -> tuple[int, Outcome | None]:
        """One photo has ended and the next begins, or None; one call of a worker per photo.

        Returns how many workers have died in the next photo; and its outcome, where one died after it.
        """
        if ended is not None:
            self.outcomes[ended[0]] = ended[1]
        if begun is None or begun in self.outcomes:
            return 0, None if begun is None else self.outcomes[begun]
        self.open[begun] += 1
        return self.open[begun] - 1, None

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
        clear_after_the_dead()
        self.work, here, self.copied = load(options, lambda text: None)  # the first machine has said it
        if here != models:
            machine = socket.gethostname()
            raise RunError(f"{machine} would use other models than the first machine: {here}, not {models}")
        self.ledger = ledger

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Does a group of photos. row["work"]: pickled Assignments; their outcomes come back the same way, as
        pairs with the index."""
        import ray

        finished: list[tuple[int, Outcome]] = []
        ended = None
        for assignment in pickle.loads(row["work"]):
            deaths, outcome = ray.get(self.ledger.turn.remote(ended, assignment.index))
            ended = (assignment.index, outcome or self.outcome_of(assignment, deaths))
            finished.append(ended)
        ray.get(self.ledger.turn.remote(ended, None))
        return {"work": pickle.dumps(finished)}

    def outcome_of(self, assignment: Assignment, deaths: int) -> Outcome:
        """deaths: of workers in this photo. What these may have written is written over."""
        job = assignment.job
        if deaths >= ATTEMPTS:
            text = f"{job.source}: {deaths} workers died at this photo, perhaps for want of memory"
            return Outcome(job, "failed", error=text)
        outcome = erase(Task(job, assignment.overwrite or deaths > 0), self.work)
        return renamed(outcome, self.copied)


def clear_after_the_dead() -> None:
    """Removes the copies that workers of this machine held when they were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{COPIES}*-*"):
        process = folder.name.removeprefix(COPIES).partition("-")[0]
        if process.isdecimal() and not is_alive(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        pass
    return True


def use_threads(count: int) -> None:
    """Has everything that starts threads of its own use this many, so that the workers of one machine do not
    stand in each other's way."""
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(count)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait sleep
    import cv2

    cv2.setNumThreads(count)


def load(options: RunOptions, say: Callable[[str], None]) -> tuple[PhotoWork, dict[str, str], dict[str, str]]:
    """The work on photos; what it runs with, in words; and the paths here of what was copied here, with their
    own names."""
    if not is_remote(options.masks):
        return *build_work(options, say), {}
    try:
        here = local_copy(options.masks)
    except OSError as error:
        raise RunError(f"{options.masks}: {error.strerror or error}") from error
    copied = {str(here): str(options.masks)}
    work, models = build_work(replace(options, masks=here), lambda text: say(with_names(text, copied)))
    return work, {name: with_names(text, copied) for name, text in models.items()}, copied


def with_names(text: str, copied: Mapping[str, str]) -> str:
    """A text that names things by their own names, and not by those of their copies here."""
    for here, there in copied.items():
        text = text.replace(here, there)
    return text


def renamed(outcome: Outcome, copied: Mapping[str, str]) -> Outcome:
    """The outcome with things called by their own names."""
    inputs = dict(outcome.inputs)
    if copied and "mask_file" in inputs:
        inputs["mask_file"] = inputs["mask_file"] | {"path": with_names(inputs["mask_file"]["path"], copied)}
    error = None if outcome.error is None else with_names(outcome.error, copied)
    return replace(outcome, inputs=inputs, error=error)


def describe_models(options: RunOptions, threads: int) -> tuple[dict[str, str], list[str]]:
    """What runs on this machine, in words, and what is to be said about it."""
    use_threads(threads)
    said: list[str] = []
    _, models, _ = load(options, said.append)
    return models, said


def erase(task: Task, work: PhotoWork) -> Outcome:
    """One photo, wherever it and its results are. What goes wrong with it is in the outcome, not raised."""
    job = task.job
    if not any(is_remote(path) for path in (job.source, *job.files)):
        return work.do(task)
    with tempfile.TemporaryDirectory(prefix=f"{COPIES}{os.getpid()}-") as folder:
        here = local_job(job, Path(folder))
        seconds: dict[str, float] = {}
        try:
            for file in () if task.overwrite else job.files:
                if is_remote(file):
                    check_free(file, overwrite=False)
            started = time.perf_counter()
            if isinstance(job.source, RemotePath):
                fetch(job.source, here.source)
            seconds["fetch"] = time.perf_counter() - started
            outcome = work.do(Task(here, task.overwrite))
            started = time.perf_counter()
            if outcome.error is None:
                store_all(here.files, job.files)
            seconds["store"] = time.perf_counter() - started
        except OSError as error:
            return failed(job, error)
    names = zip((here.source, *here.files), (job.source, *job.files), strict=True)
    outcome = renamed(outcome, {str(mine): str(theirs) for mine, theirs in names})
    return replace(outcome, job=job, seconds=outcome.seconds | seconds)


def local_job(job: Job, folder: Path) -> Job:
    """The job with files in a folder of this machine in the place of those elsewhere. Below it a photo keeps
    the folders it is in, by which its masks may be known. Folders for the results are made."""

    def here(path: Path | None, place: str) -> Path | None:
        if path is None or not is_remote(path):
            return path
        if place == "in":
            return folder / place / Path(*path.parts[1:])
        (folder / place).mkdir()
        return folder / place / path.name

    source, target = here(job.source, "in"), here(job.target, "out")
    assert source is not None
    assert target is not None
    extras: dict[str, Any] = {name: here(getattr(job, name), name) for name in EXTRAS}
    return Job(source, target, **extras)


def store_all(here: Sequence[Path], there: Sequence[Path]) -> None:
    """Copies results to where they belong: the photo last, for it is what says that all is done."""
    for mine, theirs in reversed(list(zip(here, there, strict=True))):
        if isinstance(theirs, RemotePath):
            store(mine, theirs)
