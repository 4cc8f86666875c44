"""The protocol that makes holes in photos that need none: the photo itself is the truth."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inpaint.training.damage.contract import GREY
from removal.batch.jobs import photos_in
from removal.errors import PlanError
from removal.evaluation.case import Case, Combination, Figures, SetFigures, combinations
from removal.evaluation.dataset import CocoDataset, EvalPhoto
from removal.evaluation.folder import EvaluationFolder
from removal.evaluation.known_background import KnownBackground, one_mask
from removal.evaluation.photo_figures import fidelity_figures
from removal.evaluation.plan import HOLES, EvaluationOptions
from removal.images import read_photo
from segment import Detections
from segment.handover.photo_names import closest_names

if TYPE_CHECKING:
    from inpaint.training.damage.kinds import Damage

SHAPE_LEAST_SHARE, SHAPE_MOST_SHARE = 0.02, 0.15  # of the annotated photo: neither a speck nor a portrait


class HolesProtocol(KnownBackground):
    """Fixed holes in photos where nothing needs removing.

    The holes are mask files of the photos' names, people's shapes from COCO annotations put into
    the photos that never had the class, or damage of given kinds. The last two are drawn by seed and name, so
    that a photo has the same hole in every run and set.
    """

    def __init__(self, options: EvaluationOptions) -> None:
        super().__init__(options)
        self.files: dict[str, Path] = {}
        self.shapes: list[np.ndarray] = []
        self.damage: Damage | None = None
        if options.holes is not None:
            self._plan_files(options.images, options.holes)
        elif options.damage:
            self.damage = build_damage(options.damage, options.shapes)
            self.photos = tuple(
                EvalPhoto(path.relative_to(options.images).as_posix(), path)
                for path in photos_in(options.images)
            )
        else:
            assert options.annotations is not None
            dataset = CocoDataset(options.images, options.annotations, options.classes)
            self.options = options.with_classes(dataset.classes)
            self.photos = dataset.never
            self.problems |= dict.fromkeys(dataset.missing, "no such file")
            self.shapes = person_shapes(dataset)

    def _plan_files(self, images: Path, holes: Path) -> None:
        by_stem: dict[str, list[Path]] = {}
        for path in photos_in(holes):
            by_stem.setdefault(path.stem, []).append(path)
        photos = []
        for path in photos_in(images, leave_out=holes):
            name = path.relative_to(images).as_posix()
            below = {hole.relative_to(holes): hole for hole in by_stem.get(path.stem, [])}
            found = closest_names(path.relative_to(images), below)
            if len(found) == 1:
                photos.append(EvalPhoto(name, path))
                self.files[name] = below[Path(found[0])]
            else:
                self.problems[name] = f"{len(found) or 'no'} holes for it in '{holes}'"
        self.photos = tuple(photos)

    def read(self, photo: EvalPhoto) -> Case:
        clean = read_photo(photo.path, max_megapixels=self.options.run.max_megapixels).pixels
        entropy = (self.options.run.seed, zlib.crc32(os.fsencode(photo.name)))
        if self.damage is not None:
            clean, _ = squared(clean, None, self.options.size)
            shown, destroyed = self.damage(clean, np.random.default_rng(entropy))
            hole = destroyed > 0
        else:
            size = clean.shape[:2]
            if self.files:
                hole = one_mask(self.files[photo.name], size).union()
            else:
                hole = placed_shape(self.shapes, size, entropy)
            clean, hole = squared(clean, hole, self.options.size)
            shown = np.where(hole[..., None], np.uint8(GREY), clean)
        truth = Detections.from_masks([hole], ["mask"], [1.0])
        return Case(
            photo, photo.path.stat().st_size, shown, {HOLES: truth}, clean=clean, regions={"hole": hole}
        )

    def measure_unedited(self, case: Case) -> Figures:
        """Of damage: the photo as it was damaged, which not all damage makes worthless."""
        if self.damage is None:
            return {}
        assert case.clean is not None
        figures: Figures = {}
        with_lpips = self.lpips_problem is None
        regions: dict[str, np.ndarray | None] = {**case.regions, "whole": None}
        for region, where in regions.items():
            figures |= fidelity_figures(case.image, case.clean, where, region, with_lpips=with_lpips)
        return figures

    def measure_set(
        self, combination: Combination, photos: Sequence[EvalPhoto], folder: EvaluationFolder
    ) -> SetFigures:
        """Also how many numbers the inpainter learned, and on how many photos it beats the first."""
        measured = super().measure_set(combination, photos, folder)
        learned = folder.config.get("parameters", {})
        measured.figures["parameters"] = sum(
            learned.get(name, 0) for name in (combination.inpainter, f"mask_source {combination.source}")
        )
        first = combinations(self.options)[0]
        records = [folder.records[photo.name]["figures"] for photo in photos]
        if combination == first:
            measured.reasons["beats_first"] = "it is the first"
        else:
            measured.figures["beats_first"] = share_better(
                [figures[combination.folder]["hole_mse"] for figures in records],
                [figures[first.folder]["hole_mse"] for figures in records],
            )
        return measured

    def describe(self) -> dict[str, Any]:
        where = ", ".join(self.options.damage) or str(self.options.holes or self.options.annotations)
        return super().describe() | {
            "holes": where,
            "shapes": len(self.shapes) or None,
            "square of": self.options.size and f"{self.options.size} px",
        }


def build_damage(kinds: Sequence[str], shapes: Path | None) -> Damage:
    """Damage of these kinds, each as often as the others; shapes: COCO annotations for those that take some.

    PlanError for a kind that nobody knows, or that lacks what it is taken from.
    """
    from inpaint.training.damage.kinds import damage_of

    try:
        return damage_of(dict.fromkeys(kinds, 1.0), shapes=shapes)
    except ValueError as error:
        raise PlanError(str(error), option="damage") from error


def squared(image: np.ndarray, hole: np.ndarray | None, size_px: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The largest square of a photo, brought to a size: from its middle, or as near as may be to its hole's.

    image: uint8 (H, W, 3). hole: bool (H, W), True = hole; None = not known yet. size_px: of each side of the
    result; None = everything as it is. In a photo made smaller a pixel with any part of the hole is hole.
    Returns image and hole, uint8 (size_px, size_px, 3) and bool (size_px, size_px).
    """
    from inpaint.training.crops import central_crop

    if hole is None:
        hole = np.zeros(image.shape[:2], bool)
    if size_px is None:
        return image, hole
    region = None
    if hole.any():
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        region = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    crop = central_crop(hole.shape, region=region)
    return crop.cut(image, size_px), crop.cut(hole.astype(np.float32), size_px) > 1e-6


