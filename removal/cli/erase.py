"""`remove PHOTO...`: parse, one run, report."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from removal.cli import interruption
from removal.cli.options import (
    BoxType,
    PathOrUrl,
    addition_options,
    blind_options,
    engine_options,
    mask_options,
    max_megapixels_option,
    model_options,
    overwrite_option,
)

if TYPE_CHECKING:
    from removal.batch.jobs import Outcome
    from removal.batch.report import RunReport

LISTED_FAILURES = 50
CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160)) if chr(code) != "\t"}


@click.command(no_args_is_help=True)
@click.argument("photos", nargs=-1, type=PathOrUrl(), metavar="PHOTO|FOLDER...")
@click.option(
    "--list",
    "lists",
    type=PathOrUrl(),
    multiple=True,
    metavar="FILE",
    help="Also the photos that this file names, one to a line; - = standard input.",
)
@click.option("--class", "classes", multiple=True, metavar="NAME", help="What to remove; may be repeated.")
@click.option(
    "--masks",
    type=PathOrUrl(),
    help="Masks from another team: a file, or a folder matched by name; docs/team-masks.md has the formats.",
)
@click.option(
    "--box", "boxes", type=BoxType(), multiple=True, help="Remove the object in this box; may be repeated."
)
@blind_options
@click.option(
    "-o",
    "--output",
    type=PathOrUrl(),
    help="File (one photo) or folder; without it, PHOTO.removed.SUFFIX beside the photo.",
)
@click.option(
    "--score", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Least score of a detection."
)
@click.option(
    "--refine/--no-refine",
    default=True,
    show_default=True,
    help="Mend and thicken the masks; without it no shadow is looked for and nothing goes along.",
)
@addition_options
@mask_options
@model_options
@click.option("--compare", is_flag=True, help="Also write a before | mask | after sheet, .compare.png.")
@click.option(
    "--save-masks",
    is_flag=True,
    help="Also write the mask that was filled, .mask.png (--blind: and .damage.png; with the inpainter "
    "reconstruction: and .edges.png).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per photo.")
@overwrite_option
@engine_options
@max_megapixels_option
def erase(photos: tuple[Path, ...], as_json: bool, **options: Any) -> None:
    """Remove objects from photos: name a class, get the photo back without it.

    \b
    remove --class person photo.jpg                 writes photo.removed.jpg beside it
    remove --class person --class dog photos/ -o out/
    remove --masks team/ photos/ -o out/            masks from another team
    remove --box 120,40,80,200 photo.jpg            no detector at all
    remove --blind photo.jpg                        repair scratches, text and the like that a network finds
    find . -name "*.jpg" | remove --class person --list - -o out/

    Results keep the photo's format, size and metadata. Exit status: 0 all done, 1 some inputs failed,
    2 wrong usage.
    """
    from removal.batch.run import run
    from removal.options import RunOptions

    failures: list[str] = []
    reports: list[RunReport] = []
    with told_in_one_line(), Progress() as progress:
        for outcome in run(
            photos,
            RunOptions(**options),
            say=progress.say,
            planned=progress.begin,
            tell_report=reports.append,
        ):
            if outcome.error is not None:
                failures.append(outcome.error)
            report(outcome, progress, as_json=as_json, blind=options["blind"])
            interruption.check()
    if progress.total > 1:
        for line in [*listed(failures), *summary(reports[0])]:
            warn(line)
    if failures:
        raise click.exceptions.Exit(1)


class WrongUsage(click.ClickException):
    """Options that do not fit together: one line and status 2, without the usage that click adds."""

    exit_code = 2


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turns what `removal.batch.run` refuses into click's errors: status 2 for wrong usage, else 1."""
    from removal.errors import PlanError, RunError

    try:
        yield
    except PlanError as error:
        raise WrongUsage(one_line(str(error))) from error
    except RunError as error:
        raise click.ClickException(one_line(str(error))) from error


def one_line(text: str) -> str:
    """The text with control characters written out: a name may hold line ends, and what steers a terminal."""
    return text.translate(CONTROLS)


def warn(text: str) -> None:
    click.echo(one_line(text), err=True)


class Progress:
    """A bar on a terminal, for more than one photo, and lines that do not tear it."""

    def __init__(self) -> None:
        self.total = 0
        self.bar: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def begin(self, total: int) -> None:
        self.total = total
        if total > 1 and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, unit="photo", file=sys.stderr)

    def step(self) -> None:
        if self.bar is not None:
            self.bar.update()

    def say(self, text: str, *, err: bool = True) -> None:
        if self.bar is None:
            click.echo(one_line(text), err=err)
        else:
            self.bar.write(one_line(text), file=sys.stderr if err else sys.stdout)


def report(outcome: Outcome, progress: Progress, *, as_json: bool, blind: bool = False) -> None:
    if as_json:
        progress.say(json.dumps(outcome.record()), err=False)
    if outcome.error is not None:
        progress.say(f"Error: {outcome.error}")
    elif not as_json:
        what = repair_description(outcome) if blind else description(outcome)
        progress.say(f"{outcome.job.source} -> {outcome.job.target}: {what}", err=False)
    progress.step()


def description(outcome: Outcome) -> str:
    if outcome.outcome == "skipped":
        return "done by an earlier run"
    if outcome.outcome == "unchanged":
        return "nothing found to remove, the photo is unchanged"
    removed = " with ".join(counted(found) for found in (outcome.objects, outcome.attached) if found)
    return f"removed {removed}; filled {outcome.mask_share:.1%} in {sum(outcome.seconds.values()):.1f} s"


def repair_description(outcome: Outcome) -> str:
    if outcome.outcome == "unchanged":
        return "no damage found, the photo is unchanged"
    if outcome.outcome == "skipped":
        return description(outcome)
    return f"repaired {outcome.mask_share:.1%} in {sum(outcome.seconds.values()):.1f} s"


def counted(found: Sequence[Mapping[str, Any]]) -> str:
    labels = [entry["label"] for entry in found]
    return ", ".join(f"{labels.count(label)} {label}" for label in dict.fromkeys(labels))


def listed(failures: Sequence[str]) -> list[str]:
    """What failed, once more at the end: the lines above it may be far away."""
    if not failures:
        return []
    more = len(failures) - LISTED_FAILURES
    lines = ["failed:", *(f"  {failure}" for failure in failures[:LISTED_FAILURES])]
    return [*lines, f"  and {more} more"] if more > 0 else lines


def summary(report: RunReport) -> list[str]:
    """How many photos became what, how fast, and which stage had most of the work."""
    names = ("done", "unchanged", "skipped", "failed")
    counts = ", ".join(f"{report.counts[name]} {name}" for name in names if report.counts[name])
    lines = [f"{report.counts.total()} photos: {counts}"]
    if report.worked_on > 1:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in report.shares.items())
        lines.append(f"{report.photos_per_s:.2f} photos/s in {report.seconds:.1f} s; work: {shares}")
    return lines
