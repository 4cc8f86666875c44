"""Which colours may go where in a hole: those that its border shows, each on its own side of the lines.

A patch fill grows what is flat: a dark cabinet over a wall, a white pavement over water. Here the photo is
sorted into a few colours. A source of one even colour costs the more, the farther away the border shows that
colour, and most where the border does not show it at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from inpaint.exemplar.line_geometry import Line

MOST_COLOURS = 12
SAMPLED_PIXELS, ROUNDS = 3000, 8
EVEN = 12.0
"""A pixel whose 3 x 3 neighbours differ by more than this, CIE Lab, has no colour of its own; nor has what is
thin, less than 3 such pixels wide: a window's frame says nothing of what lies beside it."""
BUSY_PX = 5
"""Where no pixel of a square of this side has one, anything may be copied."""
RING_PX = 4
"""So far from the hole its border is looked at."""
SLACK_PX, SOFT_PX = 1.5, 4.0
"""A colour that is farther away than the nearest one by less than the slack costs nothing; by more, its part
of the distance to the nearest one, which is taken to be longer by `SOFT_PX`."""
SAME, OTHER = 6.0, 26.0
"""Colours no farther apart than this, CIE Lab, are one, and those so far apart are two."""


class Prices(NamedTuple):
    """What the colour of a source costs each target.

    labels: uint8 (h, w), number of the colour at pixel (y >> shift, x >> shift). costs: float32 (N, K), of
    each colour for each target; (0, K) = none. shift: see there.
    """

    labels: np.ndarray
    costs: np.ndarray
    shift: int


ANYWHERE = Prices(np.zeros((1, 1), np.uint8), np.zeros((0, 1), np.float32), 0)
"""Any colour may go anywhere."""


