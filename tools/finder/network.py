"""The network behind the `builtin` segmenter: a small residual U-Net with a global view.

After Ronneberger et al. 2015 (skip connections), He et al. 2016 (residual blocks) and Liu et al. 2015
("ParseNet": the mean over the whole picture is added at the bottom, so that every place knows the scene). A
second head tells people from each other as in Cheng et al. 2020 ("Panoptic-DeepLab"): how much a place is the
middle of a person, and the way from a pixel to the middle of its person.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import fuse_conv_bn_eval

WIDTHS = (32, 64, 112, 168, 208)
DEPTHS = (1, 2, 3, 2)
STRIDE = 32


class ConvNorm(nn.Module):
    """Convolution, then batch normalisation; `fused` = the normalisation is already inside the weights."""

    def __init__(
        self, channels_in: int, channels_out: int, *, size: int = 3, stride: int = 1, fused: bool = False
    ):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, size, stride, size // 2, bias=fused)
        self.norm: nn.Module = nn.Identity() if fused else nn.BatchNorm2d(channels_out)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.conv(features))


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut; `stride` 2 halves the size."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int = 1, fused: bool = False):
        super().__init__()
        self.first = ConvNorm(channels_in, channels_out, stride=stride, fused=fused)
        self.second = ConvNorm(channels_out, channels_out, fused=fused)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = ConvNorm(channels_in, channels_out, size=1, stride=stride, fused=fused)

    def forward(self, features: Tensor) -> Tensor:
        inner = self.second(functional.relu(self.first(features)))
        return functional.relu(inner + self.shortcut(features))


class Merge(nn.Module):
    """One step up: enlarge the deep features to the size of the skip connection, join both, mix."""

    def __init__(self, deep: int, skip: int, channels_out: int, *, fused: bool = False):
        super().__init__()
        self.deep = ConvNorm(deep, channels_out, size=1, fused=fused)
        self.skip = ConvNorm(skip, channels_out, size=1, fused=fused)
        self.mix = Residual(channels_out, channels_out, fused=fused)

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
        stem, *stages = WIDTHS
        self.stem = nn.Conv2d(3, stem, 5, 2, 2)
        self.stages = nn.ModuleList()
        previous = stem
        for width, depth in zip(stages, DEPTHS, strict=True):
            blocks = [Residual(previous, width, stride=2, fused=fused)]
            blocks += [Residual(width, width, fused=fused) for _ in range(depth - 1)]
            self.stages.append(nn.Sequential(*blocks))
            previous = width
        self.scene = nn.Linear(previous, previous)
        self.merges = nn.ModuleList(
            [
                Merge(WIDTHS[4], WIDTHS[3], 112, fused=fused),
                Merge(112, WIDTHS[2], 64, fused=fused),
                Merge(64, WIDTHS[1], 48, fused=fused),
                Merge(48, WIDTHS[0], 24, fused=fused),
            ]
        )
        self.coarse_head = nn.Conv2d(64, 1, 1)
        self.head = nn.Conv2d(24, 1, 3, 1, 1)
        self.instance_mix = ConvNorm(48, 48, fused=fused)
        self.instance_head = nn.Conv2d(48, 3, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        skips = [functional.relu(self.stem(images))]
        for stage in self.stages:
            skips.append(stage(skips[-1]))
        features = skips.pop()
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
        state = {k: v.clone() for k, v in self.state_dict().items() if ".norm." not in k}
        for name, module in self.named_modules():
            if isinstance(module, ConvNorm) and isinstance(module.norm, nn.BatchNorm2d):
                conv = fuse_conv_bn_eval(module.conv.eval(), module.norm.eval())
                assert conv.bias is not None
                state[f"{name}.conv.weight"] = conv.weight.detach()
                state[f"{name}.conv.bias"] = conv.bias.detach()
        fused.load_state_dict(state)
        return fused


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def to_tensor(images: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) -> float32 (N, 3, H, W) in [-1, 1], channels-last in memory."""
    return torch.as_tensor(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
