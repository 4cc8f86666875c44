"""What the instance head shall say for a sample, and where colours say that two pixels belong together."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from segment.person_network import OFFSET_UNIT_PX
from tools.finder.augment import Sample
from tools.finder.photos import CROWD, PERSON

CELL = 4  # px of the image for one cell of the instance head
SPREAD = 0.1  # of the box's sides: how wide the hill of a middle is
LEAST_SIDE_PX = 6  # people smaller than this have no middle to be found
SHIFTS = ((0, 2), (2, 0), (2, 2), (2, -2))  # neighbours compared, in px at half the size (Tian et al. 2021)
SAME_COLOUR = 4.0  # distance in CIE Lab


@dataclass(frozen=True)
class InstanceTarget:
    """All (h, w) cells: heat float32 in [0, 1]; heat_known bool; offsets float32 (2, h, w), rows and columns
    to the person's middle in OFFSET_UNIT_PX; offset_weight float32, summing to 1 for each person."""

    heat: np.ndarray
    heat_known: np.ndarray
    offsets: np.ndarray
    offset_weight: np.ndarray


def visible_boxes(sample: Sample) -> dict[int, np.ndarray]:
    """Box xyxy of what is visible in the crop, by the person's number."""
    size = sample.label.shape[0]
    boxes = {}
    if sample.boxes is not None:
        for number, box in enumerate(sample.boxes, 1):
            boxes[number] = np.clip(box, 0, size)
    else:
        for number in np.unique(sample.people[sample.people > 0]):
            left, top, width, height = cv2.boundingRect((sample.people == number).astype(np.uint8))
            boxes[int(number)] = np.array([left, top, left + width, top + height], np.float32)
    return {n: b for n, b in boxes.items() if min(b[2] - b[0], b[3] - b[1]) >= LEAST_SIDE_PX}


def instance_target(sample: Sample) -> InstanceTarget:
    cells = sample.label.shape[0] // CELL
    places = np.arange(cells) * CELL + (CELL - 1) / 2
    heat = np.zeros((cells, cells), np.float32)
    offsets, weight = np.zeros((2, cells, cells), np.float32), np.zeros((cells, cells), np.float32)
    people = sample.people[CELL // 2 :: CELL, CELL // 2 :: CELL]
    boxes = visible_boxes(sample)
    known = people != CROWD
    if sample.boxes is None:
        known = (people == 0) | np.isin(people, list(boxes))
        known = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    for number, (left, top, right, bottom) in boxes.items():
        row, col = (top + bottom - 1) / 2, (left + right - 1) / 2
        row_spread, col_spread = (max(CELL, SPREAD * side) for side in (bottom - top, right - left))
        hill = np.outer(
            np.exp(-0.5 * ((places - row) / row_spread) ** 2),
            np.exp(-0.5 * ((places - col) / col_spread) ** 2),
        )
        heat = np.maximum(heat, hill / hill.max())
        rows, cols = np.nonzero(people == number)
        if len(rows):
            offsets[0, rows, cols] = (row - places[rows]) / OFFSET_UNIT_PX
            offsets[1, rows, cols] = (col - places[cols]) / OFFSET_UNIT_PX
            weight[rows, cols] = (
                1 / len(rows) / max(0.15, np.hypot(bottom - top, right - left) / 2 / OFFSET_UNIT_PX)
            )
    return InstanceTarget(heat.astype(np.float32), known, offsets, weight)


def pixel_weight(
    label: np.ndarray, reference_px: float = 48, most: float = 1.6, nobody: float = 2.0
) -> np.ndarray:
    """float32 (H, W), 1 and more, what pixels count for: of people lower than `reference_px` up to `most`;
    where nobody is in the crop `nobody`."""
    if not (label == PERSON).any():
        return np.full(label.shape, nobody, np.float32)
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(
        (label == PERSON).view(np.uint8), connectivity=8
    )
    factors = np.ones(count, np.float32)
    heights = stats[1:, cv2.CC_STAT_HEIGHT]
    factors[1:] = np.clip(reference_px / np.maximum(heights, 1), 1, most)
    return factors[numbers]


def same_colour(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """bool (4, h, w) at half the size: whether a pixel, inside a box, has the colour of its neighbour in each
    direction of SHIFTS (BoxInst, section 3.3)."""
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(half.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    inside = np.zeros(half.shape[:2], bool)
    for box in np.maximum(boxes / 2, 0).round().astype(int):
        inside[box[1] : box[3], box[0] : box[2]] = True
    same = np.zeros((len(SHIFTS), *inside.shape), bool)
    for index, (down, right) in enumerate(SHIFTS):
        here, there = shifted_views(lab, down, right)
        height, width = here.shape[:2]
        first = max(0, -right)
        same[index, :height, first : first + width] = np.linalg.norm(here - there, axis=2) < SAME_COLOUR
    return same & inside


def shifted_views(values: np.ndarray, down: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """Two views of (H, W, ...) of one size: each place of the first, and `down`, `right` of it the second."""
    height, width = values.shape[:2]
    here = values[: height - down, max(0, -right) : width - max(0, right)]
    there = values[down:, max(0, right) : width - max(0, -right)]
    return here, there
