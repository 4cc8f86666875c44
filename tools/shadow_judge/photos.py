"""Real photos with known shadows, and with none, for the shadow judge.

Pairs: data/pairs and data/pairs2, the difference to the empty view is the truth. Quiet: photos of people in
which a look found no cast shadow; every candidate counts as wrong. COCO and marked: what benchmarks.shadows
measures, never fitted on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.pairs import read_image, read_mask, read_pairs
from benchmarks.shadows import coco_photos, marked_outlines, other_photos

# fmt: off
SUNNY = frozenset({
    785, 872, 885, 1000, 1584, 2006, 2153, 2473, 2532, 3934, 5586, 6040, 6471, 7281, 7816, 18214, 57361,
    79841, 87920, 90218, 96640, 99046, 99129, 107305, 116592, 126606, 128137, 129371, 147192, 213215,
    216150, 225848, 226705, 239274, 242202, 243418, 246590, 246833, 250677, 263974, 276801, 293802,
    298008, 324413, 327895, 337886, 343213, 343504, 345848, 385145, 389112, 392363, 392949, 405580,
    426585, 460652, 460897, 462565, 467564, 468953, 490112, 504958, 505501, 515289, 518850, 521998,
    526514, 528566, 538249, 543547, 551472, 551647, 560563, 560943, 562150, 562176, 564781, 573125,
    573513, 574211, 575702, 578705, 581401,
})
# fmt: on
"""Photos of people/coco_more with cast shadows, reflections or patches of sun: not among the quiet ones."""
QUIET_STEP = 3
"""Every third portrait of people/hsd290 is enough."""


@dataclass(frozen=True, eq=False)
class Example:
    """name: of the photo. kind: scene kind. image: uint8 (H, W, 3) RGB. objects, others: bool (H, W). truth:
    bool (H, W), objects and shadow; None where there is no shadow at all."""

    name: str
    kind: str
    image: np.ndarray
    objects: np.ndarray
    others: np.ndarray
    truth: np.ndarray | None


def pairs(data: Path) -> Iterator[Example]:
    """The photos of data/pairs and data/pairs2."""
    for pair in read_pairs(data):
        nothing = np.zeros_like(pair.object)
        yield Example(pair.name, pair.kind, pair.image, pair.object, nothing, pair.changed)


def shadow_masks(data: Path) -> Iterator[Example]:
    """The photos whose shadows are given as masks (DESOBA's)."""
    for folder in sorted((data / "pairs2").glob("desoba_*")):
        objects, shadow, others, theirs = (
            read_mask(folder / f"{name}.png")
            for name in ("object", "shadow", "other_objects", "other_shadows")
        )
        truth = objects | shadow
        yield Example(
            folder.name,
            "desoba",
            read_image(folder / "photo.png"),
            objects,
            (others | theirs) & ~truth,
            truth,
        )


def quiet(data: Path) -> Iterator[Example]:
    """Photos of people without a visible cast shadow."""
    more = sorted((data / "people" / "coco_more" / "images").iterdir())
    paths = [path for path in more if int(path.stem) not in SUNNY]
    paths += sorted((data / "people" / "hsd290" / "images").iterdir())[::QUIET_STEP]
    for path in paths:
        levels = cv2.imread(str(path.parents[1] / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        if levels is not None and (levels > 200).any():
            objects = levels > 200
            yield Example(f"quiet_{path.stem}", "quiet", read_image(path), objects, objects & False, None)


def measured(data: Path) -> Iterator[Example]:
    """COCO's photos with people, and the marked ones, as benchmarks.shadows has them."""
    outlines = marked_outlines()
    for kind, scenes in (("coco", coco_photos(data, outlines)), ("marked", other_photos(data, outlines))):
        for scene in scenes:
            objects = scene.objects | scene.attached
            truth = scene.outlined | objects if scene.outlined.any() else None
            yield Example(f"{kind}_{scene.name}", kind, scene.image, objects, objects & False, truth)
