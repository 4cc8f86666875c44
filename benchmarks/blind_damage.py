"""Damage that no training draws, to see what a repair does to what it never saw.

The generators of training cover a photo (`inpaint.training.damage`); these absorb its light, change its light
beside a crease, scatter flakes, write by hand, and lay layers over it. `THINGS` paints what belongs to the
photo: nothing of it may be taken away. Each: (image uint8 (H, W, 3), generator) -> uint8 (H, W, 3).
"""

import math
from collections.abc import Callable, Mapping

import cv2
import numpy as np

Draw = Callable[[np.ndarray, np.random.Generator], np.ndarray]
FINER = 4  # what is drawn so many times as large, and shrunk, has soft rims


def coffee(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One to three rings and puddles of coffee, which absorb blue more than red."""
    density = np.zeros(image.shape[:2], np.float32)
    for _ in range(rng.integers(1, 4)):
        away, wobble = _from_a_point(image.shape[:2], rng), _clouds(image.shape[:2], 40, rng)
        radius = rng.uniform(0.08, 0.22) * min(image.shape[:2])
        beyond = away + 0.06 * radius * wobble - radius
        rim = np.exp(-((beyond / (0.05 * radius + 1)) ** 2)) * np.clip(0.7 + 0.5 * wobble, 0, None)
        filled = rng.uniform(0, 0.35) / (1 + np.exp(np.clip(beyond / 2, -50, 50)))
        density += rng.uniform(0.4, 1.2) * (rim + filled)
    return _absorbed(image, density, np.array([0.45, 0.75, 1.2], np.float32))


def fold(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A cross or a line of creases: light changes beside it, the ink has flaked off along it."""
    height, width = image.shape[:2]
    light = np.ones((height, width), np.float32)
    flaked = np.zeros((height, width), np.float32)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    for upright in {0: (True,), 1: (False,), 2: (True, False)}[int(rng.integers(3))]:
        place, across, length = (columns, rows, width) if upright else (rows, columns, height)
        away = place - length * rng.uniform(0.3, 0.7) - across * rng.normal(0, 0.01)
        away += 0.6 * _clouds((height, width), 25, rng)
        reach = rng.uniform(0.01, 0.05) * length
        light *= 1 + rng.choice([-1, 1]) * rng.uniform(0.05, 0.25) * np.sign(away) * np.exp(
            -abs(away) / reach
        )
        grain = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 0.7)
        near = np.exp(-((away / rng.uniform(0.8, 2.0)) ** 2))
        flaked = np.maximum(flaked, np.clip((near * 1.6 + 0.25 * grain - 0.6) * 2, 0, 1))
    paper = np.array([238, 232, 218], np.float32)
    pixels = image * light[..., None]
    return _pixels(pixels + (paper - pixels) * flaked[..., None])


