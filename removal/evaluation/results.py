"""The measures by name, and from the photos' lines to tables: results.json, results.csv (a row per
combination), results_images.csv.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from removal.evaluation.case import Combination

Better = Literal["lower", "higher", ""]
Sum = Literal["mean", "total", "greatest", "set", "share"]


@dataclass(frozen=True)
class Column:
    """One measure.

    name: as in results.csv. title: as in the report. group: the table it stands in. better: which way; "" =
    neither. how: what becomes of the photos' figures: their mean, total or greatest; "share" = the total of
    `part` over the total of `whole`; "set" = measured on all photos together. digits: after the point.
    least_photos: on each side of a comparison of sets, from which on combinations may be ranked by it.
    """

    name: str
    title: str
    group: str
    better: Better = ""
    how: Sum = "mean"
    digits: int = 3
    part: str = ""
    whole: str = ""
    least_photos: int = 0


REGIONS = {
    "hole": "in the hole",
    "whole": "whole photo",
    "changed": "in what really changed",
    "shadow": "in the shadow",
}
FIDELITY: tuple[tuple[str, str, Better, int], ...] = (
    ("l1", "L1", "lower", 4),
    ("mse", "MSE", "lower", 5),
    ("psnr", "PSNR, dB", "higher", 2),
    ("ssim", "SSIM", "higher", 4),
    ("lpips", "LPIPS", "lower", 4),
    ("tv", "TV", "", 4),
    ("tv_clean", "TV of the clean view", "", 4),
    ("swd", "SWD", "lower", 2),
)
OVERLAP: tuple[tuple[str, str, Better], ...] = (
    ("iou", "union IoU", "higher"),
    ("boundary_f", "boundary F", "higher"),
    ("leak", "leak", "lower"),
    ("spill", "spill", "lower"),
)
AP = (("ap", "AP"), ("ap50", "AP50"), ("ap75", "AP75"))
TIMES = (("before", "before refinement"), ("after", "after refinement"))


def direction(when: str, better: Better) -> Better:
    """A mask that was mended is to reach over the object's rim: likeness to the object is no aim there."""
    return "" if when == "after" and better == "higher" else better


MASKS = tuple(
    [Column(f"{when}_{name}", title, f"masks {words}", direction(when, better))
     for when, words in TIMES for name, title, better in OVERLAP]
    + [Column(f"{when}_{name}", title, f"masks {words}", direction(when, "higher"), "set")
       for when, words in TIMES for name, title in AP]
)  # fmt: skip
REMOVAL = (
    Column("instances", "objects to remove", "removal", "", "total", 0),
    Column("found_before", "found in the photo as it was", "removal", "", "total", 0),
    Column("still_found", "still found", "removal", "lower", "total", 0),
    Column("found_before_share", "share found in the photo as it was", "removal", "", "share", 3,
           "found_before", "instances"),
    Column("still_found_share", "share still found", "removal", "lower", "share", 3,
           "still_found", "instances"),
    Column("seen_area_before", "annotated area the judge marks in the photo as it was", "removal"),
    Column("seen_area", "annotated area the judge still marks", "removal", "lower"),
    Column("new_in_hole", "new detections inside the hole", "removal", "lower", "total", 0),
    Column("change_outside", "greatest change outside the mask, grey levels", "removal", "lower",
           "greatest", 0),
)  # fmt: skip
INCEPTION_PHOTOS = 10_000
"""For FID* and U-IDS*: 2,048 features want 10,000 images (Bińkowski et al. 2018); up to 2,047 or so on both
sides together, a linear SVM parts any two sets."""
KERNEL_PHOTOS = 1_000
"""For KID*, which has no bias but a spread: the size of the subsets that it is published with."""
PATCH_PHOTOS = 480
"""For the patch measures: ten photos for each of their 48 features."""
CLASS_WISE = (
    Column("fid_star", "FID*", "class-wise", "lower", "set", 2, least_photos=INCEPTION_PHOTOS),
    Column("kid_star", "KID*", "class-wise", "lower", "set", 4, least_photos=KERNEL_PHOTOS),
    Column("u_ids_star", "U-IDS*", "class-wise", "higher", "set", least_photos=INCEPTION_PHOTOS),
    Column(
        "u_ids_star_held_out",
        "U-IDS*, held out",
        "class-wise",
        "higher",
        "set",
        least_photos=INCEPTION_PHOTOS,
    ),
    Column("patch_frechet", "patch Fréchet", "class-wise", "lower", "set", 2, least_photos=PATCH_PHOTOS),
    Column("patch_kernel", "patch kernel", "class-wise", "lower", "set", least_photos=PATCH_PHOTOS),
    Column("patch_u_ids", "patch U-IDS", "class-wise", "higher", "set", least_photos=PATCH_PHOTOS),
    Column(
        "patch_u_ids_held_out",
        "patch U-IDS, held out",
        "class-wise",
        "higher",
        "set",
        least_photos=PATCH_PHOTOS,
    ),
)
COST = (
    Column("mask_share", "share of the photo filled", "cost"),
    Column("find_seconds", "finding, s a photo", "cost", "lower"),
    Column("refine_seconds", "mending, s a photo", "cost", "lower"),
    Column("fill_seconds", "filling, s a photo", "cost", "lower"),
)


def fidelity_columns(region: str) -> tuple[Column, ...]:
    """The measures against a clean view, of one of REGIONS."""
    return tuple(
        Column(f"{region}_{name}", title, REGIONS[region], better, digits=digits)
        for name, title, better, digits in FIDELITY
    )


COLUMNS: dict[str, tuple[Column, ...]] = {
    "coco": (*MASKS, *REMOVAL, *CLASS_WISE, *COST),
    "holes": (
        *fidelity_columns("hole"),
        Column(
            "beats_first",
            "share of photos with more PSNR than the first row",
            REGIONS["hole"],
            "higher",
            "set",
            2,
        ),
        *fidelity_columns("whole"),
        Column("change_outside", REMOVAL[-1].title, "outside the hole", "lower", "greatest", 0),
        *COST,
        Column("parameters", "parameters", "cost", "", "set", 0),
    ),
    "pairs": (
        *[column for column in MASKS if column.how != "set"],
        *[column for region in REGIONS for column in fidelity_columns(region)],
        Column("change_outside", REMOVAL[-1].title, "outside the mask", "lower", "greatest", 0),
        *COST,
    ),
}
"""The measures of each protocol, in the order of the tables."""


def photo_columns(protocol: str) -> list[Column]:
    """Those that each photo has by itself."""
    return [column for column in COLUMNS[protocol] if column.how not in ("set", "share")]


Record = Mapping[str, Any]
KEYS = ("mask_source", "refine", "inpainter", "photos")
NOT_COMPUTED = "not_computed"
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Row:
    """One combination's figures.

    figures: by the names of `removal.evaluation.results`; only those that could be measured. counts: how many
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
