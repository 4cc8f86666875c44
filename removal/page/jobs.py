"""The work behind the page: jobs wait in a queue, say how far they are, and stop when they are cancelled."""

from __future__ import annotations

import queue
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from _removal_support.errors import RemovalError, one_line
from _removal_support.progress import watched

KEPT_JOBS = 200
LEAST_BETWEEN_S = 0.15  # between two times that progress is told


class CancelledError(Exception):
    """The job was cancelled; what it was about to give is dropped."""


@dataclass(eq=False)
class Job:
    """state: "queued", "running", "done", "failed" or "cancelled". stage: what is done now, in a word.
    progress: 0 to 1, how much of the stage is done; None = it does not tell. notify: called when something
    about the job changed; None = nobody is told."""

    kind: str
    photo: str | None = None
    work: Callable[[Job], dict[str, Any]] | None = None
    notify: Callable[[Job], None] | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = "queued"
    stage: str = ""
    progress: float | None = None
    error: str | None = None
    result: dict[str, Any] | None = None
    _told: float = 0.0

    def at(self, stage: str) -> None:
        """Says that a stage begins. Raises CancelledError where the job was cancelled meanwhile."""
        if self.state == "cancelled":
            raise CancelledError
        self.stage, self.progress = stage, None
        self.tell()

    def advance(self, share: float) -> None:
        """Says how much of the stage is done, 0 to 1. Raises CancelledError as `at` does."""
        if self.state == "cancelled":
            raise CancelledError
        self.progress = round(share, 3)
        if monotonic() - self._told >= LEAST_BETWEEN_S:
            self.tell()

    def tell(self) -> None:
        self._told = monotonic()
        if self.notify is not None:
            self.notify(self)

    def record(self) -> dict[str, Any]:
        return {
            "job": self.id,
            "kind": self.kind,
            "photo": self.photo,
            "state": self.state,
            "stage": self.stage,
            "progress": self.progress,
            "error": self.error,
            "result": self.result,
        }


class Worker:
    """Runs jobs in two threads, each one after the other: one for the models, and one for what is quick, so
    that the page can be clicked on while a fill runs.

    notify: called with a job whenever something about it changed, from any thread.
    """

    def __init__(self, notify: Callable[[Job], None]):
        self.notify = notify
        self.jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._queues: dict[bool, queue.Queue[Job | None]] = {False: queue.Queue(), True: queue.Queue()}
        for quick, jobs in self._queues.items():
            name = f"page-{'quick' if quick else 'models'}"
            threading.Thread(target=self._run, args=(jobs,), name=name, daemon=True).start()

    def submit(
        self,
        kind: str,
        photo: str | None,
        work: Callable[[Job], dict[str, Any]],
        *,
        quick: bool = False,
        silent: bool = False,
    ) -> Job:
        """Queues work; it is given its job and returns what the job's `result` is to be, as JSON takes it.

        quick: it takes no model, and need not wait for those. silent: nobody is told of it.
        """
        job = Job(kind, photo, work, None if silent else self.notify)
        with self._lock:
            self.jobs[job.id] = job
            while len(self.jobs) > KEPT_JOBS:
                self.jobs.popitem(last=False)
        job.tell()
        self._queues[quick].put(job)
        return job

    def cancel(self, job_id: str) -> Job | None:
        """Cancels a job, at once for whoever waits for it; the work stops at its next portion."""
        with self._lock:
            job = self.jobs.get(job_id)
            if job is None or job.state not in ("queued", "running"):
                return job
            job.state = "cancelled"
        job.tell()
        return job

    def close(self) -> None:
        for job_id in list(self.jobs):
            self.cancel(job_id)
        for jobs in self._queues.values():
            jobs.put(None)

    def _run(self, jobs: queue.Queue[Job | None]) -> None:
        while (job := jobs.get()) is not None:
            self._work_off(job)
            job.work = None  # nothing that it held is kept

    def _work_off(self, job: Job) -> None:
        with self._lock:
            if job.state == "cancelled":
                return
            job.state = "running"
        job.tell()
        assert job.work is not None
        try:
            with watched(job.advance):
                result, error = job.work(job), None
        except CancelledError:
            return
        except (RemovalError, OSError, ValueError, TypeError, RuntimeError, MemoryError) as problem:
            result, error = None, one_line(str(problem)) or type(problem).__name__
        except Exception as problem:  # a fault of ours: the worker goes on, the page says what it was
            result, error = None, one_line(f"{type(problem).__name__}: {problem}")
        with self._lock:
            if job.state == "cancelled":
                return
            job.result, job.error, job.state = result, error, "failed" if error else "done"
        job.tell()
