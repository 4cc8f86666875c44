"""The pyramid that an exemplar fill works on: colours, texture measures, hole and sources at each scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from inpaint.exemplar.palette import Palette

RADIUS = 3
"""Patches are 7 x 7 pixels."""
SIDE = 2 * RADIUS + 1
MIN_SOURCES = 64
"""A coarser level needs this many whole patches to copy from."""


@dataclass
class Level:
    """One scale. `image` and `texture` are worked on in the hole; the rest is fixed.

    Attributes:
        image: uint8 (h, w, 3).
        texture: uint8 (h, w, 2), mean strength of the horizontal and vertical gradients of the finest level
            around a pixel (Newson et al. 2014, section 4), so that fine texture is told apart from flatness
            at scales where it cannot be seen.
        hole: bool (h, w).
        blocked: bool (h, w), hole or protected.
        valid: bool (h, w), True = centre of a patch that is a source.
        lines: float32 (h, w, 3), what goes on there, see `guidance.line_field`; None = nothing.
        palette: which colours may go where; None = any anywhere.
        own: rows and columns that the photo has; what lies beyond is the photo again, turned, see `turned`.
            None = all are its own.
    """

    image: np.ndarray
    texture: np.ndarray
    hole: np.ndarray
    blocked: np.ndarray
    valid: np.ndarray
    lines: np.ndarray | None = None
    palette: Palette | None = None
    own: tuple[int, int] | None = None

    def unworked(self) -> Level:
        """The same level with an image and a texture of its own."""
        return replace(self, image=self.image.copy(), texture=self.texture.copy())


def build_pyramid(
    image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None, *, coarsest_hole_px: float
) -> list[Level]:
    """Levels from fine to coarse, each half the size of the one before.

    Args:
        image: uint8 (H, W, 3); what lies in the hole has no influence.
        mask: bool (H, W), not empty.
        protect: bool (H, W) or None, True = no source.
        coarsest_hole_px: levels are added until the hole's largest inscribed circle has at most this radius,
            or until there would be too little to copy from.

    Returns:
        At least one level, or none where not even one whole patch can be copied.
    """
    thickness = float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3).max())
    count = 1 + max(0, int(np.ceil(np.log2(max(1.0, thickness / coarsest_hole_px)))))
    blocked = mask if protect is None else mask | protect
    valid = _valid_sources(blocked)
    if not valid.any():
        return []
    image = np.ascontiguousarray(image).copy()
    image[mask] = 0
    levels = [Level(image, _texture(image, mask, 2**count + 1), mask, blocked, valid)]
    while len(levels) < count:
        coarser = _halved(levels[-1])
        if np.count_nonzero(coarser.valid) < MIN_SOURCES:
            break
        levels.append(coarser)
    return levels


def halve(image: np.ndarray) -> np.ndarray:
    """Mean of blocks of 2 x 2 pixels: (h, w) or (h, w, C), uint8 or float32, odd sizes completed."""
    height, width = image.shape[:2]
    return cv2.resize(_evened(image), ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)


def _halved(level: Level) -> Level:
    known = (~level.hole).astype(np.float32)
    share = halve(known)
    colour = halve(level.image * known[..., None]) / np.maximum(share, 0.25)[..., None]
    hole = share < 0.5
    blocked = _evened(level.blocked.astype(np.uint8)) > 0
    blocked = blocked[::2, ::2] | blocked[1::2, ::2] | blocked[::2, 1::2] | blocked[1::2, 1::2]
    return Level(
        np.rint(colour).astype(np.uint8),
        np.ascontiguousarray(_evened(level.texture)[::2, ::2]),
        hole,
        blocked,
        _valid_sources(blocked),
    )


def _evened(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return image
    return cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)


def _valid_sources(blocked: np.ndarray) -> np.ndarray:
    clear = cv2.erode((~blocked).astype(np.uint8), np.ones((SIDE, SIDE), np.uint8))
    return inside(clear.astype(bool))


def inside(centres: np.ndarray) -> np.ndarray:
    """The pixels of a bool (h, w) mask around which a whole patch fits in the photo."""
    kept = np.zeros_like(centres)
    inner = slice(RADIUS, -RADIUS), slice(RADIUS, -RADIUS)
    kept[inner] = centres[inner]
    return kept


def _texture(image: np.ndarray, mask: np.ndarray, window_px: int) -> np.ndarray:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    known = cv2.erode((~mask).astype(np.uint8), np.ones((3, 3), np.uint8))
    share = np.maximum(cv2.blur(known.astype(np.float32), (window_px, window_px)), 1e-4)
    texture = np.empty((*mask.shape, 2), np.uint8)
    for k, (along_x, along_y) in enumerate(((1, 0), (0, 1))):
        strength = cv2.convertScaleAbs(cv2.Sobel(gray, cv2.CV_16S, along_x, along_y, ksize=1)) * known
        mean = cv2.blur(strength.astype(np.float32), (window_px, window_px))
        texture[..., k] = np.minimum(2 * mean / share, 255)
    return texture
