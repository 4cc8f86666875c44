"""The instances found in one image, with their masks held as COCO run lengths.

A hundred instances of a 24 megapixel photo would be 2.4 GB of boolean masks; as run lengths they are a few
megabytes, and a mask is decoded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np


class Rle(TypedDict):
    """A COCO compressed run-length mask: ``size`` is [height, width], ``counts`` pycocotools' byte string."""

    size: list[int]
    counts: bytes


@dataclass(frozen=True, eq=False)
class Detections:
    """Instances of one image, in the order the detector gave them (highest score first).

    labels: class names, one per instance.
    scores: float32 (N,), 0 to 1.
    boxes: float32 (N, 4), xyxy in pixels.
    height, width: size of the image in pixels.
    rles: one COCO compressed run-length mask per instance, of the image's size.
    """

    labels: tuple[str, ...]
    scores: np.ndarray
    boxes: np.ndarray
    height: int
    width: int
    rles: tuple[Rle, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "rles", tuple(self.rles))
        object.__setattr__(self, "scores", np.array(self.scores, dtype=np.float32))
        object.__setattr__(self, "boxes", np.array(self.boxes, dtype=np.float32).reshape(-1, 4))
        lengths = [len(self.labels), len(self.scores), len(self.boxes), len(self.rles)]
        if len(set(lengths)) != 1:
            raise ValueError(f"expected as many labels as scores, boxes and masks, got {lengths}")
        for rle in self.rles:
            if tuple(rle["size"]) != (self.height, self.width):
                raise ValueError(
                    f"expected masks of size {self.height, self.width}, got {tuple(rle['size'])}"
                )

    @classmethod
    def empty(cls, height: int, width: int) -> Detections:
        """No instance in an image of ``height`` x ``width`` pixels."""
        return cls((), np.empty(0), np.empty((0, 4)), height, width, ())

    @classmethod
    def from_masks(
        cls,
        masks: np.ndarray | Sequence[np.ndarray],
        labels: Sequence[str],
        scores: Sequence[float] | np.ndarray,
        boxes: np.ndarray | None = None,
    ) -> Detections:
        """Detections of full-size masks: bool (N, H, W), or a non-empty sequence of bool (H, W).

        ``boxes`` float32 (N, 4) xyxy pixels; None = the bounds of each mask (zeros for an empty one).
        An array of shape (0, H, W) gives no instance; an empty list has no size and raises ValueError.
        """
        size = masks.shape[1:] if isinstance(masks, np.ndarray) else np.shape(masks[0]) if len(masks) else ()
        if len(size) != 2:
            raise ValueError(
                f"expected masks of shape (N, H, W) or a sequence of (H, W), got {np.shape(masks)}"
            )
        for mask in masks:
            if mask.dtype != np.bool_:
                raise TypeError(f"expected bool masks, got {mask.dtype}")
            if mask.shape != size:
                raise ValueError(f"expected masks of one size {size}, got {mask.shape}")
        bounds = np.array([_bounds(mask) for mask in masks], dtype=np.int64).reshape(-1, 4)
        rles = tuple(
            encode_crop(mask[top:bottom, left:right], top, left, *size)
            for mask, (left, top, right, bottom) in zip(masks, bounds.tolist(), strict=True)
        )
        return cls(tuple(labels), np.asarray(scores), bounds if boxes is None else boxes, *size, rles)

    def joined(self, others: Detections) -> Detections:
        """These instances, then the others', of an image of the same size. Raises ValueError otherwise."""
        if (self.height, self.width) != (others.height, others.width):
            raise ValueError(
                f"expected detections of size {self.height, self.width}, got {others.height, others.width}"
            )
        return Detections(
            self.labels + others.labels,
            np.concatenate([self.scores, others.scores]),
            np.concatenate([self.boxes, others.boxes]),
            self.height,
            self.width,
            self.rles + others.rles,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def mask(self, index: int) -> np.ndarray:
        """Mask of instance ``index``, bool (H, W). IndexError past the end."""
        return _decode(self.rles[index])

    def union(self, classes: Sequence[str] | None = None, min_score: float = 0.0) -> np.ndarray:
        """Mask of all instances of ``classes`` (None = all) with at least ``min_score``, bool (H, W)."""
        from pycocotools import mask as coco_mask

        rles = self.select(classes, min_score).rles
        return _decode(coco_mask.merge(list(rles))) if rles else np.zeros((self.height, self.width), bool)

    def select(
        self,
        classes: Sequence[str] | None = None,
        min_score: float = 0.0,
        *,
        indices: Sequence[int] | np.ndarray | None = None,
    ) -> Detections:
        """The instances of ``classes`` with at least ``min_score``, among ``indices``; None = all."""
        if isinstance(classes, str):
            raise TypeError(f"expected a sequence of class names, got the string {classes!r}")
        kept = [
            int(index)
            for index in (range(len(self)) if indices is None else indices)
            if (classes is None or self.labels[index] in classes) and self.scores[index] >= min_score
        ]
        return Detections(
            tuple(self.labels[index] for index in kept),
            self.scores[kept],
            self.boxes[kept],
            self.height,
            self.width,
            tuple(self.rles[index] for index in kept),
        )


def encode_crop(crop: np.ndarray, top: int, left: int, height: int, width: int) -> Rle:
    """Run lengths of a mask of ``height`` x ``width`` pixels that is False outside one window.

    crop: bool (h, w), the window, whose first pixel lies at row ``top``, column ``left``. The full-size mask
    is never made. Equals pycocotools' ``encode`` of it.
    """
    from pycocotools import mask as coco_mask

    columns = np.zeros((crop.shape[1], crop.shape[0] + 2), dtype=np.int8)
    columns[:, 1:-1] = crop.T
    edges = np.diff(columns, axis=1)
    starts, ends = (
        (column.astype(np.int64) + left) * height + row + top
        for column, row in (np.nonzero(edges == 1), np.nonzero(edges == -1))
    )
    if len(starts) > 1:  # a run down to the last row goes on in the next column
        apart = ends[:-1] != starts[1:]
        starts, ends = starts[np.r_[True, apart]], ends[np.r_[apart, True]]
    counts = np.diff(np.r_[0, np.stack([starts, ends], axis=1).ravel(), height * width])
    if counts[-1] == 0:
        counts = counts[:-1]
    result: Rle = coco_mask.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return result


def _bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) == 0:
        return 0, 0, 0, 0
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _decode(rle: Rle) -> np.ndarray:
    from pycocotools import mask as coco_mask

    return np.ascontiguousarray(coco_mask.decode(rle)).view(np.bool_)
