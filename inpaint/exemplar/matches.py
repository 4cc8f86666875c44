"""The state of one level of a completion, and its start: the source of each patch that touches the hole."""

from __future__ import annotations

import cv2
import numpy as np

from inpaint.boxes import slices_around
from inpaint.exemplar.palette import prices_at
from inpaint.exemplar.patchmatch import best_origins, biases, match_known, search, vote
from inpaint.exemplar.pyramid import RADIUS, SIDE, Level, inside
from inpaint.exemplar.settings import ExemplarSettings

_MIN_CONFIDENCE = 1e-25
_PEEL_CANDIDATES = 4000
SURE_LINE = 0.5
"""Lines of more weight are peeled before what lies between them."""


class Matches:
    """The state of one level: which source each patch that touches the hole has."""

    def __init__(
        self,
        level: Level,
        coarser: Matches | None,
        *,
        seed: int,
        settings: ExemplarSettings,
        shifts: np.ndarray | None = None,
    ) -> None:
        """Sources handed down from a coarser level, taken from a map of shifts, or drawn at random.

        shifts: int32 (H, W, 2), read in the hole.
        """
        self.level = level
        self.settings = settings
        self.seed = seed * 1_000_003
        self.sweep = 0
        height, width = level.hole.shape
        touched = cv2.dilate(level.hole.astype(np.uint8), np.ones((SIDE, SIDE), np.uint8)) > 0
        rows, columns = level.own or level.hole.shape
        self.targets = np.argwhere(inside(touched[:rows, :columns])).astype(np.int32, order="C")
        self.holes = np.argwhere(level.hole).astype(np.int32, order="C")
        self.index = np.full((height, width), -1, np.int32)
        self.index[self.targets[:, 0], self.targets[:, 1]] = np.arange(len(self.targets), dtype=np.int32)
        depth = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3)
        depth = depth[self.targets[:, 0], self.targets[:, 1]]
        decay = np.float32(settings.confidence_decay)
        self.confidence = np.maximum(np.power(decay, depth), np.float32(_MIN_CONFIDENCE))
        self.cost = np.zeros(len(self.targets), np.float32)
        self.lines = lines_at(level, self.targets, settings)
        self.prices = prices_at(level.palette, self.targets, settings.palette_weight)
        self.bias = np.zeros((len(self.targets), 3), np.float32) if settings.most_bias > 0 else None
        self.field = self._start(coarser) if shifts is None else self._shifted(shifts)

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
                self.lines,
                self.targets,
                self.index,
                level.valid,
                self.field,
                self.cost,
                seed=self.seed + self.sweep,
                reach_px=reach,
                texture_weight=settings.texture_weight if texture_weight is None else texture_weight,
                near_weight=settings.near_weight,
                most_bias=settings.most_bias,
                bias_cost=settings.bias_cost,
                prices=self.prices,
                own=level.own,
                turned_px=settings.turned_px,
            )
            self.sweep += 1
        if settings.most_bias > 0:
            self.bias = biases(level.image, self.targets, self.field, settings.most_bias)

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
            self.bias,
        )
        level.texture[holes[:, 0], holes[:, 1]] = textures
        if colours_too:
            level.image[holes[:, 0], holes[:, 1]] = colours

    def origins(self) -> np.ndarray:
        """int32 (M, 2): where each hole pixel is best copied from."""
        return best_origins(self.holes, self.index, self.field, self.cost)

    def copies(self, origin: np.ndarray) -> np.ndarray:
        """The colours at the origins, uint8 (M, 3), as bright as the hole's own colours say that they are
        over 7 x 7 pixels, within the bounds of the bias."""
        image, most = self.level.image, self.settings.most_bias
        copied: np.ndarray = image[origin[:, 0], origin[:, 1]]
        if most == 0:
            return copied
        box = slices_around(self.level.hole, SIDE)
        hole, image = self.level.hole[box], image[box]
        off = np.zeros(image.shape, np.float32)
        off[hole] = image[hole].astype(np.float32) - copied
        share = cv2.boxFilter(hole.astype(np.float32), -1, (SIDE, SIDE))
        bias = cv2.boxFilter(off, -1, (SIDE, SIDE))[hole] / share[hole][:, None]
        brightened: np.ndarray = np.clip(np.rint(copied + np.clip(bias, -most, most)), 0, 255).astype(
            np.uint8
        )
        return brightened

    @property
    def mean_cost(self) -> float:
        """Of a patch."""
        return float(self.cost.mean(dtype=np.float64))

    def _shifted(self, shifts: np.ndarray) -> np.ndarray:
        """Each target moved like the hole pixel nearest to it."""
        hole = self.level.hole
        nearest = cv2.distanceTransformWithLabels(
            (~hole).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )[1]
        named = np.zeros((nearest.max() + 1, 2), np.int32)
        named[nearest[hole]] = shifts[hole]
        targets = self.targets
        field = targets + named[nearest[targets[:, 0], targets[:, 1]]]
        return self._mended(field, np.ones(len(field), bool))[0]

    def _start(self, coarser: Matches | None) -> np.ndarray:
        """Sources handed down from the coarser level with their costs and biases, or drawn at random."""
        if coarser is None:
            return self._random(np.random.default_rng(abs(self.seed)))
        targets = self.targets
        parent = coarser.index[targets[:, 0] // 2, targets[:, 1] // 2]
        field, good = self._mended(2 * coarser.field[parent] + targets % 2, parent >= 0)
        if good.any():
            cost = np.where(good, coarser.cost[parent], coarser.cost.max() * 4 + 1)
            self.cost = cost.astype(np.float32)
        if self.bias is not None and coarser.bias is not None:  # nothing is in the hole yet to measure by
            self.bias[parent >= 0] = coarser.bias[parent[parent >= 0]]
        return field

    def _mended(self, field: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sources with those that are none, or not `good`, exchanged for some of the others, or all drawn at
        random where there are no others; and which of them were good."""
        generator = np.random.default_rng(abs(self.seed))
        valid = self.level.valid
        field = np.clip(field, RADIUS, np.array(valid.shape) - 1 - RADIUS).astype(np.int32, order="C")
        good = good & valid[field[:, 0], field[:, 1]]
        if not good.any():
            return self._random(generator), good
        spare = field[good]
        field[~good] = spare[generator.integers(0, len(spare), np.count_nonzero(~good))]
        return field, good

    def _random(self, generator: np.random.Generator) -> np.ndarray:
        valid = self.level.valid
        sources = np.flatnonzero(valid)
        chosen = sources[generator.integers(0, len(sources), len(self.targets))]
        return np.stack(np.divmod(chosen, valid.shape[1]), axis=1).astype(np.int32)


def lines_at(level: Level, points: np.ndarray, settings: ExemplarSettings) -> np.ndarray:
    """float32 (N, 3): the lines at the points, as the search takes them."""
    if level.lines is None:
        return np.zeros((len(points), 3), np.float32)
    weights = np.array([1, 1, settings.line_weight], np.float32)
    lines: np.ndarray = level.lines[points[:, 0], points[:, 1]] * weights
    return lines


def peel(level: Level, seed: int, settings: ExemplarSettings) -> None:
    """Fill the coarsest level from the edge inwards, each layer by its best match over what is known."""
    outside = np.pad(level.hole, 1, constant_values=True).astype(np.uint8)
    depth = np.rint(cv2.distanceTransform(outside, cv2.DIST_C, 3)[1:-1, 1:-1]).astype(np.int32)
    generator = np.random.default_rng(seed)
    sources = np.argwhere(level.valid).astype(np.int32, order="C")
    if len(sources) > _PEEL_CANDIDATES:
        chosen = generator.choice(len(sources), _PEEL_CANDIDATES, replace=False)
        sources = sources[np.sort(chosen)]
    known = ~level.hole
    passes = [level.hole] if level.lines is None else [level.lines[..., 2] > SURE_LINE, level.hole]
    for among in passes:
        for layer in range(1, int(depth.max()) + 1):
            chosen = among & ~known & (depth == layer)
            _peel_layer(level, known, np.argwhere(chosen).astype(np.int32, order="C"), sources, settings)


def _peel_layer(
    level: Level, known: np.ndarray, pixels: np.ndarray, sources: np.ndarray, settings: ExemplarSettings
) -> None:
    if len(pixels) == 0:
        return
    height, width = level.own or level.hole.shape
    centres = np.clip(pixels, RADIUS, (height - 1 - RADIUS, width - 1 - RADIUS)).astype(np.int32, order="C")
    lines = lines_at(level, pixels, settings)
    prices = prices_at(level.palette, pixels, settings.palette_weight)
    fixed = level.image, known, lines, centres, sources, settings.near_weight
    field = match_known(*fixed, prices=prices, own=level.own, turned_px=settings.turned_px)
    rows, columns = (field + pixels - centres).T
    at = pixels[:, 0], pixels[:, 1]
    level.image[at] = level.image[rows, columns]
    level.texture[at] = level.texture[rows, columns]
    known[at] = True
