"""An object and its surroundings at the size at which what clings to it is looked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from postprocess.scaling import scaled

CROP_SIDE_PX = 320  # long side of the surroundings of one object
OBJECT_MIN_PX = 1500  # in its crop; what is smaller shows too little

# Lengths over the object's size, the root of its area.
BAND = 0.5  # how far a region may reach
SURROUNDINGS = 1.0  # how far around an object its background is looked at
TOUCH = 0.02
RING_SHARE = 0.1  # of the object's area: with less of the surroundings in sight nothing is known of them

L_STEP, AB_STEP = 8, 4  # cells of the colour histograms, in OpenCV's 8-bit Lab
CELLS = (32, 64, 64)
KERNEL = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class View:
    """An object and its surroundings: bool (h, w) masks; colours float32 (h, w, 3) Lab; cells int (h, w)."""

    rgb: np.ndarray
    colours: np.ndarray
    cells: np.ndarray
    inside: np.ndarray  # the object
    away: np.ndarray  # distance to the object, pixels
    free: np.ndarray  # neither an object nor something that stays
    stays: np.ndarray
    hull: np.ndarray  # within the object's convex hull
    area: int

    @property
    def size(self) -> float:
        return float(self.area**0.5)

    @cached_property
    def touching(self) -> np.ndarray:
        return self.away <= max(2.0, TOUCH * self.size)

    @cached_property
    def band(self) -> np.ndarray:
        return self.free & (self.away <= BAND * self.size)

    @cached_property
    def ring(self) -> np.ndarray:
        """The surroundings past the band."""
        return self.free & (self.away > BAND * self.size) & (self.away <= SURROUNDINGS * self.size)

    @cached_property
    def commonness(self) -> np.ndarray:
        """For each pixel, the share of the ring that has its colour: float32 (h, w)."""
        return self.frequency(self.ring)

    @cached_property
    def gradient(self) -> np.ndarray:
        """Change of colour, Lab units per pixel: float32 (h, w)."""
        across, down = (
            cv2.Sobel(self.colours, cv2.CV_32F, *order, ksize=3) / 4 for order in ((1, 0), (0, 1))
        )
        result: np.ndarray = np.sqrt((across**2 + down**2).sum(axis=-1))
        return result

    @cached_property
    def beside_others(self) -> np.ndarray:
        return cv2.dilate(self.stays.view(np.uint8), np.ones((5, 5), np.uint8)) > 0

    def frequency(self, area: np.ndarray) -> np.ndarray:
        """For each pixel, the share of `area` that has its colour or one next to it: float32 (h, w)."""
        counts = np.bincount(self.cells[area], minlength=int(np.prod(CELLS))).astype(np.float32)
        room = np.pad(counts.reshape(CELLS), ((1, 1), (0, 0), (0, 0)))
        counts = room[:-2] + room[1:-1] + room[2:]
        used = np.flatnonzero(counts.any(axis=(1, 2)))
        for level in used.tolist():
            counts[level] = cv2.boxFilter(
                counts[level], -1, (5, 5), normalize=False, borderType=cv2.BORDER_CONSTANT
            )
        result: np.ndarray = counts.ravel()[self.cells] / np.float32(max(1, area.sum()))
        return result

    def beside(self, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean colour of `side` around each pixel, and how much of it there is, 0 to 1."""
        weight = side.astype(np.float32)
        share = cv2.blur(weight, (7, 7))
        total = cv2.blur(self.colours * weight[..., None], (7, 7))
        return total / np.maximum(share, 1e-6)[..., None], share


def view_of(photo: np.ndarray, alone: np.ndarray, marked: np.ndarray, stays: np.ndarray) -> View | None:
    """One object of a crop: None where it is too small or fills the crop.

    photo: uint8 (H, W, 3) RGB. alone, marked, stays: uint8 (H, W), 255 where the object, any object to
    remove, and any that stays is.
    """
    factor = min(1.0, CROP_SIDE_PX / max(alone.shape))
    size = (max(1, round(alone.shape[1] * factor)), max(1, round(alone.shape[0] * factor)))
    inside = scaled(alone, size) > 100
    area = int(np.count_nonzero(inside))
    if area < OBJECT_MIN_PX:
        return None
    rgb, kept = scaled(photo, size), scaled(stays, size) > 25
    colours = cv2.cvtColor(cv2.bilateralFilter(rgb, 5, 25, 3), cv2.COLOR_RGB2LAB)
    steps = colours.astype(np.int32) // (L_STEP, AB_STEP, AB_STEP)
    view = View(
        rgb,
        colours.astype(np.float32),
        (steps[..., 0] * CELLS[1] + steps[..., 1]) * CELLS[2] + steps[..., 2],
        inside,
        cv2.distanceTransform((~inside).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5),
        ~((scaled(marked, size) > 25) | kept),
        kept,
        convex_hull(inside),
        area,
    )
    return view if view.ring.sum() >= RING_SHARE * area else None


def outline(region: np.ndarray) -> np.ndarray:
    """The pixels of a region, bool (h, w), on its edge."""
    return region & ~(cv2.erode(region.view(np.uint8), KERNEL, borderValue=0) > 0)


def convex_hull(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    corners = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))
    return cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), corners, 1) > 0


def grown(region: np.ndarray, radius_px: float) -> np.ndarray:
    side = 2 * max(2, int(radius_px)) + 1
    return cv2.dilate(region.view(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0
