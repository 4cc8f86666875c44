"""`remove train`: one of the networks, on photos of one's own or a published data set."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from removal.cli.erase import warn
from removal.cli.errors import click_error
from removal.cli.grouping import GroupedCommand, ValueType, grouped
from removal.cli.shared_options import overwrite_option
from removal.cli.terminal import tell

if TYPE_CHECKING:
    from inpaint.training.photos import TrainingPhoto
    from inpaint.training.training_run import Run

PAPERS = "the paper's"
FOLDER = click.Path(path_type=Path, file_okay=False)
OWNERS = {"no_attention": "deepfillv1", "layout": "deepfillv2", "bottleneck": "context-encoder"}
CHOOSING = {
    "small": "places365",
    "attribute": "celeba",
    "landmark": "celeba",
    "annotations": "coco",
    "having": "coco",
    "lacking": "coco",
}
"""Options that choose among the photos of one data set -> which one."""
FRONT = {"mask-prediction": "mask_network", "edge-prediction": "edge_network"}
FILE = click.Path(path_type=Path, dir_okay=False)


class DamageType(ValueType):
    """A kind of damage, with or without a weight: `strokes`, `box=0.5`."""

    name = "KIND[=WEIGHT]"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        kind, _, weight = value.partition("=")
        try:
            return kind, float(weight or 1)
        except ValueError:
            self.fail(f"expected a weight after =, got {value!r}", param, context)


@dataclass(frozen=True)
class Setting:
    """A number or word of `inpaint.training.settings`, as an option: unset, the paper's stays."""

    name: str
    kind: ValueType
    about: str
    default: str = PAPERS

    def option(self, group: str) -> Any:
        flag = "--" + self.name.replace("_", "-")
        return grouped(
            group, flag, self.name, type=self.kind, help=f"{self.about}  [default: {self.default}]"
        )


def count(least: int, most: int | None = None) -> ValueType:
    return click.IntRange(least, most)


def share(most: float | None = 1.0) -> ValueType:
    return click.FloatRange(0, most)


SETTINGS = {
    "How long": (
        Setting("steps", count(1), "Update the network this many times."),
        Setting(
            "generator_share",
            share(),
            "Train without the critic for this share of the steps, the first ones.",
        ),
        Setting(
            "critic_share", share(), "Train the critic alone for this share of the steps, those that follow."
        ),
        Setting(
            "critic_updates", count(1, 100), "Update the critic this often for each update of the network."
        ),
    ),
    "Rates": (
        Setting("optimiser", click.Choice(["adam", "adadelta"]), "Choose the optimiser."),
        Setting("learning_rate", click.FloatRange(1e-9, 10), "Set the learning rate of the network."),
        Setting("critic_learning_rate", click.FloatRange(1e-9, 10), "Set the learning rate of the critic."),
        Setting(
            "decay",
            click.Choice(["constant", "cosine"]),
            "Choose how both rates change; cosine lets them fall to 0 at the last step.",
        ),
        Setting("warmup_steps", count(0), "Let the rates rise from 0 over this many steps."),
        Setting(
            "ema",
            share(0.99999),
            "Keep a running average of the weights, with this decay per step; 0 switches it off.",
        ),
        Setting("clip", share(None), "Bound the norm of the gradients by this; 0 switches it off."),
    ),
    "Losses": (
        Setting("reconstruction", share(None), "Weight the distance to the photo by this."),
        Setting("coarse", share(None), "Multiply the distances of the first of two stages by this."),
        Setting("known", share(None), "Weight the distance outside the hole by this."),
        Setting("adversarial", share(None), "Weight the adversarial loss by this; 0 switches it off."),
        Setting("map", share(None), "For blind repair, weight the loss of the damage map by this."),
        Setting("edges", share(None), "For blind repair, weight the cross entropy of the edges by this."),
        Setting(
            "feature_matching",
            share(None),
            "For blind repair, weight the feature matching of the edges by this.",
        ),
        Setting(
            "gradient_penalty", share(None), "Weight the gradient penalty of the Wasserstein critics by this."
        ),
        Setting(
            "discount",
            click.FloatRange(1e-6, 1),
            "Set the base of the spatially discounted loss; 1 switches it off.",
        ),
    ),
    "Run": (
        Setting("size_px", count(16, 2048), "Train on squares of this height and width."),
        Setting("batch", count(1, 4096), "Put this many photos through the network at once."),
        Setting(
            "accumulate", count(1, 4096), "Add up the gradients of this many passes for one update.", "1"
        ),
        Setting("workers", count(0, 256), "Read photos in this many processes.", "2"),
        Setting("device", click.STRING, "Compute on this device: auto, cpu, cuda or cuda:N.", "auto"),
        Setting(
            "precision",
            click.Choice(["float32", "bfloat16", "float16"]),
            "Compute in this precision; the weights are always float32.",
            "float32",
        ),
        Setting("seed", count(0, 2**63 - 1), "Start the random numbers here.", "0"),
        Setting("minutes", share(None), "Stop after this many minutes, ready for --resume.", "off"),
        Setting("log_every", count(1), "Write a line of the log every so many steps.", "50"),
        Setting("show_every", count(1), "Write figures and pictures every so many steps.", "1000"),
        Setting("save_every", count(1), "Write a checkpoint every so many steps.", "1000"),
    ),
}


