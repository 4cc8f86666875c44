"""What every network promises, and what the layers under them do."""

import pytest
import torch

from inpaint.formats import NETWORKS, build_network
from inpaint.networks.conv_norm import ConvNorm
from inpaint.networks.fill_network import FillNetwork, fresh_weights, scaled

EVERY_NETWORK = pytest.mark.parametrize("name", list(NETWORKS))


def small(name: str, seed: int = 0) -> FillNetwork:
    """An eighth of the width, with weights that keep the signal's strength."""
    generator = torch.Generator().manual_seed(seed)
    network = build_network(name, {"width": 0.125}, generator=generator).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            scale = 0.1 if parameter.ndim == 1 else (2 / parameter[0].numel()) ** 0.5
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
            if "norm.weight" in name:
                parameter.add_(1)
    return network


def scene(count: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, and a hole in each, every one elsewhere."""
    generator = torch.Generator().manual_seed(5)
    images = torch.rand(count, 3, height, width, generator=generator) * 2 - 1
    masks = torch.zeros(count, 1, height, width)
    for i in range(count):
        top, left = height * (i + 1) // (count + 2), width * (count - i) // (count + 2)
        masks[i, 0, top : top + height // 4, left : left + width // 4] = 1
    return images, masks


@EVERY_NETWORK
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 9), (65, 90)])
def test_any_size_comes_back_at_its_size(name, height, width):
    images, masks = scene(1, height, width)
    masks[..., 0, 0] = 1
    network = small(name)
    with torch.no_grad():
        stages = network(images, masks)
        assert len(stages) == (2 if name.startswith("deepfill") else 1)
        for stage in (*stages, network.fill(images, masks)):
            assert stage.shape == images.shape
            assert stage.dtype == torch.float32
            assert torch.isfinite(stage).all()
            assert stage.abs().max() <= 1


@EVERY_NETWORK
def test_a_batch_of_different_holes_equals_the_images_one_at_a_time(name):
    network = small(name)
    images, masks = scene(2, 72, 88)
    with torch.no_grad():
        together = network(images, masks)
        assert together[-1].std() > 0.01
        for i in range(2):
            alone = network(images[i : i + 1], masks[i : i + 1])
            for whole, one in zip(together, alone, strict=True):
                torch.testing.assert_close(whole[i : i + 1], one, rtol=0, atol=1e-4)


@EVERY_NETWORK
def test_the_fill_is_the_last_stage_inside_the_hole(name):
    network = small(name)
    images, masks = scene(2, 72, 80)
    with torch.no_grad():
        filled = network.fill(images, masks, avoid=torch.zeros_like(masks))
        last = network(images, masks)[-1]
    hole = masks.bool().expand_as(images)
    torch.testing.assert_close(filled[hole], last[hole], rtol=0, atol=1e-5)


@EVERY_NETWORK
@pytest.mark.parametrize("side", [64, 100])
def test_what_lies_under_the_hole_is_not_looked_at(name, side):
    network = small(name)
    images, masks = scene(1, side, side)
    other = torch.where(masks > 0, torch.nan, images)
    with torch.no_grad():
        for one, two in zip(network(images, masks), network(other, masks), strict=True):
            assert torch.equal(one, two)
        moved = network(images, masks.flip(3))[-1]
    assert not torch.equal(moved, network(images, masks)[-1])


@EVERY_NETWORK
def test_a_gradient_reaches_every_weight(name):
    network = build_network(name, {"width": 0.125}).train()
    images, masks = scene(2, 64, 64)
    sum(stage.mean() for stage in network(images, masks)).backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
    assert sum(parameter.grad.abs().sum() for parameter in network.parameters()) > 0


@EVERY_NETWORK
def test_fresh_weights_are_drawn_from_the_generator_alone(name):
    state = torch.random.get_rng_state()
    first, second, other = (
        build_network(name, {"width": 0.05}, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    drawn = [dict(network.named_parameters()) for network in (first, second, other)]
    assert all(torch.equal(drawn[0][key], drawn[1][key]) for key in drawn[0])
    assert any(not torch.equal(drawn[0][key], drawn[2][key]) for key in drawn[0])


@EVERY_NETWORK
def test_fresh_answers_are_not_clipped(name):
    images, masks = scene(1, 64, 64)
    with torch.no_grad():
        last = build_network(name)(images, masks)[-1]
    assert (last.abs() > 0.99).float().mean() < 0.1


@EVERY_NETWORK
def test_options_build_the_network_again(name):
    network = build_network(name, {"width": 0.3})
    again = build_network(name, network.options)
    shapes = [{key: value.shape for key, value in each.state_dict().items()} for each in (network, again)]
    assert shapes[0] == shapes[1]
    assert network.options["width"] == 0.3
    assert "width 0.3" in network.summary


@EVERY_NETWORK
def test_wrong_batches_and_options_are_refused(name):
    network = small(name)
    images, masks = scene(1, 16, 16)
    with pytest.raises(ValueError, match=r"images of shape \(N, 3, H, W\), got \(3, 16, 16\)"):
        network(images[0], masks)
    with pytest.raises(ValueError, match=r"masks of shape \(1, 1, 16, 16\), got \(1, 1, 16, 8\)"):
        network(images, masks[..., :8])
    with pytest.raises(TypeError, match="masks of dtype float32, got bool"):
        network(images, masks.bool())
    for width in (0, -1, 9):
        with pytest.raises(ValueError, match=f"width above 0 and at most 4, got {width}"):
            build_network(name, {"width": width})


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match=r"a network of autoencoder, .*, got 'stylegan'"):
        build_network("stylegan")


@pytest.mark.parametrize(("channels", "width", "expected"), [(64, 0.5, 32), (16, 0.1, 2), (3, 0.1, 1)])
def test_scaled_channels(channels, width, expected):
    assert scaled(channels, width) == expected


def test_fresh_weights_leave_the_global_generator_alone_after_an_error():
    state = torch.random.get_rng_state()
    with pytest.raises(ZeroDivisionError), fresh_weights(None):
        _ = torch.rand(3) / (1 // 0)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("activation", "expected"), [("relu", [2.0, 0.0]), ("leaky_relu", [2.0, -0.2]), ("none", [2.0, -1.0])]
)
def test_a_layer_by_hand(activation, expected):
    layer = ConvNorm(1, 1, kernel=1, norm=False, activation=activation)
    with torch.no_grad():
        layer.conv.weight.fill_(3.0)
        layer.conv.bias.fill_(-1.0)
    features = torch.tensor([[[[1.0, 0.0]]]])
    with torch.no_grad():
        assert layer(features).flatten().tolist() == pytest.approx(expected)
    assert layer(features).flatten().tolist() == pytest.approx(expected)


def test_a_layer_halves_and_doubles():
    features = torch.zeros(1, 2, 8, 12)
    assert ConvNorm(2, 5, kernel=4, stride=2)(features).shape == (1, 5, 4, 6)
    assert ConvNorm(2, 5, kernel=4, stride=2, up=True)(features).shape == (1, 5, 16, 24)
    assert ConvNorm(2, 5, dilation=8)(features).shape == (1, 5, 8, 12)
    assert ConvNorm(2, 5).conv.bias is None
    assert ConvNorm(2, 5, norm=False).conv.bias is not None
