"""A map that follows the photo's colours: what is coloured as damage beside it is likelier damage, too."""

import cv2
import numpy as np

RADIUS_PX = 4
FLATNESS = 1e-3
"""Variance of colours, of 1 squared, below which a window counts as flat."""
_LEAST = 1e-4  # a level nearer to 0 or 1 counts as this near: its logarithm must not run off


def follow_colours(level: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The level, and the level as its surroundings' colours have it, halfway between in log odds.

    The second is the guided filter (He et al. 2010): in every window of 9 px the level is taken for linear in
    the colour, by least squares. A stroke of which a part was found is found further, and what differs from
    the damage in colour less.

    level: float32 (H, W) in [0, 1]. image: uint8 (H, W, 3). Returns a new float32 (H, W) in [0, 1].
    """
    odds = [np.log(part / (1 - part)) for part in (_inner(level), _inner(_guided(level, image)))]
    result: np.ndarray = 1 / (1 + np.exp(-(odds[0] + odds[1]) / 2))
    return result


def _inner(level: np.ndarray) -> np.ndarray:
    inner: np.ndarray = np.clip(level, np.float32(_LEAST), np.float32(1 - _LEAST))
    return inner


def _guided(level: np.ndarray, image: np.ndarray) -> np.ndarray:
    colours = image.astype(np.float32) / np.float32(255)
    mean, mean_level = _mean(colours), _mean(level)
    together = _mean(colours * level[..., None]) - mean * mean_level[..., None]
    spread = np.empty((*level.shape, 3, 3), np.float32)
    for first in range(3):
        for second in range(first, 3):
            product = _mean(colours[..., first] * colours[..., second])
            spread[..., first, second] = product - mean[..., first] * mean[..., second]
            spread[..., second, first] = spread[..., first, second]
    spread += np.float32(FLATNESS) * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(spread, together[..., None])[..., 0]
    rest = mean_level - (slope * mean).sum(axis=2)
    result: np.ndarray = (_mean(slope) * colours).sum(axis=2) + _mean(rest)
    return result


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the window around each pixel."""
    return cv2.blur(values, (2 * RADIUS_PX + 1,) * 2)
