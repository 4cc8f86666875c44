"""The published weights of the segmenters, on what terms; torchvision finds the same files in the cache."""

from __future__ import annotations

from _removal_support.hub import HUB_URL
from _removal_support.pretrained import PretrainedWeights

_TORCHVISION = "https://download.pytorch.org/models/"


def _maskrcnn(
    name: str, file_name: str, architecture: str, box_ap: float, mask_ap: float
) -> PretrainedWeights:
    return PretrainedWeights(
        name=name,
        file_name=file_name,
        url=_TORCHVISION + file_name,
        sha256_prefix=file_name.removesuffix(".pth").rpartition("-")[2],
        licence="BSD-3-Clause (torchvision's code)",
        architecture=architecture,
        trained_on="COCO 2017",
        input_contract="float32 (3, H, W) RGB in [0, 1], any size",
        scores=(("box AP", box_ap), ("mask AP", mask_ap)),
    )


MASKRCNN_V2 = _maskrcnn(
    "maskrcnn", "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth", "Mask R-CNN ResNet-50-FPN V2", 47.4, 41.8
)
MASKRCNN_V1 = _maskrcnn(
    "maskrcnn-v1", "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth", "Mask R-CNN ResNet-50-FPN V1", 37.9, 34.6
)


def _hub(
    name: str, repository: str, architecture: str, licence: str, mask_ap: float, megabytes: int, sees: str
) -> PretrainedWeights:
    return PretrainedWeights(
        name=name,
        file_name="model.safetensors",
        url=HUB_URL + repository,
        sha256_prefix=None,
        licence=licence,
        architecture=architecture,
        trained_on="COCO 2017",
        input_contract=f"float32 (1, 3, H, W) RGB, normalised as ImageNet's, {sees}",
        scores=(("mask AP", mask_ap),),
        size_bytes=megabytes * 1_000_000,
        repository=repository,
        patterns=("config.json", "preprocessor_config.json", "model.safetensors"),
    )


_RF_DETR_SIZES = (
    ("nano", 40.3, 134, 312),
    ("small", 43.1, 135, 384),
    ("medium", 45.3, 143, 432),
    ("large", 47.1, 145, 504),
    ("xlarge", 48.8, 153, 624),
)
RF_DETR = tuple(
    _hub(
        f"rf-detr-seg-{size}",
        f"Roboflow/rf-detr-seg-{size}",
        f"RF-DETR-Seg {size}",
        "Apache-2.0",
        mask_ap,
        megabytes,
        f"squares of {side_px} px",
    )
    for size, mask_ap, megabytes, side_px in _RF_DETR_SIZES
)
_SWIN_SIZES = (("tiny", 45.0, 190), ("small", 46.3, 275), ("base", 48.1, 428), ("large", 50.1, 862))
MASK2FORMER = tuple(
    _hub(
        f"mask2former-swin-{size}",
        f"facebook/mask2former-swin-{size}-coco-instance",
        f"Mask2Former Swin-{size}",
        "MIT code; the weights' page says 'other'",
        mask_ap,
        megabytes,
        "the size is in the repository",
    )
    for size, mask_ap, megabytes in _SWIN_SIZES
)
SHORT_NAMES = {known.name.replace("-seg-", "-"): known.name for known in RF_DETR} | {
    "mask2former": "mask2former-swin-small"
}
"""Other names that are understood."""
PUBLISHED = {known.name: known for known in (MASKRCNN_V2, MASKRCNN_V1, *RF_DETR, *MASK2FORMER)}
