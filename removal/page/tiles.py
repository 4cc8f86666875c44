"""Pictures for the screen: tiles of a photo at the scale that is looked at."""

from __future__ import annotations

import cv2
import numpy as np

TILE_PX = 512
JPEG_QUALITY = 88
THUMBNAIL_PX = 256
AROUND_SHARE = 0.35  # of a hole's longer side, shown on each side of it


def levels(height: int, width: int) -> int:
    """How many levels there are: level 0 is full size, each next one half of it, the last one tile."""
    count = 1
    while max(height, width) > TILE_PX << (count - 1):
        count += 1
    return count


def tile(pixels: np.ndarray, level: int, col: int, row: int) -> bytes | None:
    """One tile as JPEG; None where there is none.

    pixels: uint8 (H, W, 3) RGB.
    """
    height, width = pixels.shape[:2]
    if not 0 <= level < levels(height, width) or col < 0 or row < 0:
        return None
    span = TILE_PX << level
    part = pixels[row * span : (row + 1) * span, col * span : (col + 1) * span]
    if part.size == 0:
        return None
    if level:
        size = tuple(max(1, -(-side // (1 << level))) for side in part.shape[1::-1])
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return encode(part)


def thumbnail(pixels: np.ndarray) -> bytes:
    scale = THUMBNAIL_PX / max(pixels.shape[:2])
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return encode(pixels)


def bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of a mask, bool (H, W), the last two one past its last pixels; all 0 where
    it is empty."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1


def around(pixels: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """The part of a photo, uint8 (H, W, 3), around a box (top, left, bottom, right)."""
    top, left, bottom, right = box
    margin = max(24, round(AROUND_SHARE * max(bottom - top, right - left)))
    return pixels[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin]


def encode(pixels: np.ndarray) -> bytes:
    done, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise RuntimeError("a tile could not be encoded")
    return data.tobytes()
