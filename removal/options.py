"""What a run is to do, in small groups of settings: what to remove, by which models, how, and where to.

Each default is written here and nowhere else. `RunOptions` is all groups in one; a function that needs one
group alone takes that, and a RunOptions is one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from _removal_support.device import check_device_name
from removal.cluster.paths import NEEDS, filesystem, is_remote
from removal.errors import PlanError

if TYPE_CHECKING:
    from inpaint.inpainter import Effort

DIFFUSION_OPTIONS = ("prompt", "negative_prompt", "steps", "guidance")
CONTINUOUS = "reconstruction"  # the inpainter that keeps what is left of a partly destroyed pixel


@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """What to remove: exactly one of classes alone, masks (with classes where they carry some), boxes, blind,
    points (with classes where those are to go too).

    boxes: xywh, pixels of the upright photo. points: x, y on one thing, of one photo; not_points: beside it.
    score: the least of an object that is removed, 0 to 1.
    blind: damage that a network finds; threshold: the destroyed share from which on a pixel is damaged.
    """

    classes: tuple[str, ...] = ()
    masks: Path | None = None
    boxes: tuple[tuple[int, int, int, int], ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    not_points: tuple[tuple[float, float], ...] = ()
    score: float = 0.5
    blind: bool = False
    threshold: float = 0.5

    @property
    def has_detector(self) -> bool:
        """Whether a network finds what to remove."""
        return self.masks is None and not self.boxes and (bool(self.classes) or not self.points)


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """How masks are read, and how they are refined.

    mask_label: the value, or the colour (red, green, blue), in label maps that is to be removed; None = the
        masks are no label maps, or a table beside them names their classes.
    mask_polarity: what white means in mask files. allow_empty_masks: a mask that marks nothing leaves its
    photo as it is, and is no error. only_masked: photos that there is no mask for are left out.
    refine: masks are mended and thickened; shadows and attached things are added only then.
    protect: nothing is copied from what was detected and stays, nor, where masks or boxes say what to remove,
        from people that the built-in finder finds.
    """

    mask_label: int | tuple[int, int, int] | None = None
    mask_polarity: Literal["auto", "remove", "keep"] = "auto"
    allow_empty_masks: bool = False
    only_masked: bool = False
    refine: bool = True
    shadows: bool = True
    attached: Literal["none", "carried", "ridden", "all"] = "all"
    protect: bool = True


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which models run, and how.

    prompter: what turns points and boxes into masks. prompter_weights: a folder of its weights; None = the
    published ones.
    weights: a file for the inpainter; blind_weights: files of the networks of blind and `reconstruction`;
    None and () = the published ones. effort: how long the exemplar fill may take. working_size: longest side
    in pixels that a network sees. detail, colour: a network's fill gets the photo's texture back, and its
    colours are evened out at the rim. prompt, negative_prompt, steps, guidance: of a diffusion model; None =
    its own.
    """

    segmenter: str = "auto"
    segmenter_weights: str | None = None
    refine_boxes: bool | None = None
    prompter: str = "auto"
    prompter_weights: str | None = None
    inpainter: str = "auto"
    weights: str | None = None
    blind_weights: tuple[str, ...] = ()
    device: str = "auto"
    precision: Literal["auto", "float32"] = "auto"
    seed: int = 0
    effort: Effort = "normal"
    working_size: int = 512
    detail: bool = True
    colour: bool = True
    compile: bool = False
    prompt: str | None = None
    negative_prompt: str | None = None
    steps: int | None = None
    guidance: float | None = None


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What is read, and what is written where.

    lists: files that name photos, "-" = standard input. output: a file or folder; None = beside each photo.
    """

    lists: tuple[Path, ...] = ()
    output: Path | None = None
    compare: bool = False
    save_masks: bool = False
    overwrite: bool = False
    max_megapixels: float = 300.0


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Who does the work.

    ray_address: host:port; None = RAY_ADDRESS, or a cluster on this machine for the run. workers: threads of
    each stage, or Ray's workers; None = as many as processors. batch_size: photos that the detector is given
    at once; None = 1, on a GPU 8.
    """

    engine: Literal["local", "ray"] = "local"
    ray_address: str | None = None
    workers: int | None = None
    batch_size: int | None = None


