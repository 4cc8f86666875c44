"""Edges of what is left of a photo (Canny 1986), with none along the rim of what is destroyed."""

import cv2
import numpy as np
import torch
from torch import Tensor

from inpaint.tensors import tensor_to_images

SIGMA_PX = 2.0
"""Of the smoothing, as EdgeConnect has it (Nazeri et al. 2019, arXiv 1901.00212, section 4.1)."""
THRESHOLDS = (25.5, 51.0)
"""Of the Sobel gradient of grey levels, weak and strong: a tenth and a fifth of white, as in scikit-image, by
which EdgeConnect finds its edges."""
DESTROYED_FROM = 0.1
"""From which destroyed share on a pixel can be no edge: its own may be the damage's."""
_FIXED_POINT = 16  # OpenCV's Canny takes gradients as whole numbers


def canny_edges(
    image: np.ndarray, mask: np.ndarray | None = None, *, sigma_px: float = SIGMA_PX
) -> np.ndarray:
    """bool (H, W), True on the edges that are one pixel wide.

    image: uint8 (H, W, 3) RGB. mask: float (H, W) in [0, 1], how much of each pixel is destroyed; it weighs
    that much less in the smoothing, so a wholly destroyed one says nothing (None: nothing is destroyed).
    sigma_px: of the Gaussian.

    Raises TypeError or ValueError for another dtype, shape or a sigma_px that is not above 0.
    """
    if image.dtype != np.uint8:
        raise TypeError(f"expected an image of uint8, got {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"expected an image (H, W, 3), got {image.shape}")
    if mask is not None and mask.shape != image.shape[:2]:
        raise ValueError(f"expected a mask of shape {image.shape[:2]}, got {mask.shape}")
    if not sigma_px > 0:
        raise ValueError(f"expected sigma_px above 0, got {sigma_px}")
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if mask is None or not mask.any():
        return _edges(_smoothed(grey, sigma_px))
    known = 1 - np.clip(mask, 0, 1).astype(np.float32)
    share = _smoothed(known, sigma_px)
    smooth = _smoothed(grey * known, sigma_px) / np.maximum(share, np.finfo(np.float32).eps)
    # A gradient is of 3 x 3 pixels: those that reach into the damage are of its rim.
    near = cv2.dilate((mask >= DESTROYED_FROM).astype(np.uint8), np.ones((3, 3), np.uint8))
    result: np.ndarray = _edges(smooth) & (near == 0)
    return result


def canny_maps(images: Tensor, masks: Tensor | None = None) -> Tensor:
    """`canny_edges` of a batch: float32 (N, 1, H, W), 1 = edge, on the images' device.

    images: float (N, 3, H, W) in [-1, 1]. masks: float (N, 1, H, W) in [0, 1] (None: nothing is destroyed).
    """
    pictures = tensor_to_images(images)
    destroyed = [None] * len(pictures) if masks is None else list(masks[:, 0].detach().float().cpu().numpy())
    edges = [canny_edges(image, mask) for image, mask in zip(pictures, destroyed, strict=True)]
    return torch.from_numpy(np.stack(edges)).to(images.device)[:, None].float()


def _smoothed(values: np.ndarray, sigma_px: float) -> np.ndarray:
    return cv2.GaussianBlur(values, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)


def _edges(smooth: np.ndarray) -> np.ndarray:
    along, down = (
        np.rint(cv2.Sobel(smooth, cv2.CV_32F, *order, scale=_FIXED_POINT)).astype(np.int16)
        for order in ((1, 0), (0, 1))
    )
    weak, strong = (threshold * _FIXED_POINT for threshold in THRESHOLDS)
    return cv2.Canny(along, down, weak, strong, L2gradient=True) > 0
