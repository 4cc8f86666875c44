"""COCO's segmentations, polygons and run lengths, as pycocotools' run-length masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from segment.detections import Detections, Rle
from segment.handover.json_files import TooFewPointsError, check_points, finite, shown, whole_number

MAX_OUTLINE_PX = 2_000_000  # pycocotools needs some 60 bytes for each pixel along a polygon
MAX_GROUPS = 8  # of 5 bits in one number of COCO's string: a run of 2**38 pixels


def from_rles(
    labels: Sequence[str], scores: Sequence[float], rles: Sequence[Rle], height: int, width: int
) -> Detections:
    """Detections of run-length masks of ``height`` x ``width`` pixels, their boxes measured."""
    boxes = np.array([read_box(None, rle) for rle in rles], dtype=np.float32).reshape(-1, 4)
    return Detections(tuple(labels), np.asarray(scores, np.float32), boxes, height, width, tuple(rles))


def read_segmentation(segmentation: Any, height: int, width: int) -> Rle:
    """A COCO ``segmentation`` of an image of ``height`` x ``width`` pixels as one compressed run-length mask.

    segmentation: list of polygons (x0, y0, x1, y1, ... or [x0, y0], [x1, y1], ... in pixels), one polygon, or
    {"size": [height, width], "counts": ..} with run lengths as a list or as COCO's string. Polygons of
    fewer than three points beside others are left out, for they enclose nothing.

    Raises TooFewPointsError (a ValueError) where no polygon encloses anything, ValueError for anything else
    or another size.
    """
    if isinstance(segmentation, list) and len(segmentation) == 1 and isinstance(segmentation[0], dict):
        segmentation = segmentation[0]
    if isinstance(segmentation, dict):
        return _read_rle(segmentation, height, width)
    if segmentation is None or segmentation == []:
        raise TooFewPointsError(f"expected polygons or run lengths, got {shown(segmentation)!r}")
    if not isinstance(segmentation, list):
        raise ValueError(f"expected polygons or run lengths, got {shown(segmentation)!r}")
    if not any(isinstance(polygon, list) for polygon in segmentation):
        segmentation = [segmentation]
    polygons = [_coordinates(polygon, height, width) for polygon in segmentation]
    enclosing = [polygon for polygon in polygons if len(polygon) >= 6]
    if not enclosing:
        raise TooFewPointsError(f"expected polygons of at least three x, y pairs, got {shown(segmentation)}")
    length = 0.0
    for polygon in enclosing:
        points = np.array(polygon).reshape(-1, 2)
        length += float(np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum())
    if length > MAX_OUTLINE_PX:
        raise ValueError(f"its outline is {length:.0f} pixels long, more than {MAX_OUTLINE_PX}")
    result: Rle = coco_mask.merge(coco_mask.frPyObjects(enclosing, height, width))
    return result


def _coordinates(polygon: Any, height: int, width: int) -> list[float]:
    """The numbers x0, y0, x1, y1, ... of one polygon, in the photo or near it; ValueError."""
    if not isinstance(polygon, list):
        raise ValueError(f"expected polygons of at least three x, y pairs, got {shown(polygon)}")
    if any(isinstance(value, list) for value in polygon):
        pairs = polygon
    elif len(polygon) % 2:
        raise ValueError(f"expected polygons of at least three x, y pairs, got {shown(polygon)}")
    else:
        pairs = list(zip(polygon[::2], polygon[1::2], strict=True))
    return [value for point in check_points(pairs, height, width, least=0) for value in point]


def _read_rle(segmentation: Mapping[str, Any], height: int, width: int) -> Rle:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    stated = [whole_number(side) for side in size] if isinstance(size, list) else size
    if stated is not None and stated != [height, width]:
        raise ValueError(f"expected run lengths of size {[height, width]}, got {shown(size)}")
    if isinstance(counts, str):
        runs = parse_counts(counts, height * width)
    elif isinstance(counts, list):
        numbers = [whole_number(count) for count in counts]
        if any(count is None or not 0 <= count <= height * width for count in numbers):
            raise ValueError(f"expected run lengths that add up to {height * width} pixels")
        runs = np.array(numbers, np.int64)
    else:
        raise ValueError(f"expected counts to be a list or a string, got {type(counts).__name__}")
    if runs.sum() != height * width:
        raise ValueError(f"expected run lengths that add up to {height * width} pixels, got {runs.sum()}")
    result: Rle = coco_mask.frPyObjects({"size": [height, width], "counts": runs.tolist()}, height, width)
    return result


def parse_counts(text: str, pixels: int) -> np.ndarray:
    """Run lengths of COCO's string, int64 (N,): groups of 5 bits, from the fourth on as differences to the
    last but one.

    pycocotools reads these too, but takes strings whose runs end before the image does. ValueError for
    other letters, and for runs that are negative or longer than the image's ``pixels``.
    """
    text = text[2:-1] if text[:2] in ("b'", 'b"') and text[-1:] == text[1] else text
    groups = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64) - 48
    if ((groups < 0) | (groups > 63)).any():
        letter = text[int(np.flatnonzero((groups < 0) | (groups > 63))[0])]
        raise ValueError(f"expected COCO's run-length string, got the letter {letter!r} in it")
    ends = np.flatnonzero(groups & 32 == 0)
    starts = np.r_[0, ends[:-1] + 1] if len(ends) else ends
    lengths = ends - starts + 1
    if not len(groups) or groups[-1] & 32 or lengths.max() > MAX_GROUPS:
        raise ValueError(
            f"expected COCO's run-length string, runs that add up to {pixels} pixels, got {text[:20]!r}"
        )
    places = np.arange(len(groups)) - np.repeat(starts, lengths)
    values = np.add.reduceat((groups & 31) << (5 * places), starts)
    values[(groups[ends] & 16) > 0] -= 1 << (5 * lengths[(groups[ends] & 16) > 0])
    if np.abs(values).max() > pixels:
        raise ValueError(f"expected run lengths that add up to {pixels} pixels")
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    if values.min() < 0 or values.max() > pixels:
        raise ValueError(f"expected run lengths that add up to {pixels} pixels")
    return values


def box_mask(xywh: Any, height: int, width: int) -> Rle:
    """The mask of a box of an image of ``height`` x ``width`` pixels, cut off at its edges. ValueError."""
    left, top, across, down = box_numbers(xywh)
    if across <= 0 or down <= 0:
        raise ValueError(f"expected a bbox with a width and height above 0, got {shown(xywh)}")
    right, bottom = left + across, top + down
    return read_segmentation([[left, top, right, top, right, bottom, left, bottom]], height, width)


def read_box(xywh: Any, rle: Rle) -> list[float]:
    """Box of an object as xyxy, from its xywh where that is given, else from its mask. ValueError for
    anything but four numbers."""
    left, top, width, height = box_numbers(xywh) if xywh else coco_mask.toBbox(rle).tolist()
    return [left, top, left + width, top + height]


def box_numbers(xywh: Any) -> list[float]:
    """The four numbers of a bbox; ValueError."""
    numbers = [finite(value) for value in xywh] if isinstance(xywh, list) else []
    if len(numbers) != 4 or any(number is None for number in numbers):
        raise ValueError(f"expected bbox as four numbers, got {shown(xywh)}")
    return [number for number in numbers if number is not None]
