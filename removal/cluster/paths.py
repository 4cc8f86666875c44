"""Paths that fsspec opens (`s3://bucket/folder`), in the places where a run keeps paths."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path, PosixPath
from typing import Any, TypeGuard, TypeVar

from _removal_support.folder_lock import try_lock
from removal.images import PHOTO_SUFFIXES

NEEDS = "pip install 'removal[cluster]'"
WAIT_S = 0.2  # between two looks at a lock
FETCHES = 16  # at once, of many small files
_URL = re.compile(r"(?P<chain>(?:[a-z][a-z0-9+.-]*::)*)(?P<protocol>[a-z][a-z0-9+.-]+):/+")
_HERE = ("file", "local", "memory")  # their URLs name no host or bucket
# Where an upload replaces an object whole or not at all, and a folder is only part of a name.
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "oss", "tos", "memory"}
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")
Answer = TypeVar("Answer")


class RemotePath(PosixPath):
    """A file or folder that fsspec opens; its text is the URL, and what it is asked is asked there.

    listed: what a listing said of it, so that a million photos need no request each; None = it said nothing.
    absent: a listing says that there is no such file. Both hold while nobody else writes there.
    Opening it as a local file does not work: `fetch` and `store` copy it.
    """

    listed: os.stat_result | None = None
    absent: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        size_and_time = self.listed and (self.listed.st_mode, self.listed.st_size, int(self.listed.st_mtime))
        return _unpickled, (str(self), size_and_time, self.absent)

    def __str__(self) -> str:
        match = _URL.match(text := super().__str__())
        if match is None:
            return text
        slashes = ":///" if match["protocol"] in _HERE else "://"
        return f"{match['chain']}{match['protocol']}{slashes}{text[match.end() :]}"

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Size and time of change; errors of `asked`."""
        if self.listed is not None:
            return self.listed
        return asked(self, lambda files, key: status_of(files.info(key)))

    def exists(self, **_: bool) -> bool:
        if self.listed is not None or self.absent:
            return not self.absent
        return asked(self, lambda files, key: bool(files.exists(key)))

    def is_dir(self, **_: bool) -> bool:
        if self.listed is not None or self.absent:
            return False
        return asked(self, lambda files, key: bool(files.isdir(key)))

    def is_file(self, **_: bool) -> bool:
        return self.exists() and not self.is_dir()

    def is_symlink(self) -> bool:
        return False

    def resolve(self, strict: bool = False) -> RemotePath:
        return self

    def absolute(self) -> RemotePath:
        return self

    def read_bytes(self) -> bytes:
        return asked(self, lambda files, key: bytes(files.cat_file(key)))


def _unpickled(url: str, listed: tuple[int, int, int] | None, absent: bool) -> RemotePath:
    path = RemotePath(url)
    path.listed, path.absent = listed and _status(*listed), absent
    return path


def path_from(text: str | os.PathLike[str]) -> Path:
    """The path that a text names: `file://` and everything without "://" is local.

    Raises ValueError where a URL names no bucket or host.
    """
    text = os.fspath(text)
    match = _URL.match(text)
    if match is None or "://" not in text:
        return Path(text)
    rest = text[match.end() :]
    if match["protocol"] == "file" and not match["chain"]:
        return Path("/", rest)
    if match["protocol"] not in _HERE and (not rest or ":///" in text):
        raise ValueError(f"expected a bucket or host after {match[0].rstrip('/')}//, got {text!r}")
    return RemotePath(text)


def is_remote(path: Path | None) -> TypeGuard[RemotePath]:
    """Whether fsspec opens this path."""
    return isinstance(path, RemotePath)


def asked(path: RemotePath, question: Callable[[Any, str], Answer]) -> Answer:
    """The answer of a path's file system, which is given with the path's name there.

    Raises FileNotFoundError, or OSError where the driver is missing or the store refuses: one line naming it.
    """
    try:
        files, key = filesystem(path)
        return question(files, key)
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
    except Exception as error:  # each driver raises errors of its own kinds
        text = " ".join(str(error).split()) or type(error).__name__
        raise OSError(errno.EIO, text, str(path)) from error


def filesystem(path: RemotePath) -> tuple[Any, str]:
    """fsspec's file system for a path, and the path's name there; ImportError where a package is missing."""
    try:
        import fsspec
    except ImportError as error:
        raise ImportError(f"paths such as this need fsspec: {NEEDS}") from error
    files, name = fsspec.url_to_fs(str(path))
    return files, str(name)


def status_of(info: dict[str, Any]) -> os.stat_result:
    """What fsspec says of a file, as os.stat has it: size, and time of change in whole seconds, for a listing
    may know it better than the question for one file. The time is 0 where the store tells none."""
    kind = stat.S_IFDIR if info.get("type") == "directory" else stat.S_IFREG
    when = next((info[name] for name in _TIMES if info.get(name)), 0)
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            when = 0
    seconds = int(when.timestamp() if isinstance(when, datetime) else when)
    return _status(kind, int(info.get("size") or 0), seconds)


