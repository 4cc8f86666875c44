"""The published weights of the segmenters, on what terms; torchvision finds the same files in the cache."""

from __future__ import annotations

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
PUBLISHED = {known.name: known for known in (MASKRCNN_V2, MASKRCNN_V1)}
