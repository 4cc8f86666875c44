"""Masks from COCO files: annotations (``instances.json``) or a detector's results."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from _removal_support.limits import LARGEST_OBJECT_COUNT
from segment.classes import unknown_class
from segment.detections import Detections, Rle
from segment.handover.coco_content import CocoContent, ImageId, read_annotations, read_results
from segment.handover.fitting import MAX_PIXELS, Size, check_ratio, find_fit, fit_detections
from segment.handover.json_files import TooFewPointsError, checked_score, checked_size, read_json, shown
from segment.handover.labels import ClassChoice
from segment.handover.mask_error import MaskError
from segment.handover.photo_table import PhotoTable
from segment.handover.run_lengths import box_mask, read_box, read_segmentation

_logger = logging.getLogger(__name__)


def is_coco(content: Any) -> bool:
    """Whether a JSON's content is COCO annotations or results."""
    if isinstance(content, dict):
        return isinstance(content.get("images"), list) and isinstance(content.get("annotations"), list)
    if not isinstance(content, list):
        return False
    return all(isinstance(entry, dict) and "image_id" in entry for entry in content)


class CocoMasks:
    """The objects of a COCO annotation or results file, looked up by photo.

    path: JSON. One object with ``images``, ``annotations``, ``categories`` is annotations; a list of objects
    with ``image_id``, ``category_id``, ``segmentation`` and ``score`` is results, whose categories are COCO's
    own. Segmentations are polygons or run lengths, compressed or not. Image ids are numbers, or text that
    holds a number or the photo's name.
    content: what the file holds, where it was read before. max_pixels: larger images are refused.
    tell: told in one line each what did not fit and was passed over; None = the log of this module.

    Raises FileNotFoundError for a missing file, MaskError (a ValueError) for one that is neither of the two.
    What is wrong with one entry of it does not touch the others.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        content: Any = None,
        max_pixels: int = MAX_PIXELS,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.path, self._max_pixels = Path(path), max_pixels
        self._tell = tell or _logger.info
        self._told: set[str] = set()
        content = read_json(self.path) if content is None else content
        if not is_coco(content):
            keys = [
                name
                for name in ("images", "annotations")
                if not isinstance(content, dict) or name not in content
            ]
            raise MaskError(
                f"{self.path} is no COCO file: expected images and annotations, or a list of objects with "
                f"image ids; {' and '.join(map(repr, keys)) or 'these'} cannot be found or read",
                "unreadable",
            )
        self.is_results = isinstance(content, list)
        self._content: CocoContent = (read_results if self.is_results else read_annotations)(
            content, self.path
        )
        self.classes = tuple(dict.fromkeys(self._content.categories.values()))
        self._photos = PhotoTable(self._content.names)
        for note in self._content.notes:
            self._tell(note)

    def check_classes(
        self, wanted: Sequence[str] | None, choice: ClassChoice | None = None
    ) -> tuple[str, ...]:
        """The categories that the wanted class names mean, None = all; ValueError for a name that means none.

        A name means a category whatever its case and number: "person" also "Person" and "people".
        choice: what tells of such names; None = one of its own.
        """
        if isinstance(wanted, str):
            raise TypeError(f"expected a sequence of class names, got the string {wanted!r}")
        if wanted is None:
            return self.classes
        meant = (choice or ClassChoice(wanted, self._tell_once)).names(self.classes)
        for name in wanted:
            if name not in meant.values():
                raise MaskError(
                    f"{self.path}: {unknown_class(name, self.classes)}", "labels", option="classes"
                )
        return tuple(label for label in self.classes if label in meant)

    @property
    def image_ids(self) -> tuple[ImageId, ...]:
        """The images that the file lists; in results, those that have objects."""
        return tuple(self._content.objects if self.is_results else self._content.images)

    @property
    def object_count(self) -> int:
        """How many objects the file holds."""
        return sum(len(objects) for objects in self._content.objects.values())

    @property
    def category_ids(self) -> dict[str, ImageId]:
        """The category id of each class name; of several the first."""
        ids: dict[str, ImageId] = {}
        for number, name in self._content.categories.items():
            ids.setdefault(name, number)
        return ids

    def name_of(self, number: ImageId) -> str:
        """The file name of an image; its id where the file has none."""
        return str(self._content.images.get(number, {}).get("file_name", number))

    def image_id(self, photo: str | os.PathLike[str]) -> ImageId:
        """The id of a photo: by its name and its folders; in results by the digits at its stem's end.

        Raises MaskError where the file has no such image, or several.
        """
        path = PurePath(photo)
        found = self._photos.find(path)
        if len(found) > 1:
            names = ", ".join(str(self._content.names[number].path) for number in found[:4])
            raise MaskError(
                f"expected one image for {path} in {self.path}, found several: {names}", "several"
            )
        if found:
            return found[0]
        if not self.is_results:
            other = self._photos.unlike(path)
            words = f"; '{other}' is in another folder or has another suffix" if other else ""
            raise MaskError(f"expected one image for {path} in {self.path}, found none{words}", "missing")
        digits = re.search(r"\d{1,18}$", path.stem, re.ASCII)
        if digits is None:
            raise MaskError(f"{self.path} holds results, and the name {path} ends in no image id", "missing")
        number = int(digits.group())
        keys: list[ImageId] = [
            key
            for key in self._content.objects
            if isinstance(key, str) and key.isascii() and key.isdecimal() and int(key[-19:]) == number
        ]
        keys += [number] if number in self._content.objects else []
        if len(keys) > 1:
            named = ", ".join(map(repr, keys))
            raise MaskError(
                f"expected one image id for {path} in {self.path}, found several: {named}", "several"
            )
        return keys[0] if keys else number

    def detections(
        self,
        photo: int | str | os.PathLike[str],
        size: Size | None = None,
        *,
        crowds: bool = True,
        orientation: int = 1,
        choice: ClassChoice | None = None,
    ) -> Detections:
        """All objects of one photo, in the file's order; annotations have score 1.

        photo: image id, or path of the photo, see `image_id`.
        size: height and width of the upright photo in pixels; None = the file's own. Masks of another size
            are scaled where the shape agrees. With it, a photo that results say nothing of is one without
            objects.
        crowds: whether regions marked ``iscrowd`` (groups drawn in one piece) count as objects.
        orientation: EXIF orientation of the photo's file, see `segment.handover.fitting.find_fit`.
        choice: the classes that are wanted, see `own_detections`.

        Raises MaskError for a photo that the file does not have, for masks of another shape than the photo's,
        and for a wanted object that cannot be read.
        """
        number = photo if isinstance(photo, int) else self.image_id(photo)
        found = self.own_detections(number, size, crowds=crowds, choice=choice)
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

    def own_detections(
        self,
        number: ImageId,
        size: Size | None = None,
        *,
        crowds: bool = True,
        choice: ClassChoice | None = None,
    ) -> Detections:
        """All objects of one image in the size that the file gives; ``size`` where it gives none.

        choice: the classes that are wanted; their labels become the names as they were asked for, and an
        object of another class that cannot be read is left out. None = all are wanted.
        """
        if not self.is_results and number not in self._content.images:
            raise MaskError(f"{self.path} has no image {number}", "missing")
        if number in self._content.refused:
            raise MaskError(f"{self.path}: {self._content.refused[number]}", "several")
        entries = [
            entry for entry in self._content.objects.get(number, []) if crowds or not entry.get("iscrowd")
        ]
        try:
            known = self._known_size(number, entries) or size
            if size is not None and known is not None:
                check_ratio(known, size)
            if len(entries) > LARGEST_OBJECT_COUNT:
                raise ValueError(f"it has {len(entries)} objects, more than {LARGEST_OBJECT_COUNT}")
        except ValueError as error:
            raise MaskError(f"{self.path}: image {number}: {error}", "unreadable") from error
        if known is None:
            raise MaskError(
                f"{self.path} has no results for image {number}, so its size is not known", "missing"
            )
        return self._read_objects(entries, known, choice)

    def _read_objects(
        self, entries: Sequence[Mapping[str, Any]], size: Size, choice: ClassChoice | None
    ) -> Detections:
        """The objects that can be read; MaskError for a wanted one that cannot, and where those that mark
        nothing are all there are."""
        names = None if choice is None else choice.names(self.classes)
        read: list[tuple[str, float, Rle, list[float]]] = []
        left_out: MaskError | None = None
        for entry in entries:
            try:
                label = self._content.category(entry.get("category_id"))
                is_wanted = names is None or label in names
            except ValueError:
                label, is_wanted = "", names is None
            try:
                if not label:
                    self._content.category(entry.get("category_id"))
                read.append(
                    (label if names is None else names.get(label, label), *self._read_object(entry, *size))
                )
            except (ValueError, TypeError) as error:
                number, image = shown(entry.get("id", ""), 20), shown(entry["image_id"], 20)
                where = f"{self.path}: object {number} of image {image}"
                broken = MaskError(f"{where}: {error}", "unreadable")
                if is_wanted and not isinstance(error, TooFewPointsError):
                    raise broken from error
                left_out = broken if is_wanted else left_out
                self._tell_once(f"masks: left out: {broken} (others like it are not named)", kind="left out")
        if left_out is not None and not any(names is None or label in names.values() for label, *_ in read):
            raise left_out
        boxes = np.array([box for *_, box in read], dtype=np.float32).reshape(-1, 4)
        scores = np.array([score for _, score, *_ in read], dtype=np.float32)
        return Detections(
            tuple(label for label, *_ in read), scores, boxes, *size, tuple(rle for _, _, rle, _ in read)
        )

    def _known_size(self, number: ImageId, objects: list[Mapping[str, Any]]) -> Size | None:
        """Height and width that the file itself gives for an image; None where it gives none."""
        entry = self._content.images.get(number, {})
        if entry.get("height") is not None or entry.get("width") is not None:
            return checked_size(entry.get("height"), entry.get("width"), self._max_pixels)
        for other in objects:
            segmentation = other.get("segmentation")
            if isinstance(segmentation, dict):
                stated = segmentation.get("size")
                if not isinstance(stated, list) or len(stated) != 2:
                    raise ValueError(f"expected run lengths with their size, got {shown(stated, 40)}")
                return checked_size(stated[0], stated[1], self._max_pixels)
        return None

    def _read_object(
        self, entry: Mapping[str, Any], height: int, width: int
    ) -> tuple[float, Rle, list[float]]:
        """Score, mask and box (xyxy) of an object; of one that has nothing but a box, the box is the mask."""
        segmentation, box = entry.get("segmentation"), entry.get("bbox")
        score = checked_score(entry.get("score", 1.0))
        if segmentation in (None, [], [[]]) and box:
            rle = box_mask(box, height, width)
            self._tell_once(
                f"masks: {self.path}: object {shown(entry.get('id', ''), 20)} has a box and no outline, so "
                "the whole box is taken (others like it are not named)",
                kind="box",
            )
        else:
            rle = read_segmentation(segmentation, height, width)
        return score, rle, read_box(box, rle)

    def _tell_once(self, text: str, *, kind: str | None = None) -> None:
        if (kind or text) not in self._told:
            self._told.add(kind or text)
            self._tell(text)
