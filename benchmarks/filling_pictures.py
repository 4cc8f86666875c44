"""The pictures of docs/filling.md: rendered and drawn scenes with a known background, filled by two efforts.

python -m benchmarks.filling_pictures --out DIR [--seeds N ...]
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from benchmarks.efforts import around
from benchmarks.scene.render import render_scene
from inpaint.exemplar.completion import ExemplarInpainter
from inpaint.inpainter import Effort

PICTURES = {"continues": (4, 15), "cannot": (1, 13)}
"""Scenes by their seeds."""
Hole = tuple[int, int, int, int]
"""Top, bottom, left, right of an ellipse in a drawn scene."""
MARGIN_PX, GAP_PX, ROW_PX, QUALITY = 3, 8, 220, 85


def row_of(seed: int) -> np.ndarray:
    """A row of a rendered scene, see `row`."""
    scene = render_scene(height=480, width=720, seed=seed)
    side = 2 * MARGIN_PX + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    hole = cv2.dilate((scene.mask | scene.shadow).astype(np.uint8), kernel) > 0
    return row(scene.photo, hole, scene.clean)


def row(photo: np.ndarray, hole: np.ndarray, clean: np.ndarray, effort: Effort = "normal") -> np.ndarray:
    """uint8 (h, w, 3) RGB: photo | fast | another effort | what was there, cut around the hole."""
    fills = [ExemplarInpainter(effort="fast")(photo, hole), ExemplarInpainter(effort=effort)(photo, hole)]
    crop = around(hole)
    cells = [picture[crop] for picture in (photo, *fills, clean)]
    width = round(cells[0].shape[1] * ROW_PX / cells[0].shape[0])
    cells = [cv2.resize(cell, (width, ROW_PX), interpolation=cv2.INTER_AREA) for cell in cells]
    gap = np.full((ROW_PX, GAP_PX, 3), 255, np.uint8)
    return np.hstack([part for cell in cells for part in (cell, gap)][:-1])


def floor(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A chequered floor with its horizon at row 20."""
    depth = 1 / np.maximum(rows - 20, 1e-3)
    return ((np.floor((columns - 160) * depth * 1.6) + np.floor(320 * depth)) % 2 == 0) & (rows > 20)


def ring(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A wide ring, seen at a slant."""
    return np.abs(np.hypot((rows - 125) / 0.75, columns - 160) - 95) < 14


def petals(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A flower of twelve petals."""
    angle = np.arctan2(rows - 120, columns - 160)
    away = np.hypot(rows - 120, columns - 160)
    return (away < 60 + 32 * np.cos(12 * angle)) & (away > 22)


DRAWN: dict[str, list[tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], Hole, Effort]]] = {
    "perspective": [(floor, (80, 180, 210, 280), "best"), (floor, (60, 200, 100, 220), "best")],
    "round": [(ring, (60, 150, 190, 270), "normal"), (petals, (86, 154, 192, 262), "best")],
}
"""What is light in a drawn scene, the hole, and the effort that is shown beside `fast`."""


def drawn_row(
    light: Callable[[np.ndarray, np.ndarray], np.ndarray], where: Hole, effort: Effort
) -> np.ndarray:
    """A row of a drawn scene of 240 x 320 pixels, see `row`."""
    rows, columns = (np.mgrid[:960, :1280] + 0.5) / 4
    inside = light(rows, columns).astype(np.float32)
    share = cv2.resize(inside, (320, 240), interpolation=cv2.INTER_AREA)[..., None]
    noise = np.random.default_rng(0).normal(0, 4, (240, 320, 3))
    clean = np.array([70, 85, 100]) + share * np.array([135, 110, 80]) + noise
    clean = np.clip(np.rint(clean), 0, 255).astype(np.uint8)
    hole = np.zeros((240, 320), np.uint8)
    top, bottom, left, right = where
    middle, axes = ((left + right) // 2, (top + bottom) // 2), ((right - left) // 2, (bottom - top) // 2)
    cv2.ellipse(hole, middle, axes, 0, 0, 360, 1, -1)
    photo = np.where(hole[..., None] > 0, np.array([190, 60, 70], np.uint8), clean)
    return row(photo, hole > 0, clean, effort)


def write_picture(path: Path, rows: list[np.ndarray]) -> None:
    """Rows centred on white."""
    width = max(one.shape[1] for one in rows)
    sheet = []
    for one in rows:
        missing = width - one.shape[1]
        margins = ((0, GAP_PX), (missing // 2, missing - missing // 2), (0, 0))
        sheet.append(np.pad(one, margins, constant_values=255))
    quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    cv2.imwrite(str(path), np.vstack(sheet)[: -GAP_PX or None, :, ::-1], quality)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for filling-NAME.jpg")
    parser.add_argument("--seeds", type=int, nargs="+", help="only a sheet of these scenes, to choose from")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    pictures = {"seeds": tuple(options.seeds)} if options.seeds else PICTURES
    for name, seeds in pictures.items():
        write_picture(options.out / f"filling-{name}.jpg", [row_of(seed) for seed in seeds])
    if not options.seeds:
        for name, scenes in DRAWN.items():
            write_picture(options.out / f"filling-{name}.jpg", [drawn_row(*scene) for scene in scenes])


if __name__ == "__main__":
    main()
