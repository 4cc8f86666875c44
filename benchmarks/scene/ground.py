"""The ground: paving, asphalt or grass seen in perspective, drawn without detail finer than a pixel shows."""

import numpy as np

from benchmarks.scene.camera import Camera, Noise, smoothstep
from benchmarks.scene.wardrobe import linear

GROUNDS = ("paving", "asphalt", "grass")


class Footing:
    """World coordinates of the ground's pixels and how much ground one of them covers, in metres."""

    def __init__(self, camera: Camera, top_row: int) -> None:
        rows = np.arange(top_row, camera.height_px, dtype=np.float32)[:, None] + 0.5
        columns = np.arange(camera.width_px, dtype=np.float32)[None] + 0.5
        self.distance = camera.ground(rows) + 0 * columns
        self.x = (columns - camera.width_px / 2) * self.distance / camera.focal_px
        self.across = self.distance / camera.focal_px
        self.deep = self.distance**2 / (camera.focal_px * camera.eye_m)

    def layers(
        self, noise: Noise, per_m: float, octaves: int, fade: float, offset: float = 0.0
    ) -> np.ndarray:
        """Octaves of noise from `per_m` features a metre on; those finer than a pixel fade out."""
        total = np.zeros_like(self.x)
        for octave in range(octaves):
            scale = per_m * 2.0**octave
            visible = smoothstep(1.1, 0.35, self.deep * scale) + 0.35 * smoothstep(
                1.0, 0.3, self.across * scale
            )
            if not (visible > 0).any():
                break
            shift = offset + 31.7 * octave
            total += (
                fade**octave
                * np.clip(visible, 0, 1)
                * noise(self.x * scale + shift, self.distance * scale + shift)
            )
        return total


def paint_ground(
    camera: Camera, kind: str, top_row: int, noise: Noise, rng: np.random.Generator
) -> np.ndarray:
    """Albedo float32 (rows from `top_row` on, W, 3) of the ground `kind` (one of GROUNDS)."""
    footing = Footing(camera, top_row)
    if kind == "paving":
        return _paving(footing, noise, rng)
    if kind == "asphalt":
        return _asphalt(footing, noise, rng)
    if kind == "grass":
        return _grass(footing, noise, rng)
    raise ValueError(f"kind must be one of {GROUNDS}, got {kind!r}")


def _paving(footing: Footing, noise: Noise, rng: np.random.Generator) -> np.ndarray:
    turn = rng.uniform(0.12, 0.5)
    long_m, wide_m = ((0.60, 0.30), (0.40, 0.40), (0.24, 0.12))[rng.integers(3)]
    cos, sin = np.cos(turn), np.sin(turn)
    u = footing.x * cos + footing.distance * sin + 40
    v = footing.distance * cos - footing.x * sin + 40
    wobble = 0.004 * noise(u * 2, v * 2)
    row = np.floor(v / wide_m)
    shifted = u + 0.5 * long_m * np.mod(row, 2)
    column = np.floor(shifted / long_m)
    blur_u = np.hypot(footing.across * cos, footing.deep * sin)
    blur_v = np.hypot(footing.across * sin, footing.deep * cos)
    joints = np.maximum(
        line_cover(shifted + wobble, long_m, 0.007, blur_u), line_cover(v + wobble, wide_m, 0.007, blur_v)
    )
    tones = rng.normal(0, 1, (61, 67)).astype(np.float32)
    tone = tones[np.mod(row, 61).astype(int), np.mod(column, 67).astype(int)] * smoothstep(
        0.9 * wide_m, 0.2 * wide_m, footing.deep
    )
    warm = tones[np.mod(row + 17, 61).astype(int), np.mod(column + 29, 67).astype(int)]
    base = linear(("#a9a196", "#9c9a97", "#b09a85", "#8f8d88")[rng.integers(4)])
    grain = 0.055 * footing.layers(noise, 22, 5, 0.85) + 0.07 * footing.layers(noise, 0.7, 3, 0.7, 9)
    stains = smoothstep(1.1, 2.2, footing.layers(noise, 0.9, 3, 0.5, 40)) * 0.22
    shade = np.clip((1 + 0.085 * tone + grain) * (1 - stains) * (1 - 0.62 * joints), 0.08, 2)
    tint = 1 + 0.02 * warm[..., None] * np.array([1.0, 0.0, -1.2], np.float32)
    albedo = base * shade[..., None] * tint
    _scatter_leaves(footing, albedo, rng)
    return albedo


def line_cover(position: np.ndarray, spacing: float, width: float, blur: np.ndarray | float) -> np.ndarray:
    """Share from 0 to 1 of each pixel (of size `blur`) covered by lines of `width`, one every `spacing`."""
    off = np.abs(np.mod(position + spacing / 2, spacing) - spacing / 2)
    low, high = np.maximum(off - blur / 2, -width / 2), np.minimum(off + blur / 2, width / 2)
    return np.clip((high - low) / blur, 0, 1)


