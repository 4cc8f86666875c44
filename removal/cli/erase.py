"""`remove PHOTO...`: parse, one run, report."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from _removal_support.errors import printable
from removal.cli import interruption
from removal.cli.errors import WrongUsage, told_in_one_line, with_flag
from removal.cli.grouping import GroupedCommand, PathOrUrl
from removal.cli.pipes import through_pipes
from removal.cli.shared_options import (
    addition_options,
    blind_options,
    class_names,
    engine_options,
    extra_output_options,
    list_option,
    mask_options,
    masks_option,
    max_megapixels_option,
    model_options,
    output_option,
    overwrite_option,
    prompter_options,
    protect_option,
    refine_option,
    score_option,
    target_options,
)
from removal.cli.terminal import json_line, tell, writing_out

if TYPE_CHECKING:
    from removal.batch.jobs import Outcome
    from removal.batch.report import RunReport

LISTED_FAILURES = 50
TARGETS = ("classes", "points", "not_points", "boxes", "masks", "blind")
"""Options one of which says what to remove."""


class DefaultContext(click.Context):
    """Of a command whose name nobody has to type: usage and errors leave it out."""

    @property
    def command_path(self) -> str:
        return self.parent.command_path if self.parent else super().command_path


class DefaultCommand(GroupedCommand):
    """See `DefaultContext`."""

    context_class = DefaultContext


@click.command(cls=DefaultCommand, no_args_is_help=True)
@click.argument("photos", nargs=-1, type=PathOrUrl(), metavar="PHOTO|FOLDER...")
@target_options
@blind_options
@addition_options
@score_option
@masks_option
@mask_options
@refine_option
@protect_option
@model_options
@prompter_options
@output_option
@extra_output_options
@overwrite_option
@list_option
@engine_options
@max_megapixels_option
def erase(photos: tuple[Path, ...], as_json: bool, **options: Any) -> None:
    """Erase objects from photos: name a class, get the photo back without it.

    \b
    remove --class person photo.jpg             writes photo.removed.jpg beside it
    remove --class person --class dog photos/ -o out/
    remove --masks team/ photos/ -o out/        masks from another team
    remove --box 120,40,80,200 photo.jpg        needs no detector
    remove --point 160,120 --not 300,120 photo.jpg
    remove --blind photo.jpg                    finds and repairs scratches and lettering
    find . -name "*.jpg" | remove --class person --list - -o out/
    remove --class person - -o - <a.jpg >b.jpg      from standard input to standard output

    The results keep the format, size and metadata of the photos. The exit status is 0 when all is done, 1
    when some photos failed, and 2 for wrong usage.
    """
    from removal.batch.run import run
    from removal.options import RunOptions

    alone = options["threshold"] != RunOptions.threshold  # without --blind: refused by its own name
    if not alone and not any(options[name] for name in TARGETS):
        raise WrongUsage(
            "say what to remove: --class NAME, --point X,Y, --box X,Y,W,H, --masks PATH or --blind"
        )
    if options["masks"] is None and not options["blind"]:  # masks bring names of their own
        options["classes"] = class_names(options["classes"])
    failures: list[str] = []
    reports: list[RunReport] = []
    with (
        told_in_one_line(),
        through_pipes(photos, options, as_json=as_json) as pipes,
        Progress(quiet=pipes.result is not None) as progress,
    ):
        for outcome in run(
            pipes.photos,
            RunOptions(**pipes.options),
            say=progress.say,
            planned=progress.begin,
            tell_report=reports.append,
        ):
            outcome = pipes.passed_on(outcome)
            if outcome.error is not None:
                failures.append(with_flag(outcome.error, outcome.option))
            report(outcome, progress, as_json=as_json, blind=options["blind"])
            interruption.check()
        if as_json and reports[0].passed_over:
            progress.say(json_line({"passed_over": reports[0].passed_over}), err=False)
    if progress.total > 1:
        for line in [*listed(failures), *summary(reports[0])]:
            warn(line)
    if failures:
        raise click.exceptions.Exit(1)


def warn(text: str) -> None:
    tell(text, err=True)


class Progress:
    """A bar on a terminal, for more than one photo, and lines that do not tear it.

    quiet: standard output is somebody else's.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.total, self.quiet = 0, quiet
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
        err = err or self.quiet
        if self.bar is None:
            tell(text, err=err)
        else:
            with writing_out():
                self.bar.write(printable(text), file=sys.stderr if err else sys.stdout)


def report(outcome: Outcome, progress: Progress, *, as_json: bool, blind: bool = False) -> None:
    for note in outcome.notes:
        progress.say(f"{outcome.job.source}: {note}")
    if as_json:
        progress.say(json_line(outcome.record()), err=False)
    if outcome.error is not None:
        progress.say(f"Error: {with_flag(outcome.error, outcome.option)}")
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
