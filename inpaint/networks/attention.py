"""Contextual attention, exact, in blocks (Yu et al. 2018, arXiv 1801.07892, section 4.1).

Every cell (2 x 2 features) is a query and a key, compared by its 3 x 3 patch of the sub-sampled features. A
query's answer is the softmax-weighted mean of the keys' 4 x 4 patches of the features, and neighbouring
answers overlap. The published code builds the whole score matrix several times over; here it is made tile
by tile of queries, and no patch is ever cut out: the product of two patches is the sum of their pixels'
products, which lie along a diagonal of the matrix, and patches that overlap are one mean whose weights are
added along it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from inpaint.networks.attention_tiles import TilePlan, plan_tile, tiles
from inpaint.networks.diagonals import sum_diagonals

NORM_FLOOR = 1e-4


@dataclass(frozen=True)
class AttentionRules:
    """What differs between the published layouts.

    fuse: add the scores of the neighbouring pairs, so that coherent regions win.
    sampling: which features and mask pixels stand for a cell: "strided" the first of each,
        "corners" TensorFlow's nearest neighbour with aligned corners.
    invalid: a key whose patch touches the hole scores 0 and its weight is dropped after the softmax ("zero"),
        or takes no part at all ("drop").
    overlap: divide the pasted patches by 4 ("four"), or by how many overlap there ("count": fewer at the
        border).
    """

    fuse: bool
    sampling: Literal["strided", "corners"]
    invalid: Literal["zero", "drop"]
    overlap: Literal["four", "count"]
    softmax_scale: float = 10.0


@dataclass(frozen=True)
class _Memory:
    """One or more images of L cells each."""

    pixels: Tensor  # (N, L, C), the one that stands for each cell
    scale: Tensor  # (N, 1, L), what a product with a key's patch is multiplied by
    features: Tensor  # (N, 4, L, C), those of each cell: upper left, upper right, lower left, lower right
    invalid: Tensor  # bool (N, 1, L), the keys that are not copied; all False where an image has no other
    size: tuple[int, int]


def contextual_attention(
    features: Tensor,
    masks: Tensor,
    rules: AttentionRules,
    *,
    needed: Tensor | None = None,
    max_scores_mb: float | None = None,
) -> Tensor:
    """Rebuild features (N, C, H, W) from patches of the features outside each image's own hole.

    masks: (N, 1, sH, sW), s a whole number, 1 = hole.
    needed: bool (N, H/2, W/2), the cells that must be answered (None = all); features that only other cells
        reach come back as 0, those that both reach are incomplete.
    max_scores_mb: bound in MiB on the score matrices held at one time (None: 96 on a CPU, 1024 on a GPU).
        Passing a bound that one cell's scores exceed takes the cells one by one. Where not all fit, backward
        recomputes them tile by tile.

    Scores and softmax are computed in float32 (float64 stays); patches of half precision are mixed in half
    precision. The answer has the dtype of `features`. An image without a valid key gets 0. Raises ValueError
    where H or W is odd, the shapes do not fit, or the bound is not above 0.
    """
    _check(features, masks, needed)
    check_bound(max_scores_mb)
    if max_scores_mb is None:
        max_scores_mb = 96 if features.device.type == "cpu" else 1024
    groups = _groups(features, needed, max_scores_mb)
    with torch.autocast(features.device.type, enabled=False):
        answers = [
            _attend(
                features[images],
                masks[images],
                rules,
                None if needed is None else needed[images],
                max_scores_mb,
                alone=len(groups) == 1,
            )
            for images in groups
        ]
        return torch.cat(answers).to(features.dtype)


def _check(features: Tensor, masks: Tensor, needed: Tensor | None) -> None:
    count, _, height, width = features.shape
    if height % 2 or width % 2:
        raise ValueError(f"expected features of even height and width, got {height} x {width}")
    scale = masks.shape[-1] // width
    if masks.shape != (count, 1, scale * height, scale * width) or scale == 0:
        expected = f"({count}, 1, s*{height}, s*{width})"
        raise ValueError(f"expected masks of shape {expected}, got {tuple(masks.shape)}")
    if needed is not None and needed.shape != (count, height // 2, width // 2):
        expected = f"({count}, {height // 2}, {width // 2})"
        raise ValueError(f"expected needed of shape {expected}, got {tuple(needed.shape)}")


def check_bound(max_scores_mb: float | None) -> None:
    """Raise ValueError unless the bound is None or above 0."""
    if max_scores_mb is not None and not max_scores_mb > 0:
        raise ValueError(f"expected max_scores_mb above 0 or None, got {max_scores_mb}")


def _goes_back(features: Tensor) -> bool:
    return torch.is_grad_enabled() and features.requires_grad


def _matrices(features: Tensor) -> int:
    """How many matrices of the scores' size are alive at once: going back keeps six and makes three."""
    return 9 if _goes_back(features) else 3


def _score_bytes(features: Tensor) -> int:
    return max(features.element_size(), 4)


def _groups(features: Tensor, needed: Tensor | None, max_scores_mb: float) -> list[slice]:
    """Images answered together: as many as fit the bound whole; one by one where their cells differ."""
    count, _, height, width = features.shape
    cells = height * width // 4
    whole_mb = _matrices(features) * cells**2 * _score_bytes(features) / 2**20
    size = max(1, int(max_scores_mb / whole_mb)) if needed is None else 1
    return [slice(first, first + size) for first in range(0, count, size)]


