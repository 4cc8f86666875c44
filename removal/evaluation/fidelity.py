"""How near a filled photo comes to the known background, pixel by pixel and as a network sees it.

All take ``image`` and ``reference``, uint8 (H, W, 3), and ``where``, bool (H, W), the pixels that count;
None = all. L1, MSE and total variation are on the scale [0, 1] of a channel; published tables often show
them in percent, 100 times these figures. Colours are compared as they are stored (sRGB, no luma).

TypeError for arrays of another type; ValueError where sizes differ or no pixel counts.

LPIPS is the distance of deep features, measured where the networks' weights are in the cache.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from _removal_support.pretrained import PretrainedWeights, WeightsError, fetch
from removal.evaluation.environment import evaluation_module

WHITE = 255.0
SSIM_SIGMA_PX = 1.5
SSIM_WINDOW_PX = 11
SSIM_C1 = (0.01 * WHITE) ** 2
SSIM_C2 = (0.03 * WHITE) ** 2


def l1(image: np.ndarray, reference: np.ndarray, where: np.ndarray | None = None) -> float:
    """Mean absolute difference over pixels and channels: 0 (equal) to 1, lower is better."""
    return float(np.abs(_difference(image, reference, where)).mean() / WHITE)


def mse(image: np.ndarray, reference: np.ndarray, where: np.ndarray | None = None) -> float:
    """Mean squared difference over pixels and channels: 0 (equal) to 1, lower is better.

    The L2 error of the inpainting tables (Yu et al. 2018, table 1).
    """
    return float(np.square(_difference(image, reference, where)).mean() / WHITE**2)


def psnr(image: np.ndarray, reference: np.ndarray, where: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB, 10 log10(255^2 / MSE); infinite where both are equal.

    Higher is better. The published tables give the mean of it over the images, not the PSNR of the mean MSE.
    """
    error = mse(image, reference, where)
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def ssim(image: np.ndarray, reference: np.ndarray, where: np.ndarray | None = None) -> float:
    """Structural similarity, -1 to 1 (equal), higher is better (Wang et al. 2004).

    Of each channel by itself, with the paper's window (Gaussian of sigma 1.5 px, 11 x 11), K1 = 0.01 and
    K2 = 0.03; the mean of the map over the pixels that count. Windows near the hole's rim look at both sides
    of it; past the picture's edge the pixels are mirrored. The same as torchmetrics', whose convolution takes
    5 s for a photo in double precision and is off by 0.0005 on bright flat areas in single.
    """
    import cv2

    counted = check_comparable(image, reference, where)
    rows, columns = window_around(counted, SSIM_WINDOW_PX // 2)

    def local_mean(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(
            values, (SSIM_WINDOW_PX, SSIM_WINDOW_PX), SSIM_SIGMA_PX, borderType=cv2.BORDER_REFLECT_101
        )

    first, second = (picture[rows, columns].astype(np.float64) for picture in (image, reference))
    mean_first, mean_second = local_mean(first), local_mean(second)
    squares = mean_first**2 + mean_second**2
    product = mean_first * mean_second
    variances = local_mean(first**2 + second**2) - squares
    covariance = local_mean(first * second) - product
    similarity = (2 * product + SSIM_C1) * (2 * covariance + SSIM_C2)
    similarity /= (squares + SSIM_C1) * (variances + SSIM_C2)
    return float(similarity[counted[rows, columns]].mean())


def total_variation(image: np.ndarray, where: np.ndarray | None = None) -> float:
    """Anisotropic total variation per pixel: how busy a picture is, 0 (one flat colour) to 6.

    Sum over channels of the absolute differences of horizontal and vertical neighbours, on the scale [0, 1],
    divided by the number of pixels (Rudin, Osher and Fatemi 1992, in its anisotropic form). Neither high nor
    low is good: a fill should have about that of the true background. It depends on the size too: photos
    made smaller have more (0.14 at 768 px, 0.18 at 256 px). A pair of neighbours counts half for
    each of its two pixels, so that hole and rest add up to the whole.
    """
    counted = _check_image("image", image, where)
    levels = image.astype(np.int16)
    weight = counted.astype(np.float64)
    total = 0.0
    for axis in (0, 1):
        steps = np.abs(np.diff(levels, axis=axis)).sum(axis=2)
        before, after = (np.delete(weight, index, axis=axis) for index in (-1, 0))
        total += float((steps * (before + after)).sum()) / 2
    return total / WHITE / float(weight.sum())


def check_comparable(image: np.ndarray, reference: np.ndarray, where: np.ndarray | None) -> np.ndarray:
    """The pixels that count, bool (H, W), of two images that can be compared; raises where they can't."""
    counted = _check_image("image", image, where)
    _check_image("reference", reference, None)
    if image.shape != reference.shape:
        raise ValueError(f"expected images of one shape, got {image.shape} and {reference.shape}")
    return counted


def window_around(counted: np.ndarray, margin_px: int) -> tuple[slice, slice]:
    """Rows and columns of the smallest window that holds all of ``counted``, bool (H, W) and not empty, with
    ``margin_px`` on each side as far as the picture goes."""
    rows, columns = (np.flatnonzero(counted.any(axis=axis)) for axis in (1, 0))
    top, left = (max(0, int(places[0]) - margin_px) for places in (rows, columns))
    return slice(top, int(rows[-1]) + 1 + margin_px), slice(left, int(columns[-1]) + 1 + margin_px)


def _difference(image: np.ndarray, reference: np.ndarray, where: np.ndarray | None) -> np.ndarray:
    counted = check_comparable(image, reference, where)
    result: np.ndarray = image[counted].astype(np.float64) - reference[counted]
    return result


def _check_image(name: str, image: np.ndarray, where: np.ndarray | None) -> np.ndarray:
    if image.dtype != np.uint8:
        raise TypeError(f"expected {name} of uint8, got {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected {name} of shape (H, W, 3), got {image.shape}")
    counted = np.ones(image.shape[:2], dtype=bool) if where is None else where
    if counted.dtype != np.bool_:
        raise TypeError(f"expected `where` of bool, got {counted.dtype}")
    if counted.shape != image.shape[:2]:
        raise ValueError(f"expected `where` of shape {image.shape[:2]}, got {counted.shape}")
    if not counted.any():
        raise ValueError("expected at least one pixel to compare, got none")
    return counted


MIN_SIDE_PX = 64
_URL = "https://download.pytorch.org/models/"


def _backbone(name: str, file_name: str) -> PretrainedWeights:
    return PretrainedWeights(
        name=f"lpips-{name}",
        file_name=file_name,
        url=_URL + file_name,
        sha256_prefix=file_name.rpartition("-")[2].removesuffix(".pth"),
        licence="BSD-3-Clause code; trained on ImageNet (research)",
        architecture=f"torchvision {name}",
        trained_on="ImageNet",
        input_contract="float32 (N, 3, H, W) in [-1, 1], LPIPS' own shift and scale",
    )


BACKBONES = {
    "alex": _backbone("alexnet", "alexnet-owt-7be5be79.pth"),
    "vgg": _backbone("vgg16", "vgg16-397923af.pth"),
    "squeeze": _backbone("squeezenet1_1", "squeezenet1_1-b8a52dc0.pth"),
}


def lpips(
    image: np.ndarray, reference: np.ndarray, where: np.ndarray | None = None, *, net: str = "alex"
) -> float:
    """Learned perceptual distance, 0 (equal) to about 1, lower is better (Zhang et al. 2018).

    Computed by torchmetrics.

    image, reference: uint8 (H, W, 3). where: bool (H, W), the pixels that count; None = all. With it, the
    window around them is compared (at least 64 px a side where the picture has them), in which all other
    pixels are taken from ``reference``: LPIPS is a mean over places, so a hole in a whole picture counts by
    its share.
    net: "alex" (the tables' default), "vgg" or "squeeze".

    Nothing is downloaded: raises WeightsError, saying what to put where, when the backbone's weights are
    not in ``torch.hub``'s cache. ValueError for an unknown net, for sizes that differ, and where no pixel
    counts.
    """
    if net not in BACKBONES:
        raise ValueError(f"expected net to be one of {', '.join(BACKBONES)}, got {net!r}")
    counted = check_comparable(image, reference, where)
    measure = _load(net)
    import torch

    rows, columns = window_around(counted, MIN_SIDE_PX // 2)
    inside = np.where(counted[..., None], image, reference)
    first, second = (
        torch.from_numpy(picture[rows, columns].astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
        for picture in (inside, reference)
    )
    with torch.inference_mode():
        return float(measure(first, second))


@functools.cache
def _load(net: str) -> Any:
    weights = BACKBONES[net]
    if not weights.is_cached():
        raise WeightsError(
            f"LPIPS needs {weights.file_name}, which is not in the cache; {weights.instructions()}"
        )
    fetch(weights)  # checks the hash
    return evaluation_module("torchmetrics.image.lpip").LearnedPerceptualImagePatchSimilarity(net_type=net)
