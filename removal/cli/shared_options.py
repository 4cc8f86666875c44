"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence

import click

from removal.cli.grouping import (
    MANY,
    MASKS,
    MODELS,
    OUTPUT,
    WHAT,
    BoxType,
    LabelType,
    PathOrUrl,
    PointType,
    grouped,
    together,
)
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

masks_option = grouped(
    MASKS,
    "--masks",
    type=PathOrUrl(),
    common=True,
    help="Remove what these masks mark. PATH is a file, or a folder whose files match the photos by name; "
    "docs/team-masks.md lists the formats.",
)

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

score_option = grouped(
    WHAT,
    "--score",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Remove only detections that the model gives at least this score.",
)

refine_option = grouped(
    MASKS,
    "--refine/--no-refine",
    default=True,
    show_default=True,
    help="Clean and enlarge the masks before filling. With --no-refine a mask is used as it is: no shadow "
    "and no attached object is added to it.",
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

protect_option = grouped(
    MODELS,
    "--protect/--no-protect",
    default=True,
    show_default=True,
    help="Keep the fill from copying what was detected and stays. With --masks and --box, the built-in "
    "finder looks for people who stay.",
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

device_options = together(
    grouped(
        MODELS,
        "--device",
        default="auto",
        show_default=True,
        metavar="NAME",
        help="Compute on this device. It is auto, cpu, cuda, cuda:N or mps.",
    ),
    grouped(
        MODELS,
        "--precision",
        type=click.Choice(["auto", "float32"]),
        default="auto",
        show_default=True,
        help="Compute in this precision. auto takes a reduced one where the hardware has it.",
    ),
)

network_options = together(
    device_options,
    grouped(
        MODELS,
        "--working-size",
        type=click.IntRange(min=64),
        default=512,
        show_default=True,
        metavar="PX",
        help="Shrink what a network sees to this longest side.",
    ),
    grouped(
        MODELS,
        "--detail/--no-detail",
        default=True,
        show_default=True,
        help="After a network, restore the photo's texture where it was shrunk.",
    ),
    grouped(
        MODELS,
        "--colour/--no-colour",
        default=True,
        show_default=True,
        help="After a network, even out the colour steps at the edge of the hole.",
    ),
    grouped(
        MODELS,
        "--compile",
        is_flag=True,
        help="Compile networks with torch.compile. The first photo then takes over a minute longer.",
    ),
    grouped(
        MODELS,
        "--effort",
        type=click.Choice(["fast", "normal", "best"]),
        default="normal",
        show_default=True,
        help="Let the exemplar fill look longer for a good fill, or less long. It also brings detail back "
        "after a network.",
    ),
    grouped(
        MODELS,
        "--seed",
        type=click.IntRange(0, 2**31 - 1),
        default=0,
        show_default=True,
        metavar="N",
        help="Start the random numbers here. The same seed gives the same pixels.",
    ),
)

prompt_options = together(
    grouped(
        MODELS,
        "--prompt",
        metavar="TEXT",
        help="Have a diffusion model draw this. Without it, it is asked for background.",
    ),
    grouped(
        MODELS,
        "--negative-prompt",
        metavar="TEXT",
        help="Have a diffusion model avoid this. Without it, it avoids people, things and writing.",
    ),
    grouped(
        MODELS,
        "--steps",
        type=click.IntRange(2, 1000),
        metavar="N",
        help="Let a diffusion model take this many steps. By default it is what its authors use.",
    ),
    grouped(
        MODELS,
        "--guidance",
        type=click.FloatRange(1, 100),
        metavar="G",
        help="Have a diffusion model follow the words this closely; 1 ignores --negative-prompt.",
    ),
)

settings_options = together(
    grouped(
        MODELS,
        "--weights",
        type=click.Path(),
        help="Use this file of weights for the model of --inpainter. A diffusion model takes a folder, or "
        "OWNER/NAME on the Hugging Face Hub.",
    ),
    network_options,
    prompt_options,
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
        ".damage.png, and with --inpainter reconstruction .edges.png.",
    ),
    grouped(
        OUTPUT,
        "--json",
        "as_json",
        is_flag=True,
        help="Print one line of JSON for each photo.",
    ),
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

overwrite_option = grouped(
    OUTPUT, "--overwrite", is_flag=True, common=True, help="Replace files that already exist."
)
