"""Masks that another team made, in whatever form they hand them over (docs/team-masks.md)."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from segment.detections import Detections
from segment.handover.arrays import array_names
from segment.handover.coco import CocoMasks, is_coco
from segment.handover.fitting import HALF, MAX_PIXELS, Fit, Size, find_fit, fit_detections
from segment.handover.index import MaskIndex
from segment.handover.json_files import read_json
from segment.handover.listings import CLASSLESS, check_labels, kind_of, photo_named, read_listing
from segment.handover.mask_error import MaskError
from segment.handover.picture_reading import find_reading
from segment.handover.segment_anything import METADATA, is_mask_folder

LABEL = "mask"
MAX_TOLD = 8  # kinds of photos whose masks were scaled or turned; further ones are not told

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FoundMask:
    """What a hand-over has for one photo.

    detections: of the photo's size; one instance labelled "mask" where the file is a picture.
    file: where it stands. fit: how it was brought to the photo's size.
    """

    detections: Detections
    file: Path
    fit: Fit

    @property
    def is_listing(self) -> bool:
        """Whether the file lists objects and is no picture."""
        return not is_picture(self.file)


class MaskFiles:
    """Masks from another team, matched to the photos by name.

    path: a folder, or a file. Mask images and arrays: white, or the label, is what is to be removed; one such
        file is every photo's. COCO annotations or results, LabelMe's and Segment-Anything's files.
    threshold: grey level (0 to 255) above which a pixel counts as white.
    label: the value in label maps that is to be removed; None = these are no label maps.
    polarity: "remove" = white is to be removed, "keep" = white stays, "auto" = what the masks look like.
    allow_empty: whether a mask that marks nothing means that nothing is to be removed; else an error.
    max_pixels: larger masks are refused before they are decoded.
    tell: told in one line each what was found out by itself; None = the log of this module.

    Raises FileNotFoundError for a path that does not exist, MaskError (a ValueError) for a folder without
    masks, a file that is none, and label maps without a label.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        threshold: int = HALF,
        label: int | None = None,
        polarity: Literal["auto", "remove", "keep"] = "auto",
        allow_empty: bool = False,
        max_pixels: int = MAX_PIXELS,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.path, self.allow_empty, self.max_pixels = Path(path), allow_empty, max_pixels
        self._tell = tell or _logger.info
        self._told: set[tuple[int, float]] = set()
        if not self.path.exists():
            raise FileNotFoundError(f"masks not found: {self.path}")
        is_single = not self.path.is_dir() or is_mask_folder(self.path)
        self._index = None if is_single else MaskIndex(self.path)
        self._archived = self._names_in_archive()
        listing = self._only_listing()
        self._content = None if listing is None else read_json(listing)
        self.coco: CocoMasks | None = None
        if listing is not None and is_coco(self._content):
            self.coco = CocoMasks(listing, content=self._content, max_pixels=max_pixels)
        self._pictures = self._find_pictures()
        if not self._pictures and (label is not None or polarity != "auto"):
            raise MaskError(
                f"a label or a polarity is for mask images and arrays: {self.path} has none", "labels"
            )
        self.reading = find_reading(
            self._pictures, threshold=threshold, label=label, polarity=polarity, max_pixels=max_pixels
        )
        self._tell(f"masks: {self.description}")

    def find(self, photo: str | os.PathLike[str]) -> Path:
        """The file with a photo's mask; MaskError where there is none, or several of equal right."""
        if self.coco is not None:
            self.coco.image_id(photo)
            return self.coco.path
        if not self._archived.isdisjoint((Path(photo).stem, Path(photo).name)):
            return self.entries[0]
        if self._index is not None:
            return self._index.find(photo)
        if self._content is not None:
            named = photo_named(self._content, self.path, Path(photo))
            if named is not None and named.stem != Path(photo).stem:
                raise MaskError(
                    f"expected one mask for {photo} in {self.path}, found that of {named}", "missing"
                )
        return self.entries[0]

    def look_up(self, photo: str | os.PathLike[str], size: Size, *, orientation: int = 1) -> FoundMask:
        """What there is for a photo.

        size: height and width of the upright photo. orientation: EXIF orientation of its file, 1 to 8.

        Raises MaskError naming the file: no mask or several, unreadable, another shape than the photo's,
        empty (unless that is allowed), or the other way round than the rest. A list of objects in which there
        are none is not empty but says that nothing is to be removed.
        """
        path, size = Path(photo), (int(size[0]), int(size[1]))
        file = self.find(path)
        if is_picture(file):
            return self._picture(file, path, size, orientation)
        if self.coco is not None:
            own = self.coco.own_detections(self.coco.image_id(path), size)
        else:
            content = self._content if file == self.path else None
            own = read_listing(file, path, size, content=content, max_pixels=self.max_pixels)
        fit = self._fit((own.height, own.width), size, path, file, orientation)
        found = fit_detections(own, fit)
        if len(found) and not found.union().any():
            self._refuse_empty(f"{file}: all {len(found)} objects of {path.name} are empty")
        return FoundMask(found, file, fit)

    def mask(self, photo: str | os.PathLike[str], size: Size) -> np.ndarray:
        """All that is marked in a photo, bool (H, W), True = remove; errors of `look_up`."""
        return self.look_up(photo, size).detections.union()

    def detections(self, photo: str | os.PathLike[str], size: Size, *, orientation: int = 1) -> Detections:
        """What is marked in a photo; one instance labelled "mask" from a picture. Errors of `look_up`."""
        return self.look_up(photo, size, orientation=orientation).detections

    def check_classes(self, wanted: Sequence[str]) -> None:
        """ValueError where the masks carry no classes, or where a wanted one is not among them.

        Of a folder with a JSON per photo, some are looked at; what is not among theirs is told.
        """
        if isinstance(wanted, str):
            raise TypeError(f"expected a sequence of class names, got the string {wanted!r}")
        if self.coco is not None:
            self.coco.check_classes(wanted)
        elif wanted:
            if pictures := self._pictures:
                raise ValueError(
                    f"the mask {pictures[0]} carries no classes, but {', '.join(wanted)} was asked for"
                )
            if doubt := check_labels(self.entries, wanted):
                self._tell(doubt)

    @property
    def entries(self) -> tuple[Path, ...]:
        """The files that hold masks, by name; of a Segment-Anything folder its table."""
        if self._index is not None:
            return tuple(self._index.entries)
        return (self.path / METADATA if self.path.is_dir() else self.path,)

    @property
    def mask_entries(self) -> tuple[Path, ...]:
        """The entries but for the images that LabelMe's files come with."""
        pictures = set(self._pictures)
        return tuple(entry for entry in self.entries if entry in pictures or not is_picture(entry))

    @property
    def has_pictures(self) -> bool:
        """Whether there are mask images or arrays."""
        return bool(self._pictures)

    @property
    def has_classes(self) -> bool:
        """Whether the masks carry classes, by the first of them."""
        if self.coco is not None:
            return True
        first = self.entries[0]
        if self.has_pictures or first.name == METADATA:
            return False
        content = self._content if self._content is not None else read_json(first)
        return kind_of(first, content) not in CLASSLESS

    @property
    def description(self) -> str:
        """The hand-over in words: what it is, and how it is read."""
        if self.coco is not None:
            kind = "results" if self.coco.is_results else "annotations"
            counts = f"{self.coco.object_count} objects in {len(self.coco.image_ids)} images"
            return f"{self.coco.path}: COCO {kind}, {counts}"
        kinds = Counter(self._kind(entry) for entry in self.entries)
        words = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        return f"{self.path}: {words}" + (f"; {self.reading.words}" if self._pictures else "")

    def _kind(self, entry: Path) -> str:
        if entry == self.path and self._content is not None:
            return kind_of(entry, self._content)
        return "Segment-Anything folder" if entry.name == METADATA else entry.suffix.lower()

    def _only_listing(self) -> Path | None:
        """The JSON file that is the whole hand-over, by itself or in its folder."""
        only = self.entries[0] if len(self.entries) == 1 else None
        return only if only is not None and only.suffix.lower() == ".json" and only.is_file() else None

    def _names_in_archive(self) -> frozenset[str]:
        """The arrays of the .npz file that is all of a folder: the photos that it names."""
        only = self.entries[0] if self._index is not None and len(self.entries) == 1 else None
        is_archive = only is not None and only.suffix.lower() == ".npz"
        return frozenset(array_names(only)) if only is not None and is_archive else frozenset()

    def _find_pictures(self) -> list[Path]:
        """The mask images and arrays; not the images that LabelMe's files come with."""
        pictures = [entry for entry in self.entries if is_picture(entry)]
        return pictures if self._index is None else self._index.without_labelled(pictures)

    def _picture(self, file: Path, photo: Path, size: Size, orientation: int) -> FoundMask:
        picture = self.reading.read(file, photo)
        levels = self.reading.levels(picture, file)
        fit = self._fit((levels.shape[0], levels.shape[1]), size, photo, file, orientation)
        mask = self.reading.mask(picture, levels, fit, file)
        if mask.any():
            return FoundMask(Detections.from_masks([mask], [LABEL], [1.0]), file, fit)
        self._refuse_empty(f"mask {file} is empty: {self.reading.nothing_marked(levels)}")
        return FoundMask(Detections.empty(*size), file, fit)

    def _refuse_empty(self, message: str) -> None:
        if not self.allow_empty:
            raise MaskError(f"{message}; --allow-empty-masks leaves such photos as they are", "empty")

    def _fit(self, own: Size, size: Size, photo: Path, file: Path, orientation: int) -> Fit:
        fit = find_fit(own, size, orientation=orientation)
        if fit is None:
            raise MaskError(
                f"mask {file} is {own[1]} x {own[0]}, but the photo {photo} is {size[1]} x {size[0]} "
                "(width x height), another shape",
                "size",
            )
        if done := fit.words(orientation):
            self._tell_once(
                (orientation, round(fit.factor, 1) if fit.is_scaled else 0.0),
                f"masks: {file.name} is {own[1]} x {own[0]}, its photo {photo.name} {size[1]} x {size[0]}: "
                f"{' and '.join(done)} (others like it are not named)",
            )
        return fit

    def _tell_once(self, kind: tuple[int, float], text: str) -> None:
        if kind not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(kind)
            self._tell(text)


def is_picture(entry: Path) -> bool:
    """Whether an entry of a hand-over is a mask image or array."""
    return entry.name != METADATA and entry.suffix.lower() != ".json"
