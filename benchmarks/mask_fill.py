"""What a mask is worth to the fill: photos filled in the refined and in the true mask, by OpenCV's Telea.

    python -m benchmarks.mask_fill --data DIR

DIR holds pairs/ and pairs2/ (`benchmarks.masks`). The true mask is what changed, grown by 4 px, as plain
dilation of it would be used. PSNR against the empty view, where the view changed.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from benchmarks.pairs import dilated, read_pairs
from benchmarks.quality import psnr_in_mask
from postprocess import refine_mask

MARGIN_PX = 4
TELEA_RADIUS_PX = 3

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]


def telea(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """OpenCV's quick fill: uint8 (H, W, 3) and bool (H, W) -> uint8 (H, W, 3)."""
    filled = cv2.inpaint(image, mask.view(np.uint8), TELEA_RADIUS_PX, cv2.INPAINT_TELEA)
    return np.asarray(filled)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds pairs/ and pairs2/")
    data = parser.parse_args().data
    rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for pair in read_pairs(data):
        masks = refine_mask(pair.image, pair.object).mask, dilated(pair.changed, MARGIN_PX)
        figures = [psnr_in_mask(telea(pair.image, mask), pair.clean, pair.changed) for mask in masks]
        rows[pair.kind].append((figures[0], figures[1]))
    print("| kind | refined mask, dB | true mask, dB | behind |\n|---|---|---|---|")
    for kind, figures in rows.items():
        refined, true = np.mean(figures, axis=0)
        print(f"| {kind} ({len(figures)}) | {refined:.2f} | {true:.2f} | {true - refined:.2f} |")
    refined, true = np.mean([pair for figures in rows.values() for pair in figures], axis=0)
    print(f"| all pairs | {refined:.2f} | {true:.2f} | {true - refined:.2f} |")


if __name__ == "__main__":
    main()
