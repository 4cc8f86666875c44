"""`builtin`: a small person finder whose weights ship with the package, so that people can be found with no
network.

`person_network.py` runs the network, `finder_views.py` shows it the photo, `people_apart.py` tells people who
touch from each other, `tools/finder` makes the weights; docs/builtin-finder.md says what it scores and where
it fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from _removal_support.device import check_device_name
from segment.detections import Detections, encode_crop
from segment.finder_views import look, suspected
from segment.people_apart import people_of_cells, split_region
from segment.person_network import PersonNetwork

WEIGHTS = Path(__file__).with_name("person_finder.onnx")
THRESHOLD = 0.5  # a pixel is of a person from this probability on ...
LEAST_PEAK = 0.8  # ... where the region around it reaches this one: sure of the middle, generous at the rim
SMALLEST_SHARE = 0.0004  # of the photo's area; smaller regions are dropped
LARGE_SHARE, LEAST_MEAN = 0.05, 0.7  # a region over this share whose mean is less is an animal, not a person


class BuiltinSegmenter:
    """People, told apart where they touch. Follows the segmenter contract of `segment.load_segmenter`."""

    name = "builtin"
    classes = ("person",)
    fallback: str | None = None

    def __init__(self, network: PersonNetwork, *, weights: Path = WEIGHTS):
        self.network = network
        self.description = f"builtin person finder, {weights.name}, float32, cpu"

    def __call__(
        self, images: Sequence[np.ndarray], *, classes: Sequence[str] | None = None, min_score: float = 0.05
    ) -> list[Detections]:
        from segment.segmenter import check_classes, check_images

        check_classes(self, classes)
        check_images(images)
        return [self.find(image, min_score) for image in images]

    def suspects(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `segment.second_look.Suspecting` has it."""
        return suspected(self.network, image)

    def find(self, image: np.ndarray, min_score: float) -> Detections:
        height, width = image.shape[:2]
        view = look(self.network, image)
        soft = cv2.resize(levels(view.probability), (width, height), interpolation=cv2.INTER_LINEAR)
        cells = cv2.resize(view.probability, view.middles.shape[::-1], interpolation=cv2.INTER_AREA)
        numbers = people_of_cells(cells > THRESHOLD, view.middles, view.ways)
        return regions(soft > 255 * THRESHOLD, view.probability, min_score, numbers)


def levels(probability: np.ndarray) -> np.ndarray:
    return (probability * 255).astype(np.uint8)


def regions(
    person: np.ndarray, probability: np.ndarray, min_score: float, numbers: np.ndarray | None = None
) -> Detections:
    """One detection for each person of each connected region that reaches LEAST_PEAK, and LEAST_MEAN where it
    is large; its score is the highest probability inside, most certain first.

    person: bool (H, W). probability: float32 (h, w), of the same aspect. numbers: int32 (a, b), of the same
    aspect, as `people_of_cells` gives it; None = a region is one person. Regions are cut out
    one at a time, so that many of them in a large photo cost no more memory than one.
    """
    height, width = person.shape
    count, labelled, stats, _ = cv2.connectedComponentsWithStats(person.view(np.uint8), connectivity=8)
    found = []
    for index in range(1, count):
        left, top, box_width, box_height, area_px = stats[index].tolist()
        if area_px < SMALLEST_SHARE * height * width:
            continue
        inside = labelled[top : top + box_height, left : left + box_width] == index
        place = (top / height, left / width, (height, width))
        values = values_inside(probability, inside, *place)
        if values.max() < max(min_score, LEAST_PEAK):
            continue
        if area_px > LARGE_SHARE * height * width and values.mean() < LEAST_MEAN:
            continue
        for part in region_parts(inside, numbers, top, left, (height, width)):
            score = float(values_inside(probability, part, *place).max())
            if score >= min_score:
                rows, cols = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
                box = (left + cols[0], top + rows[0], left + cols[-1] + 1, top + rows[-1] + 1)
                found.append((score, box, encode_crop(part, top, left, height, width)))
    found.sort(key=lambda region: -region[0])
    return Detections(
        ("person",) * len(found),
        np.array([score for score, _, _ in found], np.float32),
        np.array([box for _, box, _ in found], np.float32),
        height,
        width,
        tuple(rle for _, _, rle in found),
    )


def region_parts(
    inside: np.ndarray, numbers: np.ndarray | None, top: int, left: int, size: tuple[int, int]
) -> list[np.ndarray]:
    """The people of one region (`inside`, bool, whose window lies at top, left of a photo of `size`)."""
    if numbers is None:
        return [inside]
    down, across = numbers.shape[0] / size[0], numbers.shape[1] / size[1]
    bottom, right = top + inside.shape[0], left + inside.shape[1]
    return split_region(inside, numbers, (top * down, left * across, bottom * down, right * across))


def values_inside(
    probability: np.ndarray, inside: np.ndarray, top: float, left: float, size: tuple[int, int]
) -> np.ndarray:
    """Values (N,) of the small `probability` map under a mask that lies at (top, left), shares of the photo's
    `size`; one 0 where the mask is too thin to be seen there.
    """
    rows, cols = (
        max(1, round(i * p / s)) for i, p, s in zip(inside.shape, probability.shape, size, strict=True)
    )
    first_row, first_col = int(top * probability.shape[0]), int(left * probability.shape[1])
    part = probability[first_row : first_row + rows, first_col : first_col + cols]
    covered = cv2.resize(inside.view(np.uint8), part.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    return part[covered] if covered.any() else np.zeros(1, np.float32)


def load_builtin(*, device: str = "auto", weights: str | Path | None = None) -> BuiltinSegmenter:
    """The person finder with the shipped weights, or with those of a file that `tools.finder.to_onnx` wrote.

    device: it runs on the processor whatever this says, as its description tells.

    Raises ValueError for what is no device and for a file that does not hold this network, FileNotFoundError
    for a missing one.
    """
    check_device_name(device)
    path = Path(weights) if weights is not None else WEIGHTS
    return BuiltinSegmenter(PersonNetwork(path), weights=path)