@dataclass(frozen=True)
class Palette:
    """A photo's main colours, and what each costs where.

    Attributes:
        colours: float32 (K, 3), CIE Lab.
        labels: uint8 (h, w), number of each pixel's colour, K = none of its own.
        costs: float32 (h, w, K + 1), in the hole what each costs there, 0 to 1; 0 elsewhere and for K.
        shift: a level's pixel (y, x) is at (y >> shift, x >> shift) in `labels` and `costs`.
    """

    colours: np.ndarray
    labels: np.ndarray
    costs: np.ndarray
    shift: int = 0

    def finer(self, halvings: int) -> Palette:
        """The same for a level so many times doubled."""
        return replace(self, shift=halvings)

    def coarser(self, image: np.ndarray, halvings: int) -> Palette:
        """The same for a level so many times halved, whose photo is `image`, uint8 (h, w, 3)."""
        every = 2**halvings
        height, width = self.labels.shape
        rows, columns = (
            np.minimum(np.arange(own) * every + every // 2, whole - 1)
            for own, whole in zip(image.shape, (height, width), strict=False)
        )
        return Palette(
            self.colours, sorted_pixels(image, self.colours), self.costs[rows[:, None], columns[None]]
        )

    def prices(self, points: np.ndarray, weight: float) -> Prices:
        """What the search takes.

        points: int32 (N, 2), rows and columns of the targets. weight: highest cost of a colour.
        """
        rows, columns = (points >> self.shift).T
        return Prices(self.labels, self.costs[rows, columns] * np.float32(weight), self.shift)


def prices_at(palette: Palette | None, points: np.ndarray, weight: float) -> Prices:
    """`Palette.prices`; no prices where there is no palette."""
    return ANYWHERE if palette is None else palette.prices(points, weight)


def find_palette(
    image: np.ndarray, hole: np.ndarray, blocked: np.ndarray, lines: Sequence[Line], scale: int
) -> Palette | None:
    """The colours of a photo around a hole, and what they cost in it.

    Args:
        image: uint8 (h, w, 3); what lies in the hole has no influence.
        hole: bool (h, w), not empty.
        blocked: bool (h, w), the hole and what is protected.
        lines: that go on in the hole, in pixels of the photo at full size.
        scale: such pixels for one of `image`.

    Returns:
        None where everything is blocked.
    """
    from inpaint.exemplar import palette_kernels as kernels

    lab = _lab(image)
    if blocked.all():
        return None
    colours = main_colours(lab[~blocked])
    labels = sorted_pixels(image, colours)
    near = (cv2.dilate(hole.astype(np.uint8), np.ones((2 * RING_PX + 1,) * 2, np.uint8)) > 0) & ~blocked
    uneven = (labels == len(colours)) & ~hole
    busy = cv2.morphologyEx(uneven.astype(np.uint8), cv2.MORPH_OPEN, np.ones((BUSY_PX,) * 2, np.uint8)) > 0
    seen = near & (busy | ~uneven)
    far = np.full((*hole.shape, len(colours) + 1), np.inf, np.float32)
    far[(*np.nonzero(seen), labels[seen])] = 0
    kernels.spread(hole | (near & ~seen), barriers(hole.shape, lines, scale), far)
    return Palette(colours, labels, _costs(far, colours, hole))


def _costs(far: np.ndarray, colours: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """float32 (h, w, K + 1): costs by the distances to where the border shows each colour, or is busy."""
    far = np.minimum(far[hole], np.float32(1e6))
    nearest = far.min(axis=1, keepdims=True)
    own = np.clip((far - nearest - SLACK_PX) / (nearest + SOFT_PX), 0, 1)
    apart = np.linalg.norm(colours[:, None] - colours, axis=2)
    unlike = np.clip((apart - SAME) / (OTHER - SAME), 0, 1).astype(np.float32)
    costs = np.zeros((*hole.shape, far.shape[1]), np.float32)
    for k in range(len(colours)):
        like = (own[:, :-1] + unlike[k]).min(axis=1)
        costs[..., k][hole] = np.minimum(np.minimum(like, own[:, -1]), 1)
    return costs


def main_colours(colours: np.ndarray) -> np.ndarray:
    """The main ones of many colours: those farthest from each other, then k-means.

    Args:
        colours: float32 (N, 3), CIE Lab, at least one.

    Returns:
        float32 (K, 3), at most `MOST_COLOURS`.
    """
    colours = colours[:: max(1, len(colours) // SAMPLED_PIXELS)]
    chosen = [colours[np.argmax(_apart(colours, colours.mean(axis=0, keepdims=True))[:, 0])]]
    while len(chosen) < MOST_COLOURS:
        gap = _apart(colours, np.stack(chosen)).min(axis=1)
        if gap.max() < SAME**2:
            break
        chosen.append(colours[np.argmax(gap)])
    found = np.stack(chosen)
    for _ in range(ROUNDS):
        nearest = np.argmin(_apart(colours, found), axis=1)
        for k in range(len(found)):
            if (nearest == k).any():
                found[k] = colours[nearest == k].mean(axis=0)
    return found


def sorted_pixels(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """uint8 (h, w): the number of each pixel's colour; the number of colours where it has none of its own."""
    lab = _lab(image)
    nearest, least = np.zeros(lab.shape[:2], np.uint8), np.full(lab.shape[:2], np.inf, np.float32)
    for k, colour in enumerate(colours):
        apart = np.square(lab - colour).sum(axis=2)
        nearest[apart < least] = k
        np.minimum(least, apart, out=least)
    box = np.ones((3, 3), np.uint8)
    even = (cv2.dilate(lab, box) - cv2.erode(lab, box)).max(axis=2) <= EVEN
    wide = cv2.morphologyEx(even.astype(np.uint8), cv2.MORPH_OPEN, box) > 0
    return np.where(wide, nearest, len(colours)).astype(np.uint8)


def barriers(shape: tuple[int, ...], lines: Sequence[Line], scale: int) -> np.ndarray:
    """bool (h, w): where lines part two sides; those that fade out go on as far again.

    shape: rows and columns. lines, scale: see `find_palette`.
    """
    drawn = np.zeros(shape, np.uint8)
    for line in lines:
        start, end = ((point + 0.5) / scale - 0.5 for point in (line.start, line.end))
        length = max(1e-6, float(np.linalg.norm(end - start)))
        along = (end - start) / length
        beyond = length if line.fading else RING_PX + 1
        ends = [start - (RING_PX + 1) * along, end + beyond * along]
        (y0, x0), (y1, x1) = (np.rint(16 * point).astype(int).tolist() for point in ends)
        cv2.line(drawn, (x0, y0), (x1, y1), 1, 1, cv2.LINE_8, 4)
    return drawn > 0


def _lab(image: np.ndarray) -> np.ndarray:
    lab: np.ndarray = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return lab


def _apart(colours: np.ndarray, others: np.ndarray) -> np.ndarray:
    """float32 (N, K): squared distances."""
    gaps: np.ndarray = np.square(colours[:, None] - others).sum(axis=2)
    return gaps
