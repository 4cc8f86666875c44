"""What stands behind: a house front, or a row of trees under the sky."""

import numpy as np

from benchmarks.scene.camera import Camera, Noise, smoothstep
from benchmarks.scene.foliage import Foliage
from benchmarks.scene.ground import line_cover
from benchmarks.scene.look import Light
from benchmarks.scene.wardrobe import linear

BACKDROPS = ("house", "trees")
PLINTH_M, SILL_M, LINTEL_M, WINDOW_M = 0.45, 0.95, 2.25, 1.15


def paint_backdrop(
    camera: Camera, kind: str, base_row: int, light: Light, noise: Noise, rng: np.random.Generator
) -> np.ndarray:
    """Light float32 (base_row, W, 3) seen above the ground's far edge; kind: one of BACKDROPS."""
    if kind == "house":
        return House(camera, base_row, light, noise).paint(rng)
    if kind == "trees":
        return _park(camera, base_row, light, noise, rng)
    raise ValueError(f"kind must be one of {BACKDROPS}, got {kind!r}")


def _park(camera: Camera, base_row: int, light: Light, noise: Noise, rng: np.random.Generator) -> np.ndarray:
    rows = np.arange(base_row, dtype=np.float32)[:, None] + 0.5
    columns = np.arange(camera.width_px, dtype=np.float32)[None] + 0.5
    shown = _sky(rows, columns, camera.horizon_px, light, noise)
    scale = camera.height_px / 600
    foliage = Foliage(shown, light, noise, scale)
    foliage.hedge(base_row, 110 * scale, rng, mist=0.55)
    foliage.row_of_trees(base_row, crown_px=120 * scale, leaves_px=27 * scale, mist=0.42, rng=rng)
    foliage.row_of_trees(base_row, crown_px=70 * scale, leaves_px=23 * scale, mist=0.10, rng=rng)
    foliage.hedge(base_row, 26 * scale, rng)
    return shown


def _sky(rows: np.ndarray, columns: np.ndarray, horizon: float, light: Light, noise: Noise) -> np.ndarray:
    """Light of the sky with loose clouds, paler towards the horizon."""
    height = np.clip((horizon - rows) / horizon, 0, 1)
    blue = np.array([0.30, 0.48, 0.86], np.float32) * 1.5
    pale = np.array([0.92, 0.96, 1.02], np.float32) * 1.75
    shade = smoothstep(-0.1, 1.3, height)[..., None]
    u, v = columns / horizon * 2.2, rows / horizon * 5.0
    cloud = 0.85 * smoothstep(0.1, 1.6, noise.layers(u + 0.3 * noise(u * 2, v), v, 5, 0.55))[..., None]
    clear = pale * (1 - shade) + blue * shade
    return (clear * (1 - cloud) + (light.sun * 0.72 + light.sky * 0.5) * cloud).astype(np.float32)


