import runpy
from pathlib import Path

import pytest
import torch

from inpaint.checkpoints import load_deepfillv2
from inpaint.networks.deepfillv2 import DeepFillV2
from inpaint.networks.gated_conv import ConvSpec, GatedConv, reach_px
from inpaint.networks.layouts import LAYOUTS
from tests import published

PLAIN = Path(__file__).resolve().parents[3] / "benchmarks" / "plain_deepfillv2.py"
EVERY_LAYOUT = pytest.mark.parametrize("layout", list(LAYOUTS))


def network_of(layout: str, **options) -> DeepFillV2:
    """Random weights that keep the signal's strength, unlike the first ones of training."""
    network = DeepFillV2(LAYOUTS[layout], **options).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            scale = 0.1 if name.endswith("bias") else (4 / parameter[0].numel()) ** 0.5
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return network.to(memory_format=torch.channels_last)


def scene(count: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, and a hole in each, every one elsewhere."""
    generator = torch.Generator().manual_seed(5)
    images = torch.rand(count, 3, height, width, generator=generator) * 2 - 1
    masks = torch.zeros(count, 1, height, width)
    for i in range(count):
        top, left = height * (i + 1) // (count + 2), width * (count - i) // (count + 2)
        masks[i, 0, top : top + height // 4, left : left + width // 4] = 1
    return images, masks


@pytest.mark.parametrize("case", ["square", "wide", "twoholes"])
@EVERY_LAYOUT
def test_gives_what_the_published_code_gives(layout, case):
    with torch.no_grad():
        coarse, refined = load_deepfillv2(published.state_dict(layout))(*published.inputs(case))
    assert coarse.dtype == refined.dtype == torch.float32
    assert published.difference(layout, case, "stage1", coarse) < 1e-4
    assert published.difference(layout, case, "stage2", refined) < 1e-4


@pytest.mark.parametrize(("layout", "parameters"), [("nipponjo_pt", 4052478), ("nipponjo_tf", 4052478)])
def test_has_as_many_parameters_as_published(layout, parameters):
    assert sum(parameter.numel() for parameter in network_of(layout).parameters()) == parameters


@EVERY_LAYOUT
def test_a_batch_of_different_holes_equals_the_images_one_at_a_time(layout):
    network = network_of(layout)
    images, masks = scene(2, 72, 88)
    with torch.no_grad():
        together = network(images, masks)
        for i in range(2):
            alone = network(images[i : i + 1], masks[i : i + 1])
            for whole, one in zip(together, alone, strict=True):
                torch.testing.assert_close(whole[i : i + 1], one, rtol=0, atol=1e-5)


@EVERY_LAYOUT
def test_hole_only_gives_the_same_values_in_the_hole_and_the_image_elsewhere(layout):
    network = network_of(layout)
    images, masks = scene(2, 72, 320)
    masks[:, :, :, 100:] = 0  # far enough from the right edge for the branches to be cut
    masks[0, 0, 40, 20:90] = 1  # thin
    masks[1, 0, 60:, :9] = 1  # in the corner
    hole = masks.bool().expand_as(images)
    with torch.no_grad():
        for whole, part in zip(network(images, masks), network(images, masks, hole_only=True), strict=True):
            torch.testing.assert_close(part[hole], whole[hole], rtol=0, atol=1e-5)
            assert torch.equal(part[~hole], images[~hole])
            assert (whole[~hole] != images[~hole]).all()


@EVERY_LAYOUT
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 9), (65, 90)])
def test_any_size_comes_back_at_its_size(layout, height, width):
    network = network_of(layout)
    images, masks = scene(1, height, width)
    masks[..., 0, 0] = 1
    with torch.no_grad():
        for stage in (*network(images, masks), *network(images, masks, hole_only=True)):
            assert stage.shape == (1, 3, height, width)
            assert torch.isfinite(stage).all()


@EVERY_LAYOUT
def test_what_lies_under_the_hole_is_not_looked_at(layout):
    network = network_of(layout)
    images, masks = scene(1, 72, 80)
    other = torch.where(masks > 0, torch.nan, images)
    with torch.no_grad():
        for one, two in zip(network(images, masks), network(other, masks), strict=True):
            assert torch.equal(one, two)


def test_an_empty_mask_gives_the_image_and_a_full_one_something_finite():
    network = network_of("mmagic")
    images, masks = scene(1, 72, 80)
    with torch.no_grad():
        for stage in network(images, torch.zeros_like(masks), hole_only=True):
            assert torch.equal(stage, images)
        for stage in network(images, torch.ones_like(masks)):
            assert torch.isfinite(stage).all()


def test_avoided_places_are_not_copied_from():
    network = network_of("nipponjo_pt")
    images, masks = scene(1, 96, 96)
    avoid = torch.zeros_like(masks)
    with torch.no_grad():
        free = network(images, masks, hole_only=True)[1]
        assert torch.equal(network(images, masks, hole_only=True, avoid=avoid)[1], free)
        avoid[..., :48] = 1
        assert not torch.equal(network(images, masks, hole_only=True, avoid=avoid)[1], free)


def test_trains_the_way_it_infers():
    network = network_of("nipponjo_tf")
    images, masks = scene(2, 40, 48)
    with torch.no_grad():
        expected = network(images, masks)
    coarse, refined = network.train()(images, masks)
    torch.testing.assert_close((coarse, refined), expected, rtol=0, atol=1e-5)
    (coarse.mean() + refined.mean()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_bfloat16_convolutions_stay_close_to_float32():
    network = network_of("mmagic")
    images, masks = scene(1, 96, 96)
    hole = masks.bool().expand_as(images)
    with torch.no_grad():
        exact = network(images, masks, hole_only=True)[1]
        with torch.autocast("cpu", torch.bfloat16):
            reduced = network(images, masks, hole_only=True)[1]
    assert reduced.dtype == torch.float32
    psnr_db = 10 * torch.log10(4 / (reduced - exact)[hole].square().mean())
    assert 45 < psnr_db < 90


@EVERY_LAYOUT
def test_the_plain_implementation_of_the_benchmark_gives_the_same(layout):
    network = network_of(layout)
    images, masks = scene(2, 72, 80)
    with torch.no_grad():
        plain = runpy.run_path(str(PLAIN))["plain_forward"](network, images, masks)
        torch.testing.assert_close(network(images, masks), plain, rtol=0, atol=1e-5)


def test_fresh_weights_are_drawn_from_the_generator_alone():
    state = torch.random.get_rng_state()
    networks = [DeepFillV2(LAYOUTS["nipponjo_pt"]) for _ in range(2)]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(networks[0].coarse[3].weight, networks[1].coarse[3].weight)
    other = DeepFillV2(LAYOUTS["nipponjo_pt"], generator=torch.Generator().manual_seed(1))
    assert not torch.equal(networks[0].coarse[3].weight, other.coarse[3].weight)


def test_wrong_batches_are_refused():
    network = network_of("nipponjo_pt")
    images, masks = scene(1, 16, 16)
    with pytest.raises(ValueError, match=r"images of shape \(N, 3, H, W\), got \(3, 16, 16\)"):
        network(images[0], masks)
    with pytest.raises(ValueError, match=r"masks of shape \(1, 1, 16, 16\), got \(1, 1, 16, 8\)"):
        network(images, masks[..., :8])
    with pytest.raises(TypeError, match="masks of dtype float32, got bool"):
        network(images, masks.bool())


def test_a_gated_convolution_by_hand():
    layer = GatedConv(1, ConvSpec(1, kernel=1), "zeros")
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, 1.0]).view(2, 1, 1, 1))
        layer.bias.copy_(torch.tensor([0.0, -1.0]))
    features = torch.tensor([[[[1.0, -1.0]]]])
    # elu(2) * sigmoid(0) = 2 * 0.5 and elu(-2) * sigmoid(-2) = (e^-2 - 1) / (1 + e^2) = -0.1030706
    expected = torch.tensor([[[[1.0, -0.1030706]]]])
    torch.testing.assert_close(layer(features), expected, rtol=0, atol=1e-6)
    with torch.no_grad():
        torch.testing.assert_close(layer(features), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("padding", "expected"),
    # Ones, 3 x 3 kernel of ones, stride 2, 4 x 4 pixels: how many of the kernel's pixels lie inside.
    [("zeros", [[4, 6], [6, 9]]), ("reflect", [[9, 9], [9, 9]]), ("same", [[9, 6], [6, 4]])],
)
def test_paddings_by_hand(padding, expected):
    layer = GatedConv(1, ConvSpec(1, stride=2, gated=False, activation="none"), padding)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        assert layer(torch.ones(1, 1, 4, 4))[0, 0].tolist() == expected


def test_the_reach_of_a_branch_by_hand():
    assert reach_px((ConvSpec(1, kernel=5),)) == 2
    assert reach_px((ConvSpec(1, dilation=4), ConvSpec(1)), output_px=1) == 6
    assert (
        reach_px((ConvSpec(1), ConvSpec(1, upsample=True))) == 2
    )  # 1 at twice the size is within 1, and 1 more
