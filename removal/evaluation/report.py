"""report.html: tables, plots and photos in one file that opens without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from removal.evaluation.columns import COLUMNS, Column
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.plots import Series, dot_plot
from removal.evaluation.report_photos import photo_sections
from removal.evaluation.results import Row
from removal.evaluation.run_folder import RunFolder

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2024; background: #fff; margin: 2rem auto;
  max-width: 1240px; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p, li { max-width: 78ch; } .faint, .note { color: #667078; } .note { font-size: .87rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #e3e6e8; white-space: nowrap; }
thead th { vertical-align: bottom; font-weight: 600; white-space: normal; min-width: 4.2rem; }
th.name, td.name { text-align: left; } thead small { display: block; font-weight: 400; color: #667078; }
td.best { font-weight: 700; background: #eaf4ec; } tr.nothing td { color: #667078; font-style: italic; }
td.missing { color: #99a1a8; } sup { font-size: .7em; }
figure { margin: .8rem 0 1.2rem; } figure img { max-width: 100%; height: auto; display: block; }
.strip { display: flex; flex-wrap: wrap; gap: .6rem; } .strip figure { margin: .2rem 0; }
figcaption { font-size: .87rem; color: #444b52; margin-top: .2rem; }
svg { max-width: 100%; height: auto; display: block; margin: .8rem 0; font: 12px system-ui, sans-serif;
  fill: #1c2024; }
svg .title { font-weight: 600; font-size: 13px; } svg .faint { fill: #667078; font-weight: 400; }
svg .grid { stroke: #e3e6e8; } svg .dot { fill: #3f78b5; fill-opacity: .35; }
svg .mean { stroke: #c2401c; stroke-width: 3; } svg .value { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; font-size: .9rem; }
dt { color: #667078; } dd { margin: 0; overflow-wrap: anywhere; }
.key span { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .3em 0 .9em; }
"""
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
SUBJECTS = {
    "coco": "Removing objects from annotated photos",
    "holes": "Filling holes whose content is known",
    "pairs": "Removal against the same view without the object",
}


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

    content: of results.json. photos, records: those that are done and their lines, in one order.
    """
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{SUBJECTS[protocol]}</title><style>{STYLE}</style></head><body>",
        f"<h1>{SUBJECTS[protocol]}</h1>",
        f'<p class="faint">{len(photos)} photos, {len(rows)} combinations, protocol {protocol}</p>',
        about_run(content),
        "<h2>Tables</h2>",
        '<p class="note">Means over photos, unless a title says otherwise; the best is marked.</p>',
        *tables(protocol, rows, unedited),
        "<h2>Photo by photo</h2>",
        '<p class="note">A dot per photo, a bar at the combination\'s figure.</p>',
        *plots(protocol, rows, records),
        *photo_sections(protocol, rows, content, photos, records, folder),
        left_out(content["left_out"]),
        "</body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def about_run(content: Mapping[str, Any]) -> str:
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
    lines = [
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>"
        for name, value in facts.items()
        if value is not None
    ]
    return "<dl>" + "".join(lines) + "</dl>"


def commits(content: Mapping[str, Any]) -> str:
    """Of the code that made the results: more than one where a later version went on with a run."""
    later = [entry["commit"] or "unknown" for entry in content.get("continued_by", [])]
    return ", continued by ".join([content["commit"] or "unknown", *later])


def tables(protocol: str, rows: Sequence[Row], unedited: Row | None) -> list[str]:
    """A table per group of measures."""
    parts = []
    for group in dict.fromkeys(column.group for column in COLUMNS[protocol]):
        columns = [column for column in COLUMNS[protocol] if column.group == group]
        parts.append(f"<h3>{escape(group[:1].upper() + group[1:])}</h3>")
        if group in ABOUT:
            parts.append(f'<p class="note">{escape(ABOUT[group])}</p>')
        parts.append(table(columns, rows, unedited))
    return parts


def table(columns: Sequence[Column], rows: Sequence[Row], unedited: Row | None) -> str:
    """Combinations down, measures across; why a cell is empty stands below."""
    notes: list[str] = []
    head = "".join(f"<th>{escape(column.title)}<small>{arrow(column)}</small></th>" for column in columns)
    lines = [f'<thead><tr><th class="name">combination</th>{head}</tr></thead><tbody>']
    for row in rows:
        assert row.combination is not None
        cells = "".join(cell(column, row, rows, notes) for column in columns)
        lines.append(f'<tr><td class="name">{escape(row.combination.title)}</td>{cells}</tr>')
    if unedited is not None and any(column.name in unedited.figures for column in columns):
        cells = "".join(cell(column, unedited, [], []) for column in columns)
        lines.append(f'<tr class="nothing"><td class="name">nothing removed</td>{cells}</tr>')
    footnotes = "".join(
        f'<p class="note"><sup>{number}</sup> not computed: {escape(note)}</p>'
        for number, note in enumerate(notes, 1)
    )
    return f'<div class="scroll"><table>{"".join(lines)}</tbody></table></div>{footnotes}'


def arrow(column: Column) -> str:
    return {"lower": "lower is better", "higher": "higher is better", "": ""}[column.better]


def cell(column: Column, row: Row, rows: Sequence[Row], notes: list[str]) -> str:
    """A figure, marked where it is the best of `rows`; else a dash with the number of its reason."""
    figure = row.figures.get(column.name)
    if figure is None:
        reason = row.reasons.get(column.name, "")
        if row.combination is None or not reason:
            return '<td class="missing">&ndash;</td>'
        if reason not in notes:
            notes.append(reason)
        return f'<td class="missing">&ndash;<sup>{notes.index(reason) + 1}</sup></td>'
    others = [other.figures[column.name] for other in rows if column.name in other.figures]
    best = {"lower": min, "higher": max}.get(column.better)
    is_best = best is not None and len(set(others)) > 1 and figure == best(others)
    mark = ' class="best"' if is_best else ""
    is_short = column.digits == 0 or abs(figure) < MOST_DIGITS
    text = f"{figure:.{column.digits}f}" if is_short else f"{figure:.2e}"
    return f"<td{mark}>{text}</td>"


def plots(protocol: str, rows: Sequence[Row], records: Sequence[Mapping[str, Any]]) -> list[str]:
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


def left_out(failures: Mapping[str, str]) -> str:
    if not failures:
        return ""
    lines = "".join(f"<li>{escape(name)}: {escape(reason)}</li>" for name, reason in failures.items())
    return f"<h2>Left out</h2><p>{len(failures)} photos are in no figure:</p><ul>{lines}</ul>"
