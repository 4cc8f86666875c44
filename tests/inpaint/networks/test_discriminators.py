import itertools

import pytest
import torch
from torch.nn.utils import parametrize

from inpaint.networks.discriminators import (
    ContextDiscriminator,
    DeepFillV1Critics,
    GLCICDiscriminator,
    PatchDiscriminator,
    SNPatchDiscriminator,
)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def convs(kernel: int, *channels: int, bias: bool, norm: int) -> int:
    """Parameters of convolutions one after another; `norm` = how many of the last are normalised."""
    total = 0
    for index, (inner, outer) in enumerate(itertools.pairwise(channels)):
        normed = index >= len(channels) - 1 - norm
        total += kernel**2 * inner * outer + bias * outer + 2 * normed * outer
    return total


def test_the_context_encoders_has_the_released_parameters():
    """train.lua, netD (ndf = 64): 4 x 4 with biases, all but the first normalised, then 4 x 4 to 1."""
    expected = convs(4, 3, 64, 128, 256, 512, bias=True, norm=3) + 16 * 512 + 1
    assert count(ContextDiscriminator()) == expected == 2_766_529
    larger = convs(4, 3, 64, 64, 128, 256, 512, bias=True, norm=4) + 16 * 512 + 1  # train_random.lua
    assert count(ContextDiscriminator(size_px=128)) == larger == 2_832_257


def test_glcics_has_the_papers_parameters():
    """Iizuka et al. 2017, table 2 (5 x 5, stride 2, to 4 x 4 x 512, then 1024), normalised as in mmagic."""
    whole = convs(5, 3, 64, 128, 256, 512, 512, 512, bias=False, norm=6)
    local = convs(5, 3, 64, 128, 256, 512, 512, bias=False, norm=5)
    full = 2 * (4 * 4 * 512 * 1024 + 1024) + 2048 + 1
    assert count(GLCICDiscriminator()) == whole + local + full == 45_060_225


def test_deepfillv1s_have_the_papers_parameters():
    """Authors' code: 64, 128, 256, 256 to 16 x 16 for the image, 64, 128, 256, 512 to 8 x 8 for the patch."""
    whole = convs(5, 3, 64, 128, 256, 256, bias=True, norm=0) + 16 * 16 * 256 + 1
    local = convs(5, 3, 64, 128, 256, 512, bias=True, norm=0) + 8 * 8 * 512 + 1
    assert count(DeepFillV1Critics()) == whole + local == 7_072_770


def test_deepfillv2s_has_the_papers_parameters():
    """Authors' build_sn_patch_gan_discriminator: 64, 128, 256 x 4; input RGB and mask."""
    expected = convs(5, 4, 64, 128, 256, 256, 256, 256, bias=True, norm=0)
    assert count(SNPatchDiscriminator()) == expected == 5_946_816


def test_edgeconnects_has_the_papers_parameters():
    """70 x 70 PatchGAN on grey and edges: 64, 128, 256, 512, 1, 4 x 4, a bias where nothing is normalised."""
    expected = 16 * 2 * 64 + 64 + 16 * (64 * 128 + 128 * 256 + 256 * 512) + 16 * 512 + 1
    assert count(PatchDiscriminator()) == expected == 2_762_817


def test_reconstructions_sees_edges_and_map_too():
    expected = convs(5, 5, 64, 128, 256, 256, 256, 256, bias=True, norm=0)
    assert count(SNPatchDiscriminator(in_channels=5)) == expected == 5_948_416


@pytest.mark.parametrize("size_px", [64, 128, 256])
def test_the_context_encoders_sees_the_missing_part(size_px):
    judge = ContextDiscriminator(size_px=size_px, width=0.1)
    assert judge(torch.zeros(3, 3, size_px, size_px)).shape == (3,)
    with pytest.raises(ValueError, match=rf"parts of shape \(N, 3, {size_px}, {size_px}\), got"):
        judge(torch.zeros(3, 3, 32, 32))
    with pytest.raises(ValueError, match="size_px of 64, 128 or 256, got 32"):
        ContextDiscriminator(size_px=32)


