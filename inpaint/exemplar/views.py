"""A plane as it would be seen from the front, and the photo's pixels that are seen there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.exemplar.vanishing import Plane

NEAREST, FARTHEST = 4.0, 0.4
"""Where things are larger or smaller than this against the middle of the hole, the plane is not looked at."""
MARGIN_SHARE, LEAST_MARGIN_PX, MOST_MARGIN_PX = 2.0, 48, 400
BESIDE_PX = 15
"""What lies so near the hole and outside of the photo, or not on the plane, is filled too and not used."""
MOST_COLUMNS = 4096


@dataclass(frozen=True)
class View:
    """A plane as seen from the front, around the hole.

    Attributes:
        plane: the plane.
        low: float64 (2,), flat coordinates of its first pixel.
        source: float64 (h, w, 2), where in the photo each of its pixels is seen, y and x.
        image: uint8 (h, w, 3).
        hole: bool (h, w), what is to be filled: the hole, and a rim of what cannot be seen beside it.
        barred: bool (h, w), what is neither hole nor to be copied.
        inside: bool (H, W), the hole's pixels that are on it, in the photo.
    """

    plane: Plane
    low: np.ndarray
    source: np.ndarray
    image: np.ndarray
    hole: np.ndarray
    barred: np.ndarray
    inside: np.ndarray

    def points(self, pixels: np.ndarray) -> np.ndarray:
        """Where float (..., 2) pixels of the photo are in the view."""
        points: np.ndarray = self.plane.flat(pixels) - self.low
        return points


def view_of(plane: Plane, image: np.ndarray, mask: np.ndarray, blocked: np.ndarray) -> View:
    """A plane as seen from the front.

    Args:
        plane: that the hole is on, or a part of it.
        image: uint8 (H, W, 3).
        mask: bool (H, W), True = hole.
        blocked: bool (H, W), what must not be copied, the hole too.
    """
    inside = np.zeros(mask.shape, bool)
    holes = np.argwhere(mask)
    holes = holes[on_view(plane, holes)]
    inside[holes[:, 0], holes[:, 1]] = True
    flat = plane.flat(holes)
    low, high = flat.min(axis=0), flat.max(axis=0)
    margin = np.clip(MARGIN_SHARE * (high - low).max(), LEAST_MARGIN_PX, MOST_MARGIN_PX)
    low, high = np.floor(low - margin), np.ceil(high + margin)
    grid, source, seen = _grid(plane, low, high, mask.shape)
    used = tuple(slice(rows.min(), rows.max() + 1) for rows in np.nonzero(seen))
    low, source, seen = grid[used][0, 0], source[used], seen[used]
    hole = seen & (sampled(mask.astype(np.float32), source) > 0)
    beside = cv2.dilate(hole.astype(np.uint8), np.ones((2 * BESIDE_PX + 1,) * 2, np.uint8)) > 0
    hole |= beside & ~seen
    grown = cv2.dilate(blocked.astype(np.float32), np.ones((5, 5)))  # what is sampled in between mixes pixels
    barred = ~hole & (~seen | (sampled(grown, source) > 0))
    return View(plane, low, source, sampled(image, source), hole, barred, inside)


def _grid(
    plane: Plane, low: np.ndarray, high: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat coordinates of a view's pixels, the pixels of the photo seen there, and whether there are any."""
    grid = np.stack(np.meshgrid(*map(np.arange, low, high + 1), indexing="ij"), axis=-1)
    behind = 1 - grid @ plane.tilt  # one over the nearness
    seen = (behind > 1 / NEAREST) & (behind < 1 / FARTHEST)
    source = np.zeros(grid.shape)
    source[seen] = plane.pixels(grid[seen])
    return grid, source, seen & ((source >= 0) & (source <= np.array(shape) - 1)).all(axis=-1)


def on_view(plane: Plane, pixels: np.ndarray) -> np.ndarray:
    """Whether float (..., 2) pixels of the photo are shown in a view of a plane."""
    near = plane.nearness(pixels)
    shown: np.ndarray = (near > FARTHEST) & (near < NEAREST)
    return shown


def sampled(image: np.ndarray, points: np.ndarray, how: int = cv2.INTER_LINEAR) -> np.ndarray:
    """The values of an image at float (..., 2) points, y and x."""
    rows = -(-points[..., 0].size // MOST_COLUMNS)  # OpenCV takes no more than 32,767 in a row
    flat = np.zeros((2, rows * MOST_COLUMNS), np.float32)
    flat[:, : points[..., 0].size] = points.reshape(-1, 2).T
    ys, xs = flat.reshape(2, rows, MOST_COLUMNS)
    values: np.ndarray = cv2.remap(image, xs, ys, how, borderMode=cv2.BORDER_REPLICATE)
    values = values.reshape(rows * MOST_COLUMNS, *image.shape[2:])[: points[..., 0].size]
    return values.reshape(*points.shape[:-1], *image.shape[2:])
