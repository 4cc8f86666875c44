"""What a record notes of the files that were read, by which a later run tells whether they changed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from removal.cluster.paths import is_remote

NOTED = {"size", "mtime_ns", "hash"}  # of each file that is read
HASH_BYTES = 16


def note_of(status: os.stat_result, content: bytes) -> dict[str, Any]:
    """What the record notes of a file that was read: its size, time and hash (BLAKE2b)."""
    digest = hashlib.blake2b(content, digest_size=HASH_BYTES).hexdigest()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "hash": digest}


def is_as_noted(path: Path, note: Mapping[str, Any] | None) -> bool:
    """Whether a file is what it was: by its size and time, and where only the time differs by its content."""
    if note is None:
        return True
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != note["size"]:
            return False
        is_same: bool = status.st_mtime_ns == note["mtime_ns"] or hash_of(path) == note["hash"]
        return is_same
    except (OSError, ValueError):
        return False


def hash_of(path: Path) -> str:
    """The hash of a file as `note_of` has it, however large the file is."""
    if is_remote(path):
        return hashlib.blake2b(path.read_bytes(), digest_size=HASH_BYTES).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=HASH_BYTES)).hexdigest()
