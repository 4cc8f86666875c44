"""Which of several named things belongs to a photo: same stem, nearest folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath


def closest_names(photo: PurePath, names: Iterable[PurePath]) -> list[PurePath]:
    """Those of ``names`` that have the stem of ``photo``; of several, those that share most folders with it.

    Folders are compared from the file upwards: for ``in/a/1.jpg``, ``masks/a/1.png`` is closer than
    ``masks/1.png``.
    More than one name in the answer means that the folders do not tell.
    """
    same = [name for name in names if name.stem == photo.stem]
    if len(same) < 2:
        return same
    shared = [_shared_folders(photo, name) for name in same]
    return [name for name, count in zip(same, shared, strict=True) if count == max(shared)]


def _shared_folders(one: PurePath, other: PurePath) -> int:
    count = 0
    for mine, theirs in zip(reversed(one.parent.parts), reversed(other.parent.parts), strict=False):
        if mine != theirs:
            break
        count += 1
    return count
