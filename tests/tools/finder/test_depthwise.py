"""The quick gradients are those of PyTorch's own convolution."""

import pytest
import torch
from torch.nn import functional

from tools.finder.depthwise import Depthwise


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize(("height", "width"), [(9, 12), (8, 7)])
def test_result_and_gradients_are_those_of_conv2d(stride, size, height, width):
    torch.manual_seed(0)
    images = torch.randn(2, 4, height, width, dtype=torch.float64, requires_grad=True)
    kernels = torch.randn(4, 1, size, size, dtype=torch.float64, requires_grad=True)
    plain = functional.conv2d(images, kernels, stride=stride, groups=4)
    quick = Depthwise.apply(images, kernels, stride)
    assert torch.equal(plain, quick)
    direction = torch.randn_like(plain)
    for expected, found in zip(
        torch.autograd.grad((plain * direction).sum(), (images, kernels)),
        torch.autograd.grad((quick * direction).sum(), (images, kernels)),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
