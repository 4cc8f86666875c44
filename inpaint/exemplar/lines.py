"""Straight edges that the hole breaks, and how they go on in it: joined, meeting in corners, ending on
another line, or fading out.

Segments are found around the hole by LSD (Grompone von Gioi et al. 2010, OpenCV's). Coordinates are pixels
of the photo, (y, x) at the centre of a pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import cv2
import numpy as np

from inpaint.blending import pull_push
from inpaint.boxes import slices_around
from inpaint.exemplar.arcs import Arc, find_arcs
from inpaint.exemplar.line_geometry import Line, cross, cross_each_other, mask_at, reach_of, share_inside

LARGEST_HOLE_PX = 60_000
"""Larger holes are looked at at half the size, or a quarter, and so on."""
MARGIN_PX = 96
MOST_ENDS = 160
LEAST_LENGTH_PX = 12.0
CORNER_LENGTH_PX = 20.0
SAME_LINE_PX, PIECE_GAP_PX = 1.6, 10.0
SIDE_LENGTH_PX = 24
SIDE_OFFSETS_PX = (2, 3, 4, 5, 6, 7)
NEAR_SIDE, BOTH_SIDES = 40.0, 160.0
ON_EDGE_PX = 3.0
LEAST_CONTRAST = 20.0
JOINED, CORNER, T_JOINT, FREE = 1.0, 0.8, 0.6, 0.4
"""Weights of the ways in which a line goes on, by how sure each is."""


@dataclass(frozen=True)
class Edges:
    """What is known of the edges around a hole.

    Attributes:
        lines: those that go on in the hole, the surest first.
        straight: float64 (N, 2, 2), the ends of all straight edges, y and x in pixels of the photo.
        arcs: the curved edges that go on.
    """

    lines: list[Line] = field(default_factory=list)
    straight: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 2)))
    arcs: list[Arc] = field(default_factory=list)


@dataclass
class _End:
    """Where a segment meets the hole."""

    point: np.ndarray
    direction: np.ndarray  # of unit length, into the hole
    length: float
    left: np.ndarray  # median colour beside it, seen along the direction
    right: np.ndarray

    @property
    def contrast(self) -> float:
        return float(np.linalg.norm(self.left - self.right))


def find_lines(image: np.ndarray, mask: np.ndarray, *, arcs: bool = False) -> list[Line]:
    """The lines that go on in a hole.

    Args:
        image: uint8 (H, W, 3); what lies in the hole has no influence.
        mask: bool (H, W), True = hole.
        arcs: whether curved edges go on too, see `arcs`; they are no lines, but lines end on them.

    Returns:
        Surest first; none for an empty mask.
    """
    return edges_around(image, mask, arcs=arcs).lines


def edges_around(image: np.ndarray, mask: np.ndarray, *, arcs: bool = False) -> Edges:
    """The lines that go on in a hole, and all straight edges around it.

    Args:
        image, mask, arcs: see `find_lines`.
    """
    if not mask.any():
        return Edges()
    scale = 1
    while np.count_nonzero(mask) > LARGEST_HOLE_PX * scale * scale:
        scale *= 2
    window = slices_around(mask, MARGIN_PX * scale)
    image, mask = image[window], mask[window]
    if scale > 1:
        size = -(-mask.shape[1] // scale), -(-mask.shape[0] // scale)
        mask = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 0
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    corner = np.array([side.start for side in window]) + (scale - 1) / 2
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    gray = _gray(image, grown)
    pieces = _pieces(gray, grown)
    ends = _ends(image, mask, grown, pieces)
    lines, bent = _continued(ends, image, mask, gray, grown, arcs=arcs)
    lines = [
        Line(line.start * scale + corner, line.end * scale + corner, line.weight, line.fading)
        for line in lines
    ]
    return Edges(lines, pieces * scale + corner, [arc.enlarged(scale, corner) for arc in bent])


def _gray(image: np.ndarray, grown: np.ndarray) -> np.ndarray:
    """uint8 (H, W): the photo with the hole filled smoothly."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    smooth = pull_push(gray[..., None].astype(np.float32), (~grown).astype(np.float32))[..., 0]
    gray[grown] = np.clip(np.rint(smooth[grown]), 0, 255).astype(np.uint8)
    return gray


def _pieces(gray: np.ndarray, grown: np.ndarray) -> np.ndarray:
    """float64 (N, 2, 2): the parts of segments outside of the hole, the longest first."""
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(gray)
    if found[0] is None:
        return np.zeros((0, 2, 2))
    pieces = [
        piece
        for x0, y0, x1, y1 in found[0].reshape(-1, 4).astype(float)
        for piece in _outside((y0, x0), (y1, x1), grown)
    ]
    pieces.sort(key=lambda piece: -float(np.linalg.norm(piece[1] - piece[0])))
    return np.array(pieces).reshape(-1, 2, 2)