def share_better(ours: Sequence[float | None], theirs: Sequence[float | None]) -> float | None:
    """The share of photos with a lower error than another inpainter's, 0 to 1; None where none has both."""
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    return sum(a < b for a, b in pairs) / len(pairs) if pairs else None


def person_shapes(dataset: CocoDataset) -> list[np.ndarray]:
    """Masks of the objects that are neither specks nor portraits nor crowds: bool (h, w) each, cut to their
    photo's frame. PlanError where there is none."""
    from pycocotools import mask as coco_mask

    from segment.handover.run_lengths import read_segmentation

    shapes = []
    for photo in dataset.photos:
        for entry in dataset.annotations_of(photo):
            size = dataset.stated_size(photo)
            if entry.get("iscrowd"):
                continue
            try:
                rle = read_segmentation(entry.get("segmentation"), *size)
            except (ValueError, TypeError):
                continue
            if SHAPE_LEAST_SHARE <= float(coco_mask.area(rle)) / (size[0] * size[1]) <= SHAPE_MOST_SHARE:
                shapes.append(np.ascontiguousarray(coco_mask.decode(rle)).view(bool))
    if not shapes:
        raise PlanError(
            f"{dataset.path}: no {' or '.join(dataset.classes)} there covers {SHAPE_LEAST_SHARE:.0%} to "
            f"{SHAPE_MOST_SHARE:.0%} of its photo, so there is no shape for a hole"
        )
    return shapes


def placed_shape(shapes: Sequence[np.ndarray], size: tuple[int, int], entropy: tuple[int, int]) -> np.ndarray:
    """One of the shapes, scaled to a photo's height, width so that it fits, bool (H, W), not empty.

    It keeps its proportions and its share of the frame; where it stands is drawn, sideways only.
    """
    import cv2

    generator = np.random.default_rng(entropy)
    shape = shapes[int(generator.integers(len(shapes)))]
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    cut = shape[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(size[0] / shape.shape[0], size[1] / shape.shape[1])
    height, width = (
        max(1, min(most, round(side * scale))) for most, side in zip(size, cut.shape, strict=True)
    )
    small = cv2.resize(cut.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    top = min(round(rows[0] * size[0] / shape.shape[0]), size[0] - height)
    left = int(generator.integers(size[1] - width + 1))
    placed = np.zeros(size, bool)
    placed[top : top + height, left : left + width] = small
    if not placed.any():  # a shape of a few pixels, shrunk away
        placed[top, left] = True
    return placed
