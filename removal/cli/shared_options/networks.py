"""Options of how networks compute: device, size, words for diffusion models."""

from __future__ import annotations

import click

from removal.cli.grouping import MODELS, grouped, together

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
