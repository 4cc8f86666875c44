"""People who stay, where no detector said what is in the photo: nothing of them may be copied into a hole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from segment import Detections, Segmenter

PROTECT_SCORE = 0.2  # from this score on, what stays may not be copied into a hole: better one patch too few
REMOVED_SHARE = 0.5  # whoever lies in the hole by this share goes ...
RIM_SHARE = 0.02  # ... and so near to it, of the photo's short side, what was found of her is only a rim
LEAST_RIM_PX = 8
SURROUNDED_SHARE = 0.5  # a hole whose edge lies on a person by this share is filled with what she wears
LONGEST_PX = 512  # of the photo, as these shares are measured


def find_people(finder: Segmenter, image: np.ndarray) -> Detections:
    """Who is in an image, uint8 (H, W, 3) RGB; people whom the finder half believes in are protected too."""
    (people,) = finder([image], classes=("person",), min_score=PROTECT_SCORE)
    return people


def people_who_stay(people: Detections, hole: np.ndarray) -> np.ndarray:
    """What must not be copied into a hole because it shows somebody who stays.

    Whoever the hole covers for the most part is removed: what was found of her right beside the hole is the
    finder's rim and may be copied. A person whom the hole lies upon (a bag before a coat, a stain on a shirt)
    is what it has to be filled from.

    Args:
        people: who was found.
        hole: bool (H, W), True = to be filled.

    Returns:
        bool (H, W), outside the hole.
    """
    kept = np.zeros_like(hole)
    if not len(people) or not hole.any():
        return kept
    small_hole = shrink(hole)
    near: np.ndarray | None = None
    for index in range(len(people)):
        person = people.mask(index)
        small = shrink(person)
        if (small & small_hole).sum() >= REMOVED_SHARE * small.sum():
            near = around(hole) if near is None else near
            kept |= person & ~near
        elif not lies_upon(small_hole, small):
            kept |= person
    kept &= ~hole
    return kept


def shrink(mask: np.ndarray) -> np.ndarray:
    """A mask, bool (H, W), at a longer side of at most LONGEST_PX; what is thin stays."""
    height, width = mask.shape
    scale = min(1.0, LONGEST_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 1e-6


def around(hole: np.ndarray) -> np.ndarray:
    """The hole with its neighbourhood, bool (H, W)."""
    from postprocess.morphology import thicken

    return thicken(hole, max(LEAST_RIM_PX, round(RIM_SHARE * min(hole.shape))))


def lies_upon(hole: np.ndarray, person: np.ndarray) -> bool:
    """Whether one of the hole's pieces has its edge on a person for the most part; bool (H, W) both."""
    _, pieces = cv2.connectedComponents(hole.astype(np.uint8))
    kernel = np.ones((5, 5), np.uint8)
    for piece in np.unique(pieces[person & hole]):
        edge = (cv2.dilate((pieces == piece).astype(np.uint8), kernel) > 0) & ~hole
        if (edge & person).sum() >= SURROUNDED_SHARE * edge.sum() > 0:
            return True
    return False
