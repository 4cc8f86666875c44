"""What goes with the objects, piece by piece: each shadow, each thing carried, so that one can be left.

A piece is named by a point inside it and not by a number: it is still the same piece after more objects were
chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from removal.page.masks import StepError, outlines
from removal.page.tiles import bounds

if TYPE_CHECKING:
    from removal.pipeline import Hole

PARTS = ("object", "shadow", "attached")
WORKING_PX = 512  # long side at which pieces are told apart
REACH_PX = 3  # at that size: what is closer belongs together
SPECK_SHARE = 0.04  # of the largest piece: what is smaller is none of its own


@dataclass(frozen=True, eq=False)
class Piece:
    """part: one of PARTS. label: the class of a thing that was found; "" = none. mask: bool (H, W)."""

    part: str
    label: str
    mask: np.ndarray

    def record(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "label": self.label,
            "point": self.point(),
            "outlines": outlines(self.mask),
        }

    def point(self) -> list[int]:
        """[x, y] of the pixel that lies deepest inside."""
        top, left, bottom, right = bounds(self.mask)
        inside = self.mask[top:bottom, left:right].astype(np.uint8)
        depth = cv2.distanceTransform(
            cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3
        )
        row, col = np.unravel_index(int(depth[1:-1, 1:-1].argmax()), inside.shape)
        return [left + int(col), top + int(row)]


def pieces(hole: Hole) -> Iterator[Piece]:
    """The objects as one piece, then what goes with them; empty ones are left out."""
    for part in PARTS:
        area = hole.parts.get(part)
        if area is None or not area.any():
            continue
        if part == "object":
            yield Piece(part, "", area)
            continue
        things = hole.attached if part == "attached" else None
        known = [things.mask(index) for index in range(len(things))] if things is not None else []
        numbers, count = tell_apart(area, known)
        for number in range(1, count + 1):
            mask = area & (numbers == number)
            if mask.any():
                label = things.labels[number - 1] if things is not None and number <= len(known) else ""
                yield Piece(part, label, mask)


def tell_apart(area: np.ndarray, known: Sequence[np.ndarray]) -> tuple[np.ndarray, int]:
    """Which piece each pixel of an area belongs to.

    area: bool (H, W). known: bool (H, W) each, things that are a piece of their own, with the rim around.
    Returns int32 (H, W), 1 for the first known thing and so on, then the rest by what hangs together, and how
    many numbers there are. Every pixel of the area has one; outside they mean nothing.
    """
    height, width = area.shape
    scale = min(1.0, WORKING_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = _covered(area, size)
    numbers = np.zeros(small.shape, np.int32)
    for number, thing in enumerate(known, 1):
        numbers[_covered(thing & area, size) & (numbers == 0)] = number
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    for _ in range(2 * REACH_PX):
        grown = cv2.dilate(numbers.astype(np.float32), ellipse).astype(np.int32)
        numbers = np.where((numbers == 0) & small, grown, numbers)
    rest = small & (numbers == 0)
    near = cv2.dilate(rest.astype(np.uint8), np.ones((2 * REACH_PX - 1,) * 2, np.uint8))
    labelled, count = _without_specks(near)
    numbers = np.where(rest, labelled + len(known), numbers)
    large = cv2.resize(numbers.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
    large = large.astype(np.int32)
    # A pixel at the rim of a cell may be given the empty cell beside its own: the next piece takes it.
    lost = area & (large == 0)
    if lost.any():
        around = cv2.dilate(numbers.astype(np.float32), np.ones((3, 3)))
        spread = cv2.resize(around, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.int32)
        large[lost] = spread[lost]
    return large, len(known) + count


def _without_specks(region: np.ndarray) -> tuple[np.ndarray, int]:
    """The connected parts of a region, uint8 (h, w), numbered from 1, and how many there are; a part much
    smaller than the largest belongs to the one that is nearest."""
    count, labelled, stats, _ = cv2.connectedComponentsWithStats(region)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if count < 2:
        return labelled, 0
    kept = 1 + np.flatnonzero(areas >= SPECK_SHARE * areas.max())
    large = np.isin(labelled, kept)
    _, nearest = cv2.distanceTransformWithLabels(
        (~large).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    number_at = np.zeros(int(nearest.max()) + 1, np.int32)
    number_at[nearest[large]] = np.searchsorted(kept, labelled[large]) + 1
    return np.where(region > 0, number_at[nearest], 0), len(kept)


def _covered(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mask at a smaller size (width, height): True where a cell holds any of it."""
    return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0


def area_of(hole: Hole, step: Mapping[str, Any]) -> np.ndarray:
    """What a step of objects marks, bool (H, W): its `parts` (all where it names none), but for the pieces
    `without`, a list of {"part", "point"}. Raises StepError for a step that is not as described."""
    parts, without = step.get("parts", list(PARTS)), step.get("without", [])
    if not isinstance(parts, list) or not isinstance(without, list) or not all(map(_names_piece, without)):
        raise StepError("expected parts as a list of names, and without as a list of {part, point}")
    marked = np.zeros(hole.mask.shape, bool)
    if not without:
        for part in PARTS:
            if part in parts and part in hole.parts:
                marked |= hole.parts[part]
        return marked
    for piece in pieces(hole):
        if piece.part in parts and not any(_is(piece, one) for one in without):
            marked |= piece.mask
    return marked


def _is(piece: Piece, named: Mapping[str, Any]) -> bool:
    x, y = (int(value) for value in named["point"])
    height, width = piece.mask.shape
    return piece.part == named["part"] and 0 <= x < width and 0 <= y < height and bool(piece.mask[y, x])


def _names_piece(given: object) -> bool:
    if not isinstance(given, dict) or given.get("part") not in PARTS:
        return False
    point = given.get("point")
    return isinstance(point, list) and len(point) == 2 and all(type(value) in (int, float) for value in point)
