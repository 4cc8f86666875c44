"""One run of the main job: inputs and options in, an outcome per photo out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from removal.batch import Job, Manifest, Outcome, plan_jobs
from removal.models import RunError, build
from removal.options import WITHOUT_WEIGHTS, RunOptions, check_names

if TYPE_CHECKING:
    from removal.images import Photo
    from removal.pipeline import Pipeline, Removal
    from removal.sources import MaskSource


def nothing(text: str) -> None:
    """Says nothing."""


def run(
    photos: Sequence[Path],
    options: RunOptions,
    *,
    say: Callable[[str], None] = nothing,
    track: Callable[[Sequence[Job]], Iterable[Job]] = iter,
    tell_models: Callable[[dict[str, str]], object] = dict,
) -> Iterator[Outcome]:
    """Works through the photos, one outcome each; a photo that fails does not stop the others.

    say: told in one line what `auto` fell back to. track: wraps the list of jobs, for a progress bar.
    tell_models: given what runs ("masks", "inpainter") in words, before the first photo.
    Raises PlanError for inputs that do not fit together and RunError where models or masks cannot be had,
    both before any photo is worked on.
    """
    options.check()
    jobs = plan_jobs(photos, options.output, masks=options.save_masks, sheets=options.compare)
    check_names(options)
    possible = [job for job in jobs if job.problem is None]
    manifest = None
    if possible:
        pipeline, source, models = build(options, say)
        tell_models(models)
        if options.output is not None and all(job.target != options.output for job in possible):
            manifest = open_manifest(options, models, possible)
    for job in track(jobs):
        if job.problem is not None:
            yield Outcome(job, "failed", error=job.problem)
        elif manifest is None:
            yield erase_photo(job, pipeline, source, options, overwrite=options.overwrite)
        elif manifest.is_done(job):
            yield Outcome(job, "skipped")
        else:
            yield erase_and_note(job, pipeline, source, options, manifest)


def open_manifest(options: RunOptions, models: dict[str, str], jobs: Sequence[Job]) -> Manifest:
    """The record of the output folder, checked against the jobs, with this run's settings noted."""
    assert options.output is not None
    try:
        manifest = Manifest(options.output, settings(options, models), overwrite=options.overwrite)
        manifest.check(jobs)
        manifest.begin()
    except OSError as error:
        raise RunError(f"cannot write to '{options.output}': {error.strerror}: '{error.filename}'") from error
    return manifest


def erase_and_note(
    job: Job, pipeline: Pipeline, source: MaskSource, options: RunOptions, manifest: Manifest
) -> Outcome:
    """`erase_photo`, with its start and end in the record. A photo begun by an earlier run is done again."""
    overwrite = options.overwrite or manifest.is_ours(job)
    try:
        if overwrite or not any(file.exists() for file in job.files):
            manifest.started(job)
        outcome = erase_photo(job, pipeline, source, options, overwrite=overwrite)
        manifest.ended(outcome)
    except OSError as error:
        raise RunError(f"cannot write to '{manifest.path}': {error.strerror}") from error
    return outcome


def settings(options: RunOptions, models: dict[str, str]) -> dict[str, Any]:
    """What the pixels of the results depend on, as JSON takes it."""
    names = ["score", "refine", "shadows", "attached", "mask_label", "seed"]
    if options.inpainter not in WITHOUT_WEIGHTS:
        names += ["working_size", "detail", "colour"]
    chosen: dict[str, Any] = {name: getattr(options, name) for name in names}
    chosen["masks"] = None if options.masks is None else str(options.masks.resolve())
    chosen["classes"], chosen["boxes"] = sorted(options.classes), sorted(list(box) for box in options.boxes)
    return chosen | {"models": models}


def erase_photo(
    job: Job, pipeline: Pipeline, source: MaskSource, options: RunOptions, *, overwrite: bool
) -> Outcome:
    """The whole path of one photo, from file to file. What goes wrong with it is in the outcome and not
    raised."""
    import cv2

    from removal.images import read_photo, write_photo
    from removal.pipeline import timed

    seconds: dict[str, float] = {}
    try:
        for file in job.files:
            if file.is_dir() or (file.exists() and not overwrite):
                raise FileExistsError(f"'{file}' exists; --overwrite writes over it")
        with timed(seconds, "read"):
            photo = read_photo(job.source, max_megapixels=options.max_megapixels)
        with timed(seconds, "segment"):
            found = source(photo)
        result = pipeline.erase(photo.pixels, found)
        with timed(seconds, "write"):
            job.target.parent.mkdir(parents=True, exist_ok=True)
            write_photo(photo, result.image, result.mask, job.target, overwrite=overwrite)
            write_extras(job, photo, result)
    except (ValueError, TypeError, OSError, RuntimeError, MemoryError, cv2.error) as error:
        return Outcome(job, "failed", error=describe(job.source, error))
    objects = [
        {"label": label, "score": round(float(score), 4), "box_xyxy": [round(float(edge), 1) for edge in box]}
        for label, score, box in zip(
            result.detections.labels, result.detections.scores, result.detections.boxes, strict=True
        )
    ]
    return Outcome(
        job,
        "done" if result.mask.any() else "unchanged",
        objects=objects,
        mask_share=float(result.mask.mean()),
        parts={name: float(part.mean()) for name, part in result.parts.items()},
        seconds=seconds | {name: value for name, value in result.seconds.items() if name != "segment"},
    )


def write_extras(job: Job, photo: Photo, result: Removal) -> None:
    """The mask and the comparison sheet, where they are asked for."""
    from removal.images import write_mask, write_png
    from removal.sheet import comparison_sheet

    if job.mask is not None:
        write_mask(result.mask, job.mask, overwrite=True)
    if job.sheet is not None:
        sheet = comparison_sheet(photo.pixels, result.parts, result.image)
        write_png(sheet, job.sheet, overwrite=True)


def describe(path: Path, error: Exception) -> str:
    """One line that names the file and the cause."""
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: '{error.filename or path}'"
    else:
        text = " ".join(str(error).split()) or type(error).__name__
    return text if str(path) in text else f"{path}: {text}"
