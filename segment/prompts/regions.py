"""A photo in small regions of one colour each, and what lies between them: looked at once, asked per click.

Regions are SLIC superpixels (Achanta et al. 2012). How far two of them are apart is said in three ways: by
a random walk that dies on its way (Grady 2006), by the shortest way across edges, and by the size of the
smallest part of a hierarchy of merged regions that holds both (as Arbelaez et al. 2011).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

WORKING_PX = 320  # long side of what is looked at
SPACING_PX = 11  # between the regions' middles at first
ROUNDS = 5  # of SLIC
COMPACTNESS = 12.0  # units of CIELAB that a step of SPACING_PX counts as
WALKS = ((1.0, 0.004), (3.0, 0.02))  # how much an edge stops a walk, and how soon it dies
KERNEL = 9.0  # units of CIELAB: colours nearer than this are alike


@dataclass(frozen=True, eq=False)
class Regions:
    """N regions of a photo.

    numbers: int32 (h, w), the region of each pixel of the reduced photo. colours: float32 (N, 3), CIELAB.
    middles: float32 (N, 2), x and y over the long side. areas: float32 (N,), shares of the photo.
    rough: float32 (N,), how much the colour changes inside. rim: bool (N,), touches the photo's rim.
    edges: int (E, 2), neighbours, each pair once. steps: float32 (E,), how different they are; the photo's
    mean is 1. walks: float32 (N, N) for each of WALKS, inverse of the walk's Laplacian. joins: float32
    (N, N), share of the photo of the smallest merged part that holds both. alike: float32 (N, N), 0 to 1.
    """

    numbers: np.ndarray
    colours: np.ndarray
    middles: np.ndarray
    areas: np.ndarray
    rough: np.ndarray
    rim: np.ndarray
    edges: np.ndarray
    steps: np.ndarray
    walks: tuple[np.ndarray, ...]
    joins: np.ndarray
    alike: np.ndarray

    @functools.cached_property
    def blend(self) -> np.ndarray:
        """float32 (N, N): rows that take the mean over a region's neighbours, the more alike the more."""
        count = len(self.areas)
        weights = np.zeros((count, count), np.float32)
        one, other = self.edges.T
        weights[one, other] = weights[other, one] = np.exp(-1.5 * self.steps)
        result: np.ndarray = weights / np.maximum(weights.sum(1, keepdims=True), 1e-6)
        return result

    def ways(self, seeds: np.ndarray) -> np.ndarray:
        """float32 (N,), the length of the shortest way from each region to the nearest seed (indices)."""
        lengths = np.full(len(self.areas), np.inf, np.float32)
        lengths[seeds] = 0
        one, other = self.edges.T
        for _ in range(len(lengths)):
            before = lengths.copy()
            np.minimum.at(lengths, one, before[other] + self.steps)
            np.minimum.at(lengths, other, before[one] + self.steps)
            if np.array_equal(before, lengths):
                break
        return lengths


def regions_of(image: np.ndarray) -> Regions:
    """image: uint8 (H, W, 3) RGB, of any size from one pixel on."""
    scale = min(1.0, WORKING_PX / max(image.shape[:2]))
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    numbers = superpixels(lab)
    count = int(numbers.max()) + 1
    flat = numbers.ravel()
    sizes = np.bincount(flat, minlength=count).astype(np.float32)

    def mean(values: np.ndarray) -> np.ndarray:
        return (np.bincount(flat, values.ravel(), count) / sizes).astype(np.float32)

    rows, cols = np.mgrid[: size[1], : size[0]]
    slope = slope_of(lab)
    colours = np.stack([mean(lab[..., channel]) for channel in range(3)], 1)
    rim = np.zeros(count, bool)
    for side in (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]):
        rim[side] = True
    edges, strengths, lengths = borders(numbers, slope)
    apart = np.linalg.norm(colours[edges[:, 0]] - colours[edges[:, 1]], axis=1)
    steps = apart + 0.5 * strengths
    steps = (steps / max(float(steps.mean()) if len(steps) else 1.0, 1.0)).astype(np.float32)
    squares = ((colours[:, None] - colours[None]) ** 2).sum(2)
    return Regions(
        numbers,
        colours,
        (np.stack([mean(cols), mean(rows)], 1) + 0.5) / max(size),
        sizes / flat.size,
        mean(slope),
        rim,
        edges,
        steps + 0.02,
        tuple(walk(count, edges, steps, lengths, *constants) for constants in WALKS),
        joins_of(colours, sizes, edges, strengths, lengths),
        np.exp(-squares / (2 * KERNEL**2)).astype(np.float32),
    )


def slope_of(lab: np.ndarray) -> np.ndarray:
    """How much the colour changes at each pixel, float32 (h, w), units of CIELAB."""
    smooth = cv2.GaussianBlur(lab, (0, 0), 0.8)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *order, scale=1 / 4) for order in ((1, 0), (0, 1)))
    return np.asarray(np.sqrt((across**2 + down**2).sum(2)), np.float32)


