"""A JSON file or a table that lists one photo's objects: LabelMe's, Segment-Anything's, or COCO's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from segment.classes import unknown_class
from segment.detections import Detections
from segment.handover.coco import CocoMasks, is_coco
from segment.handover.fitting import MAX_PIXELS, Size
from segment.handover.foreign import foreign_kind
from segment.handover.json_files import read_json
from segment.handover.labelme import check_image, image_named, is_labelme, read_labelme
from segment.handover.labels import ClassChoice
from segment.handover.mask_error import MaskError
from segment.handover.photo_names import read_photo_name
from segment.handover.segment_anything import METADATA, is_mask_list, read_mask_folder, read_mask_list

SAMPLE = 200  # files whose classes are looked at
CLASSLESS = ("Segment-Anything masks", "SA-1B")


@dataclass(frozen=True)
class ListingReading:
    """How listings are read.

    max_pixels: of larger images nothing is read. choice: the classes that are wanted; None = all are. tell:
    told in one line each what was passed over; None = nobody is.
    """

    max_pixels: int = MAX_PIXELS
    choice: ClassChoice | None = None
    tell: Callable[[str], None] | None = None


def kind_of(path: Path, content: Any = None) -> str:
    """What lists the objects, in words: of Segment-Anything's table, or of a JSON file and its content.

    Raises MaskError for JSON that is none of the known kinds, naming the tool that wrote it where that shows,
    and what to export instead.
    """
    if content is None:
        return "Segment-Anything masks"
    if is_labelme(content):
        return "LabelMe"
    if is_mask_list(content):
        return "SA-1B" if isinstance(content, dict) else "Segment-Anything masks"
    if is_coco(content):
        return "COCO results" if isinstance(content, list) else "COCO annotations"
    if (foreign := foreign_kind(content)) is not None:
        raise MaskError(f"{path} is {foreign}", "unreadable")
    held = (
        "a list" if isinstance(content, list) else f"an object with {', '.join(map(str, list(content)[:6]))}"
    )
    raise MaskError(
        f"{path}: expected COCO annotations or results, LabelMe's or Segment-Anything's JSON, got {held}",
        "unreadable",
    )


def read_listing(
    path: Path, photo: Path, size: Size, *, content: Any = None, reading: ListingReading | None = None
) -> Detections:
    """The objects of a photo as detections of the listing's own size.

    path: the file that belongs to the photo. content: what the JSON file holds, where it was read
    before. size: height and width of the photo, taken where the listing states none. Raises MaskError.
    """
    reading = reading or ListingReading()
    if path.name == METADATA:
        return read_mask_folder(path.parent, size, max_pixels=reading.max_pixels)
    content = read_json(path) if content is None else content
    kind = kind_of(path, content)
    check_photo(content, path, photo)
    if kind == "LabelMe":
        return read_labelme(
            content, path, size, max_pixels=reading.max_pixels, choice=reading.choice, tell=reading.tell
        )
    if kind in CLASSLESS:
        return read_mask_list(content, path, size, max_pixels=reading.max_pixels)
    coco = CocoMasks(path, content=content, max_pixels=reading.max_pixels, tell=reading.tell)
    images = coco.image_ids
    if not images:
        return Detections.empty(*size)
    number = images[0] if coco.is_results and len(images) == 1 else coco.image_id(photo)
    return coco.own_detections(number, size, choice=reading.choice)


def photo_named(content: Any, path: Path) -> PurePath | None:
    """The photo that a JSON of one photo names, None where it names none. MaskError for what is no name."""
    if is_labelme(content):
        return image_named(content)
    if isinstance(content, dict) and is_mask_list(content) and content["image"].get("file_name") is not None:
        try:
            return read_photo_name(content["image"]["file_name"]).path
        except ValueError as error:
            raise MaskError(f"{path}: {error}", "unreadable") from error
    return None


def check_photo(content: Any, path: Path, photo: Path) -> None:
    """Raises MaskError where a JSON of one photo names another photo than this one."""
    named = photo_named(content, path)
    if named is not None:
        check_image(named, path, photo)


def check_labels(entries: Sequence[Path], wanted: Sequence[str], choice: ClassChoice) -> str | None:
    """Looks for wanted class names in some JSON files, spread evenly; those that cannot be read are passed
    over.

    Returns one line where a name is in none of those looked at or there are no names, for nobody may be on
    the photos; None where all are there. Raises ValueError where only other names are there, or the files
    carry no classes.
    """
    step = -(-len(entries) // SAMPLE)
    labels: set[str] = set()
    for entry in entries[::step]:
        try:
            content = None if entry.name == METADATA else read_json(entry)
            kind = kind_of(entry, content)
            found = labels_of(entry, content, kind)
        except (MaskError, OSError):
            continue  # told with its photo
        if kind in CLASSLESS:
            raise MaskError(
                f"{entry}: {kind} carry no classes, but {', '.join(wanted)} was asked for",
                "labels",
                option="classes",
            )
        labels |= found
    meant = set(choice.names(sorted(labels)).values())
    for name in wanted:
        if name not in meant and step == 1 and labels:
            where = entries[0] if len(entries) == 1 else entries[0].parent
            raise MaskError(f"{where}: {unknown_class(name, sorted(labels))}", "labels", option="classes")
        if name not in meant:
            return f"masks: no {name!r} in {len(entries[::step])} of {len(entries)} files looked at"
    return None


def labels_of(path: Path, content: Any, kind: str) -> set[str]:
    """The class names that a listing has; MaskError where it cannot be read."""
    if kind == "LabelMe" and content is not None:
        labels = [shape.get("label") for shape in content["shapes"] if isinstance(shape, dict)]
        return {label for label in labels if isinstance(label, str)}
    if kind in CLASSLESS:
        return set()
    return set(CocoMasks(path, content=content).classes)
