"""`remove weights`: the published weights files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from removal.cli.errors import click_error
from removal.cli.shared_options import overwrite_option
from removal.cli.terminal import tell

if TYPE_CHECKING:
    from _removal_support.pretrained import PretrainedWeights


@click.group()
def weights() -> None:
    """List, fetch, check or convert the weights of the networks."""


def records() -> dict[str, PretrainedWeights]:
    from inpaint.published import PUBLISHED as INPAINTERS
    from segment.published import PUBLISHED as SEGMENTERS

    return {**SEGMENTERS, **INPAINTERS}


@weights.command("list")
def list_command() -> None:
    """List published weights, their terms, and which are in the cache."""
    from _removal_support.pretrained import cache_folder

    tell(f"cache: {cache_folder()}", "")
    for name, record in records().items():
        state = "in the cache" if record.is_cached() else "by hand" if record.by_hand else "not fetched"
        tell(f"{name} ({state})")
        tell(f"  {record.architecture}, trained on {record.trained_on}; licence: {record.licence}")
        scores = ", ".join(f"{metric} {value}" for metric, value in record.scores)
        tell(f"  {record.file_name}, sha256 {record.sha256_prefix or 'not published'}")
        tell(f"  {record.url}", *([f"  {scores}"] if scores else []))


@weights.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download NAME into the cache and check its hash.

    `remove weights list` has the names.
    """
    from _removal_support.pretrained import WeightsError
    from _removal_support.pretrained import fetch as fetch_weights
    from segment.published import SHORT_NAMES

    known, name = records(), SHORT_NAMES.get(name, name)
    if name not in known:
        raise click.UsageError(f"unknown weights {name!r}; known: {', '.join(known)}")
    try:
        tell(str(fetch_weights(known[name])))
    except WeightsError as error:
        raise click_error(error) from error


@weights.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say what a file of an inpainter's weights holds.

    Or what is wrong with it. No code in the file is run.
    """
    from _removal_support.errors import one_line
    from inpaint.checkpoints import check as check_file

    try:
        report = check_file(file)
    except (OSError, ValueError) as error:
        raise click_error(error) from error
    words = f"{report.path}: {report.network}, layout {report.layout}, {report.parameters:,} parameters"
    tell(words)
    tell(f"sha256 {report.sha256}; source {one_line(report.source)}")
    if report.published is not None:
        tell(f"published as {report.published.name}; licence: {report.published.licence}")


@weights.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file. Without it, the name is FILE with .safetensors.",
)
@overwrite_option
def convert(file: Path, output: Path | None, overwrite: bool) -> None:
    """Convert a file of weights to safetensors.

    Only the generator is kept; its network, layout and source are noted in the file.
    """
    from inpaint.checkpoints import convert as convert_file

    target = output or file.with_suffix(".safetensors")
    try:
        tell(str(convert_file(file, target, overwrite=overwrite)))
    except FileExistsError as error:
        raise click.ClickException(f"{error}; --overwrite writes over it") from error
    except (OSError, ValueError) as error:
        raise click_error(error) from error
