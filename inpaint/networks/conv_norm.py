"""Convolution, normalisation, activation: the layer of the older networks and of the discriminators."""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

LEAK = 0.2
Activation = Literal["relu", "leaky_relu", "none"]


class ConvNorm(nn.Module):
    """Convolution (`conv`), batch normalisation (`norm`, with it the convolution has no bias), activation.

    Padded with zeros so that the size is divided by `stride`, or with `up` multiplied by it (a transposed
    convolution, kernel even). bias: None = where there is no normalisation; the released Torch code has both.
    instance: normalise each image by itself, without scales, instead of the batch. spectral: divide the
    weights by their largest singular value (Miyato et al. 2018, arXiv 1802.05957). reflect: pad with the
    reflection instead of zeros (not with `up`).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        up: bool = False,
        norm: bool = True,
        bias: bool | None = None,
        instance: bool = False,
        spectral: bool = False,
        reflect: bool = False,
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        bias = not norm if bias is None else bias
        self.conv: nn.Conv2d | nn.ConvTranspose2d
        if up:
            self.conv = nn.ConvTranspose2d(
                in_channels, out_channels, kernel, stride, (kernel - stride) // 2, bias=bias
            )
        else:
            reach = dilation * (kernel - 1) // 2
            mode: Literal["reflect", "zeros"] = "reflect" if reflect else "zeros"
            self.conv = nn.Conv2d(
                in_channels, out_channels, kernel, stride, reach, dilation, bias=bias, padding_mode=mode
            )
        if spectral:
            spectral_norm(self.conv)
        self.norm: nn.Module | None = None
        if norm:
            self.norm = nn.InstanceNorm2d(out_channels) if instance else nn.BatchNorm2d(out_channels)
        self.activation = activation

    def forward(self, features: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H', W')."""
        features = self.conv(features)
        if self.norm is not None:
            features = self.norm(features)
        inplace = not torch.is_grad_enabled()
        if self.activation == "relu":
            return F.relu(features, inplace=inplace)
        if self.activation == "leaky_relu":
            return F.leaky_relu(features, LEAK, inplace=inplace)
        return features


def draw_normal(network: nn.Module, std: float = 0.02) -> None:
    """First weights as Radford et al. 2015 (arXiv 1511.06434): N(0, std), scales N(1, std), biases 0.

    They come from torch's global generator: call it within `fresh_weights`. Spectrally normalised weights
    stay as torch drew them: their scale is divided out, and their largest singular value is known already.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            if not is_parametrized(module):
                nn.init.normal_(module.weight, 0.0, std)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, std)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
