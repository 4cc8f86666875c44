"""The training loop: one for all networks, from the fresh weights to the last checkpoint."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inpaint.training.batch import Sample, to_batch
from inpaint.training.distributed import Processes
from inpaint.training.objectives import Objective
from inpaint.training.settings import TrainingSettings
from inpaint.training.state import STATE, load_state, save_state
from inpaint.training.trainer import Trainer
from inpaint.training.training_folder import TrainingFolder

SHOWN = 8
"""Rows of a sheet of the validation photos, at most."""
Samples = Callable[[int, int], Iterator[list[Sample]]]
"""(first position in units of passes, passes) -> the samples of each pass."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    step: steps done, of them all. network: with the weights to use, the running average where there is one,
    in eval mode. finished: whether that was the last step; otherwise it can go on.
    """

    step: int
    network: nn.Module
    finished: bool


def train(
    objective: Objective,
    samples: Samples,
    validation: Sequence[Sample],
    settings: TrainingSettings,
    out: Path,
    *,
    config: Mapping[str, Any],
    keep: Callable[[nn.Module, int], None] = lambda network, step: None,
    resume: bool = False,
    processes: Processes = Processes(),  # noqa: B008 (frozen)
    report: Callable[[str], None] = lambda line: None,
) -> RunResult:
    """Train `objective`'s network and leave config.json, log.jsonl, pictures and state.pt in `out`.

    samples: what to learn from, from any pass on; see `inpaint.training.photos.sample_batches`.
    validation: of one size, what figures and pictures are made of; empty = none.
    config: what names this run: going on is refused where it has changed.
    keep: called with each checkpoint, given the network to use and the steps done: to write its weights.
    resume: go on from `out`'s state. The weights are the same, bit for bit, as without the stop, on the CPU
        of the same machine with as many processes; on CUDA sums come in no fixed order.
    processes: this one among those that train together; `samples` gives this one's share.
    report: takes lines for people.

    Raises FloatingPointError, naming the step, for losses, or weights to save, that are not finite; the last
    checkpoint stays.
    Raises FileNotFoundError or ValueError where there is nothing to go on from, or another run.
    """
    trainer = Trainer.of(objective, settings, processes)
    first = load_state(out, trainer.parts, dict(config)) if resume else 0
    steps, run = settings.schedule.steps, settings.run
    meter = _Meter(run.batch * run.accumulate * processes.world)
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        stopped = stack.enter_context(_stop_signals(insistent=processes.world == 1))
        folder = None
        if processes.leads:
            if not resume:
                (out / STATE).unlink(missing_ok=True)
            folder = stack.enter_context(TrainingFolder(out, dict(config), first_step=first))
        passes = samples(first * run.accumulate, (steps - first) * run.accumulate)
        step = first
        for step in range(first + 1, steps + 1):
            group = meter.wait(lambda: [next(passes) for _ in range(run.accumulate)])
            _name_unreadable(group, meter, report)
            found = trainer.step(group, step - 1)
            _check_finite(found, step, processes)
            meter.add(found)
            late = run.minutes > 0 and time.monotonic() - started >= run.minutes * 60
            stop = processes.any(stopped() or late)
            last = step == steps or stop
            if folder is not None and (step % run.log_every == 0 or last):
                line = meter.line() | {"learning_rate": trainer.learning_rate(step - 1)}
                folder.write(step, "training", line)
                report(_told(step, steps, line))
            # First of all: who asked for the end may not wait for pictures.
            if folder is not None and (step % run.save_every == 0 or last):
                _check_weights(objective, step)
                save_state(out, trainer.parts, step=step, config=dict(config))
                keep(trainer.shown, step)
            if folder is not None and validation and (step % run.show_every == 0 or last):
                _show(folder, objective, trainer.shown, validation, step, trainer.device, report)
            if stop:
                break
    return RunResult(step, trainer.shown.eval(), finished=step == steps)


@dataclass
class _Meter:
    """What an interval of the log sums up."""

    photos_per_step: int
    found: dict[str, list[float]] = field(default_factory=dict)
    steps: int = 0
    waited: float = 0.0
    since: float = field(default_factory=time.monotonic)
    named: set[str] = field(default_factory=set)

    def wait(self, fetch: Callable[[], list[list[Sample]]]) -> list[list[Sample]]:
        started = time.monotonic()
        group = fetch()
        self.waited += time.monotonic() - started
        return group

    def add(self, found: Mapping[str, Tensor]) -> None:
        self.steps += 1
        for name, value in found.items():
            self.found.setdefault(name, []).append(float(value))

    def line(self) -> dict[str, Any]:
        """The means since the last line, of each loss over the steps that had it; starts over."""
        seconds = max(time.monotonic() - self.since, 1e-9)
        line = {name: round(sum(values) / len(values), 6) for name, values in self.found.items()} | {
            "photos/s": round(self.steps * self.photos_per_step / seconds, 2),
            "waiting for photos": round(self.waited / seconds, 4),
        }
        self.found, self.steps, self.waited, self.since = {}, 0, 0.0, time.monotonic()
        return line


@contextlib.contextmanager
def _stop_signals(*, insistent: bool = True) -> Iterator[Callable[[], bool]]:
    """Inside it SIGINT and SIGTERM end the run after the step; a second one, if insistent, at once.

    torchrun passes on what a terminal has sent to all processes already, and kills them after 30 s.
    """
    received: list[int] = []

    def note(number: int, frame: object) -> None:
        received.append(number)
        if insistent and len(received) > 1:
            raise KeyboardInterrupt

    try:
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread, which alone receives signals
        before = {}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check_finite(found: Mapping[str, Tensor], step: int, processes: Processes) -> None:
    wrong = [f"{name} is {float(value)}" for name, value in found.items() if not torch.isfinite(value)]
    if processes.any(bool(wrong)):  # all end at once: the others would wait for this one for ever
        what = f"the loss {' and '.join(wrong)}" if wrong else "a loss of another process is not finite"
        raise FloatingPointError(f"at step {step} {what}; the last checkpoint stays")


def _check_weights(objective: Objective, step: int) -> None:
    """A finite loss may have had gradients that are not."""
    for kind, network in (("network", objective.network), ("critic", objective.critic)):
        if network is not None and not all(bool(value.isfinite().all()) for value in network.parameters()):
            raise FloatingPointError(
                f"at step {step} weights of the {kind} are not finite; the last checkpoint stays"
            )


def _name_unreadable(group: Sequence[Sequence[Sample]], meter: _Meter, report: Callable[[str], None]) -> None:
    for samples in group:
        for sample in samples:
            for name in sample.passed_over:
                if name not in meter.named:
                    meter.named.add(name)
                    report(f"passed over {name}")


@torch.no_grad()
def _show(
    folder: TrainingFolder,
    objective: Objective,
    network: nn.Module,
    validation: Sequence[Sample],
    step: int,
    device: torch.device,
    report: Callable[[str], None],
) -> None:
    """The mean figures of the validation photos and a sheet of the first, of `network` as it is used."""
    training = network.training
    network.eval()
    sums: dict[str, float] = {}
    for sample in validation:
        for name, value in objective.figures(network, to_batch([sample], device)).items():
            sums[name] = sums.get(name, 0.0) + value / len(validation)
    folder.show(step, objective.pictures(network, to_batch(validation[:SHOWN], device)))
    network.train(training)
    figures = {name: round(value, 4) for name, value in sums.items()}
    folder.write(step, "validation", figures)
    report("  validation: " + ", ".join(f"{name} {value:g}" for name, value in figures.items()))


def _told(step: int, steps: int, line: Mapping[str, Any]) -> str:
    values = ", ".join(f"{name} {value:.4g}" for name, value in line.items())
    return f"step {step} of {steps}: {values}"
