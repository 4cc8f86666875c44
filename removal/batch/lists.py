"""Lists of photos, in every encoding that systems write them in; what is none is refused."""

from __future__ import annotations

import codecs
import os
import sys
from pathlib import Path

from _removal_support.limits import LARGEST_LIST_BYTES
from removal.cluster.paths import path_from
from removal.errors import PlanError

STDIN = "-"
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
MOST_SHOWN = 40  # letters of a line in a message


def read_list(file: Path) -> list[Path]:
    """The paths that a list names, each once: one to a line, or ended by a zero byte as `find -print0` has
    them.

    file: UTF-8, with or without a byte-order mark, or UTF-16 with one; a line in another encoding is taken
    byte for byte where a file of that very name is there. "-" = standard input. Blank lines are passed over.
    Raises OSError, and PlanError, naming the line, for anything else: its names would be those of others.
    """
    where = "standard input" if str(file) == STDIN else str(file)
    names = _names(_content(file, where), where)
    return list(dict.fromkeys(path_from(name) for name in names if name.strip()))


def _content(file: Path, where: str) -> bytes:
    if str(file) == STDIN:
        content = sys.stdin.buffer.read(LARGEST_LIST_BYTES + 1)
    else:
        if file.exists() and not (file.is_file() or file.is_fifo()):
            raise PlanError(f"expected a list of photos, got {where}, which is no file", option="lists")
        with file.open("rb") as stream:
            content = stream.read(LARGEST_LIST_BYTES + 1)
    if len(content) > LARGEST_LIST_BYTES:
        most = LARGEST_LIST_BYTES / 1e6
        raise PlanError(f"expected a list of at most {most:.0f} MB, got more in {where}", option="lists")
    return content


def _names(content: bytes, where: str) -> list[str]:
    if content.startswith(_UTF32):
        raise refused(where, 1, "UTF-32")
    if (encoding := _UTF16.get(content[:2])) is not None:
        return _utf16_names(content[2:], encoding, where)
    content = content.removeprefix(codecs.BOM_UTF8)
    if b"\0" not in content:
        lines = [line.rstrip(b"\r") for line in content.split(b"\n")]
        return [_decoded(line, number, where) for number, line in enumerate(lines, start=1)]
    names = content.split(b"\0")
    if _looks_like_utf16(content) and not all(os.path.lexists(os.fsdecode(name)) for name in names if name):
        raise refused(where, 1, "UTF-16 without a byte-order mark")
    return [_decoded(name, number, where, zero_ended=True) for number, name in enumerate(names, start=1)]


def _looks_like_utf16(content: bytes) -> bool:
    """Whether nearly every other byte is zero, as in UTF-16 text: taken as names its letters would be other
    files, and a slash the whole disk."""
    zeros = [content[start::2].count(0) for start in (0, 1)]
    return min(zeros) == 0 and max(zeros) >= 0.3 * (len(content) // 2)


def _utf16_names(content: bytes, encoding: str, where: str) -> list[str]:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(encoding, "replace").count("\n") + 1
        raise refused(where, line, "what is no UTF-16, in spite of its byte-order mark") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise refused(where, line, "a zero character")
    return [line.rstrip("\r") for line in text.split("\n")]


def _decoded(name: bytes, number: int, where: str, *, zero_ended: bool = False) -> str:
    """A name as text: UTF-8, or the very bytes of a file that is there."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        here = os.fsdecode(name)
        if os.path.lexists(here):
            return here
    shown = name.decode("utf-8", "backslashreplace")[:MOST_SHOWN]
    raise refused(where, number, f"{shown!r}", zero_ended=zero_ended)


def refused(where: str, number: int, got: str, *, zero_ended: bool = False) -> PlanError:
    """The error for a line that cannot be read as a name."""
    place = f"name {number}" if zero_ended else f"line {number}"
    return PlanError(
        f"{where}, {place}: expected a path as UTF-8 text, or as UTF-16 text with a byte-order mark, got "
        f"{got}: save the list as UTF-8",
        option="lists",
    )
