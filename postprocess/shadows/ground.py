"""What lies around an object's feet, at the small scale at which shadows are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

SEARCH_SIDE_PX = 640
"""Longest side of the photo in which objects are found; shadows are large and soft, more tells nothing."""
OBJECT_PX = 128
"""Objects larger than this are looked at smaller still."""
LEAST_OBJECT_PX = 16
"""Smaller objects have no shadow that thickening their mask would not cover."""
DARK_OFFSET = 6.0
"""Added to levels before the logarithm, so that noise in the dark does not look like contrast."""

Box = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The part of a photo in which one object's shadow can lie. Arrays (h, w) of the scale of `box`.

    box: the part of the small photo that this is. log_light: float32 (h, w, 3), logarithm of the levels.
    mine: bool, the object. free: bool, neither an object to remove nor one that stays. beyond: bool, `free`
    without the rim that a mask may have missed. to_contact, to_objects: float32, distance in pixels to where
    the object meets the ground, and to any object to remove. contact_row: its height, in rows.
    contact: bool, the lower outline that meets the ground. frame: bool, pixels at the edge of the photo.
    others: bool, objects that stay.
    size_px: how large the object is. rim_px: how much of it the mask may have missed. cut: 0 to 1, the share
    of its lower outline that the frame cuts off. low: 0 to 1, how far down the photo it meets the ground.
    """

    box: Box
    log_light: np.ndarray
    mine: np.ndarray
    free: np.ndarray
    beyond: np.ndarray
    to_contact: np.ndarray
    to_objects: np.ndarray
    contact: np.ndarray
    contact_row: float
    frame: np.ndarray
    others: np.ndarray
    size_px: float
    rim_px: float
    cut: float
    low: float


def shrink_keeping_half(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """A photo uint8 (H, W, 3) or mask bool (H, W) made smaller by area; a mask keeps what is half covered."""
    if plane.shape[:2] == (height, width):
        return plane
    if plane.dtype != bool:
        return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
    levels = plane.view(np.uint8) * np.uint8(255)
    return cv2.resize(levels, (width, height), interpolation=cv2.INTER_AREA) > 127


def surroundings(image: np.ndarray, objects: np.ndarray, others: np.ndarray) -> Iterator[Surroundings]:
    """Each object's surroundings: objects are the connected parts of `objects`, in a small photo."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(objects.view(np.uint8), connectivity=8)
    for index in range(1, count):
        x, y, width, height, area_px = stats[index].tolist()
        if height < LEAST_OBJECT_PX or area_px < LEAST_OBJECT_PX**2 // 2:
            continue
        found = _around(image, objects, others, labels == index, (x, y, width, height))
        if found is not None:
            yield found


def _around(
    image: np.ndarray,
    objects: np.ndarray,
    others: np.ndarray,
    mine: np.ndarray,
    bounds: tuple[int, int, int, int],
) -> Surroundings | None:
    x, y, width, height = bounds
    size = float(max(4, min(height, 2 * width)))
    full_height, full_width = mine.shape
    top, bottom = max(0, int(y + height - 0.9 * size)), min(full_height, int(y + height + 0.8 * size))
    aside = max(1.6 * size, 1.4 * height)
    left, right = max(0, int(x - aside)), min(full_width, int(x + width + aside))
    box = (slice(top, bottom), slice(left, right))
    scale = min(1.0, OBJECT_PX / size)
    shape = (max(1, round((bottom - top) * scale)), max(1, round((right - left) * scale)))
    size *= scale
    photo = shrink_keeping_half(image[box], *shape)
    marked, alone, staying = (shrink_keeping_half(part[box], *shape) for part in (objects, mine, others))
    contact = _contact(alone, size)
    if not contact.any():
        return None
    rows = np.nonzero(contact)[0]
    ends = (bottom == full_height, right == full_width)
    frame = _frame(shape, (top == 0, left == 0, *ends))
    free = ~marked & ~staying
    to_objects = cv2.distanceTransform((~marked).view(np.uint8), cv2.DIST_L2, 5)
    rim = max(2.0, 0.02 * size)
    return Surroundings(
        box=box,
        log_light=np.log(photo.astype(np.float32) + np.float32(DARK_OFFSET)),
        mine=alone,
        free=free,
        beyond=free & (to_objects > rim),
        to_contact=cv2.distanceTransform((~contact).view(np.uint8), cv2.DIST_L2, 5),
        to_objects=to_objects,
        contact=contact,
        contact_row=float(np.median(rows)),
        frame=frame,
        others=staying,
        size_px=size,
        rim_px=rim,
        cut=float((rows >= shape[0] - 2 - rim).mean()) if bottom == full_height else 0.0,
        low=float((top + np.median(rows) / scale) / full_height),
    )


def _contact(mine: np.ndarray, size_px: float) -> np.ndarray:
    """Where the object may meet the ground: the lowest pixel of each column that none beside it undercuts."""
    height = len(mine)
    held = mine.any(axis=0)
    lowest = np.where(held, height - 1 - mine[::-1].argmax(axis=0), -1)
    reach = 2 * int(0.2 * size_px) + 1
    around = cv2.dilate(lowest.astype(np.float32)[None], np.ones((1, reach), np.uint8))[0]
    meets = held & (lowest >= around - 0.07 * size_px) & (lowest >= lowest.max(initial=0) - 0.3 * size_px)
    columns = np.nonzero(meets)[0]
    contact = np.zeros_like(mine)
    contact[lowest[columns], columns] = True
    return contact


def _frame(shape: tuple[int, int], at: tuple[bool, bool, bool, bool]) -> np.ndarray:
    """The two rows and columns at those of the top, left, bottom and right edges that are the photo's."""
    frame = np.zeros(shape, bool)
    top, left, bottom, right = at
    frame[:2] |= top
    frame[:, :2] |= left
    frame[-2:] |= bottom
    frame[:, -2:] |= right
    return frame
