"""The photos that a file of a hand-over names, looked up by a photo's path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from segment.handover.photo_names import (
    PhotoName,
    closest_names,
    contradicts,
    folders_of,
    is_claimed,
    lies_elsewhere,
    normal,
    suffix_agrees,
    telling,
)

ImageId = int | str


class PhotoTable:
    """names: the photo that each image id names."""

    def __init__(self, names: Mapping[ImageId, PhotoName]) -> None:
        self._by_stem: dict[str, list[tuple[PhotoName, ImageId]]] = {}
        for number, name in names.items():
            self._by_stem.setdefault(_folded(name.path), []).append((name, number))

    def find(self, photo: PurePath) -> list[ImageId]:
        """The ids whose name means a photo: its stem, in the same case or, where no photo beside it has that
        name, in another; no other suffix, no other folder; those that share most folders with it. Several =
        the names do not tell which."""
        alike = [
            (name, number)
            for name, number in self._by_stem.get(_folded(photo), ())
            if suffix_agrees(photo, name.path) and not lies_elsewhere(photo, name.hints)
        ]
        same_case = [one for one in alike if normal(one[0].path.stem) == normal(photo.stem)]
        candidates = same_case or [one for one in alike if not is_claimed(photo, one[0].path.stem)]
        by_path: dict[PurePath, list[ImageId]] = {}
        for name, number in candidates:
            by_path.setdefault(name.path.with_name(photo.name), []).append(number)
        near = [number for path in closest_names(photo, by_path) for number in by_path[path]]
        if len(near) < 2:
            return near
        hints = {number: telling(name.hints) for name, number in candidates}
        agreeing = [
            number
            for number in near
            if hints[number] and not contradicts(folders_of(photo), hints[number][-1:])
        ]
        return agreeing if len(agreeing) == 1 else near

    def unlike(self, photo: PurePath) -> PurePath | None:
        """A name that has the photo's stem, for saying why it is none of the photo's."""
        alike = self._by_stem.get(_folded(photo), [])
        return alike[0][0].path if alike else None


def _folded(path: PurePath) -> str:
    return normal(path.stem).casefold()
