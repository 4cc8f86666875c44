"""How the weights of the `builtin` person finder were made: `python -m tools.finder.training --data DIR --out
DIR`.

Reads top to bottom. A network (`person_finder.py`) learns from scratch on labelled people and on people
pasted into photos
without people (`training_data.py`): AdamW, cosine decay, BCE + Dice with ignored pixels, averaged weights,
growing crops.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from tools.finder.network import PersonFinder, parameter_count, to_tensor
from tools.finder.training_data import IGNORE, PERSON, SampleSource, load_collection

PHOTOS_WITH_PEOPLE = Path(__file__).with_name("photos_with_people.txt")  # of the backgrounds, judged by eye


@dataclass(frozen=True)
class TrainingSettings:
    steps: int = 12000
    minutes: float | None = None  # None = off; else the schedule is shortened so that it ends by then
    batch: int = 16
    crop_px: tuple[int, ...] = (160, 192, 256)  # by share of the schedule, see crop_size
    crop_until: tuple[float, ...] = (0.4, 0.8, 1.0)
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 200
    average_decay: float = 0.998
    seed: int = 0
    threads: int = 2
    precision: str = "bfloat16"


def crop_size(settings: TrainingSettings, progress: float) -> int:
    for size, until in zip(settings.crop_px, settings.crop_until, strict=False):
        if progress < until:
            return size
    return settings.crop_px[-1]


def learning_rate(settings: TrainingSettings, step: int, progress: float) -> float:
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    return settings.learning_rate * warm * (0.5 * (1 + np.cos(np.pi * min(progress, 1.0))) + 0.002)


def segmentation_loss(logits: Tensor, label: Tensor) -> Tensor:
    """BCE + Dice (Milletari et al. 2016), pixels of value IGNORE left out.

    logits float32 (N, 1, h, w); label uint8 (N, 1, H, W), brought to the logits' size by averaging.
    """
    size = logits.shape[-2], logits.shape[-1]
    known = functional.adaptive_avg_pool2d((label != IGNORE).float(), size)
    person = functional.adaptive_avg_pool2d((label == PERSON).float(), size)
    target = person / known.clamp_min(1e-6)
    known = (known > 0.5).float()
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, target.clamp(0, 1), reduction="none")
    cross_entropy = (cross_entropy * known).sum() / known.sum().clamp_min(1)
    probability = logits.sigmoid() * known
    target = target * known
    overlap = (probability * target).sum(dim=(1, 2, 3))
    total = (probability + target).sum(dim=(1, 2, 3))
    dice = 1 - (2 * overlap + 50) / (total + 50)
    return cross_entropy + 0.5 * dice.mean()


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


def train(settings: TrainingSettings, data: Path, out: Path, *, start: Path | None = None) -> PersonFinder:
    """Trains, writes config.json, log.jsonl and last.pt to `out`, and returns the averaged network.

    data: the folder with `coco`, `people`, `train` and `photos`. start: weights of an earlier run to go on
    from; None = random. Raises FloatingPointError where the loss is not finite.
    """
    out.mkdir(parents=True, exist_ok=True)
    record = asdict(settings) | {"data": data.name, "start": None if start is None else str(start)}
    (out / "config.json").write_text(json.dumps(record, indent=1))
    torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)
    cv2.setNumThreads(1)
    torch.manual_seed(settings.seed)
    collection = load_collection(data, with_people=set(PHOTOS_WITH_PEOPLE.read_text().split()))
    source = SampleSource(collection, np.random.default_rng(settings.seed))
    network = PersonFinder().train()
    if start is not None:
        network.load_state_dict(torch.load(start, map_location="cpu", weights_only=True))
    network = network.to(memory_format=torch.channels_last)
    average = Average(network, settings.average_decay)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=settings.weight_decay, fused=True)
    started, step, progress = time.monotonic(), 0, 0.0
    with (out / "log.jsonl").open("w") as log:
        while progress < 1:
            size = crop_size(settings, progress)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(settings, step, progress)
            loss = train_step(network, optimiser, *source.batch(settings.batch, size), settings.precision)
            average.update(network)
            step += 1
            progress, seconds = step / settings.steps, time.monotonic() - started
            if settings.minutes is not None:
                progress = max(progress, seconds / 60 / settings.minutes)
            if not np.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss} at step {step}")
            if step % 50 == 0 or progress >= 1:
                row = {"step": step, "progress": round(progress, 4), "loss": round(loss, 4)}
                log.write(json.dumps(row | {"seconds": round(seconds, 1), "crop_px": size}) + "\n")
                log.flush()
            if step % 500 == 0 or progress >= 1:
                torch.save(average.network.state_dict(), out / "last.pt.part")
                (out / "last.pt.part").replace(out / "last.pt")
    return average.network.eval()


def train_step(
    network: PersonFinder,
    optimiser: torch.optim.Optimizer,
    images: np.ndarray,
    labels: np.ndarray,
    precision: str,
) -> float:
    """One step on a batch (images uint8 (N, H, W, 3), labels uint8 (N, H, W)); returns the loss."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        fine, coarse = network(to_tensor(torch.from_numpy(images)))
    target = torch.from_numpy(labels)[:, None]
    loss = segmentation_loss(fine.float(), target) + 0.4 * segmentation_loss(coarse.float(), target)
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return loss.item()


def save_weights(network: PersonFinder, path: Path) -> None:
    """Writes what ships: batch normalisation folded in, float16, safetensors; how it was made is in the
    metadata."""
    state = {
        name: value.half().contiguous() for name, value in network.eval().fused_copy().state_dict().items()
    }
    save_file(
        state, path, {"architecture": "tools.finder.network.PersonFinder(fused=True)", "licence": "MIT"}
    )


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--steps", default=TrainingSettings.steps, show_default=True)
@click.option("--minutes", type=float, default=None)
@click.option("--batch", default=TrainingSettings.batch, show_default=True)
@click.option("--learning-rate", default=TrainingSettings.learning_rate, show_default=True)
@click.option("--crops", default="160,192,256", show_default=True, help="Crop sizes in px, early to late.")
@click.option("--seed", default=0, show_default=True)
@click.option("--start", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None)
def main(
    data: Path,
    out: Path,
    steps: int,
    minutes: float | None,
    batch: int,
    learning_rate: float,
    crops: str,
    seed: int,
    start: Path | None,
) -> None:
    """Train the person finder and write person_finder.safetensors."""
    settings = TrainingSettings(
        steps=steps,
        minutes=minutes,
        batch=batch,
        learning_rate=learning_rate,
        crop_px=tuple(int(size) for size in crops.split(",")),
        seed=seed,
    )
    network = train(settings, data, out, start=start)
    save_weights(network, out / "person_finder.safetensors")
    click.echo(f"trained {parameter_count(network):,} parameters")


if __name__ == "__main__":
    main()