@dataclass(frozen=True, kw_only=True)
class RunOptions(TargetOptions, MaskOptions, ModelOptions, OutputOptions, EngineOptions):
    """All that a run is told; the command line's options bear the same names."""

    @property
    def extras(self) -> tuple[str, ...]:
        """What is written beside each result, by the names of `removal.batch.jobs.EXTRAS`."""
        masks = ("mask", *self._maps) if self.save_masks else ()
        return masks + (("sheet",) if self.compare else ())

    @property
    def _maps(self) -> tuple[str, ...]:
        """What `removal.repair` has to show: edges where they are drawn, layers where they may be undone."""
        if not self.blind:
            return ()
        if self.inpainter == CONTINUOUS:
            return "damage", "edges"
        return ("damage", "layers") if self.refine else ("damage",)

    def check(self) -> None:
        """Raises PlanError unless it is clear what to remove, and for what would have no effect."""
        try:
            check_device_name(self.device)
        except ValueError as error:
            raise PlanError(str(error), option="device") from error
        if self.blind:
            self._check_blind()
            return
        if self.threshold != TargetOptions.threshold:
            raise PlanError(
                f"expected a threshold only where damage is looked for (blind), got {self.threshold} without",
                option="threshold",
            )
        if self.blind_weights and self.inpainter != CONTINUOUS:
            raise PlanError(
                f"expected weights for blind only with blind or the inpainter {CONTINUOUS}, got them without",
                option="blind_weights",
            )
        self._check_points()
        if not (self.classes or self.masks or self.boxes or self.points):
            raise PlanError(
                "expected classes, masks, boxes, points or blind to say what to remove, got none of them",
                option="classes",
            )
        if self.boxes and (self.classes or self.masks):
            raise PlanError("expected boxes alone, got classes or masks beside them", option="boxes")
        if not self.has_detector and (self.segmenter != "auto" or self.segmenter_weights):
            raise PlanError(
                "expected no segmenter where masks or boxes say what to remove, got one", option="segmenter"
            )
        if not self.masks:
            self._check_no_masks()

    def _check_points(self) -> None:
        if self.not_points and not self.points:
            raise PlanError(
                "expected a point on the thing as well, got only points that do not belong to it",
                option="not_points",
            )
        if self.points and (self.boxes or self.masks):
            raise PlanError("expected no masks and boxes beside points, got some", option="points")
        both = {(int(x), int(y)) for x, y in self.points} & {(int(x), int(y)) for x, y in self.not_points}
        if both:
            x, y = min(both)
            raise PlanError(
                f"expected {x},{y} to be on the thing or not, got it as both", option="not_points"
            )
        if not (self.points or self.boxes):
            for name in ("prompter", "prompter_weights"):
                if getattr(self, name) != getattr(ModelOptions, name):
                    raise PlanError("expected points or boxes for a prompter, got it without", option=name)
        if self.prompter_weights is not None and self.prompter in ("auto", "classical"):
            raise PlanError(
                f"expected the name of a network as prompter, got {self.prompter}", option="prompter_weights"
            )

    def _check_blind(self) -> None:
        targets = ("classes", "masks", "boxes", "points", "not_points")
        given = [name for name in targets if getattr(self, name)]
        if given:
            raise PlanError(
                f"expected nothing beside blind, which finds the damage by itself, got {' and '.join(given)}",
                option="blind",
            )
        if self.segmenter != "auto" or self.segmenter_weights:
            raise PlanError(
                "expected no segmenter, which finds objects, beside blind, which finds damage",
                option="segmenter",
            )
        if self.score != TargetOptions.score:
            raise PlanError(
                "expected a threshold for blind, got a score, which is that of objects", option="score"
            )
        if not self.protect:
            raise PlanError(
                "expected nothing on whom to protect beside blind, which protects nobody", option="protect"
            )
        self._check_no_masks()

    def _check_no_masks(self) -> None:
        for name in ("mask_label", "mask_polarity", "only_masked"):
            if getattr(self, name) != getattr(MaskOptions, name):
                raise PlanError(f"expected {name} only with masks, got it without", option=name)


