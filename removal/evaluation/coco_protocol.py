"""The protocol for COCO data: masks against annotations, a judge's findings, and sets against photos that
never had the class."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from removal.errors import PlanError
from removal.evaluation.case import Case, Combination, Figures, SetFigures
from removal.evaluation.dataset import CocoDataset, EvalPhoto
from removal.evaluation.folder import EvaluationFolder
from removal.evaluation.mask_sources import EvaluatedSource
from removal.evaluation.photo_figures import common_figures, overlap_figures
from removal.evaluation.plan import ANNOTATIONS, EvaluationOptions
from removal.evaluation.results import CLASS_WISE, REMOVAL

if TYPE_CHECKING:
    from removal.evaluation.judge import Judge
    from segment import Detections

LEAST_SET = 5  # photos on each side of a class-wise measure: its folds


class CocoProtocol:
    """Photos that show a class, worked on; those that never had it, to compare with.

    dataset: read already. judge: looks for what should be gone; with the reason why there is none. sources:
    those that are compared, by name.
    """

    def __init__(self, options: EvaluationOptions) -> None:
        assert options.annotations is not None
        self.dataset = CocoDataset(options.images, options.annotations, options.classes)
        self.options = options.with_classes(self.dataset.classes)
        self.photos = self.dataset.photos
        self.problems: dict[str, str] = dict.fromkeys(self.dataset.missing, "no such file")
        self.judge: Judge | None = None
        self.judge_problem = "no judge was asked for"
        self.sources: dict[str, EvaluatedSource] = {}
        self.unreadable: list[str] = []  # of the photos that never had the class
        self._references: tuple[dict[str, np.ndarray], dict[str, str]] | None = None
        if not self.photos:
            raise PlanError(
                f"{options.annotations}: no photo that is there shows {' or '.join(self.options.classes)}"
            )

    def read(self, photo: EvalPhoto) -> Case:
        from removal.images import read_photo

        read = read_photo(photo.path, max_megapixels=self.options.run.max_megapixels)
        truth = self.dataset.detections(photo, read.pixels.shape[:2])
        size_bytes = photo.path.stat().st_size
        return Case(photo, size_bytes, read.pixels, {ANNOTATIONS: truth}, orientation=read.orientation)

    def measure(self, case: Case, combination: Combination) -> Figures:
        hole = case.holes[combination.mask_key]
        target = case.truths[ANNOTATIONS].union(self.options.classes)
        figures = overlap_figures(hole.wanted.union(), target, "before")
        figures |= overlap_figures(hole.mask, target, "after")
        figures |= common_figures(case, combination)
        if self.judge is not None:
            figures |= self.judge.figures(case, case.filled[combination], hole.mask, self.instances(case))
        return figures

    def measure_unedited(self, case: Case) -> Figures:
        """What the judge finds in the photo as it was; called before `measure`."""
        if self.judge is None:
            return {}
        self.judge.look(case)
        return self.judge.figures(
            case, case.image, np.zeros(case.image.shape[:2], bool), self.instances(case)
        )

    def instances(self, case: Case) -> Detections:
        """The annotated objects of the wanted classes, one by one: no crowds."""
        one_by_one = self.dataset.detections(case.photo, case.image.shape[:2], crowds=False)
        return one_by_one.select(self.options.classes)

    def measure_set(
        self, combination: Combination, photos: Sequence[EvalPhoto], folder: EvaluationFolder
    ) -> SetFigures:
        figures, reasons = self._average_precision(combination, photos, folder)
        sets, set_reasons = self._class_wise(
            (folder.file("results", combination.folder, photo.name) for photo in photos), len(photos)
        )
        if self.judge is None:
            asked = [column.name for column in REMOVAL if column.name != "change_outside"]
            reasons |= dict.fromkeys(asked, self.judge_problem)
        return SetFigures(figures | sets, reasons | set_reasons)

    def measure_unedited_set(self, photos: Sequence[EvalPhoto]) -> SetFigures:
        """The class-wise measures of the photos as they were: what doing nothing comes to."""
        return SetFigures(*self._class_wise((photo.path for photo in photos), len(photos)))

    def describe(self) -> dict[str, Any]:
        crowds = sum(
            bool(entry.get("iscrowd"))
            for photo in self.photos
            for entry in self.dataset.annotations_of(photo)
        )
        judged = [name for name, source in self.sources.items() if source.description == self.judges_model]
        mind = f"also made the masks of {', '.join(judged)}: of these it is no independent judge"
        return {
            "photos that show the class": len(self.photos),
            "photos that never had the class": len(self.dataset.never),
            "of these could not be read": ", ".join(self.unreadable) or None,
            "missing files": len(self.dataset.missing),
            "crowd regions": crowds,
            "judge": self.judge.description if self.judge else self.judge_problem,
            "the judge": mind if judged else None,
        }

    @property
    def judges_model(self) -> str | None:
        return None if self.judge is None else self.judge.model

    def _average_precision(
        self, combination: Combination, photos: Sequence[EvalPhoto], folder: EvaluationFolder
    ) -> tuple[Figures, dict[str, str]]:
        """COCO's AP of a source's masks, mean over the wanted classes, on these photos alone."""
        from removal.evaluation.detection_ap import average_precision

        source = self.sources[combination.source]
        names = [f"{when}_{name}" for when in ("before", "after") for name in ("ap", "ap50", "ap75")]
        if not source.has_instances:
            return {}, dict.fromkeys(names, "these masks are one per photo, not one per object")
        truth = self.dataset.ground_truth(photos)
        figures: Figures = {}
        reasons: dict[str, str] = {}
        for when, kept in (("before", combination.found_folder), ("after", combination.mask_folder)):
            entries: list[Mapping[str, Any]] = []
            for photo in photos:
                entries += json.loads(folder.file("detections", kept, photo.name, ".json").read_text())
            try:
                found = [average_precision(truth, entries, category=name) for name in self.options.classes]
            except ValueError as error:
                reasons |= {name: str(error) for name in names if name.startswith(when)}
                continue
            for name in ("ap", "ap50", "ap75"):
                figures[f"{when}_{name}"] = float(np.mean([getattr(entry, name) for entry in found]))
        return figures, reasons

    def _class_wise(self, results: Iterable[Path], count: int) -> tuple[Figures, dict[str, str]]:
        """Features of results, paths of pictures, against those of the photos that never had the class."""
        from removal.evaluation.classwise import class_wise

        names = [column.name for column in CLASS_WISE]
        if min(count, len(self.dataset.never)) < LEAST_SET:
            got = f"{count} and {len(self.dataset.never)}"
            why = f"needs {LEAST_SET} photos with the class and without, got {got}"
            return {}, dict.fromkeys(names, why)
        figures: Figures = {}
        try:
            if self._references is None:
                self._references = self._features(photo.path for photo in self.dataset.never)
            references, reasons = self._references
            ours, lack = self._features(results) if references else ({}, reasons)
            if not ours:
                return {}, lack
            for prefix, features in references.items():
                figures |= class_wise(ours[prefix], features, prefix=prefix)
        except ModuleNotFoundError as error:
            return {}, dict.fromkeys(names, str(error))
        return figures, reasons

    def _features(self, paths: Iterable[Path]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Features of pictures by their prefix, and why others cannot be had, by the measures' names."""
        from removal.evaluation.classwise import INCEPTION, inception_features, patch_features

        listed, patches = list(paths), []
        for pixels in self._readable(listed):
            with contextlib.suppress(ValueError):  # too small for patches
                patches.append(patch_features(pixels))
        if len(patches) < LEAST_SET:
            return {}, {column.name: "too few photos could be read" for column in CLASS_WISE}
        features = {"patch_": np.stack(patches)}
        if INCEPTION.is_cached():
            return features | {"": inception_features(self._readable(listed))}, {}
        star = [column.name for column in CLASS_WISE if "star" in column.name]
        return features, dict.fromkeys(star, f"weights missing: {INCEPTION.file_name}")

    def _readable(self, paths: Iterable[Path]) -> Iterator[np.ndarray]:
        """The pictures that can be read: one that never had the class may be broken."""
        from removal.images import read_photo

        never = {photo.path: photo.name for photo in self.dataset.never}
        for path in paths:
            try:
                pixels = read_photo(path, max_megapixels=self.options.run.max_megapixels).pixels
            except (ValueError, OSError):
                if path in never and never[path] not in self.unreadable:
                    self.unreadable.append(never[path])
                continue
            yield pixels


