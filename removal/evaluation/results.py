"""From the photos' lines to tables: results.json, results.csv (a row per combination), results_images.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from removal.evaluation.columns import COLUMNS, Column, photo_columns
from removal.evaluation.combinations import Combination

Record = Mapping[str, Any]
KEYS = ("mask_source", "refine", "inpainter", "photos")
NOT_COMPUTED = "not_computed"
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Row:
    """One combination's figures.

    figures: by the names of `removal.evaluation.columns`; only those that could be measured. counts: how many
    photos a figure was measured on. reasons: why the others could not be, by name.
    """

    combination: Combination | None
    photos: int
    figures: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def keys(self) -> dict[str, Any]:
        """What the row is about: mask_source, refine, inpainter, photos."""
        if self.combination is None:
            return dict(zip(KEYS, ("", "", "nothing removed", self.photos), strict=True))
        refine = "on" if self.combination.refined else "off"
        named = (self.combination.source, refine, self.combination.inpainter, self.photos)
        return dict(zip(KEYS, named, strict=True))


def sum_up(
    protocol: str,
    combination: Combination | None,
    photos: Sequence[Mapping[str, float | None]],
    set_figures: Mapping[str, float | int | None],
    reasons: Mapping[str, str],
) -> Row:
    """A combination's row from its photos' figures and those of the whole set."""
    row = Row(combination, len(photos))
    for column in COLUMNS[protocol]:
        figure, count = figure_of(column, photos, set_figures)
        if figure is None:
            row.reasons[column.name] = reasons.get(column.name, "not defined for any of these photos")
        else:
            row.figures[column.name] = figure
            row.counts[column.name] = count
    return row


def figure_of(
    column: Column,
    photos: Sequence[Mapping[str, float | None]],
    set_figures: Mapping[str, float | int | None],
) -> tuple[float | None, int]:
    """A column's figure and the number of photos it was measured on; None where there is none."""
    if column.how == "set":
        return set_figures.get(column.name), len(photos)
    if column.how == "share":
        part, whole = (total(photos, name) for name in (column.part, column.whole))
        return (part / whole, len(photos)) if part is not None and whole else (None, 0)
    values = [value for photo in photos if (value := photo.get(column.name)) is not None]
    if not values:
        return None, 0
    if column.how == "mean":
        return sum(values) / len(values), len(values)
    return (max(values) if column.how == "greatest" else sum(values)), len(values)


def total(photos: Sequence[Mapping[str, float | None]], name: str) -> float | None:
    values = [value for photo in photos if (value := photo.get(name)) is not None]
    return sum(values) if values else None


def rows_csv(protocol: str, rows: Sequence[Row]) -> str:
    """One line per combination, a column per measure; an empty cell's reason is in the last column."""
    names = [column.name for column in COLUMNS[protocol]]
    lines: list[dict[str, Any]] = []
    for row in rows:
        reasons: dict[str, list[str]] = {}
        for name, reason in row.reasons.items():
            reasons.setdefault(reason, []).append(name)
        why = "; ".join(f"{' '.join(named)}: {reason}" for reason, named in reasons.items())
        lines.append(row.keys() | row.figures | {NOT_COMPUTED: why})
    return to_csv([*KEYS, *names, NOT_COMPUTED], lines)


def images_csv(protocol: str, combinations: Sequence[Combination], records: Sequence[Record]) -> str:
    """One line per photo and combination."""
    names = [column.name for column in photo_columns(protocol)]
    lines = [
        {"photo": record["photo"]} | Row(combination, 1).keys() | record["figures"][combination.folder]
        for combination in combinations
        for record in records
    ]
    return to_csv(["photo", *KEYS[:3], *names], lines)


def as_cell(value: Any) -> Any:
    """A value for a table: text that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value


def to_csv(header: Sequence[str], lines: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: as_cell(value) for name, value in line.items()} for line in lines)
    return text.getvalue()


def results_json(
    protocol: str, rows: Sequence[Row], unedited: Row | None, failures: Mapping[str, str], about: Record
) -> dict[str, Any]:
    """Everything: what was measured, on what, with which weights, seed and commit, and what was left out."""
    named = {
        column.name: {"title": column.title, "group": column.group, "better": column.better}
        for column in COLUMNS[protocol]
    }
    return {
        **about,
        "rows": [row_json(row) for row in rows],
        "nothing_removed": None if unedited is None else row_json(unedited),
        "left_out": dict(failures),
        "measures": named,
    }


def row_json(row: Row) -> dict[str, Any]:
    return row.keys() | {
        "figures": row.figures,
        "photos_measured": row.counts,
        NOT_COMPUTED: row.reasons,
    }
