"""Repair without a mask: is damage found, and is the photo better after it.

    python -m benchmarks.blind --photos DIR [--count N] [--size PX] [--weights FILE ...] [--threshold 0.5]
        [--inpainters telea exemplar reconstruction] [--parts find repair partly edges large]
        [--sheet OUT.jpg]

find: overlap of the map with the damage, both from one half on, by kind, the share that is wrongly called
damaged, and the share that `remove --blind` fills, with what hangs on the damage. repair: PSNR of whole
photos of which a tenth is scratched or written over, before, after, and after the same fill given the true
map. partly: damage that lets the photo through, PSNR after `reconstruction` given the continuous map, and the
same map thresholded. edges: PSNR and SSIM of the edges that `reconstruction` was given, whole maps, against
Canny's of the undamaged photo. large: `remove --blind` on 12 megapixels, whole process.

Damage is drawn from `--seed` and the photo's name. Without --photos, scenes are rendered. Photos used in
training must not be given. `--size` shrinks the photos' longer side.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.scene import render_scene
from inpaint import Inpainter, InpainterOptions, NothingLeftError, build_inpainter
from inpaint.blind import DamageFinder, damage_mask, load_damage_finder
from inpaint.blind_weights import BlindFiles
from inpaint.edges import canny_edges
from inpaint.training.damage.contract import Damage
from inpaint.training.damage.kinds import damage_of
from inpaint.training.damage.lettering import Text
from inpaint.training.damage.scratches import Scratches
from inpaint.training.photos import photo_paths
from removal.evaluation.fidelity import psnr, ssim
from removal.evaluation.pictures import jpeg
from removal.images import read_photo, write_png
from removal.images.sheet import labelled_grid
from removal.repair import RepairPipeline

TENTH = (0.1, 0.1)
FOUND = {name: damage_of({name: 1}) for name in ("scratches", "text", "covered-strokes", "torn")}
REPAIRED = {"scratches": Scratches(area=TENTH), "text": Text(area=TENTH)}
PARTLY = {name: damage_of({name: 1}) for name in ("grey", "stains", "watermark", "noise", "raindrops")}
CONTINUOUS = "reconstruction"
LARGE_HEIGHT, LARGE_WIDTH = 3000, 4000
SHOWN = ("scratches", "text", "covered-strokes", "torn", "watermark", "grey")
SHEET_QUALITY = 80
MOST_SHOWN_DB = 60.0
"""A photo that comes back without an error counts as so much: the mean must not break off at one."""


class Photo(NamedTuple):
    """A photo in which nothing is wrong."""

    name: str
    image: np.ndarray

    def damaged(self, kind: str, damage: Damage, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The photo damaged, uint8 (H, W, 3), and how much of each pixel is destroyed, float32 (H, W)."""
        rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), zlib.crc32(self.name.encode())])
        return damage(self.image, rng)


