"""Options that choose the models: what finds the objects and what fills the hole."""

from __future__ import annotations

import click

from removal.cli.grouping import MODELS, grouped, together
from removal.cli.shared_options.networks import settings_options

refine_boxes_option = grouped(
    MODELS,
    "--refine-boxes/--no-refine-boxes",
    default=None,
    help="Cut out small objects, enlarge them and find them once more. By default this is done in photos "
    "that are larger than the model sees them at once. It takes up to five times as long, and was measured "
    "with the built-in finder alone (docs/models.md).",
)

segmenter_options = together(
    grouped(
        MODELS,
        "--segmenter",
        default="auto",
        show_default=True,
        metavar="NAME",
        common=True,
        help="Choose the model that finds the objects. auto takes the best that can run; others are "
        "maskrcnn, maskrcnn-v1, rf-detr-nano to rf-detr-xlarge, mask2former, and builtin, which finds people "
        "only and needs no download.",
    ),
    grouped(
        MODELS,
        "--segmenter-weights",
        type=click.Path(),
        help="Use this file of weights for the model of --segmenter. For RF-DETR and Mask2Former it is a "
        "folder.",
    ),
    refine_boxes_option,
)

prompter_options = together(
    grouped(
        MODELS,
        "--prompter",
        default="auto",
        show_default=True,
        metavar="NAME",
        help="Choose what finds the thing at --point or in --box. auto takes the best whose weights are "
        "cached; others are classical, which needs none, sam2.1-tiny, sam2.1-small, sam2.1-base-plus, "
        "sam2.1-large and sam-base.",
    ),
    grouped(
        MODELS,
        "--prompter-weights",
        type=click.Path(file_okay=False),
        metavar="FOLDER",
        help="Use the weights in this folder for the network of --prompter.",
    ),
)

protect_option = grouped(
    MODELS,
    "--protect/--no-protect",
    default=True,
    show_default=True,
    help="Keep the fill from copying what was detected and stays. With --masks and --box, the built-in "
    "finder looks for people who stay.",
)

model_options = together(
    segmenter_options,
    grouped(
        MODELS,
        "--inpainter",
        default="auto",
        show_default=True,
        metavar="NAME",
        common=True,
        help="Choose the model that fills the hole. auto takes the best that can run; others are deepfillv2, "
        "lama, mi-gan, stable-diffusion, sdxl and exemplar (needs no weights). remove models lists all.",
    ),
    settings_options,
)
