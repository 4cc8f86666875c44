"""What the networks of the blind repair are trained towards, apart and together."""

from __future__ import annotations

from torch import Tensor, nn

from inpaint.networks.fill_network import NamedNetwork
from inpaint.networks.mask_prediction import MaskPredictor
from inpaint.training import losses
from inpaint.training.batch import Batch
from inpaint.training.blind_losses import map_cross_entropy, map_dice
from inpaint.training.objectives import Losses, Objective, Stages
from inpaint.training.settings import LossWeights

THRESHOLD = 0.5
"""From which share of a pixel on it counts as damaged, in the figures."""


class MaskObjective(Objective):
    """The damage map: cross entropy and Dice."""

    def __init__(self, network: MaskPredictor, weights: LossWeights) -> None:
        self.network = network
        self.weights = weights

    def stages(self, network: nn.Module, batch: Batch) -> Stages:
        """(logits,), float32 (N, 1, H, W)."""
        return (network(batch.damaged),)

    def generator_losses(self, batch: Batch, stages: Stages, *, adversarial: bool) -> Losses:
        """Cross entropy and Dice, alike."""
        return {
            "cross entropy": self.weights.reconstruction * map_cross_entropy(stages[-1], batch.masks),
            "dice": self.weights.reconstruction * map_dice(stages[-1], batch.masks),
        }

    def figures(self, network: nn.Module, batch: Batch) -> dict[str, float]:
        """Overlap of the map with the damage, both at one half, and what share is wrongly called damaged."""
        maps, masks = self._map(network, batch), batch.masks
        found, there = maps >= THRESHOLD, masks >= THRESHOLD
        union = (found | there).sum()
        return {
            "IoU": float((found & there).sum() / union) if union else 1.0,
            "wrongly damaged": float((found & (masks == 0)).float().mean()),
            "map L1": float(losses.l1(maps, masks)),
        }

    def pictures(self, network: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
        """Damaged photo, map found, map as it is, the photo."""
        return batch.damaged, grey(self._map(network, batch)), grey(batch.masks), batch.images

    def _map(self, network: nn.Module, batch: Batch) -> Tensor:
        return self.stages(network, batch)[-1].float().sigmoid()


def blind_objective(network: NamedNetwork, weights: LossWeights) -> Objective:
    """The objective of a blind network.

    Raises ValueError for another network.
    """
    if isinstance(network, MaskPredictor):
        return MaskObjective(network, weights)
    raise ValueError(f"expected a blind network, received {network.name}")


def grey(maps: Tensor) -> Tensor:
    """(N, 1, H, W) in [0, 1] -> pictures (N, 3, H, W) in [-1, 1], white = 1."""
    return (maps * 2 - 1).expand(-1, 3, -1, -1)
