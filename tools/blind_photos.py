"""Photos that the damage map learns from: squares of four, some in other colours, some with thin things.

    python -m tools.blind_photos PHOTOS [PHOTOS ...] --out DIR [--count N] [--side PX] [--seed N]

Small photos must not be enlarged for training: they are blurred, and the network would learn that what is
sharp is damage. Four side by side show damage as large as it is met. Thin bright things that
belong to the photo (rods, wires, bars, lamps) are painted into a part of the squares, with light, shade
and the softness of a photo, so that the network learns to leave them alone.
"""

import argparse
import math
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from inpaint.training.photos import photo_paths
from removal.images import read_photo

THINGS_SHARE, COLOURS_SHARE = 0.4, 0.4
RINGS = 6  # of a rod's shade
FRACTION = 4  # binary digits after the point in coordinates for OpenCV


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=800)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    paths = [path for folder in arguments.photos for path in photo_paths(folder)]
    arguments.out.mkdir(parents=True, exist_ok=True)
    for number in range(arguments.count):
        rng = np.random.default_rng([arguments.seed, number])
        chosen = [read_photo(paths[index]).pixels for index in rng.integers(0, len(paths), 4)]
        square = square_of_four(chosen, arguments.side, rng)
        if rng.uniform() < COLOURS_SHARE:
            square = in_other_colours(square, rng)
        if rng.uniform() < THINGS_SHARE:
            square = with_thin_things(square, rng)
        options = [cv2.IMWRITE_JPEG_QUALITY, 95]
        cv2.imwrite(str(arguments.out / f"{number:05d}.jpg"), square[..., ::-1], options)


def square_of_four(images: list[np.ndarray], side: int, rng: np.random.Generator) -> np.ndarray:
    """uint8 (side, side, 3): windows of four photos, uint8 (H, W, 3), which are never enlarged.

    A photo shorter than half the side is continued by reflection. Raises ValueError for other than four.
    """
    if len(images) != 4:
        raise ValueError(f"expected four photos, got {len(images)}")
    half = side // 2
    parts = [_window(image, half, rng) for image in images]
    rows = [np.concatenate(parts[first : first + 2], axis=1) for first in (0, 2)]
    return np.concatenate(rows, axis=0)


