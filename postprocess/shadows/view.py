"""What the shadow network sees of an object: its surroundings at one scale, the contact at one place."""

from __future__ import annotations

import cv2
import numpy as np

from postprocess.shadows.ground import Surroundings

ROWS, COLUMNS = 96, 224
SIZE_PX = 56.0
"""How large the object is in the view."""
CONTACT_ROW, CONTACT_COLUMN = 52.0, 112.0
"""Where the middle of its contact with the ground lies."""
NEAR = 0.5
"""Distance from the contact, in sizes of the object, at which the last plane falls to 1 / e."""
PLANES = 6
LIGHT_STEP = 0.5
"""Difference of log light that counts as one."""


def to_view(around: Surroundings) -> np.ndarray:
    """2 x 3 matrix that takes columns and rows of the surroundings to the view's."""
    scale = SIZE_PX / around.size_px
    column = float(np.nonzero(around.contact)[1].mean())
    return np.array(
        [
            [scale, 0, CONTACT_COLUMN - scale * column],
            [0, scale, CONTACT_ROW - scale * around.contact_row],
        ],
        np.float32,
    )


def seen(plane: np.ndarray, way: np.ndarray) -> np.ndarray:
    """A plane of the surroundings, float32 (h, w) or (h, w, 3), in the view; 0 where it does not reach."""
    return cv2.warpAffine(plane, way, (COLUMNS, ROWS), flags=cv2.INTER_LINEAR)


def planes(around: Surroundings) -> np.ndarray:
    """float32 (PLANES, ROWS, COLUMNS): log light by channel against the ground's median, the object, what is
    no ground, and how near the contact is."""
    way = to_view(around)
    shrink = 1 / max(way[0, 0], 1e-3)
    light = around.log_light
    if shrink > 1:
        light = cv2.GaussianBlur(light, (0, 0), 0.5 * shrink)
    ground = around.beyond & (around.to_contact < around.size_px)
    level = np.median(light[ground], axis=0) if ground.any() else np.median(light, axis=(0, 1))
    known = seen(np.ones(light.shape[:2], np.float32), way)
    free = seen(around.free.astype(np.float32), way)
    result = np.zeros((PLANES, ROWS, COLUMNS), np.float32)
    result[:3] = np.moveaxis((seen(light, way) - level * known[..., None]) / LIGHT_STEP, 2, 0)
    result[:3] *= known > 0.5
    result[3] = seen(around.mine.astype(np.float32), way)
    result[4] = 1 - free
    near = np.exp(-around.to_contact / (NEAR * around.size_px)).astype(np.float32)
    result[5] = seen(near, way)
    return result.clip(-4, 4)


def back(plane: np.ndarray, around: Surroundings) -> np.ndarray:
    """A plane of the view, float32 (ROWS, COLUMNS), at the scale of the surroundings: float32 (h, w)."""
    height, width = around.mine.shape
    way = cv2.invertAffineTransform(to_view(around))
    return cv2.warpAffine(plane, way, (width, height), flags=cv2.INTER_LINEAR)
