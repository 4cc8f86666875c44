"""Masks of another size than their photo: scaled where the shape agrees, turned where the photo was."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from _removal_support.limits import LARGEST_DRAWN_PIXELS, MASK_TIMES_PHOTO, SMALL_MASK_PIXELS
from segment.detections import Detections, encode_crop

MAX_PIXELS = 300_000_000
MIN_SIDE_PX = 4  # of a mask that is scaled: smaller ones fit any shape
MAX_STRETCH = 1.05  # of one side against the other; only tiny masks are rounded that much
HALF = 127
MARGIN_PX = 3  # around an object, for the cubic's reach
MAX_WARPED_PX = 32_000  # sides of what OpenCV can warp

Size = tuple[int, int]


@dataclass(frozen=True)
class Fit:
    """How a mask becomes one of its photo's size.

    orientation: EXIF orientation 1 to 8 by which the mask is turned first; 1 = it is not.
    own, size: height and width of the mask as it is, and of the upright photo, in pixels.
    """

    orientation: int
    own: Size
    size: Size

    @property
    def is_turned(self) -> bool:
        """Whether the mask is turned as its photo is."""
        return self.orientation != 1

    @property
    def is_scaled(self) -> bool:
        """Whether the mask's size changes."""
        return (self.own[::-1] if self.orientation >= 5 else self.own) != self.size

    def words(self, orientation: int) -> list[str]:
        """What is done, in words, for a photo of this EXIF orientation, 1 to 8."""
        is_doubtful = orientation in (2, 3, 4) or (orientation >= 5 and self.size[0] == self.size[1])
        turned = "turned as the photo is, for it was made on the pixels as they are stored"
        upright = f"taken as upright, though the photo is stored turned (EXIF orientation {orientation})"
        words = [turned] * self.is_turned + [upright] * is_doubtful
        return words + [f"scaled {self.factor:.3g} times"] * self.is_scaled

    @property
    def factor(self) -> float:
        """How many times larger the photo's longer side is than the mask's."""
        return max(self.size) / max(self.own)


def find_fit(own: Size, size: Size, *, orientation: int = 1) -> Fit | None:
    """How a mask of ``own`` height and width fits a photo; None where it does not.

    size: height and width of the upright photo. orientation: EXIF orientation of the photo's file, 1 to 8
    (tag 274). A photo of orientation 5 to 8 is stored lying; a mask of that shape was made on the stored
    pixels and has to be turned. Of 2 to 4 the shape does not tell, so the mask is taken as upright.
    """
    stored = (size[1], size[0])
    lying = orientation >= 5 and size[0] != size[1]
    if own == size:
        return Fit(1, own, size)
    if lying and own == stored:
        return Fit(orientation, own, size)
    if shapes_agree(own, size):
        return Fit(1, own, size)
    if lying and shapes_agree(own, stored):
        return Fit(orientation, own, size)
    return None


def shapes_agree(own: Size, size: Size) -> bool:
    """Whether a mask is the photo scaled by one factor, its sides rounded to whole pixels up or down."""
    lowest = max(there / (here + 1) for here, there in zip(own, size, strict=True))
    highest = min(there / max(here - 1, 0.5) for here, there in zip(own, size, strict=True))
    stretch = (size[0] / own[0]) / (size[1] / own[1])
    if min(own) < MIN_SIDE_PX:
        return False
    return lowest < highest and 1 / MAX_STRETCH < stretch < MAX_STRETCH


def check_ratio(own: Size, size: Size) -> None:
    """Raises ValueError for a mask of height and width ``own`` that is far larger than its photo of
    ``size``: looked at before anything of it is decoded."""
    pixels, photo = own[0] * own[1], size[0] * size[1]
    if pixels > max(MASK_TIMES_PHOTO * photo, SMALL_MASK_PIXELS):
        raise ValueError(
            f"it states {own[1]} x {own[0]} pixels, {pixels / max(photo, 1):.0f} times those of the photo, "
            f"{size[1]} x {size[0]}: expected at most {MASK_TIMES_PHOTO} times"
        )


def check_work(count: int, own: Size) -> None:
    """Raises ValueError where so many objects of this size would take too long."""
    if count * own[0] * own[1] > LARGEST_DRAWN_PIXELS:
        raise ValueError(
            f"{count} objects of {own[1]} x {own[0]} pixels are more than "
            f"{LARGEST_DRAWN_PIXELS / 1e9:g} thousand million pixels"
        )


def turn_upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """Samples (H, W) turned as EXIF orientation 1 to 8 says (EXIF 2.32, tag 274)."""
    if orientation >= 5:
        samples = samples.T
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples[:, ::-1] if orientation in (2, 3, 6, 7) else samples


