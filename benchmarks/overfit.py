"""Whether each network can learn at all: four photos by heart, by its reconstruction losses alone.

    python -m benchmarks.overfit [--networks deepfillv2 ...] [--images DIR] [--width 0.5] [--steps 1500]

Every step sees the same four photos at 64 px with the same holes, of the kind that the network's paper has.
The run ends when the L1 in the holes, of the network as it is used (eval mode), is under the bound on [0, 1],
or after the last step. Without `--images` the photos are rendered scenes.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.scene import render_scene
from inpaint.formats import NETWORKS
from inpaint.training.batch import Sample, to_batch
from inpaint.training.damage.kinds import damage_of
from inpaint.training.distributed import Processes
from inpaint.training.photos import TrainingPhoto, fixed_samples, photo_paths
from inpaint.training.settings import DEFAULTS
from inpaint.training.trainer import Trainer
from inpaint.training.training_run import DEFAULT_DAMAGE, Run, build_objective
from removal.images import write_png

PHOTOS, SIZE_PX, EVERY = 4, 64, 25
ROW = "{:<18} {:>10} {:>9} {:>12} {:>8} {:>8}"


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    print(f"{PHOTOS} photos of {SIZE_PX} px, width {arguments.width}, {arguments.precision}, Adam")
    rate = f"{arguments.learning_rate}, falling as a cosine over {arguments.steps} steps"
    print(f"learning rate {rate}; {arguments.threads} threads, torch {torch.__version__}")
    print(ROW.format("network", "parameters", "L1 fresh", "steps needed", "L1", "seconds"))
    with _photos(arguments.images) as photos:
        for name in arguments.networks:
            print(ROW.format(name, *overfit(name, photos, arguments)), flush=True)


def overfit(name: str, photos: list[TrainingPhoto], arguments: argparse.Namespace) -> tuple[str, ...]:
    """The row's figures after the name."""
    options = {"width": arguments.width} | ({"size_px": SIZE_PX} if name == "context-encoder" else {})
    values = {
        "size_px": SIZE_PX,
        "batch": PHOTOS,
        "steps": arguments.steps,
        "generator_share": 0.0,
        "critic_share": 0.0,
        "adversarial": 0.0,
        "optimiser": "adam",
        "learning_rate": arguments.learning_rate,
        "betas": (0.9, 0.999),
        "decay": "cosine",
        "precision": arguments.precision,
        "device": arguments.device,
    }
    run = Run.of(name, photos, [], settings=DEFAULTS[name].with_values(values), options=options)
    trainer = Trainer.of(build_objective(run), run.settings, Processes())
    damage = damage_of(DEFAULT_DAMAGE[name])
    samples = fixed_samples(photos, damage, size_px=SIZE_PX, seed=0, count=PHOTOS)
    started = time.monotonic()
    step, l1 = 0, l1_in_holes(trainer, samples)
    fresh = f"{l1:.4f}"
    while l1 >= arguments.bound and step < arguments.steps:
        for _ in range(EVERY):
            trainer.step([samples], step)
            step += 1
        l1 = l1_in_holes(trainer, samples)
        if arguments.verbose and step % 100 == 0:
            print(f"  {name} {step}: {l1:.4f}", flush=True)
    parameters = sum(parameter.numel() for parameter in trainer.shown.parameters())
    needed = str(step) if l1 < arguments.bound else f"not in {step}"
    return f"{parameters:,}", fresh, needed, f"{l1:.4f}", f"{time.monotonic() - started:.0f}"


@torch.no_grad()
def l1_in_holes(trainer: Trainer, samples: list[Sample]) -> float:
    network = trainer.shown.eval()
    figures = trainer.objective.figures(network, to_batch(samples, trainer.device))
    network.train()
    return figures["l1 in the hole"]


@contextmanager
def _photos(folder: Path | None) -> Iterator[list[TrainingPhoto]]:
    """The first of a folder, or of four rendered streets and parks."""
    if folder is not None:
        yield [TrainingPhoto(path) for path in photo_paths(folder)[:PHOTOS]]
        return
    with tempfile.TemporaryDirectory() as made:
        for seed in range(PHOTOS):
            write_png(render_scene(height=256, width=256, seed=seed).photo, Path(made) / f"{seed}.png")
        yield [TrainingPhoto(path) for path in photo_paths(Path(made))]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--bound", type=float, default=0.03)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="a line every 100 steps")
    return parser.parse_args()


if __name__ == "__main__":
    main()
