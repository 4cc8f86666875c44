"""What every kind of damage keeps: a photo and a generator in, the damaged photo and its mask out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import cv2
import numpy as np

from inpaint import inpainter

GREY = 128  # what is shown under a hole

Range = tuple[float, float]
"""The least and the most that is drawn, evenly."""


class Damage(ABC):
    """A way in which a photo is damaged.

    Sizes are shares of the photo's shorter side unless said otherwise, so that one setting serves every size.
    Nothing but the generator decides: in the same state it gives the same damage.
    """

    @abstractmethod
    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Damage a photo, image uint8 (H, W, 3) RGB, which is not written into.

        Returns the damaged photo, of the same shape and dtype and equal to it where the mask is 0, and the
        mask, float32 (H, W) in [0, 1]: how much of each pixel is destroyed, a hole is 1.
        Raises TypeError or ValueError for anything but such an image.
        """


class HoleDamage(Damage):
    """Damage of which nothing is left: the mask is 0 or 1, mid grey (128) is shown under it."""

    @abstractmethod
    def hole(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """bool (height, width), True = gone; some of it is."""

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        height, width = check_image(image)
        hole = self.hole(height, width, rng)
        return shown_in(image, hole, np.full_like(image, GREY)), hole.astype(np.float32)


def shown_in(image: np.ndarray, hole: np.ndarray, content: np.ndarray) -> np.ndarray:
    """A copy of the image with the content, uint8 (H, W, 3) both, where hole, bool (H, W), is True."""
    damaged = image.copy()
    cv2.copyTo(content, np.ascontiguousarray(hole).view(np.uint8), damaged)  # NumPy takes twice as long
    return damaged


def check_image(image: np.ndarray) -> tuple[int, int]:
    """Height and width of uint8 (H, W, 3); TypeError or ValueError for anything else."""
    inpainter.check_image(image)
    return image.shape[0], image.shape[1]


def check_range(name: str, value: Sequence[float], least: float, most: float) -> None:
    """ValueError where value is not a (low, high) pair within least to most."""
    if len(value) != 2 or not least <= value[0] <= value[1] <= most:
        raise ValueError(f"expected {name} as (low, high) of {least} to {most}, got {tuple(value)}")


def drawn_px(rng: np.random.Generator, shares: Range, length_px: float, *, least: int = 1) -> int:
    """A share of a length drawn evenly, in whole pixels, no less than `least`."""
    return max(least, round(rng.uniform(*shares) * length_px))


def line_thickness(width_px: int) -> int:
    """What OpenCV is told for a line so wide: 3 px for 2, 5 for 3 or 4, 7 for 5 or 6 are what it draws."""
    return max(1, width_px - 1)


def drawn_number(rng: np.random.Generator, between: tuple[int, int]) -> int:
    """A whole number, both ends included."""
    return int(rng.integers(between[0], between[1] + 1))
