"""`remove compare`: inpainters on the same holes, side by side: the figures of the protocol "holes" as one
table, and a sheet of pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from inpaint.training.damage.contract import GREY
from removal.batch.run import nothing
from removal.errors import PlanError, RunError
from removal.evaluation.case import combinations
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.folder import MARKDOWN, RESULTS, SHEET, EvaluationFolder
from removal.evaluation.methods import check_methods
from removal.evaluation.pictures import before_view, clean_view, jpeg
from removal.evaluation.plan import BLIND, EvaluationOptions
from removal.evaluation.results import COLUMNS
from removal.evaluation.runner import Evaluation, evaluate, settings
from removal.images import read_photo
from removal.images.sheet import labelled_grid

SHEET_ROWS = 6
SHEET_QUALITY = 90
TITLES = {
    "hole_l1": "L1",
    "hole_mse": "MSE",
    "hole_psnr": "PSNR, dB",
    "hole_ssim": "SSIM",
    "hole_lpips": "LPIPS",
    "hole_tv": "TV",
    "hole_swd": "SWD",
    "beats_first": "beats the first",
    "whole_l1": "L1, whole",
    "whole_psnr": "PSNR, whole",
    "whole_ssim": "SSIM, whole",
}
"""The figures of the table, by the names of `columns`."""


def compare(
    options: EvaluationOptions,
    *,
    sheet_rows: int = SHEET_ROWS,
    say: Callable[[str], None] = nothing,
    planned: Callable[[int], object] = nothing,
    after_each: Callable[[], object] = lambda: None,
) -> Evaluation:
    """Evaluates the inpainters by the protocol "holes", then writes table.md and sheet.jpg.

    options: of that protocol; the others are held against the first inpainter. sheet_rows: photos on the
    sheet. say, planned, after_each, and what is raised: as `evaluate` has them.
    """
    if bool(options.holes) == bool(options.damage):
        raise PlanError(
            "say what is to be filled: either a folder of hole files or kinds of damage", option="holes"
        )
    check_methods(options.methods)
    evaluation = evaluate(options, say=say, planned=planned, after_each=after_each)
    folder = EvaluationFolder(options.out, settings(options))
    content = json.loads((options.out / RESULTS).read_text(encoding="utf-8"))
    done = sorted(name for name, line in folder.records.items() if line["outcome"] == "done")
    figures = [folder.records[name]["figures"] for name in done]
    entries = combinations(options)
    seconds = [middle([line[entry.folder] for line in figures]) for entry in entries]
    try:
        folder.write_text(MARKDOWN, table(content, [entry.label for entry in entries], seconds))
        if chosen := spread(done, sheet_rows):
            folder.write_bytes(SHEET, jpeg(sheet(options, chosen, folder), quality=SHEET_QUALITY))
    except OSError as error:
        raise RunError(f"{error.strerror or error}: '{error.filename or options.out}'") from error
    return evaluation


def middle(figures: Sequence[Mapping[str, Any]]) -> float | None:
    """Seconds of finding and filling of the photo in the middle: the first one may wait for a compiler."""
    return median(entry["find_seconds"] + entry["fill_seconds"] for entry in figures) if figures else None


def table(content: Mapping[str, Any], labels: Sequence[str], seconds: Sequence[float | None]) -> str:
    """The table in Markdown, and what must be known to read it.

    content: of results.json. labels, seconds: of its rows; seconds of finding and filling a photo.
    """
    rows = content["rows"]
    damaged = content["nothing_removed"]
    shown = [name for name in TITLES if any(name in row["figures"] for row in rows)]
    titles = [title_of(name, rows) for name in shown]
    lines = [
        "| " + " | ".join(["", *titles, "s a photo", "parameters"]) + " |",
        "|---" * (len(shown) + 3) + "|",
    ]
    for row, label, time in zip(rows, labels, seconds, strict=True):
        cells = [cell(name, row, rows) for name in shown]
        cost = ["" if time is None else f"{time:.3g}", f"{row['figures']['parameters']:,}"]
        lines.append("| " + " | ".join([label.replace("|", "\\|"), *cells, *cost]) + " |")
    if damaged is not None:
        cells = [cell(name, damaged, []) for name in shown]
        lines.append("| " + " | ".join(["as damaged", *cells, "", ""]) + " |")
    return "\n".join([*lines, "", *notes(content, shown), ""])


def title_of(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A column's title; that of TV with the true pictures' figure, which is what it should come to."""
    clean = rows[0]["figures"].get(f"{name}_clean")
    return TITLES[name] + (f" (clean {clean:.4f})" if clean is not None else "")


