"""Layers through which a photo is seen, drawn as no training draws them, and what undoing them gains.

    python -m benchmarks.blind_veils --photos DIR [--count N] [--size PX] [--weights FILE ...]
        [--inpainter telea] [--seed 0]

PSNR of whole photos under a layer: left alone, with all of it that is found filled, as `remove --blind` has
it (undone where it is surely known), and undone where the true outline is given.

Words are set in Pillow's own typeface and not in OpenCV's; logos are rings, stars, shields and bars. Training
knows neither.
"""

import math
from collections.abc import Callable
from functools import partial
from statistics import fmean

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.blind import load, quality, read_photos, repair_parser
from inpaint.blind import damage_mask, load_damage_finder
from inpaint.layers import undo_layers
from removal.repair import RepairPipeline

FINER = 4  # what is drawn so many times as large, and shrunk, has soft edges
WORDS = ("PREVIEW", "Not for sale", "alamo images", "DRAFT", "photo library", "Copyright 2021", "specimen")
ALPHAS = (0.2, 0.69)
Draw = Callable[[tuple[int, int], np.random.Generator], np.ndarray]


def words(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """One to four large words, level or slanted: coverage, float32 (H, W) in [0, 1]."""
    height, width = shape
    canvas = Image.new("L", (width * FINER, height * FINER))
    for _ in range(int(rng.integers(1, 5))):
        size = rng.uniform(0.08, 0.22) * min(shape) * FINER
        font = ImageFont.load_default(size)
        text = WORDS[int(rng.integers(len(WORDS)))]
        right, bottom = (math.ceil(edge) for edge in font.getbbox(text)[2:])
        patch = Image.new("L", (right + 8, bottom + 8))
        ImageDraw.Draw(patch).text((4, 4), text, 255, font=font)
        patch = patch.rotate(float(rng.choice([0, 30, -35])), expand=True, resample=Image.Resampling.BILINEAR)
        place = [int(rng.uniform(-0.2, 0.7) * length) for length in canvas.size]
        canvas.paste(255, (place[0], place[1]), patch)
    return _shrunk(np.asarray(canvas), shape)


def tiled(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """One word over and over, as stock photos have it."""
    height, width = shape
    longer = math.ceil(math.hypot(height, width)) * 2
    canvas = Image.new("L", (longer, longer))
    font = ImageFont.load_default(rng.uniform(0.07, 0.12) * min(shape) * 2)
    text, draw = WORDS[int(rng.integers(len(WORDS)))], ImageDraw.Draw(canvas)
    step = font.getbbox(text)[2] * rng.uniform(1.2, 1.8), font.getbbox(text)[3] * rng.uniform(2.0, 3.5)
    for row in range(math.ceil(longer / step[1])):
        for column in range(math.ceil(longer / step[0])):
            draw.text(((column + 0.5 * (row % 2) - 0.5) * step[0], row * step[1]), text, 255, font=font)
    turned = np.asarray(canvas.rotate(float(rng.uniform(15, 45)), resample=Image.Resampling.BILINEAR))
    top, left = (longer - 2 * height) // 2, (longer - 2 * width) // 2
    return _shrunk(turned[top : top + 2 * height, left : left + 2 * width], shape)


def logo(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A ring, a star, a shield with a bar, or a wide bar."""
    height, width = shape
    canvas = np.zeros((height * FINER, width * FINER), np.uint8)
    radius = rng.uniform(0.12, 0.28) * min(shape) * FINER
    centre = rng.uniform(0.25, 0.75, 2) * canvas.shape[::-1]
    kind = int(rng.integers(4))
    if kind == 0:
        thick = round(radius * rng.uniform(0.2, 0.5))
        cv2.circle(canvas, [int(at) for at in centre], round(radius), 255, thick, cv2.LINE_AA)
    elif kind == 1:
        angles = np.arange(10) * math.pi / 5 + rng.uniform(0, 6.28)
        radii = radius * np.where(np.arange(10) % 2, rng.uniform(0.4, 0.6), 1)
        _polygon(canvas, centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1))
    elif kind == 2:
        shield = np.array([(-0.8, -1), (0.8, -1), (0.8, 0.2), (0, 1.1), (-0.8, 0.2)]) * radius
        _polygon(canvas, centre + shield)
        bar = np.array([(-0.5, -0.4), (0.5, -0.4), (0.5, -0.1), (-0.5, -0.1)]) * radius
        _polygon(canvas, centre + bar, 0)
    else:
        top = int(rng.uniform(0.1, 0.8) * canvas.shape[0])
        canvas[top : top + round(radius * rng.uniform(0.4, 1.2))] = 255
    return _shrunk(canvas, shape)


VEILS: dict[str, Draw] = {"words": words, "word over and over": tiled, "logo": logo}


def veiled(
    image: np.ndarray, draw: Draw, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The photo under a layer, its opacity, float32 (H, W) in [0, 0.69], and its colour, float64 (3,)."""
    alpha = draw((image.shape[0], image.shape[1]), rng) * np.float32(rng.uniform(*ALPHAS))
    kind = int(rng.integers(4))
    greys = (255.0, rng.uniform(60, 200), 0.0)
    colour = np.full(3, greys[kind]) if kind < 3 else rng.uniform(0, 255, 3)
    values = image * (1 - alpha[..., None]) + colour * alpha[..., None]
    return np.clip(np.rint(values), 0, 255).astype(np.uint8), alpha, colour


def _shrunk(canvas: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    result: np.ndarray = cv2.resize(canvas, shape[::-1], interpolation=cv2.INTER_AREA)
    return result.astype(np.float32) / 255


def _polygon(canvas: np.ndarray, points: np.ndarray, level: int = 255) -> None:
    cv2.fillPoly(canvas, [np.rint(points).astype(np.int32)], level, cv2.LINE_AA)


def _given(level: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The level, whatever the image."""
    del image
    return level


def main() -> None:
    parser = repair_parser(__doc__)
    arguments = parser.parse_args()
    finder = load_damage_finder(weights=arguments.weights, device="cpu")
    inpainter = load(arguments.inpainter, arguments.weights, "cpu")
    print("| layer | left alone | filled | as it comes out | lowest gain | undone, true outline |")
    print("|---|---|---|---|---|---|")
    photos = list(read_photos(arguments))
    for number, (name, draw) in enumerate(VEILS.items()):
        rows = []
        for place, photo in enumerate(photos):
            image, alpha, _ = veiled(
                photo.image, draw, np.random.default_rng([arguments.seed, number, place])
            )
            level = finder(image)
            mask = damage_mask(level)
            repair = RepairPipeline(partial(_given, level), inpainter)
            results = (
                image,
                inpainter(image, mask),
                repair([image])[0].image,
                undo_layers(image, (alpha > alpha.max() / 2).astype(np.float32)).image,
            )
            rows.append([quality(result, photo) for result in results])
        means = [fmean(column) for column in zip(*rows, strict=True)]
        worst = min(row[2] - row[0] for row in rows)
        print(
            f"| {name} | {means[0]:.2f} | {means[1]:.2f} | {means[2]:.2f} | {worst:+.2f} | {means[3]:.2f} |"
        )


if __name__ == "__main__":
    main()
