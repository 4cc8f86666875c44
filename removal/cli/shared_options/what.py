"""Options that say what is removed."""

from __future__ import annotations

from collections.abc import Sequence

import click

from removal.cli.grouping import WHAT, BoxType, PointType, grouped, together
from removal.cli.terminal import tell


def class_names(names: Sequence[str]) -> tuple[str, ...]:
    """COCO's names for what --class was given: "person" for "people"."""
    return tuple(_coco_name(name) for name in names)


def _coco_name(name: str) -> str:
    """The COCO class that a name means; the name itself where it means none, which is refused later."""
    from segment.classes import canonical_class, coco_classes, is_narrower

    meant = canonical_class(name, coco_classes())
    if meant is not None and is_narrower(name):
        tell(f"--class {name}: this is read as {meant!r}, so that each one is removed", err=True)
    return meant or name


target_options = together(
    grouped(
        WHAT,
        "--class",
        "classes",
        multiple=True,
        metavar="NAME",
        common=True,
        help="Remove every object of this class, such as person or dog. The option may be repeated. The "
        "names are COCO's 80 classes; plurals and usual other words (people, cars, sofa) are understood.",
    ),
    grouped(
        WHAT,
        "--box",
        "boxes",
        type=BoxType(),
        multiple=True,
        common=True,
        help="Remove the object inside this box. The option may be repeated. The box is given in pixels of "
        "the photo as it is shown.",
    ),
    grouped(
        WHAT,
        "--point",
        "points",
        type=PointType(),
        multiple=True,
        common=True,
        help="Remove the thing at this point of one photo. The option may be repeated for more points of the "
        "thing, and given together with --class. The point is given in pixels of the photo as it is shown.",
    ),
    grouped(
        WHAT,
        "--not",
        "not_points",
        type=PointType(),
        multiple=True,
        help="Say that this point does not belong to the thing at --point. The option may be repeated.",
    ),
)

score_option = grouped(
    WHAT,
    "--score",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Remove only detections that the model gives at least this score.",
)

addition_options = together(
    grouped(
        WHAT,
        "--shadows/--no-shadows",
        default=True,
        show_default=True,
        help="Remove the shadows and reflections of the objects too.",
    ),
    grouped(
        WHAT,
        "--attached",
        type=click.Choice(["none", "carried", "ridden", "all"]),
        default="all",
        show_default=True,
        help="Remove what a person carries, rides, or both. docs/attached.md says what is taken.",
    ),
)
