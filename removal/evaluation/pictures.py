"""The photos of a report: the best, middle and worst of each combination, before | mask | after."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from removal.evaluation.combinations import Combination
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.run_folder import CLEAN, SHOWN, RunFolder
from removal.evaluation.workshop import PART_CHANNELS
from removal.images import read_photo
from removal.images.sheet import GAP_PX, comparison_sheet

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


def sheet(combination: Combination, photo: EvalPhoto, folder: RunFolder, max_megapixels: float) -> np.ndarray:
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
    combinations: Sequence[Combination], photo: EvalPhoto, folder: RunFolder, max_megapixels: float
) -> dict[str, np.ndarray]:
    """A photo before, after each combination, and its clean view where there is one, by title; small."""
    panels = {"before": before_view(photo, folder, max_megapixels)}
    for combination in combinations:
        path = folder.file("results", combination.folder, photo.name)
        panels[combination.title] = read_photo(path).pixels
    if (clean := clean_view(photo, folder, max_megapixels)) is not None:
        panels["clean view"] = clean
    return {words: shrunk(picture) for words, picture in panels.items()}


def before_view(photo: EvalPhoto, folder: RunFolder, max_megapixels: float) -> np.ndarray:
    """What was worked on, uint8 (H, W, 3); the photo itself where only a hole was made in it."""
    path = folder.file("inputs", SHOWN, photo.name) if folder.keeps_inputs else photo.path
    return read_photo(path, max_megapixels=max_megapixels).pixels


def clean_view(photo: EvalPhoto, folder: RunFolder, max_megapixels: float) -> np.ndarray | None:
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
