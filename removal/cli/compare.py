"""`remove compare`: inpainters side by side on the same holes."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from removal.cli.evaluate import FOLDER, ListType, evaluation_options, run_and_report
from removal.cli.shared_options import (
    blind_tuning_options,
    max_megapixels_option,
    network_options,
    overwrite_option,
    prompt_options,
)


@click.command(no_args_is_help=True)
@click.argument("inpainters", nargs=-1, required=True, metavar="[LABEL:]NAME[=WEIGHTS]...")
@click.option("--images", type=FOLDER, required=True, help="Read undamaged photos from this folder.")
@click.option(
    "--holes", type=FOLDER, help="Read mask files of the photos' names from this folder; white is the hole."
)
@click.option(
    "--damage",
    type=ListType(),
    default=(),
    metavar="KIND,...",
    help="Damage the photos as in training, in place of --holes; --seed and the photo's name decide it.",
)
@click.option(
    "--blind",
    is_flag=True,
    help="Also let a network find the damage first, as remove --blind does.",
)
@blind_tuning_options
@click.option("--shapes", type=FOLDER, help="Take the holes of --damage shapes from these COCO annotations.")
@click.option(
    "--size",
    type=click.IntRange(16, 4096),
    metavar="PX",
    help="Cut the photos to squares and scale them to this size first.  [default: as they are]",
)
@click.option(
    "--plain",
    is_flag=True,
    help="Show networks the whole photo at its size, with nothing done before or after.",
)
@click.option(
    "--out",
    "-o",
    type=FOLDER,
    default="comparison",
    show_default=True,
    help="Write the run into this folder, and continue one that is there.",
)
@click.option("--limit", type=int, metavar="N", help="Take only the first N photos.")
@click.option(
    "--sheet-rows",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    metavar="N",
    help="Put this many photos on the sheet.",
)
@network_options
@prompt_options
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
    from removal.evaluation.plan import BLIND, HOLES

    sources = (HOLES, BLIND) if blind else ()
    chosen = evaluation_options(options | {"protocol": "holes", "mask_sources": sources})
    run_and_report(partial(compare_all, sheet_rows=sheet_rows), chosen, "table.md")
