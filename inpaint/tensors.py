"""The only conversion between NumPy images and masks and the batches that networks take."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def images_to_tensor(images: Sequence[np.ndarray], device: str | torch.device = "cpu") -> Tensor:
    """uint8 (H, W, 3) RGB images of one size -> float32 (N, 3, H, W) in [-1, 1]."""
    _check(images, np.dtype(np.uint8), 3)
    batch = torch.from_numpy(np.stack(images)).to(device)
    return batch.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1.0)


def masks_to_tensor(masks: Sequence[np.ndarray], device: str | torch.device = "cpu") -> Tensor:
    """bool (H, W) masks of one size, True = hole -> float32 (N, 1, H, W), 1 = hole."""
    _check(masks, np.dtype(bool), 2)
    return torch.from_numpy(np.stack(masks)).to(device)[:, None].to(torch.float32)


def tensor_to_images(images: Tensor) -> list[np.ndarray]:
    """float (N, 3, H, W) in [-1, 1] -> uint8 (H, W, 3) RGB, rounded to the nearest level and clipped.

    Raises ValueError for another shape or a value that is not finite.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"expected images of shape (N, 3, H, W), got {tuple(images.shape)}")
    levels = images.detach().to(torch.float32).add(1.0).mul_(127.5)
    if not torch.isfinite(levels).all():
        raise ValueError("expected finite values, got NaN or infinity")
    return list(levels.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy())


def tensor_to_masks(masks: Tensor) -> list[np.ndarray]:
    """float (N, 1, H, W), 1 = hole -> bool (H, W), True = hole. Raises ValueError for another shape."""
    if masks.ndim != 4 or masks.shape[1] != 1:
        raise ValueError(f"expected masks of shape (N, 1, H, W), got {tuple(masks.shape)}")
    return list((masks[:, 0] >= 0.5).cpu().numpy())


def _check(arrays: Sequence[np.ndarray], dtype: np.dtype, ndim: int) -> None:
    if len(arrays) == 0:
        raise ValueError("expected at least one array, got none")
    for array in arrays:
        if array.dtype != dtype:
            raise TypeError(f"expected arrays of dtype {dtype}, got {array.dtype}")
        if array.ndim != ndim or array.shape != arrays[0].shape or (ndim == 3 and array.shape[2] != 3):
            expected = "(H, W, 3)" if ndim == 3 else "(H, W)"
            raise ValueError(
                f"expected arrays of one shape {expected}, got {array.shape} beside {arrays[0].shape}"
            )
