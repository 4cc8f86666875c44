"""Edges that run out of a hole, followed pixel by pixel: a segment detector breaks what bends.

Coordinates are pixels, (y, x) at the centre of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.exemplar.ellipses import fit_circle
from inpaint.exemplar.line_geometry import mask_at

SMOOTHING_PX = 1.0
LEAST_GRADIENT = 5.0
"""Of the smoothed photo, levels in a pixel: that of an edge of some 15 levels."""
SEEDS_FROM_PX, SEEDS_TO_PX, MOST_SEEDS = 2.5, 6.0, 400
"""So far from the hole the edges are followed from."""
LONGEST_PX, SHORTEST_PX = 100, 16
SIDE_OFFSETS_PX, SIDE_LENGTH_PX = (2, 3, 4, 5, 6, 7), 24
LEAST_CONTRAST = 20.0
ALONE_PX = 0.5
"""How far an edge's points may lie from a circle, or a straight line: root of the mean square."""
_ACROSS = np.arange(-2, 2.01, 0.5)


@dataclass
class Rim:
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


def find_rims(image: np.ndarray, mask: np.ndarray, gray: np.ndarray, grown: np.ndarray) -> list[Rim]:
    """The edges that run out of a hole.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W), True = hole.
        gray: uint8 (H, W), the photo with the grown hole filled smoothly.
        grown: bool (H, W), the hole and two pixels around it.

    Returns:
        The longest first.
    """
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
    rims: list[Rim] = []
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
    """The value of (H, W) at the pixel nearest to a (2,) point."""
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
    """float64 (N, 2): unit directions turned left, as seen in the photo."""
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
    circle = fit_circle(points)
    return np.inf if circle is None else float(np.sqrt(np.mean(circle.off(points) ** 2)))


def _with_sides(image: np.ndarray, grown: np.ndarray, way: np.ndarray) -> Rim | None:
    """An edge, float64 (N, 2), with the colours beside it; None where they are too few or alike."""
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
    return Rim(way, sides[0], sides[1])