@pytest.mark.parametrize("size_px", [64, 128, 256])
def test_global_and_local_judges_see_image_and_patch(size_px):
    images, patches = torch.zeros(2, 3, size_px, size_px), torch.zeros(2, 3, size_px // 2, size_px // 2)
    assert GLCICDiscriminator(size_px=size_px, width=0.1)(images, patches).shape == (2,)
    for verdict in DeepFillV1Critics(size_px=size_px, width=0.1)(images, patches):
        assert verdict.shape == (2,)


@pytest.mark.parametrize(("kind", "grid"), [(GLCICDiscriminator, 64), (DeepFillV1Critics, 32)])
def test_wrong_sizes_are_refused(kind, grid):
    with pytest.raises(ValueError, match=f"multiple of {grid}, got 100"):
        kind(size_px=100)
    judge = kind(size_px=64, width=0.1)
    with pytest.raises(ValueError, match=r"patches of shape \(N, 3, 32, 32\), got \(1, 3, 64, 64\)"):
        judge(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64))
    with pytest.raises(ValueError, match="width above 0"):
        kind(width=0)


def test_the_critics_verdict_of_an_image_does_not_depend_on_the_batch():
    critics = DeepFillV1Critics(size_px=64, width=0.25)
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    patches = images[:, :, 16:48, 16:48]
    with torch.no_grad():
        together, alone = critics(images, patches), critics(images[:1], patches[:1])
    for one, two in zip(together, alone, strict=True):
        assert one[0].item() == pytest.approx(two[0].item(), abs=1e-6)


@pytest.mark.parametrize(("height", "width", "rows", "columns"), [(256, 256, 4, 4), (128, 70, 2, 2)])
def test_sn_patchgan_judges_each_point(height, width, rows, columns):
    judge = SNPatchDiscriminator(width=0.125)
    assert judge(torch.zeros(2, 4, height, width)).shape == (2, 32, rows, columns)
    with pytest.raises(ValueError, match=r"images of shape \(N, 4, H, W\), got \(2, 3, 8, 8\)"):
        judge(torch.zeros(2, 3, 8, 8))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 72)])
def test_patchgan_judges_patches_and_shows_what_its_layers_answer(height, width):
    judge = PatchDiscriminator(width=0.125)
    answers = judge(torch.zeros(2, 2, height, width))
    halves = [(height // side, width // side) for side in (2, 4, 8)]
    less = [(height // 8 - step, width // 8 - step) for step in (1, 2)]
    assert [answer.shape[1] for answer in answers] == [8, 16, 32, 64, 1]
    assert [tuple(answer.shape[2:]) for answer in answers] == halves + less
    for wrong in (torch.zeros(2, 3, 64, 64), torch.zeros(2, 2, 31, 64)):
        with pytest.raises(ValueError, match=r"\(N, 2, H, W\), H and W at least 32, got"):
            judge(wrong)


def test_a_patch_is_70_pixels():
    judge = PatchDiscriminator(width=0.125).eval()
    for layer in judge.layers:
        layer.norm = None  # which looks at the whole image
    images = torch.randn(1, 2, 128, 128, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (gradient,) = torch.autograd.grad(judge(images)[-1][0, 0, 7, 7], images)
    touched = gradient[0].abs().sum(dim=0) > 0
    assert touched.any(dim=1).sum() == touched.any(dim=0).sum() == 70


def test_spectral_norms_are_one():
    judge = SNPatchDiscriminator(width=0.25).train()
    images = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for _ in range(30):  # each takes a step of the power iteration
            judge(images)
    assert len(judge.layers[::2]) == 6
    for layer in judge.layers[::2]:
        assert parametrize.is_parametrized(layer, "weight")
        largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0].item()
        assert largest == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "kind",
    [ContextDiscriminator, GLCICDiscriminator, DeepFillV1Critics, PatchDiscriminator, SNPatchDiscriminator],
)
def test_fresh_weights_are_drawn_from_the_generator_alone(kind):
    state = torch.random.get_rng_state()
    first, second, other = (
        kind(width=0.05, generator=torch.Generator().manual_seed(seed)).state_dict() for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
