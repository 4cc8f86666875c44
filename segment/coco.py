"""Masks from COCO files: annotations (``instances.json``) or a detector's results."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from segment.classes import coco_categories, coco_classes, unknown_class
from segment.detections import Detections, Rle
from segment.photo_names import closest_names


class CocoMasks:
    """The objects of a COCO annotation or results file, looked up by photo.

    path: JSON. One object with ``images``, ``annotations``, ``categories`` is annotations; a list of objects
    with ``image_id``, ``category_id``, ``segmentation`` and ``score`` is results, whose categories are COCO's
    own. Segmentations are polygons or run lengths, compressed or not.

    Raises FileNotFoundError for a missing file, ValueError for one that is neither of the two.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        content = _read_json(self.path)
        try:
            self._images: dict[int, Mapping[str, Any]] | None
            if isinstance(content, list):
                names = dict(enumerate(coco_categories()))
                self._images, objects = None, content
                self.classes = coco_classes()
            else:
                names = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
                self._images, objects = (
                    {entry["id"]: entry for entry in content["images"]},
                    content["annotations"],
                )
                self.classes = tuple(names.values())
            self._names = names
            self._objects: dict[int, list[Mapping[str, Any]]] = {}
            for entry in objects:
                self._objects.setdefault(entry["image_id"], []).append(entry)
            self._by_stem: dict[str, dict[PurePath, int]] = {}
            for number, entry in (self._images or {}).items():
                name = PurePath(entry["file_name"])
                self._by_stem.setdefault(name.stem, {})[name] = number
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self.path} is no COCO file: {type(error).__name__} {error}") from error

    def check_classes(self, wanted: Sequence[str] | None) -> tuple[str, ...]:
        """The wanted class names, None = all; ValueError for one that is no category of this file."""
        if isinstance(wanted, str):
            raise TypeError(f"expected a sequence of class names, got the string {wanted!r}")
        for name in wanted or ():
            if name not in self.classes:
                raise ValueError(f"{self.path}: {unknown_class(name, self.classes)}")
        return self.classes if wanted is None else tuple(wanted)

    def detections(
        self,
        photo: int | str | os.PathLike[str],
        size: tuple[int, int] | None = None,
        *,
        crowds: bool = True,
    ) -> Detections:
        """All objects of one photo, in the file's order; annotations have score 1.

        photo: image id, or path of the photo; its stem, and where that is not enough its folders, are
            compared with ``file_name``. In results, which name no files, the stem's last digits are the id.
        size: height and width of the photo in pixels; None = not known, and then not checked. With it, a
            photo that results say nothing of is one without objects.
        crowds: whether regions marked ``iscrowd`` (groups drawn in one piece) count as objects.

        Raises ValueError for a photo that the file does not have, for masks of another size than the photo's,
        and for an object that cannot be read.
        """
        number = photo if isinstance(photo, int) else self._image_id(PurePath(photo))
        objects = [entry for entry in self._objects.get(number, []) if crowds or not entry.get("iscrowd")]
        known = self._known_size(number, objects) or size
        if known is None:
            raise ValueError(f"{self.path} has no results for image {number}, so its size is not known")
        if size is not None and tuple(size) != known:
            raise ValueError(
                f"{self.path}: image {number} is {known[1]} x {known[0]} there, "
                f"but the photo {photo} is {size[1]} x {size[0]} (width x height)"
            )
        labels, rles = [], []
        for entry in objects:
            label, rle = self._read_object(entry, *known)
            labels.append(label)
            rles.append(rle)
        scores = np.array([entry.get("score", 1.0) for entry in objects], dtype=np.float32)
        boxes = np.array([_box(entry, rle) for entry, rle in zip(objects, rles, strict=True)]).reshape(-1, 4)
        return Detections(tuple(labels), scores, boxes, *known, tuple(rles))

    def _image_id(self, photo: PurePath) -> int:
        if self._images is None:
            digits = re.search(r"\d+$", photo.stem)
            if digits is None:
                raise ValueError(f"{self.path} holds results, and the name {photo} ends in no image id")
            return int(digits.group())
        numbers = self._by_stem.get(photo.stem, {})
        found = closest_names(photo, numbers)
        if len(found) != 1:
            named = f"several: {', '.join(map(str, found))}" if found else "none"
            raise ValueError(f"expected one image for {photo} in {self.path}, found {named}")
        return numbers[found[0]]

    def _known_size(self, number: int, objects: list[Mapping[str, Any]]) -> tuple[int, int] | None:
        """Height and width that the file itself gives for an image; None where it gives none."""
        if self._images is not None:
            if number not in self._images:
                raise ValueError(f"{self.path} has no image {number}")
            entry = self._images[number]
            return int(entry["height"]), int(entry["width"])
        for entry in objects:
            if isinstance(entry.get("segmentation"), dict):
                height, width = entry["segmentation"]["size"]
                return int(height), int(width)
        return None

    def _read_object(self, entry: Mapping[str, Any], height: int, width: int) -> tuple[str, Rle]:
        where = f"{self.path}: object {entry.get('id', '')} of image {entry['image_id']}"
        if entry.get("category_id") not in self._names:
            raise ValueError(f"{where}: unknown category_id {entry.get('category_id')}")
        try:
            return self._names[entry["category_id"]], read_segmentation(
                entry.get("segmentation"), height, width
            )
        except (ValueError, TypeError) as error:
            raise ValueError(f"{where}: {error}") from error


def read_segmentation(segmentation: Any, height: int, width: int) -> Rle:
    """A COCO ``segmentation`` of an image of ``height`` x ``width`` pixels as one compressed run-length mask.

    segmentation: list of polygons (x0, y0, x1, y1, ... in pixels), or {"size": [height, width], "counts": ..}
    with run lengths as a list or as COCO's string. Raises ValueError for anything else or another size.
    """
    if isinstance(segmentation, dict):
        return _read_rle(segmentation, height, width)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError(f"expected polygons or run lengths, got {str(segmentation)[:60]!r}")
    for polygon in segmentation:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError(f"expected polygons of at least three x, y pairs, got {str(polygon)[:60]}")
    return coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))


def _read_rle(segmentation: Mapping[str, Any], height: int, width: int) -> Rle:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise ValueError(f"expected run lengths of size {[height, width]}, got {size}")
    if isinstance(counts, str):
        counts = _parse_counts(counts)
    if not isinstance(counts, list):
        raise ValueError(f"expected counts to be a list or a string, got {type(counts).__name__}")
    if any(not isinstance(count, int) or count < 0 for count in counts) or sum(counts) != height * width:
        raise ValueError(f"expected run lengths that add up to {height * width} pixels")
    return coco_mask.frPyObjects({"size": size, "counts": counts}, height, width)


def _parse_counts(text: str) -> list[int]:
    """Run lengths of COCO's string: groups of 5 bits, from the fourth on as differences to the last but one.

    pycocotools reads these too, but takes strings whose runs end before the image does.
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"expected COCO's run-length string, got the letter {letter!r} in it")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:  # more groups follow
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    return counts


def _box(entry: Mapping[str, Any], rle: Rle) -> np.ndarray:
    """Box of an object as xyxy, from its xywh where that is given, else from its mask."""
    left, top, width, height = entry.get("bbox") or coco_mask.toBbox(rle)
    return np.array([left, top, left + width, top + height], dtype=np.float32)


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"COCO file not found: {path}")
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is no JSON file: {error}") from error
    if not isinstance(content, dict | list):
        raise ValueError(f"expected {path} to hold COCO annotations or results, got {type(content).__name__}")
    return content
