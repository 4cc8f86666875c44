"""Each paper's losses on tensors whose sums can be done by hand: the networks and critics are stand-ins."""

from math import log, log10

import pytest
import torch
from torch import Tensor, nn

from inpaint.formats import NETWORKS, build_network
from inpaint.networks.discriminators import (
    ContextDiscriminator,
    DeepFillV1Critics,
    GLCICDiscriminator,
    SNPatchDiscriminator,
)
from inpaint.training.batch import Batch
from inpaint.training.objectives import (
    AutoencoderObjective,
    ContextEncoderObjective,
    DeepFillV1Objective,
    DeepFillV2Objective,
    FillObjective,
    GLCICObjective,
    fill_objective,
)
from inpaint.training.settings import DEFAULTS, LossWeights

SIDE = 4
IN_HOLE, ELSEWHERE = 0.5, 0.25
"""What the stand-in draws of photos that are 0 everywhere."""


class Painter(nn.Module):
    """Draws the same two colours always; the coarse stage is twice as wrong."""

    def forward(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        filled = torch.where(masks > 0, IN_HOLE, ELSEWHERE).expand_as(images)
        return 2 * filled, filled


class Judge(nn.Module):
    """Says `real` of photos without colour and `fake` of others, and keeps what it was shown."""

    size_px = SIDE

    def __init__(self, real: float, fake: float) -> None:
        super().__init__()
        self.real, self.fake = real, fake
        self.shown: list[tuple[Tensor, ...]] = []

    def forward(self, *inputs: Tensor) -> Tensor:
        self.shown.append(inputs)
        coloured = inputs[0][:, :3].abs().amax(dim=(1, 2, 3)) > 0
        return torch.where(coloured, self.fake, self.real)


class LinearCritics(nn.Module):
    """Two judges, each a sum of the colours times one number: their gradients are known."""

    size_px = SIDE

    def __init__(self, whole: float, local: float) -> None:
        super().__init__()
        self.whole, self.local = _Sum(whole), _Sum(local)

    def forward(self, images: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
        return self.whole(images), self.local(patches)


class _Sum(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images.sum(dim=(1, 2, 3))


@pytest.fixture
def batch() -> Batch:
    """One photo, 0 everywhere, with a hole of one pixel at row 1, column 1."""
    masks = torch.zeros(1, 1, SIDE, SIDE)
    masks[0, 0, 1, 1] = 1
    images = torch.zeros(1, 3, SIDE, SIDE)
    return Batch(images, images.clone(), masks)


def stages_of(objective: FillObjective, batch: Batch) -> tuple[Tensor, ...]:
    return objective.stages(objective.network, batch)


def numbers(found: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in found.items()}


def test_autoencoder_adds_what_is_known(batch: Batch) -> None:
    objective = AutoencoderObjective(Painter(), LossWeights(reconstruction=3, known=2), None)
    found = objective.generator_losses(batch, stages_of(objective, batch), adversarial=False)
    assert numbers(found) == pytest.approx({"mse": 3 * 0.5**2, "mse known": 2 * 0.25**2})


def test_autoencoder_leaves_out_what_weighs_nothing(batch: Batch) -> None:
    objective = AutoencoderObjective(Painter(), LossWeights(known=0), None)
    found = objective.generator_losses(batch, stages_of(objective, batch), adversarial=False)
    assert found.keys() == {"mse"}


def test_autoencoder_has_no_critic(batch: Batch) -> None:
    objective = AutoencoderObjective(Painter(), LossWeights(adversarial=0), None)
    with pytest.raises(NotImplementedError, match="no critic"):
        objective.critic_losses(batch, stages_of(objective, batch), torch.Generator())


def test_context_encoder_by_hand(batch: Batch) -> None:
    judge = Judge(real=log(4), fake=log(3))
    weights = DEFAULTS["context-encoder"].losses
    objective = ContextEncoderObjective(Painter(), weights, judge)
    stages = stages_of(objective, batch)
    found = objective.generator_losses(batch, stages, adversarial=True)
    # -log(sigmoid(log 3)) = log(1 + 1/3)
    assert numbers(found) == pytest.approx({"mse": 0.999 * 0.25, "adversarial": 0.001 * log(4 / 3)})
    critic = objective.critic_losses(batch, stages, torch.Generator())
    # of the photo log(1 + 1/4), of the fill log(1 + 3)
    assert numbers(critic) == pytest.approx({"critic": log(5 / 4) + log(4)})


def test_without_the_critics_word_reconstruction_is_left(batch: Batch) -> None:
    objective = ContextEncoderObjective(Painter(), LossWeights(), Judge(0, 0))
    found = objective.generator_losses(batch, stages_of(objective, batch), adversarial=False)
    assert found.keys() == {"mse"}
    assert objective.critic.shown == []


def test_critics_see_the_photo_with_the_fill_in_it(batch: Batch) -> None:
    judge = Judge(0, 0)
    objective = ContextEncoderObjective(Painter(), LossWeights(), judge)
    objective.generator_losses(batch, stages_of(objective, batch), adversarial=True)
    (shown,) = judge.shown[0]
    assert torch.equal(shown, torch.where(batch.masks > 0, IN_HOLE, 0.0).expand(1, 3, SIDE, SIDE))


def test_glcic_by_hand(batch: Batch) -> None:
    judge = Judge(real=log(4), fake=log(3))
    objective = GLCICObjective(Painter(), DEFAULTS["glcic"].losses, judge)
    stages = stages_of(objective, batch)
    found = objective.generator_losses(batch, stages, adversarial=True)
    assert numbers(found) == pytest.approx({"mse": 0.25, "adversarial": 0.0004 * log(4 / 3)})
    critic = objective.critic_losses(batch, stages, torch.Generator())
    assert numbers(critic) == pytest.approx({"critic": log(5 / 4) + log(4)})
    whole, patch = judge.shown[0]
    assert patch.shape == (1, 3, SIDE // 2, SIDE // 2)
    assert float(patch.amax()) == IN_HOLE
    assert torch.equal(whole.amax(), patch.amax())


def test_deepfillv1_by_hand(batch: Batch) -> None:
    # The gradients in the hole, one pixel of three channels, have norms 2 and 1.
    critics = LinearCritics(whole=2 / 3**0.5, local=1 / 3**0.5)
    weights = LossWeights(reconstruction=1.2, coarse=0.5, known=2, adversarial=0.001, discount=0.9)
    objective = DeepFillV1Objective(Painter(), weights, critics)
    stages = stages_of(objective, batch)
    found = objective.generator_losses(batch, stages, adversarial=True)
    verdict = 3 * IN_HOLE * (2 + 1) / 3**0.5
    expected = {
        "l1": 1.2 * 0.9 * IN_HOLE,  # the hole's one pixel is one pixel from what is known
        "l1 coarse": 1.2 * 0.5 * 0.9 * 2 * IN_HOLE,
        "l1 known": 2 * (ELSEWHERE + 0.5 * 2 * ELSEWHERE),
        "adversarial": -0.001 * verdict,
    }
    assert numbers(found) == pytest.approx(expected)


def test_deepfillv1_critics_by_hand(batch: Batch) -> None:
    critics = LinearCritics(whole=2 / 3**0.5, local=1 / 3**0.5)
    objective = DeepFillV1Objective(Painter(), LossWeights(gradient_penalty=10), critics)
    stages = stages_of(objective, batch)
    found = objective.critic_losses(batch, stages, torch.Generator().manual_seed(0))
    expected = {
        "critic whole": 3 * IN_HOLE * 2 / 3**0.5,
        "penalty whole": 10 * (2 - 1) ** 2,
        "critic local": 3 * IN_HOLE / 3**0.5,
        "penalty local": 10 * (1 - 1) ** 2,
    }
    assert numbers(found) == pytest.approx(expected, abs=1e-5)
    torch.stack(list(found.values())).sum().backward()
    # d/ds of 3 x 0.5 s + 10 (s sqrt(3) - 1)^2 at s = 2 / sqrt(3), and at s = 1 / sqrt(3)
    assert float(critics.whole.scale.grad) == pytest.approx(1.5 + 20 * 3**0.5, rel=1e-5)
    assert float(critics.local.scale.grad) == pytest.approx(1.5, rel=1e-5)


def test_deepfillv2_by_hand(batch: Batch) -> None:
    judge = Judge(real=0.25, fake=-0.75)
    objective = DeepFillV2Objective(Painter(), LossWeights(reconstruction=2, coarse=0.5), judge)
    stages = stages_of(objective, batch)
    found = objective.generator_losses(batch, stages, adversarial=True)
    mean = (IN_HOLE + 15 * ELSEWHERE) / 16
    assert numbers(found) == pytest.approx(
        {"l1": 2 * mean, "l1 coarse": 2 * 0.5 * 2 * mean, "adversarial": 0.75}
    )
    critic = objective.critic_losses(batch, stages, torch.Generator())
    assert numbers(critic) == pytest.approx({"critic": (1 - 0.25) + (1 - 0.75)})
    for (shown,) in judge.shown:
        assert torch.equal(shown[:, 3:], batch.masks)
    assert len(judge.shown) == 3
    of_network, _, of_critic = (shown[:, :3] for (shown,) in judge.shown)
    assert torch.equal(of_critic, batch.composite(stages[-1]))
    assert torch.equal(of_network, of_critic)


def test_figures_by_hand(batch: Batch) -> None:
    objective = AutoencoderObjective(Painter(), LossWeights(), None)
    found = objective.figures(objective.network, batch)
    # squares in [-1, 1] are a quarter of those in [0, 1]; the hole is a sixteenth of the photo
    assert found == pytest.approx(
        {
            "l1 in the hole": IN_HOLE / 2,
            "PSNR in the hole": -10 * log10(IN_HOLE**2 / 4),
            "PSNR": -10 * log10(IN_HOLE**2 / 4 / 16),
        }
    )


def test_pictures_are_damaged_stages_photo(batch: Batch) -> None:
    objective = DeepFillV2Objective(Painter(), LossWeights(), None)
    damaged, coarse, refined, photo = objective.pictures(objective.network, batch)
    assert torch.equal(damaged, batch.damaged)
    assert torch.equal(photo, batch.images)
    hole = batch.masks.expand_as(photo) > 0
    assert [float(stage[hole].mean()) for stage in (coarse, refined)] == [2 * IN_HOLE, IN_HOLE]
    assert not any(stage[~hole].any() for stage in (coarse, refined))


CRITICS = {
    "autoencoder": type(None),
    "context-encoder": ContextDiscriminator,
    "glcic": GLCICDiscriminator,
    "deepfillv1": DeepFillV1Critics,
    "deepfillv2": SNPatchDiscriminator,
}


def tiny_objective(name: str, weights: LossWeights) -> FillObjective:
    network = build_network(name, {"width": 0.05} | ({"size_px": 64} if name == "context-encoder" else {}))
    rng = torch.Generator().manual_seed(0)
    objective = fill_objective(network, weights, size_px=64, critic_width=0.05, rng=rng)
    assert isinstance(objective, FillObjective)
    return objective


@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_has_its_papers_critic(name: str) -> None:
    assert type(tiny_objective(name, LossWeights()).critic) is CRITICS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_no_critic_where_its_word_weighs_nothing(name: str) -> None:
    assert tiny_objective(name, LossWeights(adversarial=0)).critic is None


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "autoencoder"])
def test_critic_losses_reach_the_critic_alone(name: str) -> None:
    objective = tiny_objective(name, DEFAULTS[name].losses)
    rng = torch.Generator().manual_seed(1)
    images = torch.rand((2, 3, 64, 64), generator=rng) * 2 - 1
    masks = torch.zeros(2, 1, 64, 64)
    masks[:, :, 20:40, 10:50] = 1
    batch = Batch(images, images * (1 - masks), masks)
    stages = tuple(stage.detach().requires_grad_() for stage in stages_of(objective, batch))
    torch.stack(list(objective.critic_losses(batch, stages, rng).values())).sum().backward()
    assert all(stage.grad is None for stage in stages)
    assert objective.critic is not None
    for key, parameter in objective.critic.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
