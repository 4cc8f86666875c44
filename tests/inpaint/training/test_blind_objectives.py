import pytest
import torch

from inpaint.edges import canny_maps
from inpaint.networks.discriminators import PatchDiscriminator, SNPatchDiscriminator
from inpaint.networks.edge_prediction import EdgePredictor, join_edges
from inpaint.networks.mask_prediction import MaskPredictor
from inpaint.networks.reconstruction import Reconstructor
from inpaint.training import losses
from inpaint.training.batch import Batch
from inpaint.training.blind_losses import feature_matching, map_cross_entropy, map_dice, steepened
from inpaint.training.blind_objectives import RepairChain, blind_objective, map_figures, picture
from inpaint.training.settings import LossWeights

SIZE_PX = 32
WEIGHTS = LossWeights(
    reconstruction=2.0, coarse=3.0, adversarial=0.5, map=5.0, edges=7.0, feature_matching=11.0
)


@pytest.fixture
def batch() -> Batch:
    """Two photos of two tones each, half of each destroyed to different degrees."""
    images = torch.full((2, 3, SIZE_PX, SIZE_PX), -0.5)
    images[:, :, :, SIZE_PX // 2 :] = 0.6
    masks = torch.zeros(2, 1, SIZE_PX, SIZE_PX)
    masks[0, :, 8:20, 4:24] = 1
    masks[1, :, 10:16, 10:30] = 0.6
    return Batch(images, torch.lerp(images, torch.full_like(images, 0.9), masks), masks)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def members() -> dict[str, torch.nn.Module]:
    return {
        "mask": MaskPredictor(width=0.1, generator=rng()),
        "edges": EdgePredictor(width=0.05, generator=rng()),
        "reconstruction": Reconstructor(width=0.1, generator=rng()),
    }


def chain(*names: str) -> RepairChain:
    built = members()
    return RepairChain(**{name: built[name] for name in names}).eval()


def test_a_chain_answers_network_by_network(batch):
    whole = chain("mask", "edges", "reconstruction")
    logits, edge_logits, coarse, refined = whole(batch)
    maps = torch.sigmoid(whole.mask(batch.damaged))
    torch.testing.assert_close(logits.sigmoid(), maps)
    left = canny_maps(batch.damaged, maps)
    torch.testing.assert_close(edge_logits, whole.edges(batch.damaged, left, maps))
    lines = join_edges(edge_logits.sigmoid(), left, maps)
    torch.testing.assert_close((coarse, refined), whole.reconstruction(batch.damaged, maps, lines))
    assert list(whole.members) == ["mask-prediction", "edge-prediction", "reconstruction"]


def test_what_is_not_in_front_is_given_the_truth(batch):
    alone = chain("reconstruction")
    expected = alone.reconstruction(batch.damaged, batch.masks, canny_maps(batch.images))
    torch.testing.assert_close(alone(batch), tuple(expected))
    edges = chain("edges")
    left = canny_maps(batch.damaged, batch.masks)
    torch.testing.assert_close(edges(batch), (edges.edges(batch.damaged, left, batch.masks),))


def test_the_map_is_held_to_the_mask_and_has_no_critic(batch):
    objective = blind_objective(chain("mask"), WEIGHTS, rng=rng())
    stages = objective.stages(objective.network, batch)
    found = objective.generator_losses(batch, stages, adversarial=True)
    assert objective.critic is None
    assert set(found) == {"map cross entropy", "map dice"}
    wanted = steepened(batch.masks)
    assert found["map cross entropy"] == 5 * map_cross_entropy(stages[0], wanted)
    assert found["map dice"] == 5 * map_dice(stages[0], wanted)


def test_edges_are_judged_beside_the_grey_photo_and_held_to_canny(batch):
    objective = blind_objective(chain("edges"), WEIGHTS, critic_width=0.1, rng=rng())
    critic = objective.critic.eval()
    assert isinstance(critic, PatchDiscriminator)
    stages = objective.stages(objective.network, batch)
    found = objective.generator_losses(batch, stages, adversarial=True)
    real = canny_maps(batch.images)
    each = torch.nn.functional.binary_cross_entropy(stages[0].sigmoid(), real, reduction="none")
    wanted = sum((each * share).sum() / share.sum() for share in (batch.masks, 1 - batch.masks))
    torch.testing.assert_close(found["edge cross entropy"], 7 * wanted)
    joined = join_edges(stages[0].sigmoid(), canny_maps(batch.damaged, batch.masks), batch.masks)
    grey = batch.images[:, :1]  # grey photos: all channels are alike
    fake, true = (critic(torch.cat([grey, edges], dim=1)) for edges in (joined, real))
    torch.testing.assert_close(found["adversarial"], 0.5 * torch.nn.functional.softplus(-fake[-1]).mean())
    torch.testing.assert_close(found["feature matching"], 11 * feature_matching(fake, true))
    found = objective.critic_losses(batch, stages, rng())
    torch.testing.assert_close(found["critic"], losses.logistic_critic(true[-1], fake[-1]))


@pytest.mark.parametrize(
    ("damaged", "wanted"),
    [(0, 0.6931), (2, 0.5441 + 0.6931), (4, 0.5441)],
    ids=["nowhere", "left half", "everywhere"],
)
def test_cross_entropy_of_edges_by_hand(batch, damaged, wanted):
    """Photos without edges. Where one is damaged the network says 0.4196: -ln(1 - 0.4196)
    = 0.5441; elsewhere 0.5: ln 2 = 0.6931. Each region counts by its mean."""
    images, masks = torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    masks[..., :damaged] = 1
    flat = Batch(images, images, masks)
    logits = torch.zeros(1, 1, 4, 4)
    logits[..., :damaged] = torch.tensor(0.4196).logit()
    objective = blind_objective(chain("edges"), LossWeights(adversarial=0), rng=rng())
    found = objective.generator_losses(flat, (logits,), adversarial=False)
    assert float(found["edge cross entropy"]) == pytest.approx(wanted, abs=1e-4)


def test_photos_are_judged_with_map_and_edges(batch):
    objective = blind_objective(chain("reconstruction"), WEIGHTS, critic_width=0.1, rng=rng())
    critic = objective.critic.eval()
    assert isinstance(critic, SNPatchDiscriminator)
    stages = objective.stages(objective.network, batch)
    found = objective.generator_losses(batch, stages, adversarial=True)
    coarse, refined = stages
    torch.testing.assert_close(found["l1"], 2 * (refined - batch.images).abs().mean())
    torch.testing.assert_close(found["l1 coarse"], 3 * (coarse - batch.images).abs().mean())
    beside = torch.cat([batch.masks, canny_maps(batch.images)], dim=1)
    real, fake = (critic(torch.cat([images, beside], dim=1)) for images in (batch.images, refined))
    torch.testing.assert_close(found["adversarial"], -0.5 * fake.mean())
    found = objective.critic_losses(batch, stages, rng())
    torch.testing.assert_close(found["critic"], losses.hinge_critic(real, fake))


def test_the_photo_s_loss_reaches_every_network_in_front(batch):
    whole = chain("mask", "edges", "reconstruction").train()
    objective = blind_objective(whole, LossWeights(map=0, edges=0), critic_width=0.1, rng=rng())
    found = objective.generator_losses(batch, objective.stages(whole, batch), adversarial=True)
    assert set(found) == {
        "map cross entropy",
        "map dice",
        "edge cross entropy",
        "l1",
        "l1 coarse",
        "adversarial",
    }
    torch.stack(list(found.values())).sum().backward()
    for name, network in whole.members.items():
        assert any(float(p.grad.abs().max()) > 0 for p in network.parameters() if p.grad is not None), name


def test_what_is_frozen_in_front_learns_nothing(batch):
    whole = chain("mask", "edges", "reconstruction")
    assert whole.mask is not None
    whole.mask.requires_grad_(False)
    state = {name: value.clone() for name, value in whole.mask.state_dict().items()}
    whole.train()
    assert [network.training for network in whole.members.values()] == [False, True, True]
    objective = blind_objective(whole, WEIGHTS, critic_width=0.1, rng=rng())
    found = objective.generator_losses(batch, objective.stages(whole, batch), adversarial=False)
    torch.stack(list(found.values())).sum().backward()
    assert all(parameter.grad is None for parameter in whole.mask.parameters())
    assert whole.edges is not None
    assert any(float(p.grad.abs().max()) > 0 for p in whole.edges.parameters() if p.grad is not None)
    for name, value in whole.mask.state_dict().items():  # statistics of batches, too
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)