def dust(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Soft specks of many sizes: peaks of blurred noise, light or dark."""
    height, width = image.shape[:2]
    cover = np.zeros((height, width), np.float32)
    for blur_px, share in ((0.6, 3e-4), (1.2, 2e-4), (2.5, 5e-5)):
        drops = (rng.random((height, width)) < share * rng.uniform(0.3, 1.5)).astype(np.float32)
        soft = cv2.GaussianBlur(drops, (0, 0), blur_px) * 2 * math.pi * blur_px**2
        cover = np.maximum(cover, np.clip(2 * soft - 0.4, 0, 1))
    level = rng.uniform(215, 250) if rng.integers(2) else rng.uniform(10, 50)
    return _pixels(image + (level - image) * (cover * rng.uniform(0.6, 1))[..., None])


def scratch(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Curves that swell and taper, and upright lines of a film, drawn finely and shrunk."""
    height, width = image.shape[:2]
    canvas = np.zeros((height * FINER, width * FINER), np.uint8)
    for _ in range(rng.integers(4, 16)):
        ends = rng.uniform(0, 1, (3, 2)) * (width, height)
        if rng.uniform() < 0.3:
            ends[:, 0] = ends[0, 0] + rng.normal(0, 1, 3)
            ends[:, 1] = (0, height / 2, height)
        along = np.linspace(0, 1, 200)[:, None]
        path = ((1 - along) ** 2 * ends[0] + 2 * along * (1 - along) * ends[1] + along**2 * ends[2]) * FINER
        thickness = rng.uniform(0.8, 3.5) * FINER * np.sin(math.pi * np.clip(along[:, 0], 0.05, 0.95)) ** 0.5
        for start, end, thick in zip(path[:-1], path[1:], thickness, strict=False):
            first, last = (tuple(int(value) for value in point) for point in (start, end))
            cv2.line(canvas, first, last, 255, max(1, round(thick)))
    cover = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    level = np.float32(rng.uniform(200, 255) if rng.uniform() < 0.7 else rng.uniform(0, 50))
    return _pixels(image + (level - image) * (cover * np.float32(rng.uniform(0.75, 1)))[..., None])


def handwriting(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lines of joined loops in ink or chalk, like writing without words."""
    height, width = image.shape[:2]
    canvas = np.zeros((height * FINER, width * FINER), np.uint8)
    size = rng.uniform(0.03, 0.07) * height
    for line in range(rng.integers(1, 5)):
        time = np.arange(0, rng.uniform(40, 110), 0.08)
        tall = 1 + 0.8 * (np.interp(time / 3, np.arange(40), rng.uniform(-1, 1, 40)) > 0.4)
        x = size * (0.35 * time + 0.45 * np.sin(2.1 * time + 1.2))
        y = size * 0.5 * tall * np.sin(2.1 * time + 0.4 * np.sin(0.7 * time))
        path = np.stack([x + rng.uniform(0.02, 0.3) * width, y + (0.15 + 0.22 * line) * height], axis=1)
        pen = rng.uniform(1.2, 3.5) * FINER
        pressed = pen * (0.75 + 0.25 * np.cos(2.1 * time + 2))
        for start, end, thick in zip(path[:-1] * FINER, path[1:] * FINER, pressed, strict=False):
            first, last = (tuple(int(value) for value in point) for point in (start, end))
            cv2.line(canvas, first, last, 255, max(1, round(thick)))
    cover = (
        cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    )
    inks = np.array([(20, 30, 110), (15, 15, 20), (150, 20, 25), (245, 245, 240)], np.float32)
    return _pixels(image + (inks[rng.integers(4)] - image) * cover * np.float32(rng.uniform(0.85, 1)))


def veil(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A layer of one colour through which the photo is seen: a banner, a disc, or large letters."""
    return with_veil(image, rng)[0]


def with_veil(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `veil`, with the layer's opacity, float32 (H, W) in [0, 0.65], and its colour, float64 (3,)."""
    height, width = image.shape[:2]
    canvas = np.zeros((height * FINER, width * FINER), np.uint8)
    kind = int(rng.integers(3))
    at = rng.uniform(0.05, 0.6, 2) * canvas.shape[::-1]
    if kind == 0:
        box = cv2.RotatedRect(
            tuple(at + 0.15 * canvas.shape[0]),
            tuple(rng.uniform(0.1, 0.5, 2) * canvas.shape[0]),
            float(rng.uniform(-30, 30)),
        )
        cv2.fillPoly(canvas, [np.rint(box.points()).astype(np.int32)], 255)
    elif kind == 1:
        axes = tuple(int(value) for value in rng.uniform(0.08, 0.25, 2) * canvas.shape[0])
        cv2.ellipse(
            canvas, tuple(int(value) for value in at), axes, float(rng.uniform(0, 180)), 0, 360, 255, -1
        )
    else:
        font, words = cv2.FONT_HERSHEY_DUPLEX, ("SAMPLE", "PROOF", "(c) 2019", "Preview")
        for _ in range(rng.integers(1, 5)):
            scale = rng.uniform(0.0025, 0.006) * canvas.shape[0]
            place = tuple(int(value) for value in rng.uniform(0, 0.8, 2) * canvas.shape[::-1])
            cv2.putText(
                canvas,
                words[rng.integers(4)],
                place,
                font,
                scale,
                255,
                max(1, round(scale * rng.uniform(2, 5))),
            )
    alpha = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    alpha *= np.float32(rng.uniform(0.25, 0.65))
    colour = (np.full(3, 250.0), np.full(3, 10.0), rng.uniform(0, 255, 3))[rng.integers(3)]
    return _pixels(image * (1 - alpha[..., None]) + colour * alpha[..., None]), alpha, colour


def thin_things(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Horns, railings and strings of lamps that belong to the photo, shaded by their normals."""
    result = image.astype(np.float32)
    kind = int(rng.integers(3))
    for path, radii in (_horns, _railing, _string)[kind](*image.shape[:2], rng):
        away, place = _from_a_path(image.shape[:2], path)
        radius = radii[place]
        across = np.clip(away / radius, -1, 1)  # where on a round rod, from side to side
        shade = 0.35 + 0.65 * np.clip(np.sqrt(1 - across**2) * 0.8 + 0.45 * across, 0, 1)
        colour = np.array([250, 243, 225], np.float32) * np.float32(rng.uniform(0.8, 1))
        cover = cv2.GaussianBlur(np.clip(radius - abs(away) + 0.5, 0, 1).astype(np.float32), (0, 0), 0.7)
        result += (colour * shade[..., None] + rng.normal(0, 2, image.shape) - result) * cover[..., None]
    return _pixels(result)


def _horns(height: int, width: int, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    side = min(height, width)
    start, length = rng.uniform(0.2, 0.7, 2) * (width, height), rng.uniform(0.1, 0.3) * side
    angles = rng.uniform(0, 6.28) + np.linspace(0, rng.uniform(0.6, 1.8), 40)
    path = np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0) * length / 40
    radii = np.linspace(rng.uniform(0.008, 0.02) * side, 1, 40)
    return [(start + path, radii), (start + path + (0.15 * side, 0), radii)]


def _railing(height: int, width: int, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    left, gap, top, bottom = rng.uniform(0.05, 0.5) * width, rng.uniform(0.02, 0.05) * width, 0.4, 0.8
    radii = np.full(20, rng.uniform(1, 0.006 * height))
    bars = [
        np.linspace((left + n * gap, top * height), (left + n * gap, bottom * height), 20) for n in range(6)
    ]
    rail = np.linspace((left - gap, top * height), (left + 6 * gap, top * height), 20)
    return [(path, radii) for path in (*bars, rail)]


def _string(height: int, width: int, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    x = np.linspace(0.05, 0.95, 12)
    y = rng.uniform(0.2, 0.5) + rng.uniform(0.1, 0.6) * (x - 0.5) ** 2
    radius = np.full(3, rng.uniform(1.2, 0.008 * height))
    return [
        (np.array([(a * width + step, b * height) for step in (0, 0.5, 1)]), radius)
        for a, b in zip(x, y, strict=True)
    ]


UNSEEN: Mapping[str, Draw] = {
    "coffee stains": coffee,
    "creases": fold,
    "specks": dust,
    "curved scratches": scratch,
    "handwriting": handwriting,
    "layers": veil,
}
"""Damage by name."""
THINGS: Draw = thin_things


def _from_a_point(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    top, left = rng.uniform(0.1, 0.9, 2) * shape
    return np.hypot(rows - np.float32(top), columns - np.float32(left))


def _from_a_path(shape: tuple[int, int], path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each pixel: px from the path, positive on its left, and the index of the nearest point of it."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    nearest, place = np.full(shape, np.inf, np.float32), np.zeros(shape, np.intp)
    turn = np.gradient(path, axis=0)
    for index, ((x, y), (dx, dy)) in enumerate(zip(path, turn, strict=True)):
        ahead = np.clip(((columns - x) * dx + (rows - y) * dy) / (dx * dx + dy * dy + 1e-9), -0.5, 0.5)
        away = np.hypot(columns - x - ahead * dx, rows - y - ahead * dy)
        closer = away < np.abs(nearest)
        side = np.where((columns - x) * dy - (rows - y) * dx >= 0, 1, -1)
        nearest, place = np.where(closer, side * away, nearest), np.where(closer, index, place)
    return nearest, place


def _clouds(shape: tuple[int, int], size_px: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (H, W): smooth random numbers of deviation about 1."""
    small = rng.standard_normal((shape[0] // size_px + 3, shape[1] // size_px + 3)).astype(np.float32)
    return cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _absorbed(image: np.ndarray, density: np.ndarray, strength: np.ndarray) -> np.ndarray:
    return _pixels(image * np.exp(-density[..., None] * strength))


def _pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
