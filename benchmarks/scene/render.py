"""Puts ground, backdrop, figure and light together and takes the photo."""

from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.scene.backdrop import paint_backdrop
from benchmarks.scene.body import Body, pose
from benchmarks.scene.camera import Camera, Noise
from benchmarks.scene.figure import Figure, draw_figure
from benchmarks.scene.ground import paint_ground
from benchmarks.scene.look import Light, Look, Stand
from benchmarks.scene.shadow import cast_shadow, contact_shadow
from benchmarks.scene.wardrobe import choose_outfit

SHADOW_SEEN = 0.04
"""Ground that loses more than this share of its light counts as shadow."""


@dataclass(frozen=True)
class Scene:
    """A view with and without its figure. photo, clean: uint8 (H, W, 3), RGB. mask: bool (H, W), the figure
    alone. shadow: bool (H, W), the ground that it darkens, what it hides left out."""

    photo: np.ndarray
    clean: np.ndarray
    mask: np.ndarray
    shadow: np.ndarray


@dataclass(frozen=True)
class Setting:
    """All that a seed decides but the noise."""

    camera: Camera
    stand: Stand
    look: Look
    light: Light
    ground: str
    backdrop: str
    softness: float


def render_scene(*, height: int = 600, width: int = 900, seed: int = 0, figure: bool = True) -> Scene:
    """Render the scene of a seed: pose, clothes, ground, backdrop and light follow from it, at any size.

    height, width: pixels, at least 64. seed: >= 0. figure: False leaves the view empty (photo equals clean,
    both masks empty). Photo and clean are equal wherever the figure and its shadow do not reach. Raises
    TypeError or ValueError for anything else.
    """
    for name, value, least in (("height", height, 64), ("width", width, 64), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{name} must be an integer, got {type(value).__name__}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    rng = np.random.default_rng(seed)
    setting = choose_setting(height, width, rng)
    walker = Figure(pose(setting.look, rng), setting.look, choose_outfit(rng))
    noise = Noise(rng)
    albedo, backdrop = _surroundings(setting, noise, rng)
    nothing = np.zeros((height, width), np.float32)
    view = _lit(albedo, backdrop, setting.light, nothing, nothing)
    grain = rng.standard_normal((height, width, 3)).astype(np.float32)
    clean = _expose(view, grain)
    if not figure:
        empty = np.zeros((height, width), bool)
        return Scene(clean.copy(), clean, empty, empty.copy())
    hidden, contact = _shadows(setting, walker.body, len(backdrop))
    shown = _lit(albedo, backdrop, setting.light, hidden, contact)
    light, cover, box = draw_figure(setting.camera, setting.stand, walker, setting.light, noise)
    shown[box] = shown[box] * (1 - cover[..., None]) + light
    mask = np.zeros((height, width), bool)
    mask[box] = cover > 0.5
    shadow = (np.maximum(hidden, contact) > SHADOW_SEEN) & ~mask
    return Scene(_expose(shown, grain), clean, mask, shadow)


def choose_setting(height: int, width: int, rng: np.random.Generator) -> Setting:
    """The figure stands a third from one side, about half as tall as the picture, its shadow inward."""
    distance = rng.uniform(6.6, 7.4)
    tall = rng.uniform(0.54, 0.60) * height
    camera = Camera(
        height, width, tall * distance / 1.75, rng.uniform(0.36, 0.42) * height, rng.uniform(1.45, 1.65)
    )
    heading = float(rng.choice([-1.0, 1.0]))
    side = float(rng.choice([-1.0, 1.0]))  # where the figure walks, and where the sun stands
    yaw = heading * np.pi * rng.choice([0.25, 0.45, 0.55, 0.8]) + rng.uniform(-0.15, 0.15)
    x = side * rng.uniform(0.10, 0.20) * width * distance / camera.focal_px
    elevation, azimuth = rng.uniform(0.60, 0.90), rng.uniform(0.25, 0.70)
    level = np.cos(elevation)
    towards_sun = np.array(
        [side * level * np.cos(azimuth), np.sin(elevation), level * np.sin(azimuth)], np.float32
    )
    bright = rng.uniform(2.3, 3.0)
    warm = rng.uniform(0, 1)
    sun = bright * np.array([1.0, 0.95 - 0.05 * warm, 0.88 - 0.16 * warm], np.float32)
    sky = rng.uniform(0.65, 0.95) * np.array([0.62, 0.76, 1.0], np.float32)
    woman = bool(rng.random() < 0.5)
    look = Look(
        stride=rng.uniform(0.34, 0.44),
        woman=woman,
        long_hair=woman,
        jacket=bool(rng.random() < 0.6),
        shorts=bool(rng.random() < 0.2),
        bag=str(rng.choice(["none", "backpack", "tote"])),
    )
    light = Light(towards_sun, sun, sky, np.array([0.36, 0.33, 0.28], np.float32))
    ground = str(rng.choice(["paving", "asphalt", "grass"]))
    backdrop = str(rng.choice(["house", "trees"]))
    return Setting(camera, Stand(x, distance, yaw), look, light, ground, backdrop, rng.uniform(0.012, 0.03))


def _surroundings(setting: Setting, noise: Noise, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The ground's albedo from the row on where the backdrop's light ends, and that light."""
    camera = setting.camera
    far_m = rng.uniform(10.5, 13.0) if setting.backdrop == "house" else rng.uniform(22, 30)
    base_row = int(camera.horizon_px + camera.focal_px * camera.eye_m / far_m)
    backdrop = paint_backdrop(camera, setting.backdrop, base_row, setting.light, noise, rng)
    backdrop = cv2.GaussianBlur(backdrop, (0, 0), 0.8 * camera.height_px / 600)  # it lies behind the focus
    return paint_ground(camera, setting.ground, base_row, noise, rng), backdrop


def _shadows(setting: Setting, body: Body, base_row: int) -> tuple[np.ndarray, np.ndarray]:
    hidden = cast_shadow(setting.camera, setting.stand, body, setting.light.towards_sun, setting.softness)
    contact = contact_shadow(setting.camera, setting.stand, body)
    hidden[:base_row] = contact[:base_row] = 0
    return hidden, contact


def _lit(
    albedo: np.ndarray, backdrop: np.ndarray, light: Light, hidden: np.ndarray, contact: np.ndarray
) -> np.ndarray:
    """Light float32 (H, W, 3); hidden, contact: shares of sun and sky kept from the ground."""
    base_row = len(backdrop)
    sun = light.sun * light.towards_sun[1].astype(np.float32) * (1 - hidden[base_row:, :, None])
    sky = light.sky * (1 - contact[base_row:, :, None]) * (1 - 0.18 * hidden[base_row:, :, None])
    return np.concatenate([backdrop, albedo * (sun + sky)])


def _expose(view: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """Light to a photo: lens blur, vignetting, exposure, film-like highlights, sensor noise, sRGB."""
    height, width = view.shape[:2]
    scale = height / 600
    soft = cv2.GaussianBlur(view, (0, 0), 0.55 * max(1.0, scale))
    glow = cv2.GaussianBlur(view, (0, 0), 12 * scale)
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    vignette = (1 / (1 + 0.16 * (x * x + y * y))).astype(np.float32)[..., None]
    light = (0.97 * soft + 0.03 * glow) * vignette * 0.47
    light = (
        light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)
    )  # Narkowicz's fit of the ACES curve
    light = light + grain * np.sqrt(np.maximum(light, 0) * 8e-5 + 4e-6)
    encoded = np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-6) ** (1 / 2.4) - 0.055
    )
    return np.clip(np.rint(encoded * 255), 0, 255).astype(np.uint8)
