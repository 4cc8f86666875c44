"""Looking at a photo with the person finder: at two sizes, as it is and mirrored.

The network is any function `Run`, as `person_network.PersonNetwork` is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from segment.person_network import STRIDE

# float32 (N, 3, H, W) in [-1, 1] -> logits (N, 1, H/2, W/2) and instances (N, 3, H/4, W/4), both float32
Run = Callable[[np.ndarray], tuple[np.ndarray, ...]]

WORKING_SIDES_PX = (320, 512)  # long sides the photo is looked at; the answers are averaged
SUSPECTED = 0.2  # a region is worth a second look (`second_look`) from this probability on


@dataclass(frozen=True)
class View:
    """probability float32 (h, w) that a pixel shows a person. middles float32 (a, b): how much a cell is the
    middle of a person, in [0, 1]; ways float32 (2, a, b): rows and columns to the middle of the person here,
    in OFFSET_UNIT_PX of the view; both in cells of 4 px of the view."""

    probability: np.ndarray
    middles: np.ndarray
    ways: np.ndarray


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x), in a form that never overflows."""
    return 0.5 + 0.5 * np.tanh(0.5 * logits)


def working_image(image: np.ndarray, long_side: int) -> tuple[np.ndarray, int, int]:
    """The photo at a long side of `long_side` px, padded with grey to multiples of the network's stride."""
    scale = long_side / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    small = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    # at least two strides: OpenCV 5.0 now and then gives garbage where the deepest map is 1 px high
    below, right = (max(2 * STRIDE - side, -side % STRIDE) for side in (height, width))
    padded = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    return padded, height, width


def network_images(images: Sequence[np.ndarray]) -> np.ndarray:
    """uint8 (H, W, 3) each, of one size -> float32 (N, 3, H, W) in [-1, 1]."""
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2)) / np.float32(127.5) - np.float32(1)


def views(run: Run, image: np.ndarray, side: int, mirrored: Sequence[bool]) -> list[View]:
    """The network's answers for the photo at a long side of `side` px, as it is or mirrored (turned back):
    at half of this size."""
    looked_at = [working_image(image[:, ::-1] if turn else image, side) for turn in mirrored]
    height, width = looked_at[0][1:]
    answers = run(network_images([padded for padded, _, _ in looked_at]))
    found = []
    for logits, instances, turn in zip(*answers, mirrored, strict=True):
        full = cv2.resize(logits[0], None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:height, :width]
        cells = instances[:, : -(-height // 4), : -(-width // 4)]
        if turn:  # the last cell of the mirror image may reach over the rim: shifted by under a cell
            full = full[:, ::-1]
            cells = cells[:, :, ::-1] * np.array([1, 1, -1], np.float32)[:, None, None]
        half = (-(-width // 2), -(-height // 2))
        probability = cv2.resize(sigmoid(full), half, interpolation=cv2.INTER_AREA)
        found.append(View(probability, sigmoid(cells[0]), cells[1:]))
    return found


def look(run: Run, image: np.ndarray, sides: Sequence[int] = WORKING_SIDES_PX) -> View:
    """The mean of the views in each of `sides` (long side, px), as it is and mirrored; middles and ways from
    the smallest alone, where people are cut least. image: uint8 (H, W, 3) RGB."""
    seen = {side: views(run, image, side, (False, True)) for side in sides}
    size = seen[max(sides)][0].probability.shape[::-1]
    plain, mirror = seen[min(sides)]
    answers = [
        cv2.resize(view.probability, size, interpolation=cv2.INTER_LINEAR)
        for pair in seen.values()
        for view in pair
    ]
    return View(
        np.asarray(np.mean(answers, axis=0, dtype=np.float32)),
        (plain.middles + mirror.middles) / 2,
        (plain.ways + mirror.ways) / 2,
    )


def suspected(run: Run, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes float32 (N, 4) xyxy pixels of the photo where one quick look half believes that people are, and
    the highest probability in each, float32 (N,)."""
    [view] = views(run, image, max(WORKING_SIDES_PX), (False,))
    height, width = view.probability.shape
    scale = np.array([image.shape[1] / width, image.shape[0] / height] * 2, np.float32)
    doubted = (view.probability > SUSPECTED).view(np.uint8)
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(doubted, connectivity=8)
    boxes, peaks = [], []
    for index in range(1, count):
        left, top, across, down, _ = stats[index].tolist()
        place = slice(top, top + down), slice(left, left + across)
        boxes.append((left, top, left + across, top + down))
        peaks.append(view.probability[place][numbers[place] == index].max())
    return np.array(boxes, np.float32).reshape(-1, 4) * scale, np.array(peaks, np.float32)
