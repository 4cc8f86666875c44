"""A COCO dataset as an evaluation needs it: photos that have the class, that never had it, that are
missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from removal.errors import PlanError

if TYPE_CHECKING:
    from segment import Detections

REQUIRED = ("images", "annotations", "categories")


@dataclass(frozen=True)
class EvalPhoto:
    """One photo of an evaluation.

    name: what it is called in results, unique among them; with "/" between folders.
    path: its file. image_id: its number in the annotations; None = there are none.
    """

    name: str
    path: Path
    image_id: int | None = None


class CocoDataset:
    """Photos and annotations of a COCO file (`instances.json`), read once.

    images: the folder that `file_name` is relative to. annotations: the file. classes: names of what is
    removed, as people type them; kept by the names that the file has for them.

    photos: those that show one of the classes, crowds included, in the order of their ids.
    never: those that show none of them; photos without any annotation among them.
    missing: `file_name` of photos whose file is not there.

    Raises PlanError, in one line, for a file that is no COCO file, for ids or names that are there twice, for
    a class it does not know, for a `file_name` that leaves the folder, and where no photo is left.
    """

    def __init__(self, images: Path, annotations: Path, classes: Sequence[str]) -> None:
        self.path = annotations
        content = read_coco(annotations)
        try:
            categories = by_id(annotations, content["categories"], "category")
            self.names: dict[int, str] = {number: str(entry["name"]) for number, entry in categories.items()}
            self._images = by_id(annotations, content["images"])
            self._objects: dict[int, list[Mapping[str, Any]]] = {number: [] for number in self._images}
            for entry in content["annotations"]:
                self._objects.setdefault(entry["image_id"], []).append(entry)
            self.classes = self._known_classes(classes)
            self.category_ids = frozenset(
                number for number, name in self.names.items() if name in self.classes
            )
            listed = self._listed(images)
        except (KeyError, TypeError, AttributeError) as error:
            raise PlanError(f"{annotations} is no COCO file: {type(error).__name__} {error}") from error
        self.missing = tuple(photo.name for photo in listed if not photo.path.is_file())
        there = [photo for photo in listed if photo.path.is_file()]
        self.photos = tuple(photo for photo in there if self._shows_class(photo))
        self.never = tuple(photo for photo in there if not self._shows_class(photo))
        if not there:
            raise PlanError(f"none of the {len(listed)} photos of {annotations} is in '{images}'")

    def annotations_of(self, photo: EvalPhoto) -> list[Mapping[str, Any]]:
        """The COCO entries of the wanted classes in a photo, crowds included."""
        return [entry for entry in self._entries(photo) if entry.get("category_id") in self.category_ids]

    def stated_size(self, photo: EvalPhoto) -> tuple[int, int]:
        """Height and width of a photo as the annotations have them."""
        image = self._images[self._number(photo)]
        return int(image["height"]), int(image["width"])

    def detections(self, photo: EvalPhoto, size: tuple[int, int], *, crowds: bool = True) -> Detections:
        """Every annotated object of a photo, of any class, in the file's order, with score 1.

        size: height and width of the photo as read. crowds: whether regions marked `iscrowd` count. Raises
        ValueError where the annotations speak of another size, or an object cannot be read.
        """
        import numpy as np
        from pycocotools import mask as coco_mask

        from segment import Detections
        from segment.handover.run_lengths import read_segmentation

        stated = self.stated_size(photo)
        if stated != tuple(size):
            raise ValueError(
                f"{self.path}: {photo.name} is {stated[1]} x {stated[0]} there, "
                f"but the photo is {size[1]} x {size[0]} (width x height)"
            )
        objects = [entry for entry in self._entries(photo) if crowds or not entry.get("iscrowd")]
        rles = []
        for entry in objects:
            try:
                rles.append(read_segmentation(entry.get("segmentation"), *stated))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{self.path}: object {entry.get('id', '')}: {error}") from error
        boxes = np.array([coco_mask.toBbox(rle) for rle in rles], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labels = [self.names.get(entry.get("category_id", -1), "unknown") for entry in objects]
        return Detections(tuple(labels), np.ones(len(rles), np.float32), boxes, *stated, tuple(rles))

    def ground_truth(self, photos: Sequence[EvalPhoto]) -> dict[str, Any]:
        """The COCO content of some photos alone: `images`, `annotations` of the wanted classes (crowds
        included), `categories`."""
        return {
            "images": [dict(self._images[self._number(photo)]) for photo in photos],
            "annotations": [dict(entry) for photo in photos for entry in self.annotations_of(photo)],
            "categories": [
                {"id": number, "name": name}
                for number, name in self.names.items()
                if number in self.category_ids
            ],
        }

    def _number(self, photo: EvalPhoto) -> int:
        if photo.image_id is None:
            raise ValueError(f"expected a photo of {self.path}, got {photo.name}, which has no image id")
        return photo.image_id

    def _entries(self, photo: EvalPhoto) -> list[Mapping[str, Any]]:
        return self._objects[self._number(photo)]

    def _known_classes(self, wanted: Sequence[str]) -> tuple[str, ...]:
        from segment.classes import UnknownClassError, resolve_classes

        try:
            return resolve_classes(wanted, tuple(dict.fromkeys(self.names.values())))
        except UnknownClassError as error:
            raise PlanError(f"{self.path}: {error}", option="classes") from error

    def _listed(self, images: Path) -> list[EvalPhoto]:
        photos: dict[str, EvalPhoto] = {}
        for number in sorted(self._images):
            name = inside(self.path, str(self._images[number]["file_name"]))
            if name in photos:
                raise PlanError(
                    f"{self.path}: images {photos[name].image_id} and {number} have one file_name, '{name}'"
                )
            sides = [self._images[number].get(side) for side in ("height", "width")]
            if not all(isinstance(side, int | float) and side >= 1 for side in sides):
                raise PlanError(f"{self.path}: expected height and width of image {number}, got {sides}")
            photos[name] = EvalPhoto(name, images / name, number)
        return list(photos.values())

    def _shows_class(self, photo: EvalPhoto) -> bool:
        return bool(self.annotations_of(photo))


def read_coco(path: Path) -> dict[str, Any]:
    """The content of an annotation file, its three parts there; PlanError for anything else."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path} is no JSON file: {error}") from error
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}") from error
    lacking = [key for key in REQUIRED if not (isinstance(content, dict) and key in content)]
    if lacking:
        raise PlanError(f"{path} is no COCO annotation file: it has no {', '.join(lacking)}")
    result: dict[str, Any] = content
    return result


def by_id(
    path: Path, entries: Sequence[Mapping[str, Any]], kind: str = "image"
) -> dict[int, Mapping[str, Any]]:
    found: dict[int, Mapping[str, Any]] = {}
    for entry in entries:
        if entry["id"] in found:
            raise PlanError(f"{path}: the {kind} id {entry['id']} is there twice")
        found[entry["id"]] = entry
    return found


def inside(path: Path, file_name: str) -> str:
    """A `file_name` with "/" between folders and no way round; PlanError where it leaves the folder."""
    pure = PurePosixPath(file_name.replace("\\", "/"))
    has_drive = len(pure.parts) > 0 and ":" in pure.parts[0]
    parts: list[str] = []
    leaves = pure.is_absolute() or has_drive or not pure.parts
    for part in pure.parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            leaves = True
    if leaves or not parts:
        raise PlanError(f"{path}: the file_name '{file_name}' leaves the folder of the images; refused")
    return "/".join(parts)
