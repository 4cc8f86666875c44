"""`remove PHOTO...`: parse, one run, report."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from removal.cli import interruption
from removal.cli.options import BoxType, model_options, overwrite_option

if TYPE_CHECKING:
    from removal.batch import Job, Outcome


@click.command(no_args_is_help=True)
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PHOTO|FOLDER...")
@click.option("--class", "classes", multiple=True, metavar="NAME", help="What to remove; may be repeated.")
@click.option(
    "--masks",
    type=click.Path(path_type=Path),
    help="Mask file, folder of masks (matched by stem, white = remove) or COCO annotations (.json).",
)
@click.option(
    "--box", "boxes", type=BoxType(), multiple=True, help="Remove the object in this box; may be repeated."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File (one photo) or folder; without it, PHOTO.removed.SUFFIX beside the photo.",
)
@click.option(
    "--score", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Least score of a detection."
)
@click.option("--refine/--no-refine", default=True, show_default=True, help="Mend and thicken the masks.")
@click.option(
    "--shadows/--no-shadows", default=True, show_default=True, help="Remove the objects' shadows too."
)
@click.option(
    "--attached",
    type=click.Choice(["none", "carried", "ridden", "all"]),
    default="all",
    show_default=True,
    help="Which things go along with a person: what is carried, ridden, both.",
)
@click.option(
    "--mask-label",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="The masks are label maps: remove what has this value.",
)
@model_options
@click.option("--compare", is_flag=True, help="Also write a before | mask | after sheet, .compare.png.")
@click.option("--save-masks", is_flag=True, help="Also write the mask that was filled, .mask.png.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per photo.")
@overwrite_option
@click.option(
    "--max-megapixels",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    help="Refuse larger photos.",
)
def erase(photos: tuple[Path, ...], as_json: bool, **options: Any) -> None:
    """Remove objects from photos: name a class, get the photo back without it.

    \b
    remove --class person photo.jpg                 writes photo.removed.jpg beside it
    remove --class person --class dog photos/ -o out/
    remove --masks team/ photos/ -o out/            masks from another team
    remove --box 120,40,80,200 photo.jpg            no detector at all

    Results keep the photo's format, size and metadata. Exit status: 0 all done, 1 some inputs failed,
    2 wrong usage.
    """
    from removal.options import RunOptions
    from removal.run import run

    outcomes = []
    with told_in_one_line():
        for outcome in run(photos, RunOptions(**options), say=warn, track=progress_bar):
            outcomes.append(outcome)
            report(outcome, as_json=as_json)
            interruption.check()
    failed = sum(outcome.outcome == "failed" for outcome in outcomes)
    if len(outcomes) > 1:
        warn(summary(outcomes))
    if failed:
        raise click.exceptions.Exit(1)


class WrongUsage(click.ClickException):
    """Options that do not fit together: one line and status 2, without the usage that click adds."""

    exit_code = 2


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turns what `removal.run` refuses into click's errors: status 2 for wrong usage, else 1."""
    from removal.batch import PlanError
    from removal.models import RunError

    try:
        yield
    except PlanError as error:
        raise WrongUsage(str(error)) from error
    except RunError as error:
        raise click.ClickException(str(error)) from error


def warn(text: str) -> None:
    click.echo(text, err=True)


def progress_bar(jobs: Sequence[Job]) -> Iterable[Job]:
    if len(jobs) < 2 or not sys.stderr.isatty():
        return jobs
    from tqdm import tqdm

    return tqdm(jobs, unit="photo", file=sys.stderr)


def report(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(outcome.record()))
    if outcome.error is not None:
        warn(f"Error: {outcome.error}")
    elif not as_json:
        click.echo(f"{outcome.job.source} -> {outcome.job.target}: {description(outcome)}")


def description(outcome: Outcome) -> str:
    if outcome.outcome == "skipped":
        return "done by an earlier run"
    if outcome.outcome == "unchanged":
        return "nothing found to remove, the photo is unchanged"
    labels = [entry["label"] for entry in outcome.objects]
    counts = ", ".join(f"{labels.count(label)} {label}" for label in dict.fromkeys(labels))
    return f"removed {counts}; filled {outcome.mask_share:.1%} in {sum(outcome.seconds.values()):.1f} s"


def summary(outcomes: Sequence[Outcome]) -> str:
    names = ("done", "unchanged", "skipped", "failed")
    counts = {name: sum(outcome.outcome == name for outcome in outcomes) for name in names}
    return f"{len(outcomes)} photos: " + ", ".join(
        f"{count} {name}" for name, count in counts.items() if count
    )
