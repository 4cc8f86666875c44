"""The parts of a run that its options name: segmenter, inpainter, source of masks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from removal.errors import PlanError, RunError
from removal.options import RunOptions

if TYPE_CHECKING:
    from inpaint import Inpainter
    from inpaint.blind import DamageFinder
    from postprocess import MaskRecipe
    from removal.pipeline import Pipeline
    from removal.sources import MaskSource
    from segment import Segmenter


@contextmanager
def loading() -> Iterator[None]:
    """Turns what goes wrong where models and masks are loaded into a RunError of one line, but for a
    PlanError."""
    try:
        yield
    except PlanError:
        raise
    except (ValueError, OSError, RuntimeError) as error:
        raise RunError(" ".join(str(error).split())) from error


def build(options: RunOptions, say: Callable[[str], None]) -> tuple[Pipeline, MaskSource, dict[str, str]]:
    """The pipeline, where its masks come from, and what ran in words.

    Raises PlanError for classes that the masks do not have, RunError for what cannot be had or read.
    """
    from removal.pipeline import Pipeline

    if options.blind:
        return build_repair(options, say)
    with loading():
        segmenter = build_segmenter(options, say) if options.has_detector else None
        inpainter = build_inpainter(options, say)
        pipeline = Pipeline(
            segmenter,
            build_recipe(options),
            inpainter,
            classes=options.classes or None,
            min_score=options.score,
        )
        source = build_source(options, pipeline, say)
    masks = segmenter.description if segmenter else getattr(source, "description", "boxes")
    return pipeline, source, {"masks": masks, "inpainter": inpainter.description}


def build_repair(
    options: RunOptions, say: Callable[[str], None]
) -> tuple[Pipeline, MaskSource, dict[str, str]]:
    """The same for --blind."""
    from removal.repair import RepairPipeline
    from removal.sources import from_detector

    with loading():
        finder = build_damage_finder(options)
        inpainter = build_inpainter(options, say)
    pipeline = RepairPipeline(finder, inpainter, threshold=options.threshold, refine=options.refine)
    models = {"masks": pipeline.description, "inpainter": inpainter.description}
    return pipeline, from_detector(pipeline), models


def build_damage_finder(options: RunOptions) -> DamageFinder:
    from inpaint.blind import load_damage_finder

    return load_damage_finder(
        weights=options.blind_weights, device=options.device, precision=options.precision
    )


def build_recipe(options: RunOptions) -> MaskRecipe:
    from postprocess import MaskRecipe

    if not options.refine:
        return MaskRecipe.none()
    return MaskRecipe(shadows=options.shadows, attached=options.attached)


def build_segmenter(options: RunOptions, say: Callable[[str], None]) -> Segmenter:
    from segment import check_classes, load_segmenter

    segmenter = load_segmenter(
        options.segmenter,
        device=options.device,
        weights=options.segmenter_weights,
        precision=options.precision,
    )
    check_classes(segmenter, options.classes)
    if segmenter.fallback:
        say(segmenter.fallback)
    return segmenter


def build_inpainter(options: RunOptions, say: Callable[[str], None], *, plain: bool = False) -> Inpainter:
    """The inpainter of the options; plain: a network is given the whole photo, with nothing done besides."""
    import inpaint

    chosen = inpaint.InpainterOptions(
        device=options.device,
        weights=options.weights,
        seed=options.seed,
        precision=options.precision,
        working_size_px=options.working_size,
        detail=options.detail,
        colour=options.colour,
        compile=options.compile,
        plain=plain,
        blind_weights=options.blind_weights,
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
    from removal import sources

    if options.boxes:
        return sources.from_boxes(options.boxes, seed=options.seed)
    if options.masks is not None:
        return sources.from_files(options.masks, options, say)
    return sources.from_detector(pipeline)
