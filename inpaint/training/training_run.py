"""A training run from its settings: the network, its photos, the loop, its weights."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from _removal_support.device import resolve_device
from _removal_support.errors import RemovalError
from inpaint.checkpoints import load_blind_network, load_network, save_network
from inpaint.formats import BLIND_NETWORKS, NETWORKS, build_blind_network, build_network
from inpaint.networks.edge_prediction import EdgePredictor
from inpaint.networks.fill_network import NamedNetwork
from inpaint.networks.mask_prediction import MaskPredictor
from inpaint.networks.reconstruction import Reconstructor
from inpaint.precision import why_slow
from inpaint.training.batch import Sample
from inpaint.training.blind_objectives import RepairChain, blind_objective
from inpaint.training.damage.kinds import Damage, damage_of, passed_over
from inpaint.training.distributed import Processes
from inpaint.training.loop import RunResult, train
from inpaint.training.objectives import Objective, fill_objective
from inpaint.training.photos import TrainingPhoto, TrainingPhotos, fixed_samples, sample_batches
from inpaint.training.settings import DEFAULTS, RunSettings, TrainingSettings
from inpaint.training.state import MADE_WITH, STATE
from inpaint.training.training_folder import LOG

WEIGHTS = "weights.safetensors"
KEPT_APART = "kept_apart"
"""Folder of links to the photos that were not learnt from, for `remove compare`."""
BLIND_DAMAGE: Mapping[str, float] = {
    "scratches": 2,
    "text": 2,
    "covered-strokes": 2,
    "covered-box": 0.5,
    "noise": 1,
    "grey": 1,
    "stains": 0.5,
    "watermark": 0.5,
    "raindrops": 0.5,
    "veil": 0.3,
    "torn": 0.5,
    "none": 1,
}
"""Kinds that are no holes: where the damage is must be seen."""
DEFAULT_DAMAGE: Mapping[str, Mapping[str, float]] = {
    "autoencoder": {"strokes": 1, "box": 1},
    "context-encoder": {"box": 1},
    "glcic": {"box": 1},
    "deepfillv1": {"box": 1},
    "deepfillv2": {"free-form": 1},
    "mask-prediction": BLIND_DAMAGE,
    "edge-prediction": BLIND_DAMAGE,
    "reconstruction": BLIND_DAMAGE,
}
VALIDATION_SEED = 2020
"""Of the damage that figures and pictures are made of, whatever the run's seed: runs can be compared."""


class RunExistsError(RemovalError, FileExistsError):
    """The folder holds a run already, and neither resuming nor overwriting it was asked for."""


@dataclass(frozen=True)
class DamageSettings:
    """What is done to the photos.

    kinds: name -> weight, as for `inpaint.training.damage.kinds.damage_of`; empty = the network's own.
    shapes: COCO annotations that shapes are taken from. files: folder of mask files.
    """

    kinds: Mapping[str, float] = field(default_factory=dict)
    shapes: Path | None = None
    files: Path | None = None


