"""What a COCO file holds, put in order: each photo once, its objects beside it, what does not fit noted."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segment.classes import COCO_CATEGORIES, coco_classes
from segment.handover.json_files import shown, whole_number
from segment.handover.mask_error import MaskError
from segment.handover.photo_names import PhotoName, read_photo_name

ImageId = int | str
MAX_NOTED = 4


@dataclass
class CocoContent:
    """The tables of a COCO file.

    categories: the name of each category id. images: the entry of each image, by its id; of two entries of
    one photo the first. names: the photo that each image names. objects: the entries of each image.
    refused: why an image's objects cannot be used, by its id: its entries contradict each other.
    doubtful: why a category id means nothing. notes: what did not fit and was passed over, a line each.
    """

    path: Path
    categories: dict[ImageId, str] = field(default_factory=dict)
    images: dict[ImageId, Mapping[str, Any]] = field(default_factory=dict)
    names: dict[ImageId, PhotoName] = field(default_factory=dict)
    objects: dict[ImageId, list[Mapping[str, Any]]] = field(default_factory=dict)
    refused: dict[ImageId, str] = field(default_factory=dict)
    doubtful: dict[ImageId, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def category(self, value: Any) -> str:
        """The class name of a category id; ValueError for an id that no category, or more than one, has."""
        key = id_key(value)
        if key in self.doubtful:
            raise ValueError(self.doubtful[key])
        if key is None or key not in self.categories:
            raise ValueError(f"unknown category_id {shown(value, 30)}")
        return self.categories[key]


def id_key(value: Any) -> ImageId | None:
    """An id, the same for 7, 7.0 and "7"; text that is no plain number stays as it is, "007" too. None for
    what is no id."""
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isascii() and text.isdecimal() and _is_plain(text) else text or None
    return whole_number(value)


def _is_plain(digits: str) -> bool:
    return len(digits) < 19 and (digits == "0" or digits[0] != "0")


def read_annotations(content: Mapping[str, Any], path: Path) -> CocoContent:
    """The tables of COCO annotations. What is wrong with one entry is noted and does not touch the others.

    Raises MaskError for content without categories, and for the kinds of annotations that hold no masks.
    """
    tables = CocoContent(path)
    refuse_without_masks(content, path)
    if not isinstance(content.get("categories"), list):
        raise MaskError(
            f"{path} is no COCO file: expected 'categories', a list that names the category ids, got "
            f"{shown(content.get('categories'), 30)}",
            "unreadable",
        )
    _read_categories(content["categories"], tables)
    same = _read_images(content["images"], tables)
    _read_objects(content["annotations"], tables, same)
    return tables


def read_results(content: list[Any], path: Path) -> CocoContent:
    """The tables of COCO results, whose categories are COCO's own, and which list no images.

    Raises MaskError where there are entries, but none with an image id.
    """
    known = coco_classes()
    tables = CocoContent(path)
    tables.categories = {number: name for number, name in enumerate(COCO_CATEGORIES) if name in known}
    _read_objects(content, tables, None)
    if content and not tables.objects:
        value = content[0].get("image_id") if isinstance(content[0], dict) else content[0]
        raise MaskError(
            f"{path} is no COCO file: expected a number or a name as image id, got {shown(value, 30)!r}",
            "unreadable",
        )
    for key in tables.objects:
        if isinstance(key, str):
            with contextlib.suppress(ValueError):  # an id that is no name: found by its number, or not at all
                tables.names[key] = read_photo_name(key)
    return tables


def refuse_without_masks(content: Mapping[str, Any], path: Path) -> None:
    """Raises MaskError for COCO's captions and panoptic annotations, naming what to export instead."""
    first = next((entry for entry in content["annotations"] if isinstance(entry, dict)), {})
    instead = "expected instance annotations, with polygons or run lengths: export these"
    if "segmentation" in first or "bbox" in first:
        return
    if "segments_info" in first:
        raise MaskError(
            f"{path} holds COCO panoptic annotations, whose masks are PNG files; {instead}", "unreadable"
        )
    if "caption" in first:
        raise MaskError(f"{path} holds COCO captions, which mark nothing; {instead}", "unreadable")


def _read_categories(entries: list[Any], tables: CocoContent) -> None:
    broken = []
    for entry in entries:
        key = id_key(entry.get("id")) if isinstance(entry, dict) else None
        name = entry.get("name") if isinstance(entry, dict) else None
        if key is None or not isinstance(name, str) or not name.strip():
            broken.append(shown(entry, 40))
        elif tables.categories.setdefault(key, name) != name:
            tables.doubtful[key] = (
                f"category_id {key} is listed twice, as {tables.categories[key]!r} and as {name!r}"
            )
    _note(tables, "categories without an id or a name, passed over", broken)
    _note(tables, "categories that contradict each other, not used", list(tables.doubtful.values()))


