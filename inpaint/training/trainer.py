"""One step of training: the critic's update, the generator's, their running average."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from _removal_support.device import resolve_device
from inpaint.training.batch import Batch, Sample, to_batch
from inpaint.training.distributed import Processes
from inpaint.training.objectives import Losses, Objective, Stages
from inpaint.training.settings import Optimisation, Precision, TrainingSettings
from inpaint.training.state import RunningAverage

STEP_STREAM = 1
"""Beside the seed, the rank and the step: keeps this stream of random numbers apart from the photos'."""


@dataclass
class Trainer:
    """The networks with their optimisers: what one step changes."""

    objective: Objective
    settings: TrainingSettings
    processes: Processes
    device: torch.device
    generator_update: _Update
    critic_update: _Update | None
    average: RunningAverage | None

    @staticmethod
    def of(objective: Objective, settings: TrainingSettings, processes: Processes) -> Trainer:
        """Both networks on the device, in training mode, with fresh optimisers."""
        device = torch.device(resolve_device(settings.run.device))
        if device.type == "cuda" and processes.world > 1:
            device = torch.device("cuda", processes.local_rank)
        # Not on the CPU: channels last makes bfloat16 gradients of dilated convolutions NaN (torch 2.15).
        layout = torch.channels_last if device.type == "cuda" else torch.contiguous_format
        network = objective.network.to(device).to(memory_format=layout).train()
        critic = objective.critic
        tuned = settings.optimisation
        average = None
        if tuned.ema:
            average = RunningAverage(network, copy.deepcopy(network), tuned.ema)
        critic_update = None
        precision = settings.run.precision
        if critic is not None:
            critic.to(device).to(memory_format=layout).train()
            critic_update = _Update.of(critic, tuned, tuned.critic_learning_rate, precision)
        update = _Update.of(network, tuned, tuned.learning_rate, precision)
        return Trainer(objective, settings, processes, device, update, critic_update, average)

    @property
    def parts(self) -> dict[str, Any]:
        """All that changes, by name: what a checkpoint holds."""
        critic = self.critic_update
        return {
            "network": self.objective.network,
            "network optimiser": self.generator_update.optimiser,
            "critic": self.objective.critic,
            "critic optimiser": None if critic is None else critic.optimiser,
            "average": self.average,
            "scaler": self.generator_update.scaler,
            "critic scaler": None if critic is None else critic.scaler,
        }

    @property
    def shown(self) -> nn.Module:
        """The network whose answers are shown and whose weights are kept."""
        return self.objective.network if self.average is None else self.average.shadow

    def learning_rate(self, step: int) -> float:
        """Of the generator, at a step counted from 0."""
        tuned = self.settings.optimisation
        return tuned.learning_rate * _rate(tuned, step, self.settings.schedule.steps)

    def step(self, group: Sequence[Sequence[Sample]], step: int) -> dict[str, Tensor]:
        """One update, or several of the critic; the mean losses over the passes, detached."""
        batches = [to_batch(samples, self.device) for samples in group]
        rng = torch.Generator().manual_seed(_seed(self.settings.run.seed, self.processes.rank, step))
        learns, critic_learns = self.settings.schedule.learns(step)
        critic_learns = critic_learns and self.critic_update is not None
        found: dict[str, Tensor] = {}
        stages: Sequence[Stages] | None = None
        if critic_learns:
            # One pass: the critic judges the very answer that the generator then learns from.
            grad = learns and len(batches) == 1
            stages = [self._stages(batch, grad=grad) for batch in batches]
            for _ in range(self.settings.schedule.critic_updates):
                found |= self._update_critic(batches, stages, step, rng)
            stages = stages if grad else None
        if learns:
            found |= self._update_generator(batches, stages, step, adversarial=critic_learns)
            if self.average is not None:
                self.average.update()
        return found

    def _stages(self, batch: Batch, *, grad: bool) -> Stages:
        with torch.set_grad_enabled(grad), self._arithmetic():
            return self.objective.stages(self.objective.network, batch)

    def _update_critic(
        self, batches: Sequence[Batch], stages: Sequence[Stages], step: int, rng: torch.Generator
    ) -> dict[str, Tensor]:
        assert self.critic_update is not None

        def losses(index: int) -> Losses:
            answers = tuple(stage.detach() for stage in stages[index])
            return self.objective.critic_losses(batches[index], answers, rng)

        return self._apply(self.critic_update, losses, len(batches), step)

    def _update_generator(
        self,
        batches: Sequence[Batch],
        stages: Sequence[Stages] | None,
        step: int,
        *,
        adversarial: bool,
    ) -> dict[str, Tensor]:
        def losses(index: int) -> Losses:
            batch = batches[index]
            answers = stages[index] if stages is not None else self._stages(batch, grad=True)
            return self.objective.generator_losses(batch, answers, adversarial=adversarial)

        critic = self.objective.critic
        with _frozen(critic) if critic is not None else contextlib.nullcontext():
            return self._apply(self.generator_update, losses, len(batches), step)

    def _apply(
        self, update: _Update, losses: Callable[[int], Losses], passes: int, step: int
    ) -> dict[str, Tensor]:
        """Add up the passes' gradients, average them over the processes, and follow them."""
        update.optimiser.zero_grad(set_to_none=True)
        total: dict[str, Tensor] = {}
        for index in range(passes):
            with self._arithmetic():
                found = losses(index)
            update.scaler.scale(torch.stack(list(found.values())).sum() / passes).backward()
            for name, value in found.items():
                total[name] = total.get(name, torch.zeros((), device=self.device)) + value.detach() / passes
        self.processes.average_gradients(update.parameters)
        rate = _rate(self.settings.optimisation, step, self.settings.schedule.steps)
        update.follow(rate, self.settings.optimisation.clip)
        return total

    def _arithmetic(self) -> contextlib.AbstractContextManager[Any]:
        precision = self.settings.run.precision
        if precision == "float32":
            return contextlib.nullcontext()
        kind = torch.bfloat16 if precision == "bfloat16" else torch.float16
        return torch.autocast(self.device.type, kind)


@dataclass
class _Update:
    """How the weights of one network follow their gradients."""

    parameters: list[nn.Parameter]
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    base_rate: float

    @staticmethod
    def of(network: nn.Module, tuned: Optimisation, rate: float, precision: Precision) -> _Update:
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        optimiser: torch.optim.Optimizer
        if tuned.optimiser == "adam":
            optimiser = torch.optim.Adam(parameters, lr=rate, betas=tuned.betas)
        else:
            optimiser = torch.optim.Adadelta(parameters, lr=rate)
        # float16 alone needs its gradients enlarged; a scaler that is off passes everything through.
        scaler = torch.amp.GradScaler(parameters[0].device.type, enabled=precision == "float16")
        return _Update(parameters, optimiser, scaler, rate)

    def follow(self, share: float, clip: float) -> None:
        """One step of the optimiser, at `share` of the base rate."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.base_rate * share
        if clip:
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_(self.parameters, clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()


@contextlib.contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """No gradients of its weights inside: what it says is asked for, not what it should learn."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


def _rate(tuned: Optimisation, step: int, steps: int) -> float:
    """Share of the learning rate at a step counted from 0."""
    warm = min(1.0, (step + 1) / tuned.warmup_steps) if tuned.warmup_steps else 1.0
    if tuned.decay == "constant":
        return warm
    return warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def _seed(seed: int, rank: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, STEP_STREAM, rank, step]).generate_state(1, np.uint64)[0] >> 1)
