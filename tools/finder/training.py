"""How the weights of the `builtin` person finder were made: `python -m tools.finder.training --data DIR --out
DIR`.

Reads top to bottom. A network (`network.py`) learns from labelled people, from boxes of people, and
from people pasted into photos without people (`samples.py`): AdamW, a constant rate that falls in the last
part of the schedule, growing crops, averaged weights. A run that was stopped goes on exactly with `--resume`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from torch import Tensor

from tools.finder.collection import load_collection
from tools.finder.export import save_weights
from tools.finder.hard_negatives import PHOTOS_WITH_PEOPLE
from tools.finder.losses import (
    middle_loss,
    offset_loss,
    pairwise_loss,
    projection_loss,
    segmentation_loss,
)
from tools.finder.network import PersonFinder, parameter_count, to_tensor
from tools.finder.samples import Batch, SampleSource

CHECKPOINT = "state.pt"
LOSS_WEIGHTS = {
    "mask": 1.0,
    "coarse": 0.4,
    "projection": 0.08,
    "pairwise": 0.15,
    "middle": 0.2,
    "offset": 0.5,
}


@dataclass(frozen=True)
class TrainingSettings:
    steps: int = 6000
    minutes: float | None = None  # None = off; else the schedule is shortened so that it ends by then
    batch: int = 16
    crop_px: tuple[int, ...] = (192, 224, 256)  # by share of the schedule, see crop_size
    crop_until: tuple[float, ...] = (0.65, 0.9, 1.0)
    learning_rate: float = 1e-3
    trunk_rate: float = 0.5  # of it, for the trunk: that has learned before
    cooldown: float = 0.5  # share of the schedule, at its end, over which the rate falls to nothing
    weight_decay: float = 0.02
    warmup_steps: int = 150
    average_decay: float = 0.998
    seed: int = 0
    threads: int = 1
    precision: str = "bfloat16"
    checkpoint_minutes: float = 4.0


def crop_size(settings: TrainingSettings, progress: float) -> int:
    for size, until in zip(settings.crop_px, settings.crop_until, strict=True):
        if progress < until:
            return size
    return settings.crop_px[-1]


def learning_rate(settings: TrainingSettings, step: int, progress: float) -> float:
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    return settings.learning_rate * warm * float(np.clip((1 - progress) / settings.cooldown, 0.005, 1))


class Average:
    """Exponential moving average of weights and buffers."""

    def __init__(self, network: PersonFinder, decay: float):
        self.decay, self.count = decay, 0
        self.network = PersonFinder()
        self.network.load_state_dict(network.state_dict())

    @torch.no_grad()
    def update(self, network: PersonFinder) -> None:
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        state = network.state_dict()
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(state[name], 1 - decay)
            else:
                value.copy_(state[name])


class Run:
    """All that changes during a training, and the file it is kept in."""

    def __init__(self, settings: TrainingSettings, start: Path | None, trunk: Path | None = None):
        torch.manual_seed(settings.seed)
        self.network = PersonFinder().train()
        if start is not None:
            self.network.load_state_dict(torch.load(start, map_location="cpu", weights_only=True))
        if trunk is not None:
            self.network.trunk.from_published(trunk)
        self.network = self.network.to(memory_format=torch.channels_last)
        self.average = Average(self.network, settings.average_decay)
        self.optimiser = torch.optim.AdamW(
            [
                {
                    "params": [
                        w for n, w in self.network.named_parameters() if n.startswith("trunk.") == inside
                    ],
                    "share": share,
                }
                for inside, share in ((True, settings.trunk_rate), (False, 1.0))
            ],
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.rng = np.random.default_rng(settings.seed)
        self.step, self.seconds = 0, 0.0

    def progress(self, settings: TrainingSettings) -> float:
        """Share of the schedule that is done; 1 and more = the end."""
        by_time = 0.0 if settings.minutes is None else self.seconds / 60 / settings.minutes
        return max(self.step / settings.steps, by_time)

    def save(self, path: Path) -> None:
        state = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "average_count": self.average.count,
            "optimiser": self.optimiser.state_dict(),
            "rng": json.dumps(self.rng.bit_generator.state),
            "step": self.step,
            "seconds": self.seconds,
        }
        part = path.with_name(path.name + ".part")
        torch.save(state, part)
        part.replace(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.average.count = state["average_count"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.step, self.seconds = state["step"], state["seconds"]


def train(settings: TrainingSettings, run: Run, source: SampleSource) -> Iterator[dict[str, float]]:
    """Goes on to the schedule's end and gives the parts of the loss of each step.

    Raises FloatingPointError where the loss is not finite.
    """
    while (progress := run.progress(settings)) < 1:
        started = time.monotonic()
        for group in run.optimiser.param_groups:
            group["lr"] = group["share"] * learning_rate(settings, run.step, progress)
        batch = source.batch(settings.batch, crop_size(settings, progress))
        losses = train_step(run.network, run.optimiser, batch, settings.precision)
        run.average.update(run.network)
        run.step += 1
        run.seconds += time.monotonic() - started
        if not np.isfinite(losses["total"]):
            raise FloatingPointError(f"the loss is {losses['total']} at step {run.step}")
        yield losses


def batch_losses(outputs: tuple[Tensor, ...], batch: Batch) -> dict[str, Tensor]:
    """The parts of the loss, by the names of LOSS_WEIGHTS."""
    fine, instances, coarse = (output.float() for output in outputs)
    label = torch.from_numpy(batch.labels)[:, None]
    weights = torch.from_numpy(batch.weights)[:, None]
    boxed = fine[batch.boxed]
    return {
        "mask": segmentation_loss(fine, label, weights),
        "coarse": segmentation_loss(coarse, label, weights),
        "projection": projection_loss(boxed, batch.boxes),
        "pairwise": pairwise_loss(boxed, torch.from_numpy(batch.same_colour)),
        "middle": middle_loss(
            instances[:, 0], torch.from_numpy(batch.heat), torch.from_numpy(batch.heat_known)
        ),
        "offset": offset_loss(
            instances[:, 1:], torch.from_numpy(batch.offsets), torch.from_numpy(batch.offset_weight)
        ),
    }


def train_step(
    network: PersonFinder, optimiser: torch.optim.Optimizer, batch: Batch, precision: str
) -> dict[str, float]:
    """One step on a batch; returns the parts of the loss and, as `total`, their weighted sum."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        outputs = network(to_tensor(torch.from_numpy(batch.images)))
    losses = batch_losses(outputs, batch)
    total = torch.stack([LOSS_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()
    optimiser.zero_grad()
    total.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return {name: loss.item() for name, loss in losses.items()} | {"total": total.item()}


def log_and_keep(settings: TrainingSettings, run: Run, source: SampleSource, out: Path) -> None:
    """The training with its log (a line each 50 steps) and its checkpoints (`state.pt`)."""
    kept_at, sums, count = time.monotonic(), {}, 0  # type: ignore[var-annotated]
    with (out / "log.jsonl").open("a") as log:
        for losses in train(settings, run, source):
            sums = {name: sums.get(name, 0.0) + value for name, value in losses.items()}
            count += 1
            last = run.progress(settings) >= 1
            if run.step % 50 == 0 or last:
                means = {name: round(value / count, 4) for name, value in sums.items()}
                log.write(json.dumps({"step": run.step, "seconds": round(run.seconds, 1)} | means) + "\n")
                log.flush()
                sums, count = {}, 0
            if last or time.monotonic() - kept_at > settings.checkpoint_minutes * 60:
                run.save(out / CHECKPOINT)
                kept_at = time.monotonic()


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--start", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="From `unfold`.")
@click.option(
    "--trunk",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Published weights, see `lite_trunk`.",
)
@click.option(
    "--pseudo", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Masks of boxes."
)
@click.option("--difficulty", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--steps", default=TrainingSettings.steps, show_default=True)
@click.option("--minutes", type=float, help="The schedule ends by then, all parts of the run together.")
@click.option("--learning-rate", default=TrainingSettings.learning_rate, show_default=True)
@click.option("--batch", default=TrainingSettings.batch, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--resume", is_flag=True, help="Go on from OUT/state.pt.")
def main(
    data: Path,
    out: Path,
    start: Path | None,
    trunk: Path | None,
    pseudo: Path | None,
    difficulty: Path | None,
    resume: bool,
    **options: float | None,
) -> None:
    """Train the person finder and write person_finder.safetensors."""
    settings = replace(TrainingSettings(), **options)  # type: ignore[arg-type]
    out.mkdir(parents=True, exist_ok=True)
    paths = {"start": start, "trunk": trunk, "pseudo": pseudo, "difficulty": difficulty}
    record = asdict(settings) | {name: path and path.name for name, path in paths.items()}
    (out / "config.json").write_text(json.dumps(record | {"loss_weights": LOSS_WEIGHTS}, indent=1))
    torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)
    cv2.setNumThreads(1)
    if start is not None and trunk is not None:
        raise click.UsageError("expected --start or --trunk, got both: each gives the trunk's weights")
    try:
        run = Run(settings, start, trunk)
    except (KeyError, RuntimeError) as error:
        raise click.ClickException(
            f"{trunk or start} does not hold the weights that it should: {error}"
        ) from error
    if resume:
        run.load(out / CHECKPOINT)
    collection = load_collection(
        data,
        with_people=set(PHOTOS_WITH_PEOPLE.read_text().split()),
        pseudo=pseudo,
        difficulty=json.loads(difficulty.read_text()) if difficulty else {},
    )
    log_and_keep(settings, run, SampleSource(collection, run.rng), out)
    save_weights(run.average.network, out / "person_finder.safetensors")
    click.echo(f"trained {parameter_count(run.network):,} parameters")


if __name__ == "__main__":
    main()
