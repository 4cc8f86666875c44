"""Planes seen in perspective, from the points that straight edges around a hole run towards.

Where parallel edges of a plane meet in the photo is their vanishing point; two of them give the line that the
whole plane runs towards (Hartley and Zisserman 2004, section 8.6). Nothing else is needed to undo the
foreshortening (section 2.7.2: affine rectification).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

MOST_SEGMENTS, MOST_PAIRED = 300, 36
"""So many of the longest segments are looked at, and so many of these are crossed with each other."""
LEAST_LENGTH_PX = 15.0
OFF_DEGREES, OFF_PX = 1.2, 0.6
"""A segment runs towards a point when it is turned from it by no more than this, its ends moved so far."""
APART_PX = 4.0
"""Segments that lie nearer than this to each other's line are one edge."""
LEAST_EDGES = 4
LEAST_SHARE = 0.12
"""A vanishing point has so many edges, of so large a share of the length of all segments."""
MOST_POINTS = 3
REFINEMENTS = 5
MAGNIFIED = 1.15
"""The hole is so much larger on a plane, as a length; smaller ones lose detail, larger ones cost time."""
LEAST_TILT = 1.3
"""A plane that does not shrink by this much along the hole is as good as seen from the front."""


@dataclass(frozen=True)
class Plane:
    """A plane in perspective.

    Attributes:
        centre: float64 (2,), y and x of a pixel of the photo that is on it.
        tilt: float64 (2,); 1 + tilt . (pixel - centre) is how large things are there, against their size at
            the centre; 0 at the vanishing line.
    """

    centre: np.ndarray
    tilt: np.ndarray

    def nearness(self, points: np.ndarray) -> np.ndarray:
        """How large things are at float (..., 2) pixels of the photo; 1 at the centre, not positive beyond
        the vanishing line."""
        nearness: np.ndarray = 1 + (points - self.centre) @ self.tilt
        return nearness

    def flat(self, points: np.ndarray) -> np.ndarray:
        """Pixels of the photo in coordinates in which everything on the plane is equally large, with the
        centre at 0, and as large as at the centre."""
        flat: np.ndarray = (points - self.centre) / self.nearness(points)[..., None]
        return flat

    def pixels(self, flat: np.ndarray) -> np.ndarray:
        """The pixels of the photo at such coordinates."""
        pixels: np.ndarray = self.centre + flat / (1 - flat @ self.tilt)[..., None]
        return pixels


def find_planes(segments: np.ndarray, mask: np.ndarray) -> list[Plane]:
    """The planes that straight edges around a hole speak for.

    Args:
        segments: float64 (N, 2, 2), ends of the edges, y and x.
        mask: bool (H, W), True = hole, not empty.

    Returns:
        The best supported first; none where no edges run together.
    """
    lengths = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1)
    order = np.argsort(-lengths, kind="stable")[:MOST_SEGMENTS]
    segments = segments[order][lengths[order] >= LEAST_LENGTH_PX]
    rows, columns = np.nonzero(mask)
    middle = np.array([rows.mean(), columns.mean()])
    scale = max(float(np.ptp(rows)), float(np.ptp(columns)), 32.0)
    points = vanishing_points((segments - middle) / scale, scale)
    holes = np.stack([rows, columns], axis=1)
    planes: list[Plane] = []
    finite = [point for point in points if abs(point[2]) > 1e-2]
    pairs = list(combinations(points, 2))
    pairs += [(point, level) for point in finite for level in (np.array([0.0, 1, 0]), np.array([1.0, 0, 0]))]
    for one, other in pairs:
        plane = _plane(np.cross(one, other), holes, middle, scale)
        if plane is not None and not any(_alike(plane, known, holes) for known in planes):
            planes.append(plane)
    return planes


