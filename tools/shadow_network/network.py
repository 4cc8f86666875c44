"""The network that draws an object's shadow: EfficientNet-Lite0's first stages and a small decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.finder.lite_trunk import InvertedBottleneck, LiteTrunk, SameConv, folded_state

STAGES = 4  # of the trunk that are used, the last at 1/16
SKIPS = (16, 24, 40)  # channels at 1/2, 1/4 and 1/8
DEEPEST = 80
WIDTHS = (48, 32, 16)  # of the decoder, at 1/8, 1/4 and 1/2
PLANES = 2


class Merge(nn.Module):
    """Enlarge the deep features to the size of the finer ones, add both, mix."""

    def __init__(self, deep: int, skip: int, channels_out: int, *, fused: bool = False):
        super().__init__()
        self.deep = SameConv(deep, channels_out, 1, fused=fused)
        self.skip = SameConv(skip, channels_out, 1, fused=fused)
        self.mix = SameConv(channels_out, channels_out, 3, fused=fused)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        enlarged = functional.interpolate(
            self.deep(deep), scale_factor=2, mode="bilinear", align_corners=False
        )
        return functional.relu(self.mix(functional.relu(enlarged + self.skip(skip))))


class ShadowNetwork(nn.Module):
    """images float32 (N, 3, H, W) in [-1, 1] RGB and planes float32 (N, 2, H, W): how much of a pixel the
    objects cover, and 1 beyond the photo. Returns logits float32 (N, 1, H/2, W/2) of "this is their shadow or
    reflection". The first stages of the trunk see the photo alone and stay as they were published; the planes
    join their features at 1/2 and 1/4. `fused` = as shipped, the normalisation folded into the convolutions
    by `fused_copy`."""

    def __init__(self, *, fused: bool = False) -> None:
        super().__init__()
        trunk = LiteTrunk(fused=fused)
        self.stem, self.stages = trunk.stem, nn.ModuleList(list(trunk.stages)[:STAGES])
        self.half_planes = nn.Conv2d(3 + PLANES, SKIPS[0], 4, 2, 1)
        self.quarter_planes = nn.Sequential(
            nn.Conv2d(SKIPS[0], SKIPS[1], 3, 2, 1), nn.ReLU(), nn.Conv2d(SKIPS[1], SKIPS[1], 1)
        )
        self.context = nn.ModuleList(
            [InvertedBottleneck(DEEPEST, DEEPEST, 5, 1, 4, fused=fused) for _ in range(2)]
        )
        self.scene = nn.Linear(DEEPEST, DEEPEST)
        self.merges = nn.ModuleList(
            [
                Merge(DEEPEST, SKIPS[2], WIDTHS[0], fused=fused),
                Merge(WIDTHS[0], SKIPS[1], WIDTHS[1], fused=fused),
                Merge(WIDTHS[1], SKIPS[0], WIDTHS[2], fused=fused),
            ]
        )
        self.head = nn.Conv2d(WIDTHS[2], 1, 3, 1, 1)
        nn.init.constant_(self.head.bias, -3.0)  # type: ignore[arg-type]

    def front(self) -> list[nn.Module]:
        """The parts that are not learned."""
        return [self.stem, self.stages[0], self.stages[1]]

    def train(self, mode: bool = True) -> ShadowNetwork:
        super().train(mode)
        for part in self.front():
            part.eval()
        return self

    def forward(self, images: Tensor, planes: Tensor) -> Tensor:
        stem, first, second = self.front()
        half = first(functional.relu6(stem(images)))
        quarter = second(half)
        seen = functional.relu(self.half_planes(torch.cat([images, planes], 1)))
        half = half + seen
        quarter = quarter + self.quarter_planes(seen)
        eighth = self.stages[2](quarter)
        features = self.stages[3](eighth)
        for block in self.context:
            features = block(features)
        features = features + self.scene(features.mean(dim=(2, 3)))[:, :, None, None]
        for merge, skip in zip(self.merges, (eighth, quarter, half), strict=True):
            features = merge(features, skip)
        logits: Tensor = self.head(features)
        return logits

    def fused_copy(self) -> ShadowNetwork:
        """The same function (in evaluation mode) with every batch normalisation folded into its
        convolution."""
        fused = ShadowNetwork(fused=True).eval()
        fused.load_state_dict(folded_state(self))
        return fused
