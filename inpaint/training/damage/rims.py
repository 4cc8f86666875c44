"""Stains of liquids that dried: little colour inside, more of it at the rim."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.training.damage.contract import Range, check_range, drawn_number
from inpaint.training.damage.covers import Cover, drawn_colour, mean_colour

ANGLES = 64  # at which the outline and the rim's strength are drawn
WAVES = 6  # around the outline


@dataclass(frozen=True)
class RimmedStains(Cover):
    """Stains with an uneven outline, in one colour, whose rim is darker and may have gaps.

    count: of stains, 0 < n. radius: a share in (0, 1] of the shorter side.
    inside: opacity within, in [0, 1], drawn for each. rim: opacity of the rim, in [0, 1], drawn for each.
    width: of the rim, a share in (0, 0.2] of the shorter side, at least 1 px.
    """

    count: tuple[int, int] = (1, 4)
    radius: Range = (0.03, 0.25)
    inside: Range = (0.0, 0.5)
    rim: Range = (0.3, 1.0)
    width: Range = (0.003, 0.02)

    def __post_init__(self) -> None:
        check_range("count", self.count, 1, 100)
        check_range("radius", self.radius, 1e-6, 1)
        check_range("inside", self.inside, 0, 1)
        check_range("rim", self.rim, 0, 1)
        check_range("width", self.width, 1e-6, 0.2)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        left = np.ones(image.shape[:2], np.float32)
        for _ in range(drawn_number(rng, self.count)):
            left *= 1 - self._stain(image.shape[0], image.shape[1], rng)
        if rng.integers(2):  # coffee, tea, rust, old glue
            content = np.array([rng.uniform(50, 160), 0, 0])
            content[1] = content[0] * rng.uniform(0.55, 0.85)
            content[2] = content[1] * rng.uniform(0.4, 0.9)
        else:
            content = drawn_colour(rng, mean_colour(image))
        return content.astype(np.uint8)[None, None], 1 - left

    def _stain(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """How much of each pixel it takes, float32 (H, W) in [0, 1]."""
        shorter = min(height, width)
        radius = rng.uniform(*self.radius) * shorter
        x = np.arange(width, dtype=np.float32) - np.float32(rng.uniform(0, width))
        y = (np.arange(height, dtype=np.float32) - np.float32(rng.uniform(0, height)))[:, None]
        stretch = np.float32(rng.uniform(0.7, 1.4))
        across, down = np.broadcast_arrays(x * stretch, y / stretch)
        away, angle = cv2.cartToPolar(across, down)
        place = np.minimum((angle * (ANGLES / (2 * math.pi))).astype(np.intp), ANGLES - 1)
        outline = radius * (1 + rng.uniform(0.01, 0.12) * _waves(rng))
        beyond = away - cv2.blur(np.tile(outline, 3)[None], (5, 1))[0, ANGLES : 2 * ANGLES][place]
        strength = rng.uniform(*self.rim) * np.clip(rng.uniform(0.6, 1.2) + 0.4 * _waves(rng), 0, 1)
        wide = np.float32(max(1.0, rng.uniform(*self.width) * shorter))
        inner = np.float32(rng.uniform(*self.inside)) * np.clip(0.5 - beyond / wide, 0, 1)
        # Sharp on the outer side, fading inwards.
        rim = strength[place] * np.where(
            beyond > 0, np.clip(1 - beyond / (0.4 * wide + 1), 0, 1), np.exp(beyond / wide)
        )
        result: np.ndarray = np.maximum(inner, rim).astype(np.float32)
        return result


def _waves(rng: np.random.Generator) -> np.ndarray:
    """float64 (ANGLES,), about normally distributed, changing smoothly around the circle."""
    around = np.linspace(0, 2 * math.pi, ANGLES, endpoint=False)[:, None]
    orders = np.arange(1, WAVES + 1)
    heights = rng.normal(0, 1, WAVES) / np.sqrt(orders)
    waves: np.ndarray = (heights * np.cos(orders * around + rng.uniform(0, 2 * math.pi, WAVES))).sum(axis=1)
    return waves
