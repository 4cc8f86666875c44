"""Curved edges that the hole breaks: an end on each side of it, both on one circle or ellipse.

The edges around the hole are followed pixel by pixel, for a segment detector breaks what bends. Coordinates
are pixels, (y, x) at the centre of a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import cv2
import numpy as np

from inpaint.exemplar.line_geometry import Line, cross_each_other, mask_at

SMOOTHING_PX = 1.0
LEAST_GRADIENT = 5.0
"""Of the smoothed photo, levels in a pixel: that of an edge of some 15 levels."""
SEEDS_FROM_PX, SEEDS_TO_PX, MOST_SEEDS = 2.5, 6.0, 400
"""So far from the hole the edges are followed from."""
LONGEST_PX, SHORTEST_PX = 100, 16
SIDE_OFFSETS_PX, SIDE_LENGTH_PX = (2, 3, 4, 5, 6, 7), 24
NEAR_SIDE, BOTH_SIDES, LEAST_CONTRAST = 40.0, 120.0, 20.0
ALONE_PX, TOGETHER_PX, TOGETHER_MOST_PX = 0.5, 0.6, 1.5
"""How far an edge's points may lie from the circle: root of the mean square, by itself, with its partner, and
at most."""
LEAST_SAGITTA_PX, LEAST_GAP_PX, LEAST_INSIDE = 1.5, 6.0, 0.6
LEAST_SEEN, LEAST_SEEN_ELLIPSE, MOST_TURN = (float(np.radians(angle)) for angle in (16, 60, 200))
"""Of the circle or ellipse, outside and in the hole."""
MUCH_SEEN_PX, MUCH_SEEN, MOST_HIDDEN = 70, 2.0, 2.5
LITTLE_SEEN_PX, LITTLE_SEEN_SIDES = 0.25, 60.0
"""Where less is seen, in pixels and in terms of what is hidden, edges must fit and match better than by
`TOGETHER_PX` and `BOTH_SIDES`."""
LEAST_RADIUS_PX, MOST_RADIUS_PX, SHARPEST_PX = 8.0, 3000.0, 4.5
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
    """The same curve, with points a pixel apart."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    places = np.linspace(0, lengths[-1], max(2, round(float(lengths[-1])) + 1))
    return np.stack([np.interp(places, lengths, points[:, axis]) for axis in (0, 1)], -1)


@dataclass
class _Rim:
    """An edge that runs out of the hole.

    Attributes:
        points: float64 (N, 2), from the hole outwards, a pixel apart.
        left, right: the median colours beside it, seen towards the hole.
    """

    points: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @property
    def inwards(self) -> np.ndarray:
        """Unit direction into the hole."""
        along = self.points[0] - self.points[min(6, len(self.points) - 1)]
        unit: np.ndarray = along / np.linalg.norm(along)
        return unit


@dataclass(frozen=True)
class _Ellipse:
    """Attributes: centre; the lengths of both half axes, and their unit directions, one a row."""

    centre: np.ndarray
    axes: np.ndarray
    directions: np.ndarray

    def unit(self, points: np.ndarray) -> np.ndarray:
        """float64 (N, 2): where the points are when the ellipse is made a circle of radius 1."""
        found: np.ndarray = (points - self.centre) @ self.directions.T / self.axes
        return found

    def off(self, points: np.ndarray) -> np.ndarray:
        """float64 (N,): how far outside of it, to first order."""
        unit = self.unit(points)
        radius = np.maximum(np.linalg.norm(unit, axis=1), 1e-6)
        steepness = np.linalg.norm(unit / self.axes, axis=1) / radius
        found: np.ndarray = (radius - 1) / np.maximum(steepness, 1e-9)
        return found

    def angles(self, points: np.ndarray) -> np.ndarray:
        """float64 (N,): which of its points these are, from point to point less than half a turn apart."""
        unit = self.unit(points)
        return np.unwrap(np.arctan2(unit[:, 0], unit[:, 1]))

    def points(self, angles: np.ndarray) -> np.ndarray:
        unit = np.stack([np.sin(angles), np.cos(angles)], -1)
        found: np.ndarray = self.centre + (unit * self.axes) @ self.directions
        return found


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
    rims = _rims(image, mask, gray, grown)
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


