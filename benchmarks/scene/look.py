"""What a seed decides about the figure's looks, and where it stands in which light."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Look:
    """What differs from one figure to the next. stride: radians that the leading thigh swings forward."""

    stride: float
    woman: bool
    long_hair: bool
    jacket: bool
    shorts: bool
    bag: str  # "backpack", "tote" or "none"


@dataclass(frozen=True)
class Light:
    """Directions in x right, y up, z towards the camera; colours in linear light: all float32 (3,)."""

    towards_sun: np.ndarray
    sun: np.ndarray
    sky: np.ndarray
    bounce: np.ndarray


@dataclass(frozen=True)
class Stand:
    """Where the figure is: x and distance of its feet in metres; yaw in radians, 0 = towards the camera."""

    x_m: float
    distance_m: float
    yaw: float

    def place(self, points: np.ndarray) -> np.ndarray:
        """Body points (N, 3) of left, up, front -> x, up, z towards the camera, from the feet."""
        left, up, front = points.T
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        return np.stack([left * cos + front * sin, up, front * cos - left * sin], axis=1)
