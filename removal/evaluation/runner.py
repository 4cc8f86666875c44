"""One evaluation: options in, a folder with tables and a report out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from removal.batch.run import nothing
from removal.batch.stages import Finished, overlapped
from removal.batch.threads import default_workers
from removal.errors import PlanError, RunError, describe
from removal.evaluation.case import Combination, combinations
from removal.evaluation.folder import IMAGES_TABLE, REPORT, RESULTS, TABLE, EvaluationFolder, fingerprint
from removal.evaluation.mask_sources import file_sources
from removal.evaluation.plan import BLIND, EvaluationOptions
from removal.evaluation.results import Row, images_csv, results_json, rows_csv, sum_up
from removal.options import DIFFUSION_OPTIONS, ModelOptions

if TYPE_CHECKING:
    from removal.evaluation.case import Combination, EvaluationProtocol
    from removal.evaluation.dataset import EvalPhoto
    from removal.evaluation.mask_sources import EvaluatedSource
    from removal.evaluation.plan import EvaluationOptions
    from removal.evaluation.workshop import Workshop


RUN_SETTINGS = (
    "score", "shadows", "attached", "mask_label", "mask_polarity", "seed", "device", "precision",
    "working_size", "detail", "colour", "weights", "segmenter_weights", "refine_boxes", "max_megapixels",
)  # fmt: skip
SPARE_PHOTOS = 4  # that wait between the stages: with those in work, what a kill loses


@dataclass(frozen=True)
class Evaluation:
    """What came of it.

    folder: where the results are. done: photos worked on now; earlier: by earlier runs. failures: why others
    were left out, by name.
    """

    folder: Path
    done: int
    earlier: int
    failures: dict[str, str]


def evaluate(
    options: EvaluationOptions,
    *,
    say: Callable[[str], None] = nothing,
    planned: Callable[[int], object] = nothing,
    after_each: Callable[[], object] = lambda: None,
) -> Evaluation:
    """Works through all photos and combinations, or what an earlier run left of them, and sums up.

    say: told in one line what `auto` fell back to. planned: told how many photos there are to work on.
    after_each: called after every photo. Raises PlanError for options and inputs that do not fit together,
    RunError where models cannot be had, the folder cannot be written to, or another run is at work in it.
    """
    asked = options.classes
    options = options.with_classes(asked)
    options.check()
    protocol, chosen = build_protocol(options), combinations(options)
    options = protocol.options
    say_what_is_read_wider(asked, options.classes, say)
    files = file_sources(options, say)
    photos, failures = covered(options, protocol, list(files.values()))
    folder = EvaluationFolder(options.out, settings(options), overwrite=options.overwrite)
    to_do = still_to_do(photos, folder, chosen)
    earlier = len(photos) - len(to_do)
    if to_do or not folder.is_summed_up([photo.name for photo in photos], failures):
        try:
            workshop = open_workshop(options, protocol, chosen, files, folder, say)
            planned(len(to_do))
            busy = work_through(to_do, workshop, folder, after_each)
            wrong = failed(photos, folder)
            done = [photo for photo in photos if photo.name not in wrong]
            summarise(options, protocol, chosen, done, failures | wrong, folder, busy)
        except OSError as error:
            raise RunError(f"{error.strerror or error}: '{error.filename or options.out}'") from error
        finally:
            folder.close()
    failures |= failed(photos, folder)
    return Evaluation(options.out, len(to_do), earlier, failures)


def say_what_is_read_wider(asked: Sequence[str], classes: Sequence[str], say: Callable[[str], None]) -> None:
    """Names that mean only some objects of a class, as "woman" of "person", take all of them."""
    from segment.classes import canonical_class, is_narrower

    for name in asked:
        if name not in classes and is_narrower(name):
            meant = canonical_class(name, classes)
            say(f"class {name!r}: this is read as {meant!r}, so that each one is removed")


def build_protocol(options: EvaluationOptions) -> EvaluationProtocol:
    if options.protocol == "coco":
        from removal.evaluation.coco_protocol import CocoProtocol

        return CocoProtocol(options)
    if options.protocol == "holes":
        from removal.evaluation.holes_protocol import HolesProtocol

        return HolesProtocol(options)
    from removal.evaluation.known_background import PairsProtocol

    return PairsProtocol(options)


def covered(
    options: EvaluationOptions, protocol: EvaluationProtocol, sources: Sequence[EvaluatedSource]
) -> tuple[list[EvalPhoto], dict[str, str]]:
    """The photos that every source of masks has something for, and why others are left out of all
    combinations: what is compared is measured on the same photos. PlanError where none is left."""
    photos, failures = [], dict(protocol.problems)
    for photo in protocol.photos:
        reason = next((why for source in sources if (why := source.lacks(photo))), None)
        if reason is None:
            photos.append(photo)
        else:
            failures[photo.name] = reason
    if not photos:
        example = f", such as: {next(iter(failures.values()))}" if failures else ""
        raise PlanError(f"no photo in '{options.images}' can be worked on{example}")
    return photos[: options.limit], failures


def settings(options: EvaluationOptions) -> dict[str, Any]:
    """What the results depend on, as JSON takes it; files by their hash."""
    run = options.run
    paths = {"annotations": options.annotations, "holes": options.holes, "shapes": options.shapes}
    if options.protocol != "coco":
        paths["images"] = options.images
    named = [name for name in options.sources if name not in options.own_sources]
    paths |= {f"mask_source {name}": Path(name) for name in named if Path(name).exists()}
    paths |= {f"blind_weights {number}": Path(file) for number, file in enumerate(sorted(run.blind_weights))}
    weights = {method.label: Path(method.weights) for method in options.methods if method.weights}
    paths |= {f"weights {label}": path for label, path in weights.items() if path.exists()}
    return {
        "protocol": options.protocol,
        "images": str(options.images.resolve()),
        "classes": sorted(options.classes),
        "mask_sources": list(options.mask_sources if options.protocol == "holes" else options.sources),
        "refine": list(options.refinements),
        "inpainters": list(options.inpainters),
        "judge": options.judge if options.protocol == "coco" else None,
        "limit": options.limit,
        "damage": list(options.damage) or None,
        "size": options.size,
        "plain": options.plain or None,  # None: as in folders that knew nothing of it
        "effort": run.effort if run.effort != ModelOptions.effort else None,
        "threshold": run.threshold if BLIND in options.sources else None,
        "contents": {
            name: fingerprint(path, content=name != "images" or options.protocol == "pairs")
            for name, path in paths.items()  # a photo by itself may change: it is done again
            if path is not None
        },
        **{name: getattr(run, name) for name in (*RUN_SETTINGS, *DIFFUSION_OPTIONS)},
    }


def still_to_do(
    photos: Sequence[EvalPhoto], folder: EvaluationFolder, chosen: Sequence[Combination]
) -> list[EvalPhoto]:
    from removal.evaluation.workshop import is_done

    return [photo for photo in photos if not is_done(photo, folder, chosen)]


def open_workshop(
    options: EvaluationOptions,
    protocol: EvaluationProtocol,
    chosen: Sequence[Combination],
    files: Mapping[str, EvaluatedSource],
    folder: EvaluationFolder,
    say: Callable[[str], None],
) -> Workshop:
    """Everything loaded, and the settings written."""
    from removal.evaluation.coco_protocol import CocoProtocol
    from removal.evaluation.environment import facts
    from removal.evaluation.judge import build_judge
    from removal.evaluation.mask_sources import Segmenters, build_sources
    from removal.evaluation.workshop import Workshop, build_finder_of_people, build_inpainters

    segmenters = Segmenters(options.run, say)
    sources = {source.name: source for source in build_sources(options, segmenters, files)}
    inpainters = build_inpainters(options, say)
    bystanders = build_finder_of_people(options.run, sources.values(), inpainters.values())
    models = {f"mask_source {name}": source.description for name, source in sources.items()}
    models |= {f"inpainter {name}": inpainter.description for name, inpainter in inpainters.items()}
    if bystanders is not None:
        models["protect"] = bystanders.description
    if isinstance(protocol, CocoProtocol):
        protocol.sources = sources
        protocol.judge, protocol.judge_problem = build_judge(options.judge, segmenters, options.classes, say)
        models["judge"] = protocol.judge.description if protocol.judge else protocol.judge_problem
    parameters = {name: inpainter.parameters for name, inpainter in inpainters.items()}
    parameters |= {f"mask_source {name}": source.parameters for name, source in sources.items()}
    folder.begin(models, facts() | {"parameters": parameters})
    return Workshop(protocol, chosen, sources, inpainters, folder, options.run, bystanders)


def work_through(
    photos: Sequence[EvalPhoto],
    workshop: Workshop,
    folder: EvaluationFolder,
    after_each: Callable[[], object],
) -> dict[str, float]:
    """Puts the photos through all stages and notes a line for each; seconds of work by stage."""
    busy: dict[str, float] = {}
    with closing(
        overlapped(photos, workshop.stages(), in_flight=default_workers() + SPARE_PHOTOS, busy=busy)
    ) as line:
        for finished in line:
            folder.add(line_of(finished))
            after_each()
    return busy


def line_of(finished: Finished) -> dict[str, Any]:
    """A photo's line of `photos.jsonl`. What went wrong with it is in the line and not raised, except where
    the folder cannot be written to, which would fail for all that follow."""
    if finished.error is None:
        result: dict[str, Any] = finished.item
        return result
    if finished.stage == "write" and isinstance(finished.error, OSError):
        raise finished.error
    photo = getattr(finished.item, "photo", finished.item)
    error = describe(finished.error, photo.path).removeprefix(f"{photo.path}: ")
    return {"photo": photo.name, "outcome": "failed", "stage": finished.stage, "error": error}


def failed(photos: Sequence[EvalPhoto], folder: EvaluationFolder) -> dict[str, str]:
    """Why these photos failed, by name; those that did not are not in it."""
    records = {photo.name: folder.records.get(photo.name, {}) for photo in photos}
    return {name: line["error"] for name, line in records.items() if line.get("outcome") == "failed"}


def summarise(
    options: EvaluationOptions,
    protocol: EvaluationProtocol,
    combinations: Sequence[Combination],
    photos: Sequence[EvalPhoto],
    failures: Mapping[str, str],
    folder: EvaluationFolder,
    busy: Mapping[str, float],
) -> None:
    """Writes results.csv, results_images.csv, report.html and, last, results.json.

    photos: those that are done. failures: why others were left out. busy: seconds of work by stage, of this
    run.
    """
    from removal.evaluation.report import report_html

    records = [folder.records[photo.name] for photo in photos]
    rows = [combination_row(options, protocol, entry, photos, records, folder) for entry in combinations]
    unedited = unedited_row(options, protocol, photos, records)
    about: dict[str, Any] = {
        **folder.config,
        "data": protocol.describe(),
        "stage_seconds_of_last_run": {name: round(value, 2) for name, value in busy.items()},
        "lines_digest": folder.digest([photo.name for photo in photos], failures),
    }
    content = results_json(options.protocol, rows, unedited, failures, about)
    folder.write_text(TABLE, rows_csv(options.protocol, rows))
    folder.write_text(IMAGES_TABLE, images_csv(options.protocol, combinations, records))
    folder.write_text(REPORT, report_html(options.protocol, rows, unedited, content, photos, records, folder))
    folder.write_json(RESULTS, content)


def combination_row(
    options: EvaluationOptions,
    protocol: EvaluationProtocol,
    combination: Combination,
    photos: Sequence[EvalPhoto],
    records: Sequence[Mapping[str, Any]],
    folder: EvaluationFolder,
) -> Row:
    measured = protocol.measure_set(combination, photos, folder)
    figures = [record["figures"][combination.folder] for record in records]
    return sum_up(options.protocol, combination, figures, measured.figures, measured.reasons)


def unedited_row(
    options: EvaluationOptions,
    protocol: EvaluationProtocol,
    photos: Sequence[EvalPhoto],
    records: Sequence[Mapping[str, Any]],
) -> Row | None:
    """What doing nothing comes to; None where that says nothing."""
    measured = protocol.measure_unedited_set(photos)
    figures = [record["unedited"] for record in records]
    if not measured.figures and not any(figures):
        return None
    return sum_up(options.protocol, None, figures, measured.figures, measured.reasons)
