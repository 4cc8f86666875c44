"""Clicks on anything: a photo is looked at once, at reduced size, and then answers click after click."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from removal.page.masks import StepError, points_of

if TYPE_CHECKING:
    from removal.page.gallery import Gallery, Opened
    from segment import Detections
    from segment.prompts import Embedded, Prompter

LOOKED_AT_PX = 1536  # long side of a photo as clicks see it
KEPT = 2
MOST_CLICKS = 100


@dataclass(frozen=True, eq=False)
class Looked:
    """A photo that was looked at, at a size (width, height) of `scale` times its own. detections: as they
    were then."""

    ask: Embedded
    size: tuple[int, int]
    scale: float
    detections: Detections | None


class Pointer:
    """The photos that were looked at last; gallery: where they are."""

    def __init__(self, gallery: Gallery):
        self.gallery = gallery
        self._prompter: Prompter | None = None  # loaded at the first look
        self._looked: OrderedDict[str, Looked] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, opened: Opened) -> Looked:
        """Looks at a photo; again only where more is known of it than before."""
        from segment import Detections
        from segment.prompts import load_prompter

        with self._lock:
            looked = self._looked.get(opened.id)
            if looked is not None and looked.detections is opened.detections:
                self._looked.move_to_end(opened.id)
                return looked
            image, found = self.gallery.photo(opened).pixels, opened.detections
            scale = min(1.0, LOOKED_AT_PX / max(image.shape[:2]))
            if scale < 1:
                image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            # Where nothing is known yet, nothing is looked for here: the page's own finder is about to.
            height, width = image.shape[:2]
            small = Detections.empty(height, width) if found is None else reduced(found, height, width)
            self._prompter = self._prompter or load_prompter("auto")
            ask = self._prompter.embed(image, small)
            looked = Looked(ask, (image.shape[1], image.shape[0]), scale, found)
            self._looked[opened.id] = looked
            while len(self._looked) > KEPT:
                self._looked.popitem(last=False)
            return looked

    def forget(self, opened: Opened) -> None:
        with self._lock:
            self._looked.pop(opened.id, None)

    def mask(self, opened: Opened, step: Mapping[str, Any]) -> np.ndarray:
        """The thing under some clicks, bool (H, W); step: points, and labels, 1 = this, 0 = not this.

        Raises StepError for a step that is not as described, ValueError for clicks that mean nothing.
        """
        points, labels = points_of(step, MOST_CLICKS), step.get("labels")
        if not isinstance(labels, list) or len(labels) != len(points) or not set(labels) <= {0, 1}:
            raise StepError("expected a label of 0 or 1 for each point")
        if not ((points >= 0).all() and (points < [opened.width, opened.height]).all()):
            raise StepError(f"expected points inside {opened.width} x {opened.height} pixels")
        looked = self.look(opened)
        inside = np.minimum(points * looked.scale, np.array(looked.size) - 0.01)
        masks, _ = looked.ask(points=[(x, y) for x, y in inside.tolist()], labels=labels)
        best: np.ndarray = masks[0]
        if looked.scale == 1:
            return best
        size = opened.width, opened.height
        large = cv2.resize(best.astype(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR)
        return large > 127


def reduced(found: Detections, height: int, width: int) -> Detections:
    """Detections of a photo that was shrunk to height x width pixels."""
    if (found.height, found.width) == (height, width) or not len(found):
        return found if len(found) else type(found).empty(height, width)
    masks = [
        cv2.resize(found.mask(index).astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA) > 0
        for index in range(len(found))
    ]
    return type(found).from_masks(masks, found.labels, found.scores)
