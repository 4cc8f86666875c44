from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from inpaint.networks import reconstruction
from inpaint.networks.discriminators import SNPatchDiscriminator
from inpaint.networks.layouts import MMAGIC_ATTENTION
from inpaint.networks.reconstruction import Reconstructor, barred


def scene(count: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Photos, edges, and maps with a whole hole, a half one and a share that is destroyed everywhere else."""
    generator = torch.Generator().manual_seed(5)
    images = torch.rand(count, 3, height, width, generator=generator) * 2 - 1
    edges = (torch.rand(count, 1, height, width, generator=generator) < 0.1).float()
    maps = torch.zeros(count, 1, height, width)
    for i in range(count):
        maps[i, :, i * 8 : i * 8 + height // 4, : width // 2] = 1
        maps[i, :, height // 2 :, width // 2 :] = 0.5
    return images, maps, edges


def gated(*channels: int, kernel: int = 3) -> int:
    return sum((kernel**2 * inner + 1) * 2 * outer for inner, outer in pairwise(channels))


def test_its_parameters_by_hand():
    """Gated: two kernels and biases for each channel; the first 5 x 5, the one to RGB plain."""
    encoder = gated(5, 24, kernel=5) + gated(24, 48, 48, 96, 96, 96)
    tail = gated(96, 48, 48, 24, 12) + 9 * 12 * 3 + 3
    coarse = encoder + gated(*[96] * 5) + gated(96, 96, 96) + tail
    refined = encoder + gated(*[96] * 5) + gated(96, 96, 96) + gated(192, 96, 96) + tail
    expected = coarse + refined
    assert sum(parameter.numel() for parameter in Reconstructor().parameters()) == expected == 3_760_350


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 9), (33, 50)])
def test_any_size_comes_back_at_its_size(height, width):
    network = Reconstructor(width=0.125)
    images, maps, edges = scene(2, height, width)
    with torch.no_grad():
        stages = network(images, maps, edges)
    assert len(stages) == 2
    for stage in stages:
        assert stage.shape == images.shape
        assert stage.dtype == torch.float32
        assert torch.isfinite(stage).all()


def test_what_is_not_destroyed_stays_bit_for_bit_and_the_rest_in_proportion():
    network = Reconstructor(width=0.125)
    images, maps, edges = scene(1, 40, 48)
    with torch.no_grad():
        for stage in network(images, maps, edges):
            changed = (stage - images).abs().amax(dim=1, keepdim=True)
            assert torch.equal(changed > 0, maps > 0)
            # What is drawn lies in [-3, 3], so half of it is at most 2 away from half of the photo.
            assert changed[maps == 0.5].max() <= 2
            assert changed[maps == 1].mean() > 0.1


def test_drawn_is_blended_as_the_map_says():
    """Photo 0.5, a response of 0 draws 0, of 1e9 draws 3: 0.5 * (1 - m) + 3 m."""
    photos = torch.full((1, 3, 1, 3), 0.5)
    maps = torch.tensor([0.0, 0.25, 1.0]).view(1, 1, 1, 3)
    nothing, most = torch.zeros(1, 3, 1, 3), torch.full((1, 3, 1, 3), 1e9)
    assert reconstruction._blended(photos, nothing, maps)[0, 0, 0].tolist() == [0.5, 0.375, 0]
    assert reconstruction._blended(photos, most, maps)[0, 0, 0].tolist() == [0.5, 1.125, 3]


@pytest.mark.parametrize(("share", "photo", "cover"), [(0.5, -1.0, 1.0), (0.25, 1.0, -1.0), (1.0, 0.3, -1.0)])
def test_what_must_be_drawn_is_within_what_can_be(share, photo, cover):
    """The blend is the photo where drawn = (2 - m) x - (1 - m) c, as the module says."""
    damaged = (1 - share) * photo + share * cover
    drawn = (2 - share) * photo - (1 - share) * cover
    assert (1 - share) * damaged + share * drawn == pytest.approx(photo)
    assert abs(drawn) < reconstruction.MOST_DRAWN


def test_a_cell_is_barred_by_how_much_of_it_is_destroyed():
    """Of 64 px: 8 of a scratch, 16, a quarter of each, a tenth of each."""
    maps = torch.zeros(1, 1, 8, 32)
    maps[..., 3, :8] = 1
    maps[..., 3:5, 8:16] = 1
    maps[..., 16:24] = 0.25
    maps[..., 24:] = 0.1
    found = barred(maps)
    assert found.shape == (1, 1, 2, 8)
    assert found[0, 0, 0].tolist() == found[0, 0, 1].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("which", ["image", "map", "edges"])
def test_each_input_is_looked_at_even_where_half_is_destroyed(which):
    network = Reconstructor(width=0.125)
    images, maps, edges = scene(1, 32, 32)
    others = [images.clone(), maps.clone(), edges.clone()]
    place = ["image", "map", "edges"].index(which)
    others[place][..., 20:24, 20:24] = 0.75
    with torch.no_grad():
        before, after = network(images, maps, edges)[1], network(*others)[1]
    assert (before - after)[..., 26:, 26:].abs().max() > 1e-6


def test_attention_copies_from_what_is_left(monkeypatch):
    """With all else off that sees far, the hole follows the far corner until that is half destroyed."""
    monkeypatch.setattr(reconstruction, "MMAGIC_ATTENTION", replace(MMAGIC_ATTENTION, fuse=False))
    network = Reconstructor(width=0.125)
    with torch.no_grad():
        for layer in (*network.dilated, *network.coarse):
            layer.weight.zero_()
    images, _, edges = scene(1, 136, 136)
    maps = torch.zeros(1, 1, 136, 136)
    maps[..., :24, :24] = 1
    other = images.clone()
    other[..., 112:, 112:] *= -1
    with torch.no_grad():
        difference = (network(images, maps, edges)[1] - network(other, maps, edges)[1]).abs()
        assert difference[..., :16, :16].max() > 0
        maps[..., 88:, 88:] = 0.5  # all that changed, and what lies near, is barred
        barred_difference = (network(images, maps, edges)[1] - network(other, maps, edges)[1]).abs()
    assert barred_difference[..., :16, :16].max() < 1e-6


def test_a_batch_equals_the_photos_one_at_a_time():
    network = Reconstructor(width=0.125)
    images, maps, edges = scene(2, 40, 48)
    with torch.no_grad():
        together = network(images, maps, edges)
        for i in range(2):
            alone = network(images[i : i + 1], maps[i : i + 1], edges[i : i + 1])
            for whole, one in zip(together, alone, strict=True):
                torch.testing.assert_close(whole[i : i + 1], one, rtol=0, atol=1e-5)


def test_half_precision_answers_in_full_and_nearly_the_same():
    network = Reconstructor(width=0.125)
    with torch.no_grad():
        expected = network(*scene(1, 32, 32))[1]
        got = network.to(torch.bfloat16)(*scene(1, 32, 32))[1]
    assert got.dtype == torch.float32
    assert (got - expected).abs().max() < 0.05


def test_a_gradient_reaches_every_weight_and_lowers_the_loss():
    network = Reconstructor(width=0.125).train()
    images, maps, edges = scene(2, 32, 32)
    target = images * 0.5
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for _ in range(3):
        optimiser.zero_grad()
        loss = sum((stage - target).abs().mul(maps).mean() for stage in network(images, maps, edges))
        loss.backward()
        losses.append(loss.item())
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
        optimiser.step()
    assert losses[-1] < losses[0]


def test_fresh_weights_are_drawn_from_the_generator_alone_and_do_not_saturate():
    state = torch.random.get_rng_state()
    first, second, other = (
        Reconstructor(width=0.25, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    drawn = [dict(network.named_parameters()) for network in (first, second, other)]
    assert all(torch.equal(drawn[0][name], drawn[1][name]) for name in drawn[0])
    assert not torch.equal(drawn[0]["coarse.0.weight"], drawn[2]["coarse.0.weight"])
    images, _, edges = scene(1, 64, 64)
    with torch.no_grad():
        for stage in first(images, torch.full((1, 1, 64, 64), 0.5), edges):
            drawn = 2 * stage - images
            assert 0.01 < drawn.std() < 1


def test_what_lies_under_a_wholly_destroyed_pixel_is_not_seen_and_under_half_a_one_is():
    network = Reconstructor(width=0.125)
    images, maps, edges = scene(1, 40, 48)
    answers = {}
    for share in (1.0, 0.5):
        under = torch.where(maps == share, -images, images)
        with torch.no_grad():
            answers[share] = [
                torch.equal(stage[maps.expand_as(stage) == 1], kept[maps.expand_as(kept) == 1])
                for stage, kept in zip(network(under, maps, edges), network(images, maps, edges), strict=True)
            ]
    assert answers == {1.0: [True, True], 0.5: [False, False]}


def test_its_discriminator_sees_photo_map_and_edges():
    network, judge = Reconstructor(width=0.125), SNPatchDiscriminator(in_channels=5, width=0.05)
    images, maps, edges = scene(2, 64, 64)
    with torch.no_grad():
        refined = network(images, maps, edges)[1]
        assert judge(torch.cat([refined, maps, edges], dim=1)).shape == (2, 13, 1, 1)


def test_wrong_batches_and_options_are_refused():
    network = Reconstructor(width=0.125)
    images, maps, edges = scene(1, 16, 16)
    with pytest.raises(ValueError, match=r"images of shape \(N, 3, H, W\), got \(3, 16, 16\)"):
        network(images[0], maps, edges)
    with pytest.raises(ValueError, match=r"maps of shape \(1, 1, 16, 16\), got \(1, 1, 16, 8\)"):
        network(images, maps[..., :8], edges)
    with pytest.raises(TypeError, match="edges of dtype float32, got bool"):
        network(images, maps, edges > 0)
    with pytest.raises(ValueError, match="width above 0 and at most 4, got 9"):
        Reconstructor(width=9)
    with pytest.raises(ValueError, match="max_scores_mb above 0 or None, got 0"):
        Reconstructor(max_scores_mb=0)
