"""COCO's segmentations, polygons and run lengths, as pycocotools' run-length masks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from segment.detections import Detections, Rle
from segment.handover.json_files import check_points

MAX_OUTLINE_PX = 2_000_000  # pycocotools needs some 60 bytes for each pixel along a polygon


def from_rles(
    labels: Sequence[str], scores: Sequence[float], rles: Sequence[Rle], height: int, width: int
) -> Detections:
    """Detections of run-length masks of ``height`` x ``width`` pixels, their boxes measured."""
    boxes = np.array([read_box(None, rle) for rle in rles], dtype=np.float32).reshape(-1, 4)
    return Detections(tuple(labels), np.asarray(scores, np.float32), boxes, height, width, tuple(rles))


def read_segmentation(segmentation: Any, height: int, width: int) -> Rle:
    """A COCO ``segmentation`` of an image of ``height`` x ``width`` pixels as one compressed run-length mask.

    segmentation: list of polygons (x0, y0, x1, y1, ... in pixels), or {"size": [height, width], "counts": ..}
    with run lengths as a list or as COCO's string. Raises ValueError for anything else or another size.
    """
    if isinstance(segmentation, dict):
        return _read_rle(segmentation, height, width)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError(f"expected polygons or run lengths, got {str(segmentation)[:60]!r}")
    length = 0.0
    for polygon in segmentation:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError(f"expected polygons of at least three x, y pairs, got {str(polygon)[:60]}")
        pairs = list(zip(polygon[::2], polygon[1::2], strict=True))
        points = np.array(check_points(pairs, height, width))
        length += float(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum())
    if length > MAX_OUTLINE_PX:
        raise ValueError(f"its outline is {length:.0f} pixels long, more than {MAX_OUTLINE_PX}")
    return coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))


def _read_rle(segmentation: Mapping[str, Any], height: int, width: int) -> Rle:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise ValueError(f"expected run lengths of size {[height, width]}, got {size}")
    if isinstance(counts, str):
        counts = _parse_counts(counts)
    if not isinstance(counts, list):
        raise ValueError(f"expected counts to be a list or a string, got {type(counts).__name__}")
    if any(not isinstance(count, int) or count < 0 for count in counts) or sum(counts) != height * width:
        raise ValueError(f"expected run lengths that add up to {height * width} pixels")
    return coco_mask.frPyObjects({"size": size, "counts": counts}, height, width)


def _parse_counts(text: str) -> list[int]:
    """Run lengths of COCO's string: groups of 5 bits, from the fourth on as differences to the last but one.

    pycocotools reads these too, but takes strings whose runs end before the image does.
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"expected COCO's run-length string, got the letter {letter!r} in it")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:  # more groups follow
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    return counts


def read_box(xywh: Any, rle: Rle) -> list[float]:
    """Box of an object as xyxy, from its xywh where that is given, else from its mask. ValueError for
    anything but four numbers."""
    if xywh:
        if not isinstance(xywh, list) or len(xywh) != 4 or not all(_is_number(value) for value in xywh):
            raise ValueError(f"expected bbox as four numbers, got {str(xywh)[:60]}")
    else:
        xywh = coco_mask.toBbox(rle).tolist()
    left, top, width, height = (float(value) for value in xywh)
    return [left, top, left + width, top + height]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
