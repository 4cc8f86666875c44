"""Mask R-CNN (He et al. 2017, arXiv 1703.06870) with torchvision's published weights.

The stages are torchvision's own; between the boxes and the masks the instances that are not wanted are
dropped, so that the mask head and the paste step work for the others only, with the full model's masks.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional
from torchvision.models.detection import (
    MaskRCNN,
    maskrcnn_resnet50_fpn_v2,
)
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import expand_boxes, expand_masks
from torchvision.models.detection.transform import resize_boxes
from torchvision.ops import FrozenBatchNorm2d

from _removal_support.device import has_bfloat16, resolve_device
from _removal_support.pretrained import fetch, file_sha256
from segment.classes import coco_categories, coco_classes
from segment.detections import Detections, Rle, encode_crop
from segment.published import PUBLISHED
from segment.reduced_precision import InBfloat16
from segment.segmenter import Precision, check_classes, check_images

MASK_THRESHOLD = 0.5  # a pixel belongs to an instance from this probability on (torchvision's documentation)
# What the readers raise on a file of another kind: torch's takes any bytes for a pickle's instructions.
_UNREADABLE = (
    RuntimeError,
    pickle.UnpicklingError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    SafetensorError,
)


def build_maskrcnn(name: str) -> MaskRCNN:
    """torchvision's network as it is with its published weights, but with random ones; no network access.

    V1 was published with frozen normalisation of eps 0: built without weights, torchvision's function gives
    it another normalisation, and from the same file other masks.
    """
    if name == "maskrcnn":
        return maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None).eval()
    backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None, norm_layer=FrozenBatchNorm2d)
    model = MaskRCNN(backbone, num_classes=len(coco_categories())).eval()
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = 0.0
    return model


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The state dict in a .safetensors file or in one that torch.save wrote, on the CPU; no code is run.

    Raises FileNotFoundError for a missing file, ValueError for one that holds no state dict.
    """
    if not path.is_file():
        raise FileNotFoundError(f"weights file not found: {path}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise ValueError(f"{path} is no weights file that can be read: {_first_line(error)}") from error
    if isinstance(state, dict) and isinstance(state.get("model"), dict):  # torchvision's training script
        state = state["model"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"expected {path} to hold a state dict of tensors")
    return state


def load_maskrcnn(
    name: str = "maskrcnn",
    *,
    device: str = "auto",
    weights: str | os.PathLike[str] | None = None,
    precision: Precision = "auto",
) -> MaskRcnnSegmenter:
    """Mask R-CNN V2 ("maskrcnn") or V1 ("maskrcnn-v1"); arguments and errors of `segment.load_segmenter`."""
    device = resolve_device(device)
    path = fetch(PUBLISHED[name]) if weights is None else Path(weights)
    state = read_state(path)
    model = build_maskrcnn(name)
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:4]]
        raise ValueError(
            f"{path} does not fit {PUBLISHED[name].architecture}: {' '.join(lines)[:300]}"
        ) from error
    return MaskRcnnSegmenter(
        model,
        name=name,
        source=f"{PUBLISHED[name].architecture}, {path.name} (sha256 {file_sha256(path)[:8]})",
        device=device,
        precision=precision,
    )


