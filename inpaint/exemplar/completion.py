"""Exemplar fill: multi-scale patch-based completion from the photo's own texture.

Follows Wexler et al. 2007 (coarse to fine, weighted voting, confidence from the hole's edge inwards), Barnes
et al. 2009 (the search), Newson et al. 2014 (onion-peel start, texture measures in the patch distance).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from _removal_support.progress import in_turn
from inpaint.exemplar.patchmatch import best_origins, match_known, search, vote
from inpaint.exemplar.poisson import assemble
from inpaint.exemplar.pyramid import RADIUS, SIDE, Level, build_pyramid, halve, inside
from inpaint.exemplar.warming import warm_up
from inpaint.inpainter import WindowInpainter, check_inputs

_MIN_CONFIDENCE = 1e-25
_PEEL_CANDIDATES = 4000


@dataclass(frozen=True)
class ExemplarSettings:
    """How the completion runs; costs are sums of squared level differences over a 7 x 7 patch.

    Attributes:
        coarsest_hole_px: radius of the hole's largest inscribed circle at the coarsest level.
        coarse_rounds: rounds of search and vote at the coarsest level.
        fine_rounds: rounds at the others, plus one for each level below.
        sweeps: sweeps of the search in a round.
        bounded_targets: levels with more patches to fill than this get `bounded_rounds` and a search within
            `bounded_reach_px` of the sources handed down: large holes are completed at reduced size.
        bounded_rounds, bounded_reach_px: see there.
        texture_weight: cost of a texture difference of one level.
        near_weight: cost of a source one pixel farther away.
        coarse_bandwidth, fine_bandwidth: sharpness of the vote from the third level on and below it, as a
            share of the mean cost; small = sharp.
        confidence_decay: how much less a patch counts for each pixel farther inside the hole.
        guide_level: with a guide, the level that is taken from it as it is (2 = a quarter of the size).
        guide_bandwidth: sharpness of the last vote with a guide.
    """

    coarsest_hole_px: float = 6.0
    coarse_rounds: int = 20
    fine_rounds: int = 5
    sweeps: int = 2
    bounded_targets: int = 100_000
    bounded_rounds: int = 2
    bounded_reach_px: int = 8
    texture_weight: float = 300.0
    near_weight: float = 300.0
    coarse_bandwidth: float = 3.0
    fine_bandwidth: float = 0.5
    confidence_decay: float = 0.5
    guide_level: int = 2
    guide_bandwidth: float = 0.15


DEFAULT_SETTINGS = ExemplarSettings()


class ExemplarInpainter(WindowInpainter):
    """`exemplar`: fills with the photo's own texture, needs no weights."""

    name = "exemplar"
    may_overlap = True

    def __init__(self, *, seed: int = 0, settings: ExemplarSettings = DEFAULT_SETTINGS) -> None:
        """Choose the seed (the same seed gives the same pixels, on any number of threads) and settings."""
        self.seed = seed
        self.settings = settings
        self.description = f"exemplar (multi-scale PatchMatch), seed {seed}"

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
    settings: ExemplarSettings = DEFAULT_SETTINGS,
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
    levels = build_pyramid(image, mask, protect, coarsest_hole_px=settings.coarsest_hole_px)
    if not levels:
        return _without_sources(image, mask, guide)
    if guide is not None:
        return _complete_guided(levels, guide, seed, settings)
    matches = None
    numbers = range(len(levels) - 1, -1, -1)
    for number in in_turn(numbers, [np.count_nonzero(levels[number].hole) for number in numbers]):
        matches = _Matches(levels[number], matches, seed=seed + 1000 * number, settings=settings)
        if number == len(levels) - 1:
            _peel(levels[number], seed, settings)
            rounds = settings.coarse_rounds
        else:
            matches.vote(settings.fine_bandwidth)
            rounds = settings.fine_rounds + number
        bandwidth = settings.coarse_bandwidth if number >= 2 else settings.fine_bandwidth
        for _ in in_turn(range(matches.affordable(rounds))):
            matches.improve()
            matches.vote(bandwidth)
    assert matches is not None  # there is at least one level
    origin = matches.origins()
    finest = levels[0]
    finest.image[mask] = finest.image[origin[:, 0], origin[:, 1]]
    return assemble(finest.image, mask, ~finest.blocked, origin)


