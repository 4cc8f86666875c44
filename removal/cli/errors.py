"""What the library refuses, as the command line says it: in one line, the flag that it is about in front."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

IRREGULAR = {  # names of settings whose flag is another word
    "boxes": "--box",
    "classes": "--class",
    "inpainters": "--inpainter",
    "lists": "--list",
    "methods": "--inpainter",
    "not_points": "--not",
    "output": "-o",
    "points": "--point",
    "refinements": "--refine",
    "sources": "--mask-source",
    "target": "--to",
}


class WrongUsage(click.ClickException):
    """Options that do not fit together: one line and status 2, without the usage that click adds."""

    exit_code = 2


def flag_of(option: str) -> str:
    """The flag of a setting, such as "--mask-label" for "mask_label"."""
    return IRREGULAR.get(option) or f"--{option.replace('_', '-')}"


def with_flag(message: str, option: str | None) -> str:
    """The message of an error with the flag of the setting that it is about; None = in particular of none."""
    return message if option is None else f"{flag_of(option)}: {message}"


def click_error(error: Exception) -> click.ClickException:
    """An error as click's: status 2 where the plan is wrong, else 1."""
    from removal.errors import PlanError, describe

    text = with_flag(describe(error), getattr(error, "option", None))
    return WrongUsage(text) if isinstance(error, PlanError) else click.ClickException(text)


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turns all that the library says to people into click's errors."""
    from removal.errors import RemovalError

    try:
        yield
    except RemovalError as error:
        raise click_error(error) from error
