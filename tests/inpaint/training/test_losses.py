import math

import pytest
import torch
from torch import nn

from inpaint.networks.discriminators import DeepFillV1Critics
from inpaint.training import losses


def column(*values: float) -> torch.Tensor:
    """One image of one channel, one row of pixels."""
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


def random_batch(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Differences 1, -2, 3, 0; the hole is half of the second pixel and all of the third.
FILLED, IMAGE, MASK = column(1, 0, 3, 5), column(0, 2, 0, 5), column(0, 0.5, 1, 0)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (losses.l1(FILLED, IMAGE), (1 + 2 + 3) / 4),
        (losses.mse(FILLED, IMAGE), (1 + 4 + 9) / 4),
        (losses.hole_l1(FILLED, IMAGE, MASK), (0.5 * 2 + 3) / 1.5),
        (losses.hole_mse(FILLED, IMAGE, MASK), (0.5 * 4 + 9) / 1.5),
        # Both lie beside a known pixel.
        (losses.discounted_l1(FILLED, IMAGE, MASK, gamma=0.9), 0.9 * (0.5 * 2 + 3) / 1.5),
    ],
)
def test_reconstruction_losses_of_four_pixels(loss, expected):
    assert loss.item() == pytest.approx(expected, abs=1e-12)


def test_a_hole_is_averaged_over_channels_and_over_the_whole_batch():
    filled, images, masks = torch.zeros(2, 3, 2, 2), torch.zeros(2, 3, 2, 2), torch.zeros(2, 1, 2, 2)
    masks[0, 0, 0, 0] = masks[1, 0] = 1
    filled[0, :, 0, 0] = torch.tensor([1.0, 2.0, 3.0])
    filled[0, :, 1, 1] = 100  # outside
    assert losses.hole_l1(filled, images, masks).item() == pytest.approx(6 / (3 * 5))


@pytest.mark.parametrize("loss", [losses.hole_l1, losses.hole_mse, losses.discounted_l1])
def test_without_a_hole_the_loss_is_zero_and_so_is_its_gradient(loss):
    filled = random_batch(0, 2, 3, 4, 4).float().requires_grad_()
    value = loss(filled, torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4))
    value.backward()
    assert value.item() == 0
    assert torch.equal(filled.grad, torch.zeros_like(filled))


@pytest.mark.parametrize("loss", [losses.hole_l1, losses.hole_mse, losses.discounted_l1])
def test_only_the_hole_moves(loss):
    filled, images = random_batch(0, 2, 3, 5, 5).requires_grad_(), random_batch(1, 2, 3, 5, 5)
    masks = torch.zeros(2, 1, 5, 5, dtype=torch.float64)
    masks[:, :, 1:3, 2:] = 1
    loss(filled, images, masks).backward()
    assert torch.equal(filled.grad != 0, masks.bool().expand_as(filled))


def test_discount_falls_with_the_distance_to_what_is_known():
    masks = torch.tensor(
        [
            [0, 0, 0, 0, 0],
            [0, 1, 1, 1, 0],
            [0, 1, 1, 1, 1],
            [0, 1, 1, 1, 1],
            [0, 1, 1, 1, 1],
        ],
        dtype=torch.float64,
    )[None, None]
    half, root, wide = 0.5, 0.5**2**0.5, 0.5**5**0.5
    expected = [
        [0, 0, 0, 0, 0],
        [0, half, half, half, 0],
        [0, half, 0.25, root, half],  # the corner's distance is Euclidean
        [0, half, 0.25, wide, 0.25],  # known: (1, 4), two up and one to the right
        [0, half, 0.25, 0.125, 0.125],  # beyond the border nothing is known
    ]
    weights = losses.discount_weights(masks, gamma=0.5)
    torch.testing.assert_close(weights[0, 0], torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-6)


def test_discount_of_a_box_is_that_of_the_nearest_side():
    masks = torch.zeros(1, 1, 9, 11)
    masks[:, :, 1:8, 2:9] = 1
    row, column = torch.arange(7).view(-1, 1), torch.arange(7).view(1, -1)
    side = torch.minimum(torch.minimum(row, 6 - row), torch.minimum(column, 6 - column)) + 1
    weights = losses.discount_weights(masks, gamma=0.8)[0, 0]
    torch.testing.assert_close(weights[1:8, 2:9], 0.8**side, rtol=0, atol=1e-6)
    assert weights.sum() == weights[1:8, 2:9].sum()


