"""Which files of a hand-over belong to which photo."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from segment.handover.arrays import ARRAY_SUFFIXES
from segment.handover.images import IMAGE_SUFFIXES
from segment.handover.json_files import read_json
from segment.handover.labelme import is_labelme
from segment.handover.mask_error import MaskError
from segment.handover.photo_names import (
    contradicts,
    folders_of,
    is_claimed,
    normal,
    shared_count,
    telling,
)
from segment.handover.segment_anything import METADATA, is_mask_folder

SUFFIXES = (*IMAGE_SUFFIXES, *ARRAY_SUFFIXES, ".json")
MAX_NAMED = 4
PADDED_DIGITS = 12  # of COCO's image ids in file names

SAVED, PLAIN, MARKED, PREFIXED, NUMBERED = range(5)
"""How a mask's name is made of its photo's, the surest first: NAME.mask (as --save-masks has it), NAME or
NAME.jpg, NAME_mask, mask_NAME, by the image id."""
_ENDING = re.compile(r"(?P<owner>.+?)(?P<ending>\.mask|[ _-]masks?(?:[ _.-]?(?P<part>\d{1,6}))?)", re.I)
_BEGINNING = re.compile(r"masks?[ _-](?P<owner>.+)", re.I)


@dataclass(frozen=True)
class Claim:
    """That a file is the mask of the photo with this stem, or this whole name.

    is_part: whether the name has a number behind "mask": several such files are one mask.
    """

    entry: Path
    owner: str
    way: int
    is_part: bool = False


class MaskIndex:
    """The files of a hand-over, by name: mask images and arrays, JSON, and Segment-Anything's folders.

    folder: everything below it counts but hidden files and what is no regular file. Raises MaskError for a
    folder without any.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries, self.irregular = _entries(folder)
        if not self.entries:
            raise MaskError(
                f"no mask file ({', '.join(SUFFIXES)}) in {folder}{_other_annotations(folder)}", "missing"
            )
        self._claims: dict[str, list[Claim]] = {}
        self._folders: dict[Path, tuple[str, ...]] = {}
        for entry in self.entries:
            for claim in claims_of(entry):
                self._claims.setdefault(claim.owner.casefold(), []).append(claim)

    def leave_out(self, entries: Collection[Path]) -> None:
        """Takes files that are no masks out of the index."""
        self.entries = [entry for entry in self.entries if entry not in entries]
        for owner, claims in self._claims.items():
            self._claims[owner] = [claim for claim in claims if claim.entry not in entries]

    def find(self, photo: str | os.PathLike[str]) -> Path:
        """The file of a photo, of several parts the first; MaskError as `find_all`."""
        return self.find_all(photo)[0]

    def find_all(self, photo: str | os.PathLike[str]) -> tuple[Path, ...]:
        """The files of a photo, several where its mask comes in parts; MaskError where there is none, or
        several of equal right.

        Its stem, or its whole name, is the photo's, alone or with "mask" before or after it, in the same
        case or, where no photo beside it has that name, another; or both are the same image id. A file in
        another folder than the photo is not the photo's. Of several, those whose folders agree most.
        """
        path = PurePath(photo)
        elsewhere: list[Path] = []
        for candidates in self._candidates(path):
            claims = [claim for claim in candidates if not _is_same_file(claim.entry, path)]
            near = self._nearest(path, claims)
            elsewhere += [claim.entry for claim in claims if claim not in near]
            if not near:
                continue
            found = list(dict.fromkeys(claim.entry for claim in near))
            if len(found) > 1:
                found = _without_labelled_images(found)
            if len(found) == 1 or _are_parts([claim for claim in near if claim.entry in found]):
                return tuple(found)
            raise MaskError(
                f"expected one mask for {path} in {self.folder}, found several: {_named(found)}", "several"
            )
        other = (
            f"; {_named(elsewhere)} is in another folder than the photo: "
            "if it is its mask, give that folder itself"
            if elsewhere
            else ""
        )
        raise MaskError(f"expected one mask for {path} in {self.folder}, found none{other}", "missing")

    def without_labelled(self, pictures: Sequence[Path]) -> list[Path]:
        """The pictures beside which no JSON of the same name lies."""
        listings = {entry.with_suffix("") for entry in self.entries if entry.suffix.lower() == ".json"}
        return [entry for entry in pictures if entry.with_suffix("") not in listings]

    def _candidates(self, path: PurePath) -> Iterable[list[Claim]]:
        """The claims to a photo, the surest kind first."""
        stem, name = normal(path.stem), normal(path.name)
        claims = [*self._claims.get(stem.casefold(), ()), *self._claims.get(name.casefold(), ())]
        for way in (SAVED, PLAIN, MARKED, PREFIXED):
            of_kind = [claim for claim in claims if claim.way == way]
            for owner in (stem, name):
                yield [claim for claim in of_kind if claim.owner == owner]
        for way in (SAVED, PLAIN, MARKED, PREFIXED):
            yield [
                claim
                for claim in claims
                if claim.way == way
                and claim.owner not in (stem, name)
                and not is_claimed(path, claim.owner.removesuffix(path.suffix))
            ]
        if (number := _image_number(path.stem)) is not None:
            padded = f"{number:0{PADDED_DIGITS}}"
            yield [
                claim
                for digits in dict.fromkeys((str(number), padded))
                for claim in self._claims.get(digits, ())
                if claim.way == PLAIN and not is_claimed(path, digits)
            ]

    def _nearest(self, photo: PurePath, claims: Sequence[Claim]) -> list[Claim]:
        """Those claims that no folder contradicts and that share most folders with the photo."""
        mine = folders_of(photo)
        fitting = [claim for claim in claims if not contradicts(mine, self._folders_of(claim.entry))]
        most = max((shared_count(mine, self._folders_of(claim.entry)) for claim in fitting), default=0)
        return [claim for claim in fitting if shared_count(mine, self._folders_of(claim.entry)) == most]

    def _folders_of(self, entry: Path) -> tuple[str, ...]:
        folder = entry.parent.parent if entry.name == METADATA else entry.parent
        if folder not in self._folders:
            self._folders[folder] = telling(folder.relative_to(self.folder).parts)
        return self._folders[folder]