@dataclass(frozen=True)
class Run:
    """Everything that one training run is told.

    name: of the network. options: of its class, such as width. critic_width: multiplies the critic's
    channels. photos, kept_apart: to learn from, and to look at. smallest_scale, largest_px, resaved, flip:
    as for `TrainingPhotos`. weights: a file to start from, of a network of these options; None = fresh.
    front: of the blind networks, name -> weights of those in front of this one, which learn with it unless
    frozen.
    """

    name: str
    photos: Sequence[TrainingPhoto]
    kept_apart: Sequence[TrainingPhoto]
    settings: TrainingSettings
    options: Mapping[str, Any] = field(default_factory=dict)
    critic_width: float = 1.0
    damage: DamageSettings = field(default_factory=DamageSettings)
    smallest_scale: float = 0.6
    largest_px: int | None = None
    resaved: float = 0.0
    flip: bool = True
    weights: Path | None = None
    front: Mapping[str, Path] = field(default_factory=dict)
    frozen: bool = False

    @staticmethod
    def of(
        name: str, photos: Sequence[TrainingPhoto], kept_apart: Sequence[TrainingPhoto], **values: Any
    ) -> Run:
        """With the network's own settings and damage where none are given."""
        if name not in DEFAULTS:
            raise ValueError(f"expected a network of {', '.join(DEFAULTS)}, got {name!r}")
        values.setdefault("settings", DEFAULTS[name])
        damage = values.pop("damage", DamageSettings())
        if not damage.kinds:
            damage = DamageSettings(DEFAULT_DAMAGE[name], damage.shapes, damage.files)
        options = dict(values.pop("options", {}))
        order = list(BLIND_NETWORKS)
        for other in values.get("front", {}):
            if name not in order or other not in order[: order.index(name)]:
                raise ValueError(f"expected no network {other} in front of {name}")
        if values.get("frozen") and not values.get("front"):
            raise ValueError("expected networks in front that are to be frozen, got none")
        if name in NETWORKS and any(kind.startswith("mosaic") for kind in damage.kinds):
            options.setdefault("sees_hole", True)
        return Run(name, photos, kept_apart, options=options, damage=damage, **values)

    def told(self) -> dict[str, Any]:
        """What decides the weights, flat, for config.json: going on is refused where any of it changed."""
        settings = self.settings
        run = asdict(settings.run)
        decides = {name: run[name] for name in ("batch", "accumulate", "seed", "precision")}
        return {
            "network": self.name,
            **{f"network {name}": value for name, value in sorted(self.options.items())},
            "critic_width": self.critic_width,
            "size_px": settings.size_px,
            **asdict(settings.schedule),
            **(asdict(settings.optimisation) | {"betas": list(settings.optimisation.betas)}),
            **{f"weight of {name}": value for name, value in asdict(settings.losses).items()},
            **decides,
            "damage": {name: float(weight) for name, weight in self.damage.kinds.items()},
            "shapes": _name(self.damage.shapes),
            "mask files": _name(self.damage.files),
            "smallest_scale": self.smallest_scale,
            "largest_px": self.largest_px,
            **({"resaved": self.resaved} if self.resaved else {}),
            "flip": self.flip,
            "start": _name(self.weights),
            "in front": {name: path.name for name, path in sorted(self.front.items())},
            **({"frozen": True} if self.frozen else {}),
            "photos": len(self.photos),
            "photos_sha256": _digest(self.photos),
        }


def build_objective(run: Run) -> Objective:
    """The run's network, fresh from its seed or from a file, with its paper's losses and critic."""
    settings = run.settings
    rng = torch.Generator().manual_seed(settings.run.seed)
    if run.name in BLIND_NETWORKS:
        chain = _chain(run, rng)
        return blind_objective(chain, settings.losses, critic_width=run.critic_width, rng=rng)
    if run.weights is None:
        network = build_network(run.name, run.options, generator=rng)
    else:
        network = load_network(run.weights, run.name).train()
        _check_options(run, network)
    size_px = settings.size_px
    if network.size_px not in (None, size_px):
        raise ValueError(f"expected {run.name} of a size_px of {size_px}, got {network.size_px}")
    return fill_objective(network, settings.losses, size_px=size_px, critic_width=run.critic_width, rng=rng)


def _chain(run: Run, rng: torch.Generator) -> RepairChain:
    """The run's blind network, with those in front of it that it is given."""
    files = {**run.front} if run.weights is None else {**run.front, run.name: run.weights}
    networks: dict[str, Any] = {
        name: load_blind_network(path, BLIND_NETWORKS[name]).train() for name, path in files.items()
    }
    for name in run.front:
        networks[name].requires_grad_(not run.frozen)
    if run.weights is None:
        networks[run.name] = build_blind_network(run.name, run.options, generator=rng)
    else:
        _check_options(run, networks[run.name])
    return RepairChain(
        mask=networks.get(MaskPredictor.name),
        edges=networks.get(EdgePredictor.name),
        reconstruction=networks.get(Reconstructor.name),
    )


def _check_options(run: Run, network: NamedNetwork) -> None:
    """Raise ValueError where the file's network is another than the run asks for."""
    for name, value in run.options.items():
        if network.options.get(name) != value:
            raise ValueError(
                f"{run.weights}: expected {run.name} of {name} {value}, got {network.options.get(name)}"
            )


def training_photos(run: Run) -> TrainingPhotos:
    """The stream of samples that the run learns from; raises what the damage and the stream raise."""
    damage = damage_of(run.damage.kinds, shapes=run.damage.shapes, files=run.damage.files)
    return TrainingPhotos(
        run.photos,
        damage,
        size_px=run.settings.size_px,
        seed=run.settings.run.seed,
        flip=run.flip,
        smallest_scale=run.smallest_scale,
        largest_px=run.largest_px,
        resaved=run.resaved,
    )


