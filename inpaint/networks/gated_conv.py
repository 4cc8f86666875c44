"""Gated convolution, the layer all of DeepFillv2 is made of, and the plain one of DeepFillv1."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

Padding = Literal["zeros", "reflect", "same"]
Activation = Literal["elu", "relu", "none"]


@dataclass(frozen=True)
class ConvSpec:
    """One convolution. `upsample` doubles the size before it (nearest neighbour); not `gated`: plain."""

    channels: int
    kernel: int = 3
    stride: int = 1
    dilation: int = 1
    upsample: bool = False
    activation: Activation = "elu"
    gated: bool = True


class GatedConv(nn.Module):
    """activation(features) * sigmoid(gate), both from one kernel (Yu et al. 2019, arXiv 1806.03589,
    equation 3).

    `padding`: "zeros" and "reflect" pad both sides alike; "same" is TensorFlow's, which pads a convolution of
    stride 2 on the bottom and the right only when the size is even.
    """

    def __init__(self, in_channels: int, spec: ConvSpec, padding: Padding) -> None:
        super().__init__()
        self.spec = spec
        self.padding = padding
        out_channels = 2 * spec.channels if spec.gated else spec.channels
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, spec.kernel, spec.kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, features: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, channels, H', W'); H' = H / stride, doubled with `upsample`."""
        if self.spec.upsample:
            features = F.interpolate(features, scale_factor=2.0, mode="nearest")
        features, padding = self._pad(features)
        if not self.spec.gated:
            plain = self._convolve(features, padding, self.weight, self.bias)
            return self._activate(plain, inplace=not torch.is_grad_enabled())
        if features.device.type == "cpu" and not torch.is_grad_enabled():
            return self._gate_in_place(features, padding)
        both = self._convolve(features, padding, self.weight, self.bias)
        response, gate = both.chunk(2, dim=1)
        return self._activate(response) * torch.sigmoid(gate)

    def _gate_in_place(self, features: Tensor, padding: int) -> Tensor:
        # Two convolutions instead of one: with channels last the halves of one result are strided, and the
        # arithmetic on them takes longer than the convolution. In place, because fresh large buffers cost
        # more (page faults) than the arithmetic too.
        half = self.spec.channels
        response = self._convolve(features, padding, self.weight[:half], self.bias[:half])
        gate = self._convolve(features, padding, self.weight[half:], self.bias[half:])
        return self._activate(response, inplace=True).mul_(gate.sigmoid_())

    def _activate(self, response: Tensor, *, inplace: bool = False) -> Tensor:
        if self.spec.activation == "elu":
            return F.elu(response, inplace=inplace)
        if self.spec.activation == "relu":
            return F.relu(response, inplace=inplace)
        return response

    def _convolve(self, features: Tensor, padding: int, weight: Tensor, bias: Tensor) -> Tensor:
        return F.conv2d(features, weight, bias, self.spec.stride, padding, self.spec.dilation)

    def _pad(self, features: Tensor) -> tuple[Tensor, int]:
        """The features, padded where the convolution cannot do it itself, and what is left for it to pad."""
        reach = self.spec.dilation * (self.spec.kernel - 1) // 2
        if self.padding == "reflect":
            return F.pad(features, (reach, reach, reach, reach), mode="reflect"), 0
        if self.padding == "same" and self.spec.stride > 1:
            width, height = (self._same_padding(size) for size in (features.shape[-1], features.shape[-2]))
            return F.pad(features, (*width, *height)), 0
        return features, reach

    def _same_padding(self, size: int) -> tuple[int, int]:
        spec = self.spec
        extent = spec.dilation * (spec.kernel - 1) + 1
        total = max((-(-size // spec.stride) - 1) * spec.stride + extent - size, 0)
        return total // 2, total - total // 2


def gated_convs(in_channels: int, specs: tuple[ConvSpec, ...], padding: Padding) -> nn.Sequential:
    """The layers of `specs` one after another."""
    layers = []
    for spec in specs:
        layers.append(GatedConv(in_channels, spec, padding))
        in_channels = spec.channels
    return nn.Sequential(*layers)


def reach_px(specs: tuple[ConvSpec, ...], output_px: int = 0) -> int:
    """How far from a pixel, in pixels of the input, the input can change the output within `output_px` of it.

    Both are counted in pixels of their own grid. Everything farther away may be cut off without any effect.
    """
    radius = output_px
    for spec in reversed(specs):
        radius = radius * spec.stride + spec.dilation * (spec.kernel - 1) // 2 + spec.stride - 1
        if spec.upsample:
            radius = -(-radius // 2)
    return radius
