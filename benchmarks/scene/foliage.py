"""Trees and hedges as balls of leaves, painted from the back to the front."""

import numpy as np

from benchmarks.scene.camera import Noise, smoothstep
from benchmarks.scene.look import Light
from benchmarks.scene.wardrobe import linear

GREENS = ("#4d6132", "#5d6b34", "#3d5530", "#6a6f35", "#57602f")
HAZE = np.array([0.56, 0.64, 0.75], np.float32)


class Foliage:
    """Paints into `shown`, light float32 (H, W, 3), in place. scale: its pixels for one at 600 px height."""

    def __init__(self, shown: np.ndarray, light: Light, noise: Noise, scale: float) -> None:
        self.shown = shown
        self.light = light
        height, width = shown.shape[:2]
        v, u = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(5 * scale)
        self._leaves = noise(u, v) + 0.7 * noise(u * 2.2, v * 2.2)

    def row_of_trees(
        self, base_row: int, *, crown_px: float, leaves_px: float, mist: float, rng: np.random.Generator
    ) -> None:
        """Trees side by side; crown_px: height of the crowns' middle; mist: share lost to the haze."""
        width = self.shown.shape[1]
        count = max(2, round(width / (1.0 * crown_px + 2.0 * leaves_px)))
        for k in range(count):
            centre = (k + rng.uniform(0.1, 0.9)) * width / count
            green = linear(GREENS[rng.integers(len(GREENS))]) * rng.uniform(0.75, 1.1)
            tall = crown_px * rng.uniform(0.75, 1.4)
            self._trunk(base_row, centre, tall, 0.18 * leaves_px)
            angles, far = rng.uniform(0, 2 * np.pi, 30), rng.uniform(0, 1, 30) ** 0.6
            rows = base_row - tall - np.sin(angles) * far * tall * 0.75
            columns = centre + np.cos(angles) * far * 3.0 * leaves_px
            for column, row in zip(columns, rows, strict=True):
                self._ball(column, row, leaves_px * rng.uniform(0.7, 1.5), green, mist, rng)

    def hedge(self, base_row: int, tall_px: float, rng: np.random.Generator, mist: float = 0.0) -> None:
        """A hedge, or a distant wood in the mist, along the ground's far edge, its foot in its own shade."""
        rows = slice(max(0, int(base_row - 0.7 * tall_px)), base_row)
        self.shown[rows] = linear("#2a371c") * self.light.sky * 0.35 * (1 - mist) + HAZE * mist
        for column in np.arange(-0.7 * tall_px, self.shown.shape[1] + 0.7 * tall_px, 0.45 * tall_px):
            row = base_row - tall_px * rng.uniform(0.2, 0.8)
            self._ball(column, row, 0.72 * tall_px, linear("#44562c") * rng.uniform(0.8, 1.15), mist, rng)

    def _trunk(self, base_row: int, centre: float, tall: float, half: float) -> None:
        first, last = max(0, int(centre - 2 * half)), min(self.shown.shape[1], int(centre + 2 * half) + 2)
        if first >= last:
            return
        u = ((np.arange(first, last) + 0.5 - centre) / half).astype(np.float32)
        cover = smoothstep(1.15, 0.85, np.abs(u))[None, :, None]
        part = self.shown[max(0, int(base_row - tall)) : base_row, first:last]
        sunny = 0.35 * np.clip(u * np.sign(self.light.towards_sun[0]), 0, 1)[:, None]
        lit = linear("#5d4b3a") * (self.light.sky * 0.35 + self.light.sun * sunny)
        part[...] = part * (1 - cover) + lit[None] * cover

    def _ball(
        self, x: float, y: float, radius: float, green: np.ndarray, mist: float, rng: np.random.Generator
    ) -> None:
        """A ball of leaves: ragged outline, lit from the sun's side and from above."""
        height, width = self.shown.shape[:2]
        reach = int(radius * 1.35) + 2
        top, low = max(0, int(y) - reach), min(height, int(y) + reach)
        left, right = max(0, int(x) - reach), min(width, int(x) + reach)
        if top >= low or left >= right:
            return
        from_row, from_column = (
            rng.integers(0, height - (low - top) + 1),
            rng.integers(0, width - (right - left) + 1),
        )
        leaves = self._leaves[from_row : from_row + low - top, from_column : from_column + right - left]
        v = ((np.arange(top, low, dtype=np.float32) + 0.5 - y) / radius)[:, None]
        u = ((np.arange(left, right, dtype=np.float32) + 0.5 - x) / radius)[None]
        cover = (0.97 * smoothstep(1.0, 0.8, np.hypot(u, 1.15 * v) + 0.24 * leaves))[..., None]
        near = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
        sun_x, sun_y, sun_z = self.light.towards_sun
        facing = np.clip(u * sun_x - v * sun_y + near * sun_z + 0.33 * leaves, 0, 1.3)
        open_sky = np.clip(0.45 - 0.42 * v + 0.15 * leaves, 0.06, 1)
        lit = (green * self.light.sun * 0.75) * facing[..., None] + (green * self.light.sky) * open_sky[
            ..., None
        ]
        part = self.shown[top:low, left:right]
        part += ((lit - HAZE) * (1 - mist) + HAZE - part) * cover
