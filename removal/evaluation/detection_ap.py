"""Average precision of a mask source over a dataset, as COCO measures it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segment.handover.run_lengths import read_segmentation


@dataclass(frozen=True)
class AveragePrecision:
    """Mask AP, each 0 to 1, higher is better: mean over IoU 0.50 to 0.95, at 0.50, at 0.75."""

    ap: float
    ap50: float
    ap75: float


def average_precision(
    annotations: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    *,
    category: str,
    image_ids: Collection[int] | None = None,
) -> AveragePrecision:
    """COCO's mask AP of one category (Lin et al. 2014), by pycocotools' COCOeval.

    A detection matches the annotated object it overlaps most, at 10 IoU thresholds, in the order of scores,
    at most 100 detections a photo. Crowd regions neither count as objects nor make a detection in them
    wrong. The order of scores is all that matters, so a source without scores (another team's masks) has
    its detections in no order and its AP is lower than its masks deserve: compare union IoU then.

    annotations: content of a COCO annotation file ("images", "annotations", "categories").
    results: entries of a COCO results file, as `removal.handover.coco_results` makes
        them; those of other categories and
        images don't count.
    category: name of the category.
    image_ids: the photos that count; None = all of the file.

    Raises ValueError for a category or an image that the annotations don't have, and where they have no
    object of the category in these photos; for a segmentation that cannot be read.
    """
    category_id = _category_id(annotations, category)
    images = {entry["id"]: entry for entry in annotations["images"]}
    wanted = set(images if image_ids is None else image_ids)
    if not wanted <= images.keys():
        raise ValueError(f"the annotations have no image {min(wanted - images.keys())}")
    objects, found = (
        [entry for entry in entries if entry["image_id"] in wanted and entry["category_id"] == category_id]
        for entries in (annotations["annotations"], results)
    )
    if all(entry.get("iscrowd") for entry in objects):
        raise ValueError(f"expected at least one {category} in the annotations, got none")
    if not found:
        return AveragePrecision(0.0, 0.0, 0.0)
    sized = {number: images[number] for number in wanted}
    return _evaluate(sized, _prepared(objects, sized), _prepared(found, sized), category_id)


def _category_id(annotations: Mapping[str, Any], category: str) -> int:
    for entry in annotations["categories"]:
        if entry["name"] == category:
            result: int = entry["id"]
            return result
    names = ", ".join(str(entry["name"]) for entry in annotations["categories"])
    raise ValueError(f"the annotations have no category {category}; they have {names}")


def _prepared(
    entries: Sequence[Mapping[str, Any]], images: Mapping[int, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The entries as COCOeval wants them, numbered from 1: it takes an object of id 0 for "no match"."""
    from pycocotools import mask as coco_mask

    prepared = []
    for number, entry in enumerate(entries, start=1):
        image = images[entry["image_id"]]
        segmentation = entry["segmentation"]
        if not (isinstance(segmentation, dict) and isinstance(segmentation["counts"], bytes)):
            try:
                segmentation = read_segmentation(segmentation, image["height"], image["width"])
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"object {entry.get('id', '')} of image {entry['image_id']}: {error}"
                ) from error
        prepared.append(
            {
                "id": number,
                "image_id": entry["image_id"],
                "category_id": entry["category_id"],
                "segmentation": segmentation,
                "area": float(coco_mask.area(segmentation)),
                "bbox": coco_mask.toBbox(segmentation).tolist(),
                "iscrowd": int(entry.get("iscrowd", 0)),
                "score": float(entry.get("score", 1.0)),
            }
        )
    return prepared


def _evaluate(
    images: Mapping[int, Mapping[str, Any]],
    objects: list[dict[str, Any]],
    found: list[dict[str, Any]],
    category_id: int,
) -> AveragePrecision:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # it reports by printing
        sides = []
        for entries in (objects, found):
            side = COCO()
            side.dataset = {
                "images": [dict(image) for image in images.values()],
                "annotations": entries,
                "categories": [{"id": category_id, "name": "wanted"}],
            }
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(*sides, iouType="segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return AveragePrecision(*(float(value) for value in evaluation.stats[:3]))
