"""What a mask picture or array says: how much each pixel is marked, or which label it has."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

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
    """

    levels: np.ndarray
    labels: np.ndarray | None
    lossy: bool
    is_label_map: bool
    format: str


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
    counts = np.bincount(values.ravel().astype(np.uint16), minlength=VOID + 1)
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
    if not np.isfinite(values).all():
        raise ValueError("expected numbers, got NaN or infinity among them")
    lowest, highest = float(values.min()), float(values.max())
    if lowest < 0 or highest > 255:
        raise ValueError(f"expected values from 0 to 1 or 0 to 255, got {lowest:.4g} to {highest:.4g}")
    if highest > 1 and (values == np.round(values)).all():
        return from_values(values.astype(np.int32), format)
    levels = np.round(values * (255 if highest <= 1 else 1)).astype(np.uint8)
    return MaskPicture(levels, None, False, False, format)


def label_levels(picture: MaskPicture, label: int, where: str) -> np.ndarray:
    """Levels uint8 (H, W), 255 where a label map has ``label``. MaskError where the picture is none."""
    if picture.labels is None:
        cause = "it was compressed with losses" if picture.lossy else "it has no whole numbers in one channel"
        raise MaskError(f"mask {where} is no label map, but a label was asked for: {cause}", "labels")
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
    return kept[parts]
