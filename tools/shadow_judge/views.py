"""Views of objects and of their shadows, to train the shadow network with."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from postprocess.shadows import view
from postprocess.shadows.ground import SEARCH_SIDE_PX, shrink_keeping_half, surroundings
from tools.shadow_judge.photos import Example


def views(examples: Iterator[Example]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each object: planes float16 (6, ROWS, COLUMNS); shadow and where it counts, uint8 (ROWS, COLUMNS).

    The rim that a mask may have missed does not count, nor what is no ground.
    """
    for example in examples:
        scale = min(1.0, SEARCH_SIDE_PX / max(example.objects.shape))
        small = [max(1, round(side * scale)) for side in example.objects.shape]
        truth = example.objects & False if example.truth is None else example.truth
        image, objects, others, shadow = (
            shrink_keeping_half(plane, *small)
            for plane in (example.image, example.objects, example.others, truth & ~example.objects)
        )
        for around in surroundings(image, objects, others):
            levels = shadow[around.box].astype(np.float32)
            levels = cv2.resize(levels, around.mine.shape[::-1], interpolation=cv2.INTER_AREA)
            way = view.to_view(around)
            counts = view.seen(around.beyond.astype(np.float32), way) > 0.5
            there = view.seen(levels, way) > 0.5
            yield view.planes(around).astype(np.float16), there.view(np.uint8), counts.view(np.uint8)
