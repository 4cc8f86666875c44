"""What speaks for a dark region being the shadow of the object above it: measured numbers."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from postprocess.shadows.extent import Extent
from postprocess.shadows.ground import Box, Surroundings
from postprocess.shadows.regions import Region

LEAST_DARKENING = 0.02
"""Regions less dark than this (log light) against the ground around are none."""
TINY = 0.05
"""Added to ratios before the logarithm."""

Evidence = dict[str, float]


@dataclass(frozen=True, eq=False)
class Part:
    """A region in the window that holds it and the ground around: bool (h, w). distance: pixels from it."""

    window: Box
    mask: np.ndarray
    inside: np.ndarray
    ring: np.ndarray
    distance: np.ndarray


class Witness:
    """Measures the regions around one object; what all of them share is worked out once."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        red, green, blue = np.moveaxis(around.log_light, 2, 0)
        self.light = np.ascontiguousarray(around.log_light.mean(axis=2))
        self.red_blue = red - blue
        self.green = green - (red + blue) / 2
        weight = around.free.astype(np.float32)
        level = cv2.GaussianBlur(self.light * weight, (0, 0), 1.5)
        self.detail = np.abs(self.light - level / np.maximum(cv2.GaussianBlur(weight, (0, 0), 1.5), 1e-3))
        rows = np.arange(len(self.light), dtype=np.float32)[:, None]
        self.below = np.broadcast_to((rows - around.contact_row) / around.size_px, self.light.shape)
        legs = around.mine & (self.below > -0.35)
        self.legs = _medians(around.log_light[legs]) if legs.any() else np.zeros(3)
        rows_held, columns_held = (np.ptp(held) + 1 for held in np.nonzero(around.mine))
        self.tall = float(np.log(rows_held / columns_held))
        self.mine_px, self.contact_px = np.count_nonzero(around.mine), np.count_nonzero(around.contact)
        self.edge_px = max(2, round(0.03 * around.size_px))
        self.ring_px = 1.5 + max(3, round(0.08 * around.size_px))
        self.near = around.beyond & (around.to_contact < 1.2 * around.size_px) & (self.below > -0.3)
        self.near_light = np.sort(self.light[self.near])
        self.extent = Extent(around, self.light)

    def measure(self, region: Region) -> Evidence | None:
        """The evidence of a region; None where it is no darker than the ground around it."""
        part = self._part(region.mask)
        if np.count_nonzero(part.ring) < 10 or np.count_nonzero(part.inside) < 8:
            return None
        log_light = self.around.log_light[part.window]
        here, there = _medians(log_light[part.inside]), _medians(log_light[part.ring])
        fall = there - here
        dark = float(fall.mean())
        if dark <= LEAST_DARKENING:
            return None
        edges = self._edges(part, dark)
        if edges is None:
            return None
        red_blue, green = float(fall[0] - fall[2]), float(fall[1] - (fall[0] + fall[2]) / 2)
        evidence = {
            "dark": dark,
            "red_blue": red_blue / dark,
            "green": green / dark,
            "legs": float(np.abs(here - self.legs).mean()),
            "ground": float(there.mean()),
            "growth": float(np.log1p(max(0.0, region.growth) * dark)),
        }
        evidence |= edges
        evidence |= self._texture(part, dark)
        evidence |= self._place(part)
        evidence |= self._elsewhere(part, float(here.mean() + there.mean()) / 2, dark)
        evidence |= self.extent.measure(part.window, part.inside, part.ring)
        return evidence

    def _part(self, mask: np.ndarray) -> Part:
        margin = int(self.ring_px) + 2 + self.edge_px
        left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
        window = (
            slice(max(0, top - margin), top + height + margin),
            slice(max(0, left - margin), left + width + margin),
        )
        region = np.ascontiguousarray(mask[window])
        beyond = self.around.beyond[window]
        distance = cv2.distanceTransform((~region).view(np.uint8), cv2.DIST_L2, 3)
        ring = beyond & (distance > 1.5) & (distance <= self.ring_px)
        return Part(window, region, region & beyond, ring, distance)

    def _edges(self, part: Part, dark: float) -> Evidence | None:
        """How light and colour change across the outline; None where too little of it lies open."""
        outside = self.around.beyond[part.window] & ~part.mask
        weights = part.inside.astype(np.float32), outside.astype(np.float32)
        shares = [self._box(weight) for weight in weights]
        along = outside & (part.distance <= 1.5) & (shares[0] > 0.02) & (shares[1] > 0.02)
        if np.count_nonzero(along) < 5:
            return None

        def change(plane: np.ndarray) -> np.ndarray:
            within, without = (
                self._box(plane[part.window] * weight)[along] / share[along]
                for weight, share in zip(weights, shares, strict=True)
            )
            result: np.ndarray = without - within
            return result

        edge = change(self.light) / dark
        colour = np.abs(change(self.red_blue)) + np.abs(change(self.green))
        return {
            "edge": _quantile(edge, 0.5),
            "edge_share": _share(edge > 0.4),
            "edge_least": _quantile(edge, 0.2),
            "edge_colour": float(np.log(_quantile(colour, 0.5) / dark + TINY)),
        }

    def _box(self, plane: np.ndarray) -> np.ndarray:
        side = 2 * self.edge_px + 1
        return cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE)

    def _texture(self, part: Part, dark: float) -> Evidence:
        light, detail, tint = (plane[part.window] for plane in (self.light, self.detail, self.red_blue))
        detail_in, detail_ring = float(detail[part.inside].mean()), float(detail[part.ring].mean())
        tint_in, tint_ring = _spread(tint[part.inside]), _spread(tint[part.ring])
        return {
            "texture": float(np.log((detail_in + 0.003) / (detail_ring + 0.003))),
            "ground_texture": detail_ring,
            "even": float(np.log(_spread(light[part.inside]) / dark + TINY)),
            "ground_even": float(np.log(_spread(light[part.ring]) / dark + TINY)),
            "colours": float(np.log((tint_in + 0.02) / (tint_ring + 0.02))),
            "fade": self._fade(part),
        }

    def _fade(self, part: Part) -> float:
        """-1 to 1: how steadily the ground grows lighter away from the contact (correlation)."""
        near = part.inside | part.ring
        way, light = self.around.to_contact[part.window][near], self.light[part.window][near]
        spread = float(way.std() * light.std())
        return float(((way - way.mean()) * (light - light.mean())).mean()) / spread if spread > 1e-6 else 0.0

    def _place(self, part: Part) -> Evidence:
        around, inside = self.around, part.inside
        area_px = float(np.count_nonzero(inside))
        below = self.below[part.window][inside]
        contours, _ = cv2.findContours(part.mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        hull_px = sum(cv2.contourArea(cv2.convexHull(contour)) for contour in contours) + 1
        beside = (part.distance > 0) & (part.distance <= 1.5)
        touching = _share(around.others[part.window][beside])
        met = np.count_nonzero(part.distance[around.contact[part.window]] <= around.rim_px + 2)
        hugging = around.to_objects[part.window][inside] < 2 * around.rim_px + 1
        return {
            "area": float(np.log(area_px / self.mine_px)),
            "reach": _quantile(around.to_contact[part.window][inside], 0.95) / around.size_px,
            "above": _share(below < -0.12),
            "under": _share(below > 0.02),
            "depth": _quantile(below, 0.5),
            "met": float(met / self.contact_px),
            "frame": float(np.count_nonzero(around.frame[part.window] & inside) / area_px**0.5),
            "hugging": _share(hugging),
            "solid": float(np.count_nonzero(part.mask) / hull_px),
            "touching": float(np.log(touching + 0.02)),
            "cut": around.cut,
            "low": around.low,
            "tall": self.tall,
        }

    def _elsewhere(self, part: Part, level: float, dark: float) -> Evidence:
        """Dark ground away from the region, and how much the ground around differs from side to side."""
        light = self.light[part.window]
        close = self.near[part.window] & (part.distance <= self.ring_px)
        count = len(self.near_light) - np.count_nonzero(close)
        darker = int(np.searchsorted(self.near_light, level)) - np.count_nonzero(close & (light < level))
        rows, columns = np.nonzero(part.ring)
        ring = light[part.ring]
        halves = (rows < _quantile(rows, 0.5), columns < _quantile(columns, 0.5))
        sides = [
            _quantile(ring[side], 0.5)
            for half in halves
            for side in (half, ~half)
            if np.count_nonzero(side) >= 5
        ]
        return {
            "dark_elsewhere": darker / count if count > 20 else 0.0,
            "sides": float(np.log(np.ptp(sides) / dark + TINY)) if sides else 0.0,
        }


def _quantile(values: np.ndarray, share: float) -> float:
    """The value that about `share` of the others are below: much quicker than NumPy's on small arrays."""
    index = int(share * (len(values) - 1))
    return float(np.partition(values, index)[index])


def _share(marks: np.ndarray) -> float:
    """Share of a bool array that is True; 0 of an empty one."""
    return np.count_nonzero(marks) / max(1, marks.size)


def _medians(colours: np.ndarray) -> np.ndarray:
    return np.array([_quantile(colours[:, channel], 0.5) for channel in range(3)])


def _spread(values: np.ndarray) -> float:
    return _quantile(values, 0.8) - _quantile(values, 0.2)
