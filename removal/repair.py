"""Repair of photos in which nobody marked the damage: the same path, with a network that finds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inpaint import Inpainter
from inpaint.blind import FAINT, GROW_PX, THRESHOLD, DamageFinder, damage_mask
from inpaint.reconstruction_inpainter import ReconstructionInpainter
from postprocess import MaskRecipe
from removal.pipeline import Pipeline, Removal, timed
from segment import Detections
from segment.segmenter import check_images

LABEL = "damage"
Finder = Callable[[np.ndarray], np.ndarray]
"""uint8 (H, W, 3) RGB -> float32 (H, W) in [0, 1], as `inpaint.blind.DamageFinder`."""


@dataclass(frozen=True, eq=False)
class Damage(Detections):
    """What is damaged in one image: one instance, or none.

    level: float32 (H, W) in [0, 1], how much of each pixel is destroyed.
    """

    level: np.ndarray

    @classmethod
    def of(cls, level: np.ndarray, mask: np.ndarray) -> Damage:
        """The damage where mask, bool (H, W), is True; its score is the greatest level there."""
        found = Detections.empty(*mask.shape)
        if mask.any():
            found = Detections.from_masks([mask], [LABEL], [float(level[mask].max())])
        return cls(found.labels, found.scores, found.boxes, found.height, found.width, found.rles, level)


class DamageSegmenter:
    """Finds damage; it keeps the contract of `segment.load_segmenter`.

    threshold, grow_px: as `inpaint.blind.damage_mask` has them; with FAINT.
    """

    name = LABEL
    classes = (LABEL,)
    fallback: str | None = None

    def __init__(self, finder: Finder, *, threshold: float = THRESHOLD, grow_px: int = GROW_PX):
        self.finder, self.threshold, self.grow_px = finder, threshold, grow_px
        source = finder.description if isinstance(finder, DamageFinder) else "damage"
        self.description = f"{source}, from {threshold:g} on, {grow_px} px grown"

    def __call__(
        self, images: Sequence[np.ndarray], *, classes: Sequence[str] | None = None, min_score: float = 0.0
    ) -> list[Detections]:
        """`Damage` in each image, uint8 (H, W, 3) RGB; `classes` and `min_score` leave nothing out."""
        del classes, min_score
        check_images(images)
        return [self._find(image) for image in images]

    def _find(self, image: np.ndarray) -> Damage:
        level = self.finder(image)
        mask = damage_mask(level, threshold=self.threshold, faint=FAINT, grow_px=self.grow_px)
        return Damage.of(level, mask)


class RepairPipeline(Pipeline):
    """Finds the damage in photos and fills it, called as `Pipeline` is.

    finder: `inpaint.blind.load_damage_finder`, or anything that gives the level of damage of an image.
    inpainter: any; `reconstruction` keeps what is left of what is partly destroyed, the others fill the mask.
    threshold: from which destroyed share on a pixel is damaged. grow_px: added around what is.
    """

    def __init__(
        self,
        finder: Finder,
        inpainter: Inpainter,
        *,
        threshold: float = THRESHOLD,
        grow_px: int = GROW_PX,
    ):
        segmenter = DamageSegmenter(finder, threshold=threshold, grow_px=grow_px)
        self.description = segmenter.description
        # Kept apart: `inpainter` may be wrapped for several threads; this one has a lock of its own.
        self.continuous = inpainter if isinstance(inpainter, ReconstructionInpainter) else None
        super().__init__(segmenter, MaskRecipe.none(), inpainter, classes=None, min_score=0.0)

    def erase(self, image: np.ndarray, found: Detections) -> Removal:
        """One image, uint8 (H, W, 3) RGB, and its `Damage` -> what it looks like without it."""
        if not isinstance(found, Damage):
            raise TypeError(f"expected Damage, got {type(found).__name__}")
        inpainter = self.continuous or self.inpainter
        assert inpainter is not None
        hole = self.hole(image, found)
        seconds = {"refine": hole.seconds}
        with timed(seconds, "inpaint"):
            repaired, maps = fill_damage(inpainter, image, hole.mask, found.level)
        maps["damage"] = found.level
        return Removal(repaired, hole.mask, hole.wanted, hole.attached, hole.parts, seconds, maps=maps)


def fill_damage(
    inpainter: Inpainter, image: np.ndarray, mask: np.ndarray, level: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The photo repaired, uint8 (H, W, 3), and the "edges" it was given, float32 (H, W), where there are any.

    image: uint8 (H, W, 3) RGB. mask: bool (H, W), what is damaged. level: float32 (H, W) in [0, 1], how much
    of each pixel is destroyed; only `reconstruction` asks.

    Raises ValueError where nothing is left to fill from.
    """
    if isinstance(inpainter, ReconstructionInpainter):
        repaired = inpainter.repair(image, mask, level)
        return repaired.image, {"edges": repaired.edges}
    if mask.all():
        raise ValueError("all of the photo was found damaged: there is nothing to fill it from")
    return inpainter(image, mask), {}
