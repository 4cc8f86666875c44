"""Masks before and after `refine_mask`: time on a 24 MP photo, and leak and spill on pairs of photos.

    python benchmarks/refine.py [--data DIR]

DIR holds one folder per pair with photo.png, object.png (the object's mask) and changed.png (all that
differs from the view without the object). Leak: share of `changed` outside the mask. Spill: area of the
mask outside `changed` over the area of `changed`. Rim leak: the leak within 2 % of the photo's short side
of the object, where no shadow lies yet.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from postprocess import MaskRecipe, refine_mask
from postprocess.morphology import thicken


def people_mask(height: int, width: int, people: int) -> np.ndarray:
    """Bool (H, W): upright figures of ellipses and limbs with ragged edges and some specks, as a
    detector's."""
    rng = np.random.default_rng(0)
    mask = np.zeros((height, width), np.uint8)
    for index in range(people):
        tall = int(height * rng.uniform(0.3, 0.5))
        x = int((index + 0.5) * width / people)
        y = int(rng.uniform(0.05, 0.45) * height)
        cv2.circle(mask, (x, y + tall // 14), tall // 14, 1, -1)
        cv2.ellipse(mask, (x, y + tall // 3), (tall // 8, tall // 4), 0, 0, 360, 1, -1)
        for step in (-1, 1):
            foot = (x + step * tall // 9, y + tall)
            cv2.line(mask, (x, y + tall // 2), foot, 1, tall // 12)
    for x, y in rng.integers(0, (width, height), (200, 2)).tolist():
        cv2.circle(mask, (x, y), 3, 1, -1)
    return mask.view(bool)


def time_refine(height: int = 4000, width: int = 6000, people: int = 10) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    mask = people_mask(height, width, people)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        refined = refine_mask(image, mask)
        seconds.append(time.perf_counter() - start)
    megapixels = height * width / 1e6
    print(f"{megapixels:.0f} MP, {people} people, {mask.mean():.1%} marked, {refined.mask.mean():.1%} after")
    print(f"refine_mask: {np.median(seconds):.3f} s (median of 5; first {seconds[0]:.3f} s)")


def read_mask(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) > 127


def leak_and_spill(mask: np.ndarray, changed: np.ndarray) -> tuple[float, float]:
    area = changed.sum()
    return float((changed & ~mask).sum() / area), float((mask & ~changed).sum() / area)


def score_pairs(folder: Path, recipe: MaskRecipe) -> dict[str, np.ndarray]:
    """Mean leak, rim leak and spill per kind of scene: before, and after `refine_mask` with `recipe`."""
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for pair in sorted(folder.iterdir()):
        image = np.asarray(cv2.imread(str(pair / "photo.png")))[..., ::-1]
        mask, changed = read_mask(pair / "object.png"), read_mask(pair / "changed.png")
        rim = changed & thicken(mask, 0.02 * min(mask.shape))
        row: list[float] = []
        for candidate in (mask, refine_mask(image, mask, recipe).mask):
            leak, spill = leak_and_spill(candidate, changed)
            row += [leak, leak_and_spill(candidate, rim)[0], spill]
        rows[pair.name.split("_")[0]].append(row)
    return {kind: np.mean(rows[kind], axis=0) for kind in rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, help="folder that holds pairs/; without it only the time is measured"
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(2)
    time_refine()
    if arguments.data is None:
        return
    print("\n| scene | leak | rim leak | spill | leak after | rim leak after | spill after |")
    print("|---|---|---|---|---|---|---|")
    for kind, means in score_pairs(arguments.data / "pairs", MaskRecipe()).items():
        print(f"| {kind} | " + " | ".join(f"{value:.3f}" for value in means) + " |")


if __name__ == "__main__":
    main()