def fit_levels(levels: np.ndarray, fit: Fit) -> np.ndarray:
    """Levels uint8 (H, W) of the mask's own size as uint8 of the photo's: shades are kept between pixels, so
    that a threshold gives a smooth outline."""
    turned = np.ascontiguousarray(turn_upright(levels, fit.orientation))
    if turned.shape == fit.size:
        return turned
    if fit.size[0] <= turned.shape[0]:
        return cv2.resize(turned, fit.size[::-1], interpolation=cv2.INTER_AREA)
    down, across = factors((turned.shape[0], turned.shape[1]), fit.size)
    scaled = cv2.resize(turned, None, fx=across, fy=down, interpolation=cv2.INTER_CUBIC)
    height, width = (max(0, there - here) for here, there in zip(scaled.shape, fit.size, strict=True))
    return np.pad(scaled, ((0, height), (0, width)), mode="edge")[: fit.size[0], : fit.size[1]]


def factors(own: Size, size: Size) -> tuple[float, float]:
    """By how much a mask is scaled in height and in width.

    Where sides were rounded, some tools scale by one factor and crop or repeat the last row, others stretch:
    the mask does not tell. Halfway between the two it is at most half a pixel of the photo off at the edge.
    """
    longer = int(size[1] > size[0])
    factor = size[longer] / own[longer]
    whole = float(round(factor))
    if all(abs(there / whole - here) <= 1 for here, there in zip(own, size, strict=True)):
        factor = whole
    return (factor + size[0] / own[0]) / 2, (factor + size[1] / own[1]) / 2


def fit_detections(found: Detections, fit: Fit) -> Detections:
    """Detections of the mask's own size as those of the photo; boxes are scaled along."""
    if not fit.is_turned and not fit.is_scaled:
        return found
    height, width = fit.size
    check_work(len(found), fit.own)
    windows = (_fit_window(found.mask(index), fit) for index in range(len(found)))
    rles = tuple(encode_crop(window, top, left, height, width) for window, top, left in windows)
    boxes = _fit_boxes(found.boxes, fit)
    return Detections(found.labels, found.scores, boxes, height, width, rles)


def _fit_window(mask: np.ndarray, fit: Fit) -> tuple[np.ndarray, int, int]:
    """A mask, bool (H, W), of its own size as that of its photo: the window it lies in, its top and left.

    Where it is enlarged, only what is around the object is: a photo may have a hundred.
    """
    turned = turn_upright(mask, fit.orientation)
    rows, columns = (np.flatnonzero(turned.any(axis=axis)) for axis in (1, 0))
    own = (turned.shape[0], turned.shape[1])
    if len(rows) == 0:
        return np.zeros((1, 1), bool), 0, 0
    top, left = max(0, int(rows[0]) - MARGIN_PX), max(0, int(columns[0]) - MARGIN_PX)
    crop = turned[top : int(rows[-1]) + MARGIN_PX + 1, left : int(columns[-1]) + MARGIN_PX + 1]
    if fit.size[0] <= own[0] or max(crop.shape) > MAX_WARPED_PX:
        return fit_levels(mask.view(np.uint8) * np.uint8(255), fit) > HALF, 0, 0
    down, across = factors(own, fit.size)
    at = (int(top * down), int(left * across))
    end = ((top + crop.shape[0]) * down, (left + crop.shape[1]) * across)
    height, width = (
        min(math.ceil(last), most) - first for first, last, most in zip(at, end, fit.size, strict=True)
    )
    if bool(rows[-1] == own[0] - 1):  # down to the edge, also where the last row of the photo is beyond
        height = fit.size[0] - at[0]
    if bool(columns[-1] == own[1] - 1):
        width = fit.size[1] - at[1]
    to_own = np.array(
        [
            [1 / across, 0, (at[1] + 0.5) / across - 0.5 - left],
            [0, 1 / down, (at[0] + 0.5) / down - 0.5 - top],
        ]
    )
    window = cv2.warpAffine(
        crop.astype(np.uint8) * np.uint8(255),
        to_own,
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return window > HALF, at[0], at[1]


def _fit_boxes(boxes: np.ndarray, fit: Fit) -> np.ndarray:
    """Boxes float32 (N, 4) xyxy, turned and scaled as the masks are."""
    height, width = fit.own
    left, top, right, bottom = boxes.T
    if fit.orientation >= 5:
        left, top, right, bottom, height, width = top, left, bottom, right, width, height
    if fit.orientation in (3, 4, 7, 8):
        top, bottom = height - bottom, height - top
    if fit.orientation in (2, 3, 6, 7):
        left, right = width - right, width - left
    scaled = np.stack([left / width, top / height, right / width, bottom / height], axis=1)
    return scaled * np.array([fit.size[1], fit.size[0]] * 2, dtype=np.float32)
