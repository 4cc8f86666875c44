"""Real photos whose shadows are known, as the network sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from postprocess.shadows.ground import SEARCH_SIDE_PX, shrink_keeping_half
from tools.shadow_judge.photos import Example
from tools.shadow_network.framing import UNKNOWN, Sample, as_taken
from tools.shadow_network.window import HEIGHT_PX, WIDTH_PX, window_around

LEAST_PX = 16


@dataclass(frozen=True, eq=False)
class Seen:
    """One object of a photo. name, kind: of the photo. image: uint8 (H, W, 3). marked, shadow, unknown: bool
    (H, W). bounds: x, y, width, height of the object."""

    name: str
    kind: str
    image: np.ndarray
    marked: np.ndarray
    shadow: np.ndarray
    unknown: np.ndarray
    bounds: tuple[int, int, int, int]


def objects_of(examples: Iterator[Example]) -> list[Seen]:
    """Each object of the examples; photos are at most SEARCH_SIDE_PX long."""
    found = []
    for example in examples:
        scale = min(1.0, SEARCH_SIDE_PX / max(example.objects.shape))
        size = [max(1, round(side * scale)) for side in example.objects.shape]
        image, marked = (shrink_keeping_half(plane, *size) for plane in (example.image, example.objects))
        truth = marked if example.truth is None else shrink_keeping_half(example.truth, *size)
        rim = cv2.dilate(marked.view(np.uint8), np.ones((5, 5), np.uint8)).view(bool)
        unknown = marked | (rim & truth)
        _, _, stats, _ = cv2.connectedComponentsWithStats(marked.view(np.uint8), connectivity=8)
        for x, y, width, height, area_px in stats[1:].tolist():
            if height >= LEAST_PX and area_px >= LEAST_PX**2 // 2:
                bounds = (x, y, width, height)
                found.append(
                    Seen(example.name, example.kind, image, marked, truth & ~marked, unknown, bounds)
                )
    return found


def sample(seen: Seen, rng: np.random.Generator | None = None) -> Sample:
    """As the network sees it; varied where `rng` is given."""
    x, y, width, height = (float(value) for value in seen.bounds)
    image = seen.image
    if rng is not None:
        image = as_taken(image.astype(np.float32), rng)
        jitter = rng.normal(0, 0.06, 4) * height
        x, y = x + jitter[0], y + jitter[1]
        width, height = width * np.exp(rng.normal(0, 0.1)), height * np.exp(rng.normal(0, 0.15))
    window = window_around((x, y, width, height))
    outside = window.outside(seen.marked.shape)
    half = (WIDTH_PX // 2, HEIGHT_PX // 2)
    shadow, unknown, beyond = (
        cv2.resize(plane, half, interpolation=cv2.INTER_AREA)
        for plane in (window.share(seen.shadow), window.share(seen.unknown), outside)
    )
    answer = (shadow > 0.5).astype(np.uint8)
    answer[(unknown > 0.5) | (beyond > 0.5)] = UNKNOWN
    planes = np.rint(255 * np.dstack([window.share(seen.marked), outside])).astype(np.uint8)
    return Sample(window.photo(image), planes, answer)
