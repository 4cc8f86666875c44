"""Masks from LabelMe's JSON, one file per photo: shapes drawn by hand, whose labels are the classes."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, UnidentifiedImageError

from segment.detections import Detections, encode_crop
from segment.handover.fitting import MAX_PIXELS
from segment.handover.json_files import (
    check_points,
    checked_score,
    checked_size,
    leaves_folder,
    portable_path,
)
from segment.handover.mask_error import MaskError
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


def is_labelme(content: Any) -> bool:
    """Whether a JSON's content is LabelMe's."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def image_named(content: Mapping[str, Any], path: Path, photo: PurePath) -> PurePath | None:
    """The photo that a LabelMe file names, None where it names none. It is never opened.

    LabelMe writes a path relative to the JSON's folder, with ".." where that is another than the photo's.
    Raises MaskError for a path outside of the JSON's folder, unless it is the very photo asked for.
    """
    name = content.get("imagePath")
    if not isinstance(name, str) or not name:
        return None
    named = portable_path(name)
    if leaves_folder(name) and (path.parent / Path(named)).resolve() != Path(photo).resolve():
        raise MaskError(f"{path}: imagePath {name!r} leaves its folder and is not the photo {photo}", "path")
    return named


def read_labelme(
    content: Mapping[str, Any], path: Path, size: tuple[int, int], *, max_pixels: int = MAX_PIXELS
) -> Detections:
    """The shapes of a LabelMe file as detections of the file's own size, in its order.

    size: height and width to take where the file states none. Lines are drawn 10 pixels wide and points with
    a radius of 5, as LabelMe does. The image data inside the file is not looked at.

    Raises MaskError naming the file and the shape.
    """
    where = str(path)
    try:
        height, width = size
        if content.get("imageHeight") is not None or content.get("imageWidth") is not None:
            most = min(max_pixels, MAX_TIMES_THE_PHOTO * height * width)
            height, width = checked_size(content.get("imageHeight"), content.get("imageWidth"), most)
        labels, scores, masks = [], [], []
        for number, shape in enumerate(content["shapes"]):
            where = f"{path}: shape {number}"
            if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
                raise ValueError("expected a shape with a label")
            labels.append(shape["label"])
            scores.append(1.0 if shape.get("score") is None else checked_score(shape["score"]))
            masks.append(encode_crop(_draw(shape, height, width, max_pixels), 0, 0, height, width))
    except (ValueError, OSError, SyntaxError, binascii.Error) as error:
        raise MaskError(f"{where}: {error}", "unreadable") from error
    return from_rles(labels, scores, masks, height, width)


def _draw(shape: Mapping[str, Any], height: int, width: int, max_pixels: int) -> np.ndarray:
    """A shape as bool (height, width)."""
    kind = shape.get("shape_type") or "polygon"
    if kind not in POINTS_NEEDED:
        raise ValueError(f"expected a shape_type among {', '.join(POINTS_NEEDED)}, got {str(kind)[:40]!r}")
    points = check_points(shape.get("points"), height, width, least=POINTS_NEEDED[kind])
    if kind == "mask":
        return _paste(shape, points[0], height, width, max_pixels)
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