def _ends(image: np.ndarray, mask: np.ndarray, grown: np.ndarray, pieces: np.ndarray) -> list[_End]:
    """Ends of segments near the hole that point into it, the longest segments first."""
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    ends: list[_End] = []
    for piece in pieces:
        for start, point in (piece, piece[::-1]):
            row, column = np.clip(np.rint(point).astype(int), 0, np.array(mask.shape) - 1)
            if away[row, column] > _reach_of_end(np.inf):
                continue
            start = _behind(start, point, pieces)
            end = _end(image, grown, mask, away, start, point)
            if end is not None and not any(_same(end, other) for other in ends):
                ends.append(end)
        if len(ends) >= MOST_ENDS:
            break
    return ends[:MOST_ENDS]


def _outside(
    start: tuple[float, float], end: tuple[float, float], grown: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The parts of a segment outside of the hole that are long enough."""
    a, b = np.array(start), np.array(end)
    length = float(np.linalg.norm(b - a))
    if length < LEAST_LENGTH_PX:
        return
    along = np.linspace(0, 1, int(np.ceil(length)) + 1)
    known = ~mask_at(grown, a + along[:, None] * (b - a), outside=True)
    changes = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    for first, last in zip(changes[::2], changes[1::2] - 1, strict=True):
        if (along[last] - along[first]) * length >= LEAST_LENGTH_PX:
            yield a + along[first] * (b - a), a + along[last] * (b - a)


def _behind(start: np.ndarray, point: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """Where a segment that ends at `point` really starts: the detector breaks long edges into pieces."""
    direction = (point - start) / np.linalg.norm(point - start)
    apart = pieces - point
    across = np.abs(apart @ np.array([-direction[1], direction[0]])).max(axis=1)
    behind = -(apart @ direction)
    near, far = behind.min(axis=1), behind.max(axis=1)
    reach = float(np.linalg.norm(point - start))
    collinear = np.flatnonzero((across < SAME_LINE_PX) & (near > -1))
    for k in collinear[np.argsort(near[collinear])]:
        if near[k] <= reach + PIECE_GAP_PX:
            reach = max(reach, float(far[k]))
    begin: np.ndarray = point - reach * direction
    return begin


def _reach_of_end(length: float) -> float:
    """How far from the hole the end of an edge of that length may be, in pixels."""
    return 8 + 0.3 * min(length, 60)


def _end(
    image: np.ndarray,
    grown: np.ndarray,
    mask: np.ndarray,
    away: np.ndarray,
    start: np.ndarray,
    point: np.ndarray,
) -> _End | None:
    length = float(np.linalg.norm(point - start))
    reach = _reach_of_end(length)
    row, column = np.clip(np.rint(point).astype(int), 0, np.array(mask.shape) - 1)
    if away[row, column] > reach:
        return None
    direction = (point - start) / length
    ahead = point + np.arange(1, int(2 * reach) + 2)[:, None] * direction
    if not mask_at(mask, ahead, outside=False).any():
        return None
    back = point - np.arange(int(min(length, SIDE_LENGTH_PX)) + 1)[:, None] * direction
    normal = np.array([-direction[1], direction[0]])  # (y, x) turned left as seen in the photo
    sides = []
    for sign in (1, -1):
        points = (back[None] + sign * np.array(SIDE_OFFSETS_PX)[:, None, None] * normal).reshape(-1, 2)
        points = np.rint(points).astype(int)
        within = ((points >= 0) & (points < mask.shape)).all(axis=1)
        points = points[within]
        points = points[~grown[points[:, 0], points[:, 1]]]
        if len(points) < 8:
            return None
        sides.append(np.median(image[points[:, 0], points[:, 1]].astype(float), axis=0))
    return _End(point, direction, length, sides[0], sides[1])


def _same(one: _End, other: _End) -> bool:
    """Whether two ends are one: within 3 degrees and 1.6 px."""
    if one.direction @ other.direction < np.cos(np.radians(3)):
        return False
    apart = one.point - other.point
    return abs(cross(other.direction, apart)) < SAME_LINE_PX and abs(apart @ other.direction) < 30


def _continued(
    ends: list[_End],
    image: np.ndarray,
    mask: np.ndarray,
    gray: np.ndarray,
    grown: np.ndarray,
    *,
    arcs: bool,
) -> tuple[list[Line], list[Arc]]:
    """How the ends go on: the surest ways first, no two lines across each other."""
    lines: list[Line] = []
    free = set(range(len(ends)))
    _take(_joins(ends, mask), lines, [], free)
    bent: list[Arc] = []
    curves: list[Line] = []
    if arcs:
        bent = find_arcs(image, mask, gray, grown, lines)
        curves = [piece for arc in bent for piece in arc.pieces()]
        seen = [points for arc in bent for points in (arc.before, arc.after)]
        free -= {i for i in free if any(_lies_on(ends[i], points) for points in seen)}
    _take(_corners(ends, mask), lines, curves, free)
    for i in sorted(free):
        line = _t_joint(ends[i], [*lines, *curves], mask)
        if line is not None:
            lines.append(line)
            free.discard(i)
    for i in sorted(free):
        line = _free_end(ends[i], [*lines, *curves], mask)
        if line is not None:
            lines.append(line)
    return lines, bent


_Choice = tuple[float, int, int, list[Line]]


def _take(choices: Iterator[_Choice], lines: list[Line], barriers: Sequence[Line], free: set[int]) -> None:
    """Add what may be added, the surest first, and take its ends from those that are free."""
    for _, i, j, new in sorted(choices, key=lambda choice: choice[0]):
        if {i, j} <= free and not any(cross_each_other(a, b) for a in new for b in (*lines, *barriers)):
            lines += new
            free -= {i, j}


def _lies_on(end: _End, points: np.ndarray) -> bool:
    """Whether an end is one of an edge that was followed; points: float64 (N, 2)."""
    return float(np.linalg.norm(points - end.point, axis=1).min()) < ON_EDGE_PX


def _joins(ends: list[_End], mask: np.ndarray) -> Iterator[_Choice]:
    for (i, a), (j, b) in combinations(enumerate(ends), 2):
        if a.direction @ b.direction > -0.8:
            continue
        gap = float(np.linalg.norm(b.point - a.point))
        if gap < 2:
            continue
        across = (b.point - a.point) / gap
        score = 0.0
        for end, turned in ((a, across), (b, -across)):
            angle = np.degrees(np.arccos(np.clip(end.direction @ turned, -1, 1)) - np.arctan(1.5 / gap))
            score += max(0.0, float(angle)) / (2 + 30 / end.length)
            if angle > 2 + 30 / end.length:
                score = np.inf
        if not np.isfinite(score):
            continue
        left, right = np.linalg.norm(a.left - b.right), np.linalg.norm(a.right - b.left)
        if min(left, right) > NEAR_SIDE or left + right > BOTH_SIDES:
            continue
        if share_inside(mask, a.point, b.point) < 0.5:
            continue
        score += float(left + right) / 80 + gap / (a.length + b.length) / 4
        yield score, i, j, [Line(a.point, b.point, JOINED)]


def _corners(ends: list[_End], mask: np.ndarray) -> Iterator[_Choice]:
    long = [
        (i, e) for i, e in enumerate(ends) if e.length >= CORNER_LENGTH_PX and e.contrast >= LEAST_CONTRAST
    ]
    for (i, a), (j, b) in combinations(long, 2):
        turn = cross(a.direction, b.direction)
        if abs(turn) < 0.3:
            continue
        apart = b.point - a.point
        first, second = cross(apart, b.direction) / turn, cross(apart, a.direction) / turn
        if not (0 < first <= 2 * a.length and 0 < second <= 2 * b.length):
            continue
        corner = a.point + first * a.direction
        if not mask_at(mask, corner[None], outside=False)[0]:
            continue
        left, right = np.linalg.norm(a.left - b.right), np.linalg.norm(a.right - b.left)
        if max(left, right) > NEAR_SIDE:
            continue
        if min(share_inside(mask, e.point, corner) for e in (a, b)) < 0.5:
            continue
        score = float(left + right) / 80 + (first + second) / (a.length + b.length) / 4
        yield score, i, j, [Line(a.point, corner, CORNER), Line(b.point, corner, CORNER)]


def _t_joint(end: _End, lines: list[Line], mask: np.ndarray) -> Line | None:
    """The line from an end to the first line that is in its way."""
    if end.contrast < LEAST_CONTRAST:
        return None
    hits = [
        reach
        for reach in (reach_of(end.point, end.direction, line) for line in lines)
        if reach is not None and 2 < reach <= 3 * end.length
    ]
    if not hits:
        return None
    stop = end.point + min(hits) * end.direction
    if share_inside(mask, end.point, stop) < 0.5:
        return None
    return Line(end.point, stop, T_JOINT)


def _free_end(end: _End, lines: list[Line], mask: np.ndarray) -> Line | None:
    if end.contrast < LEAST_CONTRAST:
        return None
    reach = end.length
    for line in lines:
        hit = reach_of(end.point, end.direction, line)
        if hit is not None:
            reach = min(reach, hit)
    ahead = end.point + np.arange(1, int(reach) + 1)[:, None] * end.direction
    inside = np.flatnonzero(mask_at(mask, ahead, outside=False))
    if len(inside) == 0:
        return None
    return Line(end.point, ahead[inside[-1]], FREE, fading=True)
