"""Masks out of boxes: what `box_training`'s network says of each box.

    python -m tools.finder.pseudo_masks --data DIR --network box_network.pt --out DIR

Two PNG for each photo of `people_boxes` that trains: NAME.png, 255 person, 0 not, 128 not known, outside of
boxes 0; and NAME_people.png, the number of the box, from 1 on, whose person a pixel shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import cv2
import numpy as np
import torch

from tools.finder.box_network import BoxNetwork, box_probabilities
from tools.finder.boxes import box_paths, boxes_label, crowds, pixel_box, shrunk_boxes
from tools.finder.photos import PERSON, read_rgb

SURE_PERSON, SURE_NOT = 0.6, 0.3  # probabilities
LEAST_BOX_PX = 7  # smaller people are left to their box
LEAST_SPAN, LEAST_FILL = 0.7, 0.2  # of the box: a mask that reaches less is not believed


def pseudo_mask(
    size: tuple[int, ...], boxes: np.ndarray, maps: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The whole photo's label uint8 and the numbers of its people uint16, both (H, W).

    boxes: (N, 4) xyxy; maps: float32 (H, W) for each, 0 outside of the box, all 0 = not asked. A pixel in
    several boxes is of the likeliest. In a box whose mask is not believed, as in one around a crowd, what is
    no other's person is not known.
    """
    likeliest, numbers = np.zeros(size, np.float32), np.zeros(size, np.uint16)
    doubted = np.zeros(size, bool)
    for number, (box, probability) in enumerate(zip(boxes, maps, strict=True), 1):
        part = pixel_box(box, size)
        if not believed(probability[part] > SURE_PERSON):
            doubted[part] = True
            continue
        better = probability > likeliest
        likeliest[better], numbers[better] = probability[better], number
    label = boxes_label(size, boxes)
    label[(likeliest < SURE_NOT) & ~doubted] = 0
    label[likeliest > SURE_PERSON] = PERSON
    return label, np.where(label == PERSON, numbers, 0).astype(np.uint16)


def believed(mask: np.ndarray) -> bool:
    """Whether a mask bool (h, w) of what lies in a box may be its person."""
    if min(mask.shape) < LEAST_BOX_PX or mask.mean() < LEAST_FILL:
        return False
    return bool(mask.any(0).mean() >= LEAST_SPAN and mask.any(1).mean() >= LEAST_SPAN)


def probabilities(finder: BoxNetwork, image: np.ndarray, boxes: np.ndarray) -> list[np.ndarray]:
    """`box_probabilities`, 0 for boxes around crowds and for those that are too small."""
    found = [np.zeros(image.shape[:2], np.float32)] * len(boxes)
    sides = boxes[:, 2:] - boxes[:, :2]
    asked = np.flatnonzero(~crowds(boxes) & (sides.min(1, initial=np.inf) >= LEAST_BOX_PX))
    for index, one in zip(asked, box_probabilities(finder, image, boxes[asked]), strict=True):
        found[index] = one
    return found


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--network", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(data: Path, network: Path, out: Path) -> None:
    """Write the masks of the boxed photos that train; those that are there already are kept."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    finder = BoxNetwork()
    finder.load_state_dict(torch.load(network, map_location="cpu", weights_only=True))
    finder.eval().to(memory_format=torch.channels_last)
    for path, boxes in box_paths(data, "train"):
        if (out / f"{path.stem}_people.png").exists():
            continue
        image, boxes = shrunk_boxes(read_rgb(path), boxes)
        label, numbers = pseudo_mask(image.shape[:2], boxes, probabilities(finder, image, boxes))
        cv2.imwrite(str(out / f"{path.stem}.png"), label)
        cv2.imwrite(str(out / f"{path.stem}_people.png"), numbers)


if __name__ == "__main__":
    main()
