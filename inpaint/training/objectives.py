"""What each network is trained towards: its paper's losses, and the critic that goes with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from inpaint.networks.discriminators import (
    ContextDiscriminator,
    DeepFillV1Critics,
    GLCICDiscriminator,
    SNPatchDiscriminator,
)
from inpaint.networks.fill_network import FillNetwork
from inpaint.training import losses
from inpaint.training.batch import Batch
from inpaint.training.settings import LossWeights

Losses = dict[str, Tensor]
"""Name -> one number, weighted; their sum is what is made smaller."""
Stages = tuple[Tensor, ...]


class Objective(ABC):
    """A network, the critic that judges it (None: no such), and what both make smaller.

    It keeps no state besides these two: a step follows from their weights, the batch and `rng`.
    """

    network: nn.Module
    critic: nn.Module | None = None

    @abstractmethod
    def stages(self, network: nn.Module, batch: Batch) -> Stages:
        """What the network, or a running average of it, answers to what it is shown; the finished last."""

    @abstractmethod
    def generator_losses(self, batch: Batch, stages: Stages, *, adversarial: bool) -> Losses:
        """Of the network. adversarial: ask the critic too."""

    def critic_losses(self, batch: Batch, stages: Stages, rng: torch.Generator) -> Losses:
        """Of the critic, which the stages must not lead back from: they are detached."""
        raise NotImplementedError("this objective has no critic")

    @abstractmethod
    def figures(self, network: nn.Module, batch: Batch) -> dict[str, float]:
        """How far the network is, on photos it does not learn from; PSNR in dB, differences on [0, 1]."""

    @abstractmethod
    def pictures(self, network: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
        """Columns of a sheet, each float32 (N, 3, H, W) in [-1, 1]."""


class FillObjective(Objective):
    """What networks that fill holes have in common; a subclass adds the paper's losses."""

    network: FillNetwork

    def __init__(self, network: FillNetwork, weights: LossWeights, critic: nn.Module | None) -> None:
        self.network = network
        self.weights = weights
        self.critic = critic

    @staticmethod
    def build_critic(size_px: int, width: float, rng: torch.Generator) -> nn.Module | None:
        """The paper's critic for batches of that size, fresh from `rng`; None = it has none."""
        return None

    def stages(self, network: nn.Module, batch: Batch) -> Stages:
        """The stages of the fill, each float32 (N, 3, H, W) in [-1, 1]."""
        result: Stages = network(batch.damaged, batch.masks)
        return result

    def generator_losses(self, batch: Batch, stages: Stages, *, adversarial: bool) -> Losses:
        """Reconstruction, and what the critic says."""
        found = self.reconstruction(batch, stages)
        if adversarial and self.weights.adversarial:
            found["adversarial"] = self.weights.adversarial * self.adversarial(batch, stages[-1])
        return found

    @abstractmethod
    def reconstruction(self, batch: Batch, stages: Stages) -> Losses:
        """The weighted distances to the photos."""

    def adversarial(self, batch: Batch, filled: Tensor) -> Tensor:
        """What the critic says of the fill, higher = worse, not yet weighted."""
        raise NotImplementedError("this objective has no critic")

    def figures(self, network: nn.Module, batch: Batch) -> dict[str, float]:
        """L1 and PSNR in the hole, and the PSNR of the whole photo with the fill in it."""
        filled = self.stages(network, batch)[-1].float()
        return {
            "l1 in the hole": float(losses.hole_l1(filled, batch.images, batch.masks)) / 2,
            "PSNR in the hole": psnr(losses.hole_mse(filled, batch.images, batch.masks)),
            "PSNR": psnr(losses.mse(batch.composite(filled), batch.images)),
        }

    def pictures(self, network: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
        """Damaged photo, each stage put into it, the photo."""
        stages = [batch.composite(stage.float()) for stage in self.stages(network, batch)]
        return batch.damaged, *stages, batch.images


class AutoencoderObjective(FillObjective):
    """Mean squared error: in the hole, and of what is known with a weight of its own."""

    def reconstruction(self, batch: Batch, stages: Stages) -> Losses:
        """MSE."""
        filled = stages[-1]
        found = {"mse": self.weights.reconstruction * losses.hole_mse(filled, batch.images, batch.masks)}
        if self.weights.known:
            known = losses.hole_mse(filled, batch.images, 1 - batch.masks)
            found["mse known"] = self.weights.known * known
        return found


class ContextEncoderObjective(AutoencoderObjective):
    """L2 in the hole and a discriminator of the photo with the fill in it (Pathak et al. 2016, equation 3).

    For holes anywhere the discriminator sees the whole small photo, as in the released train_random.lua. That
    shows it all that the network draws, and counts L2 everywhere; the paper's equations have the hole alone.
    """

    critic: ContextDiscriminator

    @staticmethod
    def build_critic(size_px: int, width: float, rng: torch.Generator) -> nn.Module:
        """The discriminator of the paper."""
        return ContextDiscriminator(size_px=size_px, width=width, generator=rng)

    def adversarial(self, batch: Batch, filled: Tensor) -> Tensor:
        """Non-saturating."""
        return losses.logistic_generator(self.critic(batch.composite(filled)))

    def critic_losses(self, batch: Batch, stages: Stages, rng: torch.Generator) -> Losses:
        """Binary cross entropy."""
        fake = batch.composite(stages[-1].detach())
        return {"critic": losses.logistic_critic(self.critic(batch.images), self.critic(fake))}


class GLCICObjective(AutoencoderObjective):
    """Weighted MSE and the global and local discriminators (Iizuka et al. 2017, equations 2 to 4)."""

    critic: GLCICDiscriminator

    @staticmethod
    def build_critic(size_px: int, width: float, rng: torch.Generator) -> nn.Module:
        """The discriminator of the paper."""
        return GLCICDiscriminator(size_px=size_px, width=width, generator=rng)

    def adversarial(self, batch: Batch, filled: Tensor) -> Tensor:
        """Non-saturating."""
        return losses.logistic_generator(self._judge(batch.composite(filled), batch))

    def critic_losses(self, batch: Batch, stages: Stages, rng: torch.Generator) -> Losses:
        """Binary cross entropy; real patches come from the place of the hole too."""
        real = self._judge(batch.images, batch)
        fake = self._judge(batch.composite(stages[-1].detach()), batch)
        return {"critic": losses.logistic_critic(real, fake)}

    def _judge(self, images: Tensor, batch: Batch) -> Tensor:
        size_px = self.critic.size_px // 2
        result: Tensor = self.critic(images, losses.hole_box_patches(images, batch.masks, size_px=size_px))
        return result


class DeepFillV1Objective(FillObjective):
    """Discounted L1 and two Wasserstein critics with gradient penalty (Yu et al. 2018, section 3.2 and 3.3).

    Weights and what is divided by what as in the authors' code (release v1.0.0): both stages discounted in
    the hole, both plainly outside, the coarse one of each with a factor of its own; the critics added.
    """

    critic: DeepFillV1Critics

    @staticmethod
    def build_critic(size_px: int, width: float, rng: torch.Generator) -> nn.Module:
        """The discriminator of the paper."""
        return DeepFillV1Critics(size_px=size_px, width=width, generator=rng)

    def reconstruction(self, batch: Batch, stages: Stages) -> Losses:
        """Discounted L1 of both stages in the hole, L1 outside."""
        coarse, refined = (
            losses.discounted_l1(stage, batch.images, batch.masks, gamma=self.weights.discount)
            for stage in stages
        )
        found = {
            "l1": self.weights.reconstruction * refined,
            "l1 coarse": self.weights.reconstruction * self.weights.coarse * coarse,
        }
        if self.weights.known:
            coarse, refined = (losses.hole_l1(stage, batch.images, 1 - batch.masks) for stage in stages)
            found["l1 known"] = self.weights.known * (refined + self.weights.coarse * coarse)
        return found

    def adversarial(self, batch: Batch, filled: Tensor) -> Tensor:
        """Both critics' verdicts, added."""
        whole, local = self.critic(*self._views(batch.composite(filled), batch))
        return losses.wasserstein_generator(whole) + losses.wasserstein_generator(local)

    def critic_losses(self, batch: Batch, stages: Stages, rng: torch.Generator) -> Losses:
        """Negated distance and gradient penalty, in the hole alone, of each critic."""
        reals = self._views(batch.images, batch)
        fakes = self._views(batch.composite(stages[-1].detach()), batch)
        masks = self._views(batch.masks, batch)
        found = {}
        judges: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
            ("critic whole", self.critic.whole),
            ("critic local", self.critic.local),
        )
        for (name, judge), real, fake, mask in zip(judges, reals, fakes, masks, strict=True):
            found[name] = losses.wasserstein_critic(judge(real), judge(fake))
            penalty = losses.gradient_penalty(judge, real, fake, masks=mask, rng=rng)
            found[f"penalty {name.removeprefix('critic ')}"] = self.weights.gradient_penalty * penalty
        return found

    def _views(self, images: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        size_px = self.critic.size_px // 2
        return images, losses.hole_box_patches(images, batch.masks, size_px=size_px)


class DeepFillV2Objective(FillObjective):
    """L1 of both stages and SN-PatchGAN's hinge loss, 1:1 (Yu et al. 2019, section 3.3)."""

    critic: SNPatchDiscriminator

    @staticmethod
    def build_critic(size_px: int, width: float, rng: torch.Generator) -> nn.Module:
        """The discriminator of the paper."""
        return SNPatchDiscriminator(width=width, generator=rng)

    def reconstruction(self, batch: Batch, stages: Stages) -> Losses:
        """L1 over the whole photo, of both stages."""
        coarse, refined = (losses.l1(stage, batch.images) for stage in stages)
        return {
            "l1": self.weights.reconstruction * refined,
            "l1 coarse": self.weights.reconstruction * self.weights.coarse * coarse,
        }

    def adversarial(self, batch: Batch, filled: Tensor) -> Tensor:
        """Minus the mean verdict."""
        return losses.hinge_generator(self._judge(batch.composite(filled), batch))

    def critic_losses(self, batch: Batch, stages: Stages, rng: torch.Generator) -> Losses:
        """Hinge at each point of the map."""
        fake = batch.composite(stages[-1].detach())
        return {"critic": losses.hinge_critic(self._judge(batch.images, batch), self._judge(fake, batch))}

    def _judge(self, images: Tensor, batch: Batch) -> Tensor:
        result: Tensor = self.critic(torch.cat([images, batch.masks], dim=1))
        return result


def psnr(mean_squared: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared difference of images in [-1, 1]; at most 100."""
    return float(-10 * torch.log10((mean_squared / 4).clamp_min(1e-10)))


OBJECTIVES: Mapping[str, type[FillObjective]] = {
    "autoencoder": AutoencoderObjective,
    "context-encoder": ContextEncoderObjective,
    "glcic": GLCICObjective,
    "deepfillv1": DeepFillV1Objective,
    "deepfillv2": DeepFillV2Objective,
}


def fill_objective(
    network: FillNetwork,
    weights: LossWeights,
    *,
    size_px: int,
    critic_width: float = 1.0,
    rng: torch.Generator,
) -> Objective:
    """The objective of the network's paper, with a critic fresh from `rng`.

    size_px: height and width of the batches. critic_width: multiplies the channels of the critic. There is
    none where the adversarial loss weighs nothing.

    Raises ValueError for a size that the critic does not take or a width outside (0, 4].
    """
    kind = OBJECTIVES[network.name]
    critic = kind.build_critic(size_px, critic_width, rng) if weights.adversarial else None
    return kind(network, weights, critic)
