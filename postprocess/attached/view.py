"""An object and its surroundings at the size at which what clings to it is looked for."""

from __future__ import annotations

import math
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
REACH = np.array([1, 2, 2])  # cells this far apart have colours next to each other
KERNEL = np.ones((3, 3), np.uint8)

Cut = tuple[slice, slice]


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
    def sharpest(self) -> np.ndarray:
        """The most that the colour changes by at each pixel or next to it."""
        return np.asarray(cv2.dilate(self.gradient, KERNEL))

    @cached_property
    def beside_others(self) -> np.ndarray:
        return cv2.dilate(self.stays.view(np.uint8), np.ones((5, 5), np.uint8)) > 0

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, height, width of the object."""
        left, top, width, height = cv2.boundingRect(self.inside.view(np.uint8))
        return top, left, height, width

    @cached_property
    def weighted(self) -> np.ndarray:
        """The colours with a fourth channel of ones: float32 (h, w, 4)."""
        return np.concatenate([self.colours, np.ones_like(self.colours[..., :1])], axis=-1)

    @cached_property
    def light(self) -> tuple[np.ndarray, np.ndarray]:
        """Brightness, float32 (h, w), and tint, float32 (h, w, 3)."""
        light = self.rgb.astype(np.float32) + 4
        bright = light.sum(axis=-1)
        return bright, light / bright[..., None]

    @cached_property
    def object_light(self) -> float:
        return float(median(self.light[0][self.inside]))

    @cached_property
    def ring_spread(self) -> float:
        return float(self.colours[self.ring].std(axis=0).mean())

    @cached_property
    def cell_counts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each colour cell, how many pixels of `free`, `band` and `inside` have it: int (cells,)."""
        masks = self.free, self.band, self.inside
        free, band, inside = (np.bincount(self.cells[mask], minlength=math.prod(CELLS)) for mask in masks)
        return free, band, inside

    def frequency(self, area: np.ndarray) -> np.ndarray:
        """For each pixel, the share of `area` that has its colour or one next to it: float32 (h, w)."""
        cells, shares = _shares(self.cells[area])
        table = np.zeros(math.prod(CELLS), np.float32)
        table[cells] = shares
        result: np.ndarray = table[self.cells]
        return result

    def like(self, region: np.ndarray, cut: Cut, least: float) -> Alike:
        """Where the colours are that at least this share of a region, a bool mask of `cut`, has."""
        cells, shares = _shares(self.cells[cut][region])
        alike = cells[shares > least]
        table = np.zeros(math.prod(CELLS), bool)
        table[alike] = True
        free, band, inside = (int(counts[alike].sum()) for counts in self.cell_counts)
        return Alike(table[self.cells[cut]], free, band, inside)

    def beside(self, side: np.ndarray, cut: Cut, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean colour of `side` around N pixels, (N, 3), and how much of it there is, 0 to 1, (N,).

        side, at: bool masks of `cut`, with N True in `at`.
        """
        weighted = cv2.blur(self.weighted[cut] * side[..., None], (7, 7))[at]
        share = weighted[:, 3]
        return weighted[:, :3] / np.maximum(share, 1e-6)[:, None], share

    def around(self, region: np.ndarray, reach: float = 0.0) -> Cut:
        """The box of a region with some room: what lies outside is further than `reach`, over the object's
        size, and 3 pixels from it."""
        left, top, width, height = cv2.boundingRect(region.view(np.uint8))
        room = int(reach * self.size) + 4
        return (
            slice(max(0, top - room), top + height + room),
            slice(max(0, left - room), left + width + room),
        )


@dataclass(frozen=True, eq=False)
class Alike:
    """Where a region's colours are. near: bool mask of the region's box; free, band, inside: how many pixels
    of these masks of the view have them."""

    near: np.ndarray
    free: int
    band: int
    inside: int


def _shares(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour cells, and what share of `cells`, int (N,), has each one's colour or one next to it, if any."""
    places = np.stack(np.unravel_index(cells, CELLS))
    if not places.size:
        return cells, np.zeros(0, np.float32)
    first = places.min(axis=1) - REACH
    shape = tuple((places.max(axis=1) - first + REACH + 1).tolist())
    held = np.bincount(
        np.ravel_multi_index(tuple(places - first[:, None]), shape), minlength=math.prod(shape)
    )
    room = held.reshape(shape).astype(np.float32)
    middle = room[1:-1].copy()
    room[:-2] += middle
    room[2:] += middle  # the first and the last level were empty
    for level in range(shape[0]):
        room[level] = cv2.boxFilter(room[level], -1, (5, 5), normalize=False, borderType=cv2.BORDER_CONSTANT)
    found = np.stack(np.nonzero(room > 0.5))
    shares = room[tuple(found)] / np.float32(len(cells))
    found = found + first[:, None]
    real = ((found >= 0) & (found < np.array(CELLS)[:, None])).all(axis=0)
    return np.ravel_multi_index(tuple(found[:, real]), CELLS), shares[real]


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


def median(values: np.ndarray) -> np.ndarray:
    """Along the first axis. NumPy's own takes longer to look at its arguments than at a region's pixels."""
    ordered = np.sort(np.ascontiguousarray(values.T), axis=-1)
    count = ordered.shape[-1]
    return np.asarray((ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2)


def percentiles(values: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """Linear between the values, float (N,), as NumPy's own."""
    places = np.array(shares) / 100 * (len(values) - 1)
    return np.asarray(np.interp(places, np.arange(len(values)), np.sort(values)))
