"""Which colours a mask picture has, and whether they look like labels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

MAX_COLOURS = 256  # more are a photo, or an outline's shades
LEAST_SHARE = 1e-4  # of the picture; a label of less is not looked at
LEAST_LOSSY_SHARE = 5e-3
LEAST_DISTANCE = 48  # from the background, in levels; nearer colours are its noise
SAME_HUE = 0.97  # cosine between two colours seen from the background: shades of one outline
SAMPLED = 60_000  # pixels looked at first

Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Palette:
    """The colours of a picture.

    colours: uint8 (N, 3) RGB. areas: pixels of each, int64 (N,). solid: bool (N,), whether a colour fills a
    square of 3 pixels somewhere, as the shades of an outline don't. indices: which colour each pixel has,
    uint8 (H, W); None where they were taken together.
    """

    colours: np.ndarray
    areas: np.ndarray
    solid: np.ndarray
    indices: np.ndarray | None = None

    @property
    def background(self) -> int:
        """Which one is the background: black, or else what covers most."""
        black = np.flatnonzero((self.colours == 0).all(axis=1))
        return int(black[0]) if len(black) else int(np.argmax(self.areas))

    @property
    def marks(self) -> np.ndarray:
        """Which ones are neither the background nor noise, by area."""
        away = self.colours.astype(np.int64) - self.colours[self.background]
        far = np.abs(away).max(axis=1) >= LEAST_DISTANCE
        far |= self.solid
        far[self.background] = False
        order = np.argsort(-self.areas, kind="stable")
        result: np.ndarray = order[far[order] & (self.areas[order] >= LEAST_SHARE * self.areas.sum())]
        return result

    def are_labels(self) -> bool:
        """Whether there are several colours on the background that are no shades of one outline."""
        marks = self.marks
        if self.solid[marks].sum() >= 2:
            return True
        away = self.colours[marks].astype(np.float64) - self.colours[self.background]
        units = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1)
        return len(marks) >= 2 and bool((units @ units.T).min() < SAME_HUE)

    def listed(self, most: int = 8) -> str:
        """The colours in words, with their share of the picture."""
        order = np.argsort(-self.areas, kind="stable")
        words = [
            f"{','.join(map(str, self.colours[one].tolist()))} ({self.areas[one] / self.areas.sum():.1%})"
            for one in order[:most]
        ]
        return "; ".join(words) + ("; ..." if len(order) > most else "")


def find_palette(pixels: np.ndarray, *, lossy: bool = False) -> Palette | None:
    """The colours of pixels uint8 (H, W, 3); None for more than 256 of them.

    lossy: whether they were compressed with losses: then colours are taken together in steps of 32 levels,
    and rare ones are left out.
    """
    sample = pixels.reshape(-1, 3)[:: max(1, pixels.shape[0] * pixels.shape[1] // SAMPLED)]
    if not lossy and len(np.unique(sample, axis=0)) > MAX_COLOURS:
        return None
    if lossy:
        pixels = (pixels & 0xE0) | 16
    seen = np.zeros(1 << 24, bool)
    for rows in _bands(pixels):
        seen[_codes(rows)] = True
    codes = np.flatnonzero(seen)
    if len(codes) > MAX_COLOURS and not lossy:
        return None
    places = np.zeros(1 << 24, np.uint16 if lossy else np.uint8)
    places[codes] = np.arange(len(codes))
    indices = np.empty(pixels.shape[:2], places.dtype)
    for own, rows in zip(_bands(indices), _bands(pixels), strict=True):
        own[:] = places[_codes(rows)]
    areas = value_areas(indices, len(codes))
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)
    if lossy:
        kept = areas >= LEAST_LOSSY_SHARE * areas.sum()
        kept[np.argmax(areas)] = True
        return Palette(colours[kept], areas[kept], np.zeros(int(kept.sum()), bool))
    return Palette(colours, areas, _solid(indices, len(codes)), indices)


def _solid(indices: np.ndarray, count: int) -> np.ndarray:
    """bool (count,): which colours fill a square of 3 pixels somewhere; of two that does not matter."""
    if count < 3:
        return np.ones(count, bool)
    square = np.ones((3, 3), np.uint8)
    inside = cv2.erode(indices, square) == cv2.dilate(indices, square)
    return value_areas(np.where(inside, indices, count), count + 1)[:count] > 0


def value_areas(values: np.ndarray, least: int = 1) -> np.ndarray:
    """How many pixels have each value: int64 (N,) of whole numbers from 0 on (H, W), N at least ``least``."""
    areas = np.zeros(least, np.int64)
    for rows in _bands(values):
        counted = np.bincount(rows.ravel(), minlength=len(areas))
        areas = np.pad(areas, (0, len(counted) - len(areas))) + counted
    return areas


def _bands(pixels: np.ndarray) -> list[np.ndarray]:
    """Rows (h, W, ...) of about a million pixels each, so that what is made of them stays small."""
    step = max(1, 1_000_000 // max(1, pixels.shape[1]))
    return [pixels[row : row + step] for row in range(0, pixels.shape[0], step)]


def _codes(pixels: np.ndarray) -> np.ndarray:
    """Colours uint8 (h, W, 3) as one number each, int32 (h, W)."""
    wide = pixels.astype(np.int32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
