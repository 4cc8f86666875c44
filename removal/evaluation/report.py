"""report.html: tables, plots and photos in one file that opens without a network."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.folder import EvaluationFolder
from removal.evaluation.pictures import photo_sections
from removal.evaluation.plan import ANNOTATIONS, CHANGED
from removal.evaluation.results import COLUMNS, Column, Row

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
    folder: EvaluationFolder,
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


WIDTH_PX, LEFT_PX, RIGHT_PX = 420, 20, 62  # a plot fits a phone; names stand above their dots
LINE_PX, LABEL_PX, TOP_PX, BOTTOM_PX = 46, 16, 42, 28
LABEL_LETTERS = 60
DOTS = 400  # of more photos an even choice is drawn


@dataclass(frozen=True)
class Series:
    """One line of a plot: its name, each photo's figure, and the figure of them together."""

    label: str
    values: Sequence[float]
    summary: float
    note: str


def dot_plot(title: str, better: str, series: Sequence[Series]) -> str:
    """An <svg> element; empty text where there is nothing to draw.

    Every line has the photos as dots (shifted up and down so that equal ones can be seen) and a bar at
    `summary`. The axis takes in every dot that is drawn.
    """
    series = [entry for entry in series if entry.values]
    if not series:
        return ""
    low, high = axis([value for entry in series for value in (*entry.values, entry.summary)])
    height = TOP_PX + LINE_PX * len(series) + BOTTOM_PX
    direction = {"lower": "lower is better", "higher": "higher is better"}.get(better, "")
    parts = [
        f'<svg viewBox="0 0 {WIDTH_PX} {height}" width="{WIDTH_PX}" height="{height}" role="img" '
        f'aria-label="{escape(", ".join(filter(None, (title, direction))))}">',
        f'<text x="0" y="16" class="title">{escape(title)}</text>',
        f'<text x="0" y="32" class="faint">{direction}</text>',
        *grid(low, high, height),
    ]
    for number, entry in enumerate(series):
        parts += line(entry, TOP_PX + LINE_PX * number, low, high)
    return "\n".join([*parts, "</svg>"])


def axis(values: Sequence[float]) -> tuple[float, float]:
    """Where the axis begins and ends: at 0 where figures are never negative and not all far from it."""
    low, high = min(values), max(values)
    if 0 <= low < 0.5 * high or low == high == 0:
        low = 0.0
    room = 0.04 * (high - low) or max(abs(high), 1.0) * 0.1
    return (low if low == 0 else low - room), high + room


def place(value: float, low: float, high: float) -> float:
    return LEFT_PX + (value - low) / (high - low) * (WIDTH_PX - LEFT_PX - RIGHT_PX)


def grid(low: float, high: float, height: int) -> list[str]:
    parts = []
    for value in ticks(low, high):
        x = place(value, low, high)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP_PX}" y2="{height - BOTTOM_PX}" class="grid"/>'
        )
        text = number_text(value)
        parts.append(f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle" class="faint">{text}</text>')
    return parts


def ticks(low: float, high: float) -> list[float]:
    """Three to seven round values between low and high, 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [step * number for number in range(first, math.floor(high / step + 1e-9) + 1)]


def line(entry: Series, top: int, low: float, high: float) -> list[str]:
    middle = top + (LABEL_PX + LINE_PX) / 2
    label = entry.label if len(entry.label) <= LABEL_LETTERS else entry.label[: LABEL_LETTERS - 1] + "…"
    parts = [
        f'<text x="0" y="{top + LABEL_PX - 3}">{escape(label)}<title>{escape(entry.label)}</title></text>'
    ]
    step = max(1, -(-len(entry.values) // DOTS))
    for number, value in enumerate(entry.values[::step]):
        shift = (zlib.crc32(f"{number}".encode()) % 1000 / 1000 - 0.5) * (LINE_PX - LABEL_PX - 10)
        parts.append(
            f'<circle cx="{place(value, low, high):.1f}" cy="{middle + shift:.1f}" r="2" class="dot"/>'
        )
    x = place(entry.summary, low, high)
    parts.append(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + LABEL_PX + 2}" y2="{top + LINE_PX - 2}" class="mean">'
        f"<title>{escape(entry.note)}</title></line>"
    )
    right, text = WIDTH_PX - RIGHT_PX + 8, number_text(entry.summary)
    return [*parts, f'<text x="{right}" y="{middle + 4:.0f}" class="value">{text}</text>']


def number_text(value: float) -> str:
    if value == 0 or abs(value) >= 1e-3:
        return f"{value:.4g}"
    return f"{value:.0e}"
