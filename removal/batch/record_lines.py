"""What a line of a record may hold: it lies in a folder that anybody may have written to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from removal.batch.notes import NOTED

SHOWN_LENGTH = 60  # of a wrong value


def problem_of_line(line: Mapping[str, Any]) -> str | None:
    """What is wrong with a line of a record, or None; lines that lack what is theirs are passed over."""
    if not isinstance(line.get("settings", {}), dict):
        return f'expected "settings" as an object, got {shown(line["settings"])}'
    if not {"file", "outcome", "run"} <= line.keys():
        return None
    for name in ("file", "outcome", "run", "input"):
        if not isinstance(line.get(name, ""), str):
            return f'expected "{name}" as text, got {shown(line[name])}'
    files = line.get("files", [])
    if not isinstance(files, list):
        return f'expected "files" as a list of names, got {shown(files)}'
    for file in (line["file"], *files):
        if not is_name_below(file):
            return f"expected names of files in this folder, got {shown(file)}"
    masks = line.get("mask_file")
    if masks is not None and not (
        isinstance(masks, dict) and masks.keys() >= NOTED and is_path(masks.get("path"))
    ):
        return f'expected "mask_file" with path, size, mtime_ns and hash, got {shown(masks)}'
    return None


def is_name_below(name: object) -> bool:
    """Whether this is the name that a file in a folder or below it can have."""
    return is_path(name) and not os.path.isabs(str(name)) and ".." not in PurePosixPath(str(name)).parts


def is_path(text: object) -> bool:
    """Whether this is text that may be a path."""
    if not isinstance(text, str) or not text or "\0" in text:
        return False
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def shown(value: object) -> str:
    """A value for a message, cut short."""
    text = json.dumps(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
