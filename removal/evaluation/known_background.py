"""What the protocols that know what should be behind have in common, and that of real pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from removal.evaluation.case import Case, Combination, Figures, SetFigures
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.folder import EvaluationFolder
from removal.evaluation.photo_figures import (
    common_figures,
    fidelity_figures,
    lpips_problem,
    overlap_figures,
)
from removal.evaluation.plan import CHANGED, OBJECT, EvaluationOptions
from removal.evaluation.results import COLUMNS
from removal.images import read_photo
from segment import Detections, MaskFiles, coco_classes, segmenter_names
from segment.classes import canonical_class, is_narrower


class KnownBackground:
    """What they have in common: figures against the clean view, by region."""

    photos: tuple[EvalPhoto, ...]
    problems: dict[str, str]

    def __init__(self, options: EvaluationOptions) -> None:
        self.options = options
        self.problems = {}
        self.lpips_problem = lpips_problem()

    def measure(self, case: Case, combination: Combination) -> Figures:
        assert case.clean is not None
        figures = common_figures(case, combination)
        filled = case.holes[combination.mask_key].mask
        # What was filled counts as the hole where nobody knows a better one.
        regions: dict[str, np.ndarray | None] = {"hole": filled, "whole": None} | dict(case.regions)
        with_lpips = self.lpips_problem is None
        for region, where in regions.items():
            figures |= fidelity_figures(
                case.filled[combination], case.clean, where, region, with_lpips=with_lpips
            )
        return figures

    def measure_unedited(self, case: Case) -> Figures:
        return {}

    def measure_set(
        self, combination: Combination, photos: Sequence[EvalPhoto], folder: EvaluationFolder
    ) -> SetFigures:
        if self.lpips_problem is None:
            return SetFigures()
        names = [column.name for column in COLUMNS[self.options.protocol]]
        return SetFigures({}, {name: self.lpips_problem for name in names if name.endswith("_lpips")})

    def measure_unedited_set(self, photos: Sequence[EvalPhoto]) -> SetFigures:
        return SetFigures()

    def describe(self) -> dict[str, Any]:
        return {"photos in the data": len(self.photos)}


def detectors_names(options: EvaluationOptions) -> tuple[str, ...]:
    """The classes by the names that detectors know; as they are where there is none among the sources.

    Masks of other teams have names of their own, and know by themselves which of them mean a class.
    """
    if not set(options.sources).intersection(segmenter_names()):
        return options.classes
    names = [
        name if is_narrower(name) else canonical_class(name, coco_classes()) or name
        for name in options.classes
    ]
    return tuple(dict.fromkeys(names))


class PairsProtocol(KnownBackground):
    """A photo with the object and the same view without it, in a folder for each pair.

    NAME/photo.png  the photo      NAME/object.png   the object alone, white
    NAME/clean.png  without it     NAME/changed.png  object, shadow and reflection (else as object.png)
                                   NAME/shadow.png   the shadow alone (may be left out)
    """

    def __init__(self, options: EvaluationOptions) -> None:
        super().__init__(options.with_classes(detectors_names(options)))
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
