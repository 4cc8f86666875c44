"""JSON that another team made: read with care, its file names never followed."""

from __future__ import annotations

import json
import math
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

from segment.handover.mask_error import MaskError

HIGHEST_SCORE = 1.5  # Segment-Anything's estimates pass 1 a little; they count as 1


def read_json(path: Path) -> Any:
    """The content of a JSON file, an object or a list.

    Raises FileNotFoundError, MaskError for anything else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"JSON file not found: {path}")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise MaskError(f"{path} is no JSON file: {error}", "unreadable") from error
    if not isinstance(content, dict | list):
        kind = type(content).__name__
        raise MaskError(f"expected {path} to hold an object or a list, got {kind}", "unreadable")
    return content


def named_file(name: Any, where: str) -> PurePath:
    """The photo that a JSON file names, as a path relative to some folder.

    Raises MaskError for anything but a name inside that folder: an absolute path, one with "..", no text.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise MaskError(f"{where}: expected a file name, got {str(name)[:60]!r}", "unreadable")
    if leaves_folder(name):
        raise MaskError(f"{where}: the path {name!r} leaves its folder: expected a relative one", "path")
    return portable_path(name)


def portable_path(name: str) -> PurePath:
    """A path written on any system."""
    return PurePosixPath(PureWindowsPath(name).as_posix()) if "\\" in name else PurePosixPath(name)


def leaves_folder(name: str) -> bool:
    """Whether a path, written on any system, is absolute or goes up with ".."."""
    windows = PureWindowsPath(name)
    return bool(windows.drive or windows.root) or ".." in windows.parts


def whole_number(value: Any) -> int | None:
    """A number of pixels as JSON has it; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else None


def checked_size(height: Any, width: Any, max_pixels: int) -> tuple[int, int]:
    """Height and width in pixels as a JSON file states them; ValueError where they cannot be right."""
    rows, columns = whole_number(height), whole_number(width)
    if rows is None or columns is None or rows < 1 or columns < 1:
        raise ValueError(
            f"expected a height and width in pixels, got {str(height)[:20]} and {str(width)[:20]}"
        )
    if rows * columns > max_pixels:
        raise ValueError(f"it states {columns} x {rows} pixels, more than {max_pixels / 1e6:g} million")
    return rows, columns


def checked_score(value: Any) -> float:
    """A score as float, at most 1; ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= HIGHEST_SCORE:
        raise ValueError(f"expected a score from 0 to 1, got {str(value)[:30]}")
    return min(float(value), 1.0)


def check_points(points: Any, height: int, width: int, *, least: int = 1) -> list[tuple[float, float]]:
    """Points [[x, y], ...] in pixels, at most one picture's size outside of it.

    Raises ValueError for fewer than ``least``, for anything but numbers, and for points far outside.
    """
    if not isinstance(points, list) or len(points) < least:
        raise ValueError(f"expected at least {least} points x, y, got {str(points)[:60]}")
    checked = []
    for point in points:
        if not isinstance(point, list | tuple) or len(point) != 2:
            raise ValueError(f"expected points x, y, got {str(point)[:60]}")
        for value in point:
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"expected numbers as coordinates, got {str(value)[:30]}")
        x, y = float(point[0]), float(point[1])
        if not (-width <= x <= 2 * width and -height <= y <= 2 * height):
            raise ValueError(f"the point {x:g}, {y:g} is far outside the picture of {width} x {height}")
        checked.append((x, y))
    return checked
