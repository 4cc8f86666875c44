"""The context encoder (Pathak et al. 2016, arXiv 1604.07379).

Five convolutions, the channel-wise fully connected layer of section 3.1, five up-convolutions. Sizes and
normalisation as in the authors' inpainting code (github.com/pathak22/context-encoder, train_random.lua). That
has a full bottleneck of 4,000 numbers in the middle instead; both can be built.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from inpaint.networks.autoencoder import doubling, halving
from inpaint.networks.batches import check_batches
from inpaint.networks.conv_norm import LEAK, ConvNorm, draw_normal
from inpaint.networks.fill_network import FillNetwork, check_width, fresh_weights, scaled

CHANNELS = (64, 64, 128, 256, 512)
RELEASED_BOTTLENECK = 4000
MOST_NUMBERS = 4 * RELEASED_BOTTLENECK
MEAN_RGB = (123.0, 117.0, 104.0)  # ImageNet's, with which the paper paints the hole
SIZES_PX = (64, 128, 256)


class ChannelwiseFullyConnected(nn.Module):
    """Each feature map of `cells` features connected in full to itself, and to no other map.

    channels * cells^2 weights (section 3.1: m n^4 for m maps of n x n), and a bias for each feature.
    """

    def __init__(self, channels: int, cells: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, cells, cells))
        self.bias = nn.Parameter(torch.zeros(channels, cells))
        nn.init.normal_(self.weight, 0.0, cells**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, H, W) with H * W = cells -> the same shape."""
        flat = torch.einsum("ncj,cij->nci", features.flatten(2), self.weight) + self.bias
        return flat.view_as(features)


class ContextEncoder(FillNetwork):
    """`(filled,) = network(images, masks)`: sees the whole picture at once, at one small size.

    size_px: height and width that it works at; images of another size are brought to it and back. Its layers
        halve it to a 32nd.
    bottleneck: numbers in the middle as in the released code; None = the paper's channel-wise layer, followed
        by a 1 x 1 convolution that lets channels exchange.
    width: multiplies the channels of every layer and the bottleneck.
    sees_hole: show it what lies under the hole; otherwise that is ImageNet's mean colour.
    Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for another size, a bottleneck outside [1, 16000], a width outside (0, 4].
    """

    name: ClassVar[str] = "context-encoder"
    title: ClassVar[str] = "context encoder"
    size_px: int

    def __init__(
        self,
        *,
        size_px: int = 128,
        bottleneck: int | None = None,
        width: float = 1.0,
        sees_hole: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_width(width)
        if size_px not in SIZES_PX:
            raise ValueError(f"expected a size_px of {', '.join(map(str, SIZES_PX))}, got {size_px}")
        if bottleneck is not None and not 1 <= bottleneck <= MOST_NUMBERS:
            raise ValueError(f"expected a bottleneck of 1 to {MOST_NUMBERS}, got {bottleneck}")
        self.size_px = size_px
        self.sees_hole = sees_hole
        self.options = {
            "size_px": size_px,
            "bottleneck": bottleneck,
            "width": width,
            "sees_hole": sees_hole,
        }
        channels = [scaled(count, width) for count in CHANNELS]
        side = size_px // 2 ** len(CHANNELS)
        with fresh_weights(generator):
            self.encoder = halving(3, channels)
            self.decoder = doubling(channels[-1], channels[-2::-1])
            if bottleneck is None:
                self.middle = _channelwise(channels[-1], side)
            else:
                self.middle = _bottleneck(channels[-1], scaled(bottleneck, width), side)
            draw_normal(self)
        mean = torch.tensor(MEAN_RGB).div(127.5).sub(1).view(1, 3, 1, 1)
        self.register_buffer("mean", mean, persistent=False)

    def forward(self, images: Tensor, masks: Tensor) -> tuple[Tensor]:
        """(filled,), as the base class says. Shrunk, a pixel with any part of the hole is hole."""
        check_batches(images, masks)
        size = images.shape[-2:]
        known = self.shown(images, masks)
        if size != (self.size_px, self.size_px):
            known = self._resized(known)
            known = self.shown(known, (self._resized(masks) > 1e-6).float())
        filled = torch.tanh(self.decoder(self.middle(self.encoder(known))).float())
        if size != filled.shape[-2:]:
            filled = F.interpolate(filled, size=size, mode="bilinear", antialias=True)
        return (filled,)

    def shown(self, images: Tensor, masks: Tensor) -> Tensor:
        """As the base class says, with the mean colour in place of 0."""
        return images if self.sees_hole else torch.where(masks > 0, self.get_buffer("mean"), images)

    def _resized(self, batch: Tensor) -> Tensor:
        size = (self.size_px, self.size_px)
        return F.interpolate(batch, size=size, mode="bilinear", antialias=True)


def _channelwise(channels: int, side: int) -> nn.Sequential:
    layer = ChannelwiseFullyConnected(channels, side**2)
    return nn.Sequential(layer, ConvNorm(channels, channels, kernel=1, bias=True))


def _bottleneck(channels: int, numbers: int, side: int) -> nn.Sequential:
    """To a vector and back, as released: 4 x 4 convolutions without padding."""
    return nn.Sequential(
        nn.Conv2d(channels, numbers, side),
        nn.BatchNorm2d(numbers),
        nn.LeakyReLU(LEAK),
        nn.ConvTranspose2d(numbers, channels, side),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )
