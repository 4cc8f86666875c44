"""The engine of a Ray cluster: the same work per photo, handed to the cluster's workers by Ray Data."""

from __future__ import annotations

import logging
import os
import pickle
import re
import shutil
import socket
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from removal.batch.jobs import EXTRAS, Job, Outcome
from removal.batch.record import Record
from removal.batch.report import RunReport
from removal.batch.work import Task
from removal.cluster.worker import Assignment, Ledger, PhotoWorker, describe_models
from removal.errors import PlanError, RunError
from removal.options import RunOptions

CPU_SHARE = 0.75  # of each processor a worker uses: workers that ask for all of them leave none for Ray Data
WORKERS_PER_GPU = 2  # one reads and writes while the other has the GPU
# Groups of photos in a run, each a task of Ray Data, of which the driver hands out some hundred a second.
MOST_GROUPS = 20_000
CONNECT_S = 5.0
_NAMED_ERROR = re.compile(r"((?:\w+\.)*\w+(?:Error|Exception)): (.*)")
STORE_BYTES = 200 << 20  # of the object store of a cluster of our own: photos do not pass through it
# Read by Ray when it is imported: no word to its makers, nothing of its own on our standard output.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_LOGGER_LEVEL": "error",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@dataclass(frozen=True)
class Crew:
    """Workers of a run. workers: how many at once, present: how many the cluster has room for now; threads,
    cpus and gpus: of each one."""

    workers: int
    present: int
    threads: int
    cpus: float
    gpus: float


def address_of(options: RunOptions) -> str | None:
    """Where the cluster is; None = one is started on this machine for the run."""
    return options.ray_address or os.environ.get("RAY_ADDRESS") or None


class RayEngine:
    """A connection to a Ray cluster, or a cluster on this machine; `close` ends it.

    models: what runs there, in words, as its first machine says it. say: told in one line what `auto` fell
    back to.
    Raises RunError where the cluster cannot be reached or the models cannot be had there.
    """

    def __init__(self, options: RunOptions, say: Callable[[str], None]):
        self.options = with_absolute_paths(options)
        self.ray = quiet_ray()
        self.folder: str | None = None
        self.ours = not self.ray.is_initialized()
        try:
            if self.ours:
                self._start()
            self.crew = crew_for(self.options, self.ray.cluster_resources())
            self.models = self._models(say)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the connection, and the cluster where it was started here; twice is once."""
        if self.ours and self.ray.is_initialized():
            with silence():
                self.ray.shutdown()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def outcomes(
        self, jobs: Sequence[Job], record: Record, report: RunReport
    ) -> Generator[Outcome, None, None]:
        """The outcome of each photo, in their order; noted as soon as it is known, which is not in order."""
        tasks = list(map(Task, jobs, record.start(jobs, overwrite=self.options.overwrite)))
        started = time.perf_counter()
        report.workers = self.crew.workers
        known: dict[int, Outcome] = {}
        following = 0
        with closing(self._finished(tasks)) as finished:
            for index, outcome in finished:
                record.ended(outcome)
                for stage, seconds in outcome.seconds.items():
                    report.busy[stage] = report.busy.get(stage, 0.0) + seconds
                report.seconds = time.perf_counter() - started
                known[index] = outcome
                while following in known:
                    yield known.pop(following)
                    following += 1

    def _finished(self, tasks: Sequence[Task]) -> Generator[tuple[int, Outcome], None, None]:
        """The outcome of each photo and its place among them, as they come. Closing it ends the workers.

        A worker that dies is started anew, and the photo it had in hand is given to another; all it had
        finished counts. Raises RunError where workers cannot be started.
        """
        ledger = self._ledger()
        with one_line_errors():
            for row in self._dataset(tasks, ledger).iter_rows():
                finished = pickle.loads(row["work"])
                ledger.forget.remote([index for index, _ in finished])
                for index, outcome in finished:
                    yield index, replace(outcome, job=tasks[index].job)

    def _ledger(self) -> Any:
        """The ledger, on this machine: it must not be lost with another one."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(self.ray.get_runtime_context().get_node_id(), soft=False)
        actor = self.ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Ledger)
        return actor.options(scheduling_strategy=here).remote()

    def _start(self) -> None:
        address = address_of(self.options)
        settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if address is None:
            self.folder = tempfile.mkdtemp(prefix="removal-ray-")
            settings |= {
                "address": "local",
                "num_cpus": max(processors(), self.options.workers or 1),
                "include_dashboard": False,
                "object_store_memory": STORE_BYTES,
                "_temp_dir": self.folder,
            }
        else:
            check_reachable(address)
            settings["address"] = address
        try:
            with silence(), without_stderr():
                self.ray.init(**settings)
        except (OSError, RuntimeError, ValueError) as error:
            where = f"at {address}" if address else "on this machine"
            keyless = address is not None and "RAY_AUTH_MODE" not in os.environ
            hint = "; where it asks for a token, RAY_AUTH_MODE=token" if keyless else ""
            raise RunError(f"no Ray cluster {where}: {first_line(error)}{hint}") from error

    def _models(self, say: Callable[[str], None]) -> dict[str, str]:
        ask = self.ray.remote(num_cpus=self.crew.cpus, num_gpus=self.crew.gpus)(describe_models)
        with one_line_errors():
            models: dict[str, str]
            models, said = self.ray.get(ask.remote(self.options, self.crew.threads))
        for line in said:
            say(line)
        result: dict[str, str] = models
        return result

    def _dataset(self, tasks: Sequence[Task], ledger: Any) -> Any:
        with silence():
            import ray.data

            context = ray.data.DataContext.get_current()
            context.enable_progress_bars = False
            rows = [{"work": pickle.dumps(group)} for group in groups(assignments_of(tasks))]
            crew = self.crew
            actors = ray.data.ActorPoolStrategy(
                min_size=min(crew.present, len(rows)), max_size=min(crew.workers, len(rows))
            )
            return ray.data.from_items(rows, override_num_blocks=len(rows)).map(
                cast(Any, PhotoWorker),  # a class is given, and called on the machines
                fn_constructor_args=(self.options, self.models, ledger, crew.threads),
                compute=actors,
                num_cpus=crew.cpus,
                num_gpus=crew.gpus or None,
                scheduling_strategy="SPREAD",
            )


