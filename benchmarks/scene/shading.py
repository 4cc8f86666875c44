"""Joins surfaces by depth and lights them with a sun and a sky, their shadows on each other included."""

from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.scene.camera import smoothstep
from benchmarks.scene.look import Light
from benchmarks.scene.surfaces import Canvas, Surface
from benchmarks.scene.wardrobe import Finish

BACK_M = -9.0  # depth where there is nothing
MELT_M = 0.05  # how far apart two surfaces still flow into each other


@dataclass
class Buffer:
    """What the camera sees of the figure so far, per pixel of the canvas."""

    z: np.ndarray
    normal: np.ndarray
    albedo: np.ndarray
    gloss: np.ndarray
    skin: np.ndarray

    @classmethod
    def empty(cls, height: int, width: int) -> "Buffer":
        flat, colour = (height, width), (height, width, 3)
        blank = [np.zeros(size, np.float32) for size in (colour, colour, flat, flat)]
        return cls(np.full(flat, BACK_M, np.float32), *blank)


@dataclass(frozen=True)
class Part:
    """A surface and how it looks.

    over_m: how far it wins against what was drawn before. melt: 1 where it flows into that without a crease.
    """

    surface: Surface
    finish: Finish
    over_m: float = 0.0
    melt: np.ndarray | float = 0.0


def merge(buffer: Buffer, part: Part, canvas: Canvas) -> None:
    surface, finish = part.surface, part.finish
    if not surface.inside.any():
        return
    pixel_m = float(canvas.x[1] - canvas.x[0])
    inside = surface.inside.astype(np.float32)
    # The seams between the links of a chain are smoothed out; outside, the surface goes on at its rim's
    # depth.
    known = np.where(surface.inside, surface.z, 0)
    weight = cv2.GaussianBlur(inside, (0, 0), 2.5)
    even = cv2.GaussianBlur(known, (0, 0), 2.5) / np.maximum(weight, 1e-4)
    rim = surface.z[surface.inside].min() - 0.01
    z = np.where(weight > 0.02, even, rim).astype(np.float32)
    z -= (1 - weight) * 0.02
    z += cv2.GaussianBlur(np.asarray(finish.relief, np.float32), (0, 0), 1.0)
    before = buffer.z[surface.box]
    width = MELT_M * np.asarray(part.melt, np.float32) * (before > BACK_M) + 1e-5
    share = np.clip(0.5 + 0.5 * (z + part.over_m - before) / width, 0, 1)
    joined = np.where(share < 1, before + (z - before) * share + width * share * (1 - share), z)
    slope_y, slope_x = np.gradient(joined, pixel_m)
    normal = np.stack([-slope_x, slope_y, np.ones_like(z)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    shown = surface.inside & (share > 0)
    buffer.z[surface.box][shown] = joined[shown]
    buffer.normal[surface.box][shown] = normal[shown]
    seen = surface.inside & (share > 0.5)
    buffer.albedo[surface.box][seen] = finish.albedo[seen]
    buffer.gloss[surface.box][seen] = finish.gloss
    buffer.skin[surface.box][seen] = finish.skin


def shade(buffer: Buffer, light: Light, *, pixel_m: float) -> np.ndarray:
    normal = np.asarray(cv2.GaussianBlur(buffer.normal, (0, 0), 0.8))
    normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    lit = _sunlit(buffer.z, light.towards_sun, pixel_m)
    open_sky = _openness(buffer.z, pixel_m)
    facing = normal @ light.towards_sun
    # Light scatters in skin and comes out past the terminator, red furthest; cloth fibres do a little of it.
    wrap = 0.06 + buffer.skin[..., None] * np.array([0.30, 0.12, 0.08], np.float32)
    diffuse = np.clip((facing[..., None] + wrap) / (1 + wrap), 0, 1)
    up = 0.5 + 0.5 * normal[..., 1:2]
    ambient = (light.sky * up + light.bounce * (1 - up)) * open_sky[..., None]
    half = light.towards_sun + np.array([0, 0, 1], np.float32)
    half = half / np.linalg.norm(half)
    shine = buffer.gloss * np.clip(normal @ half, 0, 1) ** 24 * 0.16 * lit
    rim = 0.05 * (1 - np.clip(normal[..., 2], 0, 1)) ** 3 * open_sky
    light_in = light.sun * (diffuse * lit[..., None]) + ambient
    return buffer.albedo * light_in + light.sun * shine[..., None] + light.sky * rim[..., None]


def _sunlit(z: np.ndarray, towards_sun: np.ndarray, pixel_m: float) -> np.ndarray:
    """1 in the sun, 0 in the figure's own shadow: the height field is walked towards the sun."""
    half = cv2.resize(z, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST)
    height, width = half.shape
    shadow = np.zeros_like(half)
    for step_m in np.geomspace(0.015, 0.6, 26):
        across = round(float(towards_sun[0] * step_m / (2 * pixel_m)))
        down = round(float(-towards_sun[1] * step_m / (2 * pixel_m)))
        there = np.full_like(half, BACK_M)
        rows = slice(max(0, -down), min(height, height - down))
        columns = slice(max(0, -across), min(width, width - across))
        there[rows, columns] = half[
            rows.start + down : rows.stop + down, columns.start + across : columns.stop + across
        ]
        above = there - half - towards_sun[2] * step_m
        shadow = np.maximum(shadow, smoothstep(0.006, 0.02, above) * (above < 0.35))
    shadow = cv2.GaussianBlur(shadow, (0, 0), 1.5)
    return 1 - cv2.resize(shadow, (z.shape[1], z.shape[0]), interpolation=cv2.INTER_LINEAR)


def _openness(z: np.ndarray, pixel_m: float) -> np.ndarray:
    """How much of the sky a point sees, from 0 to 1: less in a crease and beside a nearer part."""
    inside = (z > BACK_M).astype(np.float32)
    open_sky = np.ones_like(z)
    for reach_m, strength in ((0.012, 18.0), (0.04, 7.0), (0.12, 3.0)):
        sigma = reach_m / pixel_m
        scale = min(1.0, 3.0 / sigma)
        small = cv2.resize(inside, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        depth = cv2.resize(np.where(inside > 0, z, 0), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        weight = cv2.GaussianBlur(small, (0, 0), sigma * scale)
        around = cv2.GaussianBlur(depth, (0, 0), sigma * scale) / np.maximum(weight, 1e-3)
        size = (z.shape[1], z.shape[0])
        mean = np.asarray(cv2.resize(around, size, interpolation=cv2.INTER_LINEAR))
        share = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR))
        above = np.clip(mean - z - 0.15 * reach_m, 0, 0.25) * share
        open_sky *= np.exp(-strength * above)
    return open_sky
