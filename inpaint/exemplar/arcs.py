"""Curved edges that the hole breaks: an end on each side of it, both on one circle or ellipse.

Coordinates are pixels, (y, x) at the centre of a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from inpaint.exemplar.ellipses import LEAST_AXIS_PX, Ellipse, fit_circle, fit_ellipse
from inpaint.exemplar.line_geometry import Line, cross_each_other, mask_at
from inpaint.exemplar.rims import Rim, find_rims

NEAR_SIDE, BOTH_SIDES = 40.0, 120.0
TOGETHER_PX, TOGETHER_MOST_PX = 0.6, 1.5
"""How far the points of two edges may lie from the curve: root of the mean square, and at most."""
LEAST_SAGITTA_PX, LEAST_GAP_PX, LEAST_INSIDE = 1.5, 6.0, 0.6
LEAST_SEEN, LEAST_SEEN_ELLIPSE, MOST_TURN = (float(np.radians(angle)) for angle in (16, 60, 200))
"""Of the circle or ellipse, outside and in the hole."""
MUCH_SEEN_PX, MUCH_SEEN, MOST_HIDDEN = 70, 2.0, 2.5
LITTLE_SEEN_PX, LITTLE_SEEN_SIDES = 0.25, 60.0
"""Where less is seen, in pixels and in terms of what is hidden, edges must fit and match better than by
`TOGETHER_PX` and `BOTH_SIDES`."""
MOST_AXIS_PX, SHARPEST_PX = 3000.0, 4.5
"""Half axes, and the radius at the end of an ellipse: a flat one joins any two edges side by side."""
UNSURE_PX = 2.5
"""A curve through the nearest two thirds of both edges may be so far from it in the hole."""
PIECE_PX = 6.0
BENT = 1.0
"""Weight of an arc's pieces, on which straight lines end."""


@dataclass(frozen=True)
class Arc:
    """A curved edge that goes on in the hole.

    Attributes:
        way: float64 (N, 2), points a pixel apart, from one edge to the other.
        before, after: float64 (M, 2), those two edges, from the hole outwards.
    """

    way: np.ndarray
    before: np.ndarray
    after: np.ndarray

    def pieces(self) -> list[Line]:
        """The curve as short straight lines."""
        points = self.way[
            np.linspace(0, len(self.way) - 1, max(2, round(len(self.way) / PIECE_PX) + 1)).astype(int)
        ]
        return [Line(start, end, BENT) for start, end in pairwise(points)]

    def enlarged(self, scale: int, corner: np.ndarray) -> Arc:
        """In a photo that is so many times as large, and has the given point at (0, 0) of this one."""
        longer = [_spaced(points * scale + corner) for points in (self.way, self.before, self.after)]
        return Arc(*longer)


def _spaced(points: np.ndarray) -> np.ndarray:
    """The same curve, float64 (M, 2), with points a pixel apart."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    places = np.linspace(0, lengths[-1], max(2, round(float(lengths[-1])) + 1))
    return np.stack([np.interp(places, lengths, points[:, axis]) for axis in (0, 1)], -1)


def find_arcs(
    image: np.ndarray, mask: np.ndarray, gray: np.ndarray, grown: np.ndarray, straight: Sequence[Line]
) -> list[Arc]:
    """The arcs that go on in the hole.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W), True = hole.
        gray: uint8 (H, W), the photo with the grown hole filled smoothly.
        grown: bool (H, W), the hole and two pixels around it.
        straight: lines that are there already; no arc crosses one, or starts from an edge that has one.

    Returns:
        Surest first, no two across each other.
    """
    rims = find_rims(image, mask, gray, grown)
    choices = []
    for i, j in combinations(range(len(rims)), 2):
        found = _joined(rims[i], rims[j], mask)
        if found is not None:
            choices.append((found[0], i, j, found[1]))
    choices.sort(key=lambda choice: choice[0])
    lines: list[Line] = []
    used: set[int] = set()
    arcs: list[Arc] = []
    for _, i, j, way in choices:
        if {i, j} & used:
            continue
        arc = Arc(way, rims[i].points, rims[j].points)
        pieces, others = arc.pieces(), [*straight, *lines]
        if any(cross_each_other(piece, other) for piece in pieces for other in others):
            continue
        if any(_continues(line, rims[k]) for line in straight for k in (i, j)):
            continue
        lines += pieces
        used |= {i, j}
        arcs.append(arc)
    return arcs


def _continues(line: Line, rim: Rim) -> bool:
    """Whether a line starts from the rim's edge."""
    along = line.end - line.start
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    return any(
        np.linalg.norm(rim.points - end, axis=1).min() < 3
        and abs(along @ rim.inwards) > np.cos(np.radians(25))
        for end in (line.start, line.end)
    )


