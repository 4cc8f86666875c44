"""Quality and cost of the inpainters: PSNR and SWD inside the hole, seconds a photo, and a 24 MP photo.

python -m benchmarks.fill --data DIR [--pairs] [--guided] [--colour] [--every N] [--sheet OUT.png]
    [--method NAME ...]
python -m benchmarks.fill --large

The efforts of the exemplar fill against one another: `benchmarks.efforts`.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.quality import psnr_in_mask, swd

METHODS = ("telea", "navier-stokes", "exemplar")
CHANGED_MARGIN_PX = 4
SHIFT_LEVELS = 12
GUIDE_SHRINK = 4
LARGE_HEIGHT, LARGE_WIDTH = 4000, 6000
SHEET_COLUMN_PX = 384


class Case(NamedTuple):
    """A photo with a hole and what should be in it."""

    name: str
    image: np.ndarray
    mask: np.ndarray
    truth: np.ndarray


Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]


def read_rgb(path: Path) -> np.ndarray:
    """uint8 (H, W, 3) of a file."""
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def read_mask(path: Path) -> np.ndarray:
    """bool (H, W) of a file."""
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 127


def photo_cases(data: Path) -> list[Case]:
    """The photos without people and their person-shaped holes."""
    cases = []
    for path in sorted((data / "photos").iterdir()):
        truth = read_rgb(path)
        cases.append(Case(path.stem, truth, read_mask(data / "holes" / f"{path.stem}.png"), truth))
    return cases


def pair_cases(data: Path) -> dict[str, list[Case]]:
    """The real pairs by scene; the hole is what changed, with a margin."""
    side = 2 * CHANGED_MARGIN_PX + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    scenes: dict[str, list[Case]] = {}
    for folder in sorted((data / "pairs").iterdir()):
        changed = read_mask(folder / "changed.png").astype(np.uint8)
        mask = cv2.dilate(changed, kernel) > 0
        case = Case(folder.name, read_rgb(folder / "photo.png"), mask, read_rgb(folder / "clean.png"))
        scenes.setdefault(folder.name.split("_")[0], []).append(case)
    return scenes


def measure(label: str, fill: Fill, cases: Sequence[Case]) -> list[np.ndarray]:
    """Fill all cases and print one line of the table; returns the filled photos."""
    fill(cases[0].image, cases[0].mask)  # compiles
    rows, results = [], []
    for case in cases:
        started = time.perf_counter()
        result = fill(case.image, case.mask)
        seconds = time.perf_counter() - started
        results.append(result)
        figures = psnr_in_mask(result, case.truth, case.mask), swd(result, case.truth, case.mask)
        rows.append((*figures, seconds))
    psnr, distance, seconds = np.mean(rows, axis=0)
    median = np.median([row[2] for row in rows])
    print(f"{label:36} {psnr:6.2f} {distance:6.2f} {median:8.2f} {seconds:8.2f}", flush=True)
    return results


def write_sheet(path: Path, cases: Sequence[Case], results: Sequence[np.ndarray]) -> None:
    """A contact sheet: photo with the hole | fill | truth, one row a case, eight rows a file."""
    for start in range(0, len(cases), 8):
        rows = []
        for case, result in zip(cases[start : start + 8], results[start : start + 8], strict=True):
            shown = np.where(case.mask[..., None], np.uint8((255, 0, 255)), case.image)
            row = np.hstack([shown, result, case.truth])
            height = round(row.shape[0] * 3 * SHEET_COLUMN_PX / row.shape[1])
            rows.append(cv2.resize(row, (3 * SHEET_COLUMN_PX, height), interpolation=cv2.INTER_AREA))
        name = path.with_name(f"{path.stem}_{start // 8}{path.suffix}")
        cv2.imwrite(str(name), np.vstack(rows)[..., ::-1])


def measure_guided(cases: Sequence[Case]) -> None:
    """The true photo, shrunk and enlarged again, as a perfect network's fill: plain, and with detail."""
    from inpaint.exemplar.completion import complete

    guides = {}
    for case in cases:
        height, width = case.mask.shape
        small = (width // GUIDE_SHRINK, height // GUIDE_SHRINK)
        shrunk = cv2.resize(case.truth, small, interpolation=cv2.INTER_AREA)
        enlarged = cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC)
        guides[id(case.mask)] = enlarged

    def enlarge(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return np.where(mask[..., None], guides[id(mask)], image)

    def restore(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return complete(image, mask, guide=guides[id(mask)])

    measure("guide enlarged", enlarge, cases)
    measure("guide + exemplar detail", restore, cases)


def measure_colour(cases: Sequence[Case]) -> None:
    """The true photo shifted by 12 levels up or down as the fill: how much of the step at the edge goes."""
    from inpaint.blending import even_seams

    removed, disturbed = [], []
    for case in cases:
        edge = case.mask & (cv2.erode(case.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
        shares = []
        for shift in (SHIFT_LEVELS, -SHIFT_LEVELS):
            fill = np.clip(case.truth.astype(int) + shift, 0, 255).astype(np.uint8)
            evened = even_seams(case.image, fill, case.mask)
            before, after = (
                np.abs((picture[edge].astype(float) - case.truth[edge]).mean(axis=0)).mean()
                for picture in (fill, evened)
            )
            shares.append(1 - after / before)
        removed.append(np.mean(shares))
        evened = even_seams(case.image, case.truth, case.mask)
        disturbed.append(np.abs(evened.astype(float) - case.truth)[case.mask].mean())
    mean, worst, enough = np.mean(removed), min(removed), np.mean(np.array(removed) >= 0.8)
    print(f"  of a step of {SHIFT_LEVELS} levels go: mean {mean:.1%}, worst photo {worst:.1%}; ", end="")
    print(f"at least 80 % on {enough:.0%} of the photos", flush=True)
    print(f"  a right fill changes by {np.mean(disturbed):.2f} levels", flush=True)


def synthesise_large() -> tuple[np.ndarray, np.ndarray]:
    """A 24 MP photo of soft shapes and noise, and a round hole of 2 % of it."""
    generator = np.random.default_rng(0)
    image = np.zeros((LARGE_HEIGHT, LARGE_WIDTH, 3), np.uint8)
    for cell_px, levels in ((800, 120), (50, 80), (6, 50)):
        small = generator.integers(0, levels, (LARGE_HEIGHT // cell_px, LARGE_WIDTH // cell_px, 3), np.uint8)
        image += cv2.resize(small, (LARGE_WIDTH, LARGE_HEIGHT), interpolation=cv2.INTER_LINEAR)
    mask = np.zeros((LARGE_HEIGHT, LARGE_WIDTH), np.uint8)
    axis_px = np.sqrt(0.02 * mask.size / np.pi)
    axes = round(axis_px / 1.5), round(axis_px * 1.5)
    cv2.ellipse(mask, (LARGE_WIDTH // 2, LARGE_HEIGHT // 2), axes, 0, 0, 360, 1, -1)
    return image, mask.astype(bool)


def measure_large(method: str) -> None:
    """Fill the large photo once more after a small one has compiled the code; prints seconds and peak RSS."""
    from inpaint import load_inpainter

    image, mask = synthesise_large()
    inpainter = load_inpainter(method)
    corner = np.ascontiguousarray(mask[::16, ::16])
    inpainter(np.ascontiguousarray(image[::16, ::16]), corner)
    started = time.perf_counter()
    inpainter(image, mask)
    seconds = time.perf_counter() - started
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{method:36} {seconds:8.2f} s   peak {peak_gb:.2f} GB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with photos/, holes/ and pairs/")
    parser.add_argument("--pairs", action="store_true", help="the real pairs as well")
    parser.add_argument("--guided", action="store_true", help="only: detail brought back to a guide")
    parser.add_argument("--colour", action="store_true", help="only: colour steps evened out")
    parser.add_argument("--every", type=int, default=1, help="take only every Nth photo")
    parser.add_argument("--sheet", type=Path, help="contact sheets of the last method, numbered")
    parser.add_argument("--method", action="append", help="may be repeated; default: the built-in three")
    parser.add_argument("--large", action="store_true", help="a 24 MP photo, one process for each method")
    parser.add_argument("--large-one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    methods = options.method or list(METHODS)
    if options.large_one:
        measure_large(options.large_one)
        return
    if options.large:
        for method in methods:
            subprocess.run([sys.executable, "-m", __spec__.name, "--large-one", method], check=True)
        return
    if options.data is None:
        parser.error("--data is needed")
    sets = {"photos": photo_cases(options.data)[:: options.every]}
    if options.pairs:
        sets |= pair_cases(options.data)
    if options.colour:
        for name, cases in sets.items():
            print(f"{name} ({len(cases)})")
            measure_colour(cases)
        return
    print(f"{'set / method':36} {'PSNR':>6} {'SWD':>6} {'median s':>8} {'mean s':>8}")
    for name, cases in sets.items():
        print(f"{name} ({len(cases)})")
        if options.guided:
            measure_guided(cases)
            continue
        for method in methods:
            from inpaint import load_inpainter

            results = measure(f"  {method}", load_inpainter(method), cases)
        if options.sheet:
            write_sheet(options.sheet.with_name(f"{options.sheet.stem}_{name}.png"), cases, results)


if __name__ == "__main__":
    main()
