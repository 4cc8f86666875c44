"""Masks before and after `refine_mask`: leak and spill on real photos, time and memory on a 24 MP photo.

    python -m benchmarks.masks --data DIR        # the tables
    python -m benchmarks.masks --time            # 24 MP, ten people

DIR holds pairs/, pairs2/, coco/ and team_masks/. pairs/ has one folder per pair of photos with photo.png,
object.png (the object's mask), changed.png (all that differs from the view without the object) and, for some,
shadow.png; pairs2/sbi_* has photo.png, object.png and clean.png, from which the change is worked out. Leak:
share of `changed` outside the mask. Spill: area of the mask outside `changed` over the area of `changed`.
Dilation: the leak of object.png, grown by ellipses of radius 0 to 24, at our spill, on the curve of leak and
spill averaged over the photos of a kind.
"""

import argparse
import json
import resource
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_rle

from benchmarks.pairs import dilated, read_image, read_mask, read_pairs
from postprocess import RefinedMask, refine_mask
from removal.evaluation.masks import leak, spill

FIVE_KINDS = ("ams", "highway", "intel", "office", "shade")
CAMERA_KINDS = ("Board", "CAVIAR1", "Candela", "HighwayI", "HumanBody2")
"""The five fixed cameras of pairs2/."""
RADII_PX = range(25)
VARIANTS = ("raw", "object", "object + attached", "object + shadow", "all")
TEAM_VARIANTS = ("raw", "object", "all")


