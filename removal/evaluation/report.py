"""report.html: tables, plots and photos in one file that opens without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from removal.evaluation.columns import COLUMNS, Column
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.options import ANNOTATIONS, CHANGED
from removal.evaluation.plots import Series, dot_plot
from removal.evaluation.report_photos import photo_sections
from removal.evaluation.results import Row
from removal.evaluation.run_folder import RunFolder

ABOUT = {
    "masks before refinement": "The mask as its source gave it, against the true area. Leak: share of the "
    "true area that is not covered. Spill: area covered besides, over the true area.",
    "masks after refinement": "The mask that was filled. It is meant to reach over the object's rim and to "
    "take its shadow along, so spill rises and IoU, boundary F and AP fall where it does its work; "
    "leak is what must fall.",
    "removal": "What a detector, the judge, finds in the results. A judge sees what it was trained to see: "
    "compare with what it found in the photo as it was. One that found little there says nothing. New "
    "in the hole: anything it knows, of any class.",
    "class-wise": "Results as a set against photos that never had the class (Oh et al. 2024): comparing with "
    "the original would reward not removing. Figures of sets of different sizes must not be compared.",
    "in the hole": "Against the clean view, in the area that was filled by this combination. SWD is about "
    "1.2 for a perfect fill, and larger for busy photos: compare fills of the same holes.",
    "whole photo": "Against the clean view, everywhere. The holes are a small share of it.",
    "in what really changed": "Against the clean view, in the area that differs between the two views: the "
    "same for every combination.",
    "in the shadow": "Against the clean view, in the shadow alone, where it is known.",
    "cost": "Seconds are those of this machine while all stages ran side by side.",
}
PLOTTED = {
    "coco": ("after_leak", "after_spill", "seen_area", "mask_share", "fill_seconds"),
    "holes": ("hole_psnr", "hole_ssim", "hole_swd", "hole_lpips", "fill_seconds"),
    "pairs": ("changed_psnr", "changed_swd", "after_leak", "after_spill", "fill_seconds"),
}
MOST_DIGITS = 1e5  # figures from here on are written as powers of ten
DASH = "\N{EN DASH}"
TEMPLATE = "report.html.jinja"
REFERENCES = "photos that never had the class"
MASKS_BEFORE, MASKS_AFTER = "masks before refinement", "masks after refinement"
TRUTH = (ANNOTATIONS, CHANGED)  # sources whose masks are what masks are measured against
SUBJECTS = {
    "coco": "Removing objects from annotated photos",
    "holes": "Filling holes whose content is known",
    "pairs": "Removal against the same view without the object",
}


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, its CSS class ("" = none) and the number of its footnote (0 = none)."""

    text: str
    kind: str = ""
    note: int = 0


@dataclass(frozen=True)
class Table:
    """Combinations down, measures across. lines: name, CSS class and cells of each. notes: below it."""

    title: str
    about: str
    columns: Sequence[Column]
    lines: Sequence[tuple[str, str, Sequence[Cell]]]
    reasons: Sequence[str]
    too_few: str


def report_html(
    protocol: str,
    rows: Sequence[Row],
    unedited: Row | None,
    content: Mapping[str, Any],
    photos: Sequence[EvalPhoto],
    records: Sequence[Mapping[str, Any]],
    folder: RunFolder,
) -> str:
    """The page as text; every picture is inside it.

    Args:
        protocol: "coco", "holes" or "pairs".
        rows: a row per combination.
        unedited: the row of the photos as they were; None where it says nothing.
        content: of results.json.
        photos, records: those that are done and their lines, in one order.
        folder: where the pictures are.

    Returns:
        HTML with every name and reason escaped.
    """
    # plots and photo sections are built, and escaped, by their own modules
    return template().render(
        subject=SUBJECTS[protocol],
        protocol=protocol,
        photo_count=len(photos),
        combination_count=len(rows),
        facts=about_run(content),
        tables=tables(protocol, rows, unedited, content["data"].get(REFERENCES)),
        plots=[Markup(plot) for plot in plots(protocol, rows, records)],
        sections=[Markup(part) for part in photo_sections(protocol, rows, content, photos, records, folder)],
        failures=content["left_out"],
    )


