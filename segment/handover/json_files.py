"""JSON that another team made: read with care, its numbers never believed."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

from _removal_support.limits import LARGEST_JSON_BYTES
from segment.handover.mask_error import MaskError

HIGHEST_SCORE = 1.5  # Segment-Anything's estimates pass 1 a little; they count as 1


def read_json(path: Path) -> Any:
    """The content of a JSON file, an object or a list.

    Raises FileNotFoundError, MaskError for anything else.
    """
    try:
        state = path.stat()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"JSON file not found: {path}") from error
    except OSError as error:
        raise MaskError(f"{path} cannot be read: {error.strerror or error}", "unreadable") from error
    if not stat.S_ISREG(state.st_mode):
        raise MaskError(f"{path}: expected a regular file, got a folder, a pipe or a device", "unreadable")
    if state.st_size > LARGEST_JSON_BYTES:
        most = LARGEST_JSON_BYTES / 1e9
        raise MaskError(f"{path} has {state.st_size / 1e9:.1f} GB, more than {most:.1f} GB", "unreadable")
    try:
        content = json.loads(path.read_bytes())
    except UnicodeDecodeError as error:
        raise MaskError(
            f"{path} is no JSON file: expected UTF-8 text, got byte {error.start} in another encoding: "
            "open it in an editor and save it as UTF-8",
            "unreadable",
        ) from error
    except (ValueError, RecursionError, OSError, MemoryError) as error:
        raise MaskError(f"{path} is no JSON file: {error}", "unreadable") from error
    if not isinstance(content, dict | list):
        kind = type(content).__name__
        raise MaskError(f"expected {path} to hold an object or a list, got {kind}", "unreadable")
    return content


def finite(value: Any) -> float | None:
    """A number of a JSON file as float; None for anything else: text, true, NaN, infinity, 10**400."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole_number(value: Any) -> int | None:
    """A whole number as JSON has it, 7 or 7.0; None for anything else."""
    number = finite(value)
    if number is None or number != int(number):
        return None
    return int(value)


def checked_size(height: Any, width: Any, max_pixels: int) -> tuple[int, int]:
    """Height and width in pixels as a JSON file states them; ValueError where they cannot be right."""
    rows, columns = whole_number(height), whole_number(width)
    if rows is None or columns is None or rows < 1 or columns < 1:
        raise ValueError(
            f"expected a height and width in pixels, got {shown(height, 20)} and {shown(width, 20)}"
        )
    if rows * columns > max_pixels:
        raise ValueError(f"it states {columns} x {rows} pixels, more than {max_pixels / 1e6:g} million")
    return rows, columns


def checked_score(value: Any) -> float:
    """A score as float, at most 1; ValueError for anything else."""
    number = finite(value)
    if number is None or not 0 <= number <= HIGHEST_SCORE:
        raise ValueError(f"expected a score from 0 to 1, got {shown(value, 30)}")
    return min(number, 1.0)


def check_points(points: Any, height: int, width: int, *, least: int = 1) -> list[tuple[float, float]]:
    """Points [[x, y], ...] in pixels, at most one picture's size outside of it.

    Raises TooFewPointsError for fewer than ``least``, ValueError for anything but numbers, and for points far
    outside.
    """
    if not isinstance(points, list):
        raise ValueError(f"expected at least {least} points x, y, got {shown(points)}")
    if len(points) < least:
        raise TooFewPointsError(f"expected at least {least} points x, y, got {shown(points)}")
    checked = []
    for point in points:
        if not isinstance(point, list | tuple) or len(point) != 2:
            raise ValueError(f"expected points x, y, got {shown(point)}")
        x, y = finite(point[0]), finite(point[1])
        if x is None or y is None:
            wrong = point[0] if x is None else point[1]
            raise ValueError(f"expected numbers as coordinates, got {shown(wrong, 30)}")
        if not (-width <= x <= 2 * width and -height <= y <= 2 * height):
            raise ValueError(f"the point {x:g}, {y:g} is far outside the picture of {width} x {height}")
        checked.append((x, y))
    return checked


class TooFewPointsError(ValueError):
    """An object that encloses nothing: leaving it out leaves nothing in the photo."""


def shown(value: Any, length: int = 60) -> str:
    """A value of a JSON file for a message, cut short; numbers that Python does not write out too."""
    try:
        return str(value)[:length]
    except ValueError:  # more than 4300 digits
        return "a number of thousands of digits"
    except RecursionError:
        return "something nested too deep"
