"""`remove demo`: the main job on a scene whose background is known."""

from __future__ import annotations

from pathlib import Path

import click

from removal.cli.erase import warn
from removal.cli.errors import click_error, told_in_one_line
from removal.cli.shared_options import model_options, overwrite_option
from removal.cli.terminal import tell


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="demo",
    show_default=True,
    help="Write the pictures into this folder.",
)
@model_options
@overwrite_option
def demo(output: Path, overwrite: bool, **models: str | int | None) -> None:
    """Remove a walking figure from a rendered scene and compare with the known background.

    Writes scene.jpg, clean.jpg (the known background), scene.removed.jpg, scene.removed.mask.png and
    scene.removed.compare.png (before | mask | after).
    """
    from removal.cli.demonstration import demonstrate
    from removal.options import RunOptions

    options = RunOptions(
        classes=("person",),
        output=output / "scene.removed.jpg",
        compare=True,
        save_masks=True,
        overwrite=overwrite,
        **models,  # type: ignore[arg-type]
    )
    try:
        with told_in_one_line():
            result = demonstrate(options, say=warn)
    except FileExistsError as error:
        raise click.ClickException(f"{error}; --overwrite writes over it") from error
    except OSError as error:
        raise click_error(error) from error
    tell(*result.lines())