def _attend(
    features: Tensor,
    masks: Tensor,
    rules: AttentionRules,
    needed: Tensor | None,
    max_scores_mb: float,
    *,
    alone: bool,
) -> Tensor:
    """`contextual_attention` of a group; `needed` only for a group of one image. alone: the only group."""
    memory, barren = _remember(features, masks, rules)
    count, channels, height, width = features.shape
    size = height // 2, width // 2
    row_mb = _matrices(features) * count * size[0] * size[1] * _score_bytes(features) / 2**20
    wanted = np.ones(size, dtype=bool) if needed is None else needed[0].cpu().numpy()
    answers = torch.zeros_like(memory.features, dtype=memory.pixels.dtype)
    parted = list(tiles(wanted, rows=max_scores_mb / row_mb, fuse=rules.fuse))
    for cells in parted:
        plan = plan_tile(cells, size, fuse=rules.fuse)
        # Recomputing in backward keeps the graph of one tile alive, not that of all.
        if _goes_back(features) and not (alone and len(parted) == 1):
            parts = checkpoint(_answer, memory, rules, plan, use_reentrant=False, preserve_rng_state=False)
        else:
            parts = _answer(memory, rules, plan)
        quadrants = (quadrant for _, pair in plan.halves for quadrant in pair)
        for index, (quadrant, part) in enumerate(zip(quadrants, parts, strict=True)):
            reached = torch.from_numpy(quadrant.cells).to(part.device)
            answers[:, index].index_add_(1, reached, part)
    whole = answers.view(count, 2, 2, *size, channels).permute(0, 5, 3, 1, 4, 2).reshape(features.shape)
    return (whole / _overlap(size, rules, whole)).masked_fill(barren, 0)


def _remember(features: Tensor, masks: Tensor, rules: AttentionRules) -> tuple[_Memory, Tensor]:
    """The images' memory, and which have no valid key: bool (N, 1, 1, 1)."""
    count, channels, height, width = features.shape
    size = height // 2, width // 2
    small = _sample(features, size, rules)
    small = small if features.dtype == torch.float64 else small.float()
    squares = 9 * F.avg_pool2d(small.square().sum(dim=1, keepdim=True), 3, stride=1, padding=1)
    # Clamped before the root, whose slope at 0 is not finite.
    lengths = squares.clamp_min(NORM_FLOOR**2).sqrt().flatten(2)
    hole = F.max_pool2d(_sample(masks, size, rules).to(small.dtype), 3, stride=1, padding=1) > 0
    invalid = hole.flatten(2)
    barren = invalid.all(dim=2, keepdim=True)
    cells = features.view(count, channels, size[0], 2, size[1], 2).permute(0, 3, 5, 2, 4, 1)
    memory = _Memory(
        pixels=small.flatten(2).transpose(1, 2).contiguous(),
        scale=rules.softmax_scale / lengths,
        features=cells.reshape(count, 4, size[0] * size[1], channels),
        invalid=invalid & ~barren,
        size=size,
    )
    return memory, barren.unsqueeze(3)


def _sample(features: Tensor, size: tuple[int, int], rules: AttentionRules) -> Tensor:
    """One pixel for each cell."""
    if rules.sampling == "strided":
        step = features.shape[-2] // size[0]
        return features[:, :, ::step, ::step]
    # In float32 on the CPU, as published: the rounding decides which of two pixels is taken half way.
    rows, columns = (
        torch.linspace(0, length - 1, steps=count, dtype=torch.float32)
        .add(0.5)
        .floor()
        .long()
        .to(features.device)
        for length, count in zip(features.shape[-2:], size, strict=True)
    )
    return features.index_select(2, rows).index_select(3, columns)


def _answer(memory: _Memory, rules: AttentionRules, plan: TilePlan) -> list[Tensor]:
    """What one tile's cells add to the features of each quadrant, (N, cells reached, C)."""
    weights = torch.softmax(_scores(memory, rules, plan), dim=2)
    if rules.invalid == "zero":
        weights = weights.masked_fill(memory.invalid, 0)
    parts: list[Tensor] = []
    for down, quadrants in plan.halves:
        half = sum_diagonals(weights, down)
        for quadrant in quadrants:
            mixing = sum_diagonals(half, quadrant.across).to(memory.features.dtype)
            parts.append((mixing @ memory.features[:, len(parts)]).to(weights.dtype))
    return parts


def _scores(memory: _Memory, rules: AttentionRules, plan: TilePlan) -> Tensor:
    """(N, cells of the tile, L), times the softmax's scale."""
    compared = memory.pixels
    if len(plan.compared) < compared.shape[1]:
        compared = compared[:, torch.from_numpy(plan.compared).to(compared.device)]
    scores = compared @ memory.pixels.transpose(1, 2)
    for step in plan.patches:
        scores = sum_diagonals(scores, step)
    scores = scores * memory.scale
    for step in plan.fusion:
        scores = sum_diagonals(scores, step)
    return scores.masked_fill_(memory.invalid, 0.0 if rules.invalid == "zero" else float("-inf"))


def _overlap(size: tuple[int, int], rules: AttentionRules, like: Tensor) -> Tensor | float:
    if rules.overlap == "four":
        return 4.0
    rows, columns = (torch.full((2 * length,), 2.0, dtype=like.dtype) for length in size)
    for line in (rows, columns):
        line[0] = line[-1] = 1.0
    return (rows[:, None] * columns).to(like.device)