def settings_options(command: Any) -> Any:
    for group, settings in reversed(SETTINGS.items()):
        for setting in reversed(settings):
            command = setting.option(group)(command)
    return command


@click.command(cls=GroupedCommand, no_args_is_help=True)
@click.argument("name", metavar="NAME")
@click.option("-o", "--out", type=FOLDER, required=True, help="Write the run into this folder.")
@click.option("--resume", is_flag=True, help="Continue from the last checkpoint of the run.")
@overwrite_option
@click.option("--dry-run", is_flag=True, help="Print parameters, work, memory and hours, and train nothing.")
@grouped("Photos", "--images", type=FOLDER, help="Train on the photos in this folder and below it.")
@grouped(
    "Photos",
    "--dataset",
    metavar="NAME",
    help="Train on a published data set: places365, celeba, imagenet, coco, classes (a folder of classes).",
)
@grouped("Photos", "--root", type=FOLDER, help="Read the data set from this folder; nothing is downloaded.")
@grouped("Photos", "--small", is_flag=True, help="For places365, take the photos of 256 px.")
@grouped(
    "Photos", "--attribute", help="For celeba, take the faces that have this attribute, such as Mustache."
)
@grouped(
    "Photos",
    "--landmark",
    multiple=True,
    help="For celeba, make the hole a box around this: nose, leftmouth, rightmouth, lefteye or righteye.",
)
@grouped(
    "Photos",
    "--annotations",
    type=FILE,
    help="For coco, read this file of annotations of the photos in --root.",
)
@grouped(
    "Photos", "--having", multiple=True, metavar="CLASS", help="For coco, take the photos that show this."
)
@grouped(
    "Photos",
    "--lacking",
    multiple=True,
    metavar="CLASS",
    help="For coco, take the photos that do not show this.",
)
@grouped(
    "Photos",
    "--keep-apart",
    type=count(0),
    help="Keep this many photos for figures and pictures; the network never learns from them. They are "
    "test photos where the data set has some; for classes it is the number of each."
    "  [default: 16, 5 for classes]",
)
@grouped(
    "Photos",
    "--smallest-scale",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.6,
    show_default=True,
    help="Crop from this share of the shorter side up to all of it.",
)
@grouped(
    "Photos",
    "--largest-px",
    type=count(16, 8192),
    help="Damage photos at sizes up to this, and train on windows of --size-px.  [default: --size-px]",
)
@grouped(
    "Photos",
    "--resaved",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of the samples that are blurred a little and compressed as JPEG once they are damaged.",
)
@grouped("Photos", "--flip/--no-flip", default=True, show_default=True, help="Mirror half of the photos.")
@grouped(
    "Damage",
    "--damage",
    type=DamageType(),
    multiple=True,
    help="Damage the photos like this: strokes, box, centre, free-form, shapes, files, mosaic-box and "
    "others (docs/training.md). The option may be repeated; kinds are drawn by weight."
    "  [default: the network's own]",
)
@grouped(
    "Damage", "--shapes", type=FILE, help="Take the holes of the damage shapes from these COCO annotations."
)
@grouped(
    "Damage",
    "--mask-files",
    type=FOLDER,
    help="Take the holes of the damage files from the masks in this folder.",
)
@grouped(
    "Network", "--width", type=click.FloatRange(0, 4, min_open=True), help="Multiply the channels by this."
)
@grouped(
    "Network",
    "--critic-width",
    type=click.FloatRange(0, 4, min_open=True),
    help="Multiply the channels of the critic by this.  [default: --width]",
)
@grouped("Network", "--no-attention", is_flag=True, help="For deepfillv1, leave out contextual attention.")
@grouped("Network", "--layout", help="For deepfillv2, build this layout: nipponjo_pt, nipponjo_tf or mmagic.")
@grouped(
    "Network",
    "--bottleneck",
    type=count(1, 16000),
    help="For context-encoder, use a bottleneck of this many numbers.",
)
@grouped("Network", "--weights", type=FILE, help="Start from these weights and not from random ones.")
@grouped(
    "Network",
    "--mask-network",
    type=FILE,
    help="For reconstruction, find the damage by the network in this file.",
)
@grouped(
    "Network",
    "--edge-network",
    type=FILE,
    help="For reconstruction, draw the edges by the network in this file.",
)
@grouped(
    "Network",
    "--frozen",
    is_flag=True,
    help="Do not train the networks of --mask-network and --edge-network.",
)
@settings_options
def train(name: str, out: Path, resume: bool, overwrite: bool, dry_run: bool, **told: Any) -> None:
    """Train the network NAME on photos.

    NAME is autoencoder, context-encoder, glcic, deepfillv1 or deepfillv2; or, for repair without a mask,
    mask-prediction, edge-prediction or reconstruction. Settings that are not given are those of the
    network's paper. The run's folder gets config.json, log.jsonl, pictures, TensorBoard's events,
    state.pt and weights.safetensors, which `remove --inpainter NAME --weights FILE` uses. Ctrl-C stops after
    the step at hand; --resume goes on. For several processes put torchrun --nproc-per-node N -m
    removal.cli.start in place of remove.

    \b
    remove train deepfillv2 --images photos/ --out runs/mine
    remove train deepfillv2 --images photos/ --out runs/mine --dry-run
    """
    if resume and overwrite:
        raise click.UsageError("--resume continues a run and --overwrite starts anew: give one of them")
    quiet = int(os.environ.get("RANK", "0")) > 0
    try:
        run = _run(name, out, told)
        if dry_run:
            from inpaint.training.plan import plan

            tell(*plan(run, report=warn).lines())
            return
        from inpaint.training.distributed import processes
        from inpaint.training.training_run import WEIGHTS, start
        from removal.evaluation.environment import facts

        with processes() as these:
            report = (lambda line: None) if quiet else warn
            result = start(
                run,
                out,
                resume=resume,
                overwrite=overwrite,
                made_with=facts(),
                processes=these,
                report=report,
            )
    except (OSError, ValueError, FloatingPointError) as error:
        raise click_error(error) from error
    if not quiet:
        rest = "" if result.finished else f"; {result.step} steps done, --resume goes on"
        tell(f"{out / WEIGHTS}{rest}")


