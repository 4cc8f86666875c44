"""The tables and the report of an evaluation, written from its photos' lines and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from removal.evaluation.folder import IMAGES_TABLE, REPORT, RESULTS, TABLE, EvaluationFolder
from removal.evaluation.results import Row, images_csv, results_json, rows_csv, sum_up

if TYPE_CHECKING:
    from removal.evaluation.case import Combination, EvaluationProtocol
    from removal.evaluation.dataset import EvalPhoto
    from removal.evaluation.plan import EvaluationOptions


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
