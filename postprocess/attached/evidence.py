"""What speaks for and against a region's clinging to an object, as numbers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from postprocess.attached.view import Cut, View, convex_hull, median, outline, percentiles

Evidence = Mapping[str, float]

RIM = 0.035  # of the object's size: what lies closer is the rim that a mask misses, and no region by itself
LIKE = 0.05  # of a region has a colour: then what has it elsewhere is like the region
NEAR = 0.15  # of the object's size: how far around a region its colours are looked for
MIN_CONTACT, MIN_BEYOND = 0.1, 0.25  # with less nothing else matters


def evidence_of(
    view: View, region: np.ndarray, *, wanted: Callable[[Evidence], bool] | None = None
) -> Evidence | None:
    """The evidence on a region, bool (h, w) with some True; None where it hardly touches, or is a mere rim.

    Lengths are over the object's size, the root of its area; heights are on the object, 0 its upper and 1 its
    lower edge; colours are in Lab units. wanted: asked about contact and place before all else is measured;
    where it says no, the answer is None too.
    """
    cut = view.around(region)
    part = region[cut]
    edge = outline(part)
    contact = float(view.touching[cut][edge].mean())
    away = view.away[cut][part]
    beyond = float((away > RIM * view.size + 1).mean())
    if contact < MIN_CONTACT or beyond < MIN_BEYOND:
        return None
    found = {"contact": contact, "beyond": beyond} | _place(view, cut, part, edge)
    if wanted is not None and not wanted(found):
        return None
    found |= _shape(part, edge) | _edges(view, cut, part, edge)
    cut = view.around(region, NEAR)
    part = region[cut]
    off = cv2.distanceTransform((~part).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / view.size
    found |= _colours(view, cut, part, off) | _light(view, cut, part, off)
    return {name: float(value) for name, value in found.items()}


def _place(view: View, cut: Cut, region: np.ndarray, edge: np.ndarray) -> dict[str, float]:
    rows, columns = np.nonzero(region)
    rows, columns = rows + cut[0].start, columns + cut[1].start
    top, left, height, width = view.box
    away = view.away[cut][region]
    contact = view.touching[cut] & edge
    lower, upper = edge.copy(), edge.copy()
    lower[:-1] &= ~region[1:]
    upper[1:] &= ~region[:-1]
    last_row, last_column = (side - 1 for side in view.inside.shape)
    frame = (rows == 0) | (rows == last_row) | (columns == 0) | (columns == last_column)
    return {
        "hull": view.hull[cut][region].mean(),
        "far": away.max() / view.size,
        "mean_far": away.mean() / view.size,
        "area": np.log(len(rows) / view.area),
        "contact_length": contact.sum() / view.size,
        "frame": frame.sum() / edge.sum(),
        "others": view.beside_others[cut][edge].mean(),
        "top": (rows[0] - top) / height,
        "bottom": (rows[-1] + 1 - top) / height,
        "middle": (rows.mean() - top) / height,
        "sideways": abs(columns.mean() - (left + width / 2)) / width,
        "slim": np.log(height / width),
        "lower_contact": contact[lower].mean() if lower.any() else 0.0,
        "upper_contact": contact[upper].mean() if upper.any() else 0.0,
        "object_share": np.log(view.area / view.inside.size),
        "object_cut": view.inside[-1].any(),
    }


def _shape(region: np.ndarray, edge: np.ndarray) -> dict[str, float]:
    _, _, width, height = cv2.boundingRect(region.view(np.uint8))
    area = float(region.sum())
    return {
        "tall": np.log(height / width),
        "fill": area / (height * width),
        "solid": area / max(1, convex_hull(region).sum()),
        "compact": edge.sum() / area**0.5,
    }


def _edges(view: View, cut: Cut, region: np.ndarray, edge: np.ndarray) -> dict[str, float]:
    """How sharply the region ends where it is not at the object, and how it differs from the object."""
    inner, _ = view.beside(region, cut, edge)
    outer, known = view.beside(view.free[cut] & ~region, cut, edge)
    body, near_body = view.beside(view.inside[cut], cut, edge)
    touching = view.touching[cut]
    free, at_object = edge & ~touching, touching[edge]
    clear, touched = ~at_object & (known > 0.05), at_object & (near_body > 0.02)
    steps = np.linalg.norm(inner[clear] - outer[clear], axis=1) if clear.sum() > 3 else np.zeros(1)
    shares = (10, 25, 50, 75)
    found = dict(zip((f"edge_{share}" for share in shares), percentiles(steps, shares), strict=True))
    sharp = percentiles(view.sharpest[cut][free], (50, 20)) if free.any() else (0.0, 0.0)
    return found | {
        "free": clear.mean(),
        "gradient_50": sharp[0],
        "gradient_20": sharp[1],
        "gradient_inside": median(view.gradient[cut][region]),
        "from_object": median(np.linalg.norm(inner[touched] - body[touched], axis=1))
        if touched.sum() > 2
        else 0.0,
    }


def _colours(view: View, cut: Cut, region: np.ndarray, off: np.ndarray) -> dict[str, float]:
    """Where else the region's colours are: in the surroundings, close by, on the object. off: the distance to
    the region."""
    area = region.sum()
    like = view.like(region, cut, LIKE)
    at_region = like.near & (off <= 0.04)
    elsewhere = like.free - (at_region & view.free[cut]).sum()
    elsewhere_near = like.band - (at_region & view.band[cut]).sum()
    around = like.near & view.free[cut] & (off > 0.04) & (off <= NEAR)
    common = view.commonness[cut][region]
    return {
        "elsewhere": np.log(elsewhere / area + 0.01),
        "elsewhere_near": np.log(elsewhere_near / area + 0.01),
        "around": around.sum() / area,
        "in_object": np.log(like.inside / view.area + 0.003),
        "common": np.log(common.mean() + 1e-4),
        "common_80": np.log(percentiles(common, (80,))[0] + 1e-4),
        "spread": cv2.meanStdDev(view.colours[cut], mask=region.view(np.uint8))[1].mean(),
        "ring_spread": view.ring_spread,
    }


def _light(view: View, cut: Cut, region: np.ndarray, off: np.ndarray) -> dict[str, float]:
    """Brightness and tint against what is around it: a shadow is darker and has the same tint."""
    bright, tint = (array[cut] for array in view.light)
    around = view.free[cut] & ~region & (off <= 0.1)
    level = float(median(bright[region]))
    found = {"brighter": np.log(level / view.object_light), "darker": 0.0, "tint": -3.0}
    if around.any():
        change = float(np.abs(median(tint[region]) - median(tint[around])).max())
        found |= {"darker": np.log(level / float(median(bright[around]))), "tint": np.log(change + 0.003)}
    return found