def _joined(a: Rim, b: Rim, mask: np.ndarray) -> tuple[float, np.ndarray] | None:
    """How unsure the arc between two edges is, and points along it; None = there is none."""
    left, right = np.linalg.norm(a.left - b.right), np.linalg.norm(a.right - b.left)
    if min(left, right) > NEAR_SIDE or left + right > BOTH_SIDES:
        return None
    gap = float(np.linalg.norm(a.points[0] - b.points[0]))
    if gap < LEAST_GAP_PX:
        return None
    for fit, least_seen in ((fit_circle, LEAST_SEEN), (fit_ellipse, LEAST_SEEN_ELLIPSE)):
        found = _along(fit, a, b, least_seen)
        if found is None:
            continue
        misfit, way = found
        seen = len(a.points) + len(b.points)
        most_misfit, most_beside = TOGETHER_PX, BOTH_SIDES
        if seen < MUCH_SEEN_PX or seen < MUCH_SEEN * len(way):
            most_misfit, most_beside = LITTLE_SEEN_PX, LITTLE_SEEN_SIDES
        if misfit > most_misfit or left + right > most_beside or len(way) > MOST_HIDDEN * seen:
            continue
        if mask_at(mask, way, outside=False).mean() >= LEAST_INSIDE:
            return misfit + float(left + right) / 80 + len(way) / seen / 4, way
    return None


def _along(
    fit: Callable[[np.ndarray], Ellipse | None],
    a: Rim,
    b: Rim,
    least_seen: float,
) -> tuple[float, np.ndarray] | None:
    """How far both edges are from the one curve of a kind, and points along it between them."""
    curve = fit(np.concatenate([a.points, b.points]))
    if curve is None:
        return None
    small, large = np.sort(curve.axes)
    if small < LEAST_AXIS_PX or large > MOST_AXIS_PX or small**2 / large < SHARPEST_PX:
        return None
    misfit = 0.0
    for rim in (a, b):
        off = curve.off(rim.points)
        misfit = max(misfit, float(np.sqrt(np.mean(off**2))))
        if misfit > TOGETHER_PX or np.abs(off).max() > TOGETHER_MOST_PX:
            return None
    first, last = curve.angles(a.points), curve.angles(b.points)
    seen = abs(first[-1] - first[0]) + abs(last[-1] - last[0])
    sense = np.sign(first[0] - first[-1])
    if sense == 0 or np.sign(last[-1] - last[0]) != sense:
        return None
    hidden = float((sense * (last[0] - first[0])) % (2 * np.pi))
    if hidden > MOST_TURN or seen < least_seen:
        return None
    angles = first[0] + sense * np.linspace(0, hidden, 200)
    way = curve.points(angles)
    chord = (way[-1] - way[0]) / np.linalg.norm(way[-1] - way[0])
    if np.abs((way - way[0]) @ np.array([-chord[1], chord[0]])).max() < LEAST_SAGITTA_PX:
        return None
    again = fit(np.concatenate([a.points[: 2 * len(a.points) // 3], b.points[: 2 * len(b.points) // 3]]))
    if again is None or np.abs(again.off(way)).max() > UNSURE_PX:
        return None
    share = np.linspace(0, 1, len(way))[:, None]
    step = [np.median(curve.off(rim.points[:6])) for rim in (a, b)]  # taken out along the way
    normal = (curve.unit(way) / curve.axes) @ curve.directions
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    way = way + ((1 - share) * step[0] + share * step[1]) * normal
    return misfit, _spaced(way)
