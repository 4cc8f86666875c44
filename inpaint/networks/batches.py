"""Batches of images and masks on their way into a network: checked, and brought to a size that it takes."""

import torch
from torch import Tensor


def check_batches(images: Tensor, masks: Tensor) -> None:
    """Raise TypeError or ValueError unless images are float32 (N, 3, H, W) and masks float32 (N, 1, H, W)."""
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
        raise ValueError(f"expected images of shape (N, 3, H, W), received {tuple(images.shape)}")
    expected = (len(images), 1, *images.shape[-2:])
    if tuple(masks.shape) != expected:
        raise ValueError(f"expected masks of shape {expected}, received {tuple(masks.shape)}")
    for name, batch in (("images", images), ("masks", masks)):
        if batch.dtype != torch.float32:
            raise TypeError(
                f"expected {name} of dtype float32, received {str(batch.dtype).removeprefix('torch.')}"
            )


def continue_by_reflection(batch: Tensor, *, grid_px: int, least_px: int) -> Tensor:
    """Grown at the bottom and the right to a multiple of `grid_px` of at least `least_px`."""
    for dim in (2, 3):
        size = batch.shape[dim]
        target = max(-(-size // grid_px) * grid_px, least_px)
        if target != size:
            period = max(2 * size - 2, 1)
            index = torch.arange(target, device=batch.device) % period
            batch = batch.index_select(dim, torch.where(index < size, index, period - index))
    return batch
