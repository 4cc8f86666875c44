"""What a run is told: what to remove, by which models, how, and where to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from removal.cluster.paths import NEEDS, RemotePath, filesystem
from removal.errors import PlanError

WITHOUT_WEIGHTS = ("exemplar", "telea", "navier-stokes")
CONTINUOUS = "reconstruction"  # the inpainter that keeps what is left of a partly destroyed pixel


@dataclass(frozen=True)
class RunOptions:
    """What the command line can say; the names are those of its options.

    Exactly one of classes alone, masks (with classes where they carry some), boxes and blind says what to
    remove.
    """

    classes: tuple[str, ...] = ()
    masks: Path | None = None
    boxes: tuple[tuple[int, int, int, int], ...] = ()  # xywh, pixels of the upright photo
    blind: bool = False  # damage that a network finds
    threshold: float = 0.5  # from which destroyed share on a pixel is damaged; blind only
    lists: tuple[Path, ...] = ()  # files that name photos, "-" = standard input
    output: Path | None = None
    score: float = 0.5
    refine: bool = True
    shadows: bool = True
    attached: Literal["none", "carried", "ridden", "all"] = "all"
    mask_label: int | None = None  # the value in label maps that is to be removed; None = no label maps
    mask_polarity: Literal["auto", "remove", "keep"] = "auto"  # what white means in mask files
    allow_empty_masks: bool = False  # whether a mask that marks nothing leaves its photo as it is
    only_masked: bool = False  # leave out photos that there is no mask for
    segmenter: str = "auto"
    segmenter_weights: str | None = None
    inpainter: str = "auto"
    weights: str | None = None
    blind_weights: tuple[str, ...] = ()  # files of the networks of blind and `reconstruction`
    device: str = "auto"
    precision: Literal["auto", "float32"] = "auto"
    seed: int = 0
    working_size: int = 512
    detail: bool = True
    colour: bool = True
    compile: bool = False
    compare: bool = False
    save_masks: bool = False
    overwrite: bool = False
    engine: Literal["local", "ray"] = "local"
    ray_address: str | None = None  # host:port; None = RAY_ADDRESS, or a cluster on this machine for the run
    workers: int | None = None  # threads of each stage, or Ray's workers; None = as many as processors
    batch_size: int | None = None  # photos the detector is given at once; None = 1, on a GPU 8
    max_megapixels: float = 300.0

    @property
    def has_detector(self) -> bool:
        """Whether a network finds what to remove."""
        return self.masks is None and not self.boxes

    @property
    def extras(self) -> tuple[str, ...]:
        """What is written beside each result, by the names of `removal.batch.jobs.EXTRAS`."""
        maps = ("damage", *(("edges",) if self.inpainter == CONTINUOUS else ())) if self.blind else ()
        return (("mask", *maps) if self.save_masks else ()) + (("sheet",) if self.compare else ())

    def check(self) -> None:
        """Raises PlanError unless it is clear what to remove."""
        if self.blind:
            self._check_blind()
        elif self.threshold != RunOptions.threshold:
            raise PlanError("--threshold says what damage --blind takes for whole: give both")
        elif self.blind_weights and self.inpainter != CONTINUOUS:
            raise PlanError(f"--blind-weights are those of --blind and --inpainter {CONTINUOUS}: give either")
        elif not (self.classes or self.masks or self.boxes):
            raise PlanError("say what to remove: --class NAME, --masks PATH, --box X,Y,W,H or --blind")
        if self.boxes and (self.classes or self.masks):
            raise PlanError("--box says what to remove by itself: leave out --class and --masks")
        if not self.has_detector and (self.segmenter != "auto" or self.segmenter_weights):
            raise PlanError("--segmenter does nothing where --masks or --box say what to remove")
        if not self.masks and (self.mask_label is not None or self.mask_polarity != "auto"):
            raise PlanError("--mask-label and --mask-polarity say how --masks are read: give these")
        if not self.masks and self.only_masked:
            raise PlanError("--only-masked needs --masks")

    def _check_blind(self) -> None:
        others = {"--class": self.classes, "--masks": self.masks, "--box": self.boxes}
        if given := [option for option, value in others.items() if value]:
            raise PlanError(f"--blind finds the damage by itself: leave out {' and '.join(given)}")
        if self.segmenter != "auto" or self.segmenter_weights:
            raise PlanError("--segmenter finds objects, --blind damage: give one of them")
        if self.score != RunOptions.score:
            raise PlanError("--score is that of an object: with --blind give --threshold")


def check_engine(options: RunOptions, photos: Sequence[Path]) -> None:
    """Raises PlanError for an engine that is not installed or cannot be told what it was, and for paths that
    the engine, or fsspec without some other package, cannot open."""
    remote = [
        path
        for path in (*photos, *options.lists, options.masks, options.output)
        if isinstance(path, RemotePath)
    ]
    if options.engine == "local":
        if remote:
            raise PlanError(f"'{remote[0]}' is not on this machine: paths such as this need --engine ray")
        if options.ray_address:
            raise PlanError("--ray-address says where --engine ray works: give both")
        if options.batch_size is not None and not options.has_detector:
            raise PlanError("--batch-size is the detector's: it does nothing with --masks or --box")
        return
    if find_spec("ray") is None:
        raise PlanError(f"--engine ray needs the package ray: {NEEDS}")
    if options.batch_size is not None:
        raise PlanError("--batch-size is for --engine local: Ray's workers take one photo at a time")
    if (address := options.ray_address or os.environ.get("RAY_ADDRESS", "")).startswith("ray://"):
        raise PlanError(
            f"--ray-address: expected host:port of the cluster's head, such as 10.0.0.1:6379, got {address!r}"
        )
    for path in remote:
        try:
            filesystem(path)
        except (ImportError, ValueError, OSError) as error:
            raise PlanError(f"{path}: {' '.join(str(error).split())}") from error


def check_names(options: RunOptions) -> None:
    """Raises PlanError for models and classes that nobody knows, before anything is loaded."""
    from inpaint import inpainter_names
    from segment import coco_classes, segmenter_names
    from segment.classes import unknown_class

    known = {"segmenter": segmenter_names(), "inpainter": inpainter_names()}
    for option, names in known.items():
        if (name := getattr(options, option)) not in names:
            raise PlanError(f"--{option}: expected one of {', '.join(names)}, got {name!r}")
    if options.weights is not None and options.inpainter in ("auto", *WITHOUT_WEIGHTS):
        raise PlanError(f"--weights needs the name of a network, got --inpainter {options.inpainter}")
    if options.masks is None:
        for name in options.classes:
            if name not in coco_classes():
                raise PlanError(f"--class: {unknown_class(name, coco_classes())}")
