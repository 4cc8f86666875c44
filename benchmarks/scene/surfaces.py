"""Rounded bodies as height fields: what an eye far in front of them sees, with coordinates to texture them
by.

All lengths are metres in the plane of the figure: x right, y up, z towards the camera.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass
class Surface:
    """One body within its box of the canvas. `along` and `around` are float32 coordinates on its skin."""

    box: tuple[slice, slice]
    z: np.ndarray
    inside: np.ndarray
    along: np.ndarray
    around: np.ndarray


@dataclass(frozen=True)
class Canvas:
    """Pixel grid of the figure: x of the columns and y of the rows, in metres."""

    x: np.ndarray
    y: np.ndarray

    def box(self, left: float, right: float, low: float, high: float) -> tuple[slice, slice]:
        columns = np.searchsorted(self.x, (left, right))
        rows = np.searchsorted(-self.y, (-high, -low))
        return slice(max(0, rows[0] - 2), rows[1] + 2), slice(max(0, columns[0] - 2), columns[1] + 2)


def spline(points: np.ndarray, count: int) -> np.ndarray:
    """Catmull-Rom curve through float (N, K) points, resampled to `count` of them."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    where = np.linspace(0, len(points) - 1, count)
    index = np.minimum(where.astype(int), len(points) - 2)
    t = (where - index)[:, None]
    a, b, c, d = (padded[index + k] for k in range(4))
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def tube(canvas: Canvas, nodes: np.ndarray, *, flat_end: bool = False, depth: float = 1.0) -> Surface:
    """A tube along float (N, 4) nodes of x, y, z, radius. along: metres from its start; around: -pi/2..pi/2.

    flat_end: cut it off square behind the last node. depth: its thickness towards the camera over that
    across.
    """
    reach = nodes[:, 3].max()
    box = canvas.box(
        nodes[:, 0].min() - reach,
        nodes[:, 0].max() + reach,
        nodes[:, 1].min() - reach,
        nodes[:, 1].max() + reach,
    )
    x, y = canvas.x[box[1]][None], canvas.y[box[0]][:, None]
    shape = (y.shape[0], x.shape[1])
    z = np.full(shape, -np.inf, np.float32)
    along, around = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(nodes[:, :3], axis=0), axis=1))])
    for k, (a, b) in enumerate(pairwise(nodes)):
        reach = max(a[3], b[3])
        rows = slice(*np.searchsorted(-y[:, 0], (-max(a[1], b[1]) - reach, -min(a[1], b[1]) + reach)))
        columns = slice(*np.searchsorted(x[0], (min(a[0], b[0]) - reach, max(a[0], b[0]) + reach)))
        dx, dy = x[:, columns] - a[0], y[rows] - a[1]
        ex, ey = b[0] - a[0], b[1] - a[1]
        length2 = max(ex * ex + ey * ey, 1e-9)
        t = (dx * ex + dy * ey) / length2
        t = np.clip(t, 0, 1)
        radius = a[3] + t * (b[3] - a[3])
        off2 = (dx - t * ex) ** 2 + (dy - t * ey) ** 2
        side = (dx * ey - dy * ex) / length2**0.5
        height = a[2] + t * (b[2] - a[2]) + depth * np.sqrt(np.maximum(radius**2 - off2, 0))
        better = (off2 < radius**2) & (height > z[rows, columns])
        z[rows, columns][better] = height[better]
        along[rows, columns][better] = (lengths[k] + t * (lengths[k + 1] - lengths[k]))[better]
        around[rows, columns][better] = np.arcsin(np.clip(side / radius, -1, 1))[better]
    inside = np.isfinite(z)
    if flat_end:
        inside &= ~_beyond_end(nodes, x, y)
    return Surface(box, np.where(inside, z, -np.inf).astype(np.float32), inside, along, around)


def _beyond_end(nodes: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pixels past the last node of a tube and near it, where the balls before it would round off the cut."""
    end, way = nodes[-1], nodes[-1, :2] - nodes[-3, :2]
    way = way / max(np.linalg.norm(way), 1e-6)
    dx, dy = x - end[0], y - end[1]
    # The rim is a ring seen from a little above: its near side hangs lower.
    side = (dx * way[1] - dy * way[0]) / end[3]
    rim = 0.10 * end[3] * np.sqrt(np.maximum(1 - side**2, 0))
    return (dx * way[0] + dy * way[1] > rim) & (dx**2 + dy**2 < (2 * end[3]) ** 2)


def stack(canvas: Canvas, profile: np.ndarray) -> Surface:
    """Level ellipses one on another, as a trunk or a head is.

    profile: float (N, 6) rows of y (falling), x and z of the centre, half breadth (across the body), half
    depth (front to back), yaw (0 = the body faces the camera, pi/2 = it faces right). along: y; around:
    angle from the body's front, positive to its left.
    """
    top, low = profile[0, 0], profile[-1, 0]
    reach = profile[:, 3:5].max()
    box = canvas.box(profile[:, 1].min() - reach, profile[:, 1].max() + reach, low, top)
    x, y = canvas.x[box[1]][None], canvas.y[box[0]]
    at = [np.interp(-y, -profile[:, 0], profile[:, k])[:, None] for k in range(1, 6)]
    centre_x, centre_z, breadth, thick, yaw = at
    cos, sin = np.cos(yaw), np.sin(yaw)
    # x = cos * left + sin * front, z = -sin * left + cos * front, for a body whose left is the picture's
    # right.
    xx = cos**2 / breadth**2 + sin**2 / thick**2
    xz = cos * sin * (1 / thick**2 - 1 / breadth**2)
    zz = sin**2 / breadth**2 + cos**2 / thick**2
    dx = x - centre_x
    root = (xz * dx) ** 2 - zz * (xx * dx**2 - 1)
    within = (root > 0) & ((y <= top) & (y >= low))[:, None]
    z = (-xz * dx + np.sqrt(np.maximum(root, 0))) / zz
    left, front = cos * dx - sin * z, sin * dx + cos * z
    around = np.arctan2(left / breadth, front / thick)
    along = np.broadcast_to(y[:, None], z.shape)
    return Surface(
        box,
        np.where(within, z + centre_z, -np.inf).astype(np.float32),
        within,
        along.astype(np.float32),
        around.astype(np.float32),
    )
