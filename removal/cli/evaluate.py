"""`remove evaluate`: every combination of masks, refinement and inpainter over the same photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from removal.cli import interruption
from removal.cli.erase import Progress, warn
from removal.cli.errors import told_in_one_line
from removal.cli.grouping import ValueType
from removal.cli.shared_options import (
    addition_options,
    mask_reading_options,
    max_megapixels_option,
    overwrite_option,
    refine_boxes_option,
    settings_options,
)
from removal.cli.terminal import tell

if TYPE_CHECKING:
    from removal.evaluation.plan import EvaluationOptions
    from removal.evaluation.runner import Evaluation

NAMED = 10  # of the photos that were left out; results.json names all
FOLDER = click.Path(path_type=Path)


class ListType(ValueType):
    """Values with commas between them."""

    name = "NAME,..."

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        entries = tuple(entry.strip() for entry in value.split(","))
        if not all(entries):
            self.fail(f"expected values with commas between them, got {value!r}", param, context)
        return entries


class SwitchesType(ListType):
    """`on`, `off` or both."""

    name = "on,off"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        entries = super().convert(value, param, context)
        if wrong := [entry for entry in entries if entry not in ("on", "off", True, False)]:
            self.fail(f"expected on, off or on,off, got {wrong[0]!r}", param, context)
        return tuple(entry in ("on", True) for entry in entries)


@click.command(no_args_is_help=True)
@click.option("--images", type=FOLDER, required=True, help="Read the photos, or the pairs, from this folder.")
@click.option("--annotations", type=FOLDER, help="Read the COCO annotations of the photos from this file.")
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME",
    help="Remove every object of this class. The option may be repeated.",
)
@click.option(
    "--protocol",
    type=click.Choice(["coco", "holes", "pairs"]),
    default="coco",
    show_default=True,
    help="Choose what is measured: annotated photos (coco), holes whose content is known (holes), or the "
    "same view with and without the object (pairs).",
)
@click.option(
    "--holes",
    type=FOLDER,
    help="For holes, read mask files of the photos' names from this folder; white is the hole.",
)
@click.option(
    "--mask-source",
    "mask_sources",
    type=ListType(),
    default=(),
    help="Take masks from annotations, from object or changed (pairs), from a segmenter by its name, from a "
    "folder of masks or from a COCO file.  [default: annotations; pairs: object]",
)
@click.option(
    "--refine",
    type=SwitchesType(),
    default=(),
    help="Refine the masks, or leave them as they are.  [default: on]",
)
@click.option(
    "--inpainter",
    "inpainters",
    type=ListType(),
    default="auto",
    show_default=True,
    help="Fill the holes by these models.",
)
@click.option(
    "--judge",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="Look for what should be gone with this model: auto, maskrcnn, maskrcnn-v1, builtin or none.",
)
@click.option(
    "--out",
    "-o",
    type=FOLDER,
    required=True,
    help="Write the run into this folder, and continue one that is there.",
)
@click.option("--limit", type=int, metavar="N", help="Take only the first N photos.")
@click.option(
    "--score",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Remove only detections that the model gives at least this score.",
)
@addition_options
@mask_reading_options
@click.option(
    "--segmenter-weights",
    type=click.Path(),
    help="Use this file or folder of weights for the segmenter that is named.",
)
@refine_boxes_option
@settings_options
@overwrite_option
@max_megapixels_option
def evaluate(**options: Any) -> None:
    """Measure removal: every combination of masks, refinement and inpainter over the same photos.

    \b
    remove evaluate --images DIR --annotations instances.json --class person
        --mask-source annotations,maskrcnn,team/ --refine on,off --inpainter exemplar,telea --out runs/x
    remove evaluate --protocol holes --images DIR --holes DIR --inpainter exemplar,telea --out runs/y
    remove evaluate --protocol pairs --images DIR --mask-source object,builtin --class person --out runs/z

    Writes results.json, results.csv (a row per combination), results_images.csv and report.html. The same
    command again does what is missing. Exit status: 0 all done, 1 some photos were left out, 2 wrong usage.
    """
    from removal.evaluation.runner import evaluate as evaluate_all

    run_and_report(evaluate_all, evaluation_options(options), "report.html")


def evaluation_options(options: Mapping[str, Any]) -> EvaluationOptions:
    """The options of an evaluation, and of the run within it, by their names."""
    from removal.evaluation.plan import EvaluationOptions
    from removal.options import RunOptions

    own = {field.name for field in fields(EvaluationOptions)}
    run = RunOptions(**{name: value for name, value in options.items() if name not in own})
    return EvaluationOptions(**{name: value for name, value in options.items() if name in own}, run=run)


def run_and_report(evaluate: Callable[..., Evaluation], options: EvaluationOptions, look_at: str) -> None:
    """One evaluation with a progress bar, and exit status 1 where photos were left out.

    look_at: the file that is named at the end.
    """
    with told_in_one_line(), Progress() as progress:

        def after_each() -> None:
            progress.step()
            interruption.check()

        evaluation = evaluate(options, say=progress.say, planned=progress.begin, after_each=after_each)
    report(evaluation, look_at)
    if evaluation.failures:
        raise click.exceptions.Exit(1)


def report(evaluation: Evaluation, look_at: str) -> None:
    for name, reason in list(evaluation.failures.items())[:NAMED]:
        warn(f"Left out: {name}: {reason}")
    if (more := len(evaluation.failures) - NAMED) > 0:
        warn(f"Left out: {more} more, named in {evaluation.folder / 'results.json'}")
    done, earlier, folder = evaluation.done, evaluation.earlier, evaluation.folder
    tell(f"{done} photos worked on, {earlier} done by an earlier run; see {folder / look_at}")
