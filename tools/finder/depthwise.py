"""Convolution channel by channel whose gradients are quick on a processor.

The result is that of `functional.conv2d`. PyTorch's own gradients of it take up to 100 times as long as the
way there in bfloat16: for the input where the stride is 2, and for kernels of 5 x 5. Here the first is a
convolution of the gradient with zeros in between, and the second is put together from gradients for kernels
of 3 x 3.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class Depthwise(torch.autograd.Function):
    """images (N, C, H, W), kernels (C, 1, k, k) with k 3 or 5, not padded: call
    `apply(images, kernels, stride)`."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, kernels: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(images, kernels)
        ctx.stride = stride
        return functional.conv2d(images, kernels, stride=stride, groups=images.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        images, kernels = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        return (
            image_gradient(gradient, kernels, ctx.stride, images.shape[2:]),
            kernel_gradient(gradient, images, kernels, ctx.stride),
            None,
        )


def image_gradient(gradient: Tensor, kernels: Tensor, stride: int, size: torch.Size) -> Tensor:
    """The gradient in between zeros, convolved with the turned kernels."""
    count, channels, height, width = gradient.shape
    reach = kernels.shape[-1] - 1
    spread = torch.empty(
        (count, channels, size[0] + reach, size[1] + reach),
        dtype=gradient.dtype,
        memory_format=torch.channels_last,
    ).zero_()
    last = reach + stride * (height - 1) + 1, reach + stride * (width - 1) + 1
    spread[:, :, reach : last[0] : stride, reach : last[1] : stride] = gradient
    return functional.conv2d(spread, kernels.flip(2, 3), groups=channels)


def kernel_gradient(gradient: Tensor, images: Tensor, kernels: Tensor, stride: int) -> Tensor:
    """Of each part of 3 x 3 of the kernels by itself; parts overlap, and agree where they do."""
    result = torch.empty_like(kernels)
    height, width = (stride * (side - 1) + 3 for side in gradient.shape[2:])
    starts = range(0, kernels.shape[-1] - 2, 2)
    for top in starts:
        for left in starts:
            place = slice(top, top + 3), slice(left, left + 3)
            seen = images[:, :, top : top + height, left : left + width]
            result[:, :, place[0], place[1]] = torch.ops.aten.convolution_backward(
                gradient,
                seen.contiguous(memory_format=torch.channels_last),
                kernels[:, :, place[0], place[1]].contiguous(),
                None,
                [stride, stride],
                [0, 0],
                [1, 1],
                False,
                [0, 0],
                gradient.shape[1],
                [False, True, False],
            )[1]
    return result
