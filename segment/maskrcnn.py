"""Mask R-CNN (He et al. 2017, arXiv 1703.06870) with torchvision's published weights.

The stages are torchvision's own; between the boxes and the masks the instances that are not wanted are dropped,
so that the mask head and the paste step work for the others only. The masks are those of the full model.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812
from torchvision.models.detection import (
    MaskRCNN,
    MaskRCNN_ResNet50_FPN_V2_Weights,
    MaskRCNN_ResNet50_FPN_Weights,
    maskrcnn_resnet50_fpn_v2,
)

from segment.pretrained import PretrainedWeights


def _record(published: Any, architecture: str) -> PretrainedWeights:
    file_name = published.url.rpartition("/")[2]
    metrics = published.meta["_metrics"]["COCO-val2017"]
    return PretrainedWeights(
        file_name=file_name,
        url=published.url,
        sha256_prefix=file_name.removesuffix(".pth").rpartition("-")[2],
        licence="BSD-3-Clause (torchvision's code; trained on COCO 2017)",
        architecture=architecture,
        input_contract="float32 (3, H, W) RGB in [0, 1], any size",
        scores=(("box AP", metrics["box_map"]), ("mask AP", metrics["mask_map"])),
    )


MASKRCNN_V2 = _record(MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1, "Mask R-CNN ResNet-50-FPN V2")
MASKRCNN_V1 = _record(MaskRCNN_ResNet50_FPN_Weights.COCO_V1, "Mask R-CNN ResNet-50-FPN V1")