def _asphalt(footing: Footing, noise: Noise, rng: np.random.Generator) -> np.ndarray:
    base = linear(("#77777a", "#6c6a68", "#858280")[rng.integers(3)])
    stones = 0.17 * footing.layers(noise, 45, 4, 0.95) + 0.06 * footing.layers(noise, 0.6, 3, 0.7, 3)
    tar = smoothstep(0.055, 0.02, np.abs(footing.layers(noise, 0.35, 3, 0.35, 77) + 0.25)) * smoothstep(
        0.12, 0.04, footing.deep
    )
    worn = 0.07 * np.sin(footing.x * 1.6 + rng.uniform(0, 6))
    shade = np.clip((1 + stones + worn) * (1 - 0.4 * tar), 0.15, 2)
    albedo = base * shade[..., None]
    edge = rng.uniform(8.2, 9.0) - 0.05 * footing.x  # the kerb, then a pavement beyond it, then grass
    kerb = smoothstep(edge, edge + footing.deep, footing.distance)[..., None]
    slabs = np.maximum(
        line_cover(footing.x, 0.9, 0.012, footing.across),
        line_cover(footing.distance - edge, 0.6, 0.012, footing.deep),
    )
    stone = linear("#9b968c") * (1 + 0.06 * footing.layers(noise, 9, 3, 0.8, 5) - 0.3 * slabs)[..., None]
    albedo = albedo * (1 - kerb) + stone * kerb
    verge = smoothstep(edge + 1.8, edge + 1.8 + footing.deep, footing.distance)[..., None]
    albedo = albedo * (1 - verge) + _turf(footing, noise) * verge
    gutter = np.exp(-(((footing.distance - edge + 0.06) / 0.09) ** 2))[..., None]
    albedo = albedo * (1 - 0.45 * gutter)
    _scatter_leaves(footing, albedo, rng)
    return albedo.astype(np.float32)


def _turf(footing: Footing, noise: Noise) -> np.ndarray:
    patches = footing.layers(noise, 0.5, 3, 0.7)
    blades = np.zeros_like(footing.x)
    for octave, (per_x, per_d) in enumerate(((14, 5), (32, 10), (70, 20), (130, 36))):
        visible = smoothstep(1.2, 0.4, footing.across * per_x)
        lean = 0.2 * footing.distance * per_x
        blades += visible * noise(footing.x * per_x + lean + octave * 7, footing.distance * per_d)
    shade = np.clip(1 + 0.24 * blades + 0.10 * patches, 0.25, 2.2)
    dry = 0.45 * smoothstep(0.2, 1.6, patches + 0.5 * blades)[..., None]
    return (linear("#56683a") * (1 - dry) + linear("#8d8454") * dry) * shade[..., None]


def _grass(footing: Footing, noise: Noise, rng: np.random.Generator) -> np.ndarray:
    """A lawn with a gravel path, on which the figure walks."""
    albedo = _turf(footing, noise)
    near, far = rng.uniform(5.0, 5.8), rng.uniform(8.6, 9.6)
    wander = 0.12 * noise(footing.x * 0.8, footing.distance * 0) + 0.04 * noise(
        footing.x * 5, footing.distance * 4
    )
    path = smoothstep(-0.06, 0.06, footing.distance - near + wander) * smoothstep(
        0.1, -0.1, footing.distance - far + wander
    )
    gravel = 1 + 0.12 * footing.layers(noise, 30, 4, 0.95, 8) + 0.08 * footing.layers(noise, 1.2, 3, 0.7, 2)
    path = path[..., None]
    return (albedo * (1 - path) + linear("#a5967c") * gravel[..., None] * path).astype(np.float32)


def _scatter_leaves(footing: Footing, albedo: np.ndarray, rng: np.random.Generator) -> None:
    """A few fallen leaves, drawn in place."""
    colours = [linear(colour) for colour in ("#8a5a2b", "#a77b3a", "#6d4a2a", "#5d5a33")]
    for _ in range(int(rng.integers(12, 40))):
        x, distance = rng.uniform(-4, 4), rng.uniform(4.3, 11)
        long_m, turn = rng.uniform(0.03, 0.055), rng.uniform(0, np.pi)
        near = np.flatnonzero(np.abs(footing.distance[:, 0] - distance) < 0.15)
        if not near.size:
            continue
        rows = slice(int(near[0]), int(near[-1]) + 1)
        dx, dd = footing.x[rows] - x, footing.distance[rows] - distance
        u, v = dx * np.cos(turn) + dd * np.sin(turn), dd * np.cos(turn) - dx * np.sin(turn)
        size = (u / (long_m + 0.3 * footing.deep[rows])) ** 2 + (
            v / (0.5 * long_m + 0.3 * footing.deep[rows])
        ) ** 2
        cover = (smoothstep(1.3, 0.7, size) * rng.uniform(0.5, 0.95))[..., None]
        albedo[rows] = albedo[rows] * (1 - cover) + colours[rng.integers(4)] * cover
