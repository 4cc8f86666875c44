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
    from inpaint.registry import published_weights
    from segment.prompts.registry import PUBLISHED as PROMPTERS
    from segment.published import PUBLISHED as SEGMENTERS

    return {**SEGMENTERS, **PROMPTERS, **published_weights()}


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
@click.argument("target", metavar="FILE|NAME")
@click.option(
    "--run", "runs", is_flag=True, help="Also fill a rendered scene with it and measure the result."
)
@click.option(
    "--inpainter",
    metavar="NAME",
    help="With --run, the model that the file is for; without it, what the file or the name says.",
)
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="With --run, compute here.")
@click.option("--steps", type=click.IntRange(2, 1000), metavar="N", help="With --run, of a diffusion model.")
def check(target: str, runs: bool, inpainter: str | None, device: str, steps: int | None) -> None:
    """Say what a file of an inpainter's weights, or published weights by NAME, are.

    Or what is wrong with them. No code in the file is run, but for TorchScript, which is a program. With
    --run the model fills a rendered scene: the exit status is 1 where the result shows a fault.
    """
    from segment.published import SHORT_NAMES

    target = SHORT_NAMES.get(target, target)
    try:
        if target in records():
            check_published(target)
            if runs:
                run_trial(inpainter or inpainter_of(target), None, device, steps)
            return
        name = check_any(Path(target), runs, inpainter)
        if runs:
            run_trial(inpainter or name, target, device, steps)
    except (OSError, ValueError, RuntimeError) as error:
        raise click_error(error) from error


def inpainter_of(name: str) -> str:
    """The inpainter that published weights belong to."""
    from inpaint.registry import inpainter_of

    return inpainter_of(name)


def check_published(name: str) -> None:
    """Print whether published weights in the cache are whole."""
    from _removal_support.pretrained import WeightsError
    from _removal_support.pretrained import fetch as fetch_weights

    known = records()[name]
    if not known.is_cached():
        do = known.instructions() if known.by_hand else f"`remove weights fetch {name}` fetches it"
        raise WeightsError(f"{name} is not in the cache: {do}")
    path = fetch_weights(known)
    sure = "its hash is the published one" if known.sha256_prefix or known.md5 else "no hash is published"
    tell(f"{path}: {known.architecture}; {sure}", f"licence: {known.licence}")


def check_any(path: Path, runs: bool, inpainter: str | None) -> str:
    """Print what a file holds; the model that it belongs to. A file that only its model can read is left
    to the run."""
    from _removal_support.errors import one_line
    from inpaint.checkpoints import check as check_file

    if runs and inpainter is not None:
        return inpainter
    if not path.exists():
        raise FileNotFoundError(
            f"there is no file {path}, nor published weights of that name: `remove weights list` has these"
        )
    report = check_file(path)
    words = f"{report.path}: {report.network}, layout {report.layout}, {report.parameters:,} parameters"
    tell(words)
    tell(f"sha256 {report.sha256}; source {one_line(report.source)}")
    if report.published is not None:
        tell(f"published as {report.published.name}; licence: {report.published.licence}")
    return report.network


def run_trial(name: str, weights: str | None, device: str, steps: int | None) -> None:
    """Print what came of a trial; exit status 1 where it shows a fault."""
    from inpaint import InpainterOptions
    from removal.cli.weights_trial import try_out

    trial = try_out(name, InpainterOptions(device=device, weights=weights, steps=steps, say=warn))
    tell(*trial.lines())
    if trial.problems:
        raise click.exceptions.Exit(1)


def warn(text: str) -> None:
    tell(text, err=True)


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
