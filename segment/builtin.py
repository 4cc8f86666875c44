"""`builtin`: a small person finder whose weights ship with the package, so that people can be found with no
network.

The network is `person_finder.py`, its training `training.py`; docs/builtin-finder.md says what it scores and
where it fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch.nn import functional

from backend.device import resolve_device
from segment.detections import Detections, encode_crop
from segment.person_finder import STRIDE, PersonFinder, to_tensor

WEIGHTS = Path(__file__).with_name("person_finder.safetensors")
WORKING_SIDES_PX = (256, 320, 384)  # long sides the photo is looked at; the answers are averaged
THRESHOLD = 0.34  # a pixel is of a person from this probability on ...
LEAST_PEAK = 0.7  # ... where the region around it reaches this one: sure of the middle, generous at the rim
SMALLEST_SHARE = 0.0004  # of the photo's area; smaller regions are dropped


def load_network(weights: Path = WEIGHTS) -> PersonFinder:
    """The shipped network in float32, ready to run; the normalisation is already folded into the weights.

    Raises ValueError where the file does not hold exactly this network's weights.
    """
    with torch.device("meta"):
        network = PersonFinder(fused=True)
    try:
        with safe_open(weights, framework="pt") as file:
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        network.load_state_dict(state, strict=True, assign=True)
    except (RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{weights} does not hold the person finder's weights: {reason}") from error
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def working_image(image: np.ndarray, long_side: int) -> tuple[np.ndarray, int, int]:
    """The photo at a long side of `long_side` px, padded with grey to multiples of the network's stride."""
    scale = long_side / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    small = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    below, right = -height % STRIDE, -width % STRIDE
    padded = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    return padded, height, width


@torch.inference_mode()
def person_probability(
    network: PersonFinder, image: np.ndarray, *, sides: Sequence[int] = WORKING_SIDES_PX, device: str = "cpu"
) -> np.ndarray:
    """Probability that a pixel shows a person: float32 (h, w) in [0, 1], at half the largest working size.

    image: uint8 (H, W, 3) RGB. The photo is looked at in each of `sides` (long side, px) as it is and
    mirrored.
    """
    largest = max(sides) / 2 / max(image.shape[:2])
    target = tuple(max(1, round(side * largest)) for side in image.shape[:2])
    answers = []
    for side in sides:
        padded, height, width = working_image(image, side)
        batch = to_tensor(torch.from_numpy(np.stack([padded]))).to(device)
        for mirrored in (False, True):
            view = batch[..., :width].flip(-1) if mirrored else batch[..., :width]
            view = functional.pad(view, (0, -width % STRIDE)) if mirrored else batch
            found = network(view.contiguous(memory_format=torch.channels_last))[0]
            found = functional.interpolate(found, scale_factor=2, mode="bilinear", align_corners=False)
            found = found[..., :height, :width]
            found = found.flip(-1) if mirrored else found
            found = functional.interpolate(found, size=target, mode="bilinear", align_corners=False)
            answers.append(found.sigmoid())
    return torch.stack(answers).mean(0)[0, 0].float().cpu().numpy()


class BuiltinSegmenter:
    """People, as connected regions. Calling it follows the segmenter contract of `segment.load_segmenter`."""

    name = "builtin"
    classes = ("person",)
    fallback: str | None = None

    def __init__(self, network: PersonFinder, *, device: str = "cpu", weights: Path = WEIGHTS):
        self.network, self.device = network.to(device), device
        self.description = f"builtin person finder, {weights.name}, float32, {device}"

    def __call__(
        self, images: Sequence[np.ndarray], *, classes: Sequence[str] | None = None, min_score: float = 0.05
    ) -> list[Detections]:
        from segment.segmenter import check_classes, check_images

        check_classes(self, classes)
        check_images(images)
        return [self.find(image, min_score) for image in images]

    def find(self, image: np.ndarray, min_score: float) -> Detections:
        height, width = image.shape[:2]
        probability = person_probability(self.network, image, device=self.device)
        soft = (probability * 255).astype(np.uint8)
        person = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR) > 255 * THRESHOLD
        return regions(person, probability, min_score)


def regions(person: np.ndarray, probability: np.ndarray, min_score: float) -> Detections:
    """One detection for each connected region that reaches LEAST_PEAK; its score is the highest probability
    inside, most certain first.

    person: bool (H, W). probability: float32 (h, w), of the same aspect. Regions are cut out one at a time,
    so that many of them in a large photo cost no more memory than one.
    """
    height, width = person.shape
    count, labelled, stats, _ = cv2.connectedComponentsWithStats(person.view(np.uint8), connectivity=8)
    found = []
    for index in range(1, count):
        left, top, box_width, box_height, area_px = stats[index].tolist()
        if area_px < SMALLEST_SHARE * height * width:
            continue
        inside = labelled[top : top + box_height, left : left + box_width] == index
        score = peak_inside(probability, inside, top / height, left / width, (height, width))
        if score >= max(min_score, LEAST_PEAK):
            box = (left, top, left + box_width, top + box_height)
            found.append((score, box, encode_crop(inside, top, left, height, width)))
    found.sort(key=lambda region: -region[0])
    return Detections(
        ("person",) * len(found),
        np.array([score for score, _, _ in found], np.float32),
        np.array([box for _, box, _ in found], np.float32),
        height,
        width,
        tuple(rle for _, _, rle in found),
    )


def peak_inside(
    probability: np.ndarray, inside: np.ndarray, top: float, left: float, size: tuple[int, int]
) -> float:
    """Highest value of the small `probability` map under a mask that lies at (top, left), shares of the
    photo's `size`.
    """
    rows, cols = (
        max(1, round(i * p / s)) for i, p, s in zip(inside.shape, probability.shape, size, strict=True)
    )
    first_row, first_col = int(top * probability.shape[0]), int(left * probability.shape[1])
    part = probability[first_row : first_row + rows, first_col : first_col + cols]
    covered = cv2.resize(inside.view(np.uint8), part.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    return float(part[covered].max()) if covered.any() else 0.0


def load_builtin(*, device: str = "auto", weights: str | Path | None = None) -> BuiltinSegmenter:
    """The person finder with the shipped weights, or with those of a file `segment.training` wrote."""
    path = Path(weights) if weights is not None else WEIGHTS
    return BuiltinSegmenter(load_network(path), device=resolve_device(device), weights=path)
