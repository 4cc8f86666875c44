"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Any], Any]


def together(*options: Decorator) -> Decorator:
    def apply(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


class GroupedOption(click.Option):
    """An option that --help shows under a heading of its own."""

    def __init__(self, *declarations: Any, group: str, **attributes: Any) -> None:
        super().__init__(*declarations, **attributes)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose --help shows the options under their headings, those without one first."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
            if record is not None:
                group = parameter.group if isinstance(parameter, GroupedOption) else "Options"
                groups.setdefault(group, []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)


def grouped(group: str, *declarations: str, **attributes: Any) -> Decorator:
    """`click.option` under a heading of --help."""
    return click.option(*declarations, cls=GroupedOption, group=group, **attributes)


class PathOrUrl(click.Path):
    """A path of this machine, or with "://" in it one that fsspec opens."""

    name = "path or URL"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        if not isinstance(value, str) or "://" not in value:
            return super().convert(value, param, context)
        from removal.cluster.paths import path_from

        try:
            return path_from(value)
        except ValueError as error:
            self.fail(str(error), param, context)


class BoxType(click.ParamType):
    """A box `x,y,width,height` in whole pixels of the photo as it is shown."""

    name = "X,Y,W,H"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[int, int, int, int]:
        if isinstance(value, tuple):
            return value
        try:
            x, y, width, height = (int(part) for part in value.split(","))
        except ValueError:
            self.fail(
                f"expected four whole numbers x,y,width,height such as 120,40,80,200, got {value!r}",
                param,
                context,
            )
        if width < 1 or height < 1:
            self.fail(f"expected a width and height of at least 1, got {value!r}", param, context)
        return x, y, width, height


blind_tuning_options = together(
    click.option(
        "--threshold",
        type=click.FloatRange(0, 1, min_open=True),
        default=0.5,
        show_default=True,
        help="--blind: from which destroyed share on a pixel is damaged; fainter ones beside it go along.",
    ),
    click.option(
        "--blind-weights",
        type=click.Path(dir_okay=False),
        multiple=True,
        metavar="FILE",
        help="Networks of --blind and --inpainter reconstruction, not the package's; may be repeated.",
    ),
)

blind_options = together(
    click.option(
        "--blind", is_flag=True, help="Repair damage that a network finds: which, how well: docs/blind.md."
    ),
    blind_tuning_options,
)

addition_options = together(
    click.option(
        "--shadows/--no-shadows", default=True, show_default=True, help="Remove the objects' shadows too."
    ),
    click.option(
        "--attached",
        type=click.Choice(["none", "carried", "ridden", "all"]),
        default="all",
        show_default=True,
        help="Which things go along with a person: what is carried, ridden, both.",
    ),
)

max_megapixels_option = click.option(
    "--max-megapixels",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    help="Refuse larger photos.",
)

segmenter_options = together(
    click.option(
        "--segmenter",
        default="auto",
        show_default=True,
        metavar="NAME",
        help="Who finds the objects: auto, maskrcnn, maskrcnn-v1, builtin (people only, needs no download).",
    ),
    click.option(
        "--segmenter-weights", type=click.Path(dir_okay=False), help="Weights file for --segmenter."
    ),
)

device_options = together(
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32"]),
        default="auto",
        show_default=True,
        help="auto = reduced precision where the hardware has it.",
    ),
)

network_options = together(
    device_options,
    click.option(
        "--working-size",
        type=click.IntRange(min=64),
        default=512,
        show_default=True,
        metavar="PX",
        help="Networks: longest side that they see; larger windows are shrunk to it.",
    ),
    click.option(
        "--detail/--no-detail",
        default=True,
        show_default=True,
        help="Networks: bring the photo's texture back where a window was shrunk.",
    ),
    click.option(
        "--colour/--no-colour",
        default=True,
        show_default=True,
        help="Networks: even out colour steps at the hole's edge.",
    ),
    click.option(
        "--compile",
        is_flag=True,
        help="Networks: torch.compile (slow start; gained nothing on the CPU we measured).",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**31 - 1),
        default=0,
        show_default=True,
        metavar="N",
        help="Same seed, same pixels.",
    ),
)

settings_options = together(
    click.option("--weights", type=click.Path(dir_okay=False), help="Weights file for --inpainter."),
    network_options,
)

model_options = together(
    segmenter_options,
    click.option(
        "--inpainter",
        default="auto",
        show_default=True,
        metavar="NAME",
        help="Who fills the hole: auto, deepfillv2, exemplar (needs no weights), telea, navier-stokes; "
        "deepfillv1, glcic, context-encoder, autoencoder (docs/networks.md); reconstruction (docs/blind.md).",
    ),
    settings_options,
)

mask_reading_options = together(
    click.option(
        "--mask-label",
        type=click.IntRange(0, 65535),
        metavar="N",
        help="--masks are label maps: remove what has this value.",
    ),
    click.option(
        "--mask-polarity",
        type=click.Choice(["auto", "remove", "keep"]),
        default="auto",
        show_default=True,
        help="What white means in --masks; auto = found from the masks, and said.",
    ),
)

allow_empty_option = click.option(
    "--allow-empty-masks",
    is_flag=True,
    help="A mask that marks nothing leaves its photo unchanged; without it, that is an error.",
)

mask_options = together(
    mask_reading_options,
    allow_empty_option,
    click.option("--only-masked", is_flag=True, help="Leave out photos that --masks has nothing for."),
)

engine_options = together(
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Where the work is done: in this process, or by the workers of a Ray cluster (docs/scaling.md).",
    ),
    click.option(
        "--ray-address",
        metavar="HOST:PORT",
        help="The cluster; default: RAY_ADDRESS, or one on this machine for the run.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Threads that read, fill and write photos, or Ray's workers; default: one per processor.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        metavar="N",
        help="Photos the detector is given at once; default: 1, on a GPU 8.",
    ),
)

overwrite_option = click.option("--overwrite", is_flag=True, help="Write over files that exist.")
