"""Options of what is written."""

from __future__ import annotations

from removal.cli.grouping import OUTPUT, PathOrUrl, grouped, together

output_option = grouped(
    OUTPUT,
    "-o",
    "--output",
    type=PathOrUrl(),
    common=True,
    help="Write to this file or folder. Without it, the result of photo.jpg is photo.removed.jpg beside it.",
)

extra_output_options = together(
    grouped(
        OUTPUT,
        "--compare",
        is_flag=True,
        common=True,
        help="Also write a picture of before, mask and after. Its name ends in .compare.png.",
    ),
    grouped(
        OUTPUT,
        "--save-masks",
        is_flag=True,
        common=True,
        help="Also write the mask that was filled. Its name ends in .mask.png; --blind also writes "
        ".damage.png and .layers.png; with --inpainter reconstruction .edges.png in place of the layers.",
    ),
    grouped(
        OUTPUT,
        "--json",
        "as_json",
        is_flag=True,
        help="Print one line of JSON for each photo.",
    ),
)

overwrite_option = grouped(
    OUTPUT, "--overwrite", is_flag=True, common=True, help="Replace files that already exist."
)