def test_discount_where_nothing_or_everything_is_known_and_where_a_pixel_is_partly():
    masks = torch.zeros(3, 1, 3, 3)
    masks[0] = 1
    masks[2, 0, 1, 1] = 0.5
    weights = losses.discount_weights(masks, gamma=0.9)
    assert torch.equal(weights[0], torch.ones(1, 3, 3))
    assert torch.equal(weights[1], torch.zeros(1, 3, 3))
    assert weights[2, 0, 1, 1].item() == pytest.approx(0.45)
    assert torch.equal(losses.discount_weights(masks, gamma=1), masks)


REAL, FAKE = column(2, 0.5, -1), column(-3, 0, 0.25)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (losses.hinge_critic(REAL, FAKE), (0 + 0.5 + 2) / 3 + (0 + 1 + 1.25) / 3),
        (losses.hinge_generator(FAKE), 2.75 / 3),
        (losses.wasserstein_critic(REAL, FAKE), -2.75 / 3 - 1.5 / 3),
        (losses.wasserstein_generator(FAKE), 2.75 / 3),
        (
            losses.logistic_critic(REAL, FAKE),
            # -log sigmoid(real) - log(1 - sigmoid(fake)) = log(1 + e^-real) + log(1 + e^fake)
            (math.log(1 + math.e**-2) + math.log(1 + math.e**-0.5) + math.log(1 + math.e)) / 3
            + (math.log(1 + math.e**-3) + math.log(2) + math.log(1 + math.e**0.25)) / 3,
        ),
        (
            losses.logistic_generator(FAKE),
            (math.log(1 + math.e**3) + math.log(2) + math.log(1 + math.e**-0.25)) / 3,
        ),
    ],
)
def test_adversarial_losses_of_three_verdicts(loss, expected):
    assert loss.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("critic_loss", "generator_loss"),
    [
        (losses.hinge_critic, losses.hinge_generator),
        (losses.wasserstein_critic, losses.wasserstein_generator),
        (losses.logistic_critic, losses.logistic_generator),
    ],
)
def test_the_critic_pulls_real_up_and_fake_down_and_the_generator_fake_up(critic_loss, generator_loss):
    real, fake = (torch.zeros(4, 2, 3, 3, requires_grad=True) for _ in range(2))
    critic_loss(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    fake.grad = None
    generator_loss(fake).backward()
    assert (fake.grad < 0).all()


def test_large_logits_stay_finite_and_half_precision_is_averaged_in_float32():
    real, fake = torch.tensor([-1e4]), torch.tensor([1e4])
    assert losses.logistic_critic(real, fake).item() == pytest.approx(2e4)
    assert losses.logistic_generator(-fake).item() == pytest.approx(1e4)
    many = torch.full((1000,), 1.0078125, dtype=torch.bfloat16)  # the next number after 1
    assert losses.wasserstein_generator(many).dtype == torch.float32
    assert losses.wasserstein_generator(many).item() == pytest.approx(-1.0078125)


class LinearCritic(nn.Module):
    """verdict = w . image: its gradient is w everywhere."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1) @ self.weight.flatten()


def test_the_penalty_of_a_linear_critic_has_a_closed_form():
    critic = LinearCritic(torch.tensor([[[3.0, 0.0], [4.0, 12.0]]], dtype=torch.float64))
    real, fake = random_batch(0, 2, 1, 2, 2), random_batch(1, 2, 1, 2, 2)
    rng = torch.Generator().manual_seed(0)
    penalty = losses.gradient_penalty(critic, real, fake, rng=rng)
    assert penalty.item() == pytest.approx((13 - 1) ** 2)
    penalty.backward()  # d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    expected = 2 * 12 * critic.weight.detach() / 13
    torch.testing.assert_close(critic.weight.grad, expected, rtol=0, atol=1e-12)
    masks = torch.zeros(2, 1, 2, 2, dtype=torch.float64)
    masks[:, :, :, 0] = 1  # of w 3 and 4 remain
    masked = losses.gradient_penalty(critic, real, fake, masks=masks, rng=rng)
    assert masked.item() == pytest.approx((5 - 1) ** 2)
    masks[1] = 0  # the second image has no hole: |0| - 1
    half = losses.gradient_penalty(critic, real, fake, masks=masks, rng=rng)
    assert half.item() == pytest.approx((16 + 1) / 2)
    critic.weight.grad = None
    half.backward()
    expected = torch.tensor([[[3.0, 0.0], [4.0, 0.0]]], dtype=torch.float64) * 4 / 5
    torch.testing.assert_close(critic.weight.grad, expected, rtol=0, atol=1e-12)


def test_the_penalty_agrees_with_finite_differences():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        critic = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Softplus(), nn.Flatten(), nn.Linear(16, 1)).double()
    real, fake = random_batch(0, 2, 1, 4, 4), random_batch(1, 2, 1, 4, 4)
    masks = (random_batch(2, 2, 1, 4, 4) > 0).double()
    share = torch.rand((2, 1, 1, 1), generator=torch.Generator().manual_seed(5)).double()
    between, step = real + share * (fake - real), 1e-6
    squares = torch.zeros(2, dtype=torch.float64)
    with torch.no_grad():
        for row in range(4):
            for column in range(4):
                shift = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
                shift[0, 0, row, column] = step
                slope = (critic(between + shift) - critic(between - shift)) / (2 * step)
                squares += slope[:, 0].square() * masks[:, 0, row, column]
    numeric = (squares.sqrt() - 1).square().mean().item()

    def penalty() -> torch.Tensor:
        rng = torch.Generator().manual_seed(5)
        return losses.gradient_penalty(critic, real, fake, masks=masks, rng=rng)

    assert penalty().item() == pytest.approx(numeric, abs=1e-8)
    # And what it says to each weight: the second derivative.
    for parameter in (critic[0].weight, critic[3].weight):
        (gradient,) = torch.autograd.grad(penalty(), parameter)
        for index in (0, parameter.numel() - 1):
            values = []
            for sign in (1, -1):
                parameter.data.view(-1)[index] += sign * step
                values.append(penalty().item())
                parameter.data.view(-1)[index] -= sign * step
            numeric = (values[0] - values[1]) / (2 * step)
            assert gradient.flatten()[index].item() == pytest.approx(numeric, abs=1e-7)


class SquareCritic(nn.Module):
    """verdict = x^2 / 2: its gradient tells where it was asked."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.square().sum() / 2


def test_each_image_gets_its_own_point_from_the_generator():
    real, fake = torch.ones(3, 1, 1, 1), torch.full((3, 1, 1, 1), 3.0)
    shares = torch.rand((3, 1, 1, 1), generator=torch.Generator().manual_seed(2))
    points = 1 + 2 * shares
    expected = (points - 1).square().mean().item()
    state = torch.random.get_rng_state()
    found = [
        losses.gradient_penalty(SquareCritic(), real, fake, rng=torch.Generator().manual_seed(seed)).item()
        for seed in (2, 2, 3)
    ]
    assert found[0] == found[1] == pytest.approx(expected)
    assert found[2] != found[0]
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_penalty_reaches_both_critics_and_not_the_generator():
    critics = DeepFillV1Critics(size_px=64, width=0.05)
    rng = torch.Generator().manual_seed(0)
    real, fake = (torch.rand(2, 3, 64, 64, generator=rng) for _ in range(2))
    fake.requires_grad_()
    masks = torch.zeros(2, 1, 64, 64)
    masks[0, :, 5:40, 30:50] = masks[1, :, 40:, :20] = 1
    real_part, fake_part, mask_part = (
        losses.hole_box_patches(batch, masks, size_px=32) for batch in (real, fake, masks)
    )
    whole = losses.gradient_penalty(critics.whole, real, fake, masks=masks, rng=rng)
    local = losses.gradient_penalty(critics.local, real_part, fake_part, masks=mask_part, rng=rng)
    (whole + local).backward()
    assert fake.grad is None
    for part in (critics.whole, critics.local):
        assert part.layers[0].conv.weight.grad.abs().max() > 0


def test_patches_lie_about_each_images_own_hole():
    masks = torch.zeros(4, 1, 10, 12)
    masks[0, 0, 4:6, 5:8] = 1  # middle row 4.5, middle column 6
    masks[1, 0, 0, 0] = masks[2, 0, 9, 2:] = 1
    images = torch.arange(120).view(1, 1, 10, 12).expand(4, 1, 10, 12)  # value = 12 * row + column
    patches = losses.hole_box_patches(images, masks, size_px=4)
    assert patches.shape == (4, 1, 4, 4)
    # The 4th has no hole: its middle.
    assert patches[:, 0, 0, 0].tolist() == [12 * 3 + 4, 0, 12 * 6 + 5, 12 * 3 + 4]
    assert patches[0, 0, -1, -1].item() == 12 * 6 + 7
    holes = losses.hole_box_patches(masks, masks, size_px=4)
    assert holes.sum(dim=(1, 2, 3)).tolist() == [6, 1, 4, 0]


def test_a_patch_as_large_as_the_image_is_the_image_and_gradients_go_through():
    images = random_batch(0, 2, 3, 6, 6).requires_grad_()
    masks = torch.zeros(2, 1, 6, 6)
    masks[:, :, 5, 5] = 0.1
    assert torch.equal(losses.hole_box_patches(images, masks, size_px=6), images)
    losses.hole_box_patches(images, masks, size_px=2).sum().backward()
    expected = torch.zeros(6, 6, dtype=torch.float64)
    expected[4:, 4:] = 1
    assert torch.equal(images.grad, expected.expand(2, 3, 6, 6))


def test_half_precision_fills_are_compared_in_float32():
    filled = torch.full((1, 3, 2, 2), 0.5, dtype=torch.bfloat16)
    images, masks = torch.full((1, 3, 2, 2), 0.001), torch.ones(1, 1, 2, 2)
    for loss in (losses.hole_l1(filled, images, masks), losses.l1(filled, images)):
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(0.499)


def test_every_loss_runs_on_every_device(device):
    rng = torch.Generator().manual_seed(0)
    filled, images = (torch.rand(2, 3, 8, 8, generator=rng).to(device) for _ in range(2))
    masks = torch.zeros(2, 1, 8, 8, device=device)
    masks[:, :, 2:5, 1:4] = 1
    assert losses.discounted_l1(filled, images, masks).device.type == device
    assert losses.hole_box_patches(images, masks, size_px=4).device.type == device
    assert losses.gradient_penalty(SquareCritic(), images, filled, masks=masks, rng=rng).device.type == device


def test_wrong_shapes_and_settings_are_refused():
    images, masks = torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 8, 8)
    for loss in (losses.l1, losses.mse):
        with pytest.raises(ValueError, match=r"shape of images, \(2, 3, 8, 8\), not empty, got \(1, 3,"):
            loss(images[:1], images)
    for loss in (losses.hole_l1, losses.hole_mse, losses.discounted_l1):
        with pytest.raises(ValueError, match=r"masks of shape \(2, 1, 8, 8\), got \(2, 3, 8, 8\)"):
            loss(images, images, images)
        with pytest.raises(ValueError, match=r"shape \(N, C, H, W\), not empty, got \(8, 8\)"):
            loss(images[0, 0], images[0, 0], masks)
    for loss in (losses.hinge_critic, losses.wasserstein_critic, losses.logistic_critic):
        with pytest.raises(ValueError, match=r"expected fake of the shape of real, \(2,\)"):
            loss(torch.zeros(2), torch.zeros(3))
    with pytest.raises(ValueError, match=r"masks of shape \(2, 1, 8, 8\), got \(2, 8, 8\)"):
        losses.gradient_penalty(SquareCritic(), images, images, masks=masks[:, 0], rng=torch.Generator())
    for gamma in (0, 1.5, math.nan):
        with pytest.raises(ValueError, match=f"gamma above 0 and at most 1, got {gamma}"):
            losses.discount_weights(masks, gamma=gamma)
    with pytest.raises(ValueError, match=r"masks of shape \(2, 1, 8, 8\), got \(2, 3, 8, 8\)"):
        losses.discount_weights(images)
    for size_px in (0, 9):
        with pytest.raises(ValueError, match=f"expected size_px in 1..8, got {size_px}"):
            losses.hole_box_patches(images, masks, size_px=size_px)
