"""Options of `--blind`, which finds and repairs damage."""

from __future__ import annotations

import click

from removal.cli.grouping import MODELS, WHAT, grouped, together

blind_tuning_options = together(
    grouped(
        WHAT,
        "--threshold",
        type=click.FloatRange(0, 1, min_open=True),
        default=0.5,
        show_default=True,
        help="With --blind, repair pixels of which at least this share is destroyed. Fainter pixels that "
        "touch them are repaired too.",
    ),
    grouped(
        MODELS,
        "--blind-weights",
        type=click.Path(dir_okay=False),
        multiple=True,
        metavar="FILE",
        help="Use this file of weights for --blind and for --inpainter reconstruction. The option may be "
        "repeated.",
    ),
)

blind_options = together(
    grouped(
        WHAT,
        "--blind",
        is_flag=True,
        common=True,
        help="Find and repair damage such as scratches or lettering. docs/blind.md says what is found.",
    ),
    blind_tuning_options,
)