def leak_and_spill(mask: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    return leak(mask, truth), spill(mask, truth)


def variants(raw: np.ndarray, refined: RefinedMask) -> dict[str, np.ndarray]:
    """The mask before, and after refinement by parts, under the names of `VARIANTS`."""
    body, along, shadow = (refined.parts[part] for part in ("object", "attached", "shadow"))
    return dict(zip(VARIANTS, (raw, body, body | along, body | shadow, refined.mask), strict=True))


def dilation_leak(curve: np.ndarray, spill: float) -> float:
    """Leak of plain dilation at `spill`, from a (radius, 2) curve of mean leak and spill."""
    return float(np.interp(spill, curve[:, 1], curve[:, 0]))


@dataclass(frozen=True)
class KindScores:
    """Means over the photos of one kind: leak and spill by variant, and of dilation by radius (25, 2)."""

    photos: int
    by_variant: Mapping[str, np.ndarray]
    curve: np.ndarray
    shadow_inside: float | None


def score_pairs(data: Path) -> dict[str, KindScores]:
    rows: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
    curves: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
    inside: dict[str, list[float]] = defaultdict(list)
    for pair in read_pairs(data):
        masks = variants(pair.object, refine_mask(pair.image, pair.object))
        rows[pair.kind].append([leak_and_spill(masks[name], pair.changed) for name in VARIANTS])
        curves[pair.kind].append(
            [leak_and_spill(dilated(pair.object, radius), pair.changed) for radius in RADII_PX]
        )
        if pair.shadow is not None:
            inside[pair.kind].append(float((pair.shadow & masks["all"]).sum() / pair.shadow.sum()))
    return {
        kind: KindScores(
            len(rows[kind]),
            dict(zip(VARIANTS, np.mean(rows[kind], axis=0), strict=True)),
            np.mean(curves[kind], axis=0),
            float(np.mean(inside[kind])) if kind in inside else None,
        )
        for kind in rows
    }


def print_pairs(scores: Mapping[str, KindScores]) -> None:
    print("Plain dilation of object.png: leak / spill\n")
    print("| scene | r = 0 leak | r = 4 | r = 12 | r = 20 |\n|---|---|---|---|---|")
    for kind, score in scores.items():
        ends = " | ".join("{:.3f} / {:.2f}".format(*score.curve[radius]) for radius in (4, 12, 20))
        print(f"| {kind} ({score.photos}) | {score.curve[0, 0]:.3f} | {ends} |")
    print("\nAfter refinement: leak / spill\n")
    print("| scene | " + " | ".join(VARIANTS) + " | dilation at the same spill | ours / dilation |")
    print("|---" * (len(VARIANTS) + 3) + "|")
    for kind, score in scores.items():
        print_row(
            f"{kind} ({score.photos})",
            score.by_variant,
            dilation_leak(score.curve, score.by_variant["all"][1]),
        )
    for kinds in (FIVE_KINDS, CAMERA_KINDS, FIVE_KINDS + CAMERA_KINDS):
        some = [scores[kind] for kind in kinds if kind in scores]
        if not some:
            continue
        means = {name: np.mean([score.by_variant[name] for score in some], axis=0) for name in VARIANTS}
        curve = np.mean([score.curve for score in some], axis=0)
        print_row(f"mean of {len(some)} kinds", means, dilation_leak(curve, means["all"][1]))
        each = np.mean([dilation_leak(score.curve, score.by_variant["all"][1]) for score in some])
        print_row("the same, dilated kind by kind to our spill", means, float(each))
    for kind, score in scores.items():
        if score.shadow_inside is not None:
            print(f"\n{kind}: {score.shadow_inside:.1%} of shadow.png inside")


def print_row(name: str, by_variant: Mapping[str, np.ndarray], plain: float) -> None:
    cells = " | ".join("{:.3f} / {:.2f}".format(*by_variant[variant]) for variant in VARIANTS)
    ratio = f"{by_variant['all'][0] / plain:.2f}" if plain else "-"
    print(f"| {name} | {cells} | {plain:.3f} | {ratio} |")


def score_team(data: Path) -> dict[str, np.ndarray]:
    """Leak and spill of another team's masks by `TEAM_VARIANTS`, (3, 2), by who is counted.

    "everybody": all annotated people; who was not found at all leaks whole, and no refinement helps that.
    "people found": those at least half inside the team's mask. Crowd areas count as neither people nor spill.
    "pooled" sums the pixels of all photos; the others average over photos, or take the median.
    """
    everyone: list[list[tuple[float, float]]] = []
    found_only: list[np.ndarray] = []
    areas: list[int] = []
    for image, team, people, crowd in read_team(data):
        everybody = np.any(people, axis=0)
        found = np.any(
            [one for one in people if (one & team).sum() >= 0.5 * one.sum()] or [team & False], axis=0
        )
        by_variant = variants(team, refine_mask(image, team))
        masks = [by_variant[name] & ~crowd for name in TEAM_VARIANTS]
        everyone.append([leak_and_spill(mask, everybody & ~crowd) for mask in masks])
        if found.any():
            sums = [((found & ~mask).sum(), (mask & ~everybody).sum()) for mask in masks]
            found_only.append(np.array(sums) / found.sum())
            areas.append(found.sum())
    return {
        f"everybody ({len(everyone)} photos)": np.mean(everyone, axis=0),
        f"people found ({len(areas)} photos)": np.mean(found_only, axis=0),
        "people found, median": np.median(found_only, axis=0),
        "people found, pooled": np.average(found_only, axis=0, weights=areas),
    }


def read_team(data: Path) -> Iterator[tuple[np.ndarray, np.ndarray, list[np.ndarray], np.ndarray]]:
    """Per photo: image, the team's mask, the annotated people one by one, and areas annotated as crowd."""
    coco = json.loads((data / "coco" / "instances.json").read_text())
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    person = next(category["id"] for category in coco["categories"] if category["name"] == "person")
    for path in sorted((data / "team_masks" / "png").iterdir()):
        team = read_mask(path)
        crowd, people = np.zeros_like(team), []
        for note in coco["annotations"]:
            if note["image_id"] == int(path.stem) and note["category_id"] == person:
                area = decode(note["segmentation"], *team.shape)
                if note["iscrowd"]:
                    crowd |= area
                else:
                    people.append(area)
        yield read_image(data / "coco" / "images" / names[int(path.stem)]), team, people, crowd


def decode(segmentation: list | dict, height: int, width: int) -> np.ndarray:
    """COCO polygons, or run lengths as numbers or text -> bool (height, width)."""
    if isinstance(segmentation, list):
        codes = coco_rle.merge(coco_rle.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        codes = coco_rle.frPyObjects(segmentation, height, width)
    else:
        codes = segmentation
    return coco_rle.decode(codes).astype(bool)


def print_team(rows: Mapping[str, np.ndarray]) -> None:
    print("\n| another team's masks | " + " | ".join(TEAM_VARIANTS) + " | leak all / raw |")
    print("|---" * (len(TEAM_VARIANTS) + 2) + "|")
    for name, row in rows.items():
        cells = " | ".join("{:.3f} / {:.2f}".format(*pair) for pair in row)
        print(f"| {name} | {cells} | {row[-1, 0] / row[0, 0]:.2f} |")


def people_mask(height: int, width: int, people: int) -> np.ndarray:
    """Bool (H, W): upright figures of ellipses and limbs with some specks, as a detector's."""
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


def people_photo(mask: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3): the figures of `mask` in a darker colour, with their shadow, on grainy ground."""
    rng = np.random.default_rng(1)
    height, width = mask.shape
    grain = rng.integers(120, 180, (height // 4 + 1, width // 4 + 1, 3)).astype(np.uint8)
    photo = cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
    shadow = np.roll(mask, (height // 40, width // 30), (0, 1))
    for area, share, level in ((shadow, 0.6, 0), (dilated(mask, height // 400), 0.3, 30)):
        levels = (share * np.arange(256) + level).astype(np.uint8)
        np.copyto(photo, cv2.LUT(photo, levels), where=area[..., None])
    return photo


def time_refine(height: int = 4000, width: int = 6000, people: int = 10) -> None:
    mask = people_mask(height, width, people)
    image = people_photo(mask)
    before_mb = peak_mb()
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        refined = refine_mask(image, mask)
        seconds.append(time.perf_counter() - start)
    shares = ", ".join(f"{name} {part.mean():.1%}" for name, part in refined.parts.items())
    print(f"{height * width / 1e6:.0f} MP, {people} people, {mask.mean():.1%} marked; after: {shares}")
    print(f"refine_mask: {np.median(seconds[1:]):.2f} s (median of 3 after the first, {seconds[0]:.2f} s)")
    print(f"peak memory of the process: {peak_mb():.0f} MB, before the first call {before_mb:.0f} MB")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder that holds pairs/, pairs2/, coco/ and team_masks/")
    parser.add_argument("--only", choices=("pairs", "team"), help="one of the tables")
    parser.add_argument("--time", action="store_true", help="time and memory of a 24 MP photo")
    arguments = parser.parse_args()
    cv2.setNumThreads(2)
    if arguments.data is None and not arguments.time:
        parser.error("give --data, --time or both")
    if arguments.time:
        time_refine()
    if arguments.data is not None and arguments.only != "team":
        print_pairs(score_pairs(arguments.data))
    if arguments.data is not None and arguments.only != "pairs":
        print_team(score_team(arguments.data))


if __name__ == "__main__":
    main()
