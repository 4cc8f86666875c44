"""What a run will take, found out by a few of its steps: `remove train --dry-run`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from inpaint.training.batch import Sample
from inpaint.training.distributed import Processes
from inpaint.training.photos import sample_batches
from inpaint.training.settings import DEFAULTS, Phase, Schedule, TrainingSettings
from inpaint.training.trainer import Trainer
from inpaint.training.training_run import Run, build_objective, training_photos, warn_if_slow

TIMED = 3
"""Steps of each phase whose median counts; one more before them, in which memory is first taken."""
PATIENCE_S = 20.0
"""A step that takes longer than this is not repeated."""
MB = 1e6


@dataclass(frozen=True)
class Plan:
    """What one process on this machine takes.

    parameters, critic_parameters: numbers that are learnt.
    operations: floating point operations of one step in which all learn, a multiplication and an addition
        being two; forward and backward, convolutions and matrix products.
    memory_mb: at the peak of a step, in MB of 10^6 bytes: on CUDA what was allocated, on the CPU by how much
        the process outgrew the most it had had before, decoded photos included; None = not known here.
    photos_per_second: over all phases, reading included. waiting: share of the time waiting for photos.
    photos_per_step: of `steps`. hours: for them. epochs: how often each of the `photos` is seen.
    paper_steps, paper_batch, paper_hours: the same for the paper's schedule, with this run's network.
    checkpoint_mb, weights_mb: on disk; each is replaced by the next.
    """

    name: str
    device: str
    size_px: int
    parameters: int
    critic_parameters: int
    operations: float
    memory_mb: float | None
    photos_per_second: float
    waiting: float
    photos: int
    kept_apart: int
    steps: int
    photos_per_step: int
    epochs: float
    hours: float
    paper_steps: int
    paper_batch: int
    paper_hours: float
    checkpoint_mb: float
    weights_mb: float

    def as_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For people."""
        critic = f", critic {self.critic_parameters:,}" if self.critic_parameters else ""
        memory = "not known on this system"
        if self.memory_mb is not None:
            memory = f"{self.memory_mb:,.0f} MB at the peak of a step, besides the libraries"
        return [
            f"{self.name} on {self.device}",
            f"  parameters  {self.parameters:,}{critic}",
            f"  work        {_scaled(self.operations)} operations for {self.photos_per_step} photos of "
            f"{self.size_px} px, a step",
            f"  memory      {memory}",
            f"  speed       {self.photos_per_second:.3g} photos/s on this machine, "
            f"{100 * self.waiting:.0f} % of the time waiting for them",
            f"  photos      {self.photos:,}, seen {self.epochs:,.1f} times each; "
            f"{self.kept_apart} more are kept apart",
            f"  this run    {self.steps:,} steps of {self.photos_per_step}: {_duration(self.hours)}",
            f"  in full     {self.paper_steps:,} steps of {self.paper_batch} "
            f"(the paper's, where there is one): {_duration(self.paper_hours)} with this network "
            "at this size",
            f"  disk        {self.checkpoint_mb:,.1f} MB of state, {self.weights_mb:,.1f} MB of weights; "
            "nothing was written now",
        ]


@dataclass(frozen=True)
class _Measured:
    """A step of one phase; seconds with reading, of which `waited` for photos."""

    seconds: float
    waited: float
    operations: float


def plan(
    run: Run, *, paper: TrainingSettings | None = None, report: Callable[[str], None] = lambda line: None
) -> Plan:
    """Take a few steps of the run, and forget them: no folder is needed or touched.

    paper: whose steps and batch are priced besides; None = the network's `DEFAULTS`. report: told in lines
    what is being done, for a step may take half a minute and all the memory that the run will need.

    Raises what `build_objective`, the damage and the photos raise.
    """
    paper = DEFAULTS[run.name] if paper is None else paper
    settings = run.settings
    schedules = settings.schedule, paper.schedule
    peak_before_mb = _process_peak_mb()
    told = settings.run
    report(
        f"building {run.name}, and trying a few steps of {told.batch * told.accumulate} photos of "
        f"{settings.size_px} px as the run takes them: a minute or more, with the memory of the run itself"
    )
    warn_if_slow(told, report)
    # A third for each phase: the step's number chooses what learns.
    rehearsed = replace(settings.schedule, steps=3, generator_share=1 / 3, critic_share=1 / 3)
    trainer = Trainer.of(build_objective(run), replace(settings, schedule=rehearsed), Processes())
    if trainer.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(trainer.device)
    wanted = [phase for phase in Phase if any(schedule.steps_of(phase) for schedule in schedules)]
    measured = _measure(run, trainer, wanted, _Steps(report, trainer.device, peak_before_mb))
    most = max(measured.values(), key=lambda found: found.operations)
    photos_per_step = settings.run.batch * settings.run.accumulate
    seconds = _total(settings.schedule, measured, "seconds")
    paper_seconds = _total(paper.schedule, measured, "seconds")
    paper_batch = paper.run.batch * paper.run.accumulate
    steps = settings.schedule.steps
    return Plan(
        name=run.name,
        device=str(trainer.device),
        size_px=settings.size_px,
        parameters=_count(trainer.objective.network),
        critic_parameters=_count(trainer.objective.critic),
        operations=most.operations,
        memory_mb=_memory_mb(trainer.device, peak_before_mb),
        photos_per_second=steps * photos_per_step / seconds,
        waiting=_total(settings.schedule, measured, "waited") / seconds,
        photos=len(run.photos),
        kept_apart=len(run.kept_apart),
        steps=steps,
        photos_per_step=photos_per_step,
        epochs=steps * photos_per_step / len(run.photos),
        hours=seconds / 3600,
        paper_steps=paper.schedule.steps,
        paper_batch=paper_batch,
        paper_hours=paper_seconds / 3600 * paper_batch / photos_per_step,
        checkpoint_mb=_bytes([part.state_dict() for part in trainer.parts.values() if part is not None]) / MB,
        weights_mb=_bytes(trainer.shown.state_dict()) / MB,
    )


