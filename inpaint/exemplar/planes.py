"""Planes seen in perspective: filled as if seen from the front, where patches fit that are smaller or
larger in the photo, and taken for those parts of the hole that get fewer seams by it.

After Huang et al. 2014, "Image completion using planar structure guidance". They search all planes together;
here each plane is a fill of its own, and a graph cut chooses (Agarwala et al. 2004, "Interactive digital
photomontage").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from inpaint.exemplar.patchmatch import search
from inpaint.exemplar.poisson import assemble
from inpaint.exemplar.pyramid import SIDE, Level, build_pyramid
from inpaint.exemplar.settings import ExemplarSettings
from inpaint.exemplar.shift_maps import INVALID, neighbours
from inpaint.exemplar.vanishing import Plane
from inpaint.exemplar.views import View, on_view, sampled, view_of

MOST_MISFIT = 0.57
"""A plane is filled when it explains what is beside the hole so much better than the photo as it is does."""
MOST_MAGNIFIED = 1.25
"""A fill whose pixels are magnified more than this, in the median, is a blur, and blurs have few seams."""
NEAR_WEIGHT = 30.0
"""Cost of a source one pixel farther away, on a plane."""
SWEEPS, TEST_SWEEPS = 2, 8
MOST_PLANES = 4
"""So many are compared with the photo."""
LEAST_SHARE, LEAST_RING_SHARE, LEAST_PATCHES = 0.3, 0.15, 60
"""So much of a hole, and of the patches beside it, is on a plane that is tried."""
NOISE = 16.0 * SIDE * SIDE * 3
"""Cost of a patch that nobody could tell from the right one."""


@dataclass(frozen=True)
class Fill:
    """A fill of the hole and where it shows.

    Attributes:
        image: uint8 (H, W, 3).
        seams: float32 (H, W), in the hole how far the pieces that meet there differ, INVALID where it has
            nothing to offer.
    """

    image: np.ndarray
    seams: np.ndarray


def seams(image: np.ndarray, mask: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """How far pieces that meet differ from what each would go on with.

    Args:
        image: uint8 (H, W, 3), the hole filled.
        mask: bool (H, W), True = hole.
        origin: int32 (M, 2), row and column that each hole pixel is copied from.

    Returns:
        float32 (H, W), levels, in the hole the half of each seam with another hole pixel and the whole of
        each with a known one; 0 elsewhere.
    """
    height, width = mask.shape
    shift = np.zeros((height, width, 2), np.int32)
    holes = np.argwhere(mask)
    shift[mask] = origin - holes
    colours = image.astype(np.float32)
    total = np.zeros((height, width), np.float32)
    for step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        ours = holes
        theirs = ours + step
        inside = ((theirs >= 0) & (theirs < (height, width))).all(axis=1)
        ours, theirs = ours[inside], theirs[inside]
        a, b = shift[ours[:, 0], ours[:, 1]], shift[theirs[:, 0], theirs[:, 1]]
        met = (a != b).any(axis=1)
        ours, theirs, a, b = ours[met], theirs[met], a[met], b[met]
        known = ~mask[theirs[:, 0], theirs[:, 1]]
        gap = np.zeros(len(ours), np.float32)
        for point in (ours, theirs):
            one, other = (np.clip(point + way, 0, (height - 1, width - 1)) for way in (a, b))
            apart = colours[one[:, 0], one[:, 1]] - colours[other[:, 0], other[:, 1]]
            gap += np.sqrt(np.einsum("nc,nc->n", apart, apart))
        total[ours[:, 0], ours[:, 1]] += np.where(known, 1.0, 0.5) * gap
    return total


def on_a_plane(settings: ExemplarSettings) -> ExemplarSettings:
    """How a plane is filled: in less time than the photo, which is filled as well; and what repeats on a
    plane repeats far away."""
    return replace(
        settings, near_weight=NEAR_WEIGHT, hypotheses=1, shift_maps=0, fine_rounds=3, bounded_targets=8000
    )


def plane_fill(
    image: np.ndarray, view: View, assembled: np.ndarray, origin: np.ndarray, misfit: float
) -> Fill | None:
    """A fill of the photo by a fill of a plane; None where that would only magnify what is far away.

    Args:
        image: uint8 (H, W, 3), the photo.
        view: of the plane.
        assembled: uint8 (h, w, 3), the view filled.
        origin: int32 (M, 2), row and column in the view that each of its hole's pixels is copied from.
        misfit: see `misfit_of`; seams count as much less as the plane explains the photo better.
    """
    shift = np.zeros((*view.hole.shape, 2), np.float32)
    shift[view.hole] = origin - np.argwhere(view.hole)
    changed = np.zeros(assembled.shape, np.float32)
    changed[view.hole] = assembled[view.hole].astype(np.float32) - view.image[origin[:, 0], origin[:, 1]]
    at = np.nonzero(view.inside)
    here = view.points(np.stack(at, axis=1))
    nearest = np.rint(here).astype(int).clip(0, np.array(view.hole.shape) - 1)
    there = view.plane.pixels(here + view.low + shift[nearest[:, 0], nearest[:, 1]])
    nearness = view.plane.nearness(np.stack(at, axis=1)) / view.plane.nearness(there)
    if np.median(nearness) > MOST_MAGNIFIED:
        return None
    colours = sampled(image, there, cv2.INTER_CUBIC).astype(np.float32)
    colours += sampled(changed, here)
    result, cost = image.copy(), np.full(view.inside.shape, INVALID, np.float32)
    result[at] = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    cost[at] = np.sqrt(misfit) * sampled(seams(view.image, view.hole, origin), here)
    return Fill(result, cost)


def misfit_of(plane: Plane, level: Level, scale: int, seed: int) -> float:
    """How much worse what is known around a hole is found again elsewhere on a plane, seen from the front,
    than in the photo as it is.

    Args:
        plane: in pixels of the photo.
        level: of the photo.
        scale: pixels of the photo for one of the level.
        seed: of the search.

    Returns:
        The ratio of the mean costs of the patches beside the hole: 1 = neither explains it better; infinite
        where too little is seen on the plane, or nothing on it may be copied.
    """
    here = Plane((plane.centre + 0.5) / scale - 0.5, plane.tilt * scale)
    view = view_of(here, level.image, level.hole, level.blocked)
    if np.count_nonzero(view.inside) < LEAST_SHARE * np.count_nonzero(level.hole):
        return np.inf
    flat = build_pyramid(view.image, view.hole, view.barred, coarsest_hole_px=np.inf)
    if not flat:
        return np.inf
    ring = _ring(level)
    on_plane = flat[0].valid & (sampled(ring.astype(np.float32), view.source) > 0.5)
    pixels = np.argwhere(ring)
    there = np.rint(view.points(pixels))
    seen = on_view(here, pixels) & ((there >= 0) & (there < on_plane.shape)).all(axis=1)
    pixels, there = pixels[seen], there[seen].astype(int)
    seen = on_plane[there[:, 0], there[:, 1]]
    pixels, there = pixels[seen], there[seen]
    if len(pixels) < LEAST_RING_SHARE * np.count_nonzero(ring) or len(pixels) < LEAST_PATCHES:
        return np.inf
    in_photo, on_it = _found_again(level, ring, seed), _found_again(flat[0], on_plane, seed)
    if in_photo is None or on_it is None:
        return np.inf
    costs = [found[at[:, 0], at[:, 1]] for found, at in ((on_it, there), (in_photo, pixels))]
    return float((costs[0] + NOISE).mean() / (costs[1] + NOISE).mean())


def _ring(level: Level) -> np.ndarray:
    """bool (h, w): the sources beside a hole, half as wide as the hole is thick."""
    away = cv2.distanceTransform((~level.hole).astype(np.uint8), cv2.DIST_L2, 3)
    thick = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3).max()
    ring: np.ndarray = level.valid & (away <= SIDE + thick)
    return ring


def _found_again(level: Level, ring: np.ndarray, seed: int) -> np.ndarray | None:
    """float32 (h, w): what the patches of a ring differ from the most similar ones outside of it; None where
    there is nothing to compare."""
    outside = level.valid & ~(cv2.dilate(ring.astype(np.uint8), np.ones((2 * SIDE + 1,) * 2, np.uint8)) > 0)
    result = np.zeros(ring.shape, np.float32)
    sources = np.argwhere(outside)
    targets = np.argwhere(ring).astype(np.int32, order="C")
    if len(sources) == 0 or len(targets) == 0:
        return None
    index = np.full(ring.shape, -1, np.int32)
    index[targets[:, 0], targets[:, 1]] = np.arange(len(targets))
    field = sources[np.random.default_rng(seed).integers(0, len(sources), len(targets))].astype(
        np.int32, order="C"
    )
    cost = np.zeros(len(targets), np.float32)
    lines = np.zeros((len(targets), 3), np.float32)
    fixed = level.image, level.texture, lines, targets, index, outside, field, cost
    reach = max(ring.shape) // 2
    for sweep in range(TEST_SWEEPS):
        search(*fixed, seed=seed + sweep, reach_px=reach, texture_weight=0.0, near_weight=0.0)
    result[targets[:, 0], targets[:, 1]] = cost
    return result


def montage(fills: Sequence[Fill], mask: np.ndarray) -> np.ndarray:
    """The parts of several fills that show least, their joins evened.

    Args:
        fills: of the same photo; the first is that of the photo as it is.
        mask: bool (H, W), True = hole.

    Returns:
        uint8 (H, W, 3).
    """
    from inpaint.exemplar import max_flow

    height = len(mask)
    holes = np.argwhere(mask).astype(np.int32, order="C")
    at = holes[:, 0], holes[:, 1]
    stack = np.concatenate([fill.image for fill in fills])
    shifts = np.array([(number * height, 0) for number in range(len(fills))], np.int32)
    unary = np.stack([fill.seams[at] for fill in fills])
    labels = np.zeros(len(holes), np.int32)
    max_flow.expand(stack, holes, neighbours(mask), shifts, unary, labels, SWEEPS)
    if not labels.any():
        return fills[0].image
    origin = holes + shifts[labels] + np.array([height, 0], np.int32)
    joined = np.concatenate([fills[0].image, stack])
    joined[at] = joined[origin[:, 0], origin[:, 1]]
    whole = np.zeros(joined.shape[:2], bool)
    whole[:height] = mask
    evened: np.ndarray = assemble(joined, whole, np.ones_like(whole), origin)[:height]
    return evened
