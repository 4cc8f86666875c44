"""The candidates of the shadow judge on photos with a known answer, measured once and kept in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from postprocess import MaskRecipe, refine_mask
from postprocess.shadows.evidence import Witness
from postprocess.shadows.ground import SEARCH_SIDE_PX, Surroundings, shrink_keeping_half, surroundings
from postprocess.shadows.judge import LARGEST
from postprocess.shadows.regions import dark_regions, with_soft_edge
from tools.shadow_judge.photos import Example

LEAST_OVERLAP_PX = 5
"""Added to unions, so that nothing to find is no reason to find something."""
OBJECT_ONLY = MaskRecipe(shadows=False, attached="none")


@dataclass(frozen=True, eq=False)
class Measured:
    """All candidates: evidence float (N, K); names of its columns; short, overlap, gain_px, spill_px (N,);
    object_index (N,), kind_of and photo_of by object; photos, and by photo (4,) the area changed, how much of
    it the mended mask leaves, how much that mask spills, and the photo's area."""

    evidence: np.ndarray
    names: np.ndarray
    short: np.ndarray
    overlap: np.ndarray
    gain_px: np.ndarray
    spill_px: np.ndarray
    object_index: np.ndarray
    kind_of: np.ndarray
    photo_of: np.ndarray
    photos: np.ndarray
    photo_px: np.ndarray

    @property
    def kind(self) -> np.ndarray:
        """The kind of scene by candidate: str (N,)."""
        result: np.ndarray = self.kind_of[self.object_index]
        return result


def measure(examples: Iterator[Example]) -> Measured:
    """The candidates of all objects of the examples."""
    rows: list[tuple[list[float], bool, float, int, int, int]] = []
    kinds: list[str] = []
    photo_of: list[int] = []
    photos: list[str] = []
    photo_px: list[tuple[int, int, int, int]] = []
    names: list[str] = []
    for example in examples:
        photos.append(example.name)
        scale = min(1.0, SEARCH_SIDE_PX / max(example.objects.shape))
        small = [max(1, round(side * scale)) for side in example.objects.shape]
        base = shrink_keeping_half(refine_mask(example.image, example.objects, OBJECT_ONLY).mask, *small)
        truth = np.zeros_like(base) if example.truth is None else shrink_keeping_half(example.truth, *small)
        photo_px.append((int(truth.sum()), int((truth & ~base).sum()), int((base & ~truth).sum()), base.size))
        planes = [
            shrink_keeping_half(plane, *small) for plane in (example.image, example.objects, example.others)
        ]
        for around in surroundings(planes[0], planes[1], planes[2]):
            left = (truth & ~base)[around.box]
            for evidence, short, region in _candidates(around):
                new = region & ~base[around.box]
                gain, spill = int((new & left).sum()), int((new & ~left).sum())
                overlap = gain / (int(left.sum()) + spill + LEAST_OVERLAP_PX)
                names = list(evidence)
                rows.append((list(evidence.values()), short, overlap, gain, spill, len(kinds)))
            kinds.append(example.kind)
            photo_of.append(len(photos) - 1)
    columns = list(zip(*rows, strict=True))
    return Measured(
        np.array(columns[0]),
        np.array(names),
        *(np.array(column) for column in columns[1:]),
        np.array(kinds),
        np.array(photo_of),
        np.array(photos),
        np.array(photo_px),
    )


def _candidates(around: Surroundings) -> Iterator[tuple[dict[str, float], bool, np.ndarray]]:
    witness = Witness(around)
    shape = tuple(part.stop - part.start for part in around.box)
    largest_px = LARGEST * float(around.mine.sum())
    seen: set[bytes] = set()
    for region in dark_regions(around):
        key = region.mask.tobytes()
        if key in seen or np.count_nonzero(region.mask & around.beyond) > largest_px:
            continue
        seen.add(key)
        evidence = witness.measure(region)
        if evidence is not None:
            levels = with_soft_edge(around, region.mask).view(np.uint8) * np.uint8(255)
            yield evidence, region.short, cv2.resize(levels, shape[::-1]) > 127


def kept(examples: Iterator[Example], path: Path) -> Measured:
    """What `measure` gives, from the file where it is there."""
    if path.exists():
        with np.load(path) as stored:
            return Measured(**stored)
    measured = measure(examples)
    np.savez(path, **vars(measured))
    return measured


def joined(parts: list[Measured]) -> Measured:
    """All of them as one."""
    objects, photos = 0, 0
    by_candidate: list[np.ndarray] = []
    by_object: list[np.ndarray] = []
    for part in parts:
        by_candidate.append(part.object_index + objects)
        by_object.append(part.photo_of + photos)
        objects, photos = objects + len(part.kind_of), photos + len(part.photos)

    def all_of(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return Measured(
        all_of("evidence"),
        parts[0].names,
        *(all_of(name) for name in ("short", "overlap", "gain_px", "spill_px")),
        np.concatenate(by_candidate),
        all_of("kind_of"),
        np.concatenate(by_object),
        all_of("photos"),
        all_of("photo_px"),
    )