def save_detections(
    case: Case, combinations: Sequence[Combination], protocol: CocoProtocol, folder: EvaluationFolder
) -> None:
    """Each source's objects as COCO results, as found and, where masks are mended, each mended by itself."""
    numbers = {name: number for number, name in protocol.dataset.names.items()}
    for combination in {entry.mask_key: entry for entry in combinations}.values():
        found = case.found[combination.source].select(protocol.sources[combination.source].classes)
        write_results(folder, combination.found_folder, case.photo, found, numbers)
        if combination.refined:
            mended = mend_each(case.image, found, protocol.options)
            write_results(folder, combination.mask_folder, case.photo, mended, numbers)


def mend_each(image: np.ndarray, found: Detections, options: EvaluationOptions) -> Detections:
    """Every object's mask mended by itself, without shadows and what is attached."""
    from postprocess import refine_mask
    from removal.models import build_recipe
    from segment import Detections

    recipe = build_recipe(replace(options.run, refine=True, shadows=False, attached="none"))
    if not len(found):
        return found
    masks = [refine_mask(image, found.mask(index), recipe).parts["object"] for index in range(len(found))]
    return Detections.from_masks(masks, found.labels, found.scores)


def write_results(
    folder: EvaluationFolder, kept: str, photo: EvalPhoto, found: Detections, numbers: Mapping[str, int]
) -> None:
    from _removal_support.files import write_atomically
    from removal.handover.coco_results import entries as coco_entries

    assert photo.image_id is not None
    entries = coco_entries(found, photo.image_id, numbers, leave_out_others=True)
    path = folder.file("detections", kept, photo.name, ".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(entries).encode(), overwrite=True)
