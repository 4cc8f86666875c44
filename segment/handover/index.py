"""Which file of a hand-over belongs to which photo."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePath

from segment.handover.arrays import ARRAY_SUFFIXES
from segment.handover.images import IMAGE_SUFFIXES
from segment.handover.json_files import read_json
from segment.handover.labelme import is_labelme
from segment.handover.mask_error import MaskError
from segment.handover.photo_names import closest_names
from segment.handover.segment_anything import METADATA, is_mask_folder

SUFFIXES = (*IMAGE_SUFFIXES, *ARRAY_SUFFIXES, ".json")
ENDINGS = (
    ".mask",
    "",
    "_mask",
    "-mask",
)  # of a mask's stem after the photo's; the first is --save-masks' own
MAX_NAMED = 4


class MaskIndex:
    """The files of a hand-over, by name: mask images and arrays, JSON, and Segment-Anything's folders.

    folder: everything below it counts but hidden files. Raises MaskError for a folder without any.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries = _entries(folder)
        if not self.entries:
            raise MaskError(f"no mask file ({', '.join(SUFFIXES)}) in {folder}", "missing")
        self._by_stem: dict[str, list[Path]] = {}
        self._by_number: dict[int, list[Path]] = {}
        for entry in self.entries:
            self._by_stem.setdefault(stem_of(entry), []).append(entry)
            if (number := _image_number(stem_of(entry), whole=True)) is not None:
                self._by_number.setdefault(number, []).append(entry)

    def find(self, photo: str | os.PathLike[str]) -> Path:
        """The file of a photo; MaskError where there is none, or several of equal right.

        Its stem is the photo's, alone or with ".mask", "_mask" or "-mask" after it, or the photo's whole
        name; or both are the same image id. Of several, those whose folders agree most with the photo's.
        """
        path = Path(photo)
        for candidates in self._candidates(path):
            found = [entry for entry in candidates if not _is_same_file(entry, path)]
            if len(found) > 1:
                found = _without_labelled_images(closest(path, found))
            if len(found) == 1:
                return found[0]
            if found:
                named = ", ".join(map(str, found[:MAX_NAMED])) + (", ..." if len(found) > MAX_NAMED else "")
                raise MaskError(
                    f"expected one mask for {path} in {self.folder}, found several: {named}", "several"
                )
        raise MaskError(f"expected one mask for {path} in {self.folder}, found none", "missing")

    def without_labelled(self, pictures: Sequence[Path]) -> list[Path]:
        """The pictures beside which no JSON of the same name lies."""
        listings = {entry.with_suffix("") for entry in self.entries if entry.suffix.lower() == ".json"}
        return [entry for entry in pictures if entry.with_suffix("") not in listings]

    def _candidates(self, path: Path) -> list[Sequence[Path]]:
        stems = [f"{normal(path.stem)}{ending}" for ending in ENDINGS]
        stems.insert(2, normal(path.name))
        found: list[Sequence[Path]] = [self._by_stem.get(stem, ()) for stem in stems]
        number = _image_number(path.stem, whole=False)
        return found if number is None else [*found, self._by_number.get(number, ())]


def stem_of(entry: Path) -> str:
    """What is compared with a photo's stem: a file's, of Segment-Anything's table its folder's name."""
    return normal(entry.parent.name if entry.name == METADATA else entry.stem)


def normal(name: str) -> str:
    """A name with its accents as one character each: some systems write them apart."""
    return unicodedata.normalize("NFC", name)


def closest(photo: Path, entries: Sequence[Path]) -> list[Path]:
    """Those of some entries for one photo whose folders agree most with the photo's."""
    named: dict[PurePath, list[Path]] = {}
    for entry in entries:
        folder = entry.parent.parent if entry.name == METADATA else entry.parent
        named.setdefault(folder / photo.name, []).append(entry)
    return [entry for name in closest_names(photo, named) for entry in named[name]]


def _entries(folder: Path) -> list[Path]:
    found = []
    for path, folders, names in os.walk(folder):
        here = Path(path)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        if here != folder and METADATA in names and is_mask_folder(here):
            folders.clear()
            found.append(here / METADATA)
            continue
        found += [
            here / name
            for name in names
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
        ]
    return sorted(found)


def _image_number(stem: str, *, whole: bool) -> int | None:
    """The image id in a name: digits alone, or (not ``whole``) COCO's twelve digits at its end."""
    if stem.isascii() and stem.isdecimal():
        return int(stem)
    padded = None if whole else re.search(r"(?<!\d)\d{12}$", stem)
    return int(padded.group()) if padded else None


def _is_same_file(entry: Path, photo: Path) -> bool:
    """Whether an entry is the photo itself, where masks lie among the photos."""
    return entry.name == photo.name and os.path.realpath(entry) == os.path.realpath(photo)


def _without_labelled_images(entries: list[Path]) -> list[Path]:
    """LabelMe's files often come with the images that were labelled: those are no masks."""
    listings = [entry for entry in entries if entry.suffix.lower() == ".json"]
    if len(listings) != 1:
        return entries
    content = read_json(listings[0])
    if not is_labelme(content) or not isinstance(content.get("imagePath"), str):
        return entries
    image = PurePath(content["imagePath"].replace("\\", "/")).name
    return [entry for entry in entries if entry.name != image]