def superpixels(lab: np.ndarray) -> np.ndarray:
    """int32 (h, w), numbers of regions from 0 on, none left out. lab: float32 (h, w, 3)."""
    height, width = lab.shape[:2]
    down, across = (max(1, round(side / SPACING_PX)) for side in (height, width))
    rows, cols = np.mgrid[:height, :width].astype(np.float32)
    weight = COMPACTNESS / SPACING_PX
    points = np.dstack([cv2.GaussianBlur(lab, (0, 0), 0.7), rows * weight, cols * weight])
    cell_row = (np.arange(height) * down // height)[:, None] + np.zeros(width, int)
    cell_col = (np.arange(width) * across // width)[None] + np.zeros((height, 1), int)
    numbers = cell_row * across + cell_col
    flat = points.reshape(-1, 5)
    for _ in range(ROUNDS):
        sizes = np.maximum(np.bincount(numbers.ravel(), minlength=down * across), 1)
        means = np.stack(
            [np.bincount(numbers.ravel(), flat[:, k], down * across) / sizes for k in range(5)], 1
        ).astype(np.float32)
        best = np.full((height, width), np.inf, np.float32)
        found = numbers.copy()
        for row_step in (-1, 0, 1):
            for col_step in (-1, 0, 1):
                row, col = cell_row + row_step, cell_col + col_step
                inside = (row >= 0) & (row < down) & (col >= 0) & (col < across)
                candidate = np.where(inside, row * across + col, 0)
                distance = ((points - means[candidate]) ** 2).sum(2)
                better = inside & (distance < best)
                best[better], found[better] = distance[better], candidate[better]
        numbers = found
    _, numbers = np.unique(numbers, return_inverse=True)
    return numbers.reshape(height, width).astype(np.int32)


def borders(numbers: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of neighbours int (E, 2), the mean slope along their border, and its length in pixels."""
    pairs, values = [], []
    for one, other, here, there in (
        (numbers[:, :-1], numbers[:, 1:], slope[:, :-1], slope[:, 1:]),
        (numbers[:-1], numbers[1:], slope[:-1], slope[1:]),
    ):
        differ = one != other
        pairs.append(np.stack([one[differ], other[differ]], 1))
        values.append(np.maximum(here[differ], there[differ]))
    both = np.sort(np.concatenate(pairs), axis=1)
    edges, which, lengths = np.unique(both, axis=0, return_inverse=True, return_counts=True)
    strengths = np.bincount(which.ravel(), np.concatenate(values), len(edges)) / np.maximum(lengths, 1)
    return edges, strengths.astype(np.float32), lengths.astype(np.float32)


def walk(
    count: int, edges: np.ndarray, steps: np.ndarray, lengths: np.ndarray, stopped: float, dies: float
) -> np.ndarray:
    """Inverse of the Laplacian of a walk over the regions which dies with a share of `dies` per step."""
    laplacian = np.zeros((count, count))
    weights = np.exp(-stopped * steps) * lengths / SPACING_PX
    one, other = edges.T
    laplacian[one, other] = laplacian[other, one] = -weights
    np.fill_diagonal(laplacian, dies - laplacian.sum(1))
    return np.asarray(np.linalg.inv(laplacian), np.float32)


def joins_of(
    colours: np.ndarray, sizes: np.ndarray, edges: np.ndarray, strengths: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """float32 (N, N): share of the photo of the smallest merged part that holds both regions.

    The two neighbours that differ least, in their colours and along their border, are merged until one is
    left; small ones first.
    """
    count = len(sizes)
    one, other = edges.T
    border, strength = np.zeros((count, count), np.float32), np.zeros((count, count), np.float32)
    border[one, other] = border[other, one] = lengths
    strength[one, other] = strength[other, one] = lengths * strengths
    colours, sizes = colours.copy(), sizes.copy()
    members = [np.array([index]) for index in range(count)]
    alive = np.ones(count, bool)

    def costs(index: int) -> np.ndarray:
        apart = np.linalg.norm(colours - colours[index], axis=1)
        smaller = np.minimum(sizes, sizes[index]) ** 0.35
        edge = strength[index] / np.maximum(border[index], 1)
        return np.where((border[index] > 0) & alive, (apart + edge) * smaller, np.inf)

    cost = np.stack([costs(index) for index in range(count)]) if count else np.zeros((0, 0))
    least = cost.min(1)
    result = np.diag(sizes)
    for _ in range(count - 1):
        kept = int(least.argmin())
        if not np.isfinite(least[kept]):
            break
        gone = int(cost[kept].argmin())
        total = sizes[kept] + sizes[gone]
        colours[kept] = (colours[kept] * sizes[kept] + colours[gone] * sizes[gone]) / total
        result[np.ix_(members[kept], members[gone])] = total
        result[np.ix_(members[gone], members[kept])] = total
        members[kept], sizes[kept] = np.concatenate([members[kept], members[gone]]), total
        for table in (border, strength):
            table[kept] += table[gone]
            table[:, kept] = table[kept]
            table[gone] = table[:, gone] = table[kept, kept] = 0
        alive[gone] = False
        cost[gone] = cost[:, gone] = np.inf
        least[gone] = np.inf
        fresh = costs(kept)
        stale = np.flatnonzero(np.isfinite(fresh) | np.isfinite(cost[kept]))
        cost[kept] = cost[:, kept] = fresh
        least[kept] = fresh.min()
        least[stale] = cost[stale].min(1)
    return np.asarray(result / sizes[alive].sum() if count else result, np.float32)
