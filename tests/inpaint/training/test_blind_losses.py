"""The numbers are worked out by hand; ln is the natural logarithm."""

from math import log

import pytest
import torch

from inpaint.networks.discriminators import PatchDiscriminator, SNPatchDiscriminator
from inpaint.training.blind_losses import feature_matching, map_cross_entropy, map_dice, steepened
from inpaint.training.losses import hinge_critic, hinge_generator, logistic_critic, logistic_generator


def map_of(*values: float) -> torch.Tensor:
    """One photo, one row."""
    return torch.tensor(values).view(1, 1, 1, -1)


def test_cross_entropy_of_a_map_by_hand():
    """Maps 3/4, 1/2, 1/4 against masks 1, 1/2, 0: -ln(3/4), ln 2, -ln(3/4), a third of their sum."""
    logits = map_of(log(3), 0, -log(3))
    expected = (2 * log(4 / 3) + log(2)) / 3
    assert map_cross_entropy(logits, map_of(1, 0.5, 0)).item() == pytest.approx(expected, abs=1e-6)


def test_what_is_mostly_destroyed_is_to_be_learnt_as_wholly_destroyed():
    learnt = steepened(map_of(0, 0.2, 0.5, 0.575, 0.65, 0.8, 1)).flatten().tolist()
    assert learnt == pytest.approx([0, 0.2, 0.5, 0.75, 1, 1, 1], abs=1e-6)


@pytest.mark.parametrize("loss", [map_cross_entropy, map_dice])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_partly_destroyed_pixel_asks_for_its_share(loss, share):
    shares = torch.linspace(0.05, 0.95, 19)
    masks = torch.full((1, 1, 16, 16), share)
    values = torch.stack([loss(torch.full_like(masks, tried.logit().item()), masks) for tried in shares])
    assert shares[values.argmin()].item() == pytest.approx(share)


def test_dice_of_a_map_by_hand():
    """Maps 3/4, 1/2, 1/4, 0, masks 1, 1/2, 0, 0: overlap 5/4, total 3, so (5/2 + 1) / (3 + 1)."""
    logits = map_of(log(3), 0, -log(3), -1e9)
    assert map_dice(logits, map_of(1, 0.5, 0, 0)).item() == pytest.approx(1 - 3.5 / 4, abs=1e-6)


def test_dice_of_undamaged_photos_with_an_empty_map_is_nothing():
    assert map_dice(map_of(-1e9, -1e9), map_of(0, 0)).item() == pytest.approx(0, abs=1e-6)


def test_what_is_found_in_an_undamaged_photo_costs_beside_a_damaged_one():
    """One of two pixels found in the one, one invented in the other: 1 - (2 + 1) / (2 + 2 + 1) = 2/5."""
    logits = torch.cat([map_of(1e9, -1e9), map_of(1e9, -1e9)])
    masks = torch.cat([map_of(1, 1), map_of(0, 0)])
    assert map_dice(logits, masks).item() == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize("loss", [map_cross_entropy, map_dice])
def test_a_step_down_the_gradient_brings_the_map_nearer(loss):
    masks = map_of(1, 0, 0, 0.5)
    logits = torch.tensor([[[[-1.0, 1.0, -1.0, 1.0]]]], dtype=torch.bfloat16, requires_grad=True)
    value = loss(logits, masks)
    assert value.dtype == torch.float32
    value.backward()
    signs = torch.sign(logits.grad).flatten().tolist()
    assert signs == [-1, 1, 1, 1]


@pytest.mark.parametrize("loss", [map_cross_entropy, map_dice])
def test_maps_of_another_shape_are_refused(loss):
    with pytest.raises(ValueError, match=r"masks' shape \(1, 1, 1, 2\), got \(1, 1, 1, 3\)"):
        loss(map_of(0, 0, 0), map_of(0, 0))


def test_feature_matching_by_hand():
    """First layer (1 + 3) / 2, second 0.5: added 2.5."""
    fake = (torch.tensor([1.0, -1.0]), torch.tensor([[0.5]]))
    real = (torch.tensor([2.0, 2.0]), torch.tensor([[1.0]]))
    assert feature_matching(fake, real).item() == pytest.approx(2.5)
    assert feature_matching(real, real).item() == 0


def test_feature_matching_teaches_the_generator_alone():
    fake, real = torch.ones(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    feature_matching([fake], [real]).backward()
    assert fake.grad.tolist() == pytest.approx([1 / 3] * 3)
    assert real.grad is None


def test_answers_of_other_layers_are_refused():
    with pytest.raises(ValueError, match=r"answers of the shapes \[\(2,\)\], got \[\(3,\)\]"):
        feature_matching([torch.zeros(3)], [torch.zeros(2)])
    with pytest.raises(ValueError, match=r"shapes \[\], got \[\]"):
        feature_matching([], [])


def undecided(judge: torch.nn.Module, verdict: float) -> torch.nn.Module:
    """A critic that answers `verdict` to everything: weights 0 would be divided by 0, so its input is 0."""
    for name, parameter in judge.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    judge.layers[-1 if isinstance(judge, PatchDiscriminator) else -2].get_parameter(
        "conv.bias" if isinstance(judge, PatchDiscriminator) else "bias"
    ).data.fill_(verdict)
    return judge.eval()


def test_the_losses_of_the_edges_and_their_discriminator_by_hand():
    """Verdicts ln 3 for real and fake: -ln(3/4) - ln(1/4) for the critic, -ln(3/4) for the generator."""
    answers = undecided(PatchDiscriminator(width=0.05), log(3))(torch.zeros(1, 2, 64, 64))
    verdicts = answers[-1]
    assert logistic_critic(verdicts, verdicts).item() == pytest.approx(log(4 / 3) + log(4), abs=1e-5)
    assert logistic_generator(verdicts).item() == pytest.approx(log(4 / 3), abs=1e-5)
    shifted = [answer + 0.1 for answer in answers]  # five layers, each 0.1 away
    generator = logistic_generator(verdicts) + 10 * feature_matching(shifted, answers)
    assert generator.item() == pytest.approx(log(4 / 3) + 10 * 0.5, abs=1e-4)


def test_the_losses_of_the_reconstruction_and_its_discriminator_by_hand():
    """Verdicts 0.25 for real and fake: (1 - 0.25) + (1 + 0.25) for the critic, -0.25 for the generator."""
    verdicts = undecided(SNPatchDiscriminator(in_channels=5, width=0.05), 0.25)(torch.zeros(1, 5, 64, 64))
    assert hinge_critic(verdicts, verdicts).item() == pytest.approx(2, abs=1e-6)
    assert hinge_generator(verdicts).item() == pytest.approx(-0.25, abs=1e-6)
