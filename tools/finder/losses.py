"""What the person finder is told: masks where they are known, boxes where they alone are, and instances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tools.finder.photos import IGNORE, PERSON
from tools.finder.targets import SHIFTS

LEAST_CELLS = 3  # boxes narrower than this at the logits' size say nothing


def segmentation_loss(logits: Tensor, label: Tensor, weight: Tensor | None = None) -> Tensor:
    """BCE + Dice (Milletari et al. 2016), pixels of value IGNORE left out.

    logits float32 (N, 1, h, w); label uint8 (N, 1, H, W) and weight float32 (N, 1, H, W), brought to the
    logits' size by averaging; None = 1 everywhere.
    """
    size = logits.shape[-2], logits.shape[-1]
    known = functional.adaptive_avg_pool2d((label != IGNORE).float(), size)
    person = functional.adaptive_avg_pool2d((label == PERSON).float(), size)
    target = (person / known.clamp_min(1e-6)).clamp(0, 1)
    known = (known > 0.5).float()
    counts = known if weight is None else known * functional.adaptive_avg_pool2d(weight, size)
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    cross_entropy = (cross_entropy * counts).sum() / known.sum().clamp_min(1)
    probability = logits.sigmoid() * known
    target = target * known
    overlap = (probability * target).sum(dim=(1, 2, 3))
    total = (probability + target).sum(dim=(1, 2, 3))
    dice = 1 - (2 * overlap + 50) / (total + 50)
    return cross_entropy + 0.5 * dice.mean()


def projection_loss(logits: Tensor, boxes: Sequence[np.ndarray], stride: int = 2) -> Tensor:
    """A box holds its person from side to side: in each row and each column of it some pixel is a person
    (BoxInst, Tian et al. 2021, section 3.2). A side that the crop cuts says nothing.

    logits float32 (N, 1, h, w); boxes: for each image (M, 4) xyxy in px, `stride` px to a cell.
    """
    height, width = logits.shape[-2:]
    losses = []
    for image, image_boxes in zip(logits[:, 0], boxes, strict=True):
        for left, top, right, bottom in image_boxes / stride:
            cols = slice(max(0, round(float(left) + 0.5)), min(width, round(float(right) - 0.5)))
            rows = slice(max(0, round(float(top) + 0.5)), min(height, round(float(bottom) - 0.5)))
            if min(cols.stop - cols.start, rows.stop - rows.start) < LEAST_CELLS:
                continue
            inside = image[rows, cols]
            if left >= 0 and right <= width:
                losses.append(functional.softplus(-inside.amax(1)).mean())
            if top >= 0 and bottom <= height:
                losses.append(functional.softplus(-inside.amax(0)).mean())
    return torch.stack(losses).mean() if losses else logits.sum() * 0


def pairwise_loss(logits: Tensor, same: Tensor) -> Tensor:
    """Neighbours of one colour are both of a person or both not (BoxInst, section 3.3).

    logits float32 (N, 1, h, w); same bool (N, 4, h, w) as `targets.same_colour` gives it.
    """
    person, nobody = functional.logsigmoid(logits[:, 0]), functional.logsigmoid(-logits[:, 0])
    height, width = logits.shape[-2:]
    total = logits.new_zeros(())
    for index, (down, right) in enumerate(SHIFTS):
        here = slice(0, height - down), slice(max(0, -right), width - max(0, right))
        there = slice(down, height), slice(max(0, right), width - max(0, -right))
        agree = torch.logaddexp(
            person[:, here[0], here[1]] + person[:, there[0], there[1]],
            nobody[:, here[0], here[1]] + nobody[:, there[0], there[1]],
        )
        total = total - (agree * same[:, index, here[0], here[1]]).sum()
    return total / same.sum().clamp_min(1)


def middle_loss(logits: Tensor, heat: Tensor, known: Tensor) -> Tensor:
    """Focal loss of the middles' heat-map (Zhou et al. 2019, "Objects as Points", equation 1).

    logits, heat float32 (N, h, w), heat 1 at a middle and falling around it; known bool (N, h, w).
    """
    probability = logits.sigmoid()
    middle = (heat > 0.999) & known
    hit = -((1 - probability) ** 2 * functional.logsigmoid(logits))[middle].sum()
    miss = -((1 - heat) ** 4 * probability**2 * functional.logsigmoid(-logits))[known & ~middle].sum()
    return (hit + miss) / middle.sum().clamp_min(1)


def offset_loss(offsets: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean over people of the mean error of the way to their middle, in parts of their size.

    offsets, target float32 (N, 2, h, w); weight float32 (N, h, w) of `targets.InstanceTarget`.
    """
    error = (offsets - target).abs().sum(1)
    return (error * weight).sum() / (weight > 0).flatten(1).any(1).sum().clamp_min(1)
