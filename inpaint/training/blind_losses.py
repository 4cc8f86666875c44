"""What training of the blind networks makes smaller: of the damage map, the edges, the repaired photo.

Pure functions like those of `inpaint.training.losses`, whose adversarial losses serve here too.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from inpaint.training.losses import l1

WHOLLY = 0.65
"""From this share on a pixel counts as wholly destroyed in training: the little that is left is of no use,
and a line of which 0.7 covers the photo must not be learnt as a less sure one."""
SMOOTHING_PX = 1.0
"""Added above and below the Dice ratio: undamaged photos ask for an empty map, without 0 / 0."""


def steepened(masks: Tensor) -> Tensor:
    """The map to learn: the share itself up to a half, from there rising to 1 at WHOLLY.

    masks: float (N, 1, H, W) in [0, 1], how much of each pixel is destroyed. Returns the same shape and
    range.
    """
    return torch.maximum(masks, 0.5 + (masks - 0.5) * (0.5 / (WHOLLY - 0.5))).clamp(max=1)


def map_cross_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean binary cross entropy of the damage maps, in nats; least, but not 0, where map and mask agree.

    logits: float (N, 1, H, W), the maps before their sigmoid. masks: float (N, 1, H, W) in [0, 1], how much
    of each pixel is destroyed; any value between counts as that share of damaged pixels.

    Raises ValueError where the shapes differ.
    """
    _check_same(logits, masks)
    return F.binary_cross_entropy_with_logits(logits.float(), masks.float())


def map_dice(logits: Tensor, masks: Tensor) -> Tensor:
    """1 - 2 sum(min(map, mask)) / (sum(map) + sum(mask)) over the batch; 0 where map = mask.

    Thin damage is a small share of the pixels, so cross entropy alone learns it late. The overlap is the
    minimum and not the product (Milletari et al. 2016, arXiv 1606.04797), which for partly destroyed pixels
    is least at a map that overstates them. Over the batch and not photo by photo: of an undamaged photo alone
    the ratio is nearly 0 whatever is wrongly found there, so nothing would be learnt from it. Arguments and
    errors as for `map_cross_entropy`.
    """
    _check_same(logits, masks)
    maps, masks = torch.sigmoid(logits.float()), masks.float()
    overlap = torch.minimum(maps, masks).sum()
    return 1 - (2 * overlap + SMOOTHING_PX) / (maps.sum() + masks.sum() + SMOOTHING_PX)


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """How unlike a discriminator's layers answer to what is predicted and to what is real.

    The mean absolute difference of each layer, added (EdgeConnect, Nazeri et al. 2019, arXiv 1901.00212,
    section 3.1). fake, real: what each layer answers, the verdicts last, as `PatchDiscriminator` gives it.
    Nothing is learnt from `real`. The weight is the caller's: 10 in the paper, against 1 of the adversarial.

    Raises ValueError where the layers differ in number or shape.
    """
    if not fake or [answer.shape for answer in fake] != [answer.shape for answer in real]:
        expected, got = ([tuple(answer.shape) for answer in answers] for answers in (real, fake))
        raise ValueError(f"expected answers of the shapes {expected}, got {got}")
    return torch.stack(
        [l1(*pair) for pair in zip(fake, (answer.detach() for answer in real), strict=True)]
    ).sum()


def _check_same(logits: Tensor, masks: Tensor) -> None:
    if logits.shape != masks.shape or not logits.numel():
        raise ValueError(
            f"expected logits of the masks' shape {tuple(masks.shape)}, got {tuple(logits.shape)}"
        )
