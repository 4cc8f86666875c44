"""Options for many photos."""

from __future__ import annotations

import click

from removal.cli.grouping import MANY, PathOrUrl, grouped, together

list_option = grouped(
    MANY,
    "--list",
    "lists",
    type=PathOrUrl(),
    multiple=True,
    metavar="FILE",
    common=True,
    help="Also work on the photos that this file names, one a line. A hyphen means standard input; the "
    "option may be repeated.",
)

max_megapixels_option = grouped(
    MANY,
    "--max-megapixels",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="N",
    help="Refuse photos that are larger than this.",
)

engine_options = together(
    grouped(
        MANY,
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Do the work in this process, or on the workers of a Ray cluster (docs/scaling.md).",
    ),
    grouped(
        MANY,
        "--ray-address",
        metavar="HOST:PORT",
        help="Use the Ray cluster at this address. Without it, RAY_ADDRESS is used, or a cluster is started "
        "on this machine.",
    ),
    grouped(
        MANY,
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Work on this many photos at once. By default it is one for each processor.",
    ),
    grouped(
        MANY,
        "--batch-size",
        type=click.IntRange(min=1),
        metavar="N",
        help="Give the detector this many photos at once. By default it is 1, and 8 on a GPU.",
    ),
)
