"""Shadows and reflections drawn from a silhouette, at the size of the window."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class Placed:
    """A cut-out in the picture. photo: float32 (h, w, 3). cover: float32 (h, w). top, left: whole pixels.
    marked: whether it is to be removed. lift: px of its height above the ground."""

    photo: np.ndarray
    cover: np.ndarray
    top: int
    left: int
    marked: bool
    lift: float

    @property
    def foot(self) -> int:
        return self.top + len(self.cover)


@dataclass(frozen=True)
class Light:
    """A hard light: shadows fall (x, y) per unit of height. near_px, far_px: blur at the foot, at the end.
    strength: 0 to 1, how much of all light it gives. wall_px: from that far behind the foot on there is a
    wall; 0 = none. thin: width of the silhouette as the light sees it. mirrored: seen from the other side."""

    x: float
    y: float
    near_px: float
    far_px: float
    strength: float
    wall_px: float
    thin: float
    mirrored: bool


def feet_line(cover: np.ndarray) -> tuple[float, float]:
    """Row at the middle, and slope, of the line on which a silhouette stands, in its pixels from the top."""
    held = cover > 0.5
    columns = np.nonzero(held.any(axis=0))[0]
    if len(columns) < 3:
        return float(len(cover)), 0.0
    lowest = len(cover) - held[::-1, columns].argmax(axis=0)
    low = lowest >= lowest.max() - max(2.0, 0.12 * len(cover))
    at, rows = columns[low], lowest[low]
    if np.ptp(at) < 0.25 * cover.shape[1]:
        return float(rows.max()), 0.0
    slope = float(np.clip(np.polyfit(at, rows, 1)[0], -0.25, 0.25))
    return float(np.median(rows - slope * (at - cover.shape[1] / 2))), slope


def thrown(light: Light, one: Placed, silhouette: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The silhouette thrown over the ground (and up a wall), softer further off: float32 (H, W), 0 to 1."""
    row, slope = feet_line(one.cover)
    middle = silhouette.shape[1] / 2
    thin = -light.thin if light.mirrored else light.thin
    # height above the ground z = c + slope * (x - middle) - y + lift; x narrowed around the middle
    across = np.array([thin, 0.0, middle * (1 - thin)])
    high = np.array([slope, -1.0, row - slope * middle + one.lift])
    ground = np.array([slope * thin, 0.0, row - slope * middle * thin + one.lift])
    warp = np.stack([across + light.x * high, ground + light.y * high])
    warp[:, 2] += (one.left, one.top)
    hard = cv2.warpAffine(silhouette, warp, size[::-1], flags=cv2.INTER_LINEAR)
    rows = np.arange(size[0], dtype=np.float32)[:, None]
    reach = max(abs(light.y) * len(silhouette), 4.0)
    if light.wall_px and light.y < -0.05:
        edge = one.foot - light.wall_px
        z = light.wall_px / abs(light.y)
        upright = np.stack([across + np.array([0, 0, light.x * z]), -high + np.array([0, 0, 0.0])])
        upright[:, 2] += (one.left, edge + z)
        wall = cv2.warpAffine(silhouette, upright, size[::-1], flags=cv2.INTER_LINEAR)
        hard = np.where(rows >= edge, hard, wall)
    if light.far_px - light.near_px < 0.5:
        return cv2.GaussianBlur(hard, (0, 0), light.near_px)
    away = np.abs(rows - one.foot) / reach
    if abs(light.y) < 0.25 * abs(light.x):
        columns = np.arange(size[1], dtype=np.float32)[None]
        away = np.abs(columns - one.left - middle) / max(abs(light.x) * len(silhouette), 4.0)
    far = np.clip(away, 0, 1)
    near_part, far_part = (cv2.GaussianBlur(hard, (0, 0), px) for px in (light.near_px, light.far_px))
    result: np.ndarray = near_part * (1 - far) + far_part * far
    return result.astype(np.float32)


