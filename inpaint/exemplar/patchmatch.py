"""Patch-based completion: nearest-neighbour search and voting.

Every result depends on its arguments only and not on the number of threads: random numbers are hashes of
(seed, sweep, target, draw), and a sweep runs over a fixed number of bands of targets, each of which reads
the field of the others as it was before the sweep.

A *target* is the centre of a patch that touches the hole, a *source* the centre of a patch that touches
neither the hole nor what is protected. The *field* gives each target its source. Arrays are contiguous and
of exactly the types named; the kernels are compiled for no others.
"""

from functools import partial

import numpy as np

from inpaint.exemplar.bands import in_bands

BANDS = 16
"""Of a sweep: another number gives other pixels."""
LEAST_TARGETS = 500
"""Fewer targets or pixels than this cost more to hand to another thread than to work off."""
LEAST_COMPARED = 20_000
"""The same, of pairs of a target and a candidate."""


def search(
    image: np.ndarray,
    texture: np.ndarray,
    lines: np.ndarray,
    targets: np.ndarray,
    index: np.ndarray,
    valid: np.ndarray,
    field: np.ndarray,
    cost: np.ndarray,
    *,
    seed: int,
    reach_px: int,
    texture_weight: float,
    near_weight: float,
) -> None:
    """One sweep of propagation and random search (Barnes et al. 2009, section 3.2), writing field and cost.

    Args:
        image: uint8 (H, W, 3).
        texture: uint8 (H, W, 2), texture measures.
        lines: float32 (N, 3), of each target's line the unit normal and the cost of a pixel off it, 0 = none.
        targets: int32 (N, 2), row and column, in raster order.
        index: int32 (H, W), number of the target at a pixel, -1 = none.
        valid: bool (H, W), True = source.
        field: int32 (N, 2), row and column of each target's source.
        cost: float32 (N,), set anew for each target.
        seed: of this sweep; odd ones run backwards.
        reach_px: radius that the random search starts with; it halves down to 1.
        texture_weight, near_weight: weights of the terms of the cost.
    """
    from inpaint.exemplar import patchmatch_kernels as kernels

    flat, before = image.reshape(len(image), -1), field.copy()
    weights = np.float32(texture_weight), np.float32(near_weight)

    sweep = partial(
        kernels.search,
        flat,
        texture,
        lines,
        targets,
        index,
        valid,
        before,
        field,
        cost,
        seed,
        reach_px,
        *weights,
        BANDS,
    )
    in_bands(sweep, BANDS, least=1 + BANDS * LEAST_TARGETS // max(1, len(targets)))


def vote(
    image: np.ndarray,
    texture: np.ndarray,
    holes: np.ndarray,
    index: np.ndarray,
    field: np.ndarray,
    cost: np.ndarray,
    confidence: np.ndarray,
    bandwidth: float,
) -> tuple[np.ndarray, np.ndarray]:
    """New colours of the hole from all patches that cover a pixel (Wexler et al. 2007, section 3.2).

    The scale of the weights is the mean cost of those patches and not the least: the least would let flat
    patches, whose costs are low everywhere, outvote textured ones and grow.

    Args:
        image: uint8 (H, W, 3).
        texture: uint8 (H, W, 2).
        holes: int32 (M, 2), the hole's pixels.
        index, field, cost: as for `search`.
        confidence: float32 (N,), weight of each target's patch.
        bandwidth: share of the mean cost by which a patch must be dearer to count e times less.

    Returns:
        uint8 (M, 3) and uint8 (M, 2), colours and texture measures of the hole's pixels.
    """
    from inpaint.exemplar import patchmatch_kernels as kernels

    colours = np.empty((len(holes), 3), np.uint8)
    textures = np.empty((len(holes), 2), np.uint8)
    sharpness = np.float32(bandwidth)

    sum_up = partial(
        kernels.vote, image, texture, holes, index, field, cost, confidence, sharpness, colours, textures
    )
    in_bands(sum_up, len(holes), least=LEAST_TARGETS)
    return colours, textures


def match_known(
    image: np.ndarray,
    known: np.ndarray,
    lines: np.ndarray,
    targets: np.ndarray,
    candidates: np.ndarray,
    near_weight: float,
    least_far: float = 0.0,
) -> np.ndarray:
    """Best source of each target over the pixels already known, among all candidates.

    Args:
        image: uint8 (H, W, 3).
        known: bool (H, W), True = the pixel may be compared.
        lines, near_weight: as for `search`.
        targets: int32 (N, 2).
        candidates: int32 (K, 2), sources.
        least_far: nearer candidates are passed over, in pixels.

    Returns:
        int32 (N, 2), row and column of the sources.
    """
    from inpaint.exemplar import patchmatch_kernels as kernels

    field, flat = np.zeros_like(targets), image.reshape(len(image), -1)
    numbers = np.float32(near_weight), np.float32(least_far)

    compare = partial(kernels.match_known, flat, known, lines, targets, candidates, *numbers, field)
    in_bands(compare, len(targets), least=1 + LEAST_COMPARED // max(1, len(candidates)))
    return field


def best_origins(holes: np.ndarray, index: np.ndarray, field: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Where each hole pixel's colour comes from in the cheapest patch that covers it: the sharp last pass.

    Args:
        holes, index, field, cost: as for `vote`.

    Returns:
        int32 (M, 2), row and column.
    """
    from inpaint.exemplar import patchmatch_kernels as kernels

    origin = np.empty((len(holes), 2), np.int32)

    in_bands(
        partial(kernels.best_origins, holes, index, field, cost, origin), len(holes), least=10 * LEAST_TARGETS
    )
    return origin
