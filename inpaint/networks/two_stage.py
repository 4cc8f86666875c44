"""Coarse to fine: the network DeepFillv1 and DeepFillv2 share (Yu et al. 2018, arXiv 1801.07892, figure 4).

A coarse stage fills the hole, a refiner draws it again; part of the refiner may copy from outside the hole by
contextual attention.
"""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from inpaint.networks.attention import AttentionRules, check_bound, contextual_attention
from inpaint.networks.batches import check_batches, continue_by_reflection
from inpaint.networks.fill_network import FillNetwork
from inpaint.networks.gated_conv import ConvSpec, Padding, gated_convs, reach_px

GRID_PX = 8  # features are a quarter of the size, attention's cells an eighth
REFLECT_MIN_PX = 72  # a reflection of 16 features needs at least 17 of them
COARSE_INPUTS = 5  # image, ones, mask
Branches = dict[str, tuple[ConvSpec, ...]]


class TwoStageNetwork(FillNetwork):
    """`coarse, refined = network(images, masks)`: see `forward`.

    branches: layers of `coarse`, `hallucination` and `decoder`, and with attention of `matching` and
        `attended`.
    attention: its rules; None = the refiner has no such branch.
    squash: how the answer is brought to [-1, 1].
    sees_hole: show the coarse stage what lies under the hole; the refiner sees what that drew.
    max_scores_mb: bound on the attention's score matrices, in MiB (None: 96 on a CPU, 1024 on a GPU).
    """

    def __init__(
        self,
        branches: Branches,
        *,
        padding: Padding,
        refiner_inputs: Literal[3, 5],
        attention: AttentionRules | None,
        squash: Literal["tanh", "clamp"],
        sees_hole: bool = False,
        max_scores_mb: float | None = None,
    ) -> None:
        super().__init__()
        check_bound(max_scores_mb)
        self.max_scores_mb = max_scores_mb
        self.attention = attention
        self.squash = squash
        self.sees_hole = sees_hole
        self.padding = padding
        self.refiner_inputs = refiner_inputs
        self.coarse = gated_convs(COARSE_INPUTS, branches["coarse"], padding)
        self.hallucination = gated_convs(refiner_inputs, branches["hallucination"], padding)
        merged = branches["hallucination"][-1].channels
        if attention is not None:
            self.matching = gated_convs(refiner_inputs, branches["matching"], padding)
            self.attended = gated_convs(branches["matching"][-1].channels, branches["attended"], padding)
            merged += branches["attended"][-1].channels
        self.decoder = gated_convs(merged, branches["decoder"], padding)
        self._reach = _Reach(branches)

    def forward(
        self, images: Tensor, masks: Tensor, *, hole_only: bool = False, avoid: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Fill the holes: (coarse, refined), both float32 (N, 3, H, W) in [-1, 1].

        images: float32 (N, 3, H, W) in [-1, 1]; what lies under the hole is seen by `sees_hole` alone.
        masks: float32 (N, 1, H, W), 1 = hole, 0 = keep, each image its own. Any H and W: a size that is no
        multiple of 8 is continued by reflection inside, and cut off again.
        hole_only: answer inside the hole only, with the same values, and return `images` elsewhere: what the
            composite needs, for a fraction of the work.
        avoid: float32 (N, 1, H, W), 1 = attention copies nothing from here either; None = the hole alone.

        Raises TypeError or ValueError for another dtype or shape.
        """
        check_batches(images, masks)
        if avoid is not None:
            check_batches(images, avoid)
            avoid = torch.maximum(masks, avoid)
        height, width = images.shape[-2:]
        least = REFLECT_MIN_PX if self.padding == "reflect" else GRID_PX
        padded, holes, barred = (
            continue_by_reflection(batch, grid_px=GRID_PX, least_px=least)
            for batch in (images, masks, masks if avoid is None else avoid)
        )
        if images.device.type == "cpu" and not torch.is_grad_enabled():
            padded = padded.contiguous(memory_format=torch.channels_last)
        fill = self._fill_holes if hole_only else self._fill_everything
        stages = fill(padded, holes, barred)
        coarse, refined = (stage[:, :, :height, :width].contiguous() for stage in stages)
        return coarse, refined

    def fill(self, images: Tensor, masks: Tensor, *, avoid: Tensor | None = None) -> Tensor:
        """The refined stage inside the hole, the images elsewhere."""
        result: Tensor = self(images, masks, hole_only=True, avoid=avoid)[-1]
        return result

    def _fill_everything(self, images: Tensor, masks: Tensor, barred: Tensor) -> tuple[Tensor, Tensor]:
        coarse = self._coarse(images, masks)
        composite = torch.where(masks > 0, coarse, images)
        inputs = self._refiner_inputs(composite, masks)
        features = self.hallucination(inputs)
        if self.attention is not None:
            attended = self.attended(self._attend(inputs, barred, self.attention, needed=None))
            features = torch.cat([features, attended], dim=1)
        return coarse, self._to_rgb(self.decoder(features))

    def _fill_holes(self, images: Tensor, masks: Tensor, barred: Tensor) -> tuple[Tensor, Tensor]:
        """The same, with each branch run on no more than what can reach the hole."""
        hole = masks > 0
        coarse, refined = images.clone(), images.clone()
        if not hole.any():
            return coarse, refined
        rows, columns = _bounds(hole)
        box = _around(rows, columns, self._reach.coarse_px, images.shape)
        _paste(coarse, self._coarse(images[box], masks[box]), hole, box)
        inputs = self._refiner_inputs(coarse, masks)
        tail = _around(rows, columns, 4 * self._reach.tail_features, images.shape)
        body = _around(rows, columns, self._reach.hallucination_px, images.shape)
        features = self.hallucination(inputs[body])[_quarter(tail, body)]
        if self.attention is not None:
            answers = self._attend(inputs, barred, self.attention, needed=self._needed_cells(hole))
            features = torch.cat([features, self.attended(answers[_quarter(tail)])], dim=1)
        _paste(refined, self._to_rgb(self.decoder(features)), hole, tail)
        return coarse, refined

    def _coarse(self, images: Tensor, masks: Tensor) -> Tensor:
        inputs = torch.cat([self.shown(images, masks), torch.ones_like(masks), masks], dim=1)
        return self._to_rgb(self.coarse(inputs))

    def _refiner_inputs(self, composite: Tensor, masks: Tensor) -> Tensor:
        if self.refiner_inputs == 3:
            return composite
        return torch.cat([composite, torch.ones_like(masks), masks], dim=1)

    def _attend(self, inputs: Tensor, barred: Tensor, rules: AttentionRules, needed: Tensor | None) -> Tensor:
        return contextual_attention(
            self.matching(inputs),
            barred,
            rules,
            needed=needed,
            max_scores_mb=self.max_scores_mb,
        )

    def _to_rgb(self, response: Tensor) -> Tensor:
        # float32 first: half precision would cost a visible step.
        response = response.float()
        return torch.tanh(response) if self.squash == "tanh" else response.clamp(-1, 1)

    def _needed_cells(self, hole: Tensor) -> Tensor:
        """Cells whose answer reaches the hole, bool (N, H/8, W/8). Pooled, so that no thin hole is missed."""
        reach = self._reach.tail_features
        features = F.max_pool2d(hole.float(), 4)
        near = F.max_pool2d(features, 2 * reach + 1, stride=1, padding=reach)
        return F.max_pool2d(near, 4, stride=2, padding=1)[:, 0] > 0


class _Reach:
    """How far from the hole each branch must see, from the layers themselves."""

    def __init__(self, specs: Branches) -> None:
        self.coarse_px = reach_px(specs["coarse"])
        self.tail_features = reach_px(specs.get("attended", ()) + specs["decoder"])
        self.hallucination_px = reach_px(specs["hallucination"], output_px=reach_px(specs["decoder"]))


Box = tuple[slice, slice, slice, slice]


def _bounds(hole: Tensor) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns that hold a hole in any image."""
    flat = hole.any(dim=0)[0].cpu().numpy()
    return np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))


def _around(rows: NDArray[np.intp], columns: NDArray[np.intp], margin_px: int, shape: torch.Size) -> Box:
    """The box of those rows and columns, `margin_px` wider, on the grid of 8, inside the image.

    Cut away from the image's border by more than the branch sees, so what its padding makes up stays outside.
    """
    parts = []
    for found, size in ((rows, shape[-2]), (columns, shape[-1])):
        first = (int(found[0]) - margin_px) // GRID_PX * GRID_PX
        last = -(-(int(found[-1]) + 1 + margin_px) // GRID_PX) * GRID_PX
        parts.append(slice(max(first, 0), min(last, size)))
    return slice(None), slice(None), parts[0], parts[1]


def _quarter(box: Box, frame: Box | None = None) -> Box:
    """`box` in features, counted from the corner of `frame`."""
    top, left = (0, 0) if frame is None else (frame[2].start, frame[3].start)
    rows, columns = (
        slice((part.start - origin) // 4, (part.stop - origin) // 4)
        for part, origin in ((box[2], top), (box[3], left))
    )
    return slice(None), slice(None), rows, columns


def _paste(whole: Tensor, part: Tensor, hole: Tensor, box: Box) -> None:
    whole[box] = torch.where(hole[box], part, whole[box])
