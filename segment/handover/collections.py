"""COCO files that hold the objects of many photos: alone, beside the photos, or several in a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from segment.handover.coco import CocoMasks, is_coco
from segment.handover.foreign import foreign_kind
from segment.handover.images import IMAGE_SUFFIXES
from segment.handover.json_files import read_json
from segment.handover.mask_error import MaskError
from segment.handover.photo_names import normal

MOST_FILES = 32  # JSON files of a folder that are opened to see what they are; more are a file per photo


@dataclass(frozen=True)
class CocoCollection:
    """files: the COCO files of a hand-over that list photos by name or number, by their path."""

    files: dict[Path, CocoMasks]

    def only(self, entries: Sequence[Path]) -> CocoMasks | None:
        """The one file that is the whole hand-over; None where there is more."""
        return self.files.get(entries[0]) if len(entries) == 1 else None

    def find(self, photo: str | os.PathLike[str]) -> CocoMasks | None:
        """The file that lists a photo; None where none does. MaskError where several do."""
        found = []
        for coco in self.files.values():
            try:
                coco.image_id(photo)
            except MaskError as error:
                if error.reason == "several":
                    raise
                continue
            found.append(coco)
        if len(found) > 1:
            named = " and ".join(str(coco.path) for coco in found)
            raise MaskError(f"expected one COCO file that lists {photo}, found several: {named}", "several")
        return found[0] if found else None

    def photos_among(self, entries: Sequence[Path]) -> frozenset[Path]:
        """The image files that the COCO files list: those are the photos, not masks of them."""
        names = {
            normal(PurePath(coco.name_of(number).replace("\\", "/")).name).casefold()
            for coco in self.files.values()
            if not coco.is_results
            for number in coco.image_ids
        }
        return frozenset(
            entry
            for entry in entries
            if entry.suffix.lower() in IMAGE_SUFFIXES and normal(entry.name).casefold() in names
        )

    def name_of(self, coco: CocoMasks, number: int | str) -> str:
        """The name of an image of one of the files; with the file in front where there are several."""
        name = coco.name_of(number)
        return name if len(self.files) == 1 else f"{coco.path}: {name}"

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of all images."""
        return tuple(self.name_of(coco, number) for coco in self.files.values() for number in coco.image_ids)


def find_collection(
    entries: Sequence[Path], *, max_pixels: int, tell: Callable[[str], None]
) -> CocoCollection | None:
    """The COCO files among some entries that are not one photo's own; None where there is none.

    A file that cannot be read is passed over here, unless it is the only entry. COCO results count only
    where they are the only entry, for they name no photos.
    """
    listings = [entry for entry in entries if entry.suffix.lower() == ".json"]
    if not 0 < len(listings) <= MOST_FILES:
        return None
    files: dict[Path, CocoMasks] = {}
    for entry in listings:
        is_all = len(entries) == 1
        try:
            content = read_json(entry)
            if (foreign := foreign_kind(content)) is not None:
                raise MaskError(f"{entry} is {foreign}", "unreadable")
            if not is_coco(content) or (isinstance(content, list) and not is_all):
                continue
            coco = CocoMasks(entry, content=content, max_pixels=max_pixels, tell=tell)
        except (MaskError, OSError) as error:
            if is_all:
                raise
            tell(f"masks: passed over: {error}")
            continue
        if is_all or not _is_of_one_photo(coco):
            files[entry] = coco
    return CocoCollection(files) if files else None


def _is_of_one_photo(coco: CocoMasks) -> bool:
    """Whether a file lists one photo and is named like it."""
    names = [PurePath(coco.name_of(number).replace("\\", "/")).stem for number in coco.image_ids]
    return len(names) <= 1 and coco.path.stem in (*names, *(f"{name}.json" for name in names))
