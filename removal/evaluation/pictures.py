"""The photos of a report: the best, middle and worst of each combination, before | mask | after."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from removal.evaluation.combinations import Combination
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.run_folder import RunFolder
from removal.evaluation.workshop import PART_CHANNELS
from removal.images import read_photo
from removal.sheet import GAP_PX, comparison_sheet

PANEL_HEIGHT_PX, PANEL_WIDTH_PX = 260, 380
JPEG_QUALITY = 82
RANKED_BY = {"coco": "seen_area", "holes": "hole_swd", "pairs": "changed_l1"}
"""What makes a photo good or bad: lower is better in each."""
TIES = {"coco": "seen_area_before", "holes": "mask_share", "pairs": "mask_share"}
"""Of photos that are equal in that, one with more of this is better: it was harder."""
PLACES = ("best", "middle", "worst")


def ranked(
    protocol: str, combination: Combination, photos: Sequence[EvalPhoto], records: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[EvalPhoto, float]]:
    """The best, middle and worst photo of a combination, each with the figure it is ranked by.

    Only photos where something was filled count, and each is taken once.
    """
    key, tie = RANKED_BY[protocol], TIES[protocol]
    order = []
    for photo, record in zip(photos, records, strict=True):
        figures = record["figures"][combination.folder]
        if figures.get("mask_share"):
            value = figures.get(key)
            order.append((figures["mask_share"] if value is None else value, -(figures.get(tie) or 0), photo))
    order.sort(key=lambda entry: (entry[0], entry[1], entry[2].name))
    if not order:
        return {}
    places = dict(zip(PLACES, (0, len(order) // 2, len(order) - 1), strict=True))
    taken: dict[str, tuple[EvalPhoto, float]] = {}
    for name, place in places.items():
        value, _, photo = order[place]
        if photo not in [known for known, _ in taken.values()]:
            taken[name] = (photo, value)
    return taken


def sheet(combination: Combination, photo: EvalPhoto, folder: RunFolder, max_megapixels: float) -> np.ndarray:
    """before | mask | after, and the clean view where there is one, small: uint8 (h, w, 3)."""
    import cv2

    before = read_photo(photo.path, max_megapixels=max_megapixels).pixels
    after = read_photo(folder.file("results", combination.folder, photo.name)).pixels
    kept = read_photo(folder.file("masks", combination.mask_folder, photo.name)).pixels
    pictures = [before, after]
    clean = photo.path.with_name("clean.png")
    if photo.image_id is None and clean.is_file() and photo.path.name == "photo.png":
        pictures.append(read_photo(clean, max_megapixels=max_megapixels).pixels)
    height, width = before.shape[:2]
    scale = min(1.0, PANEL_HEIGHT_PX / height, PANEL_WIDTH_PX / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures]
    parts = cv2.resize(kept, size, interpolation=cv2.INTER_AREA) > 127
    masks = {name: np.ascontiguousarray(parts[..., channel]) for channel, name in enumerate(PART_CHANNELS)}
    row = comparison_sheet(small[0], masks, small[1])
    for more in small[2:]:
        row = np.hstack([row, np.full((size[1], GAP_PX, 3), 255, np.uint8), more])
    return row


def inline_jpeg(picture: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3) RGB, as a `data:` address."""
    import cv2

    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def photo_title(photo: EvalPhoto) -> str:
    return Path(photo.name).as_posix()