def _window(image: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    shorter = min(image.shape[:2])
    if shorter > 2 * side:
        scale = 2 * side / shorter
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    down, right = (max(0, side - length) for length in image.shape[:2])
    image = cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_REFLECT)
    top, left = (int(rng.integers(0, length - side + 1)) for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def in_other_colours(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 (H, W, 3): grey, sepia, or with channels of another strength and contrast."""
    pixels = image.astype(np.float32)
    kind = rng.integers(3)
    if kind < 2:
        pixels[:] = pixels.mean(axis=2, keepdims=True)
    if kind > 0:
        pixels *= rng.uniform(0.6, 1.2, 3).astype(np.float32)
    level = np.float32(rng.uniform(90, 160))
    pixels = (pixels - level) * np.float32(rng.uniform(0.5, 1.4)) + level
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def with_thin_things(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The photo with some thin things painted in that belong there: uint8 (H, W, 3), a new array."""
    result = image.copy()
    for _ in range(int(rng.integers(1, 5))):
        paint = (_rods, _wires, _lamps)[rng.choice(3, p=[0.55, 0.25, 0.2])]
        layer, cover = result.copy(), np.zeros(image.shape[:2], np.uint8)
        paint(layer, cover, rng)
        blur_px = rng.uniform(0.5, 1.3)
        soft = cv2.GaussianBlur(cover, (0, 0), blur_px).astype(np.float32) / np.float32(255)
        layer = cv2.GaussianBlur(layer, (0, 0), blur_px * 0.8)
        grain = cv2.randn(np.zeros(image.shape, np.int16), 0, rng.uniform(0, 5))
        layer = np.clip(layer.astype(np.int16) + grain, 0, 255).astype(np.uint8)
        result = cv2.blendLinear(layer, result, soft, 1 - soft)
    return result


def _rods(layer: np.ndarray, cover: np.ndarray, rng: np.random.Generator) -> None:
    """One to six rods or horns, alike and side by side: bent, tapered, lit from a side, with a shadow."""
    side = min(cover.shape)
    ends = rng.uniform(-0.1, 1.1, (3, 2)) * side
    share = rng.uniform(0.1, 0.5)
    ends = ends[0] + (ends - ends[0]) * share
    ends[1] = (ends[0] + ends[2]) / 2 + rng.normal(0, 0.1 * np.linalg.norm(ends[2] - ends[0]), 2)
    along = np.linspace(0, 1, 80)[:, None]
    path = (1 - along) ** 2 * ends[0] + 2 * along * (1 - along) * ends[1] + along**2 * ends[2]
    radii = side * rng.uniform(0.002, 0.02) * np.linspace(1, rng.uniform(0.15, 1), 80)
    colour = np.clip(rng.uniform(140, 255) + rng.uniform(-30, 30, 3), 0, 255)
    light = rng.normal(0, 1, 2)
    light /= np.linalg.norm(light)
    apart = rng.uniform(0.02, 0.08, 2) * side * rng.choice([-1, 1], 2)
    for number in range(int(rng.choice([1, 1, 1, 2, 2, 4, 6]))):
        moved = path + number * apart
        if rng.integers(2):
            _stroke(layer, moved - 1.5 * light * radii.mean(), radii, np.full(3, rng.uniform(0, 50)))
        for ring in range(RINGS):
            share = 1 - ring / RINGS
            lit = 0.35 + 0.65 * (ring + 1) / RINGS
            _stroke(layer, moved + light * (1 - share) * 0.5 * radii[:, None], radii * share, colour * lit)
        _stroke(cover, moved, radii + 1, np.array([255.0]))


def _wires(layer: np.ndarray, cover: np.ndarray, rng: np.random.Generator) -> None:
    """Hanging from side to side, several alike, or straight bars, all of them even in width and colour."""
    height, width = cover.shape
    count = int(rng.integers(1, 6))
    x = np.linspace(-1, 1, 60)
    sag, tilt = rng.uniform(0, 0.15) * rng.integers(2), rng.normal(0, 0.2)
    thick = max(0.6, rng.uniform(0.001, 0.004) * height)
    colour = rng.uniform(0, 90) if rng.integers(2) else rng.uniform(150, 240)
    first, gap = rng.uniform(0.05, 0.9), rng.uniform(0.01, 0.08)
    for number in range(count):
        y = first + number * gap + tilt * x / 2 - sag * (1 - x**2)
        path = np.stack([(x + 1) / 2 * width, y * height], axis=1)
        if sag == 0 and number % 2 == 0 and rng.integers(2):
            path = path[:, ::-1]
        for target, level in ((layer, np.full(3, colour)), (cover, np.array([255.0]))):
            _stroke(target, path, np.full(60, thick / 2 + (target is cover)), level)


def _lamps(layer: np.ndarray, cover: np.ndarray, rng: np.random.Generator) -> None:
    """A row of small lamps, bright in the middle and fading out."""
    side = min(cover.shape)
    count = int(rng.integers(1, 12))
    start, step = rng.uniform(0, 1, 2) * side, rng.normal(0, 0.06, 2) * side
    radius = rng.uniform(0.002, 0.012) * side
    colour = np.clip(rng.uniform(170, 255) + np.array([20, 0, -30]) * rng.uniform(0, 1.5), 0, 255)
    for number in range(count):
        centre = (start + number * step)[None].repeat(2, axis=0)
        for share in (1.0, 0.7, 0.4):
            _stroke(layer, centre, np.full(2, radius * share), colour * (1.35 - 0.35 / 0.4 * share * 0.6))
        _stroke(cover, centre, np.full(2, radius), np.array([255.0]))


def _stroke(target: np.ndarray, path: np.ndarray, radii: np.ndarray, colour: np.ndarray) -> None:
    """A stroke of a colour through points (N, 2) of x, y, each with its radius in px."""
    level = tuple(float(value) for value in np.clip(colour, 0, 255))
    for (start, end), radius in zip(pairwise(path), radii, strict=False):
        away = math.hypot(*(end - start))
        for step in range(max(1, math.ceil(away / max(0.5, radius)))):
            centre = start + (end - start) * step * max(0.5, radius) / max(away, 1e-6)
            whole = tuple(int(value * 2**FRACTION) for value in centre)
            cv2.circle(target, whole, int(max(0.5, radius) * 2**FRACTION), level, -1, cv2.LINE_AA, FRACTION)


if __name__ == "__main__":
    main()
