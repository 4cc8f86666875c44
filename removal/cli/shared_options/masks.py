"""Options about masks: which, how they are read, and what is done to them before the fill."""

from __future__ import annotations

import click

from removal.cli.grouping import MASKS, LabelType, PathOrUrl, grouped, together

masks_option = grouped(
    MASKS,
    "--masks",
    type=PathOrUrl(),
    common=True,
    help="Remove what these masks mark. PATH is a file, or a folder whose files match the photos by name; "
    "docs/team-masks.md lists the formats.",
)

refine_option = grouped(
    MASKS,
    "--refine/--no-refine",
    default=True,
    show_default=True,
    help="Clean and enlarge the masks before filling. With --no-refine a mask is used as it is: no shadow "
    "and no attached object is added to it.",
)

mask_reading_options = together(
    grouped(
        MASKS,
        "--mask-label",
        type=LabelType(),
        metavar="N|R,G,B",
        help="Read --masks as label maps, and remove the pixels of this value, or of this colour.",
    ),
    grouped(
        MASKS,
        "--mask-polarity",
        type=click.Choice(["auto", "remove", "keep"]),
        default="auto",
        show_default=True,
        help="Say whether white in --masks is to be removed or kept. auto finds it out and says "
        "what it found.",
    ),
)

allow_empty_option = grouped(
    MASKS,
    "--allow-empty-masks",
    is_flag=True,
    help="Leave a photo unchanged where its mask marks nothing. Without this option that is an error.",
)

mask_options = together(
    mask_reading_options,
    allow_empty_option,
    grouped(
        MASKS,
        "--only-masked",
        is_flag=True,
        help="Leave out the photos that --masks has no mask for. Without this option they are errors.",
    ),
)
