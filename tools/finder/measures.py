"""How well people were found: one number from one photo's masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

from tools.finder.boxes import pixel_box
from tools.finder.photos import IGNORE, PERSON, UNKNOWN

COVERED = 0.5  # a person is found where this share of it is
BOX_FILLED = 0.25  # half of what a person fills of its box: COCO's people fill half of theirs
BOX_SPANNED = 0.5  # of each side of the box
TOUCH_PX = 2
LEAST_PIECE = 0.15  # of a person: what an instance must hold of it to be a piece of it
LEAST_WHOLE_SHARE = 0.01  # of the photo: smaller people are not asked whether they were cut
LEAST_PAIR_SHARE = 0.005  # of the photo, for each of the two


def union_iou(found: np.ndarray, label: np.ndarray) -> float:
    """found bool (H, W); label uint8 (H, W), pixels of value IGNORE left out."""
    known = label != IGNORE
    person, found = (label == PERSON) & known, found & known
    return float((person & found).sum() / max(1, (person | found).sum()))


def covered(found: np.ndarray, person: np.ndarray) -> bool:
    return bool(found[person].mean() >= COVERED)


def small_people(
    label: np.ndarray, people: np.ndarray, heights: tuple[float, float] = (0.03, 0.1)
) -> Iterator[np.ndarray]:
    """Masks, bool (H, W), of the people whose height is between these shares of the photo's. Where persons
    are not told apart a connected region counts as one."""
    masks = [people == number for number in np.unique(people[people > 0])]
    count, regions = cv2.connectedComponents(((label == PERSON) & (people == UNKNOWN)).view(np.uint8))
    masks += [regions == index for index in range(1, count)]
    for mask in masks:
        rows = np.flatnonzero(mask.any(1))
        if heights[0] <= (rows[-1] + 1 - rows[0]) / len(mask) <= heights[1]:
            yield mask


def box_covered(found: np.ndarray, box: np.ndarray) -> bool:
    """Whether the mask covers by half the person of whom only the box (xyxy) is known: it fills BOX_FILLED of
    the box and spans BOX_SPANNED of each of its sides. Another person in the box may help: an upper bound.
    """
    inside = found[pixel_box(box, found.shape)]
    return bool(
        inside.size
        and inside.mean() >= BOX_FILLED
        and inside.any(0).mean() >= BOX_SPANNED
        and inside.any(1).mean() >= BOX_SPANNED
    )


def touching_pairs(people: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Masks of each two people, of LEAST_PAIR_SHARE each, who come within TOUCH_PX of each other."""
    numbers = [n for n in np.unique(people[people > 0]) if (people == n).mean() >= LEAST_PAIR_SHARE]
    masks = [people == n for n in numbers]
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * TOUCH_PX + 1,) * 2)
    for index, first in enumerate(masks):
        grown = cv2.dilate(first.view(np.uint8), near) > 0
        for second in masks[index + 1 :]:
            if (grown & second).any():
                yield first, second


def pair_split(instances: Sequence[np.ndarray], first: np.ndarray, second: np.ndarray) -> bool:
    """Whether some instance covers the first by half and not the second, and another the other way."""
    shares = np.array([[i[first].mean(), i[second].mean()] for i in instances]).reshape(-1, 2)
    apart = (shares >= COVERED) & (shares[:, ::-1] < COVERED)
    return bool(apart.any(0).all())


def cut_in_pieces(instances: Sequence[np.ndarray], people: np.ndarray) -> Iterator[bool]:
    """For each person of LEAST_WHOLE_SHARE whom the instances, bool (H, W) each, cover: whether two of them
    hold LEAST_PIECE of it each. people: int (H, W), numbers from 1 on."""
    for number in np.unique(people[people > 0]):
        person = people == number
        if person.mean() < LEAST_WHOLE_SHARE:
            continue
        shares = np.array([instance[person].mean() for instance in instances])
        if shares.sum() >= COVERED:
            yield bool((shares >= LEAST_PIECE).sum() >= 2)


def box_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Of two boxes xyxy."""
    sides = np.clip(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0, None)
    common = float(np.prod(sides))
    areas = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]))
    return common / max(areas - common, 1e-9)


def overlapping_boxes(boxes: np.ndarray, area_px: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each two boxes (N, 4) of LEAST_PAIR_SHARE of `area_px` whose IoU is 0.02 to 0.5."""
    large = [b for b in boxes if np.prod(b[2:] - b[:2]) >= LEAST_PAIR_SHARE * area_px]
    for index, first in enumerate(large):
        for second in large[index + 1 :]:
            if 0.02 <= box_iou(first, second) <= 0.5:
                yield first, second


def boxes_split(found: Iterable[np.ndarray], first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two different found boxes have an IoU of 0.5 and more with one of the two each."""
    hits = [(box_iou(box, first) >= 0.5, box_iou(box, second) >= 0.5) for box in found]
    ones, twos = (np.array([h[i] for h in hits], bool) for i in (0, 1))
    return bool(ones.any() and twos.any() and (ones | twos).sum() >= 2)
