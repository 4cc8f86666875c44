"""What is printed: on any terminal, in any encoding, and where there is no room for it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from _removal_support.errors import printable


def prepare_streams() -> None:
    """From now on a character that standard output cannot encode is written as an escape: names of files are
    any bytes, and the locale may be C."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def tell(*lines: str, err: bool = False) -> None:
    """Prints lines; what would steer a terminal is written out."""
    with writing_out():
        click.echo("\n".join(map(printable, lines)), err=err)


def json_line(content: Any) -> str:
    """The content as a line of JSON without control characters."""
    return json.dumps(content).replace("\x7f", "\\u007f")


@contextmanager
def writing_out() -> Iterator[None]:
    """Turns the error that standard output takes no more into one line; that nobody reads it is click's."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        reason = error.strerror or error
        raise click.ClickException(f"cannot write to the standard output: {reason}") from error


def drop_output() -> None:
    """Sends what is still to be printed nowhere: Python would try it again when it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def show(error: click.ClickException) -> None:
    """Shows an error as click does, without what would steer a terminal."""
    vars(error)["message"] = "\n".join(map(printable, error.message.split("\n")))
    with suppress(OSError):
        error.show()
