"""Where the masks come from: a detector, boxes, files of another team, COCO annotations. Each is called with
a photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from removal.images import Photo
from removal.pipeline import Pipeline
from segment import CocoMasks, Detections, MaskFiles, mask_from_box

MaskSource = Callable[[Photo], Detections]


def from_boxes(boxes: Sequence[tuple[int, int, int, int]], *, seed: int = 0) -> MaskSource:
    """The object inside each box (xywh, pixels of the upright photo), cut out by GrabCut."""

    def find(photo: Photo) -> Detections:
        masks = np.stack([mask_from_box(photo.pixels, box, seed=seed) for box in boxes])
        return Detections.from_masks(masks, ["box"] * len(boxes), np.ones(len(boxes), np.float32))

    return find


def from_files(path: Path) -> MaskSource:
    """Masks another team made: one file, or a folder whose files match the photos by stem. A black mask says
    that
    nothing is to be removed."""
    files = MaskFiles(path, allow_empty=True)
    return lambda photo: files.detections(photo.path, photo.pixels.shape[:2])


def from_coco(path: Path, classes: Sequence[str] | None) -> MaskSource:
    """Masks of COCO annotations; the photo is found in them by its file name. `classes` are checked here,
    before any work."""
    annotations = CocoMasks(path)
    annotations.check_classes(classes)
    return lambda photo: annotations.detections(photo.path, photo.pixels.shape[:2])


def from_detector(pipeline: Pipeline) -> MaskSource:
    """Whatever the pipeline's segmenter finds in the photo."""
    return lambda photo: pipeline.detect([photo.pixels])[0]
