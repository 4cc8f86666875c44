"""Where the masks of an evaluation come from, and the hole that each asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from removal.errors import PlanError
from removal.evaluation.case import Case
from removal.evaluation.plan import ANNOTATIONS, BLIND, TRUTH_SOURCES, EvaluationOptions
from removal.models import build_damage_finder, build_recipe, build_segmenter, loading

if TYPE_CHECKING:
    from removal.evaluation.dataset import EvalPhoto
    from removal.options import RunOptions
    from removal.pipeline import Hole
    from segment import Detections, Segmenter

LABEL = "mask"  # of objects that carry no class
AP_SCORE = 0.05  # COCO's AP counts what a detector half believes too


@dataclass(frozen=True)
class EvaluatedSource:
    """One value of --mask-source.

    description: what it is, in words. classes: names of what is removed of what it finds; None = everything.
    has_instances: whether its objects are told apart and scored, as COCO's AP needs. find: what it marks.
    lacks: why it has nothing for a photo, None = it has; asked before any work. least_score: what it finds
    below this score is for AP alone. parameters: how many numbers it learned. names_all: whether it says
    who else is in the photo; masks of another team do not.
    """

    name: str
    description: str
    classes: tuple[str, ...] | None
    has_instances: bool
    find: Callable[[Case], Detections]
    lacks: Callable[[EvalPhoto], str | None] = lambda photo: None
    least_score: float = 0.0
    parameters: int = 0
    names_all: bool = True


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
            with loading():
                options = replace(self._run, segmenter=name, segmenter_weights=weights)
                self._loaded[name] = build_segmenter(options, self._say)
            self._locks[name] = threading.Lock()
        return self._loaded[name]

    def find(self, name: str, image: np.ndarray, min_score: float) -> Detections:
        segmenter = self.get(name)
        with self._locks[name]:
            return segmenter([image], min_score=min_score)[0]


def build_sources(
    options: EvaluationOptions, segmenters: Segmenters, files: Mapping[str, EvaluatedSource]
) -> list[EvaluatedSource]:
    """The sources of an evaluation, in the order given; files: those of `file_sources`. RunError where a
    network cannot be had."""
    sources = []
    for name in options.sources:
        if name in files:
            sources.append(files[name])
        elif name in TRUTH_SOURCES[options.protocol]:
            sources.append(truth_source(name, options.classes or None))
        elif name in options.own_sources:
            sources.append(blind_source(options.run))
        else:
            sources.append(detector_source(name, options, segmenters))
    return sources


def file_sources(options: EvaluationOptions, say: Callable[[str], None]) -> dict[str, EvaluatedSource]:
    """Those that are files of another team, by name; `say` is told what was found out about them. PlanError
    for a path that holds no masks."""
    from segment import segmenter_names

    known = (*options.own_sources, *segmenter_names())
    return {name: files_source(name, options, say) for name in options.sources if name not in known}


def truth_source(name: str, classes: Sequence[str] | None) -> EvaluatedSource:
    """What the protocol itself knows to be there."""
    wanted = tuple(classes) if classes and name == ANNOTATIONS else None
    return EvaluatedSource(name, f"{name} of the data", wanted, True, lambda case: case.truths[name])


def blind_source(run: RunOptions) -> EvaluatedSource:
    """Damage as `remove --blind` finds it."""
    from removal.repair import DamageSegmenter

    with loading():
        finder = build_damage_finder(run)
    segmenter = DamageSegmenter(finder, threshold=run.threshold)
    parameters = sum(parameter.numel() for parameter in finder.network.parameters())
    return EvaluatedSource(
        BLIND,
        segmenter.description,
        None,
        False,
        lambda case: segmenter([case.image])[0],
        parameters=parameters,
    )


def detector_source(name: str, options: EvaluationOptions, segmenters: Segmenters) -> EvaluatedSource:
    from removal.bystanders import PROTECT_SCORE

    description = segmenters.get(name).description
    return EvaluatedSource(
        name,
        description,
        options.classes,
        True,
        lambda case: segmenters.find(name, case.image, AP_SCORE),
        least_score=min(options.run.score, PROTECT_SCORE),
    )


def files_source(name: str, options: EvaluationOptions, say: Callable[[str], None]) -> EvaluatedSource:
    """Masks of another team: pictures, found by the photo's name, or objects, where COCO results name the
    photo by its id."""
    from segment import MaskFiles
    from segment.handover.files import is_picture

    run = options.run
    try:
        files = MaskFiles(
            name,
            label=run.mask_label,
            polarity=run.mask_polarity,
            allow_empty=True,
            max_pixels=int(run.max_megapixels * 1e6),
            tell=say,
        )
        if files.has_classes:
            files.check_classes(options.classes)
    except (ValueError, OSError) as error:
        raise PlanError(str(error), option="sources") from error

    def by_id(photo: EvalPhoto) -> bool:
        return files.coco is not None and files.coco.is_results and photo.image_id is not None

    def lacks(photo: EvalPhoto) -> str | None:
        if by_id(photo):
            return None
        try:
            files.find(sought(photo))
        except ValueError as error:
            return str(error)
        return None

    def find(case: Case) -> Detections:
        size = case.image.shape[:2]
        if files.coco is not None and case.photo.image_id is not None and by_id(case.photo):
            return files.coco.detections(case.photo.image_id, size, choice=files.choice)
        return files.detections(sought(case.photo), size, orientation=case.orientation)

    has_objects = not any(is_picture(entry) for entry in files.entries)
    wanted = (*options.classes, LABEL) if options.classes else None
    return EvaluatedSource(name, files.description, wanted, has_objects, find, lacks, names_all=False)


def sought(photo: EvalPhoto) -> Path:
    """The name by which a photo's mask is looked for: of a pair NAME/photo.png that is NAME."""
    return photo.path if photo.image_id is not None else Path(f"{photo.name}.png")


def find_hole(case: Case, source: EvaluatedSource, run: RunOptions, *, refined: bool) -> Hole:
    """What is to be filled for one source: the same steps as in the main job, up to the fill.

    A mask that covers the whole photo raises ValueError, as there; for damage the fill decides.
    """
    from removal.pipeline import Pipeline
    from removal.repair import DetectedDamage

    recipe = build_recipe(replace(run, refine=refined))
    score = run.score if source.has_instances else 0.0
    pipeline = Pipeline(None, recipe, None, classes=source.classes, min_score=score, protect=run.protect)
    found = case.found[source.name]
    people = None if source.names_all else case.people
    hole = pipeline.hole(case.image, found.select(min_score=source.least_score), people=people)
    if hole.mask.all() and not isinstance(found, DetectedDamage):
        raise ValueError(f"the mask of {source.name} covers the whole photo: nothing is left to fill from")
    return hole
