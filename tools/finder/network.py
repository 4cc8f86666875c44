"""The network behind the `builtin` segmenter: EfficientNet-Lite0's features and a small residual decoder.

After Ronneberger et al. 2015 (skip connections), He et al. 2016 (residual blocks), Tan and Le 2019 (the
trunk, `lite_trunk`) and Liu et al. 2015 ("ParseNet": the mean over the whole picture is added at the bottom,
so that every place knows the scene). A second head tells people from each other as in Cheng et al. 2020
("Panoptic-DeepLab"): how much a place is the middle of a person, and the way from a pixel to the middle of
its person.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.finder.lite_trunk import CHANNELS, LiteTrunk, folded_state

WIDTHS = (112, 64, 48, 24)  # of the decoder, at 1/16, 1/8, 1/4 and 1/2
STRIDE = 32


class ConvNorm(nn.Module):
    """Convolution, then batch normalisation; `fused` = the normalisation is already inside the weights."""

    def __init__(self, channels_in: int, channels_out: int, *, size: int = 3, fused: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, size, padding=size // 2, bias=fused)
        self.norm: nn.Module = nn.Identity() if fused else nn.BatchNorm2d(channels_out)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.conv(features))


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, channels: int, *, fused: bool = False):
        super().__init__()
        self.first = ConvNorm(channels, channels, fused=fused)
        self.second = ConvNorm(channels, channels, fused=fused)

    def forward(self, features: Tensor) -> Tensor:
        inner = self.second(functional.relu(self.first(features)))
        return functional.relu(inner + features)


class Merge(nn.Module):
    """One step up: enlarge the deep features to the size of the skip connection, join both, mix."""

    def __init__(self, deep: int, skip: int, channels_out: int, *, fused: bool = False):
        super().__init__()
        self.deep = ConvNorm(deep, channels_out, size=1, fused=fused)
        self.skip = ConvNorm(skip, channels_out, size=1, fused=fused)
        self.mix = Residual(channels_out, fused=fused)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        enlarged = functional.interpolate(
            self.deep(deep), scale_factor=2, mode="bilinear", align_corners=False
        )
        return self.mix(functional.relu(enlarged + self.skip(skip)))


class PersonFinder(nn.Module):
    """Person logits and instances for a batch of images.

    images: float32 (N, 3, H, W) in [-1, 1], RGB, H and W multiples of 32. Returns float32 (N, 1, H/2, W/2)
    logits and float32 (N, 3, H/4, W/4) instances: the logit of a person's middle, then the rows and columns
    from here to the middle of this person, in `person_network.OFFSET_UNIT_PX`. In training mode the logits at
    1/8 follow, for deep supervision. `fused` = the network as shipped, with the batch normalisation folded
    into the convolutions by `fused_copy`.
    """

    def __init__(self, *, fused: bool = False):
        super().__init__()
        half, quarter, eighth, sixteenth, deepest = CHANNELS
        self.trunk = LiteTrunk(fused=fused)
        self.scene = nn.Linear(deepest, deepest)
        self.merges = nn.ModuleList(
            [
                Merge(deepest, sixteenth, WIDTHS[0], fused=fused),
                Merge(WIDTHS[0], eighth, WIDTHS[1], fused=fused),
                Merge(WIDTHS[1], quarter, WIDTHS[2], fused=fused),
                Merge(WIDTHS[2], half, WIDTHS[3], fused=fused),
            ]
        )
        self.coarse_head = nn.Conv2d(WIDTHS[1], 1, 1)
        self.head = nn.Conv2d(WIDTHS[3], 1, 3, 1, 1)
        self.instance_mix = ConvNorm(WIDTHS[2], WIDTHS[2], fused=fused)
        self.instance_head = nn.Conv2d(WIDTHS[2], 3, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        *skips, features = self.trunk(images)
        scene = self.scene(features.mean(dim=(2, 3)))
        features = features + scene[:, :, None, None]
        middle = self.merges[1](self.merges[0](features, skips.pop()), skips.pop())
        quarter = self.merges[2](middle, skips.pop())
        logits = self.head(self.merges[3](quarter, skips.pop()))
        instances = self.instance_head(functional.relu(self.instance_mix(quarter)))
        if self.training:
            return logits, instances, self.coarse_head(middle)
        return logits, instances

    def fused_copy(self) -> PersonFinder:
        """The same function (in evaluation mode) with every batch normalisation folded into its
        convolution."""
        fused = PersonFinder(fused=True).eval()
        fused.load_state_dict(folded_state(self))
        return fused


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def to_tensor(images: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) -> float32 (N, 3, H, W) in [-1, 1], channels-last in memory."""
    return torch.as_tensor(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