def _read_images(entries: list[Any], tables: CocoContent) -> dict[ImageId, ImageId]:
    """Fills the images; returns for each id the id under which its photo stands."""
    broken, joined = [], []
    by_name: dict[tuple[str, tuple[str, ...]], ImageId] = {}
    same: dict[ImageId, ImageId] = {}
    for entry in entries:
        key = id_key(entry.get("id")) if isinstance(entry, dict) else None
        try:
            name = read_photo_name(entry.get("file_name") if isinstance(entry, dict) else None)
        except ValueError as error:
            broken.append(f"{shown(key, 20)}: {error}")
            continue
        if key is None:
            broken.append(f"{name.path}: expected an id, got {shown(entry.get('id'), 20)}")
        elif key in same:
            first = tables.images[same[key]]
            if _photo_key(name) != _photo_key(tables.names[same[key]]) or _sizes_differ(first, entry):
                _refuse(
                    tables,
                    same[key],
                    f"image {key} is listed twice, as {_shown(first)} and as {_shown(entry)}",
                )
                tables.names.setdefault(key, name)
                _refuse_name(tables, by_name, key, name)
        elif (photo := _photo_key(name)) in by_name:
            same[key] = first_key = by_name[photo]
            first = tables.images[first_key]
            if _sizes_differ(first, entry):
                _refuse(
                    tables,
                    first_key,
                    f"{name.path} is listed twice, as image {first_key}, {_shown(first)}, "
                    f"and as image {key}, {_shown(entry)}",
                )
            else:
                joined.append(f"{name.path} (images {first_key} and {key})")
        else:
            same[key] = by_name[photo] = key
            tables.images[key], tables.names[key] = entry, name
    _note(tables, "images without an id or a usable file name, passed over", broken)
    _note(tables, "photos that are listed twice, joined", joined)
    _note(tables, "images that contradict each other, not used", list(tables.refused.values()))
    return same


def _photo_key(name: PhotoName) -> tuple[str, tuple[str, ...]]:
    return str(name.path), name.hints


def _refuse(tables: CocoContent, key: ImageId, why: str) -> None:
    tables.refused.setdefault(key, why)


def _refuse_name(
    tables: CocoContent, by_name: dict[tuple[str, tuple[str, ...]], ImageId], key: ImageId, name: PhotoName
) -> None:
    """Refuses the second photo of one id too, under a key of its own: nobody knows whose the objects are."""
    photo = _photo_key(name)
    if photo in by_name:
        _refuse(tables, by_name[photo], tables.refused[key])
        return
    own = f"{key}\0{len(tables.images)}"
    by_name[photo] = own
    tables.images[own], tables.names[own] = {"id": key, "file_name": str(name.path)}, name
    tables.refused[own] = tables.refused[key]


def _sizes_differ(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    sizes = [
        (whole_number(entry.get("height")), whole_number(entry.get("width"))) for entry in (first, second)
    ]
    return None not in (*sizes[0], *sizes[1]) and sizes[0] != sizes[1]


def _shown(entry: Mapping[str, Any]) -> str:
    width, height = shown(entry.get("width"), 12), shown(entry.get("height"), 12)
    return f"{shown(entry.get('file_name'), 80)} ({width} x {height})"


def _read_objects(entries: Iterable[Any], tables: CocoContent, same: dict[ImageId, ImageId] | None) -> None:
    """Fills the objects. same: the images that are listed; None = all."""
    broken, unlisted = [], []
    ids: Counter[ImageId] = Counter()
    for entry in entries:
        key = id_key(entry.get("image_id")) if isinstance(entry, dict) else None
        if key is None:
            broken.append(shown(entry, 40))
        elif same is not None and key not in same:
            unlisted.append(str(key))
        else:
            if (own := id_key(entry.get("id"))) is not None:
                ids[own] += 1
            tables.objects.setdefault(key if same is None else same[key], []).append(entry)
    _note(tables, "annotations without an image id, passed over", broken)
    _note(tables, "annotations of images that are not listed, passed over; image ids", unlisted)
    repeated = [str(number) for number, count in ids.items() if count > 1]
    _note(tables, "annotation ids that are used more than once", repeated)


def _note(tables: CocoContent, what: str, which: list[str]) -> None:
    if which:
        named = list(dict.fromkeys(which))[:MAX_NOTED]
        more = ", ..." if len(set(which)) > MAX_NOTED else ""
        tables.notes.append(f"masks: {tables.path}: {len(which)} {what}: {', '.join(named)}{more}")
