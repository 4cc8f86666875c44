"""Masks out of boxes: what a first round of the finder and GrabCut inside the box agree on.

    python -m tools.finder.pseudo_masks --data DIR --out DIR [--weights FILE]

One PNG for each photo of `people_boxes` that trains: 255 person, 0 not, 128 not known; outside of boxes 0.
After Rother et al. 2004 ("GrabCut", section 4: segmentation from a box).
"""

from __future__ import annotations

from pathlib import Path

import click
import cv2
import numpy as np

from segment.builtin import WEIGHTS
from segment.finder_views import look
from segment.person_network import PersonNetwork
from tools.finder.photos import IGNORE, PERSON, box_paths, boxes_label, pixel_box, read_rgb, shrunk_boxes

SURE_PERSON, LIKELY_PERSON, LIKELY_NOT = 0.85, 0.5, 0.3  # probabilities of the finder
LEAST_BOX_PX = 12  # smaller people are left to their box
LEAST_SPAN = 0.75  # of the box's sides that a mask must reach for what lies around it to count as background
SIDES_PX = (320,)  # of the finder's look
CONTEXT = 0.25  # of the box, looked at around it


def agreed(image: np.ndarray, probability: np.ndarray, box: np.ndarray) -> np.ndarray:
    """uint8 label of the pixels inside the box: PERSON or 0 where finder and GrabCut agree, else IGNORE.

    image: uint8 (H, W, 3); probability: float32 (H, W); box: xyxy.
    """
    rows, cols = pixel_box(box, image.shape)
    height, width = rows.stop - rows.start, cols.stop - cols.start
    label = np.full((height, width), IGNORE, np.uint8)
    if min(height, width) < LEAST_BOX_PX:
        return label
    above, before = (
        min(start, round(CONTEXT * side)) for start, side in ((rows.start, height), (cols.start, width))
    )
    window = image[rows.start - above : round(rows.stop + CONTEXT * height),
                   cols.start - before : round(cols.stop + CONTEXT * width)]  # fmt: skip
    inside = (slice(above, above + height), slice(before, before + width))
    found = probability[rows, cols]
    state = np.full(window.shape[:2], cv2.GC_BGD, np.uint8)
    state[inside] = np.where(found > LIKELY_PERSON, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    state[inside][found > SURE_PERSON] = cv2.GC_FGD
    if not (state == cv2.GC_BGD).any() or np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD)).sum() < 30:
        return label
    cv2.grabCut(np.ascontiguousarray(window[..., ::-1]), state, None, np.zeros((1, 65)), np.zeros((1, 65)), 3,
                cv2.GC_INIT_WITH_MASK)  # fmt: skip
    cut = np.isin(state[inside], (cv2.GC_FGD, cv2.GC_PR_FGD))
    person = cut & (found > LIKELY_PERSON)
    label[person] = PERSON
    if person.any(0).mean() >= LEAST_SPAN and person.any(1).mean() >= LEAST_SPAN:
        label[~cut & (found < LIKELY_NOT)] = 0
    return label


def pseudo_mask(image: np.ndarray, probability: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The whole photo's label. Where boxes overlap, a person of one is a person; "not known" beats 0."""
    label = boxes_label(image.shape[:2], boxes)
    label[label == IGNORE] = 0
    for box in boxes:
        rows, cols = pixel_box(box, image.shape)
        if rows.stop > rows.start and cols.stop > cols.start:
            found = agreed(image, probability, box)
            label[rows, cols] = np.maximum(label[rows, cols], found)  # 0 < IGNORE < PERSON
    return label


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=WEIGHTS)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(data: Path, weights: Path, out: Path) -> None:
    """Write the masks of the boxed photos that train; those that are there already are kept."""
    cv2.setNumThreads(1)
    cv2.setRNGSeed(0)
    out.mkdir(parents=True, exist_ok=True)
    run = PersonNetwork(weights)
    for path, boxes in box_paths(data, "train"):
        if (out / f"{path.stem}.png").exists():
            continue
        image, boxes = shrunk_boxes(read_rgb(path), boxes)
        probability = look(run, image, SIDES_PX).probability
        probability = cv2.resize(probability, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        cv2.imwrite(str(out / f"{path.stem}.png"), pseudo_mask(image, probability, boxes))


if __name__ == "__main__":
    main()
