"""bfloat16 for the convolutions of a network, where the processor or the GPU has instructions for it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torchvision.ops import FrozenBatchNorm2d


class InBfloat16(nn.Module):
    """Runs a part of a network in bfloat16 and hands its result back in float32.

    inner: a module from one float32 tensor to one, or to a dict of them. Its normalisations are folded into
    the convolutions before these are rounded, so it is changed and must be in eval mode.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        fold_norms(inner)
        self.inner = inner.to(torch.bfloat16)

    def forward(self, x: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor]:
        result = self.inner(x.to(torch.bfloat16))
        if isinstance(result, dict):
            return {name: tensor.float() for name, tensor in result.items()}
        value: torch.Tensor | dict[str, torch.Tensor] = result.float()
        return value


def fold_norms(module: nn.Module) -> None:
    """Folds each batch normalisation into the convolution right before it (same outputs, in eval mode)."""
    previous: nn.Module | None = None
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d | FrozenBatchNorm2d) and isinstance(previous, nn.Conv2d):
            mean, variance = child.running_mean, child.running_var
            if mean is None or variance is None:
                raise ValueError(f"expected running statistics in normalisation {name!r}, got none")
            previous.weight, previous.bias = fuse_conv_bn_weights(
                previous.weight, previous.bias, mean, variance, child.eps, child.weight, child.bias
            )
            setattr(module, name, nn.Identity())
        else:
            fold_norms(child)
        previous = child
