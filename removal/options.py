"""What a run is told: what to remove, by which models, how, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from removal.batch import PlanError

WITHOUT_WEIGHTS = ("exemplar", "telea", "navier-stokes")


@dataclass(frozen=True)
class RunOptions:
    """What the command line can say; the names are those of its options.

    Exactly one of classes alone, masks (with classes where they carry some) and boxes says what to remove.
    """

    classes: tuple[str, ...] = ()
    masks: Path | None = None
    boxes: tuple[tuple[int, int, int, int], ...] = ()  # xywh, pixels of the upright photo
    lists: tuple[Path, ...] = ()  # files that name photos, "-" = standard input
    output: Path | None = None
    score: float = 0.5
    refine: bool = True
    shadows: bool = True
    attached: Literal["none", "carried", "ridden", "all"] = "all"
    mask_label: int | None = None  # the value in label maps that is to be removed; None = no label maps
    mask_polarity: Literal["auto", "remove", "keep"] = "auto"  # what white means in mask files
    allow_empty_masks: bool = False  # whether a mask that marks nothing leaves its photo as it is
    segmenter: str = "auto"
    segmenter_weights: str | None = None
    inpainter: str = "auto"
    weights: str | None = None
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
    workers: int | None = None  # threads of each stage; None = as many as there are processors
    batch_size: int | None = None  # photos the detector is given at once; None = 1, on a GPU 8
    max_megapixels: float = 300.0

    @property
    def has_detector(self) -> bool:
        """Whether a segmenter finds what to remove."""
        return self.masks is None and not self.boxes

    def check(self) -> None:
        """Raises PlanError unless it is clear what to remove."""
        if not (self.classes or self.masks or self.boxes):
            raise PlanError("say what to remove: --class NAME, --masks PATH or --box X,Y,W,H")
        if self.boxes and (self.classes or self.masks):
            raise PlanError("--box says what to remove by itself: leave out --class and --masks")
        if not self.has_detector and (self.segmenter != "auto" or self.segmenter_weights):
            raise PlanError("--segmenter does nothing where --masks or --box say what to remove")
        if not self.masks and (self.mask_label is not None or self.mask_polarity != "auto"):
            raise PlanError("--mask-label and --mask-polarity say how --masks are read: give these")


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
