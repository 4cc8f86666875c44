"""Masks as Segment-Anything's automatic mask generator writes them: a folder per photo with a PNG per object
and `metadata.csv`, or a JSON per photo with run lengths; and the JSON of its data set SA-1B.

Kirillov et al. 2023, arXiv 2304.02643. The masks carry no classes; their score is `predicted_iou`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _removal_support.limits import LARGEST_LIST_BYTES, LARGEST_OBJECT_COUNT
from segment.detections import Detections, encode_crop
from segment.handover.fitting import MAX_PIXELS, check_ratio
from segment.handover.images import read_mask_image
from segment.handover.json_files import checked_score, checked_size
from segment.handover.mask_error import MaskError
from segment.handover.run_lengths import from_rles, read_segmentation

LABEL = "object"
METADATA = "metadata.csv"
MAX_OBJECTS = 10_000
HEADER_LENGTH = 10_000


def is_mask_folder(path: Path) -> bool:
    """Whether a folder is one photo's masks: its `metadata.csv` has a column of ids and one of scores."""
    try:
        if not (path / METADATA).is_file():
            return False
        with (path / METADATA).open(newline="", errors="replace") as file:
            header = next(csv.reader([file.readline(HEADER_LENGTH)]), [])
    except (OSError, csv.Error):
        return False
    return "id" in header and "predicted_iou" in header


def is_mask_list(content: Any) -> bool:
    """Whether a JSON's content is a list of masks without image ids, or SA-1B's image with its masks."""
    if isinstance(content, dict):
        return isinstance(content.get("annotations"), list) and isinstance(content.get("image"), dict)
    return bool(content) and all(
        isinstance(entry, dict) and "segmentation" in entry and "image_id" not in entry for entry in content
    )


def read_mask_folder(path: Path, size: tuple[int, int], *, max_pixels: int = MAX_PIXELS) -> Detections:
    """The masks of one photo's folder, in the order of `metadata.csv`: those whose PNG is there.

    So that objects are chosen by deleting the others' files. A PNG without a line in the table is an error,
    as is a table none of whose files is there. size: height and width where there is no mask at all.
    Raises MaskError.
    """
    scores = _read_scores(path / METADATA)
    files = {
        file.stem: file
        for file in sorted(path.glob("*.png"))
        if not file.name.startswith(".") and file.is_file()
    }
    unknown = next((file for stem, file in files.items() if stem not in scores), None)
    if unknown is not None:
        raise MaskError(f"mask {unknown} has no line in {METADATA} beside it", "unreadable")
    if scores and not files:
        raise MaskError(f"{path / METADATA} lists masks, but none of their PNG files is there", "missing")
    rles, kept = [], []
    for stem, score in scores.items():
        if stem in files:
            mask = read_mask_image(files[stem], max_pixels=max_pixels, size=size).levels > 127
            rles.append(encode_crop(mask, 0, 0, *mask.shape))
            kept.append(score)
    sizes = {tuple(rle["size"]) for rle in rles}
    if len(sizes) > 1:
        raise MaskError(f"the masks in {path} have different sizes: {sorted(sizes)}", "size")
    height, width = sizes.pop() if sizes else size
    return from_rles([LABEL] * len(rles), kept, rles, height, width)


def _read_scores(path: Path) -> dict[str, float]:
    try:
        if path.stat().st_size > LARGEST_LIST_BYTES:
            raise ValueError(f"it has more than {LARGEST_LIST_BYTES / 1e6:.0f} MB")
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        if len(rows) > MAX_OBJECTS:
            raise ValueError(f"it lists more than {MAX_OBJECTS} masks")
        scores: dict[str, float] = {}
        for row in rows:
            name, score = str(row["id"]), checked_score(float(row["predicted_iou"]))
            if scores.setdefault(name, score) != score:
                raise ValueError(
                    f"it lists the mask {name} twice, with scores {scores[name]:g} and {score:g}"
                )
        return scores
    except (OSError, csv.Error, ValueError, KeyError, TypeError) as error:
        raise MaskError(f"{path} cannot be read: {error}", "unreadable") from error


def read_mask_list(
    content: Any, path: Path, size: tuple[int, int], *, max_pixels: int = MAX_PIXELS
) -> Detections:
    """The masks of a JSON as detections of the masks' own size, in its order.

    content: the list, or SA-1B's object. size: height and width where there is no mask. Raises MaskError.
    """
    entries = content["annotations"] if isinstance(content, dict) else content
    if len(entries) > LARGEST_OBJECT_COUNT:
        raise MaskError(f"{path} has {len(entries)} masks, more than {LARGEST_OBJECT_COUNT}", "unreadable")
    own: tuple[int, int] | None = None
    rles, scores = [], []
    number = -1
    try:
        if isinstance(content, dict):
            own = checked_size(content["image"].get("height"), content["image"].get("width"), max_pixels)
        for entry in entries:
            number += 1
            segmentation = entry.get("segmentation") if isinstance(entry, Mapping) else None
            own = own or _size_of(segmentation, max_pixels)
            check_ratio(own, size)
            rles.append(read_segmentation(segmentation, *own))
            scores.append(checked_score(entry.get("predicted_iou", entry.get("score", 1.0))))
    except (ValueError, TypeError) as error:
        where = f"{path}: mask {number}" if number >= 0 else str(path)
        raise MaskError(f"{where}: {error}", "unreadable") from error
    height, width = own or size
    return from_rles([LABEL] * len(rles), scores, rles, height, width)


def _size_of(segmentation: Any, max_pixels: int) -> tuple[int, int]:
    stated = segmentation.get("size") if isinstance(segmentation, dict) else None
    if not isinstance(stated, list) or len(stated) != 2:
        raise ValueError(f"expected run lengths with their size, got {str(segmentation)[:60]!r}")
    return checked_size(stated[0], stated[1], max_pixels)
