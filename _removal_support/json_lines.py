"""A record that a killed run can be taken up from: lines of JSON in one file, which one run at a time has."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from _removal_support.folder_lock import try_lock


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

        create: make the file where there is none. Raises OSError where it cannot be opened.
        """
        locked = _open_to_lock(self.path, create=create)
        if not try_lock(locked):
            os.close(locked)
            return False
        self._locked = locked
        return True

    def read(self) -> Iterator[dict[str, Any]]:
        """The lines that are whole and hold an object, in their order; OSError where there is no file."""
        line = b"\n"
        with self.path.open("rb") as file:
            for line in file:
                try:
                    content = json.loads(line)
                except ValueError:
                    continue
                if isinstance(content, dict):
                    yield content

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
