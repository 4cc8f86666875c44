"""How long the training loop waits for photos, and how many it learns from in a second.

    python -m benchmarks.training --images DIR [--networks deepfillv2 ...] [--size 256] [--width 0.25]

Each network takes `--steps` steps with its paper's losses, damage and critic; the first interval, in which
workers start, is left out. `waiting` is the share of the time in which the loop had no photos to learn from.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch

from inpaint.training.photos import TrainingPhoto, photo_paths
from inpaint.training.settings import DEFAULTS
from inpaint.training.training_folder import LOG
from inpaint.training.training_run import Run, start

ROW = "{:<18} {:>5} {:>6} {:>10} {:>9}"


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    photos = [TrainingPhoto(path) for path in photo_paths(arguments.images)]
    print(f"{arguments.size} px, width {arguments.width}, {arguments.precision}, {len(photos)} photos")
    print(f"{arguments.threads} threads, {arguments.workers} workers, torch {torch.__version__}")
    print(ROW.format("network", "batch", "steps", "photos/s", "waiting"))
    for name in arguments.networks:
        with tempfile.TemporaryDirectory() as folder:
            line = measure(name, photos, arguments, Path(folder))
        figures = f"{line['photos/s']:.2f}", f"{100 * line['waiting for photos']:.1f} %"
        print(ROW.format(name, arguments.batch, arguments.steps, *figures), flush=True)


def measure(
    name: str, photos: list[TrainingPhoto], arguments: argparse.Namespace, out: Path
) -> dict[str, float]:
    """The log's line of the second half of the steps."""
    values = {
        "size_px": arguments.size,
        "steps": 2 * arguments.steps,
        "generator_share": 0.0,
        "critic_share": 0.0,
        "batch": arguments.batch,
        "workers": arguments.workers,
        "precision": arguments.precision,
        "log_every": arguments.steps,
    }
    options: dict[str, float] = {"width": arguments.width}
    if name == "context-encoder":
        options["size_px"] = arguments.size
    settings = DEFAULTS[name].with_values(values)
    run = Run.of(name, photos, [], settings=settings, options=options, critic_width=arguments.width)
    start(run, out)
    return json.loads((out / LOG).read_text().splitlines()[-1])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    fill = [name for name, settings in DEFAULTS.items() if settings.losses.adversarial]
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--networks", nargs="+", choices=list(DEFAULTS), default=fill)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="float32")
    return parser.parse_args()


if __name__ == "__main__":
    main()
