"""The photos of a report: chosen ones of each combination, and the same ones by all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from removal.evaluation.columns import COLUMNS
from removal.evaluation.combinations import Combination
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.pictures import (
    RANKED_BY,
    inline_jpeg,
    photo_title,
    ranked,
    ranked_by_all,
    sheet,
    small_pictures,
)
from removal.evaluation.results import Row
from removal.evaluation.run_folder import RunFolder
from removal.images.sheet import PART_COLOURS


def photo_sections(
    protocol: str,
    rows: Sequence[Row],
    content: Mapping[str, Any],
    photos: Sequence[EvalPhoto],
    records: Sequence[Mapping[str, Any]],
    folder: RunFolder,
) -> list[str]:
    """The part of the page that shows photos; every picture is inside it."""
    combinations = [row.combination for row in rows if row.combination is not None]
    return [
        "<h2>Photos</h2>",
        picture_note(protocol, has_clean=protocol == "pairs" or folder.keeps_inputs),
        *pictures(protocol, rows, content, photos, records, folder),
        *strips(protocol, combinations, content, photos, records, folder),
    ]


def picture_note(protocol: str, *, has_clean: bool) -> str:
    column = next(entry for entry in COLUMNS[protocol] if entry.name == RANKED_BY[protocol])
    keys = "".join(
        f'<span style="background:rgb{colour}"></span>{name}' for name, colour in PART_COLOURS.items()
    )
    panels = "before | mask | after" + (" | clean view" if has_clean else "")
    return (
        f'<p class="note">{panels}, ranked by: {escape(column.title)} ({escape(column.group)}). '
        "Where that could not be measured, by how much was filled; photos of which more than half was filled "
        f'are left out here. <span class="key">Mask: {keys}</span></p>'
    )


def pictures(
    protocol: str,
    rows: Sequence[Row],
    content: Mapping[str, Any],
    photos: Sequence[EvalPhoto],
    records: Sequence[Mapping[str, Any]],
    folder: RunFolder,
) -> list[str]:
    parts = []
    for row in rows:
        assert row.combination is not None
        parts.append(f"<h3>{escape(row.combination.title)}</h3>")
        for place, (photo, value) in ranked(protocol, row.combination, photos, records).items():
            parts.append(figure(place, row.combination, photo, value, content, folder))
    return parts


def figure(
    place: str,
    combination: Combination,
    photo: EvalPhoto,
    value: float,
    content: Mapping[str, Any],
    folder: RunFolder,
) -> str:
    row = sheet(combination, photo, folder, content["settings"]["max_megapixels"])
    return panel(escape(f"{place}: {photo_title(photo)}, {value:.3g}"), row)


def strips(
    protocol: str,
    combinations: Sequence[Combination],
    content: Mapping[str, Any],
    photos: Sequence[EvalPhoto],
    records: Sequence[Mapping[str, Any]],
    folder: RunFolder,
) -> list[str]:
    """The same photos by every combination, where there is more than one."""
    chosen = ranked_by_all(protocol, combinations, photos, records)
    if len(combinations) < 2 or not chosen:
        return []
    parts = ["<h3>The same photos by every combination</h3>"]
    for place, photo in chosen.items():
        words = escape(f"{place} on average: {photo_title(photo)}")
        parts.append(f'<p class="note">{words}</p><div class="strip">')
        panels = small_pictures(combinations, photo, folder, content["settings"]["max_megapixels"])
        parts += [panel(escape(title), picture) for title, picture in panels.items()]
        parts.append("</div>")
    return parts


def panel(words: str, picture: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3), with words below it that are HTML already."""
    height, width = picture.shape[:2]
    return (
        f'<figure><img src="{inline_jpeg(picture)}" width="{width}" height="{height}" alt="{words}">'
        f"<figcaption>{words}</figcaption></figure>"
    )
