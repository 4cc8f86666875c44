"""Options under headings of their command's help, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    ValueType = click.ParamType[Any]
else:
    ValueType = click.ParamType  # generic in new releases of click only

Decorator = Callable[[Any], Any]
Groups = dict[str, list[tuple[str, str]]]  # heading -> option and what it does

WHAT, MASKS, MODELS = "What to remove", "Masks", "Models"
OUTPUT, MANY = "Output", "Many photos"
GROUPS = (WHAT, MASKS, MODELS, OUTPUT, MANY)


def together(*options: Decorator) -> Decorator:
    def apply(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


class GroupedOption(click.Option):
    """An option that help shows under a heading of its own.

    group: the heading. common: whether the short help shows it too, by the first sentence of its help.
    """

    def __init__(self, *declarations: Any, group: str, common: bool = False, **attributes: Any) -> None:
        super().__init__(*declarations, **attributes)
        self.group, self.common = group, common

    def short_record(self, context: click.Context) -> tuple[str, str] | None:
        """The option and the first sentence of its help, as the short help shows them."""
        record = self.get_help_record(context)
        return None if record is None else (record[0], f"{(self.help or '').partition('. ')[0].rstrip('.')}.")


class GroupedCommand(click.Command):
    """A command whose help shows the options under their headings, those without one first."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        write_groups(self.option_groups(context, short=False), formatter)

    def option_groups(self, context: click.Context, *, short: bool) -> Groups:
        """What help says of each option, by heading; short: of the common ones alone, a sentence each."""
        groups: Groups = {}
        for option in self.get_params(context):
            if not isinstance(option, click.Option):
                continue
            grouped = option if isinstance(option, GroupedOption) else None
            if short:
                record = grouped.short_record(context) if grouped and grouped.common else None
            else:
                record = option.get_help_record(context)
            if record is not None:
                groups.setdefault(grouped.group if grouped else "Options", []).append(record)
        return groups


def write_groups(groups: Groups, formatter: click.HelpFormatter) -> None:
    """Writes the options under their headings: in GROUPS' order, then the others."""
    order = [group for group in GROUPS if group in groups]
    for group in (*order, *(group for group in groups if group not in order)):
        with formatter.section(group):
            formatter.write_dl(groups[group], col_max=26)


def grouped(group: str, *declarations: str, **attributes: Any) -> Decorator:
    """`click.option` under a heading of its command's help."""
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


class LabelType(ValueType):
    """A label of label maps: a whole number, or a colour `red,green,blue`."""

    name = "N|R,G,B"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> int | tuple[int, int, int]:
        if isinstance(value, int | tuple):
            return value
        parts = value.split(",")
        if not all(part.strip().isascii() and part.strip().isdecimal() for part in parts):
            parts = []
        numbers = [int(part[:9]) for part in parts]
        if len(numbers) == 1 and numbers[0] <= 65535:
            return numbers[0]
        if len(numbers) == 3 and max(numbers) <= 255:
            return numbers[0], numbers[1], numbers[2]
        self.fail(
            "expected a value from 0 to 65535 such as 15, or a colour red,green,blue of values from 0 to 255 "
            f"such as 176,112,32, got {value!r}",
            param,
            context,
        )


class PointType(ValueType):
    """A point `x,y` in pixels of the photo as it is shown."""

    name = "X,Y"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        try:
            x, y = (float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"expected two numbers x,y such as 120,40, got {value!r}", param, context)
        if not (0 <= x < float("inf") and 0 <= y < float("inf")):
            self.fail(f"expected pixels from 0 on, got {value!r}", param, context)
        return x, y


class BoxType(ValueType):
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
