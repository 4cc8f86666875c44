"""Exemplar fill: multi-scale patch-based completion from the photo's own texture.

Follows Wexler et al. 2007 (coarse to fine, weighted voting, confidence from the hole's edge inwards), Barnes
et al. 2009 (the search), Newson et al. 2014 (onion-peel start, texture measures in the patch distance).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from _removal_support.progress import in_turn
from inpaint.exemplar.hypotheses import carried_down, downwards, guide_by, pick_level, picked
from inpaint.exemplar.lines import Edges, edges_around, find_lines
from inpaint.exemplar.matches import Matches
from inpaint.exemplar.planes import (
    MOST_MISFIT,
    MOST_PLANES,
    Fill,
    misfit_of,
    montage,
    on_a_plane,
    plane_fill,
    seams,
)
from inpaint.exemplar.poisson import assemble
from inpaint.exemplar.pyramid import Level, build_pyramid, halve
from inpaint.exemplar.settings import EFFORTS, ExemplarSettings, effort_in_words
from inpaint.exemplar.smooth import even_ground
from inpaint.exemplar.strips import with_strips
from inpaint.exemplar.turned import turned_fill
from inpaint.exemplar.vanishing import find_planes
from inpaint.exemplar.views import view_of
from inpaint.exemplar.warming import warm_up
from inpaint.inpainter import Effort, WindowInpainter, check_inputs


class ExemplarInpainter(WindowInpainter):
    """`exemplar`: fills with the photo's own texture, needs no weights."""

    name = "exemplar"
    may_overlap = True

    def __init__(
        self, *, seed: int = 0, effort: Effort = "normal", settings: ExemplarSettings | None = None
    ) -> None:
        """Choose the seed (the same seed gives the same pixels, on any number of threads) and the effort.

        settings: in place of those of the effort.
        """
        self.seed = seed
        words = effort_in_words(effort)
        self.settings = EFFORTS[effort] if settings is None else settings
        self.description = f"exemplar (multi-scale PatchMatch){words}, seed {seed}"

    def warm_up(self, say: Callable[[str], None] | None = None) -> None:
        """Have the kernels ready by the first fill."""
        warm_up(say)

    def fill_window(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None) -> np.ndarray:
        """Fill one window, see `complete`."""
        return complete(image, mask, protect=protect, seed=self.seed, settings=self.settings)


def complete(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    protect: np.ndarray | None = None,
    guide: np.ndarray | None = None,
    seed: int = 0,
    settings: ExemplarSettings = EFFORTS["normal"],
) -> np.ndarray:
    """Complete a hole with patches of the rest of the photo.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W), True = hole; empty gives a copy.
        protect: bool (H, W), True = never copied from; None = nothing.
        guide: uint8 (H, W, 3), a fill whose structure is right and whose detail is missing: the result keeps
            it as seen at a quarter of the size (`settings.guide_level`) and takes the detail from the photo.
            Only its pixels in the hole are read. None = the structure is made up too.
        seed: of the random search.
        settings: how the completion runs.

    Returns:
        uint8 (H, W, 3), equal to `image` outside the mask. Where no whole 7 x 7 patch is free of hole and
        `protect`, the guide, or OpenCV's Navier-Stokes fill where there is none.

    Raises:
        TypeError, ValueError: as `inpaint.inpainter.check_inputs` says, or the guide is not like the image.
    """
    check_inputs(image, mask, protect)
    if guide is not None and (guide.dtype != np.uint8 or guide.shape != image.shape):
        raise ValueError(f"expected a uint8 guide of shape {image.shape}, got {guide.dtype} {guide.shape}")
    if not mask.any():
        return image.copy()
    mask = np.ascontiguousarray(mask)
    bent = settings.arcs and guide is None
    edges = edges_around(image, mask, arcs=bent) if settings.line_weight > 0 else Edges()
    whole = mask
    if edges.arcs:
        image, mask = with_strips(image, whole, protect, edges.arcs)
        if not mask.any():
            return image
        if mask.sum() == whole.sum():  # none of them may be copied: their ends are left to the lines
            edges = edges_around(image, whole)
    lines = edges.lines
    levels = build_pyramid(image, mask, protect, coarsest_hole_px=settings.coarsest_hole_px)
    if not levels:
        return _without_sources(image, mask, guide)
    if guide is not None:
        guide_by(levels, lines)
        return _complete_guided(levels, guide, seed, settings)
    pick = pick_level(levels, settings)
    matches = picked(levels, pick, lines, seed, settings)
    turned = turned_fill(levels, matches, seed, settings) if settings.turned_px > 0 else None
    if turned is not None:
        return even_ground(turned, whole, protect, seed=seed) if settings.even_ground else turned
    copied, origin = carried_down(levels, matches, pick, seed, settings)
    filled = assemble(copied, mask, ~levels[0].blocked, origin)
    if settings.planes:
        filled = _with_planes(levels, edges.straight, filled, origin, seed, settings)
    return even_ground(filled, whole, protect, seed=seed) if settings.even_ground else filled


