"""One run of the main job: inputs and options in, an outcome per photo out."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from removal.batch.jobs import Job, Outcome, plan_jobs
from removal.batch.record import Manifest, Record
from removal.batch.report import RunReport
from removal.cluster.paths import is_remote, listing_of, local_copy
from removal.errors import PlanError, RunError
from removal.images.kinds import count_passed_over, passed_over
from removal.models import loading
from removal.options import (
    DIFFUSION_OPTIONS,
    ModelOptions,
    RunOptions,
    check_engine,
    check_names,
    check_one_photo,
)

if TYPE_CHECKING:
    from removal.batch.engine import Engine

NAMED_GONE = 5  # results


def nothing(what: object) -> None:
    """Does nothing with what it is told."""


def run(
    photos: Sequence[Path],
    options: RunOptions,
    *,
    say: Callable[[str], None] = nothing,
    planned: Callable[[int], object] = nothing,
    tell_models: Callable[[Mapping[str, str]], object] = nothing,
    tell_report: Callable[[RunReport], object] = nothing,
) -> Iterator[Outcome]:
    """Works through the photos, one outcome each, in their order; one that fails does not stop the others.

    say: told in one line what `auto` fell back to. planned: told the number of photos, before the first.
    tell_models: given what runs ("masks", "inpainter") in words, where something is to be done. tell_report:
    given how the run went, after the last photo.
    Raises PlanError for inputs that do not fit together and RunError where models or masks cannot be had,
    both before any photo is worked on; RunError too where the output folder's record cannot be written.
    """
    options.check()
    check_engine(options, photos)
    check_one_photo(options, options.lists, photos)
    passed: list[Path] = []
    with reading_lists():
        jobs = plan_jobs(
            photos,
            options.output,
            lists=options.lists,
            extras=options.extras,
            on_passed_over=passed.append,
        )
    report = RunReport(passed_over=count_passed_over(passed))
    if passed:
        say(passed_over(report.passed_over))
    check_names(options)
    if options.masks is not None:
        jobs = fitting(jobs, photos, options, say)
    planned(len(jobs))
    possible = [job for job in jobs if job.problem is None]
    record = record_of(possible, options)
    with writing_to(options.output), closing(record), ExitStack() as ending:
        missing = possible
        if record.open(create=False):
            missing = [job for job in possible if not record.is_done(job)]
        results: Iterator[Outcome] = iter(())
        if missing or record.needs_models():  # models take long to load
            engine = ending.enter_context(closing(start_engine(options, say)))
            tell_models(engine.models)
            if record.open(create=True):  # another run may have made it meanwhile
                missing = [job for job in possible if not record.is_done(job)]
            record.begin(engine.models)
            results = ending.enter_context(closing(engine.outcomes(missing, record, report)))
        to_do = {id(job) for job in missing}
        written: list[tuple[Job, str]] = []
        for job in jobs:
            if job.problem is not None:
                outcome = Outcome(job, "failed", error=job.problem)
            else:
                outcome = next(results) if id(job) in to_do else Outcome(job, "skipped")
            report.counts[outcome.outcome] += 1
            if outcome.error is None:
                written.append((job, outcome.outcome))
            yield outcome
        lost = disappeared(written)
        for _, was in lost:
            report.counts += Counter({was: -1, "failed": 1})
        if report.seconds:
            record.finished(report.record())
    tell_report(report)
    if lost:
        raise gone([job for job, _ in lost], options.output)


def disappeared(written: Sequence[tuple[Job, str]]) -> list[tuple[Job, str]]:
    """Those whose results are no longer there; stores elsewhere are not asked."""
    return [
        (job, outcome)
        for job, outcome in written
        if not is_remote(job.target) and not os.path.lexists(job.target)
    ]


def gone(jobs: Sequence[Job], output: Path | None) -> RunError:
    """The error that results disappeared during the run, which names some of them."""
    named = ", ".join(f"'{job.target}'" for job in jobs[:NAMED_GONE])
    more = f" and {len(jobs) - NAMED_GONE} more" if len(jobs) > NAMED_GONE else ""
    return RunError(
        f"the results of {len(jobs)} photos disappeared during the run, {named}{more}: something else "
        "removes files there; run the same command again to have them made",
        option=None if output is None else "output",
    )


@contextmanager
def reading_lists() -> Iterator[None]:
    """Turns an OSError where photos are listed into a PlanError."""
    try:
        yield
    except OSError as error:
        raise PlanError(f"cannot read '{error.filename}': {error.strerror}", option="lists") from error


@contextmanager
def writing_to(output: Path | None) -> Iterator[None]:
    """Turns an OSError of the output folder or its record into a RunError."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"cannot write to '{output}': {error.strerror}: '{error.filename or output}'"
        ) from error


