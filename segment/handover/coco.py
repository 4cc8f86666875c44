"""Masks from COCO files: annotations (``instances.json``) or a detector's results."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from segment.classes import coco_categories, coco_classes, unknown_class
from segment.detections import Detections, Rle
from segment.handover.fitting import MAX_PIXELS, Size, find_fit, fit_detections
from segment.handover.json_files import checked_score, checked_size, named_file, read_json, whole_number
from segment.handover.mask_error import MaskError, Reason
from segment.handover.photo_names import closest_names
from segment.handover.run_lengths import read_box, read_segmentation

ImageId = int | str


def is_coco(content: Any) -> bool:
    """Whether a JSON's content is COCO annotations or results."""
    if isinstance(content, dict):
        return isinstance(content.get("images"), list) and isinstance(content.get("annotations"), list)
    return all(isinstance(entry, dict) and "image_id" in entry for entry in content)


class CocoMasks:
    """The objects of a COCO annotation or results file, looked up by photo.

    path: JSON. One object with ``images``, ``annotations``, ``categories`` is annotations; a list of objects
    with ``image_id``, ``category_id``, ``segmentation`` and ``score`` is results, whose categories are COCO's
    own. Segmentations are polygons or run lengths, compressed or not. Image ids are numbers, or text that
    holds a number or the photo's name.
    content: what the file holds, where it was read before. max_pixels: larger images are refused.

    Raises FileNotFoundError for a missing file, MaskError (a ValueError) for one that is neither of the two,
    or in which a file name leaves the folder.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, content: Any = None, max_pixels: int = MAX_PIXELS
    ) -> None:
        self.path, self._max_pixels = Path(path), max_pixels
        content = read_json(self.path) if content is None else content
        self.is_results = isinstance(content, list)
        try:
            self._images: dict[ImageId, Mapping[str, Any]] = {}
            if isinstance(content, list):
                names, objects = dict(enumerate(coco_categories())), content
                self.classes = coco_classes()
            else:
                names = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
                self._images = {_image_key(entry["id"]): entry for entry in content["images"]}
                objects = content["annotations"]
                self.classes = tuple(names.values())
            self._names = names
            self._objects: dict[ImageId, list[Mapping[str, Any]]] = {}
            for entry in objects:
                self._objects.setdefault(_image_key(entry["image_id"]), []).append(entry)
            self._by_stem: dict[str, dict[PurePath, ImageId]] = {}
            for number, entry in self._images.items():
                name = named_file(entry["file_name"], f"{self.path}: image {number}")
                self._by_stem.setdefault(name.stem, {})[name] = number
        except (KeyError, TypeError, AttributeError) as error:
            cause = f"{type(error).__name__} {error}"
            raise MaskError(f"{self.path} is no COCO file: {cause}", "unreadable") from error

    def check_classes(self, wanted: Sequence[str] | None) -> tuple[str, ...]:
        """The wanted class names, None = all; ValueError for one that is no category of this file."""
        if isinstance(wanted, str):
            raise TypeError(f"expected a sequence of class names, got the string {wanted!r}")
        for name in wanted or ():
            if name not in self.classes:
                raise ValueError(f"{self.path}: {unknown_class(name, self.classes)}")
        return self.classes if wanted is None else tuple(wanted)

    @property
    def image_ids(self) -> tuple[ImageId, ...]:
        """The images that the file lists; in results, those that have objects."""
        return tuple(self._objects if self.is_results else self._images)

    @property
    def object_count(self) -> int:
        """How many objects the file holds."""
        return sum(len(objects) for objects in self._objects.values())

    @property
    def category_ids(self) -> dict[str, int]:
        """The category id of each class name."""
        return {name: number for number, name in self._names.items() if name in self.classes}

    def name_of(self, number: ImageId) -> str:
        """The file name of an image; its id where the file has none."""
        return str(self._images.get(number, {}).get("file_name", number))

    def image_id(self, photo: str | os.PathLike[str]) -> ImageId:
        """The id of a photo: by its stem, then its folders; in results by the digits at its stem's end.

        Raises MaskError where the file has no such image, or several.
        """
        path = PurePath(photo)
        if self.is_results:
            digits = re.search(r"\d+$", path.stem)
            if path.stem in self._objects:
                return path.stem
            if digits is None:
                raise MaskError(
                    f"{self.path} holds results, and the name {path} ends in no image id", "missing"
                )
            return int(digits.group())
        numbers = self._by_stem.get(path.stem, {})
        found = closest_names(path, numbers)
        if len(found) != 1:
            named = f"several: {', '.join(map(str, found))}" if found else "none"
            reason: Reason = "several" if found else "missing"
            raise MaskError(f"expected one image for {path} in {self.path}, found {named}", reason)
        return numbers[found[0]]

    def detections(
        self,
        photo: int | str | os.PathLike[str],
        size: Size | None = None,
        *,
        crowds: bool = True,
        orientation: int = 1,
    ) -> Detections:
        """All objects of one photo, in the file's order; annotations have score 1.

        photo: image id, or path of the photo, see `image_id`.
        size: height and width of the upright photo in pixels; None = the file's own. Masks of another size
            are scaled where the shape agrees. With it, a photo that results say nothing of is one without
            objects.
        crowds: whether regions marked ``iscrowd`` (groups drawn in one piece) count as objects.
        orientation: EXIF orientation of the photo's file, see `segment.handover.fitting.find_fit`.

        Raises MaskError for a photo that the file does not have, for masks of another shape than the photo's,
        and for an object that cannot be read.
        """
        number = photo if isinstance(photo, int) else self.image_id(photo)
        found = self.own_detections(number, size, crowds=crowds)
        if size is None:
            return found
        fit = find_fit((found.height, found.width), (size[0], size[1]), orientation=orientation)
        if fit is None:
            raise MaskError(
                f"{self.path}: image {number} is {found.width} x {found.height} there, "
                f"but the photo {photo} is {size[1]} x {size[0]} (width x height)",
                "size",
            )
        return fit_detections(found, fit)

    def own_detections(self, number: ImageId, size: Size | None = None, *, crowds: bool = True) -> Detections:
        """All objects of one image in the size that the file gives; ``size`` where it gives none."""
        if not self.is_results and number not in self._images:
            raise MaskError(f"{self.path} has no image {number}", "missing")
        objects = [entry for entry in self._objects.get(number, []) if crowds or not entry.get("iscrowd")]
        try:
            known = self._known_size(number, objects) or size
        except ValueError as error:
            raise MaskError(f"{self.path}: image {number}: {error}", "unreadable") from error
        if known is None:
            raise MaskError(
                f"{self.path} has no results for image {number}, so its size is not known", "missing"
            )
        read = [self._read_object(entry, *known) for entry in objects]
        boxes = np.array([box for *_, box in read], dtype=np.float32).reshape(-1, 4)
        scores = np.array([score for _, score, *_ in read], dtype=np.float32)
        return Detections(
            tuple(label for label, *_ in read), scores, boxes, *known, tuple(rle for _, _, rle, _ in read)
        )

    def _known_size(self, number: ImageId, objects: list[Mapping[str, Any]]) -> Size | None:
        """Height and width that the file itself gives for an image; None where it gives none."""
        entry = self._images.get(number, {})
        if entry.get("height") is not None or entry.get("width") is not None:
            return checked_size(entry.get("height"), entry.get("width"), self._max_pixels)
        for other in objects:
            segmentation = other.get("segmentation")
            if isinstance(segmentation, dict):
                stated = segmentation.get("size")
                if not isinstance(stated, list) or len(stated) != 2:
                    raise ValueError(f"expected run lengths with their size, got {str(stated)[:40]}")
                return checked_size(stated[0], stated[1], self._max_pixels)
        return None

    def _read_object(
        self, entry: Mapping[str, Any], height: int, width: int
    ) -> tuple[str, float, Rle, list[float]]:
        """Label, score, mask and box (xyxy) of an object."""
        where = f"{self.path}: object {entry.get('id', '')} of image {entry['image_id']}"
        try:
            category = entry.get("category_id")
            if not isinstance(category, int | str) or category not in self._names:
                raise ValueError(f"unknown category_id {category}")
            rle = read_segmentation(entry.get("segmentation"), height, width)
            score = checked_score(entry.get("score", 1.0))
            return self._names[category], score, rle, read_box(entry.get("bbox"), rle)
        except (ValueError, TypeError) as error:
            raise MaskError(f"{where}: {error}", "unreadable") from error


def _image_key(value: Any) -> ImageId:
    """An image id as a number, or a photo's stem; TypeError for anything else."""
    if isinstance(value, str) and value:
        return int(value) if value.isdecimal() else PurePath(value).stem
    number = whole_number(value)
    if number is None:
        raise TypeError(f"expected a number or a name as image id, got {str(value)[:30]!r}")
    return number
