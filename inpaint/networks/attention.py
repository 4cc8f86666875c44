"""Contextual attention, exact, in blocks (Yu et al. 2018, arXiv 1801.07892, section 4.1).

Every cell (2 x 2 features) is a query and a key, compared by its 3 x 3 patch of the sub-sampled features. A
query's answer is the softmax-weighted mean of the keys' 4 x 4 patches of the features, and neighbouring
answers overlap. The published code builds the whole score matrix several times over; here it is made tile
by tile of queries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from inpaint.networks.fusion import FusionPlan, fuse_scores, plan_fusion

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
    """The keys of one or more images, L cells each; `values` of invalid keys are 0."""

    keys: Tensor  # (N, L, 9C), unit length
    lengths: Tensor  # (N, L, 1), what the keys were divided by
    values: Tensor  # (N, L, 16C)
    invalid: Tensor  # bool (N, 1, L); all False where an image has no valid key
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
        Passing a bound that one cell's scores exceed takes the cells one by one. Backward recomputes them,
        tile by tile.

    Scores and softmax are computed in float32 (float64 stays); patches of half precision are mixed in half
    precision. The answer has the dtype of `features`. An image without a valid key
    gets 0. Raises ValueError where H or W is odd, the shapes do not fit, or the bound is not above 0.
    """
    _check(features, masks, needed)
    check_bound(max_scores_mb)
    if max_scores_mb is None:
        max_scores_mb = 96 if features.device.type == "cpu" else 1024
    with torch.autocast(features.device.type, enabled=False):
        answers = [
            _attend(
                features[images],
                masks[images],
                rules,
                None if needed is None else needed[images],
                max_scores_mb,
            )
            for images in _groups(features, needed, max_scores_mb)
        ]
        return torch.cat(answers).to(features.dtype)


