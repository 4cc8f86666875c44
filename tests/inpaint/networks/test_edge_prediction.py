import pytest
import torch

from inpaint.networks.edge_prediction import EdgePredictor, grey, join_edges


def scene(count: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Photos, edges and masks of every share."""
    generator = torch.Generator().manual_seed(5)
    images = torch.rand(count, 3, height, width, generator=generator) * 2 - 1
    canny = (torch.rand(count, 1, height, width, generator=generator) < 0.1).float()
    return images, canny, torch.rand(count, 1, height, width, generator=generator)


def test_its_parameters_by_hand():
    """Released EdgeGenerator: 7 x 7 to 64, 4 x 4 to 128 and 256, 16 in blocks without bias, back."""
    encoder = 49 * 3 * 64 + 64 + 16 * 64 * 128 + 128 + 16 * 128 * 256 + 256
    blocks = 8 * 2 * 9 * 256 * 256
    decoder = 16 * 256 * 128 + 128 + 16 * 128 * 64 + 64 + 49 * 64 + 1
    expected = encoder + blocks + decoder
    for spectral in (True, False):
        network = EdgePredictor(spectral=spectral)
        assert sum(parameter.numel() for parameter in network.parameters()) == expected == 10_761_089


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 9), (17, 30)])
def test_any_size_has_edges_of_its_size(height, width):
    network = EdgePredictor(width=0.05).eval()
    with torch.no_grad():
        logits, edges = network(*scene(2, height, width)), network.edges(*scene(2, height, width))
    assert logits.shape == edges.shape == (2, 1, height, width)
    assert logits.dtype == edges.dtype == torch.float32
    assert torch.equal(edges, torch.sigmoid(logits))


def test_the_blocks_work_at_a_quarter_of_the_size_and_are_dilated_once():
    network = EdgePredictor(width=0.125).eval()
    seen = []
    network.blocks.register_forward_hook(lambda layer, inputs, output: seen.append(output.shape))
    network(*scene(1, 40, 60))
    assert seen == [(1, 32, 10, 15)]
    assert [[layer.conv.dilation[0] for layer in block.layers] for block in network.blocks] == [[2, 1]] * 8


def test_what_is_wholly_destroyed_is_not_looked_at_and_the_rest_fades_in():
    network = EdgePredictor(width=0.05).eval()
    images, canny, _ = scene(1, 24, 24)
    other_images, other_canny = images.clone(), canny.clone()
    other_images[..., 8:16, 8:16] = 0.9
    other_canny[..., 8:16, 8:16] = 1
    changes = []
    with torch.no_grad():
        for share in (1.0, 0.5, 0.0):
            masks = torch.zeros(1, 1, 24, 24)
            masks[..., 8:16, 8:16] = share
            difference = network(other_images, other_canny, masks) - network(images, canny, masks)
            changes.append(difference.abs().max().item())
    assert changes[0] == 0
    assert 0 < changes[1] < changes[2]


def test_a_batch_equals_the_photos_one_at_a_time():
    network = EdgePredictor(width=0.05).train()
    images, canny, masks = scene(2, 24, 24)
    with torch.no_grad():
        together = network.eval()(images, canny, masks)
        for i in range(2):
            alone = network(images[i : i + 1], canny[i : i + 1], masks[i : i + 1])
            torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-5)


def test_weights_are_spectrally_normalised_but_those_of_the_last_layer():
    network = EdgePredictor(width=0.05, generator=torch.Generator().manual_seed(3)).train()
    with torch.no_grad():
        for _ in range(15):  # each takes a step of the power iteration
            network(*scene(1, 16, 16))
    convs = [*network.encoder, *(layer for block in network.blocks for layer in block.layers)]
    for layer in convs:
        largest = torch.linalg.svdvals(layer.conv.weight.detach().flatten(1))[0].item()
        assert largest == pytest.approx(1, abs=0.05)
    for layer in network.decoder[:2]:
        largest = torch.linalg.svdvals(layer.conv.weight.detach().transpose(0, 1).flatten(1))[0].item()
        assert largest == pytest.approx(1, abs=0.05)
    assert torch.linalg.svdvals(network.decoder[2].conv.weight.detach().flatten(1))[0] < 0.9


def test_fixed_weights_give_the_same_and_build_again():
    network = EdgePredictor(width=0.1, generator=torch.Generator().manual_seed(3)).eval()
    fixed = network.fixed()
    with torch.no_grad():
        expected = network(*scene(1, 20, 20))
        torch.testing.assert_close(fixed(*scene(1, 20, 20)), expected, rtol=0, atol=1e-6)
        again = EdgePredictor(width=0.1, spectral=False).eval()
        assert fixed.options == again.options
        again.load_state_dict(fixed.state_dict())
        torch.testing.assert_close(again(*scene(1, 20, 20)), expected, rtol=0, atol=1e-6)
    assert "encoder.0.conv.weight" in fixed.state_dict()
    assert "encoder.0.conv.parametrizations.weight.original" in network.state_dict()
    assert fixed.fixed().options == fixed.options


def test_a_gradient_reaches_every_weight():
    network = EdgePredictor(width=0.05).train()
    network(*scene(2, 16, 16)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_fresh_weights_are_drawn_from_the_generator_alone():
    state = torch.random.get_rng_state()
    first, second, other = (
        EdgePredictor(width=0.05, generator=torch.Generator().manual_seed(seed)).state_dict()
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_joined_edges_by_hand():
    """Predicted 1 in the hole, Canny's 0 outside, 1/4 where a quarter of the pixel is destroyed."""
    predicted, canny = torch.ones(1, 1, 1, 3), torch.zeros(1, 1, 1, 3)
    masks = torch.tensor([[[[1.0, 0.0, 0.25]]]])
    assert join_edges(predicted, canny, masks).flatten().tolist() == [1, 0, 0.25]


def test_grey_by_hand():
    """0.299 - 0.587 + 0.5 * 0.114."""
    images = torch.tensor([1.0, -1.0, 0.5]).view(1, 3, 1, 1)
    assert grey(images).item() == pytest.approx(-0.231, abs=1e-6)
    assert grey(torch.ones(1, 3, 2, 2)).shape == (1, 1, 2, 2)


def test_wrong_batches_and_options_are_refused():
    network = EdgePredictor(width=0.05)
    images, canny, masks = scene(1, 8, 8)
    with pytest.raises(ValueError, match=r"images of shape \(N, 3, H, W\), got \(1, 1, 8, 8\)"):
        network(canny, canny, masks)
    with pytest.raises(ValueError, match=r"canny of shape \(1, 1, 8, 8\), got \(1, 3, 8, 8\)"):
        network(images, images, masks)
    with pytest.raises(TypeError, match="masks of dtype float32, got bool"):
        network(images, canny, masks > 0.5)
    with pytest.raises(ValueError, match="width above 0 and at most 4, got 0"):
        EdgePredictor(width=0)
