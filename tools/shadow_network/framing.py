"""The window that the network sees of a drawn picture: where the photo ends, how a camera and a detector
would give it, and what counts."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.shadow_network.drawing import Placed
from tools.shadow_network.window import HEIGHT_PX, WIDTH_PX, Window, window_around

UNKNOWN = 255
"""Of the answer: does not count."""


@dataclass(frozen=True, eq=False)
class Sample:
    """image: uint8 (HEIGHT_PX, WIDTH_PX, 3). planes: uint8 (.., 2), 0-255, objects and beyond the photo.
    shadow: uint8 half as high and wide, 0, 1 or UNKNOWN."""

    image: np.ndarray
    planes: np.ndarray
    shadow: np.ndarray


def framed(
    picture: np.ndarray,
    marked: np.ndarray,
    truth: np.ndarray,
    main: Placed,
    rng: np.random.Generator,
) -> Sample:
    """The window around the marked object in the middle, the photo ending where it may."""
    size = picture.shape[:2]
    top, left, bottom, right = 0, 0, size[0], size[1]
    middle, half = size[1] // 2, main.cover.shape[1] / 2
    cuts = rng.random(4) < (0.04, 0.08, 0.16, 0.08)
    tall = len(main.cover)
    if cuts[0]:
        top = max(0, int(main.foot - tall * rng.uniform(0.85, 1.3)))
    if cuts[1]:
        left = max(0, int(middle - half * rng.uniform(0.3, 1) - rng.exponential(0.4) * tall))
    if cuts[2]:
        through = rng.random() < 0.3
        bottom = int(main.foot + (-rng.uniform(0.05, 0.5) if through else rng.exponential(0.35)) * tall) + 1
        bottom = min(bottom, size[0])
        if through:  # whose feet are not seen has no known shadow
            truth = np.where(truth == 1, 0.5, truth)
    if cuts[3]:
        right = min(size[1], int(middle + half * rng.uniform(0.3, 1) + rng.exponential(0.4) * tall))
    picture, marked, truth = (plane[top:bottom, left:right] for plane in (picture, marked, truth))
    picture = as_taken(picture, rng)
    given = _imperfect(marked, rng)
    window = _window(given, middle - left, rng)
    shadow = window.share(truth > 0.75)
    known = 1 - window.share((truth > 0.25) & (truth < 0.75))
    outside = window.outside(given.shape)
    shadow, known = (
        cv2.resize(p, (WIDTH_PX // 2, HEIGHT_PX // 2), interpolation=cv2.INTER_AREA) for p in (shadow, known)
    )
    answer = (shadow > 0.5).astype(np.uint8)
    answer[(known < 0.5) | (cv2.resize(outside, answer.shape[::-1], interpolation=cv2.INTER_AREA) > 0.5)] = (
        UNKNOWN
    )
    planes = np.dstack([window.share(given), outside])
    return Sample(window.photo(picture), np.rint(255 * planes).astype(np.uint8), answer)


def _window(given: np.ndarray, middle: float, rng: np.random.Generator) -> Window:
    """Around the connected part of the mask that is nearest to the middle."""
    count, _, stats, centres = cv2.connectedComponentsWithStats(given.view(np.uint8), connectivity=8)
    if count < 2:
        return window_around((middle - 15, len(given) / 2 - 30, 30, 60))
    large = [index for index in range(1, count) if stats[index][4] > 60] or [1]
    best = min(large, key=lambda index: abs(centres[index][0] - middle))
    x, y, width, height = (float(value) for value in stats[best][:4])
    jitter = rng.normal(0, 0.03, 4) * height
    return window_around(
        (x + jitter[0], y + jitter[1], max(4, width + jitter[2]), max(8, height + jitter[3]))
    )


def as_taken(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise, blur, colours and JPEG as of a camera: uint8."""
    height, width = picture.shape[:2]
    if rng.random() < 0.35:
        scale = rng.uniform(0.35, 0.9)
        small = cv2.resize(
            picture, (max(8, int(width * scale)), max(8, int(height * scale))), interpolation=cv2.INTER_AREA
        )
        picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.94, 1.06, 3)
    picture = 255 * (picture.clip(0, 255) * gain / 255).clip(0, 1) ** rng.uniform(0.8, 1.25)
    if rng.random() < 0.06:
        picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    picture = picture + rng.standard_normal(picture.shape) * rng.uniform(0, 5)
    image = picture.clip(0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(45, 95))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR))
    return image


def _imperfect(marked: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As a detector would mark it: a little too small or too large, its outline rounded."""
    mask = marked > 0.5
    radius = int(rng.choice([-2, -1, 0, 0, 0, 1, 2]))
    if radius:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(radius) + 1,) * 2)
        change = cv2.erode if radius < 0 else cv2.dilate
        mask = change(mask.view(np.uint8), kernel).view(bool)
    if rng.random() < 0.4:
        mask = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), rng.uniform(0.7, 2)) > 0.5
    return mask if mask.any() else marked > 0.5
