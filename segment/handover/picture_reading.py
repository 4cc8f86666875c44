"""How the mask images and arrays of a hand-over are read: what white means, from where on, which label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from _removal_support.limits import LARGEST_LOOK_PIXELS
from segment.handover.arrays import ARRAY_SUFFIXES, array_names, read_mask_array
from segment.handover.fitting import HALF, MAX_PIXELS, Fit, Size, fit_levels
from segment.handover.images import IMAGE_SUFFIXES, read_mask_image
from segment.handover.label_map import Label, LabelMap
from segment.handover.mask_error import MaskError
from segment.handover.mask_picture import MaskPicture, label_levels, threshold_levels
from segment.handover.polarity import FoundPolarity, find_polarity, look_at

PICTURE_SUFFIXES = (*IMAGE_SUFFIXES, *ARRAY_SUFFIXES)
SAMPLE = 24  # masks of a hand-over that are looked at
CHOOSE_LABEL = (
    "say which value or colour is to be removed as the mask label, or put a labelmap.txt beside the masks "
    "and name a class"
)
WHITE_IS_REMOVED = FoundPolarity("remove", True, 0, 0)


@dataclass(frozen=True)
class PictureReading:
    """How mask pictures become masks.

    threshold: grey level, 0 to 255, above which a pixel counts as white. label: the value or colour RGB in
    label maps that is to be removed; None = these are no label maps, or `label_map` names their labels.
    polarity: what white means. is_given: whether that was said and not found. max_pixels: larger masks are
    refused.
    """

    threshold: int = HALF
    label: Label | None = None
    polarity: FoundPolarity = WHITE_IS_REMOVED
    is_given: bool = True
    max_pixels: int = MAX_PIXELS
    empty: int = 0  # of the masks looked at
    label_map: LabelMap | None = None
    mark: Label | None = None  # of those looked at, where it is no white

    def read(self, file: Path, photo: Path | None = None, size: Size | None = None) -> MaskPicture:
        """The picture in an image or array file; MaskError. size: of its photo, None = not known."""
        if file.suffix.lower() in ARRAY_SUFFIXES:
            return read_mask_array(file, photo, max_pixels=self.max_pixels, size=size)
        return read_mask_image(file, max_pixels=self.max_pixels, size=size)

    @property
    def has_names(self) -> bool:
        """Whether a table names the labels of the pictures, so that classes choose among them."""
        return self.label_map is not None and self.label is None

    def objects(self, picture: MaskPicture, file: Path) -> list[tuple[str, np.ndarray]]:
        """Each class of the label map that a picture shows, and its levels, uint8 (H, W). MaskError naming
        ``file`` where its labels cannot be read."""
        assert self.label_map is not None
        found = []
        for name, labels in self.label_map.labels.items():
            levels = [label_levels(picture, label, str(file)) for label in labels]
            together = np.maximum.reduce(levels)
            if together.any():
                found.append((name, together))
        return found

    def levels(self, picture: MaskPicture, file: Path) -> np.ndarray:
        """How much each pixel is to be removed, uint8 (H, W). MaskError naming ``file``."""
        if self.label is not None:
            return label_levels(picture, self.label, str(file))
        self.check_label(picture, file)
        return 255 - picture.levels if self.polarity.polarity == "keep" else picture.levels

    def check_label(self, picture: MaskPicture, file: Path) -> None:
        """MaskError for what looks like a label map, where no label is given; with a threshold of one's own
        these are taken for shades."""
        if self.mark is not None and picture.mark not in (None, self.mark) and self.threshold == HALF:
            raise MaskError(
                f"mask {file} looks like a label map, for its mark is {label_words(picture.mark)} and that "
                f"of others is {label_words(self.mark)}: {CHOOSE_LABEL}",
                "labels",
                option="mask_label",
            )
        if picture.is_label_map and self.threshold == HALF and self.label_map is None:
            raise MaskError(
                f"mask {file} looks like a label map, hardly any white but {picture.listed()}: "
                f"{CHOOSE_LABEL}",
                "labels",
                option="mask_label",
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
                "the other way round than the rest? A polarity that is given is taken as told",
                "polarity",
                option="mask_polarity",
            )
        return mask

    def nothing_marked(self, levels: np.ndarray) -> str:
        """Why no pixel of these levels, of which none counts, is marked."""
        if self.label is not None:
            kind = "colour" if isinstance(self.label, tuple) else "value"
            return f"no pixel has the {kind} {label_words(self.label)}"
        brightest = int(levels.max())
        if self.polarity.polarity == "keep":
            darkest = 255 - brightest
            return f"white = keep, and no pixel is darker than {self.threshold + 1} (the darkest: {darkest})"
        return f"no pixel is brighter than {self.threshold} (the brightest: {brightest})"

    @property
    def words(self) -> str:
        """How they are read, and how that is known."""
        if self.label is not None:
            return f"label maps, {label_words(self.label)} = remove"
        if self.label_map is not None:
            return f"label maps of {', '.join(self.label_map.names)}, by {self.label_map.path.name}"
        found = self.polarity
        words = f"white (above {self.threshold} of 255) = {found.polarity}"
        if self.is_given or not found.looked_at:
            return words
        seen = f"{found.agreeing} of {found.looked_at} looked at"
        if not found.sure:
            return f"{words} is assumed, for only {seen} look like it: give the polarity if that is wrong"
        inverted = ", so they are inverted" if found.polarity == "keep" else ""
        empty = f"; {self.empty} of these are empty" if self.empty else ""
        return f"{words}, found in {seen}{inverted}{empty}"


def find_reading(
    files: Sequence[Path],
    *,
    threshold: int,
    label: Label | None,
    polarity: Literal["auto", "remove", "keep"],
    max_pixels: int,
    label_map: LabelMap | None = None,
) -> PictureReading:
    """How the mask pictures of a hand-over are meant, from a look at some of them, spread evenly.

    What cannot be read is passed over. Raises MaskError where one looks like a label map and no label is
    given, ValueError for another polarity.
    """
    if polarity not in ("auto", "remove", "keep"):
        raise ValueError(f"expected polarity to be auto, remove or keep, got {polarity!r}")
    given = PictureReading(threshold=threshold, label=label, max_pixels=max_pixels, label_map=label_map)
    if label is not None or label_map is not None or not files:
        return given
    looks = []
    marks: dict[Label, Path] = {}
    first_look = replace(given, max_pixels=min(max_pixels, LARGEST_LOOK_PIXELS))
    for file, photo in _sample(files):
        try:
            picture = first_look.read(file, photo)
        except (MaskError, OSError):
            continue
        given.check_label(picture, file)
        if (mark := picture.mark) is not None:
            marks.setdefault(mark, file)
        looks.append(look_at(picture.levels, threshold))
    if len(marks) > 1 and threshold == HALF:
        seen = "; ".join(f"{label_words(mark)} in {file}" for mark, file in list(marks.items())[:8])
        raise MaskError(
            f"the masks look like label maps, for their marks differ: {seen}: {CHOOSE_LABEL}",
            "labels",
            option="mask_label",
        )
    given = replace(given, mark=next(iter(marks), None))
    if polarity != "auto":
        return replace(given, polarity=FoundPolarity(polarity, True, 0, 0))
    found = find_polarity(looks)
    empty = sum(look.coverage == (found.polarity == "keep") for look in looks)
    return replace(given, polarity=found, is_given=False, empty=empty)


def label_words(label: Label) -> str:
    """A label in words, as it is given: 15, or 176,112,32."""
    return ",".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _sample(files: Sequence[Path]) -> list[tuple[Path, Path | None]]:
    """Some of the files, each with the photo whose array is meant where it holds several."""
    if len(files) == 1 and files[0].suffix.lower() == ".npz":
        names = array_names(files[0])
        return [(files[0], Path(f"{name}.png")) for name in names[:: -(-len(names) // SAMPLE) or 1]]
    return [(file, None) for file in files[:: -(-len(files) // SAMPLE)]]
