"""What travels from the photos to the losses: one sample, and a batch of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from inpaint.edges import canny_maps
from inpaint.tensors import images_to_tensor


@dataclass(frozen=True)
class Sample:
    """One photo, damaged.

    image: uint8 (H, W, 3) RGB, as it should be.
    damaged: uint8 (H, W, 3) RGB, as it is shown; equal to `image` where `mask` is 0.
    mask: float32 (H, W) in [0, 1], how much of each pixel is destroyed; a hole is 1.
    passed_over: the photos that could not be read and this one stands in for, each with the reason.
    """

    image: np.ndarray
    damaged: np.ndarray
    mask: np.ndarray
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """What a network and its losses are given.

    images: float32 (N, 3, H, W) in [-1, 1], as they should be.
    damaged: float32 (N, 3, H, W) in [-1, 1], as they are shown.
    masks: float32 (N, 1, H, W) in [0, 1], how much of each pixel is destroyed; a hole is 1.
    """

    images: Tensor
    damaged: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def edges(self) -> Tensor:
        """Canny's of the photos as they should be, float32 (N, 1, H, W), 1 = edge; looked for once."""
        return canny_maps(self.images)

    @cached_property
    def edges_left(self) -> Tensor:
        """The same of what is not destroyed."""
        return canny_maps(self.damaged, self.masks)

    def composite(self, filled: Tensor) -> Tensor:
        """`filled` where a pixel is destroyed, in proportion; the photo elsewhere."""
        return torch.lerp(self.images, filled, self.masks)


def to_batch(samples: Sequence[Sample], device: torch.device | str = "cpu") -> Batch:
    """Samples of one size as a batch on the device.

    Raises ValueError where there are none.
    """
    if not samples:
        raise ValueError("expected samples, got none")
    masks = torch.from_numpy(np.stack([sample.mask for sample in samples])).to(device)
    return Batch(
        images=images_to_tensor([sample.image for sample in samples], device),
        damaged=images_to_tensor([sample.damaged for sample in samples], device),
        masks=masks.unsqueeze(1),
    )
