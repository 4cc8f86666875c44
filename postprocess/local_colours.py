"""How common a colour is nearby, among the pixels of an object and among those outside.

Histograms over a small palette, blurred over space (so that they are local) and over like colours: the colour
model of Criminisi et al., "Bilayer segmentation of live video" (CVPR 2006), made local.
"""

from dataclasses import dataclass

import cv2
import numpy as np

# Colours count up to two bands away.
LOCALITY_BANDS = 2.0
PALETTE = 24
LIKE_COLOURS = 6.0  # standard deviation, CIE Lab units
RARE = 0.03  # a colour of this share among its neighbours is as good as not seen
# Fewer pixels of an object than this are counted all, not one of five.
LEAST_SAMPLE = 400


@dataclass(frozen=True)
class _Cells:
    """A coarse grid over a photo of height x width pixels, for colours counted place by place."""

    height_px: int
    width_px: int
    side_px: float

    @property
    def shape(self) -> tuple[int, int]:
        return int(np.ceil(self.height_px / self.side_px)), int(np.ceil(self.width_px / self.side_px))

    def places(self, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and column in the grid of some pixels: float32 (N,) each, cell centres at whole numbers."""
        rows, cols = np.nonzero(where)
        scale = np.float32(1 / self.side_px)
        return (rows.astype(np.float32) + 0.5) * scale - 0.5, (cols.astype(np.float32) + 0.5) * scale - 0.5

    def histograms(
        self,
        places: tuple[np.ndarray, np.ndarray],
        index: np.ndarray,
        weight: np.ndarray,
        colours: int,
        sigma_px: float,
    ) -> np.ndarray:
        """Share of each colour around each cell: float32 (cells, colours)."""
        height, width = self.shape
        home = np.rint(places[0]).astype(np.int32).clip(0, height - 1) * width
        home += np.rint(places[1]).astype(np.int32).clip(0, width - 1)
        sums = np.bincount(home * colours + index, weight, height * width * colours)
        layers = np.moveaxis(sums.reshape(height, width, colours).astype(np.float32), 2, 0)
        sigma = sigma_px / self.side_px
        blurred = [cv2.GaussianBlur(layer, (0, 0), sigma) for layer in layers]
        table = np.stack(blurred, axis=2).reshape(-1, colours)
        result: np.ndarray = table / (table.sum(axis=1, keepdims=True) + np.float32(1e-12))
        return result

    def look_up(
        self, table: np.ndarray, places: tuple[np.ndarray, np.ndarray], index: np.ndarray
    ) -> np.ndarray:
        """The share of colour `index` at `places`, between cells by bilinear weights: float32 (N,)."""
        height, width = self.shape
        top, left = (np.floor(place).astype(np.int32) for place in places)
        down, right = places[0] - top, places[1] - left
        rows = [
            (row.clip(0, height - 1) * width, weight) for row, weight in ((top, 1 - down), (top + 1, down))
        ]
        cols = [(col.clip(0, width - 1), weight) for col, weight in ((left, 1 - right), (left + 1, right))]
        flat, count = table.ravel(), table.shape[1]
        found = np.zeros(len(index), np.float32)
        for row, by_row in rows:
            for col, by_col in cols:
                found += by_row * by_col * flat[(row + col) * count + index]
        return found


def colour_score(
    image: np.ndarray,
    near: np.ndarray,
    judged: np.ndarray,
    inside: np.ndarray,
    ground: np.ndarray,
    band_px: float,
) -> np.ndarray:
    """Log ratio of how common a colour is inside and outside nearby: float32 (H, W), 0 where not `judged`.

    near: bool (H, W), what is counted. inside: float32 (H, W), how much it counts as object. ground: bool
    (H, W), what counts as outside.
    """
    soft = cv2.GaussianBlur(image, (0, 0), 0.6)
    counted = _sample(near, inside > 0)
    gathered = _lab(soft, counted)
    colours = _palette(gathered)
    index, judged_index = _nearest(gathered, colours), _nearest(_lab(soft, judged), colours)
    reach_px = LOCALITY_BANDS * band_px
    cells = _Cells(near.shape[0], near.shape[1], max(1.0, reach_px / 3))
    places, judged_places = cells.places(counted), cells.places(judged)
    apart = ((colours[:, None] - colours[None]) ** 2).sum(axis=2)
    alike = np.exp(-apart / (2 * LIKE_COLOURS**2))
    logs = []
    for weight in (inside, ground.astype(np.float32)):
        table = cells.histograms(places, index, weight[counted], len(colours), reach_px) @ alike
        logs.append(np.log(cells.look_up(table, judged_places, judged_index) + RARE))
    score = np.zeros(near.shape, np.float32)
    score[judged] = logs[0] - logs[1]
    return score


def _sample(area: np.ndarray, rare: np.ndarray) -> np.ndarray:
    """The pixels of `area` to count colours by: one of five, or all where that leaves few of `rare`.

    Any five pixels along a row, a column or a diagonal hold one of them, so that no strap is missed.
    """
    height, width = area.shape
    fifth = (np.arange(width, dtype=np.int32) + 2 * np.arange(height, dtype=np.int32)[:, None]) % 5 == 0
    fifth &= area
    return fifth if np.count_nonzero(rare & fifth) >= LEAST_SAMPLE else area


def _lab(image: np.ndarray, where: np.ndarray) -> np.ndarray:
    """CIE Lab of some pixels: float32 (N, 3)."""
    result: np.ndarray = cv2.cvtColor((image[where].astype(np.float32) / 255)[None], cv2.COLOR_RGB2Lab)[0]
    return result


def _palette(lab: np.ndarray) -> np.ndarray:
    """Up to `PALETTE` colours of some pixels, float32 (N, 3) -> float32 (K, 3); the same pixels, the same."""
    sample = lab[:: max(1, len(lab) // 4000)]
    count = min(PALETTE, len(sample))
    spread = np.argsort(sample[:, 0], kind="stable")
    start = np.empty(len(sample), np.int32)  # first guess: slices of equal number, from dark to bright
    start[spread] = np.arange(len(sample)) * count // len(sample)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 8, 1.0)
    _, _, colours = cv2.kmeans(sample, count, start, stop, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    return colours


def _nearest(lab: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Index of the nearest of the colours, int32 (N,)."""
    length, twice = (colours**2).sum(axis=1), -2 * colours.T
    index = np.empty(len(lab), np.int32)
    for start in range(0, len(lab), 2048):  # small enough for the cache, and for BLAS to start no threads
        index[start : start + 2048] = (lab[start : start + 2048] @ twice + length).argmin(axis=1)
    return index
