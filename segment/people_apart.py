"""People who touch, told apart: each pixel goes to the middle that it points to (Cheng et al. 2020,
"Panoptic-DeepLab", section 3.3).
"""

from __future__ import annotations

import cv2
import numpy as np

from segment.person_network import OFFSET_UNIT_PX

CELL_PX = 4  # of the view; the instance head answers for cells of this size
LEAST_MIDDLE = 0.25  # a cell is a person's middle from here on, where none near it is more so
LEAST_PART = 0.08  # of a region: a smaller part is no person of its own
LEAST_PART_CELLS = 4


def peaks(middles: np.ndarray, least: float = LEAST_MIDDLE) -> np.ndarray:
    """Rows and columns, int (N, 2), of the cells that are middles, most certain first."""
    smooth = cv2.GaussianBlur(middles, (3, 3), 0.6)
    highest = cv2.dilate(smooth, np.ones((3, 3), np.uint8))
    rows, cols = np.nonzero((smooth >= highest) & (middles >= least))
    order = np.argsort(-middles[rows, cols], kind="stable")
    return np.stack([rows[order], cols[order]], axis=1)


def people_of_cells(person: np.ndarray, middles: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """int32 (a, b): for each cell of a person the number of their middle, from 1 on; 0 elsewhere.

    person: bool (a, b). middles, ways as in `finder_views.View`. A middle that few cells of its region point
    to is no person: its cells go to the next best.
    """
    numbers = np.zeros(person.shape, np.int32)
    count, regions = cv2.connectedComponents(person.view(np.uint8), connectivity=8)
    found = peaks(middles)
    owner = regions[found[:, 0], found[:, 1]] if len(found) else np.zeros(0, int)
    next_number = 1
    for region in range(1, count):
        rows, cols = np.nonzero(regions == region)
        targets = np.stack([rows, cols], 1) + ways[:, rows, cols].T * (OFFSET_UNIT_PX / CELL_PX)
        kept = found[owner == region].astype(np.float64)
        nearest = np.zeros(len(rows), int)
        while len(kept) > 1:
            nearest = np.argmin(((targets[:, None] - kept[None]) ** 2).sum(2), axis=1)
            sizes = np.bincount(nearest, minlength=len(kept))
            smallest = int(sizes.argmin())
            if sizes[smallest] >= max(LEAST_PART_CELLS, LEAST_PART * len(rows)):
                break
            kept = np.delete(kept, smallest, axis=0)
            nearest = np.zeros(len(rows), int)
        numbers[rows, cols] = next_number + nearest
        next_number += max(1, len(kept))
    return numbers


def split_region(
    inside: np.ndarray, numbers: np.ndarray, box: tuple[float, float, float, float]
) -> list[np.ndarray]:
    """The region's people, bool (h, w) each, that share its pixels among them; the region itself where it is
    one.

    inside: bool (h, w), the region in its window. numbers: as `people_of_cells` gives them for the whole
    photo. box: the window in cells (top, left, bottom, right), not rounded.
    """
    rows = np.clip(
        (np.arange(inside.shape[0]) + 0.5) / inside.shape[0] * (box[2] - box[0]) + box[0] - 0.5, 0, None
    )
    cols = np.clip(
        (np.arange(inside.shape[1]) + 0.5) / inside.shape[1] * (box[3] - box[1]) + box[1] - 0.5, 0, None
    )
    first = int(rows[0]), int(cols[0])
    part = numbers[first[0] : int(rows[-1]) + 2, first[1] : int(cols[-1]) + 2]
    here = np.unique(part[part > 0])
    if len(here) < 2:
        return [inside]
    best = np.zeros(inside.shape, np.float32)
    winner = np.zeros(inside.shape, np.int16)
    grid_x, grid_y = np.meshgrid((cols - first[1]).astype(np.float32), (rows - first[0]).astype(np.float32))
    for index, number in enumerate(here):
        # blurred, so that every pixel of the region is nearest to somebody
        share = cv2.GaussianBlur((part == number).astype(np.float32), (0, 0), 1.0)
        share = cv2.remap(share, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        better = share > best
        winner[better], best[better] = index, share[better]
    parts = [inside & (winner == index) for index in range(len(here))]
    return [p for p in parts if p.any()]
