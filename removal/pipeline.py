"""Segment, refine, inpaint: the whole path from a photo to the photo without the objects."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from inpaint import Inpainter
    from postprocess import MaskRecipe
    from postprocess.attached.objects import AttachedRule
    from removal.images import Photo
    from segment import Detections, Segmenter

POINTED = "pointed"  # label of the thing that was clicked on, which no segmenter finds
STAY_SCORE = 0.5  # from this score on, it is not eaten by a mask that is thickened
PROTECT_MARGIN_SHARE = 0.004  # of the photo's short side, around what is protected: masks miss the rim


@dataclass(frozen=True, eq=False)
class Removal:
    """What came of one photo.

    image: uint8 (H, W, 3) RGB, the photo without the objects; outside `mask` it equals the input bit for bit.
    mask: bool (H, W), True where the photo was filled.
    detections: what was removed, one entry per object, before the mask was refined.
    attached: what went along with it, carried or ridden, one entry per object that was detected.
    parts: bool (H, W) each: what `mask` is made of ("object", "shadow", "attached").
    seconds: wall time of each stage ("segment", "refine", "inpaint"); that of segmentation is the batch's
    mean.
    shadow_confidence: 0 to 1, how sure the surest shadow is; where none was added, the likeliest region.
    maps: float32 (H, W) in [0, 1] each: what damage was found by, "damage", "layers" and "edges", as far as
        there are any (`removal.repair`).
    photo: what it was made of, as read from a file; None = an array.
    """

    image: np.ndarray
    mask: np.ndarray
    detections: Detections
    attached: Detections
    parts: Mapping[str, np.ndarray]
    seconds: dict[str, float]
    shadow_confidence: float = 0.0
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    photo: Photo | None = None

    def save(self, path: str | os.PathLike[str] | None = None, *, overwrite: bool = False) -> Path:
        """Writes the image, and returns where to.

        A photo that came from a file keeps its format, bit depth and metadata where `path` has its suffix;
        any other suffix says the format to convert to. path: None = NAME.removed.SUFFIX beside that file.

        Raises ValueError for a suffix that cannot be written, FileExistsError unless `overwrite`, OSError.
        """
        from removal.images import write_photo
        from removal.images.plain import plain_photo

        photo, path = self.photo or plain_photo(self.image), None if path is None else Path(path)
        if not photo.format and (path is None or not path.suffix):
            raise ValueError(f"expected a file name with a suffix such as .png or .jpg, got {path!r}")
        return write_photo(photo, self.image, self.mask, path, overwrite=overwrite)


@dataclass(frozen=True, eq=False)
class Hole:
    """What is to be filled in one photo, and why.

    wanted: the objects, before their masks were mended. attached: what goes along with them. mask: bool
    (H, W), what is filled. parts: bool (H, W) each, what `mask` is made of. protect: bool (H, W), never
    copied from; None = nothing. shadow_confidence: as in `Removal`. seconds: wall time of all this.
    """

    wanted: Detections
    attached: Detections
    mask: np.ndarray
    parts: Mapping[str, np.ndarray]
    protect: np.ndarray | None
    shadow_confidence: float
    seconds: float


class Pipeline:
    """Removes the objects of some classes from photos.

    segmenter: called with a list of images, gives their detections (`segment.load_segmenter`), or None where
    detections
        are always passed in.
    recipe: how masks are mended; `MaskRecipe()` is the default one.
    inpainter: called with image, mask, protect (`inpaint.load_inpainter`), or None where only
        `hole` is asked for.
    classes: names of what is removed; None = everything that was detected.
    min_score: detections below this score, 0 to 1, are not removed.
    attached_table: what goes along with whom, a rule by class name; None = `postprocess.attached.TABLE`.
    protect: whether the fill is told what it may not copy: what was detected and stays, and whom
        `bystanders` finds.
    bystanders: finds people in each image that something is removed from, for where detections are masks
        from elsewhere and say nothing of who stays; None = nobody is looked for.
    """

    def __init__(
        self,
        segmenter: Segmenter | None,
        recipe: MaskRecipe,
        inpainter: Inpainter | None,
        *,
        classes: Sequence[str] | None = ("person",),
        min_score: float = 0.5,
        attached_table: Mapping[str, AttachedRule] | None = None,
        protect: bool = True,
        bystanders: Segmenter | None = None,
    ):
        if isinstance(classes, str):
            raise TypeError(f"expected a sequence of class names, got the string {classes!r}")
        if not 0 <= min_score <= 1:
            raise ValueError(f"expected min_score from 0 to 1, got {min_score}")
        self.segmenter, self.recipe, self.inpainter = segmenter, recipe, inpainter
        self.classes = None if classes is None else tuple(classes)
        self.min_score = min_score
        self.attached_table = attached_table
        self.protect, self.bystanders = protect, bystanders

    def __call__(
        self, images: Sequence[np.ndarray], *, detections: Sequence[Detections] | None = None
    ) -> list[Removal]:
        """Removes the objects from each image.

        images: uint8 (H, W, 3) RGB each, of any sizes. detections: what is in them, one entry per image;
        None = ask the
        segmenter. Raises TypeError or ValueError for anything else, and ValueError where a mask covers a
        whole photo.
        """
        images = list(images)
        seconds: dict[str, float] = {}
        with timed(seconds, "segment"):
            if detections is None:
                detections = self.detect(images)
        if len(detections) != len(images):
            raise ValueError(f"expected detections for {len(images)} images, got {len(detections)}")
        share = {"segment": seconds["segment"] / max(1, len(images))}
        results = [self.erase(image, found) for image, found in zip(images, detections, strict=True)]
        return [replace(result, seconds=share | result.seconds) for result in results]

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """Everything the segmenter finds, not the wanted classes alone and down to PROTECT_SCORE: what stays
        is kept from being copied into holes.
        """
        from removal.bystanders import PROTECT_SCORE

        if self.segmenter is None:
            raise ValueError("expected detections, for this pipeline has no segmenter")
        if self.classes is not None:
            from segment import check_classes

            check_classes(self.segmenter, [name for name in self.classes if name != POINTED])
        return self.segmenter(images, min_score=min(self.min_score, PROTECT_SCORE))

    def erase(self, image: np.ndarray, found: Detections) -> Removal:
        """One image, uint8 (H, W, 3) RGB, and what is in it -> what it looks like without the wanted
        objects."""
        if self.inpainter is None:
            raise ValueError("expected an inpainter, for this pipeline has none")
        hole = self.hole(image, found)
        seconds = {"refine": hole.seconds}
        with timed(seconds, "inpaint"):
            filled = self.inpainter(image, hole.mask, hole.protect)
        return Removal(
            filled, hole.mask, hole.wanted, hole.attached, hole.parts, seconds, hole.shadow_confidence
        )

    def hole(
        self,
        image: np.ndarray,
        found: Detections,
        *,
        chosen: Sequence[int] | None = None,
        people: Detections | None = None,
    ) -> Hole:
        """What is to be filled in one image, uint8 (H, W, 3) RGB, of what is in it.

        chosen: indices of the objects to remove; None = those of the wanted classes and scores. people: who
        is in the image, where that is known; None = ask `bystanders`, where there is one.
        """
        from postprocess import refine_mask

        if not isinstance(image, np.ndarray):
            raise TypeError(f"expected image as a uint8 array, got {type(image).__name__}")
        if (found.height, found.width) != image.shape[:2]:
            raise ValueError(
                f"expected detections of the size {image.shape[:2]}, got {(found.height, found.width)}"
            )
        if chosen is None:
            wanted = found.select(classes=self.classes, min_score=self.min_score)
        else:
            wanted = found.select(indices=chosen)
        attached = self.attached(found, chosen=chosen)
        seconds: dict[str, float] = {}
        with timed(seconds, "refine"):
            mask, along = wanted.union(), attached.union()
            others = found.union(min_score=STAY_SCORE) & ~(mask | along)
            refined = refine_mask(
                image, mask, self.recipe, others if others.any() else None, attached=along & ~mask
            )
            protect = self._protect(image, found.union() & ~(mask | along), refined.mask, people)
        confidence = refined.shadow_confidence
        return Hole(wanted, attached, refined.mask, refined.parts, protect, confidence, seconds["refine"])

    def _protect(
        self, image: np.ndarray, others: np.ndarray, hole: np.ndarray, people: Detections | None
    ) -> np.ndarray | None:
        """What the fill of `hole` may not copy; others: what was detected and stays. bool (H, W) each."""
        from removal.bystanders import find_people, people_who_stay

        if not self.protect:
            return None
        if people is None and self.bystanders is not None and hole.any():
            people = find_people(self.bystanders, image)
        if people is not None:
            others = others | people_who_stay(people, hole)
        return protected(others, hole)

    def attached(self, found: Detections, *, chosen: Sequence[int] | None = None) -> Detections:
        """What goes along with the wanted objects; it need not be as certain as they must be, STAY_SCORE
        does."""
        from postprocess.attached.objects import TABLE, attached_objects

        # What is less certain is neither taken nor does it keep a thing back.
        least = min(self.min_score, STAY_SCORE)
        kept = [i for i in range(len(found)) if found.scores[i] >= least or i in (chosen or ())]
        certain = found.select(indices=kept)
        wanted = [
            position
            for position, index in enumerate(kept)
            if (index in chosen if chosen is not None else self._is_wanted(found, index))
        ]
        along = attached_objects(
            certain.labels,
            certain.boxes,
            certain.mask,
            wanted,
            kinds=self.recipe.attached,
            table=TABLE if self.attached_table is None else self.attached_table,
        )
        return certain.select(indices=along)

    def _is_wanted(self, found: Detections, index: int) -> bool:
        return (self.classes is None or found.labels[index] in self.classes) and bool(
            found.scores[index] >= self.min_score
        )


def protected(others: np.ndarray, hole: np.ndarray) -> np.ndarray | None:
    """What the fill may not copy: the objects that stay and a margin around them, outside the hole.

    others, hole: bool (H, W). Returns bool (H, W), or None where there is nothing to protect or no hole.
    """
    from postprocess.morphology import thicken

    if not others.any() or not hole.any():
        return None
    margin_px = max(2, round(PROTECT_MARGIN_SHARE * min(others.shape)))
    kept: np.ndarray = thicken(others, margin_px) & ~hole
    return kept


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Writes the wall time of the block, in seconds, to `seconds[stage]`."""
    started = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - started
