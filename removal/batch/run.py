"""One run of the main job: inputs and options in, an outcome per photo out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from removal.batch.jobs import Job, Outcome, plan_jobs
from removal.batch.record import Manifest
from removal.batch.report import RunReport
from removal.cluster.paths import RemotePath, cached, files_below
from removal.errors import BusyError, PlanError, RunError
from removal.models import build, loading
from removal.options import WITHOUT_WEIGHTS, RunOptions, check_engine, check_names

if TYPE_CHECKING:
    from removal.batch.work import PhotoWork
    from removal.cluster.engine import Cluster


def nothing(what: object) -> None:
    """Does nothing with what it is told."""


def run(
    photos: Sequence[Path],
    options: RunOptions,
    *,
    say: Callable[[str], None] = nothing,
    planned: Callable[[int], object] = nothing,
    tell_models: Callable[[dict[str, str]], object] = nothing,
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
    jobs = planned_jobs(photos, options)
    check_names(options)
    if options.only_masked:
        jobs = masked(jobs, options, say)
    planned(len(jobs))
    possible = [job for job in jobs if job.problem is None]
    manifest = None
    if options.output is not None and possible and all(job.target != options.output for job in possible):
        manifest = record_of(options.output, options)
    report, ending = RunReport(), ExitStack()
    try:
        missing, work = prepare(possible, options, manifest, say=say, tell_models=tell_models, ending=ending)
        with closing(outcomes_of(missing, work, options, manifest, report)) as results:
            for outcome in merged(jobs, missing, results):
                report.counts[outcome.outcome] += 1
                yield outcome
        if manifest is not None and report.seconds:
            manifest.finished(report.record())
    except BusyError as error:
        raise RunError(str(error)) from error
    except OSError as error:
        raise RunError(
            f"cannot write to '{options.output}': {error.strerror}: '{error.filename or options.output}'"
        ) from error
    finally:
        ending.close()
        if manifest is not None:
            manifest.close()
    tell_report(report)


def planned_jobs(photos: Sequence[Path], options: RunOptions) -> list[Job]:
    """The photos and what is written of each; masks in a folder below the photos' are none. PlanError."""
    try:
        jobs = plan_jobs(photos, options.output, lists=options.lists, extras=options.extras)
    except OSError as error:
        raise PlanError(f"cannot read '{error.filename}': {error.strerror}") from error
    if options.masks is None:
        return jobs
    from removal.sources import without_masks

    return without_masks(jobs, photos, options.masks)


def record_of(folder: Path, options: RunOptions) -> Manifest:
    """The record of an output folder, wherever that is; not yet open. Raises RunError."""
    chosen, models = settings(options), asked(options)
    if isinstance(folder, RemotePath):
        from removal.cluster.record import RemoteManifest

        manifest: Manifest = RemoteManifest(folder, chosen, models, overwrite=options.overwrite)
    else:
        manifest = Manifest(folder, chosen, models, overwrite=options.overwrite)
    if isinstance(options.masks, RemotePath):
        try:
            manifest.mask_listing = {str(file): file for file in files_below(options.masks)}
        except OSError as error:
            raise RunError(f"{options.masks}: {error.strerror}") from error
    return manifest


def masked(jobs: Sequence[Job], options: RunOptions, say: Callable[[str], None]) -> list[Job]:
    """The jobs that there is a mask for, and those with a problem; `say` is told how many these are."""
    from removal.sources import from_files
    from segment.handover.mask_error import MaskError

    assert options.masks is not None
    with loading():
        here = cached(options.masks) if isinstance(options.masks, RemotePath) else options.masks
        files = from_files(here, options, nothing).files

    def is_masked(job: Job) -> bool:
        try:
            files.find(job.source)
        except MaskError as error:
            return error.reason != "missing"  # what else is wrong is told when it is read
        return True

    kept = [job for job in jobs if job.problem is not None or is_masked(job)]
    say(f"{len(kept)} of {len(jobs)} photos have a mask in '{options.masks}'; the others are left out")
    return kept


def prepare(
    jobs: Sequence[Job],
    options: RunOptions,
    manifest: Manifest | None,
    *,
    say: Callable[[str], None],
    tell_models: Callable[[dict[str, str]], object],
    ending: ExitStack,
) -> tuple[list[Job], PhotoWork | Cluster | None]:
    """What is still to be done, and who does it: None where that is nothing, for models take long to load.

    ending: given what is to be closed when the run ends.
    """
    missing = list(jobs)
    if manifest is not None and manifest.open(create=False):
        missing = manifest.missing(jobs)
    if not missing and not (manifest is not None and manifest.needs_models()):
        return missing, None
    work: PhotoWork | Cluster
    if options.engine == "ray":
        from removal.cluster.engine import Cluster

        work = ending.enter_context(closing(Cluster(options, say)))
        models = work.models
    else:
        work, models = build_work(options, say)
    tell_models(models)
    if manifest is not None:
        if not manifest.is_open:
            manifest.open(create=True)
            missing = manifest.missing(jobs)
        manifest.begin(models)
        work.note = manifest.ended
    return missing, work


def build_work(options: RunOptions, say: Callable[[str], None]) -> tuple[PhotoWork, dict[str, str]]:
    """Loads the models; also returns what they are in words. Raises RunError."""
    from removal.batch.work import PhotoWork

    pipeline, source, models = build(options, say)
    if options.masks is not None:  # by one name for it, from wherever it is given
        models["masks"] = models["masks"].replace(str(options.masks), str(options.masks.resolve()))
    return PhotoWork(pipeline, source, options), models


def outcomes_of(
    jobs: Sequence[Job],
    work: PhotoWork | Cluster | None,
    options: RunOptions,
    manifest: Manifest | None,
    report: RunReport,
) -> Generator[Outcome, None, None]:
    """The outcome of each job, in their order; nobody is to do them where there are none."""
    if work is not None:
        from removal.batch.engine import work_off

        yield from work_off(jobs, work, options, manifest, report)


def merged(jobs: Sequence[Job], missing: Sequence[Job], results: Iterator[Outcome]) -> Iterator[Outcome]:
    """All outcomes in the order of the jobs: of those that cannot be done, that were done, that are done
    now."""
    to_do = {id(job) for job in missing}
    for job in jobs:
        if job.problem is not None:
            yield Outcome(job, "failed", error=job.problem)
        elif id(job) in to_do:
            yield next(results)
        else:
            yield Outcome(job, "skipped")


def settings(options: RunOptions) -> dict[str, Any]:
    """What the pixels of the results depend on but for the models, as JSON takes it."""
    names = ["score", "refine", "shadows", "attached", "mask_label", "seed"]
    if options.inpainter not in WITHOUT_WEIGHTS:
        names += ["working_size", "detail", "colour"]
    chosen: dict[str, Any] = {name: getattr(options, name) for name in names}
    chosen["masks"] = None if options.masks is None else str(options.masks.resolve())
    chosen["classes"], chosen["boxes"] = sorted(options.classes), sorted(list(box) for box in options.boxes)
    if options.blind:
        chosen["threshold"] = options.threshold
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
    if options.blind_weights:
        chosen["blind_weights"] = sorted(str(content_of(file)) for file in options.blind_weights)
    return chosen


def content_of(weights: str | None) -> str | None:
    """The hash of a file; what names none, as it is."""
    if weights is None or not Path(weights).is_file():
        return weights
    from _removal_support.pretrained import file_sha256

    return file_sha256(Path(weights))
