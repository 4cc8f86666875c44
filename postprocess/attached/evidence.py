"""What speaks for and against a region's clinging to an object, as numbers by name."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from postprocess.attached.view import BAND, KERNEL, View, convex_hull, outline

Evidence = Mapping[str, float]

RIM = 0.035  # of the object's size: what lies closer is the rim that a mask misses, and no region by itself
LIKE = 0.05  # of a region has a colour: then what has it elsewhere is like the region
MIN_CONTACT, MIN_BEYOND = 0.1, 0.25  # with less nothing else matters


def evidence_of(view: View, region: np.ndarray) -> Evidence | None:
    """The evidence on a region, bool (h, w) with some True; None where it hardly touches, or is a mere rim.

    Lengths are over the object's size, the root of its area; heights are on the object, 0 its upper and 1 its
    lower edge; colours are in Lab units.
    """
    edge = outline(region)
    contact = float(view.touching[edge].mean())
    beyond = float((view.away[region] > RIM * view.size + 1).mean())
    if contact < MIN_CONTACT or beyond < MIN_BEYOND:
        return None
    found = {"contact": contact, "beyond": beyond}
    found |= _place(view, region, edge) | _shape(region, edge)
    off = cv2.distanceTransform((~region).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / view.size
    found |= _edges(view, region, edge) | _colours(view, region, off) | _light(view, region, off)
    return {name: float(value) for name, value in found.items()}


def _place(view: View, region: np.ndarray, edge: np.ndarray) -> dict[str, float]:
    rows, columns = np.nonzero(region)
    top, left, height, width = _box(view.inside)
    touching = view.touching & edge
    lower, upper = edge & ~np.roll(region, -1, 0), edge & ~np.roll(region, 1, 0)
    frame = np.zeros_like(edge)
    frame[[0, -1]] = frame[:, [0, -1]] = True
    return {
        "hull": view.hull[region].mean(),
        "far": view.away[region].max() / view.size,
        "mean_far": view.away[region].mean() / view.size,
        "area": np.log(region.sum() / view.area),
        "contact_length": touching.sum() / view.size,
        "frame": (edge & frame).sum() / edge.sum(),
        "others": view.beside_others[edge].mean(),
        "top": (rows.min() - top) / height,
        "bottom": (rows.max() + 1 - top) / height,
        "middle": (rows.mean() - top) / height,
        "sideways": abs(columns.mean() - (left + width / 2)) / width,
        "slim": np.log(height / width),
        "lower_contact": touching[lower].mean() if lower.any() else 0.0,
        "upper_contact": touching[upper].mean() if upper.any() else 0.0,
        "object_share": np.log(view.area / region.size),
        "object_cut": view.inside[-1].any(),
    }


def _shape(region: np.ndarray, edge: np.ndarray) -> dict[str, float]:
    _, _, height, width = _box(region)
    area = float(region.sum())
    return {
        "tall": np.log(height / width),
        "fill": area / (height * width),
        "solid": area / max(1, convex_hull(region).sum()),
        "compact": edge.sum() / area**0.5,
    }


def _edges(view: View, region: np.ndarray, edge: np.ndarray) -> dict[str, float]:
    """How sharply the region ends where it is not at the object, and how it differs from the object."""
    inner, _ = view.beside(region)
    outer, known = view.beside(view.free & ~region)
    body, near_body = view.beside(view.inside)
    free = edge & ~view.touching
    clear, touched = free & (known > 0.05), edge & view.touching & (near_body > 0.02)
    steps = np.linalg.norm(inner[clear] - outer[clear], axis=1) if clear.sum() > 3 else np.zeros(1)
    found = {f"edge_{share}": np.percentile(steps, share) for share in (10, 25, 50, 75)}
    sharpest = cv2.dilate(view.gradient, KERNEL)[free]
    return found | {
        "free": clear.sum() / edge.sum(),
        "gradient_50": np.median(sharpest) if free.any() else 0.0,
        "gradient_20": np.percentile(sharpest, 20) if free.any() else 0.0,
        "gradient_inside": np.median(view.gradient[region]),
        "from_object": np.median(np.linalg.norm(inner[touched] - body[touched], axis=1))
        if touched.sum() > 2
        else 0.0,
    }


def _colours(view: View, region: np.ndarray, off: np.ndarray) -> dict[str, float]:
    """Where else the region's colours are: in the surroundings, close by, on the object. off: the distance to
    the region."""
    area = region.sum()
    like = view.frequency(region) > LIKE
    elsewhere = like & view.free & (off > 0.04)
    common = view.commonness[region]
    return {
        "elsewhere": np.log(elsewhere.sum() / area + 0.01),
        "elsewhere_near": np.log((elsewhere & (view.away <= BAND * view.size)).sum() / area + 0.01),
        "around": (elsewhere & (off <= 0.15)).sum() / area,
        "in_object": np.log((like & view.inside).sum() / view.area + 0.003),
        "common": np.log(common.mean() + 1e-4),
        "common_80": np.log(np.percentile(common, 80) + 1e-4),
        "spread": view.colours[region].std(axis=0).mean(),
        "ring_spread": view.colours[view.ring].std(axis=0).mean(),
    }


def _light(view: View, region: np.ndarray, off: np.ndarray) -> dict[str, float]:
    """Brightness and tint against what is around it: a shadow is darker and has the same tint."""
    light = view.rgb.astype(np.float32) + 4
    bright = light.sum(axis=-1)
    tint = light / bright[..., None]
    around = view.free & ~region & (off <= 0.1)
    level = np.median(bright[region])
    found = {"brighter": np.log(level / np.median(bright[view.inside])), "darker": 0.0, "tint": -3.0}
    if around.any():
        change = np.abs(np.median(tint[region], axis=0) - np.median(tint[around], axis=0)).max()
        found |= {"darker": np.log(level / np.median(bright[around])), "tint": np.log(change + 0.003)}
    return found


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Top, left, height, width."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return top, left, height, width