class MaskRcnnSegmenter:
    """A torchvision Mask R-CNN, following the contract of `segment.segmenter.Segmenter`.

    model: in eval mode, with COCO's 91 category slots; it is taken over (moved, changed for bfloat16).
    source: architecture and weights, in words. device, precision: as `segment.load_segmenter` has them.

    bfloat16 is used for the bodies (backbone, proposal, box and mask convolutions), never for the layers that
    give scores, boxes and masks.
    """

    def __init__(
        self, model: MaskRCNN, *, name: str, source: str, device: str = "auto", precision: Precision = "auto"
    ) -> None:
        self.name = name
        self.classes = coco_classes()
        self.fallback: str | None = None
        self.device = resolve_device(device)
        reduced = precision == "auto" and has_bfloat16(self.device)
        self.description = f"{source}, {'bfloat16' if reduced else 'float32'} on {self.device}"
        if reduced:
            model.backbone = InBfloat16(model.backbone)
            model.rpn.head.conv = InBfloat16(model.rpn.head.conv)
            model.roi_heads.box_head = InBfloat16(model.roi_heads.box_head)
            model.roi_heads.mask_head = InBfloat16(model.roi_heads.mask_head)
        self._model = model.to(self.device, memory_format=torch.channels_last)

    def __call__(
        self,
        images: Sequence[np.ndarray],
        *,
        classes: Sequence[str] | None = None,
        min_score: float = 0.05,
    ) -> list[Detections]:
        """Instances of ``classes`` (None = COCO's 80) with at least ``min_score``, one Detections per image.

        images: uint8 (H, W, 3) RGB, sizes may differ; those of one size are a batch on a GPU. The model
        itself drops scores up to 0.05 and keeps the best 100 instances of an image, whatever their class.
        """
        check_images(images)
        wanted = set(check_classes(self, classes))
        categories = [index for index, category in enumerate(coco_categories()) if category in wanted]
        found: dict[int, Detections] = {}
        for indices in self._batches(images):
            batch = [images[index] for index in indices]
            found |= zip(indices, self._segment(batch, categories, min_score), strict=True)
        return [found[index] for index in range(len(images))]

    def _batches(self, images: Sequence[np.ndarray]) -> list[list[int]]:
        """Indices of images that go through together: of one size, since padding would change the result."""
        if self.device == "cpu":  # nothing gained by more at once
            return [[index] for index in range(len(images))]
        sizes: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            sizes.setdefault(image.shape, []).append(index)
        return list(sizes.values())

    @torch.inference_mode()
    def _segment(self, images: list[np.ndarray], categories: list[int], min_score: float) -> list[Detections]:
        """The whole path for images of one size."""
        model, (height, width) = self._model, images[0].shape[:2]
        resized = [self._working_image(image) for image in images]
        working_sizes = [(image.shape[-2], image.shape[-1]) for image in resized]
        batch = model.transform.batch_images(resized, size_divisible=model.transform.size_divisible)
        batch = batch.contiguous(memory_format=torch.channels_last)
        features = model.backbone(batch)
        proposals, _ = model.rpn(ImageList(batch, working_sizes), features)
        boxes, scores, labels = self._wanted_boxes(features, proposals, working_sizes, categories, min_score)
        masks = self._soft_masks(features, boxes, labels, working_sizes)
        boxes = [resize_boxes(one, working_sizes[0], (height, width)) for one in boxes]
        return [
            Detections(
                tuple(coco_categories()[category] for category in labels[i].tolist()),
                scores[i].cpu().numpy(),
                boxes[i].cpu().numpy(),
                height,
                width,
                paste_masks(masks[i], boxes[i], height, width),
            )
            for i in range(len(images))
        ]

    def _working_image(self, image: np.ndarray) -> torch.Tensor:
        """One image normalised and resized as torchvision's transform does it, float32 (3, h, w).

        Channel by channel, because a 24 megapixel photo in float32 is 288 MB, and more than one is needed.
        """
        transform = self._model.transform
        short, long = sorted(image.shape[:2])
        scale = min(transform.min_size[-1] / short, transform.max_size / long)
        channels = []
        for index, (mean, std) in enumerate(zip(transform.image_mean, transform.image_std, strict=True)):
            channel = torch.from_numpy(np.ascontiguousarray(image[:, :, index])).to(self.device)
            channel = channel.to(torch.float32).div_(255).sub_(mean).div_(std)
            channels.append(
                functional.interpolate(
                    channel[None, None],
                    scale_factor=scale,
                    mode="bilinear",
                    recompute_scale_factor=True,
                    align_corners=False,
                )[0, 0]
            )
        return torch.stack(channels)

    def _wanted_boxes(
        self,
        features: dict[str, torch.Tensor],
        proposals: list[torch.Tensor],
        sizes: list[tuple[int, int]],
        categories: list[int],
        min_score: float,
    ) -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor]]:
        """Boxes, scores and labels of each image: the full model's, less those that are not wanted."""
        heads = self._model.roi_heads
        logits, regression = heads.box_predictor(
            heads.box_head(heads.box_roi_pool(features, proposals, sizes))
        )
        boxes, scores, labels = heads.postprocess_detections(logits, regression, proposals, sizes)
        wanted = torch.tensor(categories, device=self.device)
        for i in range(len(boxes)):
            keep = torch.isin(labels[i], wanted) & (scores[i] >= min_score)
            boxes[i], scores[i], labels[i] = boxes[i][keep], scores[i][keep], labels[i][keep]
        return boxes, scores, labels

    def _soft_masks(
        self,
        features: dict[str, torch.Tensor],
        boxes: list[torch.Tensor],
        labels: list[torch.Tensor],
        sizes: list[tuple[int, int]],
    ) -> list[torch.Tensor]:
        """Probability of each instance's own class in its box, float32 (N, 1, 28, 28) for each image."""
        heads, category = self._model.roi_heads, torch.cat(labels)
        if len(category) == 0:
            return [features["0"].new_empty((0, 1, 28, 28)) for _ in boxes]
        logits = heads.mask_predictor(heads.mask_head(heads.mask_roi_pool(features, boxes, sizes)))
        masks = logits[torch.arange(len(category), device=category.device), category][:, None].sigmoid()
        return list(masks.split([len(one) for one in labels]))


def paste_masks(
    masks: torch.Tensor, boxes: torch.Tensor, height: int, width: int, *, threshold: float = MASK_THRESHOLD
) -> tuple[Rle, ...]:
    """Run lengths of masks given in their boxes, as torchvision's `paste_masks_in_image` places them.

    masks: float32 (N, 1, M, M) in [0, 1]. boxes: float32 (N, 4) xyxy pixels of an image of ``height`` x
    ``width``. Only the box of one instance at a time is ever at the image's size.
    """
    padded, scale = expand_masks(masks, padding=1)
    rles = []
    for mask, box in zip(padded, expand_boxes(boxes, scale).to(torch.int64).tolist(), strict=True):
        left, top, right, bottom = box[0], box[1], box[2] + 1, box[3] + 1
        resized = functional.interpolate(
            mask[None],
            size=(max(bottom - top, 1), max(right - left, 1)),
            mode="bilinear",
            align_corners=False,
        )[0, 0]
        first_row, first_column = max(top, 0), max(left, 0)
        inside = resized[first_row - top : height - top, first_column - left : width - left] >= threshold
        rles.append(encode_crop(inside.cpu().numpy(), first_row, first_column, height, width))
    return tuple(rles)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