def crew_for(options: RunOptions, resources: dict[str, float]) -> Crew:
    """How many workers there are, and what each asks for.

    resources: "CPU" and "GPU" of the whole cluster. Where the options name no number there is one to a
    processor, or where networks run and there are GPUs two to a GPU. Raises RunError where a GPU is asked for
    and none is there.
    """
    cpus, gpus = max(1.0, resources.get("CPU", 1.0)), resources.get("GPU", 0.0)
    from inpaint.registry import is_network

    networks = options.has_detector or is_network(options.inpainter)
    if networks and options.device.startswith("cuda") and not gpus:
        raise RunError(
            f"expected a GPU for {options.device}, and no machine of the Ray cluster has a GPU",
            option="device",
        )
    on_gpu = networks and gpus > 0 and options.device != "cpu"
    fitting = int(gpus * WORKERS_PER_GPU) if on_gpu else int(cpus)
    workers = options.workers or fitting
    threads = max(1, int(cpus // workers))
    share = 1 / WORKERS_PER_GPU if on_gpu else 0.0
    present = min(workers, int(cpus / (CPU_SHARE * threads)), fitting if on_gpu else workers)
    return Crew(workers, max(1, present), threads, CPU_SHARE * threads, share)


def groups(assignments: Sequence[Assignment]) -> list[Sequence[Assignment]]:
    """Photos that are handed out together: one by one unless there are very many."""
    size = -(-len(assignments) // MOST_GROUPS) or 1
    return [assignments[first : first + size] for first in range(0, len(assignments), size)]


def assignments_of(tasks: Sequence[Task]) -> list[Assignment]:
    """Tasks as workers get them: paths of this machine are absolute, for a worker has a working folder of its
    own."""
    return [Assignment(index, absolute(task.job), task.overwrite) for index, task in enumerate(tasks)]


def with_absolute_paths(options: RunOptions) -> RunOptions:
    """The same options for a process with another working folder."""
    masks = None if options.masks is None else options.masks.absolute()
    files = {
        name: os.path.abspath(file)
        for name in ("weights", "segmenter_weights")
        if (file := getattr(options, name)) is not None and os.path.exists(file)
    }
    blind = tuple(os.path.abspath(file) for file in options.blind_weights)
    return replace(options, masks=masks, blind_weights=blind, **files)


def absolute(job: Job) -> Job:
    extras = {name: path.absolute() for name in EXTRAS if (path := getattr(job, name))}
    return replace(job, source=job.source.absolute(), target=job.target.absolute(), **extras)


def processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def quiet_ray() -> Any:
    """The module ray, imported so that it keeps to itself."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    with silence():
        import ray
        import ray.data

    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return ray


@contextmanager
def silence() -> Iterator[None]:
    """Without Ray's warnings of what it will change one day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def without_stderr() -> Iterator[None]:
    """Ray's core, which is not Python, writes to the descriptor itself."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turns what Ray raises, with the traceback of another machine in it, into an error of one line: a
    PlanError where it was one there, else a RunError."""
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        if isinstance(cause := getattr(error, "cause", None), PlanError | RunError):
            raise type(cause)(str(cause), option=cause.option) from error
        raise RunError(first_line(error)) from error


def first_line(error: BaseException) -> str:
    """The cause of an error on another machine: the first line that has the name of one, or the last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [match for line in lines if (match := _NAMED_ERROR.match(line))]
    ours = [match[2] for match in named if match[1].endswith("RunError")]
    if ours:
        return ours[-1]
    return named[0][0] if named else (lines[-1] if lines else type(error).__name__)


def check_reachable(address: str) -> None:
    """Raises RunError where nothing answers at host:port; Ray itself would try for a long time."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return  # "auto", or a name that Ray knows
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
    except OSError as error:
        raise RunError(f"no Ray cluster at {address}: {error.strerror or error}") from error
