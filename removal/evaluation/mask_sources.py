"""Where the masks of an evaluation come from, and the hole that each asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from removal.batch import PlanError
from removal.evaluation.case import Case, Hole
from removal.evaluation.options import TRUTH_SOURCES, EvaluationOptions
from removal.models import RunError, build_recipe, build_segmenter

if TYPE_CHECKING:
    from removal.evaluation.dataset import EvalPhoto
    from removal.options import RunOptions
    from segment import Detections, Segmenter

HOLES = "holes"


@dataclass(frozen=True)
class EvaluatedSource:
    """One value of --mask-source.

    description: what it is, in words. classes: names of what is removed of what it finds; None = everything.
    has_instances: whether its objects are told apart and scored, as COCO's AP needs. find: what it marks.
    lacks: why it has nothing for a photo, None = it has; asked before any work.
    """

    name: str
    description: str
    classes: tuple[str, ...] | None
    has_instances: bool
    find: Callable[[Case], Detections]
    lacks: Callable[[EvalPhoto], str | None] = lambda photo: None


class Segmenters:
    """Segmenters by name, each loaded once and called by one thread at a time."""

    def __init__(self, run: RunOptions, say: Callable[[str], None]) -> None:
        self._run, self._say = run, say
        self._loaded: dict[str, Segmenter] = {}
        self._locks: dict[str, threading.Lock] = {}

    def get(self, name: str) -> Segmenter:
        """The segmenter; RunError where it cannot be had or does not know the wanted classes."""
        if name not in self._loaded:
            weights = self._run.segmenter_weights if name != "auto" else None
            try:
                options = replace(self._run, segmenter=name, segmenter_weights=weights)
                self._loaded[name] = build_segmenter(options, self._say)
            except (ValueError, OSError, RuntimeError) as error:
                raise RunError(" ".join(str(error).split())) from error
            self._locks[name] = threading.Lock()
        return self._loaded[name]

    def find(self, name: str, image: np.ndarray, min_score: float) -> Detections:
        segmenter = self.get(name)
        with self._locks[name]:
            return segmenter([image], min_score=min_score)[0]


def build_sources(options: EvaluationOptions, segmenters: Segmenters) -> list[EvaluatedSource]:
    """The sources of an evaluation, in the order given. PlanError or RunError where one cannot be had."""
    if options.protocol == "holes":
        return [truth_source(HOLES, None)]
    return [build_source(name, options, segmenters) for name in options.sources]


def build_source(name: str, options: EvaluationOptions, segmenters: Segmenters) -> EvaluatedSource:
    from segment import segmenter_names

    if name in TRUTH_SOURCES[options.protocol]:
        return truth_source(name, options.classes or None)
    if name in segmenter_names():
        return detector_source(name, options, segmenters)
    if Path(name).suffix.lower() == ".json":
        return coco_source(name, options)
    return files_source(name)


def truth_source(name: str, classes: Sequence[str] | None) -> EvaluatedSource:
    """What the protocol itself knows to be there."""
    wanted = tuple(classes) if classes and name == "annotations" else None
    return EvaluatedSource(name, f"{name} of the data", wanted, True, lambda case: case.truths[name])


def detector_source(name: str, options: EvaluationOptions, segmenters: Segmenters) -> EvaluatedSource:
    from removal.pipeline import PROTECT_SCORE

    least = min(options.run.score, PROTECT_SCORE)
    description = segmenters.get(name).description
    return EvaluatedSource(
        name, description, options.classes, True, lambda case: segmenters.find(name, case.image, least)
    )


def coco_source(name: str, options: EvaluationOptions) -> EvaluatedSource:
    """Annotations or results of another team, found by the image's id."""
    from segment import CocoMasks

    try:
        masks = CocoMasks(name)
        masks.check_classes(options.classes or None)
    except (ValueError, OSError) as error:
        raise PlanError(f"--mask-source: {error}") from error

    def find(case: Case) -> Detections:
        photo = case.photo.path if case.photo.image_id is None else case.photo.image_id
        return masks.detections(photo, case.image.shape[:2])

    return EvaluatedSource(name, f"COCO file {name}", options.classes or None, True, find)


def files_source(name: str) -> EvaluatedSource:
    """Mask files of another team, found by the photo's name."""
    from segment import MaskFiles

    try:
        files = MaskFiles(name, allow_empty=True)
    except (ValueError, OSError) as error:
        raise PlanError(f"--mask-source: {error}") from error

    def lacks(photo: EvalPhoto) -> str | None:
        try:
            files.find(sought(photo))
        except ValueError as error:
            return str(error)
        return None

    return EvaluatedSource(
        name,
        f"mask files in {name}",
        None,
        False,
        lambda case: files.detections(sought(case.photo), case.image.shape[:2]),
        lacks,
    )


def sought(photo: EvalPhoto) -> Path:
    """The name by which a photo's mask is looked for: of a pair NAME/photo.png that is NAME."""
    return photo.path if photo.image_id is not None else Path(f"{photo.name}.png")


class _Noted:
    """Stands where a pipeline has its inpainter, and notes what it was asked to fill."""

    protect: np.ndarray | None = None

    def __call__(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None = None) -> np.ndarray:
        self.protect = protect
        return image


def find_hole(case: Case, source: EvaluatedSource, run: RunOptions, *, refined: bool) -> Hole:
    """What is to be filled for one source: the same steps as in the main job, up to the fill.

    A mask that covers the whole photo raises ValueError, as there.
    """
    from removal.pipeline import Pipeline

    noted = _Noted()
    recipe = build_recipe(replace(run, refine=refined))
    pipeline = Pipeline(None, recipe, noted, classes=source.classes, min_score=run.score)  # type: ignore[arg-type]
    removal = pipeline.erase(case.image, case.found[source.name])
    if removal.mask.all():
        raise ValueError(f"the mask of {source.name} covers the whole photo: nothing is left to fill from")
    seconds = removal.seconds.get("refine", 0.0)
    return Hole(removal.detections, removal.mask, removal.parts, noted.protect, seconds)
