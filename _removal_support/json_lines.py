"""A record that a killed run can be taken up from: lines of JSON in one file, which one run at a time has."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from _removal_support.errors import RemovalError
from _removal_support.folder_lock import try_lock
from _removal_support.limits import DEEPEST_JSON


class RecordError(RemovalError, ValueError):
    """A record that holds what no run of ours writes; the message names the file and the line."""

    @classmethod
    def at(cls, path: Path, line: int, problem: str) -> RecordError:
        """The error of one line, counted from 1."""
        advice = "take that line out and what it is about is done again, or give another folder"
        return cls(f"{path}, line {line}: {problem}; {advice}")


class JsonLines:
    """A file of lines, each an object of JSON, that is locked while it is open.

    The lock ends with the process, however that ends. A line that was cut short, where the power went or the
    disk was full, is passed over when the lines are read and does not swallow the next one. `append` may be
    called by several threads.
    """

    def __init__(self, path: Path):
        self.path = path
        self._locked: int | None = None
        self._file: int | None = None
        self._is_torn = False  # whether the file ends within a line
        self._writing = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the file is locked for this run."""
        return self._locked is not None

    def open(self, *, create: bool) -> bool:
        """Locks the file; False where another run has it.

        create: make the file where there is none. Raises OSError where it cannot be opened, RecordError for a
        link, which would have us write elsewhere, and for a pipe or device.
        """
        if os.path.lexists(self.path) and not stat.S_ISREG(self.path.lstat().st_mode):
            raise RecordError(f"{self.path}: expected a file, got a link or something else; take it away")
        locked = _open_to_lock(self.path, create=create)
        if not try_lock(locked):
            os.close(locked)
            return False
        self._locked = locked
        return True

    def read(self) -> Iterator[dict[str, Any]]:
        """The lines that are whole and hold an object, in their order; OSError where there is no file,
        RecordError for a line that is nested too deep."""
        return (line for _, line in self.numbered())

    def numbered(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """As `read`, each with its number, counted from 1."""
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    content = json.loads(line)
                    too_deep = _may_be_deep(line) and is_nested_deeper(content, DEEPEST_JSON)
                except RecursionError:
                    too_deep = True
                except ValueError:  # cut short
                    continue
                if too_deep:
                    raise RecordError.at(self.path, number, f"it is nested deeper than {DEEPEST_JSON} levels")
                if isinstance(content, dict):
                    yield number, content

    def append(self, *records: Mapping[str, Any], sync: bool = False) -> None:
        """Adds a line for each record, all by one write; NaN is refused with a ValueError.

        sync: on the disk when this returns. Raises OSError where the lines cannot be written.
        """
        text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records).encode()
        with self._writing:
            if self._file is None:
                self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
                self._is_torn = _ends_within_a_line(self.path)
            text = b"\n" + text if self._is_torn else text
            self._is_torn = True
            while text:
                text = text[os.write(self._file, text) :]
            self._is_torn = False
            if sync:
                os.fsync(self._file)

    def clear(self) -> None:
        """Takes all lines away; the lock is kept."""
        os.truncate(self.path, 0)

    def close(self) -> None:
        """Gives the lock back."""
        for handle in (self._file, self._locked):
            if handle is not None:
                os.close(handle)
        self._file = self._locked = None


def changed_names(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of the settings that are not as they were, sorted; one that is only in one of them counts."""
    return sorted(key for key in {*earlier, *now} if earlier.get(key) != now.get(key))


def is_nested_deeper(content: Any, levels: int) -> bool:
    """Whether lists and objects of JSON lie more than `levels` deep within each other."""
    layer = [content]
    for _ in range(levels + 1):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return False
    return True


def _may_be_deep(line: bytes) -> bool:
    return line.count(b"[") + line.count(b"{") > DEEPEST_JSON


def _open_to_lock(path: Path, *, create: bool) -> int:
    """A descriptor for the lock: for writing where that is allowed, as locks over a network ask for it."""
    try:
        return os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o666)
    except OSError:
        if create:
            raise
        return os.open(path, os.O_RDONLY)


def _ends_within_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
