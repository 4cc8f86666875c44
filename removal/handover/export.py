"""Masks for others: what a detector or a hand-over marks, as COCO results or as PNG files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2

from removal.batch.jobs import Job, photos_in, plan_jobs, problem_of
from removal.errors import PlanError, RunError, describe
from removal.handover import coco_results
from removal.images import read_photo, write_mask
from removal.models import build_recipe, build_segmenter, loading
from removal.options import RunOptions
from removal.pipeline import Pipeline
from segment.classes import canonical_class, is_narrower, unknown_class

if TYPE_CHECKING:
    from removal.sources import MaskSource
    from segment import CocoMasks, Detections, MaskFiles


@dataclass(frozen=True)
class ExportOptions:
    """What is written.

    run: which masks, and how they are mended. target: a file, or for PNG a folder. annotations: COCO
    annotations that give the image and category ids; None = the digits at the end of a photo's name, and
    COCO's own categories.
    """

    run: RunOptions
    target: Path
    format: Literal["coco", "png"]
    annotations: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Exported:
    """What became of one photo. objects: how many were written. error: one line; None = all went well.
    option: the setting that the error is about, where there is one."""

    photo: Path
    objects: int = 0
    error: str | None = None
    option: str | None = None


def export(
    photos: Sequence[Path], options: ExportOptions, *, say: Callable[[str], None]
) -> Iterator[Exported]:
    """Writes the masks of photos and folders of them, one `Exported` each; one that fails does not stop the
    others. COCO results appear after the last photo, without those that failed.

    Raises PlanError for inputs that do not fit together, RunError where a model, the masks or the annotations
    cannot be had, both before any work, and RunError where the results cannot be written.
    """
    check(options)
    annotations = open_annotations(options)
    as_png = options.format == "png"
    jobs = png_jobs(photos, options) if as_png else coco_jobs(photos, options)
    possible = [job for job in jobs if job.problem is None]
    for job in possible if as_png else ():
        if job.target.exists() and not options.overwrite:
            raise PlanError(
                f"'{job.target}' exists: say that it may be written over, or give another", option="overwrite"
            )
    ids = {} if as_png else coco_results.image_ids([job.source for job in possible], annotations)
    categories = coco_results.category_ids(annotations)
    if not as_png:
        options = replace(options, run=replace(options.run, classes=known_classes(options.run, categories)))
    finder = Finder(options, say)
    results, written = [], 0
    for job in jobs:
        try:
            if job.problem is not None:
                raise ValueError(job.problem)
            found = finder(job.source)
            if as_png:
                job.target.parent.mkdir(parents=True, exist_ok=True)
                write_mask(found.union(), job.target, overwrite=options.overwrite)
            else:
                results += coco_results.entries(found, ids[job.source], categories)
        except (ValueError, OSError, RuntimeError, MemoryError, cv2.error) as error:
            option = getattr(error, "option", None)
            yield Exported(job.source, error=describe(error, job.source), option=option)
            continue
        written += 1
        yield Exported(job.source, len(found))
    if written and not as_png:
        try:
            coco_results.write_results(results, options.target, overwrite=options.overwrite)
        except OSError as error:
            raise RunError(str(error)) from error


def known_classes(run: RunOptions, categories: Iterable[str]) -> tuple[str, ...]:
    """The categories that the classes mean: "person" for "people".

    Of masks a narrower word than the category, such as "woman", is none: it would take other labels too.
    Raises PlanError for a name that means no category.
    """
    known = tuple(categories)
    found: dict[str, None] = {}
    for name in run.classes:
        meant = canonical_class(name, known)
        if meant is None or (run.masks is not None and name != meant and is_narrower(name)):
            raise PlanError(unknown_class(name, known), option="classes")
        found[meant] = None
    return tuple(found)


def check(options: ExportOptions) -> None:
    """Raises PlanError for options that do not fit together, and for results that are there already."""
    run = options.run
    if not run.classes and run.masks is None:
        raise PlanError("expected a class to find, or masks to convert, got neither", option="classes")
    if options.format == "png":
        return
    if run.refine and len(run.classes) != 1:
        raise PlanError(
            f"refined masks are one of a photo's objects: expected one class, got {len(run.classes)}",
            option="refine",
        )
    if options.target.is_dir():
        raise PlanError(
            f"'{options.target}' is a folder: COCO results are one file, such as results.json",
            option="target",
        )
    if options.target.exists() and not options.overwrite:
        raise PlanError(
            f"'{options.target}' exists: say that it may be written over, or give another", option="overwrite"
        )


def open_annotations(options: ExportOptions) -> CocoMasks | None:
    """The annotations that give ids, where there are any. RunError where they cannot be read."""
    from segment import CocoMasks

    if options.annotations is None:
        return None
    try:
        annotations = CocoMasks(options.annotations)
    except (ValueError, OSError) as error:
        raise RunError(str(error), option="annotations") from error
    if annotations.is_results:
        raise RunError(
            f"expected annotations, got {options.annotations}, which holds results: these list no images",
            option="annotations",
        )
    return annotations


def png_jobs(photos: Sequence[Path], options: ExportOptions) -> list[Job]:
    """Where the PNG of each photo goes: NAME.png, or NAME.SUFFIX.png where two photos share a name."""
    from removal.sources import without_masks

    jobs = without_masks(plan_jobs(photos, options.target), photos, options.run.masks)
    if len(jobs) == 1 and jobs[0].target == options.target:
        if options.target.suffix.lower() != ".png":
            raise PlanError(
                f"'{options.target}': masks are written as PNG, give a name that ends in .png",
                option="target",
            )
        return jobs
    stems = Counter(job.target.with_suffix("") for job in jobs)
    targets = [
        job.target.with_name(
            f"{job.target.stem if stems[job.target.with_suffix('')] == 1 else job.target.name}.png"
        )
        for job in jobs
    ]
    sources = {job.source.resolve() for job in jobs}
    for target in targets:
        if target.resolve() in sources:
            raise PlanError(f"'{target}' is one of the photos: give another folder", option="target")
    return [replace(job, target=target) for job, target in zip(jobs, targets, strict=True)]


def coco_jobs(photos: Sequence[Path], options: ExportOptions) -> list[Job]:
    """The photos, each once."""
    from removal.sources import without_masks

    found: dict[Path, str | None] = {}
    for path in photos:
        if path.is_dir():
            below = photos_in(path)
            found |= dict.fromkeys(below) if below else {path: f"{path}: no photos in this folder"}
        else:
            found[path] = problem_of(path)
    jobs = [Job(path, path, problem=problem) for path, problem in found.items()]
    return without_masks(jobs, photos, options.run.masks)


class Finder:
    """Finds what is to be written of a photo: the chosen objects, or their refined union as one.

    Raises RunError or PlanError where the segmenter or the masks cannot be had.
    """

    def __init__(self, options: ExportOptions, say: Callable[[str], None]) -> None:
        from removal.sources import DetectorMasks, FileMasks

        self.run = run = options.run
        files = None if run.masks is None else open_masks(options, say)
        with loading():
            segmenter = build_segmenter(run, say) if run.has_detector else None
        self.given_class = (
            run.classes[0] if files is not None and not files.has_classes and run.classes else None
        )
        self.wanted = None if self.given_class else run.classes or None
        self.pipeline = Pipeline(
            segmenter,
            build_recipe(run),
            None,
            classes=self.wanted,
            min_score=run.score,
        )
        self.source: MaskSource = DetectorMasks(self.pipeline) if files is None else FileMasks(files)

    def __call__(self, path: Path) -> Detections:
        from segment import Detections

        photo = read_photo(path, max_megapixels=self.run.max_megapixels)
        (found,) = self.source([photo])
        chosen = found.select(self.wanted, self.run.score)
        if self.given_class:
            chosen = replace(chosen, labels=(self.given_class,) * len(chosen))
        if not self.run.refine or not len(chosen):
            return chosen
        mask = self.pipeline.hole(photo.pixels, found).mask
        label = self.run.classes[0] if self.run.classes else chosen.labels[0]
        return Detections.from_masks([mask], [label], [float(chosen.scores.max())])


def open_masks(options: ExportOptions, say: Callable[[str], None]) -> MaskFiles:
    """The hand-over to convert. RunError where it cannot be read, PlanError for classes it does not have."""
    from removal.sources import open_files

    run = options.run
    assert run.masks is not None
    with loading():
        files = open_files(run.masks, run, say)
    if files.has_classes:
        try:
            files.check_classes(run.classes)
        except ValueError as error:
            raise PlanError(str(error), option="classes") from error
    elif options.format == "coco" and len(run.classes) != 1:
        raise PlanError(
            "the masks carry no classes: give one class, the category they get in COCO results",
            option="classes",
        )
    return files
