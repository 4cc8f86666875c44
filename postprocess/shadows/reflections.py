"""Reflections in shiny floors and water: the object again, upside down below it, paler and blurred."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from postprocess.shadows.ground import DARK_OFFSET, Surroundings

LEAST_DEPTH = 0.25
"""Reflections less deep than this share of the object's size are not told from its rim or its shadow."""
FARTHEST_LINE = 0.08
"""How far below the contact the mirror's line is looked for, as a share of the object's size."""
LEAST_AGREEMENT, LEAST_BLURRED = 0.58, 0.6
"""Correlations from which on the floor is held for a mirror, as the photo shows it and with the blur of a
floor that is not quite even."""
BLUR = (0.02, 0.06)
"""That blur, sideways and upwards, as shares of the object's size."""
LEAST_SIZE_PX = 30.0
"""Of smaller objects the photo shows too little to tell."""
NEARLY = 0.95
"""The reflection ends at the last row down to which they agree nearly as well as anywhere."""
STRENGTHS = (0.08, 0.6)
"""A floor that shows less of the object's contrast is no mirror; one that shows more is the object itself."""


@dataclass(frozen=True, eq=False)
class Reflection:
    """mask: bool (h, w) of the surroundings. agreement: -1 to 1, correlation of the floor with the mirrored
    object. strength: how much of the object's contrast the floor shows."""

    mask: np.ndarray
    agreement: float
    strength: float


def find_reflection(around: Surroundings) -> Reflection | None:
    """The best reflection of an object in the ground below it; None where there is none, or no room for one.

    The floor below the mirror's line is taken for its own colour in each row, g, plus a share of what the
    mirrored object differs from it: I = g + a (O - g). Each line near the contact is tried; the rows down to
    which floor and mirrored object agree nearly best are the reflection. An object that the photo cuts off is
    not known well enough.
    """
    if around.cut > 0 or around.size_px < LEAST_SIZE_PX or _is_cut_off(around):
        return None
    sharp = _best_line(around)
    if sharp is None or sharp.agreement < LEAST_AGREEMENT:
        return None
    found = _best_line(_blurred(around))
    return found if found is not None and found.agreement >= LEAST_BLURRED else None


def _is_cut_off(around: Surroundings) -> bool:
    held = around.frame & around.mine
    return bool(held[:, :2].any() or held[:, -2:].any() or held[:2].any())


def _blurred(around: Surroundings) -> Surroundings:
    """The same, blurred like a floor's reflection: the object and the ground each for itself."""
    sideways, upwards = (share * around.size_px for share in BLUR)
    levels = np.exp(around.log_light)
    for part in (around.mine, around.free):
        weight = part.astype(np.float32)
        total = cv2.GaussianBlur(levels * weight[..., None], (0, 0), sideways, sigmaY=upwards)
        share = cv2.GaussianBlur(weight, (0, 0), sideways, sigmaY=upwards)
        mean = total / np.maximum(share, 1e-2)[..., None]
        levels = np.where(part[..., None], mean, levels)
    return replace(around, log_light=np.log(np.maximum(levels, DARK_OFFSET)).astype(np.float32))


def _best_line(around: Surroundings) -> Reflection | None:
    levels = np.exp(around.log_light) - np.float32(DARK_OFFSET)
    columns = np.nonzero(around.mine.any(axis=0))[0]
    margin = int(0.3 * around.size_px) + 2
    window = slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1)
    least = max(4, int(LEAST_DEPTH * around.size_px))
    first = int(around.contact_row) + 1
    best: Reflection | None = None
    for line in range(first, first + int(around.rim_px + FARTHEST_LINE * around.size_px) + 1):
        depth = min(len(levels) - line, line)
        if depth < least:
            break
        found = _at_line(around, levels, window, line, depth, least)
        if found is not None and (best is None or found.agreement > best.agreement):
            best = found
    return best


def _at_line(
    around: Surroundings, levels: np.ndarray, window: slice, line: int, depth: int, least: int
) -> Reflection | None:
    below, above = slice(line, line + depth), slice(line - depth, line)
    floor, valid = levels[below, window], around.beyond[below, window]
    image, mirrored = levels[above, window][::-1], around.mine[above, window][::-1] & valid
    open_floor = (valid & ~mirrored).astype(np.float32)
    room = open_floor.sum(axis=1)
    rows = int(np.argmax(room < 4)) if (room < 4).any() else depth
    if rows < least:
        return None
    colour = (floor * open_floor[..., None]).sum(axis=1) / np.maximum(room, 1)[:, None]
    seen = (floor - colour[:, None]) * valid[..., None]
    told = (image - colour[:, None]) * mirrored[..., None]
    both = (seen * told).sum(axis=(1, 2))[:rows]
    seen_power, told_power = ((part**2).sum(axis=(1, 2))[:rows] for part in (seen, told))
    agreement = np.cumsum(both) / np.sqrt(np.cumsum(seen_power) * np.cumsum(told_power) + 1)
    closest = float(agreement[least - 1 :].max())
    if closest <= 0:
        return None
    enough = NEARLY * closest
    last = int(np.nonzero((agreement >= enough) & (np.arange(rows) >= least - 1))[0][-1])
    mask = np.zeros_like(around.mine)
    mask[line : line + last + 1, window] = mirrored[: last + 1]
    strength = float(both[: last + 1].sum() / max(told_power[: last + 1].sum(), 1.0))
    if not STRENGTHS[0] <= strength <= STRENGTHS[1]:
        return None
    return Reflection(mask, float(agreement[last]), strength)