def warn_if_slow(settings: RunSettings, report: Callable[[str], None]) -> None:
    """Report where this machine would train faster in another precision."""
    reason = why_slow(settings.precision, torch.device(resolve_device(settings.device)))
    if reason is not None:
        report(f"precision: {reason}")


def start(
    run: Run,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    made_with: Mapping[str, Any] = {},
    processes: Processes = Processes(),  # noqa: B008 (frozen)
    report: Callable[[str], None] = lambda line: None,
) -> RunResult:
    """Train as told, and leave the run's folder with `weights.safetensors` in it; see `loop.train`.

    made_with: for config.json, such as versions.

    Raises RunExistsError where `out` holds a run already, unless it is to be gone on with or overwritten;
    besides, what `build_objective`, the damage, the photos and `loop.train` raise.
    """
    if processes.leads and not (resume or overwrite) and _holds_a_run(out):
        raise RunExistsError(
            f"expected a folder without a run, got {out}: resume its run, overwrite it, or name another",
            option="out",
        )
    settings = run.settings
    config = run.told() | {MADE_WITH: dict(made_with)}
    if processes.world > 1:  # they share one step out among them, so it is another with other numbers
        config["processes"] = processes.world
    photos = training_photos(run)
    if processes.leads:
        for line in passed_over(run.damage.kinds, shapes=run.damage.shapes, files=run.damage.files):
            report(line)
    validation = _validation(run, photos.damage) if run.kept_apart and processes.leads else []
    for name in validation[0].passed_over if validation else ():
        report(f"passed over {name}")
    warn_if_slow(settings.run, report)
    objective = build_objective(run)
    if processes.leads and not resume:
        (out / WEIGHTS).unlink(missing_ok=True)
        _link(run.kept_apart, out / KEPT_APART)

    def samples(first: int, passes: int) -> Any:
        return sample_batches(
            photos,
            batch=settings.run.batch,
            first_step=first,
            steps=passes,
            workers=settings.run.workers,
            rank=processes.rank,
            world=processes.world,
        )

    def keep(network: nn.Module, step: int) -> None:
        notes = {"source": f"trained here, {step} of {settings.schedule.steps} steps", "steps": str(step)}
        members = network.members if isinstance(network, RepairChain) else {run.name: network}
        for name, member in members.items():
            assert isinstance(member, NamedNetwork)
            file = WEIGHTS if name == run.name else f"{name}.safetensors"
            save_network(member, out / file, notes=notes, overwrite=True)

    return train(
        objective,
        samples,
        validation,
        settings,
        out,
        config=config,
        keep=keep,
        resume=resume,
        processes=processes,
        report=report,
    )


def _holds_a_run(out: Path) -> bool:
    """Whether there is anything to lose: a run that was refused as it began leaves its config alone."""
    log = out / LOG
    return (out / STATE).exists() or (out / WEIGHTS).exists() or (log.exists() and log.stat().st_size > 0)


def _validation(run: Run, damage: Damage) -> list[Sample]:
    """All photos that are kept apart, damaged in the same way in every run."""
    size_px, count = run.largest_px or run.settings.size_px, len(run.kept_apart)
    return fixed_samples(run.kept_apart, damage, size_px=size_px, seed=VALIDATION_SEED, count=count)


def _link(photos: Sequence[TrainingPhoto], folder: Path) -> None:
    """A folder of links to the photos, or copies where there are none; names that come twice get a number."""
    shutil.rmtree(folder, ignore_errors=True)
    if photos:
        folder.mkdir(parents=True)
    for number, photo in enumerate(photos):
        link = folder / photo.path.name
        if link.is_symlink() or link.exists():
            link = folder / f"{photo.path.stem}.{number}{photo.path.suffix}"
        try:
            link.symlink_to(photo.path.resolve())
        except OSError:
            shutil.copyfile(photo.path, link)


def _name(path: Path | None) -> str | None:
    return None if path is None else path.name


def _digest(photos: Sequence[TrainingPhoto]) -> str:
    """Of the photos' names in their order, and regions: not of where the folder lies."""
    common = {photo.path.parent for photo in photos}
    root = next(iter(common)) if len(common) == 1 else None
    lines = [
        f"{photo.path.name if root else '/'.join(photo.path.parts[-3:])} {photo.region}" for photo in photos
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
