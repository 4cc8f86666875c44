import pytest
import torch

from inpaint.networks.mask_prediction import REACH_PX, MaskPredictor


def small(seed: int = 0) -> MaskPredictor:
    """An eighth of the width, with running statistics and a head that are not the first ones."""
    generator = torch.Generator().manual_seed(seed)
    network = MaskPredictor(width=0.125, generator=generator).eval()
    with torch.no_grad():
        network.head.weight.normal_(0, 1, generator=generator)
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.2, generator=generator)
    return network


def photos(count: int, height: int, width: int) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(5)) * 2 - 1


def test_its_parameters_by_hand():
    """3 x 3 without bias and two numbers a channel to normalise; up 2 x 2 and the head 1 x 1 with bias."""
    levels = ((12, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128), (128, 128), (128, 128))
    dilated = ((128, 128), (128, 128))
    decoder = ((256, 128), (128, 64), (64, 32))
    expected = sum(9 * inner * outer + 2 * outer for inner, outer in (*levels, *dilated, *decoder))
    expected += sum(4 * inner * outer + outer for inner, outer in ((128, 128), (128, 64), (64, 32)))
    expected += 32 * 4 + 4
    assert sum(parameter.numel() for parameter in MaskPredictor().parameters()) == expected == 1_375_268


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 9), (33, 50)])
def test_any_size_has_a_map_of_its_size(height, width):
    network, images = small(), photos(2, height, width)
    with torch.no_grad():
        logits, maps = network(images), network.maps(images)
    assert logits.shape == maps.shape == (2, 1, height, width)
    assert logits.dtype == maps.dtype == torch.float32
    assert torch.equal(maps, torch.sigmoid(logits))
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_the_lowest_level_is_a_sixteenth_of_the_size():
    network = MaskPredictor(width=0.125).eval()
    seen = []
    network.middle.register_forward_hook(lambda layer, inputs, output: seen.append(output.shape))
    network(torch.zeros(1, 3, 60, 90))
    assert seen == [(1, 16, 4, 6)]


@pytest.mark.parametrize("tile_px", [1, 64, 100, 2000])
def test_tiles_give_what_the_whole_photo_gives(tile_px):
    network, images = small(), photos(1, 60 if tile_px == 1 else 500, 21)
    with torch.no_grad():
        whole, tiled = network.maps(images), network.maps(images, tile_px=tile_px)
    assert whole.std() > 0.02
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("column", [0, 5, 15])
def test_nothing_farther_than_the_reach_changes_a_pixel(column):
    network = small().double()
    size = 2 * REACH_PX + 16
    features = torch.rand(1, 12, 8, size // 2, dtype=torch.double, requires_grad=True)
    levels, x = [], features
    for layers in network.encoder:
        x = layers(x)
        levels.append(x)
    x = network.middle(levels.pop())
    for up, layer in zip(network.up, network.decoder, strict=True):
        x = layer(torch.cat([up(x), levels.pop()], dim=1))
    middle = (REACH_PX + column) // 2
    (gradient,) = torch.autograd.grad(network.head(x)[..., middle].sum(), features)
    touched = torch.nonzero(gradient.abs().sum(dim=(0, 1, 2))).flatten()
    farthest = 2 * max(middle - int(touched[0]), int(touched[-1]) - middle) + 1
    assert 100 < farthest <= REACH_PX


def test_a_single_pixel_is_seen():
    """A scratch is a pixel wide: each of the four of a square answers differently."""
    network, images = small(), torch.zeros(1, 3, 32, 32)
    answers = []
    with torch.no_grad():
        for row, column in ((8, 8), (8, 9), (9, 8), (9, 9)):
            scratched = images.clone()
            scratched[:, :, row, column] = 1
            answers.append(network(scratched) - network(images))
    for index, answer in enumerate(answers):
        assert answer.abs().max() > 1e-3
        assert all((answer - other).abs().max() > 1e-3 for other in answers[:index])


def test_half_precision_answers_in_full_and_nearly_the_same():
    network, images = small(), photos(1, 48, 64)
    with torch.no_grad():
        expected = network.maps(images)
        got = network.to(torch.bfloat16).maps(images)
    assert got.dtype == torch.float32
    assert (got - expected).abs().max() < 0.1


def test_fresh_weights_call_about_a_tenth_damaged_and_all_of_them_learn():
    network = MaskPredictor(width=0.25).train()
    logits = network(photos(2, 64, 64))
    assert torch.sigmoid(logits).mean().item() == pytest.approx(0.1, abs=0.03)
    logits.square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_it_learns_to_find_white_squares():
    network = MaskPredictor(width=0.25, generator=torch.Generator().manual_seed(1)).train()
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    cells = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    masks = torch.nn.functional.interpolate((cells < 0.2).float(), scale_factor=4)
    images = torch.where(masks > 0, 1.0, photos(4, 32, 32) * 0.5)
    for _ in range(20):
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(network(images), masks).backward()
        optimiser.step()
    found = network(images) > 0
    overlap = (found & (masks > 0)).sum() / (found | (masks > 0)).sum()
    assert overlap > 0.8


def test_fresh_weights_are_drawn_from_the_generator_alone():
    state = torch.random.get_rng_state()
    first, second, other = (
        MaskPredictor(width=0.1, generator=torch.Generator().manual_seed(seed)).state_dict()
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["encoder.0.0.conv.weight"], other["encoder.0.0.conv.weight"])


def test_wrong_photos_and_options_are_refused():
    network = small()
    with pytest.raises(ValueError, match=r"images of shape \(N, 3, H, W\), got \(3, 8, 8\)"):
        network(torch.zeros(3, 8, 8))
    with pytest.raises(TypeError, match="images of dtype float32, got float64"):
        network.maps(torch.zeros(1, 3, 8, 8, dtype=torch.double))
    with pytest.raises(ValueError, match="tile_px of at least 1 or None, got 0"):
        network.maps(torch.zeros(1, 3, 8, 8), tile_px=0)
    with pytest.raises(ValueError, match="width above 0 and at most 4, got 9"):
        MaskPredictor(width=9)
