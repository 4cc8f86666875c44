"""The pictures of docs/filling.md: rendered scenes whose true background is known, filled by two efforts.

python -m benchmarks.filling_pictures --out DIR [--seeds N ...]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from benchmarks.efforts import around
from benchmarks.scene.render import render_scene
from inpaint.exemplar.completion import ExemplarInpainter

PICTURES = {"continues": (4, 15), "cannot": (1, 13)}
"""Scenes by their seeds."""
MARGIN_PX, GAP_PX, ROW_PX, QUALITY = 3, 8, 220, 85


def row_of(seed: int) -> np.ndarray:
    """uint8 (h, w, 3) RGB: photo | fast | normal | what was there, cut around the hole."""
    scene = render_scene(height=480, width=720, seed=seed)
    side = 2 * MARGIN_PX + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    hole = cv2.dilate((scene.mask | scene.shadow).astype(np.uint8), kernel) > 0
    fills = [ExemplarInpainter(effort=effort)(scene.photo, hole) for effort in ("fast", "normal")]
    crop = around(hole)
    cells = [picture[crop] for picture in (scene.photo, *fills, scene.clean)]
    width = round(cells[0].shape[1] * ROW_PX / cells[0].shape[0])
    cells = [cv2.resize(cell, (width, ROW_PX), interpolation=cv2.INTER_AREA) for cell in cells]
    gap = np.full((ROW_PX, GAP_PX, 3), 255, np.uint8)
    return np.hstack([part for cell in cells for part in (cell, gap)][:-1])


def write_picture(path: Path, seeds: tuple[int, ...]) -> None:
    """One row a scene, centred on white."""
    rows = [row_of(seed) for seed in seeds]
    width = max(row.shape[1] for row in rows)
    sheet = []
    for row in rows:
        missing = width - row.shape[1]
        margins = ((0, GAP_PX), (missing // 2, missing - missing // 2), (0, 0))
        sheet.append(np.pad(row, margins, constant_values=255))
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
        write_picture(options.out / f"filling-{name}.jpg", seeds)


if __name__ == "__main__":
    main()
