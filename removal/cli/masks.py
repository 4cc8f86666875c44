"""`remove masks`: masks from another team and for one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from removal.cli import interruption
from removal.cli.erase import Progress, warn
from removal.cli.errors import told_in_one_line, with_flag
from removal.cli.shared_options import (
    allow_empty_option,
    class_names,
    device_options,
    mask_reading_options,
    overwrite_option,
    segmenter_options,
)
from removal.cli.terminal import json_line, tell

if TYPE_CHECKING:
    from removal.handover.check import HandOverSummary, MaskCheck
    from segment import MaskFiles

NAMED, NAMED_OF_A_KIND = 20, 8  # lines of a list; --json names all
PATH = click.Path(path_type=Path)

score_option = click.option(
    "--score",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Leave out objects with a lower score.",
)


@click.group()
def masks() -> None:
    """Check masks from another team, or write masks for others."""


@masks.command(no_args_is_help=True)
@click.argument("masks", type=PATH)
@click.option("--images", type=PATH, required=True, help="Read the photos from this folder, or one photo.")
@click.option("--annotations", type=PATH, help="Compare with these COCO annotations.")
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME",
    help="Look only at objects of this class. The option may be repeated.",
)
@score_option
@mask_reading_options
@allow_empty_option
@click.option(
    "--json", "as_json", is_flag=True, help="Print one line of JSON for each photo, then one for all."
)
def check(images: Path, annotations: Path | None, as_json: bool, **options: Any) -> None:
    """Report on masks from another team before they are used.

    Which photos have a mask and which not, what white means, sizes, empty and damaged masks, how much is
    marked, and against annotations how well. Exit status: 0 all photos have a mask that can be used, 1 some
    would fail, 2 wrong usage.
    """
    from removal.batch.threads import default_workers
    from removal.handover.check import HandOverSummary, check_photos, open_check
    from removal.options import RunOptions

    failing: list[MaskCheck] = []
    with told_in_one_line(), Progress() as progress:
        files, photos, chosen = open_check(RunOptions(**options), images, annotations, progress.say)
        progress.begin(len(photos))
        summary = HandOverSummary()
        for result in check_photos(files, photos, chosen, workers=default_workers()):
            summary.add(result, files)
            if result.fails:
                failing.append(result)
            if as_json:
                progress.say(json_line(result.record()), err=False)
            progress.step()
            interruption.check()
    if as_json:
        tell(json_line(summary.record(files)))
    else:
        tell(*report(summary, files, failing))
    if failing:
        raise click.exceptions.Exit(1)


def report(summary: HandOverSummary, files: MaskFiles, failing: list[MaskCheck]) -> list[str]:
    """The report as lines of text."""
    lines = [files.description, f"{summary.photos} photos, {summary.failing} would fail"]
    words = {
        "marked": f"have something marked, {summary.means.get('coverage', 0):.1%} of the photo on average",
        "nothing": "have a list without such objects: unchanged",
        "empty": "have a mask that marks nothing",
        "missing": "have no mask",
        "several": "have several masks",
        "size": "have a mask of another shape",
        "unreadable": "have a mask that cannot be read",
        "polarity": "have a mask that covers all or nearly all",
        "labels": "have no label map",
        "path": "have a mask that names a file outside its folder",
        "photo": "cannot be read themselves",
    }
    for status, text in words.items():
        if count := summary.statuses[status]:
            lines.append(f"  {count:6}  {text}")
    if sizes := ", ".join(f"{count} {size}" for size, count in summary.sizes.most_common()):
        lines.append(f"sizes against the photos': {sizes}")
    if "iou" in summary.sums:
        means = ", ".join(
            f"{name} {value:.3f}" for name, value in summary.means.items() if name != "coverage"
        )
        lines.append(f"against the annotations, mean of {len(summary.sums['iou'])} photos: {means}")
    lines += listed("masks without a photo", summary.unmatched(files))
    lines += listed("masks of several photos", summary.shared())
    return lines + failures(failing)


def failures(failing: list[MaskCheck]) -> list[str]:
    """Some of what would fail and why, of each kind some, the rarest first."""
    if not failing:
        return []
    kinds = Counter(check.status for check in failing)
    lines = [f"would fail: {len(failing)}"]
    for status, count in reversed(kinds.most_common()):
        named = [check for check in failing if check.status == status][:NAMED_OF_A_KIND]
        lines += [f"  {with_flag(check.message or '', check.option)}" for check in named]
        if count > len(named):
            lines.append(f"  and {count - len(named)} more like it; --json names all")
    return lines


def listed(title: str, names: list[str]) -> list[str]:
    """A title with a count, and some of the names."""
    if not names:
        return []
    more = [f"  and {len(names) - NAMED} more; --json names all"] if len(names) > NAMED else []
    return [f"{title}: {len(names)}", *(f"  {name}" for name in names[:NAMED]), *more]


@masks.command(no_args_is_help=True)
@click.argument("photos", nargs=-1, required=True, type=PATH, metavar="PHOTO|FOLDER...")
@click.option(
    "--to",
    "target",
    type=PATH,
    required=True,
    help="Write COCO results to this .json file, or PNG files to this folder (or, for one photo, file).",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["coco", "png"]),
    help="Write in this format. Without it, it is coco where --to ends in .json, else png (0 and 255).",
)
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME",
    help="Mark every object of this class. The option may be repeated.",
)
@click.option("--masks", type=PATH, help="Convert these masks, of any format, and load no segmenter.")
@click.option("--annotations", type=PATH, help="Take image and category ids from these COCO annotations.")
@score_option
@click.option(
    "--refine/--no-refine",
    default=False,
    show_default=True,
    help="Write one refined mask for each photo, with shadows and attached objects.",
)
@segmenter_options
@device_options
@mask_reading_options
@allow_empty_option
@overwrite_option
def export(photos: tuple[Path, ...], target: Path, kind: str | None, **options: Any) -> None:
    """Write masks for others: COCO results or PNG files.

    \b
    remove masks export photos/ --class person --to results.json
    remove masks export photos/ --masks team/ --class person --to results.json     converts
    remove masks export photos/ --masks results.json --class person --to masks/

    Exit status: 0 all done, 1 some photos failed, 2 wrong usage.
    """
    from removal.handover.export import ExportOptions
    from removal.handover.export import export as export_masks
    from removal.options import RunOptions

    if options["masks"] is None:  # masks bring names of their own
        options["classes"] = class_names(options["classes"])
    annotations, overwrite = options.pop("annotations"), options.pop("overwrite")
    format = kind or ("coco" if target.suffix.lower() == ".json" else "png")
    chosen = ExportOptions(RunOptions(**options), target, format, annotations, overwrite)  # type: ignore[arg-type]
    failed, done, empty, objects = 0, 0, 0, 0
    with told_in_one_line():
        for result in export_masks(photos, chosen, say=warn):
            interruption.check()
            if result.error is not None:
                failed += 1
                warn(f"Error: {with_flag(result.error, result.option)}")
                continue
            done, objects, empty = done + 1, objects + result.objects, empty + (result.objects == 0)
    tell(f"{target}: {objects} objects of {done} photos, {empty} of them without any")
    if failed:
        warn(f"{failed} photos failed: {target} lacks them")
        raise click.exceptions.Exit(1)
