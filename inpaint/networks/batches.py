"""Batches of images and masks on their way into a network: checked, and brought to a size that it takes."""

import torch
from torch import Tensor


def check_batches(images: Tensor, masks: Tensor) -> None:
    """Raise TypeError or ValueError unless images are float32 (N, 3, H, W) and masks float32 (N, 1, H, W)."""
    check_images(images)
    check_maps("masks", masks, images)


def check_images(images: Tensor) -> None:
    """Raise TypeError or ValueError unless images are float32 (N, 3, H, W)."""
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
        raise ValueError(f"expected images of shape (N, 3, H, W), got {tuple(images.shape)}")
    _check_float32("images", images)


def check_maps(name: str, maps: Tensor, images: Tensor) -> None:
    """Raise TypeError or ValueError unless maps are float32 (N, 1, H, W), of the images' number and size."""
    expected = (len(images), 1, *images.shape[-2:])
    if tuple(maps.shape) != expected:
        raise ValueError(f"expected {name} of shape {expected}, got {tuple(maps.shape)}")
    _check_float32(name, maps)


def _check_float32(name: str, batch: Tensor) -> None:
    if batch.dtype != torch.float32:
        got = str(batch.dtype).removeprefix("torch.")
        raise TypeError(f"expected {name} of dtype float32, got {got}")


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
