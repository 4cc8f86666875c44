"""Where things in the scene land in the picture, and the noise everything in it is made of."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Camera:
    """A level pinhole camera. World, in metres: x right of its axis, y above the ground, distance."""

    height_px: int
    width_px: int
    focal_px: float
    horizon_px: float
    eye_m: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """points: float (N, 3) of x, y, distance. Returns float (N, 2) of column, row in pixels."""
        scale = self.focal_px / points[:, 2]
        columns = self.width_px / 2 + points[:, 0] * scale
        rows = self.horizon_px + (self.eye_m - points[:, 1]) * scale
        return np.stack([columns, rows], axis=1)

    def ground(self, rows: np.ndarray) -> np.ndarray:
        """Distance in metres of the ground seen in these rows, all of them below the horizon."""
        return self.focal_px * self.eye_m / (rows - self.horizon_px)


class Noise:
    """Smooth noise over the plane: a feature per unit, mean 0, deviation 1; repeats after PERIOD."""

    PERIOD = 256
    STEPS = 2

    def __init__(self, rng: np.random.Generator) -> None:
        side = self.PERIOD * self.STEPS
        white = rng.standard_normal((side, side)).astype(np.float32)
        tile = cv2.GaussianBlur(np.pad(white, 16, mode="wrap"), (0, 0), 1.1)[16:-16, 16:-16]
        self._tile = np.pad((tile - tile.mean()) / tile.std(), ((0, 1), (0, 1)), mode="wrap")

    def __call__(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """u, v: float arrays of one shape (H, W). Returns float32 (H, W)."""
        u, v = np.broadcast_arrays(np.asarray(u, np.float32), np.asarray(v, np.float32))
        columns = np.mod(u, self.PERIOD) * self.STEPS
        rows = np.mod(v, self.PERIOD) * self.STEPS
        return cv2.remap(self._tile, columns, rows, cv2.INTER_LINEAR)

    def layers(self, u: np.ndarray, v: np.ndarray, octaves: int, fade: float = 0.5) -> np.ndarray:
        """Octaves summed, each twice as fine and `fade` times as strong; deviation about 1."""
        total = np.zeros(np.broadcast_shapes(np.shape(u), np.shape(v)), np.float32)
        weight, power = 1.0, 0.0
        for octave in range(octaves):
            scale = 2.0**octave
            total += weight * self(u * scale + 17.3 * octave, v * scale + 5.1 * octave)
            power += weight**2
            weight *= fade
        return total / np.float32(power**0.5)


def smoothstep(low: float | np.ndarray, high: float | np.ndarray, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between (low > high turns it round)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