def test_without_a_weight_there_is_no_critic():
    for name in ("edges", "reconstruction"):
        assert blind_objective(chain(name), LossWeights(adversarial=0), rng=rng()).critic is None


def test_figures_of_a_map_by_hand():
    masks = torch.tensor([1.0, 1.0, 0.5, 0.4, 0.0, 0.0]).view(1, 1, 2, 3)
    maps = torch.tensor([0.9, 0.2, 0.6, 0.1, 0.7, 0.1]).view(1, 1, 2, 3)
    found = map_figures(maps, masks)
    assert found["IoU"] == pytest.approx(2 / 4)  # first and third; the second is missed, the fifth invented
    assert found["wrongly damaged"] == pytest.approx(1 / 6)
    assert found["map L1"] == pytest.approx((0.1 + 0.8 + 0.1 + 0.3 + 0.7 + 0.1) / 6)
    assert map_figures(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))["IoU"] == 1


@torch.no_grad()
def test_figures_and_pictures_of_the_whole_chain(batch):
    objective = blind_objective(
        chain("mask", "edges", "reconstruction"), WEIGHTS, critic_width=0.1, rng=rng()
    )
    figures = objective.figures(objective.network, batch)
    assert set(figures) == {"IoU", "wrongly damaged", "map L1", "PSNR of the edges", "PSNR", "PSNR damaged"}
    squared = (batch.damaged - batch.images).square().mean() / 4
    assert figures["PSNR damaged"] == pytest.approx(-10 * float(torch.log10(squared)), abs=1e-4)
    columns = objective.pictures(objective.network, batch)
    assert len(columns) == 7
    assert all(column.shape == (2, 3, SIZE_PX, SIZE_PX) for column in columns)
    torch.testing.assert_close(columns[1], picture(batch.masks))
    assert (columns[1].min(), columns[1].max()) == (-1, 1)