class House:
    """A front of brick or plaster with windows. x, y: metres along the wall and above its foot, float32
    (rows, W)."""

    def __init__(self, camera: Camera, base_row: int, light: Light, noise: Noise) -> None:
        self.pixel_m = float(camera.ground(np.array(base_row))) / camera.focal_px
        columns = np.arange(camera.width_px, dtype=np.float32) + 0.5 - camera.width_px / 2
        rows = base_row - np.arange(base_row, dtype=np.float32) - 0.5
        self.x, self.y = np.meshgrid(columns * np.float32(self.pixel_m), rows * np.float32(self.pixel_m))
        self.noise = noise
        self.direct = light.sun * max(float(light.towards_sun[2]), 0.0)
        self.ambient = 0.5 * (light.sky + light.bounce)
        self.sky = light.sky
        self.shade_side = -np.sign(light.towards_sun[0])

    def paint(self, rng: np.random.Generator) -> np.ndarray:
        """Light float32 (rows, W, 3)."""
        x, y, noise = self.x, self.y, self.noise
        albedo = self._bricks(rng) if rng.random() < 0.5 else self._plaster(rng)
        blocks = 1 + 0.07 * noise.layers(x * 6, y * 6, 5, 0.8) - 0.3 * line_cover(x, 0.8, 0.012, self.pixel_m)
        plinth = smoothstep(PLINTH_M + 0.01, PLINTH_M - 0.01, y)[..., None]
        albedo = albedo * (1 - plinth) + linear("#8b867d") * blocks[..., None] * plinth
        grime = 1 - 0.25 * np.exp(-y / 0.25) * (1 + 0.5 * noise(x * 3, y * 3))
        shown = (albedo * (self.direct + self.ambient) * grime[..., None]).astype(np.float32)
        pitch = rng.uniform(2.1, 2.6)
        start = rng.uniform(-pitch / 2, pitch / 2)
        for left in start + pitch * np.arange(-4, 5):
            self._window(shown, float(left))
        return shown

    def _bricks(self, rng: np.random.Generator) -> np.ndarray:
        x, y, tall, wide = self.x, self.y, 0.075, 0.23
        row = np.floor(y / tall)
        shifted = x + 0.5 * wide * np.mod(row, 2) + 50
        tones = rng.normal(0, 1, (61, 67)).astype(np.float32)
        tone = tones[np.mod(row, 61).astype(int), np.mod(np.floor(shifted / wide), 67).astype(int)]
        across = line_cover(shifted, wide, 0.010, self.pixel_m)
        joints = np.maximum(across, line_cover(y, tall, 0.010, self.pixel_m))[..., None]
        base = linear(("#9a5a44", "#a8735a", "#8a5040", "#b3937a")[rng.integers(4)])
        weather = 0.09 * self.noise.layers(x * 0.6, y * 0.6, 3) + 0.06 * self.noise(x * 50, y * 50)
        warm = 1 + 0.05 * tone[..., None] * np.array([1, -0.4, -0.8], np.float32)
        brick = base * np.clip(1 + 0.16 * tone + weather, 0.3, 2)[..., None] * warm
        return brick * (1 - joints) + linear("#aaa195") * joints

    def _plaster(self, rng: np.random.Generator) -> np.ndarray:
        x, y = self.x, self.y
        base = linear(("#b7a683", "#b9b1a1", "#b3906e", "#9ea6a8", "#b59a84")[rng.integers(5)])
        rough = 0.045 * self.noise.layers(x * 1.1, y * 1.1, 5, 0.75) + 0.035 * self.noise(x * 45, y * 45)
        runs = 0.06 * smoothstep(0.6, 2.0, self.noise(x * 5, y * 0.35))
        return base * np.clip(1 + rough - runs, 0.4, 1.5)[..., None]

    def _window(self, shown: np.ndarray, left: float) -> None:
        """A window, drawn in place: surround, frame, panes that mirror the sky and the street, a sill."""
        near = np.flatnonzero(np.abs(self.x[0] - left - WINDOW_M / 2) < WINDOW_M / 2 + 0.4)
        if not near.size:
            return
        part = slice(int(near[0]), int(near[-1]) + 1)
        u, v, out = self.x[:, part] - left, self.y[:, part] - SILL_M, shown[:, part]
        wide, tall, noise = WINDOW_M, LINTEL_M - SILL_M, self.noise

        def lay(x0: float, x1: float, y0: float, y1: float, colour: np.ndarray, cover: float = 1.0) -> None:
            soft = 0.6 * self.pixel_m
            across = smoothstep(x0 - soft, x0 + soft, u) * smoothstep(x1 + soft, x1 - soft, u)
            inside = across * smoothstep(y0 - soft, y0 + soft, v) * smoothstep(y1 + soft, y1 - soft, v)
            share = cover * inside[..., None]
            out[...] = out * (1 - share) + colour * share

        stone = linear("#cfc8ba") * (1 + 0.04 * noise(u * 30, v * 30))[..., None]
        lay(-0.10, wide + 0.10, -0.08, tall + 0.12, stone * (self.direct + self.ambient))
        lay(0, wide, 0, tall, linear("#6a655d") * self.ambient * 0.8)  # the reveal, in its own shadow
        from_sun = u if self.shade_side > 0 else wide - u
        lit = smoothstep(0.09, 0.12, from_sun) * smoothstep(tall - 0.10, tall - 0.14, v)
        frame = linear("#e4e0d6") * (self.ambient + self.direct * lit[..., None])
        lay(0.03, wide - 0.03, 0, tall - 0.04, frame)
        cloud = 0.10 * smoothstep(0, 1.2, noise.layers(self.x[:, part] * 1.5, v * 1.2, 4))
        glass = self.sky * (0.30 + 0.35 * smoothstep(0.0, 0.9, v / tall) + 1.5 * cloud)[..., None] + 0.012
        lay(0.10, wide / 2 - 0.03, 0.07, tall - 0.11, glass)
        lay(wide / 2 + 0.03, wide - 0.10, 0.07, tall - 0.11, glass)
        folds = 0.6 + 0.2 * np.sin(u * 70 + 2 * noise(u * 9, v))
        lay(0.10, 0.24, 0.07, tall - 0.11, linear("#d8d2c4") * self.ambient * folds[..., None], 0.5)
        lay(-0.14, wide + 0.14, -0.09, -0.02, linear("#bdb6a8") * (self.direct * 1.1 + self.ambient))
        away = 0.08 * self.shade_side
        lay(-0.12 + away, wide + 0.12 + away, -0.17, -0.09, out * 0.35, 0.5)  # the sill's shadow
