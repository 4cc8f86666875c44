"""Holes in the shapes of people and things, from COCO annotations."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from _removal_support.limits import LARGEST_JSON_BYTES
from inpaint.training.damage.contract import HoleDamage, Range, check_range, drawn_px

_TRIES = 8
_MOST_BROKEN = 1000  # annotations in a row that cannot be read
_MOST_PIXELS = 300_000_000  # that run lengths may state
_SHIFT = 4  # binary digits after the point in coordinates for OpenCV


@dataclass(frozen=True)
class CocoShapes(HoleDamage):
    """One annotated shape, mirrored or not, at any size, anywhere. Groups drawn in one piece are left out.

    path: instances.json with polygons or run lengths; read when the first hole is drawn.
    classes: names of the categories; None = all.
    size: longer side of the shape, a share in (0, 1] of the photo's shorter side.
    overhang: the most of its height and width that may lie outside of the photo, in [0, 0.5].
    least_px: shapes whose longer side is less in their own photo are left out: enlarged they are blocks.

    An annotation that has no outline, only a box, or that cannot be read is passed over for the next;
    `passed_over` counts those without an outline. Drawing raises FileNotFoundError for a missing file, and
    ValueError for one that is no annotations, has no such shape, or none that can be read, naming the first.
    """

    path: Path
    classes: tuple[str, ...] | None = ("person",)
    size: Range = (0.3, 0.9)
    overhang: float = 0.25
    least_px: float = 48

    def __post_init__(self) -> None:
        check_range("size", self.size, 0, 1)
        check_range("overhang", (0, self.overhang), 0, 0.5)

    def hole(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        entries, _ = _annotations(self.path, self.classes, self.least_px)
        first = int(rng.integers(len(entries)))
        longer_px = drawn_px(rng, self.size, min(height, width), least=2)
        mirrored = bool(rng.integers(2))
        patch = self._next_patch(entries, first, longer_px, mirrored)
        hole = np.zeros((height, width), bool)
        for attempt in range(_TRIES):
            # What hangs over may be all there is of it at that side: the last try has it inside.
            overhang = self.overhang if attempt < _TRIES - 1 else 0.0
            (rows, of_rows), (columns, of_columns) = (
                _stretch(length, whole, overhang, rng)
                for length, whole in zip(patch.shape, hole.shape, strict=True)
            )
            hole[rows, columns] = patch[of_rows, of_columns]
            if hole.any():
                break
        return hole

    def passed_over(self) -> str | None:
        """How many annotations of the classes have no outline, in one line; None = none. Errors as for
        drawing, where there is no other."""
        entries, without = _annotations(self.path, self.classes, self.least_px)
        if not without:
            return None
        total = len(entries) + without
        return f"{without} of {total} shapes passed over: {self.path}: they have no outline, only a box"

    def _next_patch(
        self, entries: Sequence[Mapping[str, Any]], first: int, longer_px: int, mirrored: bool
    ) -> np.ndarray:
        """The patch of the first annotation from this one on that can be read."""
        cause: ValueError | None = None
        for number in range(min(len(entries), _MOST_BROKEN)):
            try:
                return self._patch(entries[(first + number) % len(entries)], longer_px, mirrored)
            except ValueError as error:
                cause = cause or error
        assert cause is not None
        raise cause

    def _patch(self, annotation: Mapping[str, Any], longer_px: int, mirrored: bool) -> np.ndarray:
        """bool (h, w), its longer side longer_px: the shape, touching all four sides."""
        try:
            segmentation = annotation["segmentation"]
            if isinstance(segmentation, Mapping):
                patch = _from_run_lengths(segmentation, longer_px)
            else:
                patch = _from_polygons(segmentation, longer_px)
        except (KeyError, TypeError, ValueError, IndexError, cv2.error) as error:
            cause = f"{type(error).__name__} {' '.join(str(error).split())}"
            raise ValueError(
                f"{self.path}: annotation {annotation.get('id')} cannot be read: {cause}"
            ) from error
        return patch[:, ::-1] if mirrored else patch


@lru_cache(maxsize=4)
def _annotations(
    path: Path, classes: tuple[str, ...] | None, least_px: float
) -> tuple[tuple[Mapping[str, Any], ...], int]:
    """Those of the classes that are large enough and have an outline, and how many have none. Each worker
    process reads the file once."""
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    if path.stat().st_size > LARGEST_JSON_BYTES:
        raise ValueError(f"{path} has more than {LARGEST_JSON_BYTES / 1e9:.1f} GB")
    try:
        content = json.loads(path.read_bytes())
        names = _category_names(content["categories"])
        chosen = [
            entry
            for entry in content["annotations"]
            if (classes is None or names.get(entry["category_id"]) in classes)
            and not entry.get("iscrowd")
            and _longer_side(entry) >= least_px
        ]
        found = [
            {"id": entry.get("id"), "segmentation": _compact(entry["segmentation"])}
            for entry in chosen
            if entry.get("segmentation")
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"{path} is no COCO annotations: {type(error).__name__} {error}") from error
    unknown = [name for name in classes or () if name not in names.values()]
    if unknown or not found:
        wanted = "any class" if classes is None else ", ".join(classes)
        boxes = f" but {len(chosen)} boxes without an outline" if chosen else ""
        raise ValueError(f"expected shapes of {wanted} from {least_px:g} px in {path}, found none{boxes}")
    return tuple(found), len(chosen) - len(found)


def _category_names(entries: Sequence[Mapping[str, Any]]) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for entry in entries:
        if names.setdefault(entry["id"], entry["name"]) != entry["name"]:
            first = names[entry["id"]]
            raise ValueError(f"category {entry['id']} is listed twice, as {first!r} and as {entry['name']!r}")
    return names


def _longer_side(entry: Mapping[str, Any]) -> float:
    """The longer side of an annotation in pixels, by its box, else by its polygons; 0 where neither tells."""
    if entry.get("bbox"):
        result: float = max(entry["bbox"][2:])
        return result
    polygons = entry.get("segmentation")
    if not isinstance(polygons, list) or not polygons:
        return 0.0
    values = [value for polygon in polygons for value in polygon]
    return float(max(np.ptp(values[::2]), np.ptp(values[1::2])))


def _compact(segmentation: Any) -> Any:
    """Polygons as float32: as Python's numbers those of all of COCO take gigabytes."""
    if not isinstance(segmentation, list):
        return segmentation
    try:
        return tuple(np.array(polygon, np.float32) for polygon in segmentation)
    except (ValueError, TypeError, OverflowError):
        return None  # said when it is drawn, and passed over