def _with_planes(
    levels: Sequence[Level],
    edges: np.ndarray,
    filled: np.ndarray,
    origin: np.ndarray,
    seed: int,
    settings: ExemplarSettings,
) -> np.ndarray:
    """The fill, with those parts of the hole that are better filled as part of a plane."""
    finest = levels[0]
    fills = [Fill(filled, seams(filled, finest.hole, origin))]
    on_plane = on_a_plane(settings)
    number = pick_level(levels, settings)
    found = find_planes(edges, finest.hole)[:MOST_PLANES]
    misfits = [misfit_of(plane, levels[number], 2**number, seed) for plane in found]
    for k in np.argsort(misfits, kind="stable")[: settings.planes]:
        if misfits[k] > MOST_MISFIT:
            break
        view = view_of(found[k], filled, finest.hole, finest.blocked)
        seen = build_pyramid(view.image, view.hole, view.barred, coarsest_hole_px=settings.coarsest_hole_px)
        if seen:
            pick = pick_level(seen, on_plane)
            matches = picked(seen, pick, find_lines(view.image, view.hole), seed, on_plane)
            copied, copied_from = carried_down(seen, matches, pick, seed, on_plane)
            flat = assemble(copied, view.hole, ~seen[0].blocked, copied_from)
            on_it = plane_fill(filled, view, flat, copied_from, misfits[k])
            if on_it is not None:
                fills.append(on_it)
    return montage(fills, finest.hole) if len(fills) > 1 else filled


def _complete_guided(
    levels: list[Level], guide: np.ndarray, seed: int, settings: ExemplarSettings
) -> np.ndarray:
    """Take one level from the guide as it is, find its patches in the photo, and carry their detail down."""
    settings = replace(settings, most_bias=0.0)  # the guide says how bright it is
    start = min(settings.guide_level, len(levels) - 1)
    guides = [guide]
    for _ in range(start):
        guides.append(halve(guides[-1]))
    matches = None
    for number in downwards(levels, start, 0):
        level = levels[number]
        matches = Matches(level, matches, seed=seed + 1000 * number, settings=settings)
        if number == start:
            level.image[level.hole] = guides[number][level.hole]
            for _ in range(matches.affordable(settings.fine_rounds)):
                matches.improve(texture_weight=0.0)
            matches.vote(settings.fine_bandwidth, colours_too=False)
            continue
        matches.vote(settings.fine_bandwidth)
        _keep_structure(level, guides[number], start - number)
        for _ in in_turn(range(matches.affordable(settings.fine_rounds))):
            matches.improve()
            matches.vote(settings.guide_bandwidth)
            _keep_structure(level, guides[number], start - number)
    return levels[0].image


def _keep_structure(level: Level, guide: np.ndarray, halvings: int) -> None:
    """Shift the hole's colours so that they are the guide's when shrunk by so many halvings."""
    height, width = level.hole.shape
    missing = (guide.astype(np.float32) - level.image) * level.hole[..., None]
    for _ in range(halvings):
        missing = halve(missing)
    missing = cv2.resize(missing, (width, height), interpolation=cv2.INTER_CUBIC)
    shifted = np.clip(np.rint(level.image + missing), 0, 255).astype(np.uint8)
    np.copyto(level.image, shifted, where=level.hole[..., None])


def _without_sources(image: np.ndarray, mask: np.ndarray, guide: np.ndarray | None) -> np.ndarray:
    if guide is not None:
        return np.where(mask[..., None], guide, image)
    return cv2.inpaint(np.ascontiguousarray(image), mask.astype(np.uint8), 5.0, cv2.INPAINT_NS)
