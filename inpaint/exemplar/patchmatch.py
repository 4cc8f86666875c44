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
from inpaint.exemplar.palette import ANYWHERE, Prices

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
    most_bias: float = 0.0,
    bias_cost: float = 0.0,
    prices: Prices = ANYWHERE,
    own: tuple[int, int] | None = None,
    turned_px: float = 0.0,
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
        most_bias: a source may be brighter or darker all over by up to so many levels, in each channel by
            itself (Darabi et al. 2012, section 3); 0 = colours as they are.
        bias_cost: what a squared level of it costs, of what it would cost as a difference.
        prices: of the sources' colours.
        own: rows and columns that the photo itself has, beyond which it is turned; None = all.
        turned_px: how far turned sources count as lying away; they pay nothing for lines.
    """
    from inpaint.exemplar import patchmatch_kernels as kernels

    flat, before = image.reshape(len(image), -1), field.copy()
    numbers = texture_weight, near_weight, most_bias, bias_cost, turned_px
    weights = tuple(np.float32(number) for number in numbers)

    sweep = partial(
        kernels.search,
        flat,
        texture,
        lines,
        tuple(prices),
        targets,
        index,
        valid,
        before,
        field,
        cost,
        seed,
        reach_px,
        own or valid.shape,
        weights,
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
    bias: np.ndarray | None = None,
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
        bias: float32 (N, 3), what is added to the colours of each target's source; None = nothing.

    Returns:
        uint8 (M, 3) and uint8 (M, 2), colours and texture measures of the hole's pixels.
    """
    from inpaint.exemplar import patchmatch_kernels as kernels

    colours = np.empty((len(holes), 3), np.uint8)
    textures = np.empty((len(holes), 2), np.uint8)
    bias = np.zeros((0, 3), np.float32) if bias is None else bias
    weights = confidence, bias, np.float32(bandwidth)

    sum_up = partial(kernels.vote, image, texture, holes, index, field, cost, *weights, colours, textures)
    in_bands(sum_up, len(holes), least=LEAST_TARGETS)
    return colours, textures


def biases(image: np.ndarray, targets: np.ndarray, field: np.ndarray, most_bias: float) -> np.ndarray:
    """What is to be added to each target's source so that both patches are as bright, within bounds.

    Args:
        image: uint8 (H, W, 3).
        targets, field: as for `search`.
        most_bias: levels.

    Returns:
        float32 (N, 3).
    """
    from inpaint.exemplar import patchmatch_kernels as kernels

    bias, flat = np.empty((len(targets), 3), np.float32), image.reshape(len(image), -1)

    measure = partial(kernels.biases, flat, targets, field, np.float32(most_bias), bias)
    in_bands(measure, len(targets), least=LEAST_TARGETS)
    return bias


def match_known(
    image: np.ndarray,
    known: np.ndarray,
    lines: np.ndarray,
    targets: np.ndarray,
    candidates: np.ndarray,
    near_weight: float,
    least_far: float = 0.0,
    *,
    prices: Prices = ANYWHERE,
    own: tuple[int, int] | None = None,
    turned_px: float = 0.0,
) -> np.ndarray:
    """Best source of each target over the pixels already known, among all candidates.

    Args:
        image: uint8 (H, W, 3).
        known: bool (H, W), True = the pixel may be compared.
        lines, near_weight: as for `search`.
        targets: int32 (N, 2).
        candidates: int32 (K, 2), sources.
        least_far: nearer candidates are passed over, in pixels.
        prices, own, turned_px: as for `search`.

    Returns:
        int32 (N, 2), row and column of the sources.
    """
    from inpaint.exemplar import patchmatch_kernels as kernels

    field, flat = np.zeros_like(targets), image.reshape(len(image), -1)
    weights = np.float32(near_weight), np.float32(least_far), np.float32(turned_px)

    fixed = flat, known, lines, tuple(prices), targets, candidates, own or known.shape
    compare = partial(kernels.match_known, *fixed, weights, field)
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