def _continues(line: Line, rim: _Rim) -> bool:
    """Whether a line starts from the rim's edge."""
    along = line.end - line.start
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    return any(
        np.linalg.norm(rim.points - end, axis=1).min() < 3
        and abs(along @ rim.inwards) > np.cos(np.radians(25))
        for end in (line.start, line.end)
    )


def _rims(image: np.ndarray, mask: np.ndarray, gray: np.ndarray, grown: np.ndarray) -> list[_Rim]:
    """The edges that run out of the hole, the longest first."""
    smooth = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), SMOOTHING_PX)
    slopes = np.stack([cv2.Sobel(smooth, cv2.CV_32F, 0, 1), cv2.Sobel(smooth, cv2.CV_32F, 1, 0)], -1) / 8
    away = cv2.distanceTransform((~grown).astype(np.uint8), cv2.DIST_L2, 5)
    seeds = _seeds(slopes, away)
    if len(seeds) == 0:
        return []
    slope = _sampled(slopes, seeds)
    tangent = np.stack([-slope[:, 1], slope[:, 0]], -1) / np.linalg.norm(slope, axis=1)[:, None]
    outward = _sampled(
        np.stack([cv2.Sobel(away, cv2.CV_32F, 0, 1), cv2.Sobel(away, cv2.CV_32F, 1, 0)], -1), seeds
    )
    sign = np.where((tangent * outward).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    out = _followed(slopes, away, seeds, tangent * sign, LONGEST_PX)
    back = _followed(slopes, away, seeds, -tangent * sign, int(3 * SEEDS_TO_PX))
    rims: list[_Rim] = []
    ways = []
    for ahead, behind in zip(out, back, strict=True):
        way = np.concatenate([behind[:0:-1], ahead])
        if _value_at(away, way[0]) > 2.5:
            continue
        ways.append(way)
    ways.sort(key=lambda way: -len(way))
    taken = np.zeros(mask.shape, bool)
    for way in ways:
        if len(way) < SHORTEST_PX or mask_at(taken, way[:8], outside=False).mean() > 0.5:
            continue  # the same edge, followed from another pixel
        for row, column in np.rint(way[:12]).astype(int):
            taken[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = True
        count = _on_a_circle(way)
        if count == 0:
            continue
        rim = _with_sides(image, grown, way[:count])
        if rim is not None:
            rims.append(rim)
    return rims


def _value_at(away: np.ndarray, point: np.ndarray) -> float:
    row, column = np.clip(np.rint(point).astype(int), 0, np.array(away.shape) - 1)
    return float(away[row, column])


def _seeds(slopes: np.ndarray, away: np.ndarray) -> np.ndarray:
    """float64 (N, 2): pixels near the hole where the photo changes most, across the edge."""
    places = np.argwhere((away >= SEEDS_FROM_PX) & (away <= SEEDS_TO_PX))
    slope = slopes[places[:, 0], places[:, 1]]
    size = np.linalg.norm(slope, axis=1)
    strong = size >= LEAST_GRADIENT
    places, slope, size = places[strong], slope[strong], size[strong]
    if len(places) == 0:
        return np.zeros((0, 2))
    normal = slope / size[:, None]
    beside = [np.linalg.norm(_sampled(slopes, places + sign * normal), axis=1) for sign in (1, -1)]
    highest = (size >= beside[0]) & (size > beside[1])
    places, size = places[highest], size[highest]
    if len(places) > MOST_SEEDS:
        places = places[np.sort(np.argsort(-size, kind="stable")[:MOST_SEEDS])]
    seeds: np.ndarray = places.astype(float)
    return seeds


_ACROSS = np.arange(-2, 2.01, 0.5)


def _followed(
    slopes: np.ndarray, away: np.ndarray, seeds: np.ndarray, direction: np.ndarray, most: int
) -> list[np.ndarray]:
    """Each seed's edge, float64 (N, 2), followed from it in a direction until it ends, turns sharply or meets
    the grown hole."""
    count = len(seeds)
    at, heading = seeds.copy(), direction.copy()
    going = np.ones(count, bool)
    lengths = np.zeros(count, int)
    ways = np.zeros((most + 1, count, 2))
    polarity = np.sign(_cross_rows(heading, _sampled(slopes, seeds)))
    least = np.maximum(LEAST_GRADIENT * 0.7, 0.3 * np.linalg.norm(_sampled(slopes, seeds), axis=1))
    high = np.array(away.shape) - 1.0
    for step in range(most + 1):
        k = np.flatnonzero(going)
        if len(k) == 0:
            break
        ahead = at[k] + (heading[k] if step else 0)
        normal = np.stack([-heading[k][:, 1], heading[k][:, 0]], -1)
        points = ahead[:, None] + _ACROSS[:, None] * normal[:, None]
        slope = _sampled(slopes, points.reshape(-1, 2)).reshape(len(k), len(_ACROSS), 2)
        height = polarity[k][:, None] * np.einsum("kac,kc->ka", slope, _left(heading[k]))
        best = height[:, 2:-2].argmax(axis=1) + 2
        rows = np.arange(len(k))
        low, middle, up = (height[rows, best + d] for d in (-1, 0, 1))
        bend = np.minimum(low + up - 2 * middle, -1e-3)
        shift = _ACROSS[best] + 0.5 * np.clip((low - up) / (2 * bend), -1, 1)
        at[k] = ahead + shift[:, None] * normal
        turned = slope[rows, best]
        turned = np.stack([turned[:, 1], -turned[:, 0]], -1) * polarity[k][:, None]
        turned /= np.maximum(np.linalg.norm(turned, axis=1), 1e-6)[:, None]
        aligned = (turned * heading[k]).sum(axis=1)
        mixed = 0.6 * heading[k] + 0.4 * turned
        heading[k] = mixed / np.maximum(np.linalg.norm(mixed, axis=1), 1e-6)[:, None]
        rounded = np.rint(at[k]).astype(int).clip(0, high.astype(int))
        good = (middle >= least[k]) & (aligned > np.cos(np.radians(40))) & (np.abs(shift) <= 1.2)
        good &= (away[rounded[:, 0], rounded[:, 1]] >= 1) & ((at[k] >= 3) & (at[k] <= high - 3)).all(axis=1)
        going[k[~good]] = False
        alive = k[good]
        ways[step, alive] = at[alive]
        lengths[alive] = step + 1
    return [np.concatenate([seeds[n : n + 1], ways[1 : lengths[n], n]]) for n in range(count)]


def _left(direction: np.ndarray) -> np.ndarray:
    return np.stack([-direction[:, 1], direction[:, 0]], -1)


def _cross_rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """float64 (N,): `line_geometry.cross`, row by row."""
    crossed: np.ndarray = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return crossed


def _sampled(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """float32 (N, 2): bilinear samples of (H, W, 2) at (N, 2) points."""
    places = points.astype(np.float32)
    sampled = [
        cv2.remap(values, places[n : n + 30000, 1:2], places[n : n + 30000, :1], cv2.INTER_LINEAR)[:, 0]
        for n in range(0, len(places), 30000)
    ]
    return np.concatenate(sampled) if sampled else np.zeros((0, 2), np.float32)


def _on_a_circle(way: np.ndarray) -> int:
    """How many of an edge's points, from the hole on, lie on one circle or straight line."""
    for share in (1.0, 0.8, 0.64, 0.5, 0.4, 0.32, 0.25):
        count = int(share * len(way))
        if count < SHORTEST_PX:
            return 0
        if _misfit(way[:count]) <= ALONE_PX:
            return count
    return 0


def _misfit(points: np.ndarray) -> float:
    """Root of the mean square distance from the best circle, which may be a straight line."""
    middle = points.mean(axis=0)
    along = np.linalg.svd(points - middle, full_matrices=False)[2][0]
    t, v = (points - middle) @ along, (points - middle) @ np.array([-along[1], along[0]])
    if np.ptp(t) > 4 * np.ptp(v):
        return float(np.sqrt(np.mean((v - np.polyval(np.polyfit(t, v, 2), t)) ** 2)))
    circle = _circle(points)
    return np.inf if circle is None else float(np.sqrt(np.mean(circle.off(points) ** 2)))


def _circle(points: np.ndarray) -> _Ellipse | None:
    """The circle nearest to the points (Pratt 1987); None = a line."""
    middle = points.mean(axis=0)
    scale = float(np.abs(points - middle).max())
    p = (points - middle) / scale
    design = np.column_stack([(p**2).sum(axis=1), p, np.ones(len(p))])
    bound = np.array([[0, 0, 0, -2], [0, 1, 0, 0], [0, 0, 1, 0], [-2, 0, 0, 0]])  # B^2 + C^2 - 4 A D = 1
    values, vectors = np.linalg.eig(np.linalg.solve(bound, design.T @ design / len(p)))
    values, vectors = values.real, vectors.real
    positive = np.flatnonzero(values > -1e-12)
    if len(positive) == 0:
        return None
    a, b, c, d = vectors[:, positive[np.argmin(values[positive])]]
    if abs(a) < 1e-4:
        return None
    centre = np.array([-b, -c]) / (2 * a)
    radius = scale * float(np.sqrt(max(float(centre @ centre - d / a), 0.0)))
    return _Ellipse(middle + scale * centre, np.array([radius, radius]), np.eye(2))


def _ellipse(points: np.ndarray) -> _Ellipse | None:
    """The ellipse of least squares (Fitzgibbon et al. 1999)."""
    middle = points.mean(axis=0)
    (x, y), (width, height), angle = cv2.fitEllipseDirect((points - middle)[:, ::-1].astype(np.float32))
    turn = np.radians(angle)
    directions = np.array([[np.sin(turn), np.cos(turn)], [np.cos(turn), -np.sin(turn)]])
    axes = np.array([width, height]) / 2
    if not np.isfinite([x, y, width, height]).all() or axes.min() < LEAST_RADIUS_PX:
        return None
    return _Ellipse(middle + np.array([y, x]), axes, directions)


def _with_sides(image: np.ndarray, grown: np.ndarray, way: np.ndarray) -> _Rim | None:
    near = way[:SIDE_LENGTH_PX]
    inwards = -np.gradient(near, axis=0)
    inwards /= np.maximum(np.linalg.norm(inwards, axis=1), 1e-6)[:, None]
    sides = []
    for sign in (1, -1):
        points = near[None] + sign * np.array(SIDE_OFFSETS_PX)[:, None, None] * _left(inwards)
        points = np.rint(points.reshape(-1, 2)).astype(int)
        points = points[((points >= 0) & (points < grown.shape)).all(axis=1)]
        points = points[~grown[points[:, 0], points[:, 1]]]
        if len(points) < 8:
            return None
        sides.append(np.median(image[points[:, 0], points[:, 1]].astype(float), axis=0))
    if np.linalg.norm(sides[0] - sides[1]) < LEAST_CONTRAST:
        return None
    return _Rim(way, sides[0], sides[1])


def _joined(a: _Rim, b: _Rim, mask: np.ndarray) -> tuple[float, np.ndarray] | None:
    """How unsure the arc between two edges is, and points along it; None = there is none."""
    left, right = np.linalg.norm(a.left - b.right), np.linalg.norm(a.right - b.left)
    if min(left, right) > NEAR_SIDE or left + right > BOTH_SIDES:
        return None
    gap = float(np.linalg.norm(a.points[0] - b.points[0]))
    if gap < LEAST_GAP_PX:
        return None
    for fit, least_seen in ((_circle, LEAST_SEEN), (_ellipse, LEAST_SEEN_ELLIPSE)):
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
    fit: Callable[[np.ndarray], _Ellipse | None],
    a: _Rim,
    b: _Rim,
    least_seen: float,
) -> tuple[float, np.ndarray] | None:
    """How far both edges are from the one curve of a kind, and points along it between them."""
    curve = fit(np.concatenate([a.points, b.points]))
    if curve is None:
        return None
    small, large = np.sort(curve.axes)
    if small < LEAST_RADIUS_PX or large > MOST_RADIUS_PX or small**2 / large < SHARPEST_PX:
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
