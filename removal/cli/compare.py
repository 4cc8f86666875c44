"""`remove compare`: inpainters side by side on the same holes."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from removal.cli.evaluate import FOLDER, ListType, evaluation_options, run_and_report
from removal.cli.options import (
    blind_tuning_options,
    max_megapixels_option,
    network_options,
    overwrite_option,
)


@click.command(no_args_is_help=True)
@click.argument("inpainters", nargs=-1, required=True, metavar="[LABEL:]NAME[=WEIGHTS]...")
@click.option("--images", type=FOLDER, required=True, help="Folder of photos in which nothing is wrong.")
@click.option("--holes", type=FOLDER, help="Mask files of the photos' names, white = hole.")
@click.option(
    "--damage",
    type=ListType(),
    default=(),
    metavar="KIND,...",
    help="Instead of --holes: damage as in training, drawn from --seed and the photo's name.",
)
@click.option(
    "--blind",
    is_flag=True,
    help="Each also where a network has to find the --damage first, as `remove --blind` does.",
)
@blind_tuning_options
@click.option("--shapes", type=FOLDER, help="COCO annotations that --damage shapes takes its holes from.")
@click.option(
    "--size",
    type=click.IntRange(16, 4096),
    metavar="PX",
    help="Cut photos to squares and bring them to this size first.  [default: as they are]",
)
@click.option(
    "--plain",
    is_flag=True,
    help="Networks alone on the whole photo: no windows, nothing shrunk, no detail, no colour.",
)
@click.option(
    "--out",
    "-o",
    type=FOLDER,
    default="comparison",
    show_default=True,
    help="Folder of the run; goes on where it was left.",
)
@click.option("--limit", type=int, metavar="N", help="Only the first N photos.")
@click.option(
    "--sheet-rows",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    metavar="N",
    help="Photos on the sheet.",
)
@network_options
@overwrite_option
@max_megapixels_option
def compare(sheet_rows: int, *, blind: bool, **options: Any) -> None:
    """Compare inpainters on the same holes: one table and one sheet of pictures.

    \b
    remove compare --images DIR --holes DIR navier-stokes telea exemplar
    remove compare --images DIR --damage free-form --size 128 --plain
        telea glcic=runs/g/weights.safetensors narrow:glcic=runs/n/weights.safetensors
    remove compare --images DIR --damage scratches,text --blind telea exemplar

    NAME is what --inpainter takes, WEIGHTS a file of that network or the name of published ones, LABEL what
    the table calls it. Writes table.md and sheet.jpg, and all that `remove evaluate` writes: results.json
    holds every figure, photos.jsonl each photo's. The same command again does what is missing. Exit status:
    0 all done, 1 some photos were left out, 2 wrong usage.
    """
    from removal.evaluation.comparison import compare as compare_all
    from removal.evaluation.options import BLIND, HOLES

    sources = (HOLES, BLIND) if blind else ()
    chosen = evaluation_options(options | {"protocol": "holes", "mask_sources": sources})
    run_and_report(partial(compare_all, sheet_rows=sheet_rows), chosen, "table.md")
