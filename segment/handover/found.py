"""What a hand-over has for one photo, and how its files are told apart."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segment.detections import Detections
from segment.handover.fitting import Fit, Size
from segment.handover.index import is_regular
from segment.handover.labels import ClassChoice
from segment.handover.mask_error import MaskError
from segment.handover.picture_reading import PictureReading
from segment.handover.segment_anything import METADATA

LABEL = "mask"


@dataclass(frozen=True, eq=False)
class FoundMask:
    """What a hand-over has for one photo.

    detections: of the photo's size; one instance labelled "mask" where the file is a picture.
    file: where it stands, of several the first. fit: how it was brought to the photo's size.
    is_listing: whether the file lists objects, as a JSON does and a label map whose labels have names.
    """

    detections: Detections
    file: Path
    fit: Fit
    is_listing: bool


@dataclass(frozen=True, eq=False)
class Marks:
    """What the pictures of one photo mark.

    masks: bool (H, W) of the photo's size by name: "mask", or the classes of a label map. fit: how the last
    of the pictures was brought to that size. nothing: why nothing is marked, where that is so.
    """

    masks: dict[str, np.ndarray]
    fit: Fit
    nothing: str

    @property
    def marked(self) -> dict[str, np.ndarray]:
        """The masks in which anything is marked."""
        return {name: mask for name, mask in self.masks.items() if mask.any()}


def read_marks(
    reading: PictureReading,
    files: Sequence[Path],
    photo: Path,
    size: Size,
    *,
    choice: ClassChoice | None,
    fit_of: Callable[[Size, Path], Fit],
) -> Marks:
    """What the pictures of a photo mark, of several together. MaskError naming the file.

    choice: the classes that are wanted of a label map. fit_of: how a mask of its own height and width, from
    this file, becomes one of the photo's.
    """
    if reading.has_names:
        assert reading.label_map is not None
        reading.label_map.check(() if choice is None else choice.wanted)
    masks: dict[str, np.ndarray] = {}
    nothing = ""
    for file in files:
        picture = reading.read(file, photo, size)
        fit = fit_of((picture.levels.shape[0], picture.levels.shape[1]), file)
        found = (
            reading.objects(picture, file) if reading.has_names else [(LABEL, reading.levels(picture, file))]
        )
        for name, levels in found:
            mask = reading.mask(picture, levels, fit, file)
            masks[name] = mask | masks[name] if name in masks else mask
            nothing = nothing or reading.nothing_marked(levels)
    return Marks(masks, fit, nothing)


def check_path(path: Path) -> None:
    """Raises FileNotFoundError for a path that does not exist, MaskError for a pipe or a device."""
    if not os.path.lexists(path):
        raise FileNotFoundError(f"masks not found: {path}")
    try:
        is_folder = path.is_dir()
    except OSError:
        is_folder = False
    if not is_folder and not is_regular(path):
        raise MaskError(
            f"{path}: expected a folder or a regular file, got a pipe, a device or a broken link",
            "unreadable",
        )


def is_picture(entry: Path) -> bool:
    """Whether an entry of a hand-over is a mask image or array."""
    return entry.name != METADATA and entry.suffix.lower() != ".json"
