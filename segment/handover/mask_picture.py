"""What a mask picture or array says: how much each pixel is marked, or which label it has."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from segment.handover.colours import Palette, value_areas
from segment.handover.label_map import Label
from segment.handover.mask_error import MaskError

VOID = 255  # label maps of many data sets mark the unlabelled rim so
MAX_LABELS = 64  # more distinct values than this are shades
LEAST_SHADE = 64  # where there is white, larger values than this are shades


@dataclass(frozen=True, eq=False)
class MaskPicture:
    """One mask as its file holds it, upright.

    levels: uint8 (H, W), how much each pixel is marked: 255 fully, with white or the label as the mark.
    labels: integers (H, W), the file's own values; None where they are no labels (colours, fractions,
        losses).
    lossy: whether the file was compressed with losses, so that its levels are noisy.
    is_label_map: whether the values look like labels and not like shades of one mask.
    format: "PNG", "JPEG", "npy" ...
    palette: the colours of a picture that has few, and where they are; None for others.
    """

    levels: np.ndarray
    labels: np.ndarray | None
    lossy: bool
    is_label_map: bool
    format: str
    palette: Palette | None = None

    @property
    def mark(self) -> Label | None:
        """The one value or colour on the background, None where there are several or none, or it is white."""
        if self.palette is not None:
            marks = self.palette.marks
            if len(self.palette.colours) != 2 or len(marks) != 1:
                return None
            red, green, blue = self.palette.colours[marks[0]].tolist()
            return None if min(red, green, blue) >= 250 else (red, green, blue)
        if self.labels is None or self.labels.dtype == np.bool_:
            return None
        highest = int(self.labels.max())
        is_only = highest > 0 and bool(((self.labels == 0) | (self.labels == highest)).all())
        return highest if is_only and not (250 <= highest <= VOID or highest > 60_000) else None

    def listed(self) -> str:
        """The labels in words, with their share of the picture."""
        if self.palette is not None:
            return f"the colours {self.palette.listed()}"
        assert self.labels is not None
        areas = value_areas(self.labels.astype(np.uint16))
        values = np.flatnonzero(areas)
        words = [f"{value} ({areas[value] / areas.sum():.1%})" for value in values[:8].tolist()]
        return f"the values {', '.join(words)}" + (", ..." if len(values) > 8 else "")


def from_values(values: np.ndarray, format: str, *, lossy: bool = False) -> MaskPicture:
    """A mask from whole numbers, integer or bool (H, W).

    Lossless values of nothing but 0 and one other are black and white. Else up to 255 they are levels, above
    that they are 16-bit ones. Raises ValueError for values below 0 or above 65535.
    """
    if values.dtype == np.bool_:
        levels = np.where(values, 255, 0).astype(np.uint8)
        return MaskPicture(levels, levels // 255, lossy, False, format)
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest > 65535:
        raise ValueError(f"expected values from 0 to 65535, got {lowest} to {highest}")
    if lossy:
        return MaskPicture(values.astype(np.uint8), None, True, False, format)
    counts = value_areas(values if values.dtype == np.uint8 else values.astype(np.uint16), VOID + 1)
    present = np.flatnonzero(counts)
    marks = present[present > 0]
    if len(marks) == 1 and (present[0] == 0 or highest == 1):
        levels = np.where(values > 0, 255, 0).astype(np.uint8)
    elif highest > 255:
        levels = np.round(values / 257).astype(np.uint8)
    else:
        levels = values.astype(np.uint8)
    return MaskPicture(levels, values, False, are_labels(marks, counts[marks]), format)


def are_labels(marks: np.ndarray, areas: np.ndarray) -> bool:
    """Whether the values above 0 of a picture, and how many pixels have each, look like labels.

    Labels are few and more than one. Where there is white too, which label maps have along the rim of things,
    they are small, and there are more of them than of white; what lies between is the shade of an outline.
    """
    is_white = (marks >= 250) & (marks <= VOID) | (marks > 60_000)
    labels = marks[~is_white]
    if not is_white.any():
        return 2 <= len(labels) <= MAX_LABELS
    if not 1 <= len(labels) <= MAX_LABELS or labels.max() >= LEAST_SHADE:
        return False
    return bool(areas[is_white].sum() < 0.5 * areas.sum())


def from_fractions(values: np.ndarray, format: str) -> MaskPicture:
    """A mask from floating-point numbers (H, W): 0 to 1, or 0 to 255 where any is above 1.

    Raises ValueError for other values, NaN and infinity among them.
    """
    lowest, highest = float(values.min()), float(values.max())
    if not np.isfinite([lowest, highest]).all():  # NaN is the minimum where there is one
        raise ValueError("expected numbers, got NaN or infinity among them")
    if lowest < 0 or highest > 255:
        raise ValueError(f"expected values from 0 to 1 or 0 to 255, got {lowest:.4g} to {highest:.4g}")
    levels, whole = np.empty(values.shape, np.uint8), highest > 1
    for row in range(values.shape[0]):  # row by row: as numbers they are many times larger
        rounded = np.round(values[row] * (255 if highest <= 1 else 1))
        whole = whole and bool((rounded == values[row]).all())
        levels[row] = rounded
    return from_values(levels, format) if whole else MaskPicture(levels, None, False, False, format)


def label_levels(picture: MaskPicture, label: Label, where: str) -> np.ndarray:
    """Levels uint8 (H, W), 255 where a label map has ``label``, a value or a colour RGB. MaskError where the
    picture has none of that kind."""
    has_colour = isinstance(label, tuple)
    places = None if picture.palette is None else picture.palette.indices
    if (places if has_colour else picture.labels) is None:
        kind = "few colours" if has_colour else "whole numbers in one channel"
        cause = "it was compressed with losses" if picture.lossy else f"it has no {kind}"
        raise MaskError(
            f"mask {where} is no label map, but a label was asked for: {cause}", "labels", option="mask_label"
        )
    if has_colour:
        assert picture.palette is not None
        chosen = (picture.palette.colours == label).all(axis=1)
        return np.where(chosen, 255, 0).astype(np.uint8)[places]
    return np.where(picture.labels == label, 255, 0).astype(np.uint8)


def threshold_levels(levels: np.ndarray, threshold: int, *, lossy: bool) -> np.ndarray:
    """Levels uint8 (H, W) as a mask, bool (H, W), True above ``threshold``.

    lossy: specks and holes that nowhere come halfway to the brightest or darkest level, as compression makes
    them around edges, are left out (a threshold with hysteresis; Canny 1986, section VII).
    """
    mask = levels > threshold
    if not lossy or not mask.any() or mask.all():
        return mask
    brightest, darkest = int(levels.max()), int(levels.min())
    mask = _keep_certain(mask, levels > (threshold + brightest) // 2)
    return ~_keep_certain(~mask, levels < (threshold + darkest + 1) // 2)


def _keep_certain(mask: np.ndarray, certain: np.ndarray) -> np.ndarray:
    """The connected parts of a mask that contain a certain pixel."""
    count, parts = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    kept = np.zeros(count, bool)
    kept[parts[certain]] = True
    kept[0] = False
    result: np.ndarray = kept[parts]
    return result
