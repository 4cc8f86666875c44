"""The window around an object in which its shadow is looked for: always of one size in pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

HEIGHT_PX, WIDTH_PX = 96, 144
"""Of the window."""
ABOVE, BELOW = 1.1, 0.9
"""How far it reaches above and below the object's lowest row, in sizes of the object."""
WIDE_SHARE = 0.55
"""An object's size is its height, or this share of its width where that is more."""
PAD_LEVEL = 127
"""Of the window beyond the photo."""


@dataclass(frozen=True, eq=False)
class Window:
    """matrix: float64 (2, 3), from pixels of the photo to those of the window. scale: window over photo."""

    matrix: np.ndarray
    scale: float

    def photo(self, image: np.ndarray) -> np.ndarray:
        """A photo uint8 (H, W, 3) in the window, uint8 (HEIGHT_PX, WIDTH_PX, 3)."""
        return self._warped(image, PAD_LEVEL)

    def share(self, mask: np.ndarray) -> np.ndarray:
        """How much of each pixel of the window a mask bool (H, W) covers: float32 (HEIGHT_PX, WIDTH_PX)."""
        return self._warped(mask.view(np.uint8) * np.uint8(255), 0).astype(np.float32) / 255

    def outside(self, shape: tuple[int, int]) -> np.ndarray:
        """Which pixels of the window lie beyond a photo of this height and width: float32, 0 or 1."""
        inside = cv2.warpAffine(np.ones(shape, np.uint8), self.matrix, (WIDTH_PX, HEIGHT_PX), flags=0)
        return (1 - inside).astype(np.float32)

    def back(self, plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """A plane float32 of the window, or of half its size, in a photo of this size; 0 around."""
        whole = cv2.resize(plane, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_LINEAR)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(whole, self.matrix, shape[::-1], flags=flags)

    def _warped(self, plane: np.ndarray, beyond: int) -> np.ndarray:
        matrix = self.matrix
        if self.scale < 0.75:  # made smaller by area first, or single pixels of the photo would flicker
            height, width = (max(1, round(side * self.scale)) for side in plane.shape[:2])
            factors = np.array([[plane.shape[1] / width], [plane.shape[0] / height]])
            plane = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
            linear = matrix[:, :2] * factors.T
            moved = matrix[:, 2:] + matrix[:, :2] @ ((factors - 1) / 2)
            matrix = np.hstack([linear, moved])
        return cv2.warpAffine(
            plane, matrix, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_LINEAR, borderValue=(beyond,) * 3
        )


def window_around(bounds: tuple[float, float, float, float]) -> Window:
    """bounds: x, y, width and height of the object in the photo."""
    x, y, width, height = bounds
    size = max(height, WIDE_SHARE * width)
    scale = HEIGHT_PX / ((ABOVE + BELOW) * size)
    top, middle = y + height - ABOVE * size, x + width / 2
    matrix = np.array([[scale, 0, WIDTH_PX / 2 - scale * middle], [0, scale, -scale * top]])
    matrix[:, 2] += (scale - 1) / 2  # pixels are counted by their middles
    return Window(matrix, scale)
