"""Files that appear whole or not at all."""

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Set
from pathlib import Path

_PART = re.compile(r"\.(.*)\.[0-9a-f]{8}\.part", re.DOTALL)
_NAME_LENGTH = 40


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise FileExistsError, IsADirectoryError or FileNotFoundError where `path` cannot be written: neither
    a pipe or device is replaced, nor what a link to nowhere names made."""
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder")
    if path.is_symlink() and not path.exists():
        raise FileExistsError(f"{path}: exists already, a link that leads nowhere")
    if path.exists() and not path.is_file():
        raise FileExistsError(f"{path}: exists already, and is no regular file")
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"{path}: exists already")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}")


def is_there(path: Path) -> bool:
    """Whether anything has this name, a link that leads nowhere too."""
    return path.exists() or path.is_symlink()


def write_atomically(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write `data` to `path` so that, whatever happens, `path` holds all of it or what it held before.

    The data goes to a hidden file ".NAME.XXXX.part" beside it first, which is removed on any exception,
    KeyboardInterrupt included. The file gets the usual mode of a new file. A symbolic link stays a link.
    Raises FileExistsError where `path` exists and `overwrite` is False, even if it appeared just now;
    PermissionError and other OSErrors with a message of one line naming `path`.
    """
    refuse_existing(path, overwrite=overwrite)
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name[:_NAME_LENGTH]}.{secrets.token_hex(4)}.part")
    try:
        try:
            _write_synced(part, data)
            if overwrite:
                os.replace(part, target)
            else:
                _move_to_new(part, target)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    except FileExistsError as error:
        raise FileExistsError(f"{path}: exists already") from error
    except PermissionError as error:
        raise PermissionError(f"{path}: no permission to write here") from error
    except OSError as error:
        raise OSError(f"{path}: cannot be written: {error.strerror or error}") from error


def _write_synced(part: Path, data: bytes) -> None:
    with open(
        os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666), "wb"
    ) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _move_to_new(part: Path, target: Path) -> None:
    """A hard link, unlike a rename, never replaces a file that another process has made meanwhile."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError as error:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(target) from error
        os.replace(part, target)


def is_part(path: Path) -> bool:
    """Whether a file, by its name, is half of one, left by a writer that was killed or still written."""
    return _PART.fullmatch(path.name) is not None


def leftovers(folder: Path, names: Set[str]) -> list[Path]:
    """The hidden files in a folder that hold parts of files of these names: of writers that were killed, or
    are still at work. Empty where there is no such folder, or none can be."""
    beginnings = {name[:_NAME_LENGTH] for name in names}
    try:
        found = [(entry, _PART.fullmatch(entry.name)) for entry in os.scandir(folder)]
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
            return []
        raise
    return [Path(entry.path) for entry, part in found if part and part[1] in beginnings]