def vanishing_points(segments: np.ndarray, scale: float) -> list[np.ndarray]:
    """Where edges run towards, the best supported point first.

    Args:
        segments: float64 (N, 2, 2), ends, y and x, in units of `scale` pixels around some middle.
        scale: pixels.

    Returns:
        float64 (3,) each, y, x and 1 times a factor, of length 1.
    """
    found: list[np.ndarray] = []
    whole = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1).sum()
    while len(found) < MOST_POINTS and len(segments) >= LEAST_EDGES:
        lines = _lines(segments)
        lengths = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1)
        first, second = np.triu_indices(min(MOST_PAIRED, len(segments)), 1)
        points = np.cross(lines[first], lines[second])
        sizes = np.linalg.norm(points, axis=1)
        points = points[sizes > 1e-6] / sizes[sizes > 1e-6, None]
        if len(points) == 0:
            break
        best = points[np.argmax(_towards(points, segments, scale) @ lengths)]
        for _ in range(REFINEMENTS):
            agreeing = _towards(best[None], segments, scale)[0]
            best = _refined(best, lines[agreeing], segments[agreeing])
        agreeing = _towards(best[None], segments, scale)[0]
        if lengths[agreeing].sum() < LEAST_SHARE * whole or _edges(segments[agreeing], scale) < LEAST_EDGES:
            break
        found.append(best)
        segments = segments[~agreeing]
    return found


def _refined(point: np.ndarray, lines: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The point from which edges, weighted by how well their direction is known, are turned least."""
    lengths = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1)
    ways = np.linalg.norm(point[:2] - segments.mean(axis=1) * point[2], axis=1)
    weights = lengths**3 / np.maximum(ways, 1e-3) ** 2
    refined: np.ndarray = np.linalg.eigh((lines * weights[:, None]).T @ lines)[1][:, 0]
    return refined


def _lines(segments: np.ndarray) -> np.ndarray:
    """float64 (N, 3): a y + b x + c = 0 for each segment, with a and b of length 1."""
    ends = np.concatenate([segments, np.ones((*segments.shape[:2], 1))], axis=2)
    lines: np.ndarray = np.cross(ends[:, 0], ends[:, 1])
    lines /= np.linalg.norm(lines[:, :2], axis=1)[:, None]
    return lines


def _towards(points: np.ndarray, segments: np.ndarray, scale: float) -> np.ndarray:
    """bool (K, N): which segments run towards which points."""
    middles = segments.mean(axis=1)
    along = segments[:, 1] - segments[:, 0]
    lengths = np.linalg.norm(along, axis=1)
    ways = points[:, None, :2] - middles[None] * points[:, None, 2:]
    sines = np.abs(ways[..., 0] * along[:, 1] - ways[..., 1] * along[:, 0])
    sines /= np.maximum(np.linalg.norm(ways, axis=2) * lengths, 1e-9)
    off = np.sin(np.radians(OFF_DEGREES)) + 2 * OFF_PX / (lengths * scale)
    towards: np.ndarray = sines < off
    return towards


def _edges(segments: np.ndarray, scale: float) -> int:
    """How many edges segments are, the longest first, pieces of one edge counted once."""
    kept: list[int] = []
    lines, middles = _lines(segments), np.insert(segments.mean(axis=1), 2, 1, axis=1)
    for k in range(len(segments)):
        if all(abs(lines[j] @ middles[k]) * scale >= APART_PX for j in kept):
            kept.append(k)
            if len(kept) >= LEAST_EDGES:
                break
    return len(kept)


def _plane(line: np.ndarray, holes: np.ndarray, middle: np.ndarray, scale: float) -> Plane | None:
    """The plane that runs towards a line, seen from the side on which most of the hole is."""
    if np.linalg.norm(line[:2]) < 1e-6 * np.linalg.norm(line):
        return None
    heights = (holes - middle) / scale @ line[:2] + line[2]
    side = np.sign(np.sum(np.sign(heights))) or 1.0
    on_it = holes[heights * side > 0]
    sizes = heights[heights * side > 0] * side
    near, far = np.percentile(sizes, (95, 5))
    if near <= LEAST_TILT * far:
        return None
    as_large = MAGNIFIED * np.mean(np.maximum(sizes, far) ** -3.0) ** (-1 / 3)  # 1: as large as in the photo
    apart = ((on_it - np.median(on_it, axis=0)) ** 2).sum(axis=1) / scale**2
    chosen = np.argmin(np.log(sizes / as_large) ** 2 + 0.1 * apart)
    return Plane(on_it[chosen].astype(float), line[:2] / scale / (sizes[chosen] * side))


def _alike(one: Plane, other: Plane, holes: np.ndarray) -> bool:
    """Whether things shrink in the same way along both, over the hole."""
    a, b = one.nearness(holes), other.nearness(holes)
    on_both = (a > 0.2) & (b > 0.2)
    if np.count_nonzero(on_both) < 0.5 * len(holes):
        return False
    ratio = np.log(a[on_both] / b[on_both])
    return bool(np.std(ratio) < 0.05)
