"""A JSON file or a table that lists one photo's objects: LabelMe's, Segment-Anything's, or COCO's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from segment.classes import unknown_class
from segment.detections import Detections
from segment.handover.coco import CocoMasks, is_coco
from segment.handover.fitting import MAX_PIXELS, Size
from segment.handover.json_files import named_file, read_json
from segment.handover.labelme import image_named, is_labelme, read_labelme
from segment.handover.mask_error import MaskError
from segment.handover.segment_anything import METADATA, is_mask_list, read_mask_folder, read_mask_list

SAMPLE = 200  # files whose classes are looked at
CLASSLESS = ("Segment-Anything masks", "SA-1B")


def kind_of(path: Path, content: Any = None) -> str:
    """What lists the objects, in words: of Segment-Anything's table, or of a JSON file and its content.

    Raises MaskError for JSON that is none of the known kinds.
    """
    if content is None:
        return "Segment-Anything masks"
    if is_labelme(content):
        return "LabelMe"
    if is_mask_list(content):
        return "SA-1B" if isinstance(content, dict) else "Segment-Anything masks"
    if is_coco(content):
        return "COCO results" if isinstance(content, list) else "COCO annotations"
    held = (
        "a list" if isinstance(content, list) else f"an object with {', '.join(map(str, list(content)[:6]))}"
    )
    raise MaskError(
        f"{path}: expected COCO annotations or results, LabelMe's or Segment-Anything's JSON, got {held}",
        "unreadable",
    )


def read_listing(
    path: Path, photo: Path, size: Size, *, content: Any = None, max_pixels: int = MAX_PIXELS
) -> Detections:
    """The objects of a photo as detections of the listing's own size.

    path: the file that belongs to the photo. content: what the JSON file holds, where it was read
    before. size: height and width of the photo, taken where the listing states none. Raises MaskError.
    """
    if path.name == METADATA:
        return read_mask_folder(path.parent, size, max_pixels=max_pixels)
    content = read_json(path) if content is None else content
    kind = kind_of(path, content)
    photo_named(content, path, photo)
    if kind == "LabelMe":
        return read_labelme(content, path, size, max_pixels=max_pixels)
    if kind in CLASSLESS:
        return read_mask_list(content, path, size, max_pixels=max_pixels)
    coco = CocoMasks(path, content=content, max_pixels=max_pixels)
    images = coco.image_ids
    if len(images) > 1:
        return coco.own_detections(coco.image_id(photo), size)
    return coco.own_detections(images[0], size) if images else Detections.empty(*size)


def photo_named(content: Any, path: Path, photo: Path) -> PurePath | None:
    """The photo that a JSON of one photo names, None where it names none.

    Raises MaskError for a path that leaves its folder.
    """
    if is_labelme(content):
        return image_named(content, path, photo)
    if isinstance(content, dict) and is_mask_list(content) and content["image"].get("file_name") is not None:
        return named_file(content["image"]["file_name"], str(path))
    return None


def check_labels(entries: Sequence[Path], wanted: Sequence[str]) -> str | None:
    """Looks for wanted class names in some JSON files, spread evenly.

    Returns one line where a name is in none of those looked at or there are no names, for nobody may be on
    the photos; None where all are there. Raises ValueError where only other names are there, or the files
    carry no classes.
    """
    step = -(-len(entries) // SAMPLE)
    labels: set[str] = set()
    for entry in entries[::step]:
        content = None if entry.name == METADATA else read_json(entry)
        kind = kind_of(entry, content)
        if kind in CLASSLESS:
            raise ValueError(f"{entry}: {kind} carry no classes, but {', '.join(wanted)} was asked for")
        if kind == "LabelMe" and content is not None:
            labels |= {str(shape.get("label")) for shape in content["shapes"] if isinstance(shape, dict)}
        elif content is not None:
            labels |= set(CocoMasks(entry, content=content).classes)
    for name in wanted:
        if name not in labels and step == 1 and labels:
            where = entries[0] if len(entries) == 1 else entries[0].parent
            raise ValueError(f"{where}: {unknown_class(name, sorted(labels))}")
        if name not in labels:
            return f"masks: no {name!r} in {len(entries[::step])} of {len(entries)} files looked at"
    return None
