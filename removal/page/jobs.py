"""One worker for the models: jobs wait in a queue, say how far they are, and can be cancelled."""

from __future__ import annotations

import queue
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from _removal_support.errors import RemovalError, one_line

KEPT_JOBS = 200


class CancelledError(Exception):
    """The job was cancelled; what it was about to give is dropped."""


@dataclass(eq=False)
class Job:
    """state: "queued", "running", "done", "failed" or "cancelled". stage: what is done now, in a word."""

    kind: str
    photo: str | None
    work: Callable[[Job], dict[str, Any]] | None
    notify: Callable[[Job], None]
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = "queued"
    stage: str = ""
    error: str | None = None
    result: dict[str, Any] | None = None

    def at(self, stage: str) -> None:
        """Says that a stage begins. Raises CancelledError where the job was cancelled meanwhile."""
        if self.state == "cancelled":
            raise CancelledError
        self.stage = stage
        self.notify(self)

    def record(self) -> dict[str, Any]:
        return {
            "job": self.id,
            "kind": self.kind,
            "photo": self.photo,
            "state": self.state,
            "stage": self.stage,
            "error": self.error,
            "result": self.result,
        }


class Worker:
    """Runs jobs one after the other in a thread of its own.

    notify: called with a job whenever something about it changed, from any thread.
    """

    def __init__(self, notify: Callable[[Job], None]):
        self.notify = notify
        self.jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: queue.Queue[Job | None] = queue.Queue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="page-worker", daemon=True)
        self._thread.start()

    def submit(self, kind: str, photo: str | None, work: Callable[[Job], dict[str, Any]]) -> Job:
        """Queues work; it is given its job and returns what the job's `result` is to be, as JSON takes it."""
        job = Job(kind, photo, work, self.notify)
        with self._lock:
            self.jobs[job.id] = job
            while len(self.jobs) > KEPT_JOBS:
                self.jobs.popitem(last=False)
        self.notify(job)
        self._queue.put(job)
        return job

    def cancel(self, job_id: str) -> Job | None:
        """Cancels a job at once for whoever waits for it; what is being computed is dropped when it ends."""
        with self._lock:
            job = self.jobs.get(job_id)
            if job is None or job.state not in ("queued", "running"):
                return job
            job.state = "cancelled"
        self.notify(job)
        return job

    def close(self) -> None:
        for job_id in list(self.jobs):
            self.cancel(job_id)
        self._queue.put(None)

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            self._work_off(job)
            job.work = None  # nothing that it held is kept

    def _work_off(self, job: Job) -> None:
        with self._lock:
            if job.state == "cancelled":
                return
            job.state = "running"
        self.notify(job)
        assert job.work is not None
        try:
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
        self.notify(job)
