"""Masks that another team made, in whatever form they hand them over (docs/team-masks.md)."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from segment.detections import Detections
from segment.handover.arrays import array_names
from segment.handover.coco import CocoMasks
from segment.handover.collections import CocoCollection, find_collection
from segment.handover.fitting import HALF, MAX_PIXELS, Fit, Size, find_fit, fit_detections
from segment.handover.found import LABEL, FoundMask, check_path, is_picture, read_marks
from segment.handover.index import MaskIndex
from segment.handover.json_files import read_json
from segment.handover.label_map import Label, find_label_map
from segment.handover.labels import ClassChoice
from segment.handover.listings import (
    CLASSLESS,
    ListingReading,
    check_labels,
    check_photo,
    kind_of,
    read_listing,
)
from segment.handover.mask_error import MaskError
from segment.handover.picture_reading import find_reading
from segment.handover.segment_anything import METADATA, is_mask_folder

MAX_TOLD = 8  # kinds of photos whose masks were scaled or turned; further ones are not told

__all__ = ["LABEL", "FoundMask", "MaskFiles", "is_picture"]

_logger = logging.getLogger(__name__)


class MaskFiles:
    """Masks from another team, matched to the photos by name.

    path: a folder, or a file. Mask images and arrays: white, or the label, is what is to be removed; one such
        file is every photo's. COCO annotations or results, LabelMe's and Segment-Anything's files.
    threshold: grey level (0 to 255) above which a pixel counts as white.
    label: the value, or the colour (red, green, blue), in label maps that is to be removed; None = these are
        no label maps, or a table beside them names their classes.
    polarity: "remove" = white is to be removed, "keep" = white stays, "auto" = what the masks look like.
    allow_empty: whether a mask that marks nothing means that nothing is to be removed; else an error.
    max_pixels: larger masks are refused before they are decoded.
    tell: told in one line each what was found out by itself, and what was passed over; None = the log of this
        module.

    Raises FileNotFoundError for a path that does not exist, MaskError (a ValueError) for a folder without
    masks, a file that is none, and label maps without a label.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        threshold: int = HALF,
        label: Label | None = None,
        polarity: Literal["auto", "remove", "keep"] = "auto",
        allow_empty: bool = False,
        max_pixels: int = MAX_PIXELS,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.path, self.allow_empty, self.max_pixels = Path(path), allow_empty, max_pixels
        self._tell = tell or _logger.info
        self._told: set[tuple[object, ...]] = set()
        self.choice: ClassChoice | None = None
        self._users: dict[str, Path] = {}
        check_path(self.path)
        is_single = not self.path.is_dir() or is_mask_folder(self.path)
        self._index = None if is_single else MaskIndex(self.path)
        self._collection = self._find_collection()
        self._archived = self._names_in_archive()
        listing = None if self.coco is not None else self._only_listing()
        self._content = None if listing is None else read_json(listing)
        self._pictures = self._find_pictures()
        if not self._pictures and (label is not None or polarity != "auto"):
            raise MaskError(
                f"a label or a polarity is for mask images and arrays: {self.path} has none",
                "labels",
                option="mask_polarity" if label is None else "mask_label",
            )
        self.reading = find_reading(
            self._pictures,
            threshold=threshold,
            label=label,
            polarity=polarity,
            max_pixels=max_pixels,
            label_map=find_label_map(self.path) if self._pictures and label is None else None,
        )
        self._tell(f"masks: {self.description}")

    @property
    def coco(self) -> CocoMasks | None:
        """The one COCO file that is the whole hand-over; None where there are others."""
        return None if self._collection is None else self._collection.only(self.entries)

    def find(self, photo: str | os.PathLike[str]) -> Path:
        """The file with a photo's mask, of several parts the first; MaskError where there is none, or several
        of equal right."""
        return self.find_all(photo)[0]

    def find_all(self, photo: str | os.PathLike[str]) -> tuple[Path, ...]:
        """The files with a photo's mask: several where it comes in numbered parts. MaskError as `find`."""
        if self.coco is not None:
            self.coco.image_id(photo)
            return (self.coco.path,)
        if not self._archived.isdisjoint((Path(photo).stem, Path(photo).name)):
            return (self.entries[0],)
        if self._index is not None:
            if self._collection is not None and (listed := self._collection.find(photo)) is not None:
                return (listed.path,)
            return self._index.find_all(photo)
        if self._content is not None:
            check_photo(self._content, self.path, Path(photo))
        return (self.entries[0],)

    def sources_of(self, photo: str | os.PathLike[str]) -> tuple[str, ...]:
        """What of the hand-over is a photo's, by the names of `sources`. MaskError as `find`."""
        files = self.find_all(photo)
        coco = None if self._collection is None else self._collection.files.get(files[0])
        if coco is not None:
            assert self._collection is not None
            return (self._collection.name_of(coco, coco.image_id(photo)),)
        if len(self.entries) == 1 and (self._archived or self._index is None):
            return ()
        return tuple(map(str, files))

    @property
    def sources(self) -> tuple[str, ...]:
        """Everything that may be a photo's mask: files, or images of COCO files; empty where one file is
        every photo's."""
        images = () if self._collection is None else self._collection.sources
        if self.coco is not None:
            return images
        if len(self.entries) == 1 and (self._archived or self._index is None):
            return (str(self.entries[0]),)
        listed = () if self._collection is None else self._collection.files
        return (*images, *(str(entry) for entry in self.mask_entries if entry not in listed))

    def look_up(self, photo: str | os.PathLike[str], size: Size, *, orientation: int = 1) -> FoundMask:
        """What there is for a photo.

        size: height and width of the upright photo. orientation: EXIF orientation of its file, 1 to 8.

        Raises MaskError naming the file: no mask or several, unreadable, another shape than the photo's,
        empty (unless that is allowed), or the other way round than the rest. A list of objects in which there
        are none is not empty but says that nothing is to be removed.
        """
        path, size = Path(photo), (int(size[0]), int(size[1]))
        files = self.find_all(path)
        file = files[0]
        self._note_user(path)
        try:
            if is_picture(file):
                return self._pictured(files, path, size, orientation)
            return self._listed(file, path, size, orientation)
        except MaskError:
            raise
        except ValueError as error:  # more to draw than is drawn
            raise MaskError(f"{file}: {error}", "unreadable") from error

    def _listed(self, file: Path, path: Path, size: Size, orientation: int) -> FoundMask:
        coco = None if self._collection is None else self._collection.files.get(file)
        if coco is not None:
            own = coco.own_detections(coco.image_id(path), size, choice=self.choice)
        else:
            content = self._content if file == self.path else None
            reading = ListingReading(self.max_pixels, self.choice, self._tell)
            own = read_listing(file, path, size, content=content, reading=reading)
        fit = self._fit((own.height, own.width), size, path, file, orientation)
        found = fit_detections(own, fit)
        if len(found) and not found.union().any():
            self._refuse_empty(f"{file}: all {len(found)} objects of {path.name} are empty")
        return FoundMask(found, file, fit, True)

    def mask(self, photo: str | os.PathLike[str], size: Size) -> np.ndarray:
        """All that is marked in a photo, bool (H, W), True = remove; errors of `look_up`."""
        return self.look_up(photo, size).detections.union()

    def detections(self, photo: str | os.PathLike[str], size: Size, *, orientation: int = 1) -> Detections:
        """What is marked in a photo; one instance labelled "mask" from a picture. Errors of `look_up`."""
        return self.look_up(photo, size, orientation=orientation).detections

    def check_classes(self, wanted: Sequence[str]) -> None:
        """Says which classes are wanted: from now on labels that mean one of them, whatever their case and
        number, are given by its name, and what is wrong with other objects does not matter.

        Raises MaskError (a ValueError) where the masks carry no classes, or where a wanted one is not among
        them; for a label map that a table names, also where none is wanted. Of a folder with a JSON per
        photo, some are looked at; what is not among theirs is told.
        """
        if isinstance(wanted, str):
            raise TypeError(f"expected a sequence of class names, got the string {wanted!r}")
        choice = ClassChoice(wanted, self._tell) if wanted else None
        if self.reading.label_map is not None and self.reading.has_names:
            self.reading.label_map.check(wanted)
        elif wanted and self._pictures:
            raise MaskError(
                f"the mask {self._pictures[0]} carries no classes, but {', '.join(wanted)} was asked for",
                "labels",
                option="classes",
            )
        elif self.coco is not None:
            self.coco.check_classes(wanted, choice)
        elif choice is not None and (doubt := check_labels(self.entries, wanted, choice)):
            self._tell(doubt)
        self.choice = choice

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
        """Whether the masks carry classes, by the first of them that can be read."""
        if self.coco is not None:
            return True
        if self.has_pictures:
            return self.reading.has_names
        for entry in self.entries:
            if entry.name == METADATA:
                return False
            try:
                content = self._content if self._content is not None else read_json(entry)
                return kind_of(entry, content) not in CLASSLESS
            except (MaskError, OSError):
                if len(self.entries) == 1:
                    raise
        return False

    @property
    def description(self) -> str:
        """The hand-over in words: what it is, and how it is read."""
        if self.coco is not None:
            kind = "results" if self.coco.is_results else "annotations"
            counts = f"{self.coco.object_count} objects in {len(self.coco.image_ids)} images"
            return f"{self.coco.path}: COCO {kind}, {counts}"
        kinds = Counter(self._kind(entry) for entry in self.entries)
        words = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        irregular = 0 if self._index is None else self._index.irregular
        passed = f"; {irregular} passed over, which are no regular files" if irregular else ""
        return f"{self.path}: {words}{passed}" + (f"; {self.reading.words}" if self._pictures else "")

    def _kind(self, entry: Path) -> str:
        if entry == self.path and self._content is not None:
            return kind_of(entry, self._content)
        if self._collection is not None and entry in self._collection.files:
            return "COCO annotations"
        return "Segment-Anything folder" if entry.name == METADATA else entry.suffix.lower()

    def _find_collection(self) -> CocoCollection | None:
        """The COCO files that list photos by name, and the photos beside them out of the index."""
        collection = find_collection(self.entries, max_pixels=self.max_pixels, tell=self._tell)
        if collection is not None and self._index is not None:
            self._index.leave_out(collection.photos_among(self.entries))
        return collection

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

    def _pictured(self, files: Sequence[Path], photo: Path, size: Size, orientation: int) -> FoundMask:
        """The mask in a picture, the union of several, or the classes of a label map."""

        def fit_of(own: Size, file: Path) -> Fit:
            return self._fit(own, size, photo, file, orientation)

        found = read_marks(self.reading, files, photo, size, choice=self.choice, fit_of=fit_of)
        marked, has_names = found.marked, self.reading.has_names
        if not marked:
            if not has_names:
                self._refuse_empty(f"mask {files[0]} is empty: {found.nothing}")
            return FoundMask(Detections.empty(*size), files[0], found.fit, has_names)
        names = {} if self.choice is None else self.choice.names(marked)
        labels = [names.get(name, name) for name in marked]
        detections = Detections.from_masks(list(marked.values()), labels, [1.0] * len(labels))
        return FoundMask(detections, files[0], found.fit, has_names)

    def _note_user(self, photo: Path) -> None:
        """Tells once where one mask of a folder is that of several photos: their names do not tell whose."""
        for source in self.sources_of(photo):
            first = self._users.setdefault(source, photo)
            if first != photo:
                self._tell_once(
                    ("several photos",),
                    f"masks: {source} is taken for {first} and for {photo}: names do not tell whose it is "
                    "(others like it are not named; a check of the masks names all)",
                )

    def _refuse_empty(self, message: str) -> None:
        if not self.allow_empty:
            raise MaskError(
                f"{message}; expected something marked: allow empty masks to leave such photos as they are",
                "empty",
                option="allow_empty_masks",
            )

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

    def _tell_once(self, kind: tuple[object, ...], text: str) -> None:
        if kind not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(kind)
            self._tell(text)
