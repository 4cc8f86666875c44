"""Simulated clicks on annotated objects: how good the mask is after 1, 3 and 5, and how long they take.

    python -m benchmarks.clicks shared/data/coco circle classical --half tune

One object for each photo, drawn at random from those over 1 % of it. The first click is the middle of the
largest circle inside the object. Each further one is the middle of the largest circle inside what is wrong:
on the object where that was missed, not on it where too much was taken (Sofiiuk et al. 2022, "RITM").
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from segment.handover.coco import CocoMasks
from segment.prompts import Embedded, load_prompter

LEAST_SHARE = 0.01  # of the photo: smaller objects are not drawn
CLICKS = 5
SHOWN = (1, 3, 5)
HALVES = ("tune", "kept")
CIRCLE_SHARE = 0.2  # radius of the baseline's circle, of the photo's long side
CIRCLE_PX = 320  # long side at which the baseline cuts
LARGE_SIDE_PX = 4000  # long side of the photos that are timed: 12 MP at 4:3


@dataclass(frozen=True)
class Case:
    """image: uint8 (H, W, 3) RGB. mask: bool (H, W), the object. label: its class."""

    name: str
    image: np.ndarray
    mask: np.ndarray
    label: str


class CircleEmbedded:
    """Plain GrabCut in a circle around each click on the thing: the baseline."""

    def __init__(self, image: np.ndarray):
        self.size = image.shape[1::-1]
        self.scale = min(1.0, CIRCLE_PX / max(self.size))
        self.image = cv2.resize(image, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA)

    def __call__(
        self,
        points: Sequence[tuple[float, float]] = (),
        labels: Sequence[int] = (),
        box: tuple[float, float, float, float] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        trimap = np.full(self.image.shape[:2], cv2.GC_BGD, np.uint8)
        radius = round(CIRCLE_SHARE * max(trimap.shape))
        places = [(int(x * self.scale), int(y * self.scale)) for x, y in points]
        for colour, size, wanted in ((cv2.GC_PR_FGD, radius, 1), (cv2.GC_FGD, 3, 1), (cv2.GC_BGD, 3, 0)):
            for place, label in zip(places, labels, strict=True):
                if label == wanted:
                    cv2.circle(trimap, place, size, colour, -1)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)
        if (trimap == cv2.GC_BGD).any():
            cv2.grabCut(self.image, trimap, (0, 0, 0, 0), *models, 5, cv2.GC_INIT_WITH_MASK)
        cut = ((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)).view(np.uint8)
        mask = cv2.resize(cut, self.size, interpolation=cv2.INTER_NEAREST) > 0
        return mask[None], np.ones(1, np.float32)


def embedded(name: str, image: np.ndarray) -> Embedded:
    """The photo as a prompter looks at it; "circle" is the baseline."""
    return CircleEmbedded(image) if name == "circle" else load_prompter(name).embed(image)


def half_of(image_id: int) -> str:
    """Which half a photo of COCO belongs to. Each has the same share of the photos that the built-in finder
    was not trained on (those whose id is a multiple of 4)."""
    return HALVES[image_id // 4 % 2]


def cases(data: Path, half: str, *, seed: int = 0) -> Iterator[Case]:
    """One object of each photo of a half of COCO's photos that has one over LEAST_SHARE."""
    annotations = CocoMasks(data / "instances.json")
    for path in sorted((data / "images").iterdir()):
        if half_of(int(path.stem)) != half:
            continue
        generator = np.random.default_rng([seed, int(path.stem)])  # the draw of a photo depends on no other
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        found = annotations.detections(path, image.shape[:2])
        large = [i for i in range(len(found)) if found.mask(i).mean() > LEAST_SHARE]
        if large:
            index = int(generator.choice(large))
            yield Case(path.stem, image, found.mask(index), found.labels[index])


def middle(area: np.ndarray) -> tuple[tuple[int, int], float]:
    """(x, y) of the middle of the largest circle inside an area, bool (H, W), and its radius in pixels."""
    padded = np.pad(area.view(np.uint8), 1)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, col = np.unravel_index(int(distance.argmax()), distance.shape)
    return (int(col), int(row)), float(distance.max())


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two bool (H, W) masks; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0


@dataclass(frozen=True)
class Clicked:
    """ious: after each click. obeyed: of each click, whether all clicks so far lie on the right side of the
    mask. seconds: of each click. embed_seconds: before the first."""

    ious: list[float]
    obeyed: list[bool]
    seconds: list[float]
    embed_seconds: float
    mask: np.ndarray
    points: list[tuple[int, int]]
    labels: list[int]


def click_through(name: str, case: Case, *, clicks: int = CLICKS) -> Clicked:
    """Clicks until the mask is right, or `clicks` times; a mask that is right stays as it is."""
    started = time.perf_counter()
    ask = embedded(name, case.image)
    embed_seconds = time.perf_counter() - started
    points: list[tuple[int, int]] = []
    labels: list[int] = []
    ious, obeyed, seconds = [], [], []
    mask = np.zeros(case.mask.shape, bool)
    for _ in range(clicks):
        missed, missed_px = middle(case.mask & ~mask)
        extra, extra_px = middle(mask & ~case.mask)
        if max(missed_px, extra_px) > 0:
            points.append(missed if missed_px >= extra_px else extra)
            labels.append(int(missed_px >= extra_px))
            started = time.perf_counter()
            masks, _ = ask(points=points, labels=labels)
            seconds.append(time.perf_counter() - started)
            mask = masks[0]
        ious.append(iou(mask, case.mask))
        obeyed.append(all(mask[y, x] == bool(label) for (x, y), label in zip(points, labels, strict=True)))
    return Clicked(ious, obeyed, seconds, embed_seconds, mask, points, labels)


def time_large(name: str, case: Case) -> tuple[float, list[float]]:
    """Seconds to embed the case at 12 MP, and of each click."""
    scale = LARGE_SIDE_PX / max(case.mask.shape)
    image = cv2.resize(case.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(case.mask.view(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    clicked = click_through(name, Case(case.name, image, mask, case.label))
    return clicked.embed_seconds, clicked.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with images/ and instances.json of COCO")
    parser.add_argument("names", nargs="+", help='prompters, and "circle" for plain GrabCut in a circle')
    parser.add_argument("--half", choices=HALVES, default="tune")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of objects")
    parser.add_argument("--large", type=int, default=4, help="photos that are timed at 12 MP")
    chosen = parser.parse_args()
    drawn = list(cases(chosen.data, chosen.half, seed=chosen.seed))
    print(f"{len(drawn)} objects of half {chosen.half!r}, seed {chosen.seed}")
    print("| prompter | IoU after 1 | 3 | 5 clicks | obeyed | embed s | click s (longest) at 12 MP |")
    print("|---|---|---|---|---|---|---|")
    for name in chosen.names:
        results = [click_through(name, case) for case in drawn]
        means = [float(np.mean([one.ious[count - 1] for one in results])) for count in SHOWN]
        obeyed = float(np.mean([all(one.obeyed) for one in results]))
        timed = [time_large(name, case) for case in drawn[: chosen.large]]
        embed = float(np.median([seconds for seconds, _ in timed])) if timed else float("nan")
        clicks = [second for _, seconds in timed for second in seconds] or [float("nan")]
        print(
            f"| {name} | {' | '.join(f'{value:.3f}' for value in means)} | {obeyed:.0%} | {embed:.2f} "
            f"| {np.median(clicks):.2f} ({max(clicks):.2f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
