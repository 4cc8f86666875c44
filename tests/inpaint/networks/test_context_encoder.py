import pytest
import torch

from inpaint.networks.context_encoder import ChannelwiseFullyConnected, ContextEncoder


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_channelwise_layer_by_hand():
    layer = ChannelwiseFullyConnected(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[1.0, 2.0], [0.0, 1.0]], [[0.0, 0.0], [3.0, 0.0]]]))
        layer.bias.copy_(torch.tensor([[0.5, 0.0], [0.0, 0.0]]))
        answer = layer(torch.tensor([[[[1.0, 10.0]], [[4.0, 5.0]]]]))
    assert answer.tolist() == [[[[21.5, 10.0]], [[0.0, 12.0]]]]


def test_the_channelwise_layer_has_the_papers_weights():
    """Section 3.1: m n^4 for m maps of n x n; AlexNet's 256 maps of 6 x 6 make 331,776."""
    assert ChannelwiseFullyConnected(256, 36).weight.numel() == 256 * 6**4 == 331_776
    assert ContextEncoder().middle[0].weight.numel() == 512 * 4**4 == 131_072


def layer(kernel: int, inner: int, outer: int, *, norm: bool = True) -> int:
    return kernel**2 * inner * outer + outer + (2 * outer if norm else 0)


def outer_layers() -> int:
    """Both halves as in the authors' train_random.lua for 128 px: nef = ngf = 64, biases, normalisation."""
    down = layer(4, 3, 64, norm=False) + layer(4, 64, 64) + layer(4, 64, 128)
    down += layer(4, 128, 256) + layer(4, 256, 512)
    up = layer(4, 512, 256) + layer(4, 256, 128) + layer(4, 128, 64) + layer(4, 64, 64)
    return down + up + layer(4, 64, 3, norm=False)


def test_has_the_released_parameters_with_its_bottleneck():
    """nBottleneck=4000, as the README of the released code trains it."""
    expected = outer_layers() + layer(4, 512, 4000) + layer(4, 4000, 512)
    assert count(ContextEncoder(bottleneck=4000)) == expected == 71_196_259


def test_has_the_papers_layer_in_the_middle_by_default():
    channelwise = 512 * 16**2 + 512 * 16
    assert count(ContextEncoder()) == outer_layers() + channelwise + layer(1, 512, 512) == 6_049_667


@pytest.mark.parametrize(("size_px", "side"), [(64, 2), (128, 4), (256, 8)])
@pytest.mark.parametrize("bottleneck", [None, 80])
def test_sizes(size_px, side, bottleneck):
    network = ContextEncoder(size_px=size_px, bottleneck=bottleneck, width=0.125).eval()
    images, masks = torch.zeros(2, 3, size_px, size_px), torch.zeros(2, 1, size_px, size_px)
    with torch.no_grad():
        assert network.encoder(images).shape == (2, 64, side, side)
        assert network(images, masks)[0].shape == images.shape
    assert network.size_px == size_px


def test_the_hole_is_painted_with_the_mean_colour():
    network = ContextEncoder(width=0.05).eval()
    seen = []
    network.encoder.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    images, masks = torch.zeros(1, 3, 256, 256), torch.zeros(1, 1, 256, 256)
    masks[..., 100:151, 100:151] = 1
    with torch.no_grad():
        network(images, masks)
    mean = torch.tensor([123.0, 117.0, 104.0]) / 127.5 - 1
    inside = seen[0][0, :, 50:76, 50:76]  # the last row is half hole, half picture
    assert seen[0].shape == (1, 3, 128, 128)
    torch.testing.assert_close(inside, mean.view(3, 1, 1).expand_as(inside))
    assert (seen[0][..., :48] == 0).all()


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="size_px of 64, 128, 256, got 100"):
        ContextEncoder(size_px=100)
    with pytest.raises(ValueError, match="bottleneck of 1 to 16000, got 0"):
        ContextEncoder(bottleneck=0)
