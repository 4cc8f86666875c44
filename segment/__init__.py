"""Finding what to remove: photo in, labelled instance masks out.

Nothing heavy is imported until a name is used, so that ``import segment`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _removal_support.pretrained import WeightsError
    from segment.box import mask_from_box
    from segment.classes import coco_classes
    from segment.detections import Detections
    from segment.handover.coco import CocoMasks
    from segment.handover.files import MaskFiles
    from segment.handover.mask_error import MaskError
    from segment.registry import SegmenterRecord, load_segmenter, register_segmenter, segmenter_names
    from segment.segmenter import Segmenter, check_classes

_HOME = {
    "CocoMasks": "segment.handover.coco",
    "Detections": "segment.detections",
    "MaskError": "segment.handover.mask_error",
    "MaskFiles": "segment.handover.files",
    "Segmenter": "segment.segmenter",
    "SegmenterRecord": "segment.registry",
    "WeightsError": "_removal_support.pretrained",
    "check_classes": "segment.segmenter",
    "coco_classes": "segment.classes",
    "load_segmenter": "segment.registry",
    "mask_from_box": "segment.box",
    "register_segmenter": "segment.registry",
    "segmenter_names": "segment.registry",
}

__all__ = [
    "CocoMasks",
    "Detections",
    "MaskError",
    "MaskFiles",
    "Segmenter",
    "SegmenterRecord",
    "WeightsError",
    "check_classes",
    "coco_classes",
    "load_segmenter",
    "mask_from_box",
    "register_segmenter",
    "segmenter_names",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'segment' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
