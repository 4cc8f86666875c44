"""Repair of photos in which nobody marked the damage: the same path, with a network that finds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from inpaint import Inpainter, load_inpainter
from inpaint.blind import CERTAIN_SHARE, FAINT_SHARE, RIM_PX, THRESHOLD, around_wide, damage_mask
from inpaint.inpainter import Repaired
from inpaint.layers import Undone, undo_layers
from inpaint.seen_through import seen_through
from postprocess import MaskRecipe
from removal.pipeline import Pipeline, Removal, timed
from segment import Detections
from segment.segmenter import check_images

LABEL = "damage"
KEEPS_REST = "reconstruction"
"""The inpainter that keeps what is left of a pixel: it may have layers that the photo is seen through."""
KEPT_SHARE = 0.2
"""Its `CERTAIN_SHARE` (`inpaint.blind`): what it is unsure of it keeps in part."""
LARGE_PX = 4_000_000
THIN_SHARE = 0.03
"""In photos of LARGE_PX and more, damage narrower than this share of the shorter side is left to `telea`."""
Finder = Callable[[np.ndarray], np.ndarray]
"""uint8 (H, W, 3) RGB -> float32 (H, W) in [0, 1], as `inpaint.blind.DamageFinder`."""


@dataclass(frozen=True, eq=False)
class DetectedDamage(Detections):
    """What is damaged in one image: one instance, or none.

    level: float32 (H, W) in [0, 1], how much of each pixel is destroyed.
    undone: the photo without the layers that it is seen through; their pixels are damage, but not filled.
    """

    level: np.ndarray
    undone: Undone | None = None

    @classmethod
    def of(cls, level: np.ndarray, mask: np.ndarray, undone: Undone | None = None) -> DetectedDamage:
        """The damage where mask, bool (H, W), is True; its score is the greatest level there."""
        found = Detections.empty(*mask.shape)
        if mask.any():
            found = Detections.from_masks([mask], [LABEL], [float(level[mask].max())])
        return cls(
            found.labels, found.scores, found.boxes, found.height, found.width, found.rles, level, undone
        )


class DamageSegmenter:
    """Finds damage; it keeps the contract of `segment.load_segmenter`.

    threshold, refine: as `inpaint.blind.damage_mask` has them.
    layers: with `refine`, whether layers that the photo is seen through count as they are; else those that
        are surely known are undone (`inpaint.layers`) and others left alone (`inpaint.seen_through`).
    """

    name = LABEL
    classes = (LABEL,)
    fallback: str | None = None

    def __init__(
        self, finder: Finder, *, threshold: float = THRESHOLD, refine: bool = True, layers: bool = True
    ):
        self.finder, self.threshold, self.refine, self.layers = finder, threshold, refine, layers
        source = getattr(finder, "description", "damage")
        more = f", with what hangs on it from {FAINT_SHARE * threshold:g} on and soft rims"
        self.description = f"{source}, from {threshold:g} on{more if refine else ''}"

    def __call__(
        self, images: Sequence[np.ndarray], *, classes: Sequence[str] | None = None, min_score: float = 0.0
    ) -> list[Detections]:
        """`DetectedDamage` in each image, uint8 (H, W, 3) RGB; `classes` and `min_score` change nothing."""
        del classes, min_score
        check_images(images)
        return [self._find(image) for image in images]

    def _find(self, image: np.ndarray) -> DetectedDamage:
        level = self.finder(image)
        share = KEPT_SHARE if self.layers else CERTAIN_SHARE
        mask = damage_mask(level, threshold=self.threshold, refine=self.refine, certain_share=share)
        if not self.refine or self.layers:
            return DetectedDamage.of(level, mask)
        undone = undo_layers(image, level)
        under = undone.opacity > 0
        if not under.any():
            return DetectedDamage.of(level, mask & ~seen_through(image, mask))
        mask &= cv2.dilate(under.view(np.uint8), np.ones((2 * RIM_PX + 1,) * 2)) == 0
        mask &= ~seen_through(image, mask)
        return DetectedDamage.of(level, mask | under, undone)


class RepairPipeline(Pipeline):
    """Finds the damage in photos and fills it, called as `Pipeline` is.

    finder: `inpaint.blind.load_damage_finder`, or anything that gives the level of damage of an image.
    inpainter: any; `reconstruction` keeps what is left of what is partly destroyed, the others fill the mask
        and undo layers that the photo is seen through, or leave them alone.
    threshold, refine: as `inpaint.blind.damage_mask` has them.
    """

    def __init__(
        self, finder: Finder, inpainter: Inpainter, *, threshold: float = THRESHOLD, refine: bool = True
    ):
        layers = inpainter.name == KEEPS_REST
        segmenter = DamageSegmenter(finder, threshold=threshold, refine=refine, layers=layers)
        self.description = segmenter.description
        super().__init__(segmenter, MaskRecipe.none(), inpainter, classes=None, min_score=0.0)

    def erase(self, image: np.ndarray, found: Detections) -> Removal:
        """One image, uint8 (H, W, 3) RGB, and its `DetectedDamage` -> what it looks like without it."""
        if not isinstance(found, DetectedDamage):
            raise TypeError(f"expected DetectedDamage, got {type(found).__name__}")
        assert self.inpainter is not None
        hole = self.hole(image, found)
        seconds = {"refine": hole.seconds}
        with timed(seconds, "inpaint"):
            repaired = self._repaired(image, hole.mask, found)
        maps = {"damage": found.level}
        if found.undone is not None:
            maps["layers"] = found.undone.opacity
        if repaired.edges is not None:
            maps["edges"] = repaired.edges
        return Removal(repaired.image, hole.mask, hole.wanted, hole.attached, hole.parts, seconds, maps=maps)

    def _repaired(self, image: np.ndarray, mask: np.ndarray, found: DetectedDamage) -> Repaired:
        """By the inpainter; of a large photo what is thin by `telea`, which is as good there and faster."""
        assert self.inpainter is not None
        level = found.level
        if found.undone is not None:
            image, mask = found.undone.image, mask & (found.undone.opacity == 0)
            if not mask.any():
                return Repaired(image)
        if mask.size < LARGE_PX or self.inpainter.name == KEEPS_REST or mask.all():
            return self.inpainter.repair(image, mask, level)
        wide = mask & around_wide(mask, THIN_SHARE * min(mask.shape), 0)
        image = load_inpainter("telea")(image, mask & ~wide, wide)
        return self.inpainter.repair(image, wide, level)
