"""What a finder takes for people where there are none: these photos are drawn more often in training.

python -m tools.finder.hard_negatives --data DIR --out difficulty.json [--weights FILE]
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import cv2
import numpy as np

from segment.builtin import THRESHOLD, WEIGHTS
from segment.finder_views import Run, look
from segment.person_network import PersonNetwork
from tools.finder.boxes import box_paths, boxes_label, shrunk_boxes
from tools.finder.photos import load_coco, load_empty, read_rgb

PHOTOS_WITH_PEOPLE = Path(__file__).with_name("photos_with_people.txt")  # of the backgrounds, judged by eye


def taken(run: Run, photo: np.ndarray) -> np.ndarray:
    """bool (h, w): what of the photo is taken for people, at the sizes that the finder looks at (`look`)."""
    return look(run, photo).probability > THRESHOLD


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=WEIGHTS)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(data: Path, weights: Path, out: Path) -> None:
    """Write, for each photo that trains, the share of it that is wrongly taken for a person; of photos with
    boxes, outside of the boxes."""
    run = PersonNetwork(weights)
    photos = list(load_empty(data, "train", set(PHOTOS_WITH_PEOPLE.read_text().split())))
    photos += [(f"coco/{p.name}", p.image) for p in load_coco(data / "coco", "train")[0] if not p.label.any()]
    areas = {name: float(taken(run, photo).mean()) for name, photo in photos}
    for path, boxes in box_paths(data, "train"):
        photo, boxes = shrunk_boxes(read_rgb(path), boxes)
        found = cv2.resize(taken(run, photo).view(np.uint8), photo.shape[1::-1]) > 0
        areas[f"boxes/{path.name}"] = float((found & (boxes_label(found.shape, boxes) == 0)).mean())
    out.write_text(json.dumps(areas, indent=0))


if __name__ == "__main__":
    main()
