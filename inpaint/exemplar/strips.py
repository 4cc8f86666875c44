"""The strip along an arc in a hole, copied from the same edge outside of it and bent to fit (Sun et al. 2005
propagate structure along curves in this way). What is not bent cannot be copied by translation: the edge of
a disc has a direction in the hole that it has nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from inpaint.exemplar.arcs import Arc

HALF_PX = 4
"""A strip reaches so far to each side."""
RIM_PX, ALIKE_LEVELS = 1.0, 40.0
"""It reaches only so far to a side whose colours at both ends differ by more than this, a channel: what lies
behind a rim may have changed."""
PART_PX = 512
"""So many pixels are compared with an arc at a time."""
SHORTEST_SOURCE_PX, LONGEST_SOURCE_PX, SKIPPED_PX = 8, 48, 2
"""So much of the edge outside is copied from, without that next to the hole."""


def with_strips(
    image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None, arcs: Sequence[Arc]
) -> tuple[np.ndarray, np.ndarray]:
    """The photo with the strips along arcs in the hole, and what is left to fill.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W), True = hole.
        protect: bool (H, W), True = never copied from; None = nothing.
        arcs: see `arcs.find_arcs`, in pixels of this photo.

    Returns:
        uint8 (H, W, 3) and bool (H, W); what was given where there is no arc.
    """
    barred = mask if protect is None else mask | protect
    barred = cv2.dilate(barred.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # what cubic sampling reads
    nearest = np.full(mask.shape, HALF_PX + 0.5)
    painted = image.copy()
    for arc in arcs:
        sources = [_straightened(image, barred, rim) for rim in (arc.before, arc.after)]
        if sources[0] is not None and sources[1] is not None:
            strip = _strip(sources[0], sources[1], len(arc.way))
            _paint(painted, nearest, mask, arc.way, strip, _reach(sources[0], sources[1]))
    return painted, mask & (nearest > HALF_PX)


def _straightened(image: np.ndarray, barred: np.ndarray, rim: np.ndarray) -> np.ndarray | None:
    """float32 (2 * HALF_PX + 3, N, 3): an edge and what is beside it, from the hole outwards, from right to
    left of it as seen from the hole; None = not all of it may be copied."""
    points = rim[SKIPPED_PX:]
    along = np.gradient(points, axis=0)
    along = cv2.blur(along, (1, 5), borderType=cv2.BORDER_REPLICATE)
    along /= np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None]
    normal = np.stack([-along[:, 1], along[:, 0]], -1)
    across = np.arange(-HALF_PX - 1, HALF_PX + 2)
    places = (points[None] + across[:, None, None] * normal[None]).astype(np.float32)
    high = np.array(barred.shape) - 1
    rounded = np.rint(places).astype(int).clip(0, high)
    free = ~barred[rounded[..., 0], rounded[..., 1]].any(axis=0)
    free &= ((places >= 0) & (places <= high)).all(axis=(0, 2))
    changes = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]])))
    runs = [(first, stop) for first, stop in changes.reshape(-1, 2) if stop - first >= SHORTEST_SOURCE_PX]
    if not runs:
        return None
    first, stop = runs[0]
    places = places[:, first : min(stop, first + LONGEST_SOURCE_PX)]
    return cv2.remap(image.astype(np.float32), places[..., 1], places[..., 0], cv2.INTER_CUBIC)


def _reach(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """How far a strip reaches to the right and to the left, seen along the way, in pixels."""
    apart = np.abs(before[::-1].mean(axis=1) - after.mean(axis=1)).mean(axis=1)
    sides = apart[1:HALF_PX], apart[HALF_PX + 3 : -1]
    right, left = (HALF_PX if side.mean() <= ALIKE_LEVELS else RIM_PX for side in sides)
    return right, left


def _strip(before: np.ndarray, after: np.ndarray, length: int) -> np.ndarray:
    """float32 (2 * HALF_PX + 3, length, 3): from the one source to the other, each mirrored as often as
    is needed, with colours that go over from those of the one to those of the other."""
    before = before[::-1]  # the way leads into the hole and out of it
    share = ((np.arange(length) + 0.5) / length)[None, :, None]
    profiles = [source.mean(axis=1, keepdims=True) for source in (before, after)]
    wanted = (1 - share) * profiles[0] + share * profiles[1]
    halves = []
    for source, profile in zip((before, after), profiles, strict=True):
        count = source.shape[1]
        order = np.arange(length) % (2 * count)
        halves.append((source - profile)[:, np.minimum(order, 2 * count - 1 - order)])
    detail = np.where(share < 0.5, halves[0], halves[1][:, ::-1])
    strip: np.ndarray = (wanted + detail).astype(np.float32)
    return strip


def _paint(
    painted: np.ndarray,
    nearest: np.ndarray,
    mask: np.ndarray,
    way: np.ndarray,
    strip: np.ndarray,
    reach: tuple[float, float],
) -> None:
    """Bend a strip along a way; where two meet, each pixel is of the edge that is nearer."""
    band = np.zeros(mask.shape, np.uint8)
    cv2.polylines(band, [np.rint(way[:, ::-1]).astype(np.int32)], False, 1, 2 * HALF_PX + 5)
    pixels = np.argwhere((band > 0) & mask)
    if len(pixels) == 0:
        return
    along = np.gradient(way, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None]
    parts = np.array_split(pixels.astype(np.float32), -(-len(pixels) // PART_PX))
    index = np.concatenate([((part[:, None] - way) ** 2).sum(axis=2).argmin(axis=1) for part in parts])
    apart = pixels - way[index]
    ahead = along[index]
    beyond = (apart * ahead).sum(axis=1)
    offset = apart[:, 1] * ahead[:, 0] - apart[:, 0] * ahead[:, 1]  # to the left, seen along the way
    inside = ~(((index == 0) & (beyond < -1)) | ((index == len(way) - 1) & (beyond > 1)))
    nearer = (
        inside
        & (np.abs(offset) < nearest[pixels[:, 0], pixels[:, 1]])
        & (-reach[0] <= offset)
        & (offset <= reach[1])
    )
    rows, columns = pixels[nearer].T
    at_row = (offset[nearer] + HALF_PX + 1).astype(np.float32)
    at_column = (index[nearer] + beyond[nearer]).clip(0, len(way) - 1).astype(np.float32)
    values = cv2.remap(strip, at_column[:, None], at_row[:, None], cv2.INTER_LINEAR)[:, 0]
    painted[rows, columns] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    nearest[rows, columns] = np.abs(offset[nearer])
