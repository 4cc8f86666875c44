"""How well the built-in person finder does, on pictures kept apart from its training.

    python -m benchmarks.finder --data DIR [--weights FILE] [--sheet SHEET.png]

DIR holds `coco`, `people` and `pairs`. Prints the union IoU on COCO photos of the test split whose people
cover over 2 % of the area, the share of the area found in COCO photos without people, and seconds per photo.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import cv2
import numpy as np
import torch

from segment.builtin import WEIGHTS, load_builtin
from tools.finder.training_data import IGNORE, PERSON, Labelled, load_coco, load_set, read_rgb

LEAST_PEOPLE_SHARE = 0.02


def found_mask(segmenter, image):
    return segmenter([image])[0].union()


def iou(found, label):
    known = label != IGNORE
    person, found = (label == PERSON) & known, found & known
    return (person & found).sum() / max(1, (person | found).sum())


def row(name, values, form="{:.3f}"):
    values = np.array(values)
    click.echo(
        f"| {name} | {len(values)} | "
        + " | ".join(form.format(v) for v in (values.mean(), np.median(values)))
        + " |"
    )


def sheet(rows, path):
    tiles = []
    for image, label, mask in rows:
        shown = image.copy()
        shown[mask] = (shown[mask] * 0.5 + np.array([127, 0, 0])).astype(np.uint8)
        outline = cv2.findContours((label == PERSON).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[
            0
        ]
        cv2.drawContours(shown, outline, -1, (0, 255, 0), 1)
        tiles.append(cv2.resize(shown, (240, 180)))
    tiles += [np.zeros((180, 240, 3), np.uint8)] * (-len(tiles) % 8)
    grid = np.vstack([np.hstack(tiles[i : i + 8]) for i in range(0, len(tiles), 8)])
    cv2.imwrite(str(path), grid[..., ::-1])


def pairs(data):
    groups: dict[str, list[Labelled]] = {}
    for folder in sorted((data / "pairs").iterdir()):
        label = cv2.imread(str(folder / "object.png"), cv2.IMREAD_GRAYSCALE)
        kind = f"pairs/{folder.name.split('_')[0]}"
        if folder.name.startswith("highway"):
            continue  # cars
        groups.setdefault(kind, []).append(
            Labelled(read_rgb(folder / "photo.png"), np.where(label > 127, 255, 0), "")
        )
    return groups


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=WEIGHTS)
@click.option("--sheet", "sheet_path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--threads", default=2, show_default=True)
def main(data, weights, sheet_path, threads):
    torch.set_num_threads(threads)
    segmenter = load_builtin(device="cpu", weights=weights)
    coco, _, _ = load_coco(data / "coco", test=True)
    seconds, shown, ious, false_areas = [], [], [], []
    for sample in coco:
        started = time.perf_counter()
        mask = found_mask(segmenter, sample.image)
        seconds.append(time.perf_counter() - started)
        if not (sample.label != 0).any():
            false_areas.append(mask.mean())
        elif (sample.label == PERSON).mean() > LEAST_PEOPLE_SHARE:
            ious.append(iou(mask, sample.label))
            shown.append((sample.image, sample.label, mask))
    click.echo("| set | photos | mean | median |\n|---|---|---|---|")
    row("COCO, people over 2 %: union IoU", ious)
    row("COCO, no people: false area", false_areas, "{:.4f}")
    row("seconds a photo", seconds)
    for name in ("ccp", "hsd290", "camvid"):
        row(
            f"{name}: IoU where labelled",
            [
                iou(found_mask(segmenter, s.image), s.label)
                for s in load_set(data / "people" / name, test=True)
            ],
        )
    for name, samples in pairs(data).items():
        row(f"{name}: IoU", [iou(found_mask(segmenter, s.image), s.label) for s in samples])
    if sheet_path is not None:
        sheet(shown, sheet_path)


if __name__ == "__main__":
    main()
