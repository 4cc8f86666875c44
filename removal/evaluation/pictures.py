"""The photos of a report: the best, middle and worst of each combination, before | mask | after, as HTML."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from removal.evaluation.case import Combination
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.folder import CLEAN, SHOWN, EvaluationFolder
from removal.evaluation.results import COLUMNS, Row
from removal.evaluation.workshop import PART_CHANNELS
from removal.images import read_photo
from removal.images.sheet import GAP_PX, PART_COLOURS, comparison_sheet


def photo_sections(
    protocol: str,
    rows: Sequence[Row],
    content: Mapping[str, Any],
    photos: Sequence[EvalPhoto],
    records: Sequence[Mapping[str, Any]],
    folder: EvaluationFolder,
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
    folder: EvaluationFolder,
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
    folder: EvaluationFolder,
) -> str:
    row = sheet(combination, photo, folder, content["settings"]["max_megapixels"])
    return panel(escape(f"{place}: {photo_title(photo)}, {value:.3g}"), row)


def strips(
    protocol: str,
    combinations: Sequence[Combination],
    content: Mapping[str, Any],
    photos: Sequence[EvalPhoto],
    records: Sequence[Mapping[str, Any]],
    folder: EvaluationFolder,
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


PANEL_HEIGHT_PX, PANEL_WIDTH_PX = 260, 380
JPEG_QUALITY = 82
RANKED_BY = {"coco": "seen_area", "holes": "hole_swd", "pairs": "changed_l1"}
"""What makes a photo good or bad: lower is better in each."""
TIES = {"coco": "seen_area_before", "holes": "mask_share", "pairs": "mask_share"}
"""Of photos that are equal in that, one with more of this is better: it was harder."""
MOST_FILLED = 0.5  # of a photo's area: where more is gone, nothing can be judged by eye
PLACES = ("best", "middle", "worst")


def ranked(
    protocol: str, combination: Combination, photos: Sequence[EvalPhoto], records: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[EvalPhoto, float]]:
    """The best, middle and worst photo of a combination, each with the figure it is ranked by.

    Only photos where something was filled count, but at most half, and each is taken once.
    """
    order = []
    for photo, record in zip(photos, records, strict=True):
        figures = record["figures"][combination.folder]
        if 0 < (figures.get("mask_share") or 0) <= MOST_FILLED:
            order.append((badness(protocol, figures), photo))
    order.sort(key=lambda pair: (pair[0], pair[1].name))
    return {place: (photo, value) for place, ((value, _), photo) in best_middle_worst(order).items()}


def ranked_by_all(
    protocol: str,
    combinations: Sequence[Combination],
    photos: Sequence[EvalPhoto],
    records: Sequence[Mapping[str, Any]],
) -> dict[str, EvalPhoto]:
    """The best, middle and worst photo by the mean over all combinations."""
    order = []
    for photo, record in zip(photos, records, strict=True):
        entries = [record["figures"][combination.folder] for combination in combinations]
        if 0 < max(entry.get("mask_share") or 0 for entry in entries) <= MOST_FILLED:
            means = np.mean([badness(protocol, entry) for entry in entries], axis=0).tolist()
            order.append(((means[0], means[1]), photo))
    order.sort(key=lambda pair: (pair[0], pair[1].name))
    return {place: photo for place, (_, photo) in best_middle_worst(order).items()}


def badness(protocol: str, figures: Mapping[str, Any]) -> tuple[float, float]:
    """What a photo is ranked by, and what decides between equal ones; lower is better."""
    value = figures.get(RANKED_BY[protocol])
    filled = figures.get("mask_share") or 0.0
    return (filled if value is None else value), -(figures.get(TIES[protocol]) or 0.0)


def best_middle_worst(
    order: Sequence[tuple[tuple[float, float], EvalPhoto]],
) -> dict[str, tuple[tuple[float, float], EvalPhoto]]:
    """Of photos in their order, each once: where there are few, not all places are taken."""
    taken: dict[str, tuple[tuple[float, float], EvalPhoto]] = {}
    if order:
        for name, place in zip(PLACES, (0, len(order) // 2, len(order) - 1), strict=True):
            if order[place] not in taken.values():
                taken[name] = order[place]
    return taken


def sheet(
    combination: Combination, photo: EvalPhoto, folder: EvaluationFolder, max_megapixels: float
) -> np.ndarray:
    """before | mask | after, and the clean view where there is one, small: uint8 (h, w, 3)."""
    import cv2

    before = before_view(photo, folder, max_megapixels)
    after = read_photo(folder.file("results", combination.folder, photo.name)).pixels
    kept = read_photo(folder.file("masks", combination.mask_folder, photo.name)).pixels
    clean = clean_view(photo, folder, max_megapixels)
    pictures = [shrunk(picture) for picture in (before, after, clean) if picture is not None]
    height, width = pictures[0].shape[:2]
    parts = cv2.resize(kept, (width, height), interpolation=cv2.INTER_AREA) > 127
    masks = {name: np.ascontiguousarray(parts[..., channel]) for channel, name in enumerate(PART_CHANNELS)}
    row = comparison_sheet(pictures[0], masks, pictures[1])
    for more in pictures[2:]:
        row = np.hstack([row, np.full((height, GAP_PX, 3), 255, np.uint8), more])
    return row


def small_pictures(
    combinations: Sequence[Combination], photo: EvalPhoto, folder: EvaluationFolder, max_megapixels: float
) -> dict[str, np.ndarray]:
    """A photo before, after each combination, and its clean view where there is one, by title; small."""
    panels = {"before": before_view(photo, folder, max_megapixels)}
    for combination in combinations:
        path = folder.file("results", combination.folder, photo.name)
        panels[combination.title] = read_photo(path).pixels
    if (clean := clean_view(photo, folder, max_megapixels)) is not None:
        panels["clean view"] = clean
    return {words: shrunk(picture) for words, picture in panels.items()}


def before_view(photo: EvalPhoto, folder: EvaluationFolder, max_megapixels: float) -> np.ndarray:
    """What was worked on, uint8 (H, W, 3); the photo itself where only a hole was made in it."""
    path = folder.file("inputs", SHOWN, photo.name) if folder.keeps_inputs else photo.path
    return read_photo(path, max_megapixels=max_megapixels).pixels


def clean_view(photo: EvalPhoto, folder: EvaluationFolder, max_megapixels: float) -> np.ndarray | None:
    """The view without the object, of a pair, or without the damage; else None."""
    if folder.keeps_inputs:
        return read_photo(folder.file("inputs", CLEAN, photo.name)).pixels
    path = photo.path.with_name("clean.png")
    if photo.image_id is not None or photo.path.name != "photo.png" or not path.is_file():
        return None
    return read_photo(path, max_megapixels=max_megapixels).pixels


def shrunk(picture: np.ndarray) -> np.ndarray:
    """To the size of a panel, where it is larger."""
    import cv2

    height, width = picture.shape[:2]
    scale = min(1.0, PANEL_HEIGHT_PX / height, PANEL_WIDTH_PX / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def inline_jpeg(picture: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3) RGB, as a `data:` address."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(picture, quality=JPEG_QUALITY)).decode()


def jpeg(picture: np.ndarray, *, quality: int) -> bytes:
    """A picture, uint8 (H, W, 3) RGB, as the bytes of a JPEG file; quality: 1 to 100."""
    import cv2

    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def photo_title(photo: EvalPhoto) -> str:
    return Path(photo.name).as_posix()
