"""The plain encoder-decoder, baseline of the comparisons: trained by squared error alone, no paper's own."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from inpaint.networks.conv_norm import ConvNorm, draw_normal
from inpaint.networks.fill_network import OneStageNetwork, check_width, fresh_weights, scaled

CHANNELS = (64, 128, 256, 512)
"""Of the encoder; each layer halves the size, the decoder's go back the same way."""
INPUTS = 4  # image, mask


class Autoencoder(OneStageNetwork):
    """`(filled,) = network(images, masks)`: four convolutions down to a 16th of the size, four up again.

    width: multiplies the channels of every layer.
    sees_hole: show it what lies under the hole.
    Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for a width outside (0, 4].
    """

    name: ClassVar[str] = "autoencoder"
    title: ClassVar[str] = "autoencoder"
    grid_px: ClassVar[int] = 2 ** len(CHANNELS)

    def __init__(
        self, *, width: float = 1.0, sees_hole: bool = False, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_width(width)
        self.sees_hole = sees_hole
        self.options = {"width": width, "sees_hole": sees_hole}
        channels = [scaled(count, width) for count in CHANNELS]
        with fresh_weights(generator):
            self.encoder = halving(INPUTS, channels)
            self.decoder = doubling(channels[-1], channels[-2::-1])
            draw_normal(self)

    def draw(self, images: Tensor, masks: Tensor) -> Tensor:
        """The fill, in [-1, 1] by a tanh."""
        return torch.tanh(
            self.decoder(self.encoder(torch.cat([self.shown(images, masks), masks], dim=1))).float()
        )


def halving(in_channels: int, channels: list[int]) -> nn.Sequential:
    """4 x 4 convolutions of stride 2 with leaky ReLU; the first not normalised (Radford et al. 2015)."""
    layers = []
    for index, count in enumerate(channels):
        layers.append(
            ConvNorm(
                in_channels, count, kernel=4, stride=2, norm=index > 0, bias=True, activation="leaky_relu"
            )
        )
        in_channels = count
    return nn.Sequential(*layers)


def doubling(in_channels: int, channels: list[int]) -> nn.Sequential:
    """4 x 4 transposed convolutions of stride 2 with ReLU, and one more to RGB without."""
    layers = []
    for count in channels:
        layers.append(ConvNorm(in_channels, count, kernel=4, stride=2, up=True, bias=True))
        in_channels = count
    last = ConvNorm(in_channels, 3, kernel=4, stride=2, up=True, norm=False, activation="none")
    return nn.Sequential(*layers, last)
