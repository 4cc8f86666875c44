"""The protocols that know what should be behind: holes in photos that need none, and real pairs."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from removal.batch import PlanError, photos_in
from removal.evaluation.case import Case, Figures, SetFigures
from removal.evaluation.columns import COLUMNS
from removal.evaluation.combinations import HOLES, Combination
from removal.evaluation.dataset import CocoDataset, EvalPhoto
from removal.evaluation.options import CHANGED, OBJECT, EvaluationOptions
from removal.evaluation.photo_figures import (
    common_figures,
    fidelity_figures,
    lpips_problem,
    overlap_figures,
)
from removal.evaluation.run_folder import RunFolder
from removal.images import read_photo
from segment import Detections, MaskFiles
from segment.photo_names import closest_names

SHAPE_LEAST_SHARE, SHAPE_MOST_SHARE = 0.02, 0.15  # of the annotated photo: neither a speck nor a portrait


class KnownBackground:
    """What both protocols have in common: figures against the clean view, by region."""

    photos: tuple[EvalPhoto, ...]
    problems: dict[str, str]

    def __init__(self, options: EvaluationOptions) -> None:
        self.options = options
        self.problems = {}
        self.lpips_problem = lpips_problem()

    def measure(self, case: Case, combination: Combination) -> Figures:
        assert case.clean is not None
        figures = common_figures(case, combination)
        hole = case.holes[combination.mask_key].mask
        regions: dict[str, np.ndarray | None] = {"hole": hole, "whole": None, **case.regions}
        with_lpips = self.lpips_problem is None
        for region, where in regions.items():
            figures |= fidelity_figures(
                case.filled[combination], case.clean, where, region, with_lpips=with_lpips
            )
        return figures

    def measure_unedited(self, case: Case) -> Figures:
        return {}

    def measure_set(
        self, combination: Combination, photos: Sequence[EvalPhoto], folder: RunFolder
    ) -> SetFigures:
        if self.lpips_problem is None:
            return SetFigures()
        names = [column.name for column in COLUMNS[self.options.protocol]]
        return SetFigures({}, {name: self.lpips_problem for name in names if name.endswith("_lpips")})

    def measure_unedited_set(self, photos: Sequence[EvalPhoto]) -> SetFigures:
        return SetFigures()

    def describe(self) -> dict[str, Any]:
        return {"photos in the data": len(self.photos)}


class HolesProtocol(KnownBackground):
    """Fixed holes in photos where nothing needs removing: the photo itself is the truth.

    The holes are mask files of the photos' names (`--holes`), or people's shapes from COCO annotations put
    into the photos that never had the class, drawn by seed and name, so that a photo has the same hole in
    every run and set.
    """

    def __init__(self, options: EvaluationOptions) -> None:
        super().__init__(options)
        self.files: dict[str, Path] = {}
        self.shapes: list[np.ndarray] = []
        if options.holes is not None:
            self._plan_files(options.images, options.holes)
        else:
            assert options.annotations is not None
            dataset = CocoDataset(options.images, options.annotations, options.classes)
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
            found = closest_names(path, by_stem.get(path.stem, []))
            if len(found) == 1:
                photos.append(EvalPhoto(name, path))
                self.files[name] = Path(found[0])
            else:
                self.problems[name] = f"{len(found) or 'no'} holes for it in '{holes}'"
        self.photos = tuple(photos)

    def read(self, photo: EvalPhoto) -> Case:
        pixels = read_photo(photo.path, max_megapixels=self.options.run.max_megapixels).pixels
        size = pixels.shape[:2]
        if self.files:
            hole = one_mask(self.files[photo.name], size)
        else:
            shape = placed_shape(
                self.shapes, size, (self.options.run.seed, zlib.crc32(os.fsencode(photo.name)))
            )
            hole = Detections.from_masks([shape], ["mask"], [1.0])
        return Case(photo, photo.path.stat().st_size, pixels, {HOLES: hole}, clean=pixels)

    def describe(self) -> dict[str, Any]:
        where = str(self.options.holes or self.options.annotations)
        return super().describe() | {"holes": where, "shapes": len(self.shapes) or None}


def person_shapes(dataset: CocoDataset) -> list[np.ndarray]:
    """Masks of the objects that are neither specks nor portraits nor crowds: bool (h, w) each, cut to their
    photo's frame. PlanError where there is none."""
    from pycocotools import mask as coco_mask

    from segment.coco import read_segmentation

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


class PairsProtocol(KnownBackground):
    """A photo with the object and the same view without it, in a folder for each pair.

    NAME/photo.png  the photo      NAME/object.png   the object alone, white
    NAME/clean.png  without it     NAME/changed.png  object, shadow and reflection (else as object.png)
                                   NAME/shadow.png   the shadow alone (may be left out)
    """

    def __init__(self, options: EvaluationOptions) -> None:
        super().__init__(options)
        photos = []
        for folder in sorted(path for path in options.images.iterdir() if path.is_dir()):
            lacking = [
                name for name in ("photo", "clean", "object") if not (folder / f"{name}.png").is_file()
            ]
            if lacking:
                self.problems[folder.name] = (
                    f"no {', '.join(f'{name}.png' for name in lacking)} in '{folder}'"
                )
            else:
                photos.append(EvalPhoto(folder.name, folder / "photo.png"))
        self.photos = tuple(photos)

    def read(self, photo: EvalPhoto) -> Case:
        limit = self.options.run.max_megapixels
        folder = photo.path.parent
        pixels = read_photo(photo.path, max_megapixels=limit).pixels
        clean = read_photo(folder / "clean.png", max_megapixels=limit).pixels
        if clean.shape != pixels.shape:
            raise ValueError(
                f"{folder}: clean.png is {clean.shape[1]} x {clean.shape[0]}, "
                f"but photo.png is {pixels.shape[1]} x {pixels.shape[0]} (width x height)"
            )
        size = pixels.shape[:2]
        truths = {OBJECT: one_mask(folder / "object.png", size)}
        has_changed = (folder / "changed.png").is_file()
        truths[CHANGED] = one_mask(folder / "changed.png", size) if has_changed else truths[OBJECT]
        regions = {"changed": truths[CHANGED].union()}
        if (folder / "shadow.png").is_file():
            regions["shadow"] = one_mask(folder / "shadow.png", size).union()
        return Case(photo, photo.path.stat().st_size, pixels, truths, clean=clean, regions=regions)

    def measure(self, case: Case, combination: Combination) -> Figures:
        hole, target = case.holes[combination.mask_key], case.regions["changed"]
        figures = overlap_figures(hole.wanted.union(), target, "before")
        figures |= overlap_figures(hole.mask, target, "after")
        return figures | super().measure(case, combination)

    def measure_unedited(self, case: Case) -> Figures:
        """The photo with the object still in it: what doing nothing comes to."""
        assert case.clean is not None
        figures: Figures = {}
        with_lpips = self.lpips_problem is None
        for region, where in {"whole": None, **case.regions}.items():
            figures |= fidelity_figures(case.image, case.clean, where, region, with_lpips=with_lpips)
        return figures


def one_mask(path: Path, size: tuple[int, int]) -> Detections:
    """A mask file, white = the object, as one object; none where it is black. ValueError, naming the file,
    where it cannot be read or has another shape than height, width `size`."""
    return MaskFiles(path, polarity="remove", allow_empty=True).detections(path, size)
