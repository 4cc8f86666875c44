"""Options of `remove train` other than settings: the photos, their damage, the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from removal.cli.grouping import ValueType, grouped, together
from removal.cli.train_settings import count

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


class DamageType(ValueType):
    """A kind of damage, with or without a weight: `strokes`, `box=0.5`."""

    name = "KIND[=WEIGHT]"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        kind, _, weight = value.partition("=")
        try:
            return kind, float(weight or 1)
        except ValueError:
            self.fail(f"expected a weight after =, got {value!r}", param, context)


photos_options = together(
    grouped("Photos", "--images", type=FOLDER, help="Train on the photos in this folder and below it."),
    grouped(
        "Photos",
        "--dataset",
        metavar="NAME",
        help="Train on a published data set: places365, celeba, imagenet, coco, classes (a folder of "
        "classes).",
    ),
    grouped(
        "Photos", "--root", type=FOLDER, help="Read the data set from this folder; nothing is downloaded."
    ),
    grouped("Photos", "--small", is_flag=True, help="For places365, take the photos of 256 px."),
    grouped(
        "Photos", "--attribute", help="For celeba, take the faces that have this attribute, such as Mustache."
    ),
    grouped(
        "Photos",
        "--landmark",
        multiple=True,
        help="For celeba, make the hole a box around this: nose, leftmouth, rightmouth, lefteye or righteye.",
    ),
    grouped(
        "Photos",
        "--annotations",
        type=FILE,
        help="For coco, read this file of annotations of the photos in --root.",
    ),
    grouped(
        "Photos", "--having", multiple=True, metavar="CLASS", help="For coco, take the photos that show this."
    ),
    grouped(
        "Photos",
        "--lacking",
        multiple=True,
        metavar="CLASS",
        help="For coco, take the photos that do not show this.",
    ),
    grouped(
        "Photos",
        "--keep-apart",
        type=count(0),
        help="Keep this many photos for figures and pictures; the network never learns from them. They are "
        "test photos where the data set has some; for classes it is the number of each."
        "  [default: 16, 5 for classes]",
    ),
    grouped(
        "Photos",
        "--smallest-scale",
        type=click.FloatRange(0, 1, min_open=True),
        default=0.6,
        show_default=True,
        help="Crop from this share of the shorter side up to all of it.",
    ),
    grouped(
        "Photos",
        "--largest-px",
        type=count(16, 8192),
        help="Damage photos at sizes up to this, and train on windows of --size-px.  [default: --size-px]",
    ),
    grouped(
        "Photos",
        "--resaved",
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default=True,
        help="Share of the samples that are blurred a little and compressed as JPEG once they are damaged.",
    ),
    grouped("Photos", "--flip/--no-flip", default=True, show_default=True, help="Mirror half of the photos."),
)

damage_options = together(
    grouped(
        "Damage",
        "--damage",
        type=DamageType(),
        multiple=True,
        help="Damage the photos like this: strokes, box, centre, free-form, shapes, files, mosaic-box and "
        "others (docs/training.md). The option may be repeated; kinds are drawn by weight."
        "  [default: the network's own]",
    ),
    grouped(
        "Damage",
        "--shapes",
        type=FILE,
        help="Take the holes of the damage shapes from these COCO annotations.",
    ),
    grouped(
        "Damage",
        "--mask-files",
        type=FOLDER,
        help="Take the holes of the damage files from the masks in this folder.",
    ),
)

trained_network_options = together(
    grouped(
        "Network",
        "--width",
        type=click.FloatRange(0, 4, min_open=True),
        help="Multiply the channels by this.",
    ),
    grouped(
        "Network",
        "--critic-width",
        type=click.FloatRange(0, 4, min_open=True),
        help="Multiply the channels of the critic by this.  [default: --width]",
    ),
    grouped(
        "Network", "--no-attention", is_flag=True, help="For deepfillv1, leave out contextual attention."
    ),
    grouped(
        "Network", "--layout", help="For deepfillv2, build this layout: nipponjo_pt, nipponjo_tf or mmagic."
    ),
    grouped(
        "Network",
        "--bottleneck",
        type=count(1, 16000),
        help="For context-encoder, use a bottleneck of this many numbers.",
    ),
    grouped("Network", "--weights", type=FILE, help="Start from these weights and not from random ones."),
    grouped(
        "Network",
        "--mask-network",
        type=FILE,
        help="For reconstruction, find the damage by the network in this file.",
    ),
    grouped(
        "Network",
        "--edge-network",
        type=FILE,
        help="For reconstruction, draw the edges by the network in this file.",
    ),
    grouped(
        "Network",
        "--frozen",
        is_flag=True,
        help="Do not train the networks of --mask-network and --edge-network.",
    ),
)