def _status(kind: int, size: int, seconds: int) -> os.stat_result:
    times = {"st_mtime_ns": seconds * 10**9}
    return os.stat_result([kind, 0, 0, 0, 0, 0, size, seconds, seconds, seconds], times)


def files_below(folder: RemotePath) -> Iterator[RemotePath]:
    """All files in a folder and below it, each with what the listing says of it; none in one that is not."""

    def listing(files: Any, key: str) -> tuple[str, dict[str, Any]]:
        files.invalidate_cache()
        try:
            return key, files.find(key, detail=True)
        except FileNotFoundError:
            return key, {}

    root, found = asked(folder, listing)
    for name, info in found.items():
        below = os.path.relpath(name, root)
        if below.split("/")[0] == "..":  # names in a store are any text, and copies go by them
            raise OSError(errno.EPERM, "a name in this folder leads out of it", f"{folder}/{below}")
        path = folder / below
        path.listed = status_of(info)
        yield path


def photos_below(folder: RemotePath, *, leave_out: Path | None = None) -> list[RemotePath]:
    """The photos in a folder and below it, by name; hidden ones and those in `leave_out` are passed over."""
    photos = []
    for path in files_below(folder):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        apart = isinstance(leave_out, RemotePath) and leave_out != folder and path.is_relative_to(leave_out)
        if path.suffix.lower() in PHOTO_SUFFIXES and not hidden and not apart:
            photos.append(path)
    return sorted(photos)


def fetch(path: RemotePath, local: Path) -> None:
    """Copies a file to this machine, whole or not at all, with its time of change; OSError as `asked` raises
    it."""
    status = path.stat()
    local.parent.mkdir(parents=True, exist_ok=True)
    part = local.with_name(f".{local.name[:40]}.{secrets.token_hex(4)}.part")
    try:
        asked(path, lambda files, key: files.get_file(key, str(part)))
        os.utime(part, ns=(status.st_mtime_ns, status.st_mtime_ns))
        part.replace(local)
    finally:
        part.unlink(missing_ok=True)


def cached(path: RemotePath) -> Path:
    """A copy of a file or folder in this user's cache, which is kept for the next time; `copy_here`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "removal").resolve()
    cache.mkdir(parents=True, exist_ok=True)
    return copy_here(path, cache)


def local_copy(path: Path) -> Path:
    """The path itself where it is on this machine, else its copy in this user's cache; OSError as `asked`."""
    return cached(path) if is_remote(path) else path


def listing_of(path: Path | None) -> dict[str, Path]:
    """The files of a remote folder by URL, each with what a listing says of it; of a local folder none."""
    return {str(file): file for file in files_below(path)} if is_remote(path) else {}


def copy_here(path: RemotePath, cache: Path) -> Path:
    """A copy of a file, or of all files in a folder, on this machine: a folder of its own in `cache`, which
    must exist. What is there and has the size and time of the other is kept, what the other lacks removed.
    Several processes may ask at once: one does the work. Raises OSError as `asked` does.
    """
    folder = cache / hashlib.sha256(str(path).encode()).hexdigest()[:16]
    there = list(files_below(path)) if path.is_dir() else [path]
    here = [folder / (file.relative_to(path) if file != path else path.name) for file in there]
    with open(cache / f"{folder.name}.lock", "wb") as lock:
        while not try_lock(lock.fileno()):
            time.sleep(WAIT_S)
        for extra in {file for file in folder.rglob("*") if not file.is_dir()} - set(here):
            extra.unlink()
        stale = [pair for pair in zip(there, here, strict=True) if not is_copy(*pair)]
        with ThreadPoolExecutor(FETCHES) as pool:
            for _ in pool.map(lambda pair: fetch(*pair), stale):
                pass
    return here[0] if there == [path] else folder


def is_copy(path: RemotePath, local: Path) -> bool:
    """Whether a file here has the size and time of the one there."""
    try:
        mine, theirs = local.stat(), path.stat()
    except FileNotFoundError:
        return False
    return (mine.st_size, mine.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)


def store(content: Path | bytes, path: RemotePath) -> None:
    """Puts a file there so that at any moment the name holds all of it or what it held before; folders on
    the way are made. OSError as `asked` raises it.

    An object store replaces an object whole. Elsewhere the content goes to a hidden file `.NAME.XXXX.part`
    beside it, which is then moved.
    """
    data = content if isinstance(content, bytes) else content.read_bytes()

    def put(files: Any, key: str) -> None:
        if is_object_store(files):
            files.pipe_file(key, data)
            return
        folder, _, name = key.rpartition("/")
        part = f"{folder}/.{name[:40]}.{secrets.token_hex(4)}.part"
        files.makedirs(folder, exist_ok=True)
        try:
            files.pipe_file(part, data)
            files.mv(part, key)
        except BaseException:
            if files.exists(part):
                files.rm_file(part)
            raise

    asked(path, put)


def is_object_store(files: Any) -> bool:
    names = files.protocol if isinstance(files.protocol, tuple | list) else (files.protocol,)
    return not _OBJECT_STORES.isdisjoint(names)


def delete(path: RemotePath) -> None:
    asked(path, lambda files, key: files.rm_file(key))