def claims_of(entry: Path) -> list[Claim]:
    """The photos, by stem or whole name, whose mask a file may be by its own name."""
    stem = stem_of(entry)
    claims = [Claim(entry, stem, PLAIN)]
    if found := _ENDING.fullmatch(stem):
        way = SAVED if found["ending"].casefold() == ".mask" else MARKED
        claims.append(Claim(entry, found["owner"], way, found["part"] is not None))
    elif found := _BEGINNING.fullmatch(stem):
        claims.append(Claim(entry, found["owner"], PREFIXED))
    return claims


def stem_of(entry: Path) -> str:
    """What is compared with a photo's stem: a file's, of Segment-Anything's table its folder's name."""
    return normal(entry.parent.name if entry.name == METADATA else entry.stem)


def _entries(folder: Path) -> tuple[list[Path], int]:
    """The files that may be masks, and how many were passed over because they are no regular files."""
    found, irregular = [], 0
    for path, folders, names in os.walk(folder):
        here = Path(path)
        if "SegmentationClass" in folders:  # beside it CVAT and VOC have the same photos by object
            folders.remove("SegmentationObject") if "SegmentationObject" in folders else None
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        if here != folder and METADATA in names and is_mask_folder(here):
            folders.clear()
            found.append(here / METADATA)
            continue
        for name in names:
            if name.startswith(".") or os.path.splitext(name)[1].lower() not in SUFFIXES:
                continue
            if is_regular(here / name):
                found.append(here / name)
            else:
                irregular += 1
    return sorted(found), irregular


def _other_annotations(folder: Path) -> str:
    """What to export instead, where a folder has annotations of a kind that is not read."""
    suffixes = {path.suffix.lower() for path in sorted(folder.iterdir())[:1000] if path.is_file()}
    if ".xml" in suffixes:
        return ": XML files are CVAT's or Pascal VOC's, which are not read: export COCO, or masks as PNG"
    if ".txt" in suffixes:
        return ": text files may be YOLO's, which are not read: export COCO, or masks as PNG"
    return ""


def is_regular(path: Path) -> bool:
    """Whether a path, or what its link leads to, is a regular file: no pipe, device, or link in a circle."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _image_number(stem: str) -> int | None:
    """The image id in a photo's name: digits alone, or COCO's twelve at its end."""
    found = re.search(rf"(?<!\d)\d{{{PADDED_DIGITS}}}$", stem, re.ASCII)
    if found is not None:
        return int(found.group())
    return int(stem) if re.fullmatch(rf"0|[1-9]\d{{0,{PADDED_DIGITS - 1}}}", stem, re.ASCII) else None


def _are_parts(claims: Sequence[Claim]) -> bool:
    """Whether several files are the parts of one mask: numbered, in one folder."""
    return all(claim.is_part for claim in claims) and len({claim.entry.parent for claim in claims}) == 1


def _named(entries: Sequence[Path]) -> str:
    return ", ".join(map(str, entries[:MAX_NAMED])) + (", ..." if len(entries) > MAX_NAMED else "")


def _is_same_file(entry: Path, photo: PurePath) -> bool:
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