def check_one_photo(options: TargetOptions, lists: Sequence[Path], photos: Sequence[Path]) -> None:
    """Raises PlanError where points, which are of one photo, are given for several or for a folder."""
    if not options.points:
        return
    folder = next((photo for photo in photos if not is_remote(photo) and photo.is_dir()), None)
    if folder is not None:
        raise PlanError(
            f"expected one photo, for points lie in one, got the folder '{folder}'", option="points"
        )
    if len(photos) > 1 or lists:
        what = "a list" if lists else f"{len(photos)} photos"
        raise PlanError(f"expected one photo, for points lie in one, got {what}", option="points")


def check_engine(options: RunOptions, photos: Sequence[Path]) -> None:
    """Raises PlanError for an engine that is not installed or cannot be told what it was, and for paths that
    the engine, or fsspec without some other package, cannot open."""
    paths = (*photos, *options.lists, options.masks, options.output)
    remote = [path for path in paths if is_remote(path)]
    if options.engine == "local":
        if remote:
            raise PlanError(
                f"expected ray for '{remote[0]}', which is not on this machine, got local", option="engine"
            )
        if options.ray_address:
            raise PlanError("expected the engine ray for its address, got local", option="ray_address")
        if options.batch_size is not None and not options.has_detector:
            raise PlanError("expected a detector for its batch size, got masks or boxes", option="batch_size")
        return
    if find_spec("ray") is None:
        raise PlanError(f"ray needs the package ray: {NEEDS}", option="engine")
    if options.batch_size is not None:
        raise PlanError(
            "expected the engine local for a batch size, got ray, whose workers take one photo at a time",
            option="batch_size",
        )
    if (address := options.ray_address or os.environ.get("RAY_ADDRESS", "")).startswith("ray://"):
        raise PlanError(
            f"expected host:port of the cluster's head, such as 10.0.0.1:6379, got {address!r}",
            option="ray_address",
        )
    for path in remote:
        try:
            filesystem(path)
        except (ImportError, ValueError, OSError) as error:
            raise PlanError(f"{path}: {error}") from error


def check_names(options: RunOptions) -> None:
    """Raises PlanError for models and classes that nobody knows, before anything is loaded."""
    from inpaint import inpainter_names
    from inpaint.registry import is_network
    from segment import coco_classes, segmenter_names
    from segment.classes import unknown_class
    from segment.prompts import prompter_names
    from segment.published import SHORT_NAMES

    known = {
        "segmenter": (*segmenter_names(), *SHORT_NAMES),
        "inpainter": inpainter_names(),
        "prompter": prompter_names(),
    }
    for option, names in known.items():
        if (name := getattr(options, option)) not in names:
            raise PlanError(f"expected one of {', '.join(names)}, got {name!r}", option=option)
    if options.weights is not None and (options.inpainter == "auto" or not is_network(options.inpainter)):
        raise PlanError(
            f"expected the name of a network as inpainter, got {options.inpainter}", option="weights"
        )
    check_diffusion(options, [options.inpainter])
    if options.masks is None:
        for name in options.classes:
            if name not in coco_classes():
                raise PlanError(unknown_class(name, coco_classes()), option="classes")


def check_diffusion(options: ModelOptions, inpainters: Sequence[str]) -> None:
    """Raises PlanError for words and steps where none of the inpainters draws by them."""
    from inpaint.registry import takes_prompt

    for name in DIFFUSION_OPTIONS:
        if getattr(options, name) is not None and not any(map(takes_prompt, inpainters)):
            raise PlanError(
                f"expected the name of a diffusion model as inpainter, got {', '.join(inpainters)}",
                option=name,
            )
