"""How the mask images and arrays of a hand-over are read: what white means, from where on, which label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from segment.handover.arrays import ARRAY_SUFFIXES, array_names, read_mask_array
from segment.handover.fitting import HALF, MAX_PIXELS, Fit, fit_levels
from segment.handover.images import IMAGE_SUFFIXES, read_mask_image
from segment.handover.mask_error import MaskError
from segment.handover.mask_picture import MaskPicture, label_levels, threshold_levels
from segment.handover.polarity import FoundPolarity, find_polarity, look_at

PICTURE_SUFFIXES = (*IMAGE_SUFFIXES, *ARRAY_SUFFIXES)
SAMPLE = 24  # masks of a hand-over that are looked at
WHITE_IS_REMOVED = FoundPolarity("remove", True, 0, 0)


@dataclass(frozen=True)
class PictureReading:
    """How mask pictures become masks.

    threshold: grey level, 0 to 255, above which a pixel counts as white. label: the value in label maps that
    is to be removed; None = these are no label maps. polarity: what white means. is_given: whether that was
    said and not found. max_pixels: larger masks are refused.
    """

    threshold: int = HALF
    label: int | None = None
    polarity: FoundPolarity = WHITE_IS_REMOVED
    is_given: bool = True
    max_pixels: int = MAX_PIXELS
    empty: int = 0  # of the masks looked at

    def read(self, file: Path, photo: Path | None = None) -> MaskPicture:
        """The picture in an image or array file; MaskError."""
        if file.suffix.lower() in ARRAY_SUFFIXES:
            return read_mask_array(file, photo, max_pixels=self.max_pixels)
        return read_mask_image(file, max_pixels=self.max_pixels)

    def levels(self, picture: MaskPicture, file: Path) -> np.ndarray:
        """How much each pixel is to be removed, uint8 (H, W). MaskError naming ``file``."""
        if self.label is not None:
            return label_levels(picture, self.label, str(file))
        self.check_label(picture, file)
        return 255 - picture.levels if self.polarity.polarity == "keep" else picture.levels

    def check_label(self, picture: MaskPicture, file: Path) -> None:
        """MaskError for what looks like a label map, where no label is given; with a threshold of one's own
        these are taken for shades."""
        if not picture.is_label_map or picture.labels is None or self.threshold != HALF:
            return
        values = np.unique(picture.labels).tolist()
        listed = ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
        raise MaskError(
            f"mask {file} looks like a label map, hardly any white but the values {listed}: say which one is "
            "to be removed (--mask-label)",
            "labels",
        )

    def mask(self, picture: MaskPicture, levels: np.ndarray, fit: Fit, file: Path) -> np.ndarray:
        """Levels of a picture as a mask of its photo's size, bool (H, W), True = remove.

        Raises MaskError for a mask that marks the whole photo, and where the polarity was found by itself for
        one that looks the other way round than the rest.
        """
        inverted = self.polarity.polarity == "keep" and self.label is None
        threshold = 254 - self.threshold if inverted else self.threshold
        mask = threshold_levels(fit_levels(levels, fit), threshold, lossy=picture.lossy)
        meant = "" if self.label is not None else f" (white = {self.polarity.polarity})"
        if mask.all():
            raise MaskError(
                f"mask {file} covers the whole photo{meant}: nothing is left to fill from", "polarity"
            )
        if not self.is_given and look_at(levels, threshold).surrounds:
            raise MaskError(
                f"mask {file} marks {mask.mean():.0%} of the photo{meant} and nearly all of its edge: is it "
                "the other way round than the rest? --mask-polarity takes it as told",
                "polarity",
            )
        return mask

    def nothing_marked(self, levels: np.ndarray) -> str:
        """Why no pixel of these levels, of which none counts, is marked."""
        if self.label is not None:
            return f"no pixel has the value {self.label}"
        brightest = int(levels.max())
        if self.polarity.polarity == "keep":
            darkest = 255 - brightest
            return f"white = keep, and no pixel is darker than {self.threshold + 1} (the darkest: {darkest})"
        return f"no pixel is brighter than {self.threshold} (the brightest: {brightest})"

    @property
    def words(self) -> str:
        """How they are read, and how that is known."""
        if self.label is not None:
            return f"label maps, {self.label} = remove"
        found = self.polarity
        words = f"white (above {self.threshold} of 255) = {found.polarity}"
        if self.is_given or not found.looked_at:
            return words
        seen = f"{found.agreeing} of {found.looked_at} looked at"
        if not found.sure:
            return f"{words} is assumed, for only {seen} look like it: --mask-polarity says it"
        inverted = ", so they are inverted" if found.polarity == "keep" else ""
        empty = f"; {self.empty} of these are empty" if self.empty else ""
        return f"{words}, found in {seen}{inverted}{empty}"


def find_reading(
    files: Sequence[Path],
    *,
    threshold: int,
    label: int | None,
    polarity: Literal["auto", "remove", "keep"],
    max_pixels: int,
) -> PictureReading:
    """How the mask pictures of a hand-over are meant, from a look at some of them, spread evenly.

    What cannot be read is passed over. Raises MaskError where one looks like a label map and no label is
    given, ValueError for another polarity.
    """
    if polarity not in ("auto", "remove", "keep"):
        raise ValueError(f"expected polarity to be auto, remove or keep, got {polarity!r}")
    given = PictureReading(threshold=threshold, label=label, max_pixels=max_pixels)
    if label is not None or not files:
        return given
    looks = []
    for file, photo in _sample(files):
        try:
            picture = given.read(file, photo)
        except (MaskError, OSError):
            continue
        given.check_label(picture, file)
        looks.append(look_at(picture.levels, threshold))
    if polarity != "auto":
        return PictureReading(threshold, None, FoundPolarity(polarity, True, 0, 0), True, max_pixels)
    found = find_polarity(looks)
    empty = sum(look.coverage == (found.polarity == "keep") for look in looks)
    return PictureReading(threshold, None, found, False, max_pixels, empty)


def _sample(files: Sequence[Path]) -> list[tuple[Path, Path | None]]:
    """Some of the files, each with the photo whose array is meant where it holds several."""
    if len(files) == 1 and files[0].suffix.lower() == ".npz":
        names = array_names(files[0])
        return [(files[0], Path(f"{name}.png")) for name in names[:: -(-len(names) // SAMPLE) or 1]]
    return [(file, None) for file in files[:: -(-len(files) // SAMPLE)]]
