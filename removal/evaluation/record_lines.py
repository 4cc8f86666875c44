"""What a line of `photos.jsonl` may hold: the folder of a run is handed about, and its pictures are found by
the names in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from removal.batch.notes import NOTED
from removal.batch.record_lines import is_name_below, shown


def problem_of_line(line: Mapping[str, Any]) -> str | None:
    """What is wrong with the line of a photo, or None; lines that lack what is theirs are passed over."""
    if not {"photo", "outcome"} <= line.keys():
        return None
    if not is_name_below(line["photo"]):
        return f"expected the name of a photo in the folder of the photos, got {shown(line['photo'])}"
    if line["outcome"] == "failed":
        error = line.get("error")
        return None if isinstance(error, str) else f'expected "error" as text, got {shown(error)}'
    if line["outcome"] != "done":
        return f'expected "outcome" as done or failed, got {shown(line["outcome"])}'
    figures, unedited, note = line.get("figures"), line.get("unedited", {}), line.get("file")
    if not isinstance(figures, dict) or not all(map(is_figures, figures.values())):
        return f'expected "figures" as numbers by combination and name, got {shown(figures)}'
    if not is_figures(unedited):
        return f'expected "unedited" as numbers by name, got {shown(unedited)}'
    if not is_number(line.get("bytes", 0)):
        return f'expected "bytes" as a number, got {shown(line["bytes"])}'
    if note and not (isinstance(note, dict) and note.keys() >= NOTED):
        return f'expected "file" with size, mtime_ns and hash, got {shown(note)}'
    return None


def is_figures(value: object) -> bool:
    """Whether these are numbers, or nothing, by name."""
    return isinstance(value, dict) and all(one is None or is_number(one) for one in value.values())


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