def _run(name: str, out: Path, told: dict[str, Any]) -> Run:
    from inpaint.training.settings import DEFAULTS
    from inpaint.training.training_run import DamageSettings, Run

    if name not in DEFAULTS:
        raise click.UsageError(f"expected a network of {', '.join(DEFAULTS)}, got {name!r}")
    _check_owners(OWNERS, name, told)
    photos, kept_apart = _photos(told, out)
    names = [setting.name for part in SETTINGS.values() for setting in part]
    values = {key: told[key] for key in names if told[key] is not None}
    options = {key: told[key] for key in ("width", "layout", "bottleneck") if told[key] is not None}
    if told["no_attention"]:
        options["attention"] = False
    if name == "context-encoder" and told["size_px"] is not None:
        options["size_px"] = told["size_px"]
    width = told["width"] if told["width"] is not None else 1.0
    return Run.of(
        name,
        photos,
        kept_apart,
        settings=DEFAULTS[name].with_values(values),
        options=options,
        critic_width=width if told["critic_width"] is None else told["critic_width"],
        damage=DamageSettings(dict(told["damage"]), told["shapes"], told["mask_files"]),
        smallest_scale=told["smallest_scale"],
        largest_px=told["largest_px"],
        resaved=told["resaved"],
        flip=told["flip"],
        weights=told["weights"],
        front={other: told[key] for other, key in FRONT.items() if told[key] is not None},
        frozen=told["frozen"],
    )


def _check_owners(owners: dict[str, str], name: str, told: dict[str, Any]) -> None:
    for key, owner in owners.items():
        if told[key] and name != owner:
            raise click.UsageError(f"--{key.replace('_', '-')} is for {owner}")


def _photos(told: dict[str, Any], out: Path) -> tuple[list[TrainingPhoto], list[TrainingPhoto]]:
    """Those to learn from, and those kept apart."""
    from inpaint.training.datasets import load_dataset
    from inpaint.training.photos import photo_paths

    dataset, root = _source(told)
    _check_owners(CHOOSING, dataset, told)
    if dataset in ("folder", "classes") and out.resolve().is_relative_to(root.resolve()):
        raise click.UsageError(
            f"--out {out} lies among the photos in {root}: its pictures would be learnt from"
        )
    kept = told["keep_apart"]
    options: dict[str, Any] = {key: told[key] for key in CHOOSING if told[key]}
    if "landmark" in options:
        options["landmarks"] = options.pop("landmark")
    if dataset == "folder":
        options["test_count"] = min(16, len(photo_paths(root)) // 10) if kept is None else kept
    elif dataset == "classes" and kept is not None:
        options["test_per_class"] = kept
    learnt = load_dataset(dataset, root, split="train", options=options)
    if dataset == "folder" and not options["test_count"]:
        return learnt, []
    test = load_dataset(dataset, root, split="test", options=options)
    if dataset in ("folder", "classes"):
        return learnt, test
    count = min(16 if kept is None else kept, len(test))
    return learnt, [test[number * len(test) // count] for number in range(count)]


def _source(told: dict[str, Any]) -> tuple[str, Path]:
    """Name of the data set, and where it lies."""
    if (told["images"] is None) == (told["dataset"] is None):
        raise click.UsageError("give photos by --images DIR, or by --dataset NAME and --root DIR")
    if told["images"] is not None:
        if told["root"] is not None:
            raise click.UsageError("--root is for --dataset; --images names its folder itself")
        return "folder", told["images"]
    if told["root"] is None:
        raise click.UsageError("--dataset needs --root DIR, where it lies")
    return told["dataset"], told["root"]
