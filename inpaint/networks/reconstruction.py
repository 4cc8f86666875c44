"""The photo from what is left of it, the damage map and its edges: gated convolutions, coarse to fine.

Like DeepFillv2 (Yu et al. 2019, arXiv 1806.03589, figure 3), whose layers it has, without skip connections;
but the refinement has one encoder, from which both branches go on, dilated convolutions and contextual
attention, joined before the decoder. DeepFillv2 has an encoder for each, so `TwoStageNetwork` cannot serve.

The map is continuous. What is left of a partly destroyed pixel is worth something, so the network is shown
`(1 - map^4) * photo`, the map beside it: 94 % of a pixel half destroyed, nothing of one that is wholly, whose
colour would have to be unlearnt. It answers `(1 - map) * photo + map * drawn`. A pixel x covered
by c to a share m shows (1 - m) x + m c, so for the blend to be x, drawn must be (2 - m) x - (1 - m) c: the
photo itself where m = 1, and past it, away from the cover, where m is less; hence up to 3 either way.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from inpaint.networks.attention import check_bound, contextual_attention
from inpaint.networks.batches import check_images, check_maps, continue_by_reflection
from inpaint.networks.fill_network import NamedNetwork, check_width
from inpaint.networks.gated_conv import ConvSpec, GatedConv, gated_convs
from inpaint.networks.layouts import MMAGIC_ATTENTION, at_width, decoder, dilated, encoder

INPUTS = 5  # photo, map, edges
BRANCHES = {
    "coarse": encoder(24, 48, 48, 96, 96, 96) + dilated(96) + decoder(96, 96, 48, 48, 24, 12),
    "encoder": encoder(24, 48, 48, 96, 96, 96),
    "dilated": dilated(96),
    "attended": (ConvSpec(96), ConvSpec(96)),
    "decoder": decoder(96, 96, 48, 48, 24, 12),
}
CELL_PX = 8  # what attention copies at least: 2 x 2 features of a quarter of the size
BARRED_FROM = 0.25
"""From which destroyed share on attention copies nothing from a cell: a scratch alone leaves enough of it."""
MOST_DRAWN = 3.0
HIDDEN_POWER = 4
"""Of the destroyed share: how much of a pixel is hidden from the network."""


class Reconstructor(NamedNetwork):
    """`coarse, refined = network(images, maps, edges)`: the repaired photo, in two stages.

    width: multiplies the channels of every layer.
    max_scores_mb: bound on the attention's score matrices, in MiB (None: 96 on a CPU, 1024 on a GPU).
    Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for a width outside (0, 4] or a bound that is not above 0.
    """

    name: ClassVar[str] = "reconstruction"
    title: ClassVar[str] = "reconstruction"
    grid_px: ClassVar[int] = CELL_PX

    def __init__(
        self,
        *,
        width: float = 1.0,
        max_scores_mb: float | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_width(width)
        check_bound(max_scores_mb)
        self.options = {"width": width}
        self.max_scores_mb = max_scores_mb
        branches = {name: at_width(specs, width) for name, specs in BRANCHES.items()}
        features = branches["encoder"][-1].channels
        self.coarse = gated_convs(INPUTS, branches["coarse"], "zeros")
        self.encoder = gated_convs(INPUTS, branches["encoder"], "zeros")
        self.dilated = gated_convs(features, branches["dilated"], "zeros")
        self.attended = gated_convs(features, branches["attended"], "zeros")
        self.decoder = gated_convs(2 * features, branches["decoder"], "zeros")
        self._draw_weights(generator or torch.Generator().manual_seed(0))

    def forward(self, images: Tensor, maps: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """(coarse, refined), both float32 (N, 3, H, W): `images` where the map is 0, bit for bit.

        They may leave [-1, 1] a little; `inpaint.tensors.tensor_to_images` clips.

        images: float32 (N, 3, H, W) in [-1, 1], damaged. maps: float32 (N, 1, H, W) in [0, 1], how much of
        each pixel is destroyed. edges: float32 (N, 1, H, W) in [0, 1], of the photo as it should be
        (`inpaint.networks.edge_prediction.join_edges`). Any H and W: a size that is no multiple of 8 is
        continued by reflection inside, and cut off again.

        Raises TypeError or ValueError for another dtype or shape.
        """
        check_images(images)
        check_maps("maps", maps, images)
        check_maps("edges", edges, images)
        height, width = images.shape[-2:]
        photos, destroyed, lines = (
            continue_by_reflection(batch, grid_px=self.grid_px, least_px=self.grid_px)
            for batch in (images, maps, edges)
        )
        left = photos * (1 - destroyed**HIDDEN_POWER)
        coarse = _blended(photos, self.coarse(self._inputs(left, destroyed, lines)), destroyed)
        features = self.encoder(self._inputs(coarse, destroyed, lines))
        copied = contextual_attention(
            features, barred(destroyed), MMAGIC_ATTENTION, max_scores_mb=self.max_scores_mb
        )
        joined = torch.cat([self.dilated(features), self.attended(copied)], dim=1)
        refined = _blended(photos, self.decoder(joined), destroyed)
        coarse, refined = (stage[:, :, :height, :width].contiguous() for stage in (coarse, refined))
        return coarse, refined

    def _inputs(self, photos: Tensor, maps: Tensor, edges: Tensor) -> Tensor:
        inputs = torch.cat([photos, maps, edges], dim=1).to(next(self.parameters()).dtype)
        if inputs.device.type == "cpu" and not torch.is_grad_enabled():
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        return inputs

    def _draw_weights(self, generator: torch.Generator) -> None:
        # A gate halves what passes, so twice what keeps a signal's strength without one; else the seventeen
        # layers leave nothing of it.
        for layer in self.modules():
            if isinstance(layer, GatedConv):
                strength = 2.0 if layer.spec.gated else 1.0
                nn.init.normal_(
                    layer.weight, 0.0, strength * layer.weight[0].numel() ** -0.5, generator=generator
                )


def barred(maps: Tensor) -> Tensor:
    """What attention copies nothing from, (N, 1, H / 4, W / 4), 1 = a cell of which too much is destroyed."""
    cells = (F.avg_pool2d(maps, CELL_PX) >= BARRED_FROM).to(maps.dtype)
    return F.interpolate(cells, scale_factor=2.0, mode="nearest")


def _blended(photos: Tensor, response: Tensor, maps: Tensor) -> Tensor:
    """float32: half precision would cost a visible step."""
    drawn = MOST_DRAWN * torch.tanh(response.float() / MOST_DRAWN)
    return torch.lerp(photos, drawn, maps)
