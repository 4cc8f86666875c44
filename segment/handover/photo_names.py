"""Which photo a name of a hand-over means: same stem, and no folder or suffix that says otherwise."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlsplit

# Folders named after what is in them tell nothing about which photo it is.
_KINDS_OF_CONTENT = frozenset(
    (
        *("images", "image", "imgs", "img", "photos", "photo", "pictures", "jpegimages"),
        *("masks", "mask", "labels", "label", "annotations", "annotation"),
        *("segmentationclass", "segmentationobject", "segmentation", "segmentations", "data", "default"),
    )
)
_SAME_FORMAT = {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif", ".heif": ".heic"}
_PHOTO_SUFFIXES = frozenset(
    (
        *(".jpg", ".png", ".tif", ".webp", ".bmp", ".gif", ".heic", ".avif", ".jp2"),
        *(".dng", ".cr2", ".nef", ".arw", ".ppm", ".pgm"),
    )
)
_QUERY_PATH = re.compile(r"[?&]d=([^&]+)")  # Label Studio's local files


@dataclass(frozen=True)
class PhotoName:
    """A photo's name as a hand-over has it.

    path: with its folders, as far as these are meant. hints: folders on another machine, which may tell two
    photos apart but are no part of the name.
    """

    path: PurePath
    hints: tuple[str, ...] = ()


def read_photo_name(name: Any) -> PhotoName:
    """The photo that a file of a hand-over names, written on any system. It is never opened.

    Of an absolute path, one that goes up, and a URL only the last component counts: the rest is another
    machine's. ValueError for anything but a name.
    """
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise ValueError(f"expected a file name, got {str(name)[:60]!r}")
    name = name.strip()
    if query := _QUERY_PATH.search(name):
        name = "/" + unquote(query[1]).lstrip("/")
    elif "://" in name:
        name = "/" + unquote(urlsplit_path(name)).lstrip("/")
    parts = PureWindowsPath(name)
    path = PurePosixPath(parts.as_posix()) if "\\" in name or parts.drive else PurePosixPath(name)
    if path.name in ("", ".", ".."):
        raise ValueError(f"expected a file name, got {name[:60]!r}")
    if leaves_folder(name):
        hints = tuple(part for part in parts.parts[:-1] if part not in ("..", parts.anchor))
        return PhotoName(PurePosixPath(path.name), hints)
    return PhotoName(path)


def urlsplit_path(url: str) -> str:
    """The path of a URL; ValueError where it is none."""
    try:
        return urlsplit(url).path
    except ValueError as error:
        raise ValueError(f"expected a file name or a URL, got {url[:60]!r}") from error


def leaves_folder(name: str) -> bool:
    """Whether a path, written on any system, is absolute or goes up with ".."."""
    windows = PureWindowsPath(name)
    return bool(windows.drive or windows.root) or ".." in windows.parts


def normal(name: str) -> str:
    """A name with its accents as one character each: some systems write them apart."""
    return unicodedata.normalize("NFC", name)


def suffix_agrees(photo: PurePath, name: PurePath) -> bool:
    """Whether a name has the photo's suffix, or none that a photo has."""
    mine, theirs = (_SAME_FORMAT.get(path.suffix.lower(), path.suffix.lower()) for path in (photo, name))
    return mine == theirs or theirs not in _PHOTO_SUFFIXES


def folders_of(photo: PurePath) -> tuple[str, ...]:
    """The folders that a photo lies in, as far as they are known: all, where it is there."""
    folder = photo.parent
    if os.path.lexists(photo):
        folder = PurePath(os.path.abspath(folder))
    return telling(folder.parts)


def telling(parts: Iterable[str]) -> tuple[str, ...]:
    """The folders that may tell one photo from another, in one spelling."""
    folded = (normal(part).casefold() for part in parts)
    return tuple(part for part in folded if part not in _KINDS_OF_CONTENT and part != ".")


def contradicts(photo_folders: Sequence[str], name_folders: Sequence[str]) -> bool:
    """Whether the folders of a name, from the last upwards, are others than those of the photo."""
    return any(
        mine != theirs for mine, theirs in zip(reversed(photo_folders), reversed(name_folders), strict=False)
    )


def shared_count(photo_folders: Sequence[str], name_folders: Sequence[str]) -> int:
    """How many folders two names have in common, from the last upwards."""
    count = 0
    for mine, theirs in zip(reversed(photo_folders), reversed(name_folders), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def closest_names(photo: PurePath, names: Iterable[PurePath]) -> list[PurePath]:
    """Those of ``names`` that have the stem of ``photo`` and no other folder; of several, those that share
    most folders with it.

    Folders are compared from the file upwards, as far as both names have some: for ``in/a/1.jpg``,
    ``a/1.png`` is closer than ``1.png``, and ``b/1.png`` is another photo's. Folders named after their
    content, such as ``images`` and ``masks``, are passed over. More than one name in the answer means that
    the folders do not tell.
    """
    mine = folders_of(photo)
    stem = normal(photo.stem)
    same = [
        (name, folders)
        for name in names
        if normal(name.stem) == stem and not contradicts(mine, folders := telling(name.parent.parts))
    ]
    most = max((shared_count(mine, folders) for _, folders in same), default=0)
    return [name for name, folders in same if shared_count(mine, folders) == most]


def is_claimed(photo: PurePath, stem: str) -> bool:
    """Whether another photo beside this one has exactly this stem, so that what is named so is that one's."""
    other = photo.with_name(f"{stem}{photo.suffix}")
    if normal(stem) == normal(photo.stem) or not os.path.lexists(other) or not os.path.lexists(photo):
        return False
    return not os.path.samefile(other, photo)


def lies_elsewhere(photo: PurePath, hints: Sequence[str]) -> bool:
    """Whether a photo of this name lies in a folder beside this one's that the hints name."""
    last = hints[-1] if hints else photo.parent.name
    if last == photo.parent.name or PurePath(last).name != last:
        return False
    return os.path.lexists(photo.parent.parent / last / photo.name)
