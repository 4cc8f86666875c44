"""Masks from LabelMe's JSON, one file per photo: shapes drawn by hand, whose labels are the classes."""

from __future__ import annotations

import base64
import binascii
import io
import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, UnidentifiedImageError

from _removal_support.limits import LARGEST_OBJECT_COUNT
from _removal_support.pillow_limit import pillow_limit_lifted
from segment.detections import Detections, Rle, encode_crop
from segment.handover.fitting import MAX_PIXELS
from segment.handover.json_files import TooFewPointsError, check_points, checked_score, checked_size, shown
from segment.handover.labels import ClassChoice
from segment.handover.mask_error import MaskError
from segment.handover.photo_names import normal, read_photo_name, suffix_agrees
from segment.handover.run_lengths import from_rles

LINE_WIDTH_PX, POINT_RADIUS_PX = 10, 5  # as LabelMe itself draws what has no area
MAX_TIMES_THE_PHOTO = 16  # pixels to draw on
POINTS_NEEDED = {
    "polygon": 3,
    "rectangle": 2,
    "oriented_rectangle": 4,
    "rotation": 4,
    "circle": 2,
    "line": 2,
    "linestrip": 2,
    "point": 1,
    "points": 1,
    "mask": 2,
}
_BROKEN = (
    ValueError,
    OSError,
    SyntaxError,
    EOFError,
    binascii.Error,
    struct.error,
    zlib.error,
    ArithmeticError,
)