class _Matches:
    """The state of one level: which source each patch that touches the hole has."""

    def __init__(
        self, level: Level, coarser: "_Matches | None", *, seed: int, settings: ExemplarSettings
    ) -> None:
        self.level = level
        self.settings = settings
        self.seed = seed * 1_000_003
        self.sweep = 0
        height, width = level.hole.shape
        touched = cv2.dilate(level.hole.astype(np.uint8), np.ones((SIDE, SIDE), np.uint8)) > 0
        self.targets = np.argwhere(inside(touched)).astype(np.int32, order="C")
        self.holes = np.argwhere(level.hole).astype(np.int32, order="C")
        self.index = np.full((height, width), -1, np.int32)
        self.index[self.targets[:, 0], self.targets[:, 1]] = np.arange(len(self.targets), dtype=np.int32)
        depth = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3)
        depth = depth[self.targets[:, 0], self.targets[:, 1]]
        decay = np.float32(settings.confidence_decay)
        self.confidence = np.maximum(np.power(decay, depth), np.float32(_MIN_CONFIDENCE))
        self.cost = np.zeros(len(self.targets), np.float32)
        self.field = self._start(coarser)

    @property
    def bounded(self) -> bool:
        return len(self.targets) > self.settings.bounded_targets

    def affordable(self, rounds: int) -> int:
        """The rounds asked for, fewer where the hole is large."""
        return min(rounds, self.settings.bounded_rounds) if self.bounded else rounds

    def improve(self, *, texture_weight: float | None = None) -> None:
        """One round of search; None = the texture weight of the settings."""
        level, settings = self.level, self.settings
        height, width = level.hole.shape
        reach = settings.bounded_reach_px if self.bounded else max(height, width) // 2
        for _ in range(settings.sweeps):
            search(
                level.image,
                level.texture,
                self.targets,
                self.index,
                level.valid,
                self.field,
                self.cost,
                seed=self.seed + self.sweep,
                reach_px=reach,
                texture_weight=settings.texture_weight if texture_weight is None else texture_weight,
                near_weight=settings.near_weight,
            )
            self.sweep += 1

    def vote(self, bandwidth: float, *, colours_too: bool = True) -> None:
        """Give the hole the colours and texture measures that its patches agree on."""
        level, holes = self.level, self.holes
        colours, textures = vote(
            level.image,
            level.texture,
            holes,
            self.index,
            self.field,
            self.cost,
            self.confidence,
            bandwidth,
        )
        level.texture[holes[:, 0], holes[:, 1]] = textures
        if colours_too:
            level.image[holes[:, 0], holes[:, 1]] = colours

    def origins(self) -> np.ndarray:
        """int32 (M, 2): where each hole pixel is best copied from."""
        return best_origins(self.holes, self.index, self.field, self.cost)

    def _start(self, coarser: "_Matches | None") -> np.ndarray:
        """Sources handed down from the coarser level with their costs, or drawn at random."""
        generator = np.random.default_rng(abs(self.seed))
        valid, targets = self.level.valid, self.targets
        if coarser is not None:
            parent = coarser.index[targets[:, 0] // 2, targets[:, 1] // 2]
            field = 2 * coarser.field[parent] + targets % 2
            field = np.clip(field, RADIUS, np.array(valid.shape) - 1 - RADIUS).astype(np.int32, order="C")
            good = (parent >= 0) & valid[field[:, 0], field[:, 1]]
            if good.any():
                spare = field[good]
                field[~good] = spare[generator.integers(0, len(spare), np.count_nonzero(~good))]
                self.cost = np.where(good, coarser.cost[parent], coarser.cost.max() * 4 + 1)
                self.cost = self.cost.astype(np.float32)
                return field
        sources = np.flatnonzero(valid)
        chosen = sources[generator.integers(0, len(sources), len(targets))]
        return np.stack(np.divmod(chosen, valid.shape[1]), axis=1).astype(np.int32)


def _peel(level: Level, seed: int, settings: ExemplarSettings) -> None:
    """Fill the coarsest level from the edge inwards, each layer by its best match over what is known."""
    height, width = level.hole.shape
    outside = np.pad(level.hole, 1, constant_values=True).astype(np.uint8)
    depth = np.rint(cv2.distanceTransform(outside, cv2.DIST_C, 3)[1:-1, 1:-1]).astype(np.int32)
    generator = np.random.default_rng(seed)
    sources = np.argwhere(level.valid).astype(np.int32, order="C")
    if len(sources) > _PEEL_CANDIDATES:
        chosen = generator.choice(len(sources), _PEEL_CANDIDATES, replace=False)
        sources = sources[np.sort(chosen)]
    known = ~level.hole
    for layer in range(1, int(depth.max()) + 1):
        pixels = np.argwhere(level.hole & (depth == layer)).astype(np.int32, order="C")
        centres = np.clip(pixels, RADIUS, (height - 1 - RADIUS, width - 1 - RADIUS)).astype(
            np.int32, order="C"
        )
        field = match_known(level.image, known, centres, sources, settings.near_weight)
        rows, columns = (field + pixels - centres).T
        at = pixels[:, 0], pixels[:, 1]
        level.image[at] = level.image[rows, columns]
        level.texture[at] = level.texture[rows, columns]
        known[at] = True


def _complete_guided(
    levels: list[Level], guide: np.ndarray, seed: int, settings: ExemplarSettings
) -> np.ndarray:
    """Take one level from the guide as it is, find its patches in the photo, and carry their detail down."""
    start = min(settings.guide_level, len(levels) - 1)
    guides = [guide]
    for _ in range(start):
        guides.append(halve(guides[-1]))
    matches = None
    numbers = range(start, -1, -1)
    for number in in_turn(numbers, [np.count_nonzero(levels[number].hole) for number in numbers]):
        level = levels[number]
        matches = _Matches(level, matches, seed=seed + 1000 * number, settings=settings)
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