def template() -> Template:
    """The page's template, which escapes all that it is given."""
    environment = Environment(
        loader=PackageLoader("removal.evaluation", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE)


def about_run(content: Mapping[str, Any]) -> dict[str, str]:
    """What was measured, with what."""
    settings = content["settings"]
    facts: dict[str, Any] = {
        "photos from": settings["images"],
        "removed": ", ".join(settings["classes"]) or None,
        **content["data"],
        **{name.replace("_", " "): words for name, words in content["models"].items() if name != "judge"},
        "seed": settings["seed"],
        "code": f"removal {content['version']}, commit {commits(content)}",
        "begun": content["started"],
        "left out": f"{len(content['left_out'])} photos, listed at the end" if content["left_out"] else None,
    }
    return {str(name): str(value) for name, value in facts.items() if value is not None}


def commits(content: Mapping[str, Any]) -> str:
    """Of the code that made the results: more than one where a later version went on with a run."""
    later = [entry["commit"] or "unknown" for entry in content.get("continued_by", [])]
    return ", continued by ".join([content["commit"] or "unknown", *later])


def tables(
    protocol: str, rows: Sequence[Row], unedited: Row | None, references: int | None = None
) -> list[Table]:
    """A table per group of measures. references: photos that never had the class; None = not counted."""
    return [
        table([column for column in COLUMNS[protocol] if column.group == group], rows, unedited, references)
        for group in dict.fromkeys(column.group for column in COLUMNS[protocol])
    ]


def table(
    columns: Sequence[Column], rows: Sequence[Row], unedited: Row | None, references: int | None = None
) -> Table:
    """The table of one group of measures; why a cell is empty stands below."""
    group = columns[0].group
    reasons: list[str] = []
    lines = []
    for row in rows:
        assert row.combination is not None
        cells = [cell(column, row, comparable(column, rows, references), reasons) for column in columns]
        lines.append((row.combination.title, "", cells))
    if unedited is not None and any(column.name in unedited.figures for column in columns):
        lines.append(("nothing removed", "nothing", [cell(column, unedited, [], []) for column in columns]))
    title = group[:1].upper() + group[1:]
    return Table(title, ABOUT.get(group, ""), columns, lines, reasons, too_few(columns, rows, references))


def set_size(rows: Sequence[Row], references: int | None) -> int:
    """Photos on the smaller side of a class-wise measure."""
    sizes = [row.photos for row in rows] + ([] if references is None else [references])
    return min(sizes, default=0)


def comparable(column: Column, rows: Sequence[Row], references: int | None = None) -> list[Row]:
    """The rows that may be ranked by a measure.

    None where there are too few photos for it. A mask that is the truth itself, or that was not refined, is
    no rival: before refinement the first has no leak and no spill by definition, after it neither has the
    second where its source is the truth.
    """
    if column.least_photos and set_size(rows, references) < column.least_photos:
        return []
    measured = [row for row in rows if row.combination is not None and column.name in row.figures]
    if column.group == MASKS_AFTER:
        return [row for row in measured if row.combination is not None and row.combination.refined]
    if column.group == MASKS_BEFORE:
        return [row for row in measured if row.combination and row.combination.source not in TRUTH]
    return measured


def too_few(columns: Sequence[Column], rows: Sequence[Row], references: int | None) -> str:
    """Which measures have too few photos to be ranked; "" where none has."""
    size = set_size(rows, references)
    short: dict[int, list[str]] = {}
    for column in columns:
        if size < column.least_photos and any(column.name in row.figures for row in rows):
            short.setdefault(column.least_photos, []).append(column.title)
    if not short:
        return ""
    wanted = "; ".join(f"{', '.join(titles)}: {least:,}" for least, titles in short.items())
    return (
        f"Too few photos: {size:,} on the smaller side. Differences may be chance, so no best is marked. "
        f"Photos needed on each side: {wanted}."
    )


def cell(column: Column, row: Row, rivals: Sequence[Row], reasons: list[str]) -> Cell:
    """A figure, marked where it is the best of `rivals`; else a dash with the number of its reason."""
    figure = row.figures.get(column.name)
    if figure is None:
        reason = row.reasons.get(column.name, "")
        if row.combination is None or not reason:
            return Cell(DASH, "missing")
        if reason not in reasons:
            reasons.append(reason)
        return Cell(DASH, "missing", reasons.index(reason) + 1)
    others = [other.figures[column.name] for other in rivals if column.name in other.figures]
    best = {"lower": min, "higher": max}.get(column.better)
    is_rival = any(other is row for other in rivals)
    is_best = best is not None and is_rival and len(set(others)) > 1 and figure == best(others)
    is_short = column.digits == 0 or abs(figure) < MOST_DIGITS
    text = f"{figure:.{column.digits}f}" if is_short else f"{figure:.2e}"
    return Cell(text, "best" if is_best else "")


def plots(protocol: str, rows: Sequence[Row], records: Sequence[Mapping[str, Any]]) -> list[str]:
    """A plot per measure of PLOTTED, as SVG."""
    columns = {column.name: column for column in COLUMNS[protocol]}
    drawn = []
    for name in PLOTTED[protocol]:
        series = []
        for row in rows:
            assert row.combination is not None
            figures = [record["figures"][row.combination.folder].get(name) for record in records]
            values = [value for value in figures if value is not None]
            if name in row.figures:
                summary = row.figures[name]
                series.append(Series(row.combination.title, values, summary, f"{len(values)} photos"))
        column = columns[name]
        drawn.append(dot_plot(f"{column.title}, {column.group}", column.better, series))
    return drawn
