"""How well the built-in person finder does, on pictures kept apart from its training.

    python -m benchmarks.finder --data DIR [--split validation] [--part coco] [--weights FILE]
        [--refine-boxes] [--sheet PNG]

DIR holds `coco`, `people`, `people_boxes`, `nopeople`, `pairs` and `pairs2`. Which picture is in which split
`tools/finder/splits.py` says: thresholds are chosen on `validation`, `test` is looked at once, at the end.
What the figures mean `tools/finder/measures.py` says.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np
import torch

from segment import load_segmenter
from segment.builtin import WEIGHTS
from tools.finder.boxes import box_paths
from tools.finder.measures import (
    box_covered,
    boxes_split,
    covered,
    cut_in_pieces,
    overlapping_boxes,
    pair_split,
    small_people,
    touching_pairs,
    union_iou,
)
from tools.finder.photos import PERSON, Labelled, load_coco, load_empty, load_set, read_rgb

LEAST_PEOPLE_SHARE = 0.02
LEAST_BOX_SHARE = 0.01


class Finder:
    """Calls the segmenter and keeps the seconds."""

    def __init__(self, segmenter):
        self.segmenter, self.seconds = segmenter, []

    def __call__(self, image):
        started = time.perf_counter()
        found = self.segmenter([image])[0]
        self.seconds.append(time.perf_counter() - started)
        return found, found.union()


def row(name, values, form="{:.3f}"):
    values = np.array(values, float)
    if len(values):
        said = " | ".join(form.format(v) for v in (values.mean(), np.median(values)))
        click.echo(f"| {name} | {len(values)} | {said} |")


def labelled_rows(finder: Finder, name: str, photos: list[Labelled], shown: list) -> None:
    ious, small, smaller, false_areas, beside, pairs, cut = [], [], [], [], [], [], []
    for photo in photos:
        found, mask = finder(photo.image)
        shown.append((photo.image, photo.label, found))
        if not photo.label.any():
            false_areas.append(mask.mean())
            continue
        if (photo.label == PERSON).mean() > LEAST_PEOPLE_SHARE:
            ious.append(union_iou(mask, photo.label))
        beside.append((mask & (photo.label == 0)).mean())
        small += [covered(mask, person) for person in small_people(photo.label, photo.people)]
        smaller += [covered(mask, person) for person in small_people(photo.label, photo.people, (0.0, 0.1))]
        instances = [found.mask(index) for index in range(len(found))]
        cut += cut_in_pieces(instances, photo.people)
        for first, second in touching_pairs(photo.people):
            pairs.append(
                (covered(mask, first) and covered(mask, second), pair_split(instances, first, second))
            )
    row(f"{name}, people over 2 %: union IoU", ious)
    row(f"{name}, people of 3 to 10 % of the height: found", small)
    row(f"{name}, people under a tenth of the height: found", smaller)
    row(f"{name}, no people: false area", false_areas, "{:.4f}")
    row(f"{name}, with people: false area", beside, "{:.4f}")
    row(f"{name}, found people over 1 %: cut in pieces", cut)
    row(f"{name}, touching pairs: split right", [split for _, split in pairs])
    row(f"{name}, touching pairs both found: split right", [split for both, split in pairs if both])


def boxed_rows(finder: Finder, data: Path, split: str) -> None:
    hits, split_right = [], []
    for path, boxes in box_paths(data, split):
        image = read_rgb(path)
        found, mask = finder(image)
        area_px = mask.size
        large = [b for b in boxes if np.prod(b[2:] - b[:2]) > LEAST_BOX_SHARE * area_px]
        hits += [box_covered(mask, box) for box in large]
        split_right += [boxes_split(found.boxes, *pair) for pair in overlapping_boxes(boxes, area_px)]
    row("coco_val, people whose box covers over 1 %: found", hits)
    row("coco_val, overlapping boxes: split right", split_right)


def pairs(data: Path) -> Iterator[tuple[str, Labelled]]:
    """Photos of fixed cameras with the object's mask, by the kind of scene; those that show cars left out."""
    for folder in sorted([*(data / "pairs").iterdir(), *(data / "pairs2").glob("sbi_*")]):
        if folder.name.startswith(("highway", "sbi_Highway")) or not (folder / "object.png").is_file():
            continue
        label = cv2.imread(str(folder / "object.png"), cv2.IMREAD_GRAYSCALE)
        label = np.where(label > 127, 255, 0).astype(np.uint8)
        kind = "pairs2/sbi" if folder.name.startswith("sbi_") else f"pairs/{folder.name.split('_')[0]}"
        yield kind, Labelled(read_rgb(folder / "photo.png"), label, label.astype(np.int16), folder.name)


def sheet(shown, path: Path) -> None:
    """Found people in colours, the labelled outline in green."""
    colours = np.random.default_rng(1).integers(60, 255, (64, 3))
    tiles = []
    for image, label, found in shown:
        tile = image.copy()
        for index in range(len(found)):
            mask = found.mask(index)
            tile[mask] = (tile[mask] * 0.4 + colours[index % 64] * 0.6).astype(np.uint8)
        person = (label == PERSON).astype(np.uint8)
        outline = cv2.findContours(person, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
        cv2.drawContours(tile, outline, -1, (0, 255, 0), 1)
        tiles.append(cv2.resize(tile, (240, 180), interpolation=cv2.INTER_AREA))
    tiles += [np.zeros((180, 240, 3), np.uint8)] * (-len(tiles) % 8)
    grid = np.vstack([np.hstack(tiles[i : i + 8]) for i in range(0, len(tiles), 8)])
    cv2.imwrite(str(path), grid[..., ::-1])


def coco_rows(finder: Finder, data: Path, split: str, shown: list) -> None:
    if split == "test":
        labelled_rows(finder, "COCO", load_coco(data / "coco", "test")[0], shown)
    labelled_rows(finder, "coco_more", load_set(data / "people/coco_more", split), shown)
    boxed_rows(finder, data, split)
    empty = [finder(photo)[1].mean() for _, photo in load_empty(data, split, set())]
    row("nopeople: false area", empty, "{:.4f}")
    row("nopeople: photos with false area over 0.1 %", np.array(empty) > 0.001)
    row("seconds a photo", finder.seconds)


def sets_rows(finder: Finder, data: Path) -> None:
    """The other sets, of the test split."""
    kinds: dict[str, list[Labelled]] = {}
    for kind, photo in pairs(data):
        kinds.setdefault(kind, []).append(photo)
    for name in ("hsd290", "ccp", "camvid"):
        kinds[f"{name}, where labelled"] = load_set(data / "people" / name, "test")
    for kind, photos in kinds.items():
        row(f"{kind}: IoU", [union_iou(finder(photo.image)[1], photo.label) for photo in photos])


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--split", type=click.Choice(["validation", "test"]), default="test", show_default=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=WEIGHTS)
@click.option("--sheet", "sheet_path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--part", type=click.Choice(["coco", "sets"]), help="Of the measurement; left out = all.")
@click.option("--threads", default=2, show_default=True)
@click.option("--refine-boxes", is_flag=True, help="Look twice at what is small.")
def main(data, split, weights, sheet_path, part, threads, refine_boxes):
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    finder = Finder(load_segmenter("builtin", device="cpu", weights=weights, refine_boxes=refine_boxes))
    shown: list = []
    click.echo("| set | number | mean | median |\n|---|---|---|---|")
    if part != "sets":
        coco_rows(finder, data, split, shown)
    if split == "test" and part != "coco":
        sets_rows(finder, data)
    if sheet_path is not None:
        sheet(shown, sheet_path)


if __name__ == "__main__":
    main()
