"""The completion network of GLCIC (Iizuka et al. 2017, "Globally and locally consistent image completion").

Layers as in the paper's table 1; names as mmagic published them (github.com/open-mmlab/mmagic, global_local).
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from inpaint.networks.conv_norm import ConvNorm
from inpaint.networks.fill_network import OneStageNetwork, check_width, fresh_weights, scaled

ENCODER = ((64, 5, 1), (128, 3, 2), (128, 3, 1), (256, 3, 2), (256, 3, 1), (256, 3, 1))
"""Channels, kernel, stride."""
DILATIONS = (2, 4, 8, 16)
DECODER = ((256, False), (256, False), (128, True), (128, False), (64, True), (32, False))
"""Channels, whether it doubles the size."""
INPUTS = 4  # image, mask


class GLCIC(OneStageNetwork):
    """`(filled,) = network(images, masks)`, dilated convolutions with batch normalisation.

    width: multiplies the channels of every layer.
    sees_hole: show it what lies under the hole.
    Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for a width outside (0, 4].
    """

    name: ClassVar[str] = "glcic"
    title: ClassVar[str] = "GLCIC"
    grid_px: ClassVar[int] = 4

    def __init__(
        self, *, width: float = 1.0, sees_hole: bool = False, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_width(width)
        self.sees_hole = sees_hole
        self.options = {"width": width, "sees_hole": sees_hole}
        channels = INPUTS
        encoder, dilated, decoder = [], [], []
        with fresh_weights(generator):
            for count, kernel, stride in ENCODER:
                encoder.append(ConvNorm(channels, scaled(count, width), kernel=kernel, stride=stride))
                channels = scaled(count, width)
            for dilation in DILATIONS:
                dilated.append(ConvNorm(channels, channels, dilation=dilation))
            for count, up in DECODER:
                kernel, stride = (4, 2) if up else (3, 1)
                decoder.append(ConvNorm(channels, scaled(count, width), kernel=kernel, stride=stride, up=up))
                channels = scaled(count, width)
            decoder.append(ConvNorm(channels, 3, norm=False, activation="none"))
        self.encoder = nn.Sequential(*encoder)
        self.dilated = nn.Sequential(*dilated)
        self.decoder = nn.Sequential(*decoder)

    def draw(self, images: Tensor, masks: Tensor) -> Tensor:
        """The fill, clipped to [-1, 1]."""
        features = self.encoder(torch.cat([self.shown(images, masks), masks], dim=1))
        result: Tensor = self.decoder(self.dilated(features)).float().clamp(-1, 1)
        return result


def _published_names() -> dict[str, str]:
    layers = {
        **{f"encoder.enc{index + 1}": f"encoder.{index}" for index in range(len(ENCODER))},
        **{f"dilation_neck.dilation_convs.{index}": f"dilated.{index}" for index in range(len(DILATIONS))},
        **{f"decoder.dec{index + 1}": f"decoder.{index}" for index in range(len(DECODER))},
    }
    kinds = {"conv.weight": "conv.weight"} | {
        f"bn.{kind}": f"norm.{kind}" for kind in ("weight", "bias", "running_mean", "running_var")
    }
    last = {f"decoder.dec7.conv.{kind}": f"decoder.6.conv.{kind}" for kind in ("weight", "bias")}
    return {
        f"{published}.{theirs}": f"{ours}.{kind}"
        for published, ours in layers.items()
        for theirs, kind in kinds.items()
    } | last


KEY_MAP = _published_names()
"""Published name of a parameter or running statistic -> ours."""