def cell(name: str, row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """A figure, bold where it is the best of `rows`."""
    column = next(entry for entry in COLUMNS["holes"] if entry.name == name)
    figure = row["figures"].get(name)
    if figure is None:
        return ""
    text = f"{figure:.0%}" if name == "beats_first" else f"{figure:.{column.digits}f}"
    figures = [other["figures"][name] for other in rows if name in other["figures"]]
    best = {"lower": min, "higher": max}.get(column.better)
    is_best = best is not None and len(set(figures)) > 1 and figure == best(figures)
    return f"**{text}**" if is_best else text


def notes(content: Mapping[str, Any], shown: Sequence[str]) -> list[str]:
    """What the figures are of, what is not among them, and what ran."""
    first, options = content["rows"][0], content["settings"]
    share = first["figures"].get("mask_share", 0)
    size = f", squares of {options['size']} px" if options.get("size") else ""
    lines = [
        f"Photos: {first['photos']}{size}; filled of each: {share:.1%} ({content['data']['holes']}, seed "
        f"{options['seed']}). Means over photos, in the hole unless a title says whole; seconds: the photo "
        "in the middle, while other stages ran too. Beats the first: the share of photos with more PSNR "
        f"than {first['inpainter']}.",
        "",
    ]
    for name in TITLES:
        if name not in shown and name != "beats_first":
            lines += [f"Without {TITLES[name]}: {first['not_computed'][name]}.", ""]
    if content["left_out"]:
        lines += [f"Left out: {len(content['left_out'])} photos, named in {RESULTS}.", ""]
    models = content["models"].items()
    lines += [f"- {name.removeprefix('inpainter ')}: {what}" for name, what in models if "inpainter" in name]
    lines += [f"- {BLIND}: {what}" for name, what in models if name == f"mask_source {BLIND}"]
    return lines


def spread(names: Sequence[str], count: int) -> list[str]:
    """`count` of the names, or all where there are fewer, evenly spaced."""
    if len(names) <= count:
        return list(names)
    return [names[int(place)] for place in (np.arange(count) + 0.5) * len(names) / count]


def sheet(options: EvaluationOptions, names: Sequence[str], folder: EvaluationFolder) -> np.ndarray:
    """A row a photo, uint8 (h, w, 3): with its hole, filled by each method and its PSNR there, as it was."""
    entries = combinations(options)
    limit = options.run.max_megapixels
    rows = []
    for name in names:
        photo = EvalPhoto(name, options.images / name)
        shown = before_view(photo, folder, limit)
        clean = clean_view(photo, folder, limit)
        if clean is None:
            hole = read_photo(folder.file("masks", entries[0].mask_folder, name)).pixels[..., 0] > 0
            shown, clean = np.where(hole[..., None], np.uint8(GREY), shown), shown
        row = [(shown, photo.path.stem)]
        for entry in entries:
            psnr = folder.records[name]["figures"][entry.folder]["hole_psnr"]
            filled = read_photo(folder.file("results", entry.folder, name)).pixels
            row.append((filled, "" if psnr is None else f"{psnr:.1f} dB"))
        rows.append([*row, (clean, "")])
    return labelled_grid(rows, ["to fill", *(entry.label for entry in entries), "as it was"])
