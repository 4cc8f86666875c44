"""Holes in which a coarse mosaic of what was there is left."""

from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.damage.contract import (
    Damage,
    HoleDamage,
    Range,
    check_image,
    check_range,
    drawn_px,
    shown_in,
)


@dataclass(frozen=True)
class Mosaic(Damage):
    """A hole of another kind, under which its own photo is shown as a mosaic; the mask is the hole's.

    hole: its kind.
    cell: side of a cell, a share in (0, 1] of the shorter side, drawn for each photo (8 to 32 px of 256), at
        least 2 px. Where the cells begin is drawn too.
    """

    hole: HoleDamage
    cell: Range = (1 / 32, 1 / 8)

    def __post_init__(self) -> None:
        check_range("cell", self.cell, 0, 1)
        if not isinstance(self.hole, HoleDamage):
            raise TypeError(f"expected a kind of hole, got {self.hole!r}")

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        height, width = check_image(image)
        hole = self.hole.hole(height, width, rng)
        cell_px = drawn_px(rng, self.cell, min(height, width), least=2)
        top, left = (int(start) for start in rng.integers(cell_px, size=2))
        cells = pixelated(image, cell_px, top=top, left=left)
        return shown_in(image, hole, cells), hole.astype(np.float32)


def pixelated(image: np.ndarray, cell_px: int, *, top: int = 0, left: int = 0) -> np.ndarray:
    """uint8 (H, W, 3) with each cell in its mean colour.

    top, left: how much of the first row and column of cells lies outside the image, in [0, cell_px). Cells
    that reach over an edge take the mirror image into their mean.
    """
    height, width = image.shape[:2]
    rows, columns = -(-(height + top) // cell_px), -(-(width + left) // cell_px)
    bottom, right = rows * cell_px - height - top, columns * cell_px - width - left
    padded = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REFLECT)
    cells = cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA)
    large = cv2.resize(cells, (columns * cell_px, rows * cell_px), interpolation=cv2.INTER_NEAREST)
    return large[top : top + height, left : left + width]