def _check(features: Tensor, masks: Tensor, needed: Tensor | None) -> None:
    count, _, height, width = features.shape
    if height % 2 or width % 2:
        raise ValueError(f"expected features of even height and width, received {height} x {width}")
    scale = masks.shape[-1] // width
    if masks.shape != (count, 1, scale * height, scale * width) or scale == 0:
        expected = f"({count}, 1, s*{height}, s*{width})"
        raise ValueError(f"expected masks of shape {expected}, received {tuple(masks.shape)}")
    if needed is not None and needed.shape != (count, height // 2, width // 2):
        expected = f"({count}, {height // 2}, {width // 2})"
        raise ValueError(f"expected needed of shape {expected}, received {tuple(needed.shape)}")


def check_bound(max_scores_mb: float | None) -> None:
    """Raise ValueError unless the bound is None or above 0."""
    if max_scores_mb is not None and not max_scores_mb > 0:
        raise ValueError(f"expected max_scores_mb above 0 or None, received {max_scores_mb}")


def _matrices(features: Tensor) -> int:
    """How many matrices of the scores' size are alive at once: going back needs more of them."""
    return 8 if torch.is_grad_enabled() and features.requires_grad else 3


def _score_bytes(features: Tensor) -> int:
    return max(features.element_size(), 4)


def _groups(features: Tensor, needed: Tensor | None, max_scores_mb: float) -> Iterator[slice]:
    """Images answered together: as many as fit the bound whole; one by one where their cells differ."""
    count, _, height, width = features.shape
    cells = height * width // 4
    whole_mb = _matrices(features) * cells**2 * _score_bytes(features) / 2**20
    size = max(1, int(max_scores_mb / whole_mb)) if needed is None else 1
    for first in range(0, count, size):
        yield slice(first, first + size)


def _attend(
    features: Tensor, masks: Tensor, rules: AttentionRules, needed: Tensor | None, max_scores_mb: float
) -> Tensor:
    """`contextual_attention` of a group; `needed` only for a group of one image."""
    memory = _remember(features, masks, rules)
    height, width = memory.size
    cells = height * width
    row_mb = _matrices(features) * len(features) * cells * _score_bytes(features) / 2**20
    wanted = np.ones(memory.size, dtype=bool) if needed is None else needed[0].cpu().numpy()
    shape = (len(features), features.shape[1], 2 * height + 2, 2 * width + 2)
    canvas = torch.zeros(shape, dtype=memory.keys.dtype, device=features.device)
    for tile in _tiles(wanted, rows=max_scores_mb / row_mb, halo=2 if rules.fuse else 0):
        # Recomputing in backward keeps the graph of one tile alive, not that of all.
        if torch.is_grad_enabled() and features.requires_grad:
            pasted = checkpoint(
                _answer, memory, rules, wanted, tile, use_reentrant=False, preserve_rng_state=False
            )
        else:
            pasted = _answer(memory, rules, wanted, tile)
        rows, columns = (slice(2 * part.start, 2 * part.stop + 2) for part in tile)
        canvas[:, :, rows, columns] += pasted
    return canvas[:, :, 1:-1, 1:-1] / _overlap(memory.size, rules, canvas)


def _remember(features: Tensor, masks: Tensor, rules: AttentionRules) -> _Memory:
    size = (features.shape[-2] // 2, features.shape[-1] // 2)
    small = _sample(features, size, rules)
    small = small if features.dtype == torch.float64 else small.float()
    patches = F.unfold(small, 3, padding=1).transpose(1, 2)
    lengths = patches.square().sum(dim=2, keepdim=True).sqrt().clamp_min(NORM_FLOOR)
    hole = F.max_pool2d(_sample(masks, size, rules).to(small.dtype), 3, stride=1, padding=1) > 0
    invalid = hole.flatten(2)
    values = F.unfold(features, 4, stride=2, padding=1).transpose(1, 2)
    return _Memory(
        keys=patches / lengths,
        lengths=lengths,
        values=values.masked_fill_(invalid.transpose(1, 2), 0),
        invalid=invalid & ~invalid.all(dim=2, keepdim=True),
        size=size,
    )


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


def _tiles(wanted: NDArray[np.bool_], *, rows: float, halo: int) -> Iterator[tuple[slice, slice]]:
    """Squares of cells that hold a wanted one, each with at most `rows` rows of scores, its halo included."""
    if not wanted.any():
        return
    side = max(1, int(rows**0.5) - halo)
    filled_rows, filled_columns = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    bottom, right = int(filled_rows[-1]) + 1, int(filled_columns[-1]) + 1
    # A map that fits whole is one tile, whatever its shape.
    tall, wide = (bottom, right) if wanted.size <= rows else (side, side)
    for top in range(int(filled_rows[0]), bottom, tall):
        for left in range(int(filled_columns[0]), right, wide):
            tile = slice(top, min(top + tall, bottom)), slice(left, min(left + wide, right))
            if wanted[tile].any():
                yield tile


def _answer(
    memory: _Memory, rules: AttentionRules, wanted: NDArray[np.bool_], tile: tuple[slice, slice]
) -> Tensor:
    """The pasted patches of one tile of cells, (N, C, 2 * rows + 2, 2 * columns + 2)."""
    height, width = memory.size
    ids = np.arange(height * width).reshape(height, width)
    cells = ids[tile][wanted[tile]]
    plan = plan_fusion(cells, height, width) if rules.fuse else None
    logits = _scores(memory, rules, cells, plan)
    if rules.invalid == "zero":
        logits = logits.masked_fill(memory.invalid, 0)
    else:
        logits = logits.masked_fill(memory.invalid, float("-inf"))
    patches = (torch.softmax(logits, dim=2).to(memory.values.dtype) @ memory.values).to(logits.dtype)
    shape = ids[tile].shape
    inside = torch.from_numpy(np.flatnonzero(wanted[tile])).to(patches.device)
    dense = patches.new_zeros(len(patches), shape[0] * shape[1], patches.shape[2]).index_copy(
        1, inside, patches
    )
    return F.fold(dense.transpose(1, 2), (2 * shape[0] + 2, 2 * shape[1] + 2), 4, stride=2)


def _scores(
    memory: _Memory, rules: AttentionRules, cells: NDArray[np.intp], plan: FusionPlan | None
) -> Tensor:
    """(N, len(cells), L), times the softmax's scale."""
    chosen = torch.from_numpy(cells if plan is None else plan.cells).to(memory.keys.device)
    queries = memory.keys[:, chosen] * memory.lengths[:, chosen] * rules.softmax_scale
    scores = queries @ memory.keys.transpose(1, 2)
    return scores if plan is None else fuse_scores(scores, plan)


def _overlap(size: tuple[int, int], rules: AttentionRules, like: Tensor) -> Tensor | float:
    if rules.overlap == "four":
        return 4.0
    rows, columns = (torch.full((2 * length,), 2.0, dtype=like.dtype) for length in size)
    for line in (rows, columns):
        line[0] = line[-1] = 1.0
    return (rows[:, None] * columns).to(like.device)
