"""Photos with objects as regions, and simulated clicks on them, for `segment.prompts.judge`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.clicks import half_of, middle
from segment.builtin import load_builtin
from segment.handover.coco import CocoMasks
from segment.prompts.evidence import Clicks, cover_of, evidence
from segment.prompts.regions import Regions, regions_of

LEAST_SHARE = 0.006
MOST_OBJECTS = 8  # of one photo
CLICKS = 6
JITTER = 0.5  # share of the clicks that are moved a little: people do not find the very middle


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo. objects: bool (h, w) each, of the working size. shares: float32 (N,) each, of each region."""

    name: str
    regions: Regions
    cover: np.ndarray
    objects: list[np.ndarray]
    shares: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class State:
    """One click of a simulation: what was known, and what would have been right."""

    scene: int
    evidence: np.ndarray
    share: np.ndarray
    areas: np.ndarray
    click: int


def scenes(data: Path, half: str) -> list[Scene]:
    """All photos of a half of COCO's photos with their objects."""
    annotations, finder = CocoMasks(data / "instances.json"), load_builtin()
    found = []
    for path in sorted((data / "images").iterdir()):
        if half_of(int(path.stem)) != half:
            continue
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        truth = annotations.detections(path, image.shape[:2])
        masks = [truth.mask(i) for i in range(len(truth))]
        masks = sorted((m for m in masks if m.mean() > LEAST_SHARE), key=lambda m: -m.sum())
        if not masks:
            continue
        regions = regions_of(image)
        size = regions.numbers.shape[::-1]
        (people,) = finder([image], min_score=0.5)
        cover = cover_of(regions, [small(people.mask(i), size) for i in range(len(people))])
        chosen = np.random.default_rng(int(path.stem)).permutation(len(masks))[:MOST_OBJECTS]
        objects = [small(masks[i], size) for i in chosen]
        found.append(Scene(path.stem, regions, cover, objects, list(cover_of(regions, objects))))
    return found


def small(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5


def simulate(index: int, scene: Scene, number: int, judge, generator: np.random.Generator) -> list[State]:
    """The states of CLICKS clicks on one object; judge: evidence, regions -> chances of all regions."""
    truth, share = scene.objects[number], scene.shares[number]
    numbers = scene.regions.numbers
    mask = np.zeros(truth.shape, bool)
    on: list[int] = []
    off: list[int] = []
    states = []
    for click in range(CLICKS):
        (missed, missed_px), (extra, extra_px) = middle(truth & ~mask), middle(mask & ~truth)
        if max(missed_px, extra_px) < 1.5:
            break
        place, radius = (missed, missed_px) if missed_px >= extra_px else (extra, extra_px)
        if generator.random() < JITTER:
            moved = np.round(np.array(place) + generator.uniform(-0.5, 0.5, 2) * radius).astype(int)
            place = tuple(np.clip(moved, 0, np.array(truth.shape[::-1]) - 1))
        (on if missed_px >= extra_px else off).append(int(numbers[place[1], place[0]]))
        if not on:
            break
        known = evidence(scene.regions, Clicks(np.array(on), np.array(off, int), scene.cover))
        states.append(State(index, known.astype(np.float16), share, scene.regions.areas, click))
        chances = judge(known, scene.regions)
        chances[off], chances[on] = 0, 1
        mask = (chances > 0.5)[numbers]
    return states
