"""What can go wrong where a network runs: too little memory, and a result that is no picture."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from _removal_support.errors import RemovalError

BLACK_LEVELS = 2.0
"""A fill whose every value is at most this far from black, of 255, is black."""
RIM_PX = 16
"""Width of the rim around the hole that says whether black belongs there."""
DARK_LEVELS = 24.0
"""A rim of at most this mean level is dark: black may be right."""
_MEMORY_WORDS = ("out of memory", "can't allocate memory", "failed to allocate memory", "bad_alloc")


class NetworkOutputError(RemovalError, ValueError):
    """A network gave no picture: NaN, infinity, or black where nothing is black."""


class NetworkMemoryError(RemovalError, RuntimeError):
    """A device has too little memory for a network, however small the window."""

    @classmethod
    def of(
        cls, name: str, device: str, size_px: int, reason: str, *, whole: bool = False
    ) -> NetworkMemoryError:
        """The error for a network called `name` at a window, or the `whole` photo, of this longer side."""
        what = f"a photo of {size_px} px as a whole" if whole else f"a window of {size_px} px"
        advice = "run it in windows" if whole else "close other programs, or choose another device or network"
        return cls(
            f"{name}: {device} has too little memory for {what}: {advice} ({reason.strip()[:100]}); the "
            "photo is left as it was",
            option="device",
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch, onnxruntime or Python says that memory was short."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error).lower() for words in _MEMORY_WORDS)


def check_output(name: str, images: Tensor, masks: Tensor, filled: Tensor, precision: str) -> None:
    """Raise NetworkOutputError where a fill is no picture.

    Args:
        name: of the network, for the message.
        images, masks: what it was given, as `FillNetwork` takes them.
        filled: float (N, 3, H, W) in [-1, 1].
        precision: that it computed in, for the advice.
    """
    if not torch.isfinite(filled).all():
        advice = "" if precision == "float32" else f"; {precision} may be too coarse for it, float32 is not"
        raise NetworkOutputError(
            f"{name} gave NaN or infinity{advice}; the photo is left as it was",
            option=None if precision == "float32" else "precision",
        )
    black = -1 + BLACK_LEVELS / 127.5
    for image, mask, fill in zip(images, masks, filled, strict=True):
        hole = mask[0] > 0
        if hole.any() and float(fill[:, hole].max()) <= black and not _is_dark(image, hole):
            raise NetworkOutputError(
                f"{name} gave black where nothing around the hole is black; the photo is left as it was"
            )


def _is_dark(image: Tensor, hole: Tensor) -> bool:
    """Whether the rim of the hole in an image, (3, H, W) in [-1, 1], is dark, or there is none."""
    inside = hole.cpu().numpy()
    side = 2 * RIM_PX + 1
    rim = cv2.dilate(inside.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool) & ~inside
    if not rim.any():
        return True
    level = image[:, torch.from_numpy(rim).to(image.device)].mean()
    return float((level + 1) * 127.5) <= DARK_LEVELS
