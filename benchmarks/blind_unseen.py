"""Repair without a mask of damage that no training drew, and what limits the repair of damage that it did.

    python -m benchmarks.blind_unseen --photos DIR [--count N] [--size PX] [--weights FILE ...]
        [--inpainter telea] [--parts unseen limits] [--seed 0]

unseen: PSNR of whole photos before and after, by kind of `benchmarks.blind_damage`, and the photos that lose
over 0.1 dB; of things that belong to the photo, and of the photo as it is, the share that is filled. limits:
PSNR of scratches and lettering on a tenth of the photo, filled by the true map, the same grown by 1 and 2 px,
the map found, the same with its misses added, and with its false alarms taken away.
"""

import argparse
from collections.abc import Callable
from statistics import fmean

import cv2
import numpy as np

from benchmarks.blind import REPAIRED, Photo, load, quality, read_photos, repair_parser, repaired
from benchmarks.blind_damage import THINGS, UNSEEN
from inpaint import Inpainter
from inpaint.blind import damage_mask, load_damage_finder

LOST_DB = 0.1
Finder = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    parser = repair_parser(__doc__)
    parser.add_argument("--parts", nargs="*", default=["unseen", "limits"])
    parser.add_argument("--threshold", type=float, default=0.5)
    arguments = parser.parse_args()
    photos = list(read_photos(arguments))
    finder = load_damage_finder(weights=arguments.weights, device="cpu")
    inpainter = load(arguments.inpainter, arguments.weights, "cpu")
    print(f"{len(photos)} photos, {finder.description}, {arguments.inpainter}")
    if "unseen" in arguments.parts:
        measure_unseen(photos, finder, inpainter, arguments)
    if "limits" in arguments.parts:
        measure_limits(photos, finder, inpainter, arguments)


def measure_unseen(
    photos: list[Photo], finder: Finder, inpainter: Inpainter, arguments: argparse.Namespace
) -> None:
    print("\n| damage | damaged dB | repaired dB | gain | worst photo | photos that lose | filled |")
    print("|---|---|---|---|---|---|---|")
    for kind, draw in UNSEEN.items():
        before, after, filled = [], [], []
        for photo in photos:
            image, _ = photo.damaged(
                kind, lambda image, rng, draw=draw: (draw(image, rng), None), arguments.seed
            )
            level = finder(image)
            result = repaired(image, lambda _, found=level: found, inpainter, arguments)
            before.append(quality(image, photo))
            after.append(quality(result, photo))
            filled.append(damage_mask(level, threshold=arguments.threshold).mean())
        gains = [late - early for early, late in zip(before, after, strict=True)]
        lost = sum(gain < -LOST_DB for gain in gains)
        row = f"{fmean(before):.2f} | {fmean(after):.2f} | {fmean(gains):+.2f} | {min(gains):+.2f} | {lost}"
        print(f"| {kind} | {row} | {fmean(filled):.2%} |", flush=True)
    for kind, draw in (("thin things", THINGS), ("none", lambda image, _: image)):
        shares = []
        for photo in photos:
            image, _ = photo.damaged(
                kind, lambda image, rng, draw=draw: (draw(image, rng), None), arguments.seed
            )
            shares.append(damage_mask(finder(image), threshold=arguments.threshold).mean())
        print(f"| {kind} | | | | | | {fmean(shares):.2%}, most {max(shares):.2%} |", flush=True)


def measure_limits(
    photos: list[Photo], finder: Finder, inpainter: Inpainter, arguments: argparse.Namespace
) -> None:
    print(f"\n| filled by | {' | '.join(REPAIRED)} |\n{'|---' * (1 + len(REPAIRED))}|")
    rows: dict[str, list[float]] = {}
    for kind, damage in REPAIRED.items():
        results: dict[str, list[float]] = {}
        for photo in photos:
            image, truth = photo.damaged(kind, damage, arguments.seed)
            for name, mask in masks_of(finder(image), truth, arguments.threshold).items():
                results.setdefault(name, []).append(quality(inpainter(image, mask), photo))
        for name, values in results.items():
            rows.setdefault(name, []).append(fmean(values))
    for name, means in rows.items():
        print(f"| {name} | " + " | ".join(f"{mean:.2f}" for mean in means) + " |", flush=True)


def masks_of(level: np.ndarray, truth: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    """bool (H, W) each, by name: what to fill. level, truth: float32 (H, W) in [0, 1]."""
    true, found = (damage_mask(each, threshold=threshold) for each in (truth, level))
    touched = truth > 0
    return {
        "the true map": true,
        "the same, 1 px wider": cv2.dilate(true.view(np.uint8), _disc(1)).view(bool),
        "the same, 2 px wider": cv2.dilate(true.view(np.uint8), _disc(2)).view(bool),
        "the map found": found,
        "its misses added": found | true,
        "its false alarms taken away": found & touched,
        "both": (found | true) & touched,
    }


def _disc(radius_px: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1,) * 2)


if __name__ == "__main__":
    main()
