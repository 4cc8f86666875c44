"""LPIPS, the perceptual distance of deep features, where the networks' weights are in the cache."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from _removal_support.pretrained import PretrainedWeights, WeightsError, fetch
from removal.evaluation.extras import evaluation_module
from removal.evaluation.fidelity import check_comparable, window_around

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
