import numpy as np
import pytest
import torch

from tools.finder.network import PersonFinder, parameter_count, to_tensor


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = PersonFinder()
    for module in network.modules():  # statistics as training leaves them, so that folding them in shows
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.2, 0.2)
    return network


@pytest.mark.parametrize(("height", "width"), [(32, 64), (96, 32)])
def test_logits_come_at_half_the_size(network, height, width):
    logits, instances = network.eval()(torch.zeros(2, 3, height, width))
    assert logits.shape == (2, 1, height // 2, width // 2)
    assert instances.shape == (2, 3, height // 4, width // 4)


def test_training_gives_coarse_logits_too(network):
    fine, instances, coarse = network.train()(torch.zeros(2, 3, 64, 64))
    assert fine.shape == (2, 1, 32, 32)
    assert instances.shape == (2, 3, 16, 16)
    assert coarse.shape == (2, 1, 8, 8)


def test_the_shipped_network_computes_the_same_with_the_normalisation_folded_in(network):
    images = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        for ours, theirs in zip(network.fused_copy()(images), network.eval()(images), strict=True):
            assert (ours - theirs).abs().max() < 1e-4


def test_the_shipped_network_fits_in_8_mb_of_float16():
    assert parameter_count(PersonFinder(fused=True)) * 2 <= 8_000_000


def test_pixels_become_minus_one_to_one():
    pixels = np.zeros((1, 2, 2, 3), np.uint8)
    pixels[0, 0, 0] = (255, 0, 127)
    tensor = to_tensor(torch.from_numpy(pixels))
    assert tensor.shape == (1, 3, 2, 2)
    assert tensor[0, :, 0, 0].tolist() == pytest.approx([1.0, -1.0, -0.00392], abs=1e-4)
