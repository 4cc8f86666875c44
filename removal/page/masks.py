"""The mask that the page describes: objects taken, strokes, areas and clicks, in photo coordinates.

The page never draws at full size: it sends steps, and the mask is made here. Steps are applied in order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from _removal_support.errors import RemovalError

MOST_STEPS = 2000
MOST_POINTS = 200_000  # of all steps together
MOST_PX = 200_000  # no coordinate lies farther away
SHIFT = 4  # bits of a pixel's fraction that OpenCV draws with


class StepError(RemovalError, ValueError):
    """A step of a mask that cannot be drawn."""


Finder = Callable[[Mapping[str, Any]], np.ndarray]


def draw(steps: object, height: int, width: int, *, finders: Mapping[str, Finder]) -> np.ndarray:
    """The mask of the steps, bool (H, W).

    Args:
        steps: a list of mappings with a "kind": "brush" (points, size_px), "lasso" (points), "box" (points:
            two corners), "grow" and "shrink" (px), "invert", "clear", or a kind of `finders`. "erase": true
            takes the area out of the mask instead of adding it.
        height, width: of the photo, in pixels.
        finders: kind -> what gives the step's area, bool (H, W).

    Raises:
        StepError: a step is not as described, or there are too many.
    """
    if not isinstance(steps, list) or len(steps) > MOST_STEPS:
        raise StepError(f"expected a list of at most {MOST_STEPS} steps")
    mask = np.zeros((height, width), np.uint8)
    left = MOST_POINTS
    for step in steps:
        if not isinstance(step, dict) or not isinstance(step.get("kind"), str):
            raise StepError("expected each step as an object with a kind")
        kind = step["kind"]
        if kind in finders:
            area = finders[kind](step)
            mask[area] = 0 if step.get("erase") is True else 1
        elif kind in ("grow", "shrink"):
            mask = _resized(mask, number(step, "px", 1, 500), grow=kind == "grow")
        elif kind == "invert":
            mask = 1 - mask
        elif kind == "clear":
            mask[:] = 0
        else:
            points = points_of(step, left)
            left -= len(points)
            _draw_shape(mask, kind, points, step)
    return mask.astype(bool)


def points_of(step: Mapping[str, Any], most: int = MOST_POINTS) -> np.ndarray:
    """The step's points, float64 (N, 2), x then y in pixels of the upright photo, from its corner; N >= 1."""
    points = step.get("points")
    if not isinstance(points, list) or not 1 <= len(points) <= most:
        raise StepError("expected points as a list of [x, y]")
    for point in points:
        if not (isinstance(point, list) and len(point) == 2 and all(map(_is_number, point))):
            raise StepError("expected each point as [x, y], two numbers within reach of the photo")
    return np.array(points, np.float64)


def number(step: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value = step.get(name)
    if not isinstance(value, int | float) or not _is_number(value) or not least <= value <= most:
        raise StepError(f"expected {name} from {least:g} to {most:g}")
    return float(value)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) <= MOST_PX
    )


def _draw_shape(mask: np.ndarray, kind: str, points: np.ndarray, step: Mapping[str, Any]) -> None:
    value = 0 if step.get("erase") is True else 1
    fixed = np.round((points - 0.5) * (1 << SHIFT)).astype(np.int32)  # OpenCV counts from pixels' centres
    if kind == "brush":
        size_px = number(step, "size_px", 1, 5000)
        radius = max(1, round(size_px / 2 * (1 << SHIFT)))
        for point in (fixed[0], fixed[-1]):
            cv2.circle(mask, tuple(int(v) for v in point), radius, value, -1, cv2.LINE_8, SHIFT)
        if len(fixed) > 1:
            cv2.polylines(mask, [fixed], False, value, max(1, round(size_px)), cv2.LINE_8, SHIFT)
    elif kind == "lasso":
        if len(points) >= 3:
            cv2.fillPoly(mask, [fixed], value, cv2.LINE_8, SHIFT)
    elif kind == "box":
        if len(points) != 2:
            raise StepError("expected a box as two points, two of its corners")
        (left, top), (right, bottom) = np.clip(
            np.sort(points, axis=0).round().astype(int), 0, [mask.shape[1], mask.shape[0]]
        )
        mask[top:bottom, left:right] = value
    else:
        raise StepError(f"expected a known kind of step, got {kind[:40]!r}")


def _resized(mask: np.ndarray, px: float, *, grow: bool) -> np.ndarray:
    """The mask with its outline moved by `px` pixels, by distance."""
    distance = cv2.distanceTransform(1 - mask if grow else mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (distance <= px if grow else distance > px).astype(np.uint8)


def outlines(mask: np.ndarray, *, tolerance_px: float = 1.0) -> list[list[list[int]]]:
    """Outlines of a mask for drawing, each a list of [x, y]; holes are outlines of their own."""
    found, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    simple: Sequence[np.ndarray] = [cv2.approxPolyDP(contour, tolerance_px, True) for contour in found]
    return [contour[:, 0].tolist() for contour in simple if len(contour) >= 3]
