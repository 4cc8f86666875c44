"""The parts of a run that its options name: segmenter, inpainter, source of masks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from removal.errors import PlanError, RunError, describe
from removal.options import DIFFUSION_OPTIONS, MaskOptions, ModelOptions, RunOptions

if TYPE_CHECKING:
    from inpaint import Inpainter
    from inpaint.blind import DamageFinder
    from postprocess import MaskRecipe
    from removal.pipeline import Pipeline
    from removal.sources import MaskSource
    from segment import Segmenter
    from segment.prompts import Prompter


@contextmanager
def loading() -> Iterator[None]:
    """Turns what goes wrong where models and masks are loaded into a RunError of one line, but for a
    PlanError."""
    try:
        yield
    except (PlanError, RunError):
        raise
    except (ValueError, OSError, RuntimeError) as error:
        raise RunError(describe(error), option=getattr(error, "option", None)) from error


def build(options: RunOptions, say: Callable[[str], None]) -> tuple[Pipeline, MaskSource, dict[str, str]]:
    """The pipeline, where its masks come from, and what ran in words: "masks", "inpainter", and "protect"
    where people who stay are looked for.

    Raises PlanError for classes that the masks do not have, RunError for what cannot be had or read.
    """
    with loading():
        pipeline = build_repair(options, say) if options.blind else build_removal(options, say)
        source = build_source(options, pipeline, say)
    assert pipeline.inpainter is not None
    models = {"masks": source.description, "inpainter": pipeline.inpainter.description}
    if pipeline.bystanders is not None:
        models["protect"] = pipeline.bystanders.description
    return pipeline, source, models


def build_removal(options: RunOptions, say: Callable[[str], None]) -> Pipeline:
    """The pipeline that removes objects."""
    from removal.pipeline import POINTED, Pipeline

    segmenter = build_segmenter(options, say) if options.has_detector else None
    classes = (*options.classes, POINTED) if options.classes and options.points else options.classes
    inpainter = build_inpainter(options, say)
    looks = options.protect and not options.has_detector
    return Pipeline(
        segmenter,
        build_recipe(options),
        inpainter,
        classes=classes or None,
        min_score=options.score,
        protect=options.protect,
        bystanders=build_bystanders(inpainter) if looks else None,
    )


def build_bystanders(inpainter: Inpainter) -> Segmenter | None:
    """The finder of people who stay, for masks that say nothing of them; None for a fill that copies
    nothing."""
    from segment import load_segmenter

    return load_segmenter("builtin") if getattr(inpainter, "copies", True) else None


def build_repair(options: RunOptions, say: Callable[[str], None]) -> Pipeline:
    """The pipeline that repairs damage which nobody marked."""
    from removal.repair import RepairPipeline

    finder = build_damage_finder(options)
    inpainter = build_inpainter(options, say)
    return RepairPipeline(finder, inpainter, threshold=options.threshold, refine=options.refine)


def build_damage_finder(options: ModelOptions) -> DamageFinder:
    """The network that finds damage."""
    from inpaint.blind import load_damage_finder

    return load_damage_finder(
        weights=options.blind_weights, device=options.device, precision=options.precision
    )


def build_recipe(options: MaskOptions) -> MaskRecipe:
    """How masks are refined."""
    from postprocess import MaskRecipe

    if not options.refine:
        return MaskRecipe.none()
    return MaskRecipe(shadows=options.shadows, attached=options.attached)


def build_segmenter(options: RunOptions, say: Callable[[str], None]) -> Segmenter:
    """The network that finds the classes to remove; `say` is told what `auto` fell back to."""
    from segment import check_classes, load_segmenter

    segmenter = load_segmenter(
        options.segmenter,
        device=options.device,
        weights=options.segmenter_weights,
        precision=options.precision,
        refine_boxes=options.refine_boxes,
    )
    check_classes(segmenter, options.classes)
    if segmenter.fallback:
        say(segmenter.fallback)
    return segmenter


def build_prompter(options: ModelOptions) -> Prompter:
    """What turns points and boxes into masks."""
    from segment.prompts import load_prompter

    return load_prompter(options.prompter, device=options.device, weights=options.prompter_weights)


def build_inpainter(options: ModelOptions, say: Callable[[str], None], *, plain: bool = False) -> Inpainter:
    """The inpainter of the options; plain: a network is given the whole photo, with nothing done besides."""
    import inpaint

    chosen = inpaint.InpainterOptions(
        device=options.device,
        weights=options.weights,
        seed=options.seed,
        effort=options.effort,
        precision=options.precision,
        working_size_px=options.working_size,
        detail=options.detail,
        colour=options.colour,
        compile=options.compile,
        plain=plain,
        blind_weights=options.blind_weights,
        say=say,
        **{name: getattr(options, name) for name in DIFFUSION_OPTIONS},
    )
    name = options.inpainter
    if name == "auto":
        name, reason = inpaint.resolve_auto(chosen)
        if reason:
            say(f"inpainter: using {name}, because {reason}")
    inpainter = inpaint.build_inpainter(name, chosen)
    inpainter.warm_up(say if sys.stderr.isatty() else None)
    return inpainter


def build_source(options: RunOptions, pipeline: Pipeline, say: Callable[[str], None]) -> MaskSource:
    """What says which pixels are to be removed; `say` is told what was found out about masks in files."""
    from removal.sources import BoxMasks, DetectorMasks, PointMasks, from_files

    if options.points:
        detector = DetectorMasks(pipeline) if options.has_detector else None
        return PointMasks(build_prompter(options), options.points, options.not_points, detector)
    if options.boxes:
        return BoxMasks(options.boxes, build_prompter(options), seed=options.seed)
    if options.masks is not None:
        return from_files(options.masks, options, say)
    return DetectorMasks(pipeline)