def is_labelme(content: Any) -> bool:
    """Whether a JSON's content is LabelMe's."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def image_named(content: Mapping[str, Any]) -> PurePath | None:
    """The photo that a LabelMe file names, None where it names none. It is never opened.

    LabelMe writes a path relative to the JSON's folder, with ".." where that is another than the photo's, or
    one of another machine: then only its last component counts.
    """
    name = content.get("imagePath")
    try:
        return read_photo_name(name).path if isinstance(name, str) and name else None
    except ValueError:
        return None


def check_image(named: PurePath, path: Path, photo: PurePath) -> None:
    """Raises MaskError where the photo that a file names is not this one: another stem or suffix."""
    same_stem = normal(named.stem).casefold() == normal(photo.stem).casefold()
    if not same_stem or not suffix_agrees(photo, named):
        raise MaskError(f"{path}: expected the mask of {photo}, found that of {named}", "missing")


def read_labelme(
    content: Mapping[str, Any],
    path: Path,
    size: tuple[int, int],
    *,
    max_pixels: int = MAX_PIXELS,
    choice: ClassChoice | None = None,
    tell: Callable[[str], None] | None = None,
) -> Detections:
    """The shapes of a LabelMe file as detections of the file's own size, in its order.

    size: height and width to take where the file states none. Lines are drawn 10 pixels wide and points with
    a radius of 5, as LabelMe does. The image data inside the file is not looked at.
    choice: the classes that are wanted; their labels become the names as they were asked for, and a shape of
    another class that cannot be read is left out. None = all are wanted. Shapes of too few points mark
    nothing and are left out beside others. tell: told what was left out, one line a file.

    Raises MaskError naming the file and the shape.
    """
    try:
        height, width = size
        if content.get("imageHeight") is not None or content.get("imageWidth") is not None:
            most = min(max_pixels, MAX_TIMES_THE_PHOTO * height * width)
            height, width = checked_size(content.get("imageHeight"), content.get("imageWidth"), most)
        shapes = content["shapes"]
        if len(shapes) > LARGEST_OBJECT_COUNT:
            raise ValueError(f"it has {len(shapes)} shapes, more than {LARGEST_OBJECT_COUNT}")
    except ValueError as error:
        raise MaskError(f"{path}: {error}", "unreadable") from error
    labels = [shape.get("label") if isinstance(shape, dict) else None for shape in shapes]
    texts = [label for label in labels if isinstance(label, str)]
    names = None if choice is None else choice.names(texts)
    read: list[tuple[str, float, Rle]] = []
    empty: MaskError | None = None
    left_out: list[str] = []
    for number, (shape, label) in enumerate(zip(shapes, labels, strict=True)):
        try:
            own, rle, score = _read_shape(shape, height, width, max_pixels)
            read.append((own if names is None else names.get(own, own), score, rle))
        except _BROKEN as error:
            broken = MaskError(f"{path}: shape {number}: {error}", "unreadable")
            is_wanted = names is None or label in names
            if is_wanted and not isinstance(error, TooFewPointsError):
                raise broken from error
            empty = broken if is_wanted else empty
            left_out.append(str(broken))
    if empty is not None and not any(names is None or label in names.values() for label, *_ in read):
        raise empty
    if left_out and tell is not None:
        more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
        tell(f"masks: left out: {left_out[0]}{more}")
    return from_rles(
        [label for label, *_ in read],
        [score for _, score, _ in read],
        [rle for *_, rle in read],
        height,
        width,
    )


def _read_shape(shape: Any, height: int, width: int, max_pixels: int) -> tuple[str, Rle, float]:
    """The label, the mask and the score of a shape."""
    if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
        raise ValueError("expected a shape with a label")
    label = shape["label"]
    score = 1.0 if shape.get("score") is None else checked_score(shape["score"])
    kind = shape.get("shape_type") or "polygon"
    if not isinstance(kind, str) or kind not in POINTS_NEEDED:
        raise ValueError(f"expected a shape_type among {', '.join(POINTS_NEEDED)}, got {shown(kind, 40)!r}")
    points = check_points(shape.get("points"), height, width, least=POINTS_NEEDED[kind])
    if kind == "mask":
        pasted = _paste(shape, points[0], height, width, max_pixels)
        return label, encode_crop(pasted, 0, 0, height, width), score
    reach = math.dist(points[0], points[1]) if kind == "circle" else 0.0
    left, top, right, bottom = _window(points, reach + LINE_WIDTH_PX + 2, height, width)
    shifted = [(x - left, y - top) for x, y in points]
    drawn = _draw(kind, shifted, bottom - top, right - left)
    return label, encode_crop(drawn, top, left, height, width), score


def _window(
    points: Sequence[tuple[float, float]], margin: float, height: int, width: int
) -> tuple[int, int, int, int]:
    """The part of the photo, xyxy in whole pixels, that a shape can reach: at least one pixel."""
    xs, ys = zip(*points, strict=True)
    left, top = (
        min(max(0, math.floor(min(values) - margin)), side - 1)
        for values, side in ((xs, width), (ys, height))
    )
    right, bottom = (
        max(min(side, math.ceil(max(values) + margin)), start + 1)
        for values, side, start in ((xs, width, left), (ys, height, top))
    )
    return left, top, right, bottom


def _draw(kind: str, points: Sequence[tuple[float, float]], height: int, width: int) -> np.ndarray:
    """A shape as bool (height, width)."""
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    if kind in ("polygon", "oriented_rectangle", "rotation"):
        draw.polygon(points, fill=1, outline=1)
    elif kind == "rectangle":
        xs, ys = zip(*points, strict=True)
        draw.rectangle((min(xs), min(ys), max(xs), max(ys)), fill=1, outline=1)
    elif kind == "circle":
        _disc(draw, points[0], math.dist(points[0], points[1]))
    elif kind in ("line", "linestrip"):
        draw.line(points, fill=1, width=LINE_WIDTH_PX, joint="curve")
    else:
        for point in points:
            _disc(draw, point, POINT_RADIUS_PX)
    return np.asarray(canvas).view(np.bool_)


def _disc(draw: ImageDraw.ImageDraw, centre: tuple[float, float], radius: float) -> None:
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1, outline=1)


def _paste(
    shape: Mapping[str, Any], corner: tuple[float, float], height: int, width: int, max_pixels: int
) -> np.ndarray:
    """The picture inside a shape of type "mask", laid at its upper left corner; bool (height, width)."""
    encoded = shape.get("mask")
    if not isinstance(encoded, str):
        raise ValueError("expected a mask as base64 text in a shape of type mask")
    try:
        with pillow_limit_lifted(1 << 62):  # until the size is known
            file = Image.open(io.BytesIO(base64.b64decode(encoded)), formats=("PNG",))
    except UnidentifiedImageError as error:
        raise ValueError("expected a PNG as base64 text in a shape of type mask") from error
    with file as picture:
        if picture.width * picture.height > min(max_pixels, 4 * height * width):
            raise ValueError(f"its mask has {picture.width} x {picture.height} pixels, more than the photo")
        patch = np.asarray(picture.convert("L")) > 0
    mask = np.zeros((height, width), bool)
    left, top = round(corner[0]), round(corner[1])
    rows = slice(max(top, 0), max(min(top + patch.shape[0], height), 0))
    columns = slice(max(left, 0), max(min(left + patch.shape[1], width), 0))
    mask[rows, columns] = patch[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    return mask
