"""Masks as COCO results: https://cocodataset.org/#format-results."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _removal_support.files import write_atomically
from removal.errors import PlanError

if TYPE_CHECKING:
    from segment import CocoMasks, Detections

ImageId = int | str


def image_ids(photos: Sequence[Path], annotations: CocoMasks | None) -> dict[Path, ImageId]:
    """The image id of each photo: from annotations, else the digits at the end of its name.

    Raises PlanError where a photo has none, or two have the same.
    """
    ids: dict[Path, ImageId] = {}
    owners: dict[ImageId, Path] = {}
    for photo in photos:
        number = image_id(photo, annotations)
        if number in owners:
            raise PlanError(f"'{owners[number]}' and '{photo}' have the same image id {number}")
        ids[photo], owners[number] = number, photo
    return ids


def image_id(photo: Path, annotations: CocoMasks | None) -> ImageId:
    """The image id of a photo; PlanError where it has none."""
    if annotations is not None:
        try:
            return annotations.image_id(photo)
        except ValueError as error:
            raise PlanError(str(error)) from error
    digits = re.search(r"\d+$", photo.stem)
    if digits is None:
        raise PlanError(
            f"expected a name that ends in an image id, got {photo}: annotations give ids by file name",
            option="annotations",
        )
    return int(digits.group())


def category_ids(annotations: CocoMasks | None) -> Mapping[str, ImageId]:
    """The category id of each class name: the annotations', else COCO's own."""
    from segment.classes import coco_categories, coco_classes

    if annotations is not None:
        return annotations.category_ids
    return {name: number for number, name in enumerate(coco_categories()) if name in coco_classes()}


def entries(
    found: Detections, number: ImageId, categories: Mapping[str, ImageId], *, leave_out_others: bool = False
) -> list[dict[str, Any]]:
    """One photo's objects as results: compressed run lengths, bbox as xywh in pixels, score. Empty masks are
    left out.

    leave_out_others: whether a label that is no category is left out too; else it is a ValueError.
    """
    from pycocotools import mask as coco_mask

    results = []
    for label, score, rle in zip(found.labels, found.scores.tolist(), found.rles, strict=True):
        if label not in categories and leave_out_others:
            continue
        if label not in categories:
            raise ValueError(
                f"expected a category of COCO, got {label!r}: give annotations that have it, or leave it out"
            )
        if coco_mask.area(rle) == 0:
            continue
        results.append(
            {
                "image_id": number,
                "category_id": categories[label],
                "bbox": [float(value) for value in coco_mask.toBbox(rle)],
                "score": round(score, 6),
                "segmentation": {"size": list(rle["size"]), "counts": rle["counts"].decode("ascii")},
            }
        )
    return results


def write_results(results: Sequence[Mapping[str, Any]], path: Path, *, overwrite: bool) -> None:
    """Writes results as JSON, one to a line, atomically. Raises OSError naming the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "[" + ",".join("\n" + json.dumps(result) for result in results) + "\n]\n"
    write_atomically(path, text.encode(), overwrite=overwrite)
