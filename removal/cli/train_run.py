"""What `remove train` was told, as the library's run: which photos, and all that goes with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from removal.cli.train_settings import SETTINGS

if TYPE_CHECKING:
    from inpaint.training.photos import TrainingPhoto
    from inpaint.training.training_run import Run

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


def run_of(name: str, out: Path, told: dict[str, Any]) -> Run:
    """The run that the options stand for; click.UsageError where they do not fit together."""
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