def contact(one: Placed, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The sky's light kept from the ground near the feet: float32 (H, W), 0 to 1."""
    shade: np.ndarray = np.zeros(size, np.float32)
    tall, wide = one.cover.shape
    strip = one.cover[int(0.9 * tall) :].max(axis=0) > 0.5
    columns = np.nonzero(strip)[0]
    if not len(columns):
        return shade
    row, slope = feet_line(one.cover)
    if rng.random() < 0.6 or wide > 0.8 * tall:
        strip[columns[0] : columns[-1]] = True
    thick = max(1.0, rng.uniform(0.02, 0.1) * tall)
    for column in np.nonzero(strip)[0]:
        y = one.top + row + slope * (column - wide / 2) + one.lift
        x = int(one.left + column)
        if 0 <= x < size[1]:
            shade[max(0, int(y - 0.6 * thick)) : max(0, int(np.ceil(y + 0.6 * thick))), x] = 1
    spread = rng.uniform(0.015, 0.09) * tall
    shade = cv2.GaussianBlur(
        shade, (0, 0), max(0.7, 1.8 * spread), sigmaY=max(0.6, spread * rng.uniform(0.4, 1))
    )
    aside = rng.normal(0, 0.04) * tall
    shade = cv2.warpAffine(shade, np.array([[1, 0, aside], [0, 1, rng.uniform(0, 0.03) * tall]]), size[::-1])
    return shade / max(1e-3, float(shade.max()))


@dataclass(frozen=True, eq=False)
class Mirror:
    """A shiny floor. strength: 0 to 1 at the foot. fade: what of it is left one size further off. blur_px,
    grow_px: upright blur at the foot, and further off. ripple: float32 (H, W, 2), px by which it is bent."""

    strength: float
    fade: float
    blur_px: float
    grow_px: float
    ripple: np.ndarray | None


def mirrored(mirror: Mirror, one: Placed, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The object upside down below its feet: photo float32 (H, W, 3) and its share float32 (H, W)."""
    row, slope = feet_line(one.cover)
    middle = one.cover.shape[1] / 2
    warp = np.array(
        [
            [1, 0, one.left],
            [2 * slope, -1, one.top + 2 * (row + one.lift - slope * middle) - 0.03 * len(one.cover)],
        ]
    )
    layers = np.dstack([one.photo * one.cover[..., None], one.cover])
    layers = cv2.warpAffine(layers, warp, size[::-1], flags=cv2.INTER_LINEAR)
    if mirror.ripple is not None:
        rows, columns = np.indices(size, dtype=np.float32)
        layers = cv2.remap(
            layers, columns + mirror.ripple[..., 0], rows + mirror.ripple[..., 1], cv2.INTER_LINEAR
        )
    away = np.clip((np.arange(size[0]) - one.foot)[:, None, None] / len(one.cover), 0, 1).astype(np.float32)
    near, far = (
        cv2.GaussianBlur(layers, (0, 0), max(0.5, 0.35 * px), sigmaY=px)
        for px in (mirror.blur_px, mirror.blur_px + mirror.grow_px)
    )
    layers = near * (1 - away) + far * away
    share = layers[..., 3] * mirror.strength * mirror.fade ** away[..., 0]
    return layers[..., :3] / np.maximum(layers[..., 3:], 1e-3), share


def put(picture: np.ndarray, one: Placed, cover_of: np.ndarray | None = None) -> np.ndarray:
    """Draw a cut-out into `picture` (changed), and return its cover there, float32 (H, W)."""
    height, width = picture.shape[:2]
    tall, wide = one.cover.shape
    rows = slice(max(0, one.top), min(height, one.top + tall))
    columns = slice(max(0, one.left), min(width, one.left + wide))
    whole = np.zeros((height, width), np.float32)
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return whole
    part = (
        slice(rows.start - one.top, rows.stop - one.top),
        slice(columns.start - one.left, columns.stop - one.left),
    )
    share = one.cover[part]
    picture[rows, columns] += (one.photo[part] - picture[rows, columns]) * share[..., None]
    whole[rows, columns] = share
    return whole