@dataclass(frozen=True)
class _Steps:
    """Reports each step that was tried, and the memory so far."""

    report: Callable[[str], None]
    device: torch.device
    peak_before_mb: float | None

    def taken(self, phase: Phase, number: int, seconds: float) -> None:
        learning = {"GENERATOR": "the network", "CRITIC": "the critic", "BOTH": "the network and the critic"}
        memory_mb = _memory_mb(self.device, self.peak_before_mb)
        memory = "" if memory_mb is None else f", {memory_mb:,.0f} MB at the peak"
        self.report(f"step {number}, training {learning[phase.name]}: {seconds:.1f} s{memory}")


def _measure(run: Run, trainer: Trainer, wanted: list[Phase], steps: _Steps) -> dict[Phase, _Measured]:
    """A step of each phase, fed as in the run itself."""
    told = run.settings.run
    passes = len(wanted) * (1 + TIMED) * told.accumulate
    stream = sample_batches(
        training_photos(run), batch=told.batch, first_step=0, steps=passes, workers=told.workers
    )
    return {phase: _measure_phase(trainer, stream, phase, steps) for phase in wanted}


def _measure_phase(
    trainer: Trainer, stream: Iterator[list[Sample]], phase: Phase, steps: _Steps
) -> _Measured:
    step = list(Phase).index(phase)
    with _Operations() as counter:
        seconds, waited = _timed_step(trainer, stream, step)
    steps.taken(phase, 1, seconds)
    found = [(seconds, waited)]
    if seconds < PATIENCE_S:
        found = []
        for number in range(TIMED):
            found.append(_timed_step(trainer, stream, step))
            steps.taken(phase, number + 2, found[-1][0])
    return _Measured(
        seconds=median(seconds for seconds, _ in found),
        waited=median(waited for _, waited in found),
        operations=float(counter.total),
    )


def _timed_step(trainer: Trainer, stream: Iterator[list[Sample]], step: int) -> tuple[float, float]:
    """Seconds for photos and step, and those for the photos alone."""
    started = time.perf_counter()
    group = [next(stream) for _ in range(trainer.settings.run.accumulate)]
    waited = time.perf_counter() - started
    trainer.step(group, step)
    if trainer.device.type == "cuda":
        torch.cuda.synchronize(trainer.device)
    return time.perf_counter() - started, waited


class _Operations(TorchDispatchMode):
    """Adds up torch's own formulas. Its FlopCounterMode follows modules too, which a penalty on gradients
    does not stand."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def _total(schedule: Schedule, measured: dict[Phase, _Measured], what: str) -> float:
    result: float = sum(schedule.steps_of(phase) * getattr(found, what) for phase, found in measured.items())
    return result


def _count(network: nn.Module | None) -> int:
    """Of the numbers that are learnt."""
    if network is None:
        return 0
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _bytes(state: Any) -> int:
    """Of all tensors in a nested state."""
    if isinstance(state, torch.Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, dict):
        return sum(_bytes(value) for value in state.values())
    return sum(_bytes(value) for value in state) if isinstance(state, list | tuple) else 0


def _memory_mb(device: torch.device, peak_before_mb: float | None) -> float | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MB
    peak_mb = _process_peak_mb()
    return None if peak_mb is None or peak_before_mb is None else peak_mb - peak_before_mb


def _process_peak_mb() -> float | None:
    """The most memory that this process ever had; None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / MB


def _scaled(number: float) -> str:
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if number >= unit:
            return f"{number / unit:.3g} {name}"
    return f"{number:.3g}"


def _duration(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:.1f} minutes"
    return f"{hours:,.1f} hours" if hours < 48 else f"{hours / 24:,.1f} days"