def start_engine(options: RunOptions, say: Callable[[str], None]) -> Engine:
    """The engine of the options, its models loaded. Raises RunError."""
    if options.engine == "local":
        from removal.batch.engine import LocalEngine
        from removal.batch.work import build_work

        return LocalEngine(*build_work(options, say), options)
    from removal.cluster.engine import RayEngine

    return RayEngine(options, say)


def record_of(jobs: Sequence[Job], options: RunOptions) -> Record:
    """The record of the output folder, wherever that is; not yet open. One that notes nothing where there is
    no folder. Raises RunError."""
    folder = options.output
    if folder is None or not jobs or any(job.target == folder for job in jobs):
        return Record()
    chosen, models = settings(options), asked(options)
    if is_remote(folder):
        from removal.cluster.record import RemoteManifest

        manifest: Manifest = RemoteManifest(folder, chosen, models, overwrite=options.overwrite)
    else:
        manifest = Manifest(folder, chosen, models, overwrite=options.overwrite)
    try:
        manifest.mask_listing = listing_of(options.masks)
    except OSError as error:
        raise RunError(f"{options.masks}: {error.strerror}") from error
    return manifest


def fitting(
    jobs: Sequence[Job], photos: Sequence[Path], options: RunOptions, say: Callable[[str], None]
) -> list[Job]:
    """The jobs but for masks that lie below the photos' folders, and where it was asked for those without a
    mask; `say` is told how many these are."""
    from removal.sources import from_files, without_masks
    from segment.handover.mask_error import MaskError

    assert options.masks is not None
    jobs = without_masks(jobs, photos, options.masks)
    if not options.only_masked:
        return jobs
    with loading():
        files = from_files(local_copy(options.masks), options, nothing).files

    def is_masked(job: Job) -> bool:
        try:
            files.find(job.source)
        except MaskError as error:
            return error.reason != "missing"  # what else is wrong is told when it is read
        return True

    kept = [job for job in jobs if job.problem is not None or is_masked(job)]
    say(f"{len(kept)} of {len(jobs)} photos have a mask in '{options.masks}'; the others are left out")
    return kept


def settings(options: RunOptions) -> dict[str, Any]:
    """What the pixels of the results depend on but for the models, as JSON takes it."""
    from inpaint.registry import is_network, takes_prompt

    names = ["score", "refine", "shadows", "attached", "mask_label", "seed"]
    if is_network(options.inpainter):
        names += ["working_size", "detail", "colour"]
    if takes_prompt(options.inpainter):
        names += DIFFUSION_OPTIONS
    chosen: dict[str, Any] = {name: getattr(options, name) for name in names}
    if isinstance(options.mask_label, tuple):
        chosen["mask_label"] = list(options.mask_label)  # as JSON gives it back
    chosen["masks"] = None if options.masks is None else str(options.masks.resolve())
    chosen["classes"], chosen["boxes"] = sorted(options.classes), sorted(list(box) for box in options.boxes)
    if options.has_detector and not options.protect:  # else the models say whom they protect
        chosen["protect"] = False
    if options.blind:
        chosen["threshold"] = options.threshold
    if options.points:  # left out where there are none, as in the records of earlier versions
        chosen["points"] = [list(point) for point in options.points]
        chosen["not_points"] = [list(point) for point in options.not_points]
    return chosen


def asked(options: RunOptions) -> Mapping[str, Any]:
    """By which names the models are asked for, as JSON takes it; files of weights by their content."""
    names = (
        "segmenter",
        "segmenter_weights",
        "inpainter",
        "weights",
        "device",
        "precision",
        "mask_polarity",
    )
    chosen = {name: getattr(options, name) for name in names}
    for name in ("segmenter_weights", "weights"):
        chosen[name] = content_of(chosen[name])
    if not (options.has_detector or options.protect):
        chosen["protect"] = False
    if options.refine_boxes is not None:
        chosen["refine_boxes"] = options.refine_boxes
    if options.effort != ModelOptions.effort:  # else as in folders that knew nothing of it
        chosen["effort"] = options.effort
    if options.points or options.prompter != "auto":
        chosen["prompter"], chosen["prompter_weights"] = options.prompter, options.prompter_weights
    if options.blind_weights:
        chosen["blind_weights"] = sorted(str(content_of(file)) for file in options.blind_weights)
    return chosen


def content_of(weights: str | None) -> str | None:
    """The hash of a file, or of all files in a folder and their names; what names neither, as it is."""
    if weights is None or not (path := Path(weights)).exists():
        return weights
    from _removal_support.pretrained import file_sha256

    if path.is_file():
        return file_sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = "\n".join(f"{file.relative_to(path).as_posix()} {file_sha256(file)}" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()