def _from_polygons(polygons: tuple[np.ndarray, ...], longer_px: int) -> np.ndarray:
    outlines = [polygon.reshape(-1, 2) for polygon in polygons]
    points = np.concatenate(outlines)
    start, extent = points.min(axis=0), np.ptp(points, axis=0)
    if not np.isfinite(points).all() or extent.max() <= 0:
        raise ValueError("its polygons enclose nothing")
    scale = (longer_px - 1) / extent.max()
    width, height = (int(length) for length in np.rint(extent * scale) + 1)
    patch = np.zeros((height, width), np.uint8)
    for outline in outlines:  # one by one: together, where they overlap would be left out
        scaled = np.rint((outline - start) * (scale * 2**_SHIFT)).astype(np.int32)
        cv2.fillPoly(patch, [scaled], 1, shift=_SHIFT)
    return patch.view(bool)


def _from_run_lengths(segmentation: Mapping[str, Any], longer_px: int) -> np.ndarray:
    height, width = segmentation["size"]
    if not 0 < height * width <= _MOST_PIXELS:
        raise ValueError(f"it states {width} x {height} pixels, more than {_MOST_PIXELS / 1e6:g} million")
    if isinstance(segmentation["counts"], list):
        segmentation = coco_mask.frPyObjects(segmentation, height, width)
    mask = coco_mask.decode(segmentation)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        raise ValueError("its run lengths hold nothing")
    tight = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = longer_px / max(tight.shape)
    size = max(1, round(tight.shape[1] * scale)), max(1, round(tight.shape[0] * scale))
    smooth = cv2.resize(tight * 255, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    # A thin shape made smaller may be nowhere half of a pixel.
    result: np.ndarray = smooth >= min(128, int(smooth.max()))
    return result


def _stretch(length: int, whole: int, overhang: float, rng: np.random.Generator) -> tuple[slice, slice]:
    """Where along one side a patch lies in the photo, and which part of it that is."""
    over = int(overhang * length)
    start = int(rng.integers(-over, max(-over, whole - length + over) + 1))
    low, high = max(0, start), min(whole, start + length)
    return slice(low, high), slice(low - start, high - start)
