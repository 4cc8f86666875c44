"""The two-stage network of DeepFillv2 (Yu et al. 2019, arXiv 1806.03589), in any of its published layouts."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from inpaint.networks.attention import check_bound, contextual_attention
from inpaint.networks.gated_conv import ConvSpec, gated_convs, reach_px
from inpaint.networks.layouts import Layout

GRID_PX = 8  # features are a quarter of the size, attention's cells an eighth
REFLECT_MIN_PX = 72  # a reflection of 16 features needs at least 17 of them


class DeepFillV2(nn.Module):
    """`coarse, refined = network(images, masks)`: see `forward`.

    max_scores_mb: bound on the attention's score matrices, in MiB (None: 96 on a CPU, 1024 on a GPU).
    Fresh weights are drawn from `generator` (None: one seeded with 0), as the published training does.
    """

    def __init__(
        self, layout: Layout, *, max_scores_mb: float | None = None, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_bound(max_scores_mb)
        self.layout = layout
        self.max_scores_mb = max_scores_mb
        specs = layout.branches()
        self.coarse = gated_convs(5, specs["coarse"], layout.padding)
        self.hallucination = gated_convs(layout.refiner_inputs, specs["hallucination"], layout.padding)
        self.matching = gated_convs(layout.refiner_inputs, specs["matching"], layout.padding)
        self.attended = gated_convs(96, specs["attended"], layout.padding)
        self.decoder = gated_convs(2 * 96, specs["decoder"], layout.padding)
        self._reach = _Reach(specs)
        self._draw_weights(generator or torch.Generator().manual_seed(0))

    def _draw_weights(self, generator: torch.Generator) -> None:
        for name, parameter in self.named_parameters():
            if name.endswith("weight"):
                nn.init.kaiming_uniform_(parameter, nonlinearity="relu", mode="fan_out", generator=generator)

    def forward(
        self, images: Tensor, masks: Tensor, *, hole_only: bool = False, avoid: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Fill the holes: (coarse, refined), both float32 (N, 3, H, W) in [-1, 1].

        images: float32 (N, 3, H, W) in [-1, 1]; what lies under the hole is not looked at.
        masks: float32 (N, 1, H, W), 1 = hole, 0 = keep, each image its own. Any H and W: a size that is no
        multiple of 8 is continued by reflection inside, and cut off again.
        hole_only: answer inside the hole only, with the same values, and return `images` elsewhere: what the
            composite needs, for a fraction of the work.
        avoid: float32 (N, 1, H, W), 1 = attention copies nothing from here either; None = the hole alone.

        Raises TypeError or ValueError for another dtype or shape.
        """
        _check(images, masks)
        if avoid is not None:
            _check(images, avoid)
            avoid = torch.maximum(masks, avoid)
        height, width = images.shape[-2:]
        least = REFLECT_MIN_PX if self.layout.padding == "reflect" else GRID_PX
        padded, holes, barred = (
            _continue(batch, least) for batch in (images, masks, masks if avoid is None else avoid)
        )
        if images.device.type == "cpu" and not torch.is_grad_enabled():
            padded = padded.contiguous(memory_format=torch.channels_last)
        fill = self._fill_holes if hole_only else self._fill_everything
        stages = fill(padded, holes, barred)
        coarse, refined = (stage[:, :, :height, :width].contiguous() for stage in stages)
        return coarse, refined

    def _fill_everything(self, images: Tensor, masks: Tensor, barred: Tensor) -> tuple[Tensor, Tensor]:
        coarse = self._coarse(images, masks)
        composite = torch.where(masks > 0, coarse, images)
        inputs = self._refiner_inputs(composite, masks)
        attended = self.attended(self._attend(inputs, barred, needed=None))
        features = torch.cat([self.hallucination(inputs), attended], dim=1)
        return coarse, _to_rgb(self.decoder(features))

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
        attended = self._attend(inputs, barred, needed=self._needed_cells(hole))
        tail = _around(rows, columns, 4 * self._reach.tail_features, images.shape)
        body = _around(rows, columns, self._reach.hallucination_px, images.shape)
        features = torch.cat(
            [
                self.hallucination(inputs[body])[_quarter(tail, body)],
                self.attended(attended[_quarter(tail)]),
            ],
            dim=1,
        )
        _paste(refined, _to_rgb(self.decoder(features)), hole, tail)
        return coarse, refined

    def _coarse(self, images: Tensor, masks: Tensor) -> Tensor:
        known = images.masked_fill(masks > 0, 0)
        return _to_rgb(self.coarse(torch.cat([known, torch.ones_like(masks), masks], dim=1)))

    def _refiner_inputs(self, composite: Tensor, masks: Tensor) -> Tensor:
        if self.layout.refiner_inputs == 3:
            return composite
        return torch.cat([composite, torch.ones_like(masks), masks], dim=1)

    def _attend(self, inputs: Tensor, barred: Tensor, needed: Tensor | None) -> Tensor:
        return contextual_attention(
            self.matching(inputs),
            barred,
            self.layout.attention,
            needed=needed,
            max_scores_mb=self.max_scores_mb,
        )

    def _needed_cells(self, hole: Tensor) -> Tensor:
        """Cells whose answer reaches the hole, bool (N, H/8, W/8). Pooled, so that no thin hole is missed."""
        reach = self._reach.tail_features
        features = F.max_pool2d(hole.float(), 4)
        near = F.max_pool2d(features, 2 * reach + 1, stride=1, padding=reach)
        return F.max_pool2d(near, 4, stride=2, padding=1)[:, 0] > 0


class _Reach:
    """How far from the hole each branch must see, from the layers themselves."""

    def __init__(self, specs: dict[str, tuple[ConvSpec, ...]]) -> None:
        self.coarse_px = reach_px(specs["coarse"])
        self.tail_features = reach_px(specs["attended"] + specs["decoder"])
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


def _to_rgb(response: Tensor) -> Tensor:
    # float32 before the tanh: half precision would cost a visible step.
    return torch.tanh(response.float())


def _continue(batch: Tensor, least_px: int) -> Tensor:
    """Grown by reflection at the bottom and the right to a multiple of 8 of at least `least_px`."""
    for dim in (2, 3):
        size = batch.shape[dim]
        target = max(-(-size // GRID_PX) * GRID_PX, least_px)
        if target != size:
            period = max(2 * size - 2, 1)
            index = torch.arange(target, device=batch.device) % period
            batch = batch.index_select(dim, torch.where(index < size, index, period - index))
    return batch


def _check(images: Tensor, masks: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
        raise ValueError(f"expected images of shape (N, 3, H, W), received {tuple(images.shape)}")
    expected = (len(images), 1, *images.shape[-2:])
    if tuple(masks.shape) != expected:
        raise ValueError(f"expected masks of shape {expected}, received {tuple(masks.shape)}")
    for name, batch in (("images", images), ("masks", masks)):
        if batch.dtype != torch.float32:
            raise TypeError(
                f"expected {name} of dtype float32, received {str(batch.dtype).removeprefix('torch.')}"
            )
