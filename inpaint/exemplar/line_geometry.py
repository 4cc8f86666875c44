"""Lines inside a hole and where they meet. Points are (y, x), in pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Line:
    """A line inside the hole.

    Attributes:
        start, end: float64 (2,), y and x in pixels of the photo.
        weight: at the start, 0 to 1.
        fading: whether the weight falls to nothing at the end.
    """

    start: np.ndarray
    end: np.ndarray
    weight: float
    fading: bool = False


def reach_of(point: np.ndarray, direction: np.ndarray, line: Line) -> float | None:
    """How far a ray goes until it meets a line; None = it does not."""
    along = line.end - line.start
    turn = cross(direction, along)
    if abs(turn) < 0.1 * np.linalg.norm(along):
        return None
    apart = line.start - point
    reach, share = cross(apart, along) / turn, cross(apart, direction) / turn
    return float(reach) if reach > 0 and 0 <= share <= 1 else None


def cross_each_other(one: Line, other: Line) -> bool:
    """Whether a line runs through another, away from its own ends."""
    along = one.end - one.start
    length = float(np.linalg.norm(along))
    if length < 1e-6:
        return False
    reach = reach_of(one.start, along / length, other)
    return reach is not None and 1 < reach < length - 1


def share_inside(mask: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """The share of the way between two points that is in the hole."""
    steps = np.linspace(0, 1, int(np.linalg.norm(end - start)) + 2)
    return float(mask_at(mask, start + steps[:, None] * (end - start), outside=False).mean())


def mask_at(mask: np.ndarray, points: np.ndarray, *, outside: bool) -> np.ndarray:
    """bool (N,): the mask at float (N, 2) points; `outside` is what there is beyond the photo."""
    rounded = np.rint(points).astype(int)
    within = ((rounded >= 0) & (rounded < mask.shape)).all(axis=1)
    rounded[~within] = 0
    values: np.ndarray = np.where(within, mask[rounded[:, 0], rounded[:, 1]], outside)
    return values


def cross(a: np.ndarray, b: np.ndarray) -> float:
    """Of two vectors: the sine of the angle between them times their lengths."""
    return float(a[0] * b[1] - a[1] * b[0])
