"""Edges where a photo is destroyed: EdgeConnect's first generator (Nazeri et al. 2019, arXiv 1901.00212).

Section 3.1 and the released code (github.com/knazeri/edge-connect), from which the facts are: an encoder that
halves the size twice, eight residual blocks whose first convolution is dilated by 2, a decoder back; instance
normalisation throughout, spectral normalisation of every convolution but the last. Here besides: continuous
masks, so that a partly destroyed pixel of the photo and of the edges fades in proportion.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from inpaint.networks.batches import check_images, check_maps, continue_by_reflection
from inpaint.networks.conv_norm import Activation, ConvNorm, draw_normal
from inpaint.networks.fill_network import NamedNetwork, check_width, fresh_weights, scaled

CHANNELS = (64, 128, 256)
BLOCKS = 8
DILATION = 2
INPUTS = 3  # grey photo, edges, mask
LEAST_PX = 16  # so that the reflection in a block, 2 of a quarter of the size, finds enough
TO_GREY = (0.299, 0.587, 0.114)  # as OpenCV has it, by which Canny's edges are found


class EdgePredictor(NamedNetwork):
    """`logits = network(images, canny, masks)`: the edges that a whole photo would have, also in its holes;
    `network.edges(images, canny, masks)` in [0, 1].

    width: multiplies the channels of every layer.
    spectral: normalise the weights spectrally, for training; `fixed` gives the network that needs it no more.
    Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for a width outside (0, 4].
    """

    name: ClassVar[str] = "edge-prediction"
    title: ClassVar[str] = "edge prediction"
    grid_px: ClassVar[int] = 4

    def __init__(
        self, *, width: float = 1.0, spectral: bool = True, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_width(width)
        self.width = width
        self.options = {"width": width, "spectral": spectral}
        first, second, third = (scaled(count, width) for count in CHANNELS)
        with fresh_weights(generator):
            self.encoder = nn.Sequential(
                _layer(INPUTS, first, spectral, kernel=7),
                _layer(first, second, spectral, kernel=4, stride=2),
                _layer(second, third, spectral, kernel=4, stride=2),
            )
            self.blocks = nn.Sequential(*(_ResidualBlock(third, spectral) for _ in range(BLOCKS)))
            self.decoder = nn.Sequential(
                _layer(third, second, spectral, kernel=4, stride=2, up=True),
                _layer(second, first, spectral, kernel=4, stride=2, up=True),
                ConvNorm(first, 1, kernel=7, norm=False, reflect=True, activation="none"),
            )
            draw_normal(self)

    def forward(self, images: Tensor, canny: Tensor, masks: Tensor) -> Tensor:
        """Logits, float32 (N, 1, H, W); 0 = an edge or none, alike.

        images: float32 (N, 3, H, W) in [-1, 1], damaged; of a pixel counts what is not destroyed.
        canny: float32 (N, 1, H, W), 1 = an edge of what is left (`inpaint.edges.canny_maps`).
        masks: float32 (N, 1, H, W) in [0, 1], how much of each pixel is destroyed.
        Any H and W: a size that is no multiple of 4 is continued by reflection inside, and cut off again.

        Raises TypeError or ValueError for another dtype or shape.
        """
        check_images(images)
        check_maps("canny", canny, images)
        check_maps("masks", masks, images)
        height, width = images.shape[-2:]
        # White where destroyed, as in the released code.
        left = torch.lerp(grey(images), torch.ones_like(masks), masks)
        inputs = torch.cat([left, canny * (1 - masks), masks], dim=1)
        inputs = continue_by_reflection(inputs, grid_px=self.grid_px, least_px=LEAST_PX)
        if images.device.type == "cpu" and not torch.is_grad_enabled():
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        features = self.blocks(self.encoder(inputs.to(self.dtype)))
        result: Tensor = self.decoder(features).float()[:, :, :height, :width].contiguous()
        return result

    def edges(self, images: Tensor, canny: Tensor, masks: Tensor) -> Tensor:
        """How sure there is an edge, float32 (N, 1, H, W) in [0, 1]; arguments as for `forward`."""
        return torch.sigmoid(self(images, canny, masks))

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.parameters()).dtype

    def fixed(self) -> "EdgePredictor":
        """A network with this one's weights as they are used, which gives the same and learns no more.

        It is quicker and may be saved in half precision: the normalisation would not stand rounded vectors.
        """
        fixed = EdgePredictor(width=self.width, spectral=False).eval()
        training = self.training
        self.eval()  # in training, a look at a normalised weight changes it
        state = {}
        for name in fixed.state_dict():
            layer, _, kind = name.rpartition(".")
            state[name] = getattr(self.get_submodule(layer), kind).detach()
        self.train(training)
        fixed.load_state_dict(state)
        return fixed


def join_edges(predicted: Tensor, canny: Tensor, masks: Tensor) -> Tensor:
    """Predicted edges where the photo is destroyed, Canny's elsewhere, in proportion between.

    All float32 (N, 1, H, W) in [0, 1], and so is what is returned.
    """
    return torch.lerp(canny, predicted, masks)


def grey(images: Tensor) -> Tensor:
    """(N, 3, H, W) -> luma, (N, 1, H, W), on the same scale."""
    weights = torch.tensor(TO_GREY, dtype=images.dtype, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


class _ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions, the first dilated, added to what comes in; no activation after."""

    def __init__(self, channels: int, spectral: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _layer(channels, channels, spectral, dilation=DILATION, bias=False),
            _layer(channels, channels, spectral, bias=False, activation="none"),
        )

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = features + self.layers(features)
        return result


def _layer(
    in_channels: int,
    channels: int,
    spectral: bool,
    *,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    up: bool = False,
    bias: bool = True,
    activation: Activation = "relu",
) -> ConvNorm:
    return ConvNorm(
        in_channels,
        channels,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        up=up,
        bias=bias,
        instance=True,
        spectral=spectral,
        reflect=stride == 1,
        activation=activation,
    )