Given = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    arguments = parse()
    cv2.setNumThreads(arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    photos = list(read_photos(arguments))
    print(f"{len(photos)} photos, seed {arguments.seed}, threshold {arguments.threshold:g}")
    finder = load_damage_finder(weights=arguments.weights, device=arguments.device)
    print(finder.description)
    if "find" in arguments.parts:
        measure_finding(photos, finder, arguments)
    inpainters = {name: load(name, arguments.weights, arguments.device) for name in arguments.inpainters}
    if "repair" in arguments.parts:
        measure_repair(photos, finder, inpainters, arguments)
    if "partly" in arguments.parts and CONTINUOUS in inpainters:
        measure_partly(photos, finder, inpainters[CONTINUOUS], arguments)
    if "edges" in arguments.parts and CONTINUOUS in inpainters:
        measure_edges(photos, finder, inpainters[CONTINUOUS], arguments)
    if "large" in arguments.parts:
        measure_large(photos[0], arguments)
    if arguments.sheet is not None:
        draw_sheet(photos, finder, inpainters, arguments)


def repair_parser(description: str | None) -> argparse.ArgumentParser:
    """The options of a benchmark that repairs photos found to be damaged: which photos, by what."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, help="only the first N photos, or so many scenes")
    parser.add_argument("--size", type=int)
    parser.add_argument("--weights", nargs="*", default=[], help="in place of the package's")
    parser.add_argument("--inpainter", default="telea")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def read_photos(arguments: argparse.Namespace) -> Iterator[Photo]:
    if arguments.photos is None:
        for seed in range(arguments.count or 8):
            yield Photo(f"scene {seed}", render_scene(height=512, width=768, seed=seed).photo)
        return
    for path in photo_paths(arguments.photos)[: arguments.count]:
        image = read_photo(path).pixels
        scale = min(1.0, (arguments.size or max(image.shape)) / max(image.shape))
        if scale < 1:
            size = round(image.shape[1] * scale), round(image.shape[0] * scale)
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        yield Photo(path.stem, image)


def load(name: str, weights: BlindFiles, device: str) -> Inpainter:
    files = tuple(Path(file) for file in weights)
    return build_inpainter(name, InpainterOptions(device=device, blind_weights=files))


def measure_finding(photos: list[Photo], finder: DamageFinder, arguments: argparse.Namespace) -> None:
    print("\n| damage | IoU | lowest | area damaged | called damaged wrongly | filled |")
    print("|---|---|---|---|---|---|")
    for kind, damage in FOUND.items():
        ious, areas, wrongs, fills = [], [], [], []
        for photo in photos:
            image, truth = photo.damaged(kind, damage, arguments.seed)
            level, there = finder(image), truth >= 0.5
            found = damage_mask(level, threshold=arguments.threshold, refine=False)
            fills.append(damage_mask(level, threshold=arguments.threshold).mean())
            ious.append((found & there).sum() / max(1, (found | there).sum()))
            areas.append(there.mean())
            wrongs.append((found & (truth == 0)).mean())
        shares = f"{fmean(areas):.1%} | {fmean(wrongs):.2%} | {fmean(fills):.1%}"
        print(f"| {kind} | {fmean(ious):.3f} | {min(ious):.3f} | {shares} |", flush=True)
    levels = [finder(photo.image) for photo in photos]
    wrong, filled = (
        [damage_mask(level, threshold=arguments.threshold, refine=refine).mean() for level in levels]
        for refine in (False, True)
    )
    print(f"| none | | | 0 | {fmean(wrong):.2%}, most {max(wrong):.2%} | {fmean(filled):.1%} |", flush=True)


def measure_repair(
    photos: list[Photo],
    finder: DamageFinder,
    inpainters: dict[str, Inpainter],
    arguments: argparse.Namespace,
) -> None:
    print("\n| damage | inpainter | damaged dB | repaired dB | gain | given the true map | behind it | s |")
    print("|---|---|---|---|---|---|---|---|")
    for kind, damage in REPAIRED.items():
        for name, inpainter in inpainters.items():
            before, after, given, seconds = [], [], [], []
            for photo in photos:
                image, truth = photo.damaged(kind, damage, arguments.seed)
                started = time.perf_counter()
                after.append(quality(repaired(image, finder, inpainter, arguments), photo))
                seconds.append(time.perf_counter() - started)
                given.append(quality(repaired(image, lambda _, t=truth: t, inpainter, arguments), photo))
                before.append(quality(image, photo))
            means = [fmean(values) for values in (before, after, given)]
            row = f"{means[0]:.2f} | {means[1]:.2f} | {means[1] - means[0]:+.2f} | {means[2]:.2f}"
            print(
                f"| {kind} | {name} | {row} | {means[2] - means[1]:.2f} | {fmean(seconds):.2f} |", flush=True
            )


def measure_partly(
    photos: list[Photo], finder: DamageFinder, inpainter: Inpainter, arguments: argparse.Namespace
) -> None:
    print("\n| damage | damaged dB | continuous map | thresholded map | true map | the same thresholded |")
    print("|---|---|---|---|---|---|")
    for kind, damage in PARTLY.items():
        rows = []
        for photo in photos:
            image, truth = photo.damaged(kind, damage, arguments.seed)
            row = [quality(image, photo)]
            for level in (finder(image), truth):
                row.append(quality(repaired(image, lambda _, le=level: le, inpainter, arguments), photo))
                mask = damage_mask(level, threshold=arguments.threshold)
                row.append(quality(image if mask.all() else inpainter(image, mask), photo))
            rows.append(row)
        means = (f"{fmean(column):.2f}" for column in zip(*rows, strict=True))
        print(f"| {kind} | {' | '.join(means)} |", flush=True)


def measure_edges(
    photos: list[Photo], finder: DamageFinder, inpainter: Inpainter, arguments: argparse.Namespace
) -> None:
    print("\n| edges | none in the damage | true map | map found |\n|---|---|---|---|")
    for kind, damage in FOUND.items():
        rows = []
        for photo in photos:
            image, truth = photo.damaged(kind, damage, arguments.seed)
            wanted, left = canny_edges(photo.image), canny_edges(image, truth)
            row = [left.astype(np.float32)]
            for level in (truth, finder(image)):
                mask = damage_mask(level, threshold=arguments.threshold)
                edges = inpainter.repair(image, mask, level).edges
                assert edges is not None
                row.append(np.where(mask, edges, canny_edges(image, np.where(mask, level, np.float32(0)))))
            rows.append([quality_of_edges(edges, wanted) for edges in row])
        cells = [f"{decibel:.2f} dB, {like:.3f}" for decibel, like in np.mean(rows, axis=0)]
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)


def quality_of_edges(edges: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """PSNR and SSIM of maps of edges, (H, W) in [0, 1] each, as pictures."""
    answer, truth = picture(edges), picture(wanted)
    return min(psnr(answer, truth), MOST_SHOWN_DB), ssim(answer, truth)


def repaired(
    image: np.ndarray, given: Given, inpainter: Inpainter, arguments: argparse.Namespace
) -> np.ndarray:
    """The photo after the path of `remove --blind`, the level of damage given by `given`."""
    try:
        return RepairPipeline(given, inpainter, threshold=arguments.threshold)([image])[0].image
    except NothingLeftError:
        return image


def quality(image: np.ndarray, photo: Photo) -> float:
    return min(psnr(image, photo.image), MOST_SHOWN_DB)


def measure_large(photo: Photo, arguments: argparse.Namespace) -> None:
    large = cv2.resize(photo.image, (LARGE_WIDTH, LARGE_HEIGHT), interpolation=cv2.INTER_CUBIC)
    image, _ = Photo(photo.name, large).damaged("large", REPAIRED["scratches"], arguments.seed)
    print("\n| `remove --blind` on 12 MP | seconds | GB |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        write_png(image, f"{folder}/large.png")
        options = [part for file in arguments.weights for part in ("--blind-weights", os.path.abspath(file))]
        for name in arguments.inpainters:
            command = [sys.executable, "-m", "removal.cli.main", "--blind", "large.png", "-o", f"{name}.png"]
            started = time.perf_counter()
            process = subprocess.Popen(
                [*command, "--inpainter", name, *options], cwd=folder, stdout=subprocess.DEVNULL
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            failed = f" (status {os.waitstatus_to_exitcode(status)})" if status else ""
            print(f"| {name}{failed} | {seconds:.1f} | {usage.ru_maxrss / 2**20:.2f} |", flush=True)


def draw_sheet(
    photos: list[Photo], finder: DamageFinder, inpainters: dict[str, Inpainter], arguments: argparse.Namespace
) -> None:
    """A row for each kind of SHOWN, on a photo of its own."""
    rows = []
    for index, kind in enumerate(SHOWN):
        photo = photos[index % len(photos)]
        image, _ = photo.damaged(kind, damage_of({kind: 1}), arguments.seed)
        level = finder(image)
        row = [(image, f"{kind}, {quality(image, photo):.1f} dB"), (picture(level), "")]
        for inpainter in inpainters.values():
            result = repaired(image, lambda _, found=level: found, inpainter, arguments)
            row.append((result, f"{quality(result, photo):.1f} dB"))
        rows.append([*row, (photo.image, "")])
    titles = ("damaged", "damage found", *inpainters, "undamaged")
    arguments.sheet.write_bytes(jpeg(labelled_grid(rows, titles), quality=SHEET_QUALITY))


def picture(level: np.ndarray) -> np.ndarray:
    """(H, W) in [0, 1] as uint8 (H, W, 3), 1 = white."""
    grey = np.rint(255 * level.astype(np.float32)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, help="only the first N photos, or so many scenes")
    parser.add_argument("--size", type=int)
    parser.add_argument("--weights", nargs="*", default=[], help="in place of the package's")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--inpainters", nargs="+", default=["telea", "exemplar", CONTINUOUS])
    parser.add_argument("--parts", nargs="*", default=["find", "repair", "partly", "edges", "large"])
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
