"""What the networks of the blind repair are trained towards, apart and one in front of the other."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from inpaint.edges import canny_maps
from inpaint.networks.discriminators import PatchDiscriminator, SNPatchDiscriminator
from inpaint.networks.edge_prediction import EdgePredictor, grey, join_edges
from inpaint.networks.fill_network import NamedNetwork
from inpaint.networks.mask_prediction import MaskPredictor
from inpaint.networks.reconstruction import Reconstructor
from inpaint.training import losses
from inpaint.training.batch import Batch
from inpaint.training.blind_losses import feature_matching, map_cross_entropy, map_dice, steepened
from inpaint.training.objectives import Losses, Objective, Stages, psnr
from inpaint.training.settings import LossWeights

THRESHOLD = 0.5
"""From which share of a pixel on it counts as damaged, in the figures."""


class RepairChain(nn.Module):
    """Networks of the blind repair, each in front of the next; those that are left out are given the truth.

    mask: photo -> damage map. edges: photo and map -> edges. reconstruction: all three -> photo. One whose
    weights ask for no gradients is used as it is, and learns nothing.
    """

    def __init__(
        self,
        *,
        mask: MaskPredictor | None = None,
        edges: EdgePredictor | None = None,
        reconstruction: Reconstructor | None = None,
    ) -> None:
        super().__init__()
        self.mask = mask
        self.edges = edges
        self.reconstruction = reconstruction

    @property
    def members(self) -> dict[str, NamedNetwork]:
        """The networks that are there, by name, in order."""
        there = (self.mask, self.edges, self.reconstruction)
        return {network.name: network for network in there if network is not None}

    def train(self, mode: bool = True) -> RepairChain:
        """As of any module; those that learn nothing keep their statistics, too."""
        super().train(mode)
        for network in self.members.values():
            learns = any(parameter.requires_grad for parameter in network.parameters())
            network.train(mode and learns)
        return self

    def forward(self, batch: Batch) -> Stages:
        """What each answers: the map's logits, the edges' logits, the coarse and the refined photo."""
        stages: list[Tensor] = []
        maps = batch.masks
        if self.mask is not None:
            stages.append(self.mask(batch.damaged))
            maps = torch.sigmoid(stages[-1])
        if self.edges is not None:
            left = batch.edges_left if self.mask is None else canny_maps(batch.damaged, maps)
            stages.append(self.edges(batch.damaged, left, maps))
        if self.reconstruction is not None:
            if self.edges is None:
                lines = batch.edges
            else:
                lines = join_edges(torch.sigmoid(stages[-1].float()), left, maps)
            stages += self.reconstruction(batch.damaged, maps, lines)
        return tuple(stages)


class RepairObjective(Objective):
    """Each network's own losses, added; a critic judges what the last one answers.

    Map: cross entropy and Dice. Edges: EdgeConnect's feature matching and adversarial loss (Nazeri et al.
    2019, section 3.1), and cross entropy, which alone holds edges that are not last. Photo: L1 of both stages
    and the hinge loss of a critic that sees edges and map too (Yu et al. 2019, section 3.3).
    """

    network: RepairChain

    def __init__(self, network: RepairChain, weights: LossWeights, critic: nn.Module | None) -> None:
        self.network = network
        self.weights = weights
        self.critic = critic

    def stages(self, network: nn.Module, batch: Batch) -> Stages:
        """As `RepairChain` gives them."""
        result: Stages = network(batch)
        return result

    def generator_losses(self, batch: Batch, stages: Stages, *, adversarial: bool) -> Losses:
        """Of every network there is."""
        rest = list(stages)
        found: Losses = {}
        if self.network.mask is not None:
            logits = rest.pop(0)
            wanted = steepened(batch.masks)
            found["map cross entropy"] = self.weights.map * map_cross_entropy(logits, wanted)
            found["map dice"] = self.weights.map * map_dice(logits, wanted)
        if self.network.edges is not None:
            weighted = self.weights.edges * self._edge_cross_entropy(rest.pop(0), batch)
            found["edge cross entropy"] = weighted
        if self.network.reconstruction is not None:
            coarse, refined = rest
            found["l1"] = self.weights.reconstruction * losses.l1(refined, batch.images)
            found["l1 coarse"] = self.weights.coarse * losses.l1(coarse, batch.images)
        if adversarial and self.critic is not None:
            found |= self._judged(batch, stages)
        return found

    def critic_losses(self, batch: Batch, stages: Stages, rng: torch.Generator) -> Losses:
        """Hinge for photos, binary cross entropy for edges."""
        if self.network.reconstruction is not None:
            real, fake = (self._photo_verdicts(images, batch) for images in (batch.images, stages[-1]))
            return {"critic": losses.hinge_critic(real, fake)}
        real, fake = (self._edge_answers(edges, batch)[-1] for edges in self._edges(batch, stages))
        return {"critic": losses.logistic_critic(real, fake)}

    def _judged(self, batch: Batch, stages: Stages) -> Losses:
        """What the critic says of the last answer."""
        if self.network.reconstruction is not None:
            verdicts = self._photo_verdicts(stages[-1], batch)
            return {"adversarial": self.weights.adversarial * losses.hinge_generator(verdicts)}
        real, fake = (self._edge_answers(edges, batch) for edges in self._edges(batch, stages))
        return {
            "adversarial": self.weights.adversarial * losses.logistic_generator(fake[-1]),
            "feature matching": self.weights.feature_matching * feature_matching(fake, real),
        }

    def _photo_verdicts(self, images: Tensor, batch: Batch) -> Tensor:
        assert isinstance(self.critic, SNPatchDiscriminator)
        result: Tensor = self.critic(torch.cat([images, batch.masks, batch.edges], dim=1))
        return result

    def _edge_answers(self, edges: Tensor, batch: Batch) -> tuple[Tensor, ...]:
        assert isinstance(self.critic, PatchDiscriminator)
        result: tuple[Tensor, ...] = self.critic(torch.cat([grey(batch.images), edges], dim=1))
        return result

    def _edges(self, batch: Batch, stages: Stages) -> tuple[Tensor, Tensor]:
        """(the photo's, those left joined with the predicted)."""
        left = batch.edges_left
        predicted = torch.sigmoid(stages[-1].float())
        return batch.edges, join_edges(predicted, left, batch.masks)

    def _edge_cross_entropy(self, logits: Tensor, batch: Batch) -> Tensor:
        """The mean where the photo is destroyed and the mean where it is not, in proportion, added.

        The second asks for edges that the network is shown: that is how it learns to draw any. Without it
        the answer stays at an even grey for thousands of steps.
        """
        each = F.binary_cross_entropy_with_logits(logits.float(), batch.edges, reduction="none")
        regions = (batch.masks, 1 - batch.masks)
        return torch.stack([(each * share).sum() / share.sum().clamp_min(1) for share in regions]).sum()

    def figures(self, network: nn.Module, batch: Batch) -> dict[str, float]:
        """Of each network there is: the map's overlap, PSNR of edges and photo, and of the damaged photo."""
        rest = list(self.stages(network, batch))
        found: dict[str, float] = {}
        if self.network.mask is not None:
            found |= map_figures(torch.sigmoid(rest.pop(0)), batch.masks)
        if self.network.edges is not None:
            real, joined = self._edges(batch, (rest.pop(0),))
            found["PSNR of the edges"] = psnr(4 * losses.mse(joined, real))
        if self.network.reconstruction is not None:
            found["PSNR"] = psnr(losses.mse(rest[-1], batch.images))
            found["PSNR damaged"] = psnr(losses.mse(batch.damaged, batch.images))
        return found

    def pictures(self, network: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
        """Damaged photo, the true map, what each network answers, the photo."""
        rest = list(self.stages(network, batch))
        columns = [batch.damaged, picture(batch.masks)]
        if self.network.mask is not None:
            columns.append(picture(torch.sigmoid(rest.pop(0))))
        if self.network.edges is not None:
            columns.append(picture(self._edges(batch, (rest.pop(0),))[1]))
        return *columns, *rest, batch.images


def map_figures(maps: Tensor, masks: Tensor) -> dict[str, float]:
    """Overlap of the map with the damage, both at one half, and what share is wrongly called damaged."""
    found, there = maps >= THRESHOLD, masks >= THRESHOLD
    union = (found | there).sum()
    return {
        "IoU": float((found & there).sum() / union) if union else 1.0,
        "wrongly damaged": float((found & (masks == 0)).float().mean()),
        "map L1": float(losses.l1(maps, masks)),
    }


def blind_objective(
    chain: RepairChain, weights: LossWeights, *, critic_width: float = 1.0, rng: torch.Generator
) -> RepairObjective:
    """The objective of the chain, with a critic of its last network, fresh from `rng`; the mask has none.

    critic_width: multiplies the channels of the critic; none where the adversarial loss weighs nothing.
    """
    critic: nn.Module | None = None
    if weights.adversarial and chain.reconstruction is not None:
        critic = SNPatchDiscriminator(in_channels=5, width=critic_width, generator=rng)
    elif weights.adversarial and chain.edges is not None:
        critic = PatchDiscriminator(width=critic_width, generator=rng)
    return RepairObjective(chain, weights, critic)


def picture(maps: Tensor) -> Tensor:
    """(N, 1, H, W) in [0, 1] -> pictures (N, 3, H, W) in [-1, 1], white = 1."""
    return (maps.float() * 2 - 1).expand(-1, 3, -1, -1)
