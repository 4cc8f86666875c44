"""Looking at a photo with the person finder: at several sizes and mirrored, then once more at small people.

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

WORKING_SIDES_PX = (256, 320, 384)  # long sides the photo is looked at; the answers are averaged
SUSPECTED = 0.2  # a region is worth a second look from this probability on
SMALL = 0.22  # of the photo's longer side: people lower than this are looked at again
CONTEXT = 3.0  # side of what is looked at again, over the larger side of the region
LEAST_WINDOW = 0.12  # of the photo's longer side
SECOND_SIDE_PX = 224  # of the second look
MOST_LOOKS = 6
SECOND_WEIGHT = 0.6  # of the second look, where both looked


@dataclass(frozen=True)
class View:
    """probability float32 (h, w) that a pixel shows a person. middles float32 (a, b): how much a cell is the
    middle of a person, in [0, 1]; ways float32 (2, a, b): rows and columns to the middle of the person here,
    in OFFSET_UNIT_PX of the view; both in cells of 4 px of the view, 2 of the probability."""

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
    the largest alone. image: uint8 (H, W, 3) RGB."""
    seen = {side: views(run, image, side, (False, True)) for side in sides}
    plain, mirror = seen[max(sides)]
    size = plain.probability.shape[::-1]
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


def windows_to_look_at(probability: np.ndarray, size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Squares (top, left, bottom, right; px of the photo of `size`) around found or suspected small people,
    the likeliest first; a person that lies well inside an earlier square gets none of their own."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(
        (probability > SUSPECTED).view(np.uint8), connectivity=8
    )
    long_side = max(probability.shape)
    candidates = []
    for index in range(1, count):
        left, top, width, height, area = stats[index].tolist()
        if max(height, width) <= SMALL * long_side and area >= 3:
            inside = numbers[top : top + height, left : left + width] == index
            peak = probability[top : top + height, left : left + width][inside].max()
            candidates.append((float(peak), top, left, top + height, left + width))
    scale = size[0] / probability.shape[0], size[1] / probability.shape[1]
    windows: list[tuple[int, int, int, int]] = []
    for _, top, left, bottom, right in sorted(candidates, reverse=True):
        rows, cols = (top * scale[0], bottom * scale[0]), (left * scale[1], right * scale[1])
        if any(w[0] <= rows[0] and w[1] <= cols[0] and rows[1] <= w[2] and cols[1] <= w[3] for w in windows):
            continue
        side = max(CONTEXT * max(rows[1] - rows[0], cols[1] - cols[0]), LEAST_WINDOW * max(size))
        top, bottom = fitted((rows[0] + rows[1]) / 2, side, size[0])
        left, right = fitted((cols[0] + cols[1]) / 2, side, size[1])
        windows.append((top, left, bottom, right))
        if len(windows) == MOST_LOOKS:
            break
    return windows


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


def fitted(middle: float, side: float, whole: int) -> tuple[int, int]:
    """An interval of length `side` around the middle, moved into [0, whole] and cut to it."""
    start = int(np.clip(middle - side / 2, 0, max(0, whole - side)))
    return start, min(whole, start + round(side))


def look_again(
    run: Run, image: np.ndarray, probability: np.ndarray
) -> list[tuple[tuple[int, int, int, int], np.ndarray]]:
    """Windows of the photo and the probability in them after a second look, enlarged: float32 (h, w) each.

    At a window's rim the first look alone counts, so that nothing is torn there.
    """
    looks = []
    height, width = image.shape[:2]
    for window in windows_to_look_at(probability, (height, width)):
        top, left, bottom, right = window
        part = image[top:bottom, left:right]
        if min(part.shape[:2]) < 8:
            continue
        second = views(run, part, SECOND_SIDE_PX, (False,))[0].probability
        before = sampled(probability, window, (height, width), second.shape)
        weight = SECOND_WEIGHT * rim_weight(second.shape, [top > 0, left > 0, bottom < height, right < width])
        looks.append((window, before + (second - before) * weight))
    return looks


def sampled(
    small: np.ndarray, window: tuple[int, int, int, int], size: tuple[int, int], shape: tuple[int, ...]
) -> np.ndarray:
    """The part of a small map of the photo (of `size`) that lies in the window, resized to `shape`."""
    top, left, bottom, right = window
    rows, cols = (np.arange(n) + 0.5 for n in shape)
    y = (top + rows / shape[0] * (bottom - top)) * small.shape[0] / size[0] - 0.5
    x = (left + cols / shape[1] * (right - left)) * small.shape[1] / size[1] - 0.5
    grid_x, grid_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return cv2.remap(small, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def rim_weight(shape: tuple[int, ...], falls: Sequence[bool], share: float = 0.15) -> np.ndarray:
    """float32 map: 1 inside, falling to 0 at the sides (top, left, bottom, right) that `falls` names."""
    ramps = []
    for count, (first, last) in zip(shape, ((falls[0], falls[2]), (falls[1], falls[3])), strict=True):
        places = (np.arange(count) + 0.5) / count
        before = np.clip(places / share, 0, 1) if first else np.ones(count)
        ramps.append(np.minimum(before, np.clip((1 - places) / share, 0, 1) if last else 1))
    return np.outer(*ramps).astype(np.float32)
