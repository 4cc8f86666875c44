"""What speaks for a dark region being the shadow of the object above it: measured numbers."""

from __future__ import annotations

import cv2
import numpy as np

from postprocess.ground import Surroundings
from postprocess.shadow_regions import Region

LEAST_DARKENING = 0.02
"""Regions less dark than this (log light) against the ground around are none."""

Evidence = dict[str, float]


class Witness:
    """Measures the regions around one object; what all of them share is worked out once."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.light = around.log_light.mean(axis=2)
        weight = around.free.astype(np.float32)
        level = cv2.GaussianBlur(self.light * weight, (0, 0), 1.5)
        self.detail = np.abs(self.light - level / np.maximum(cv2.GaussianBlur(weight, (0, 0), 1.5), 1e-3))
        rows = np.arange(len(self.light), dtype=np.float32)[:, None]
        self.below = np.broadcast_to((rows - around.contact_row) / around.size_px, self.light.shape)
        legs = around.mine & (self.below > -0.35)
        self.legs = np.median(around.log_light[legs], axis=0) if legs.any() else np.zeros(3)
        rows_held, columns_held = (np.ptp(held) + 1 for held in np.nonzero(around.mine))
        self.tall = float(np.log(rows_held / columns_held))
        self.edge_px = max(2, round(0.03 * around.size_px))
        self.ring_px = max(3, round(0.08 * around.size_px))

    def measure(self, region: Region) -> Evidence | None:
        """The evidence of a region; None where it is no darker than the ground around it."""
        around = self.around
        inside = region.mask & around.beyond
        distance = cv2.distanceTransform((~region.mask).view(np.uint8), cv2.DIST_L2, 3)
        ring = around.beyond & (distance > 1.5) & (distance <= 1.5 + self.ring_px)
        if ring.sum() < 10 or inside.sum() < 8:
            return None
        here, there = np.median(around.log_light[inside], axis=0), np.median(around.log_light[ring], axis=0)
        fall = there - here
        dark = float(fall.mean())
        if dark <= LEAST_DARKENING:
            return None
        edge = self._edge(region.mask, inside, distance)
        if edge is None:
            return None
        evidence = {
            "dark": dark,
            "red_blue": float(fall[0] - fall[2]),
            "green": float(fall[1] - (fall[0] + fall[2]) / 2),
            "legs": float(np.abs(here - self.legs).mean()),
            "ground": float(there.mean()),
            "growth": float(np.log1p(max(0.0, region.growth) * dark)),
        }
        evidence |= self._edges(edge / dark)
        evidence |= self._texture(inside, ring, dark)
        evidence |= self._place(region.mask, inside, distance)
        evidence |= self._elsewhere(distance, (here.mean() + there.mean()) / 2, dark, ring)
        return evidence

    def _edge(self, mask: np.ndarray, inside: np.ndarray, distance: np.ndarray) -> np.ndarray | None:
        """How much lighter it is just outside than just inside, along the outline: float (N,)."""
        outside = self.around.beyond & ~mask
        shares, means = [], []
        for part in (inside, outside):
            weight = part.astype(np.float32)
            share = self._box(weight)
            shares.append(share)
            means.append(self._box(self.light * weight) / np.maximum(share, 1e-4))
        along = outside & (distance <= 1.5) & (shares[0] > 0.02) & (shares[1] > 0.02)
        return (means[1] - means[0])[along] if along.sum() >= 5 else None

    def _box(self, plane: np.ndarray) -> np.ndarray:
        side = 2 * self.edge_px + 1
        return cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE)

    @staticmethod
    def _edges(edge: np.ndarray) -> Evidence:
        return {
            "edge": float(np.median(edge)),
            "edge_share": float((edge > 0.4).mean()),
            "edge_least": float(np.percentile(edge, 20)),
        }

    def _texture(self, inside: np.ndarray, ring: np.ndarray, dark: float) -> Evidence:
        spread_in = np.ptp(np.percentile(self.light[inside], [20, 80]))
        spread_ring = np.ptp(np.percentile(self.light[ring], [20, 80]))
        detail_in, detail_ring = float(self.detail[inside].mean()), float(self.detail[ring].mean())
        return {
            "texture": float(np.log((detail_in + 0.003) / (detail_ring + 0.003))),
            "ground_texture": detail_ring,
            "even": float(spread_in / dark),
            "ground_even": float(spread_ring / dark),
        }

    def _place(self, mask: np.ndarray, inside: np.ndarray, distance: np.ndarray) -> Evidence:
        around = self.around
        area_px = float(inside.sum())
        below = self.below[inside]
        contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        hull_px = sum(cv2.contourArea(cv2.convexHull(contour)) for contour in contours) + 1
        beside = (distance > 0) & (distance <= 1.5)
        outline_px = max(1, int(beside.sum()))
        return {
            "area": float(np.log(area_px / around.mine.sum())),
            "reach": float(np.percentile(around.to_contact[inside], 95) / around.size_px),
            "above": float((below < -0.12).mean()),
            "under": float((below > 0.02).mean()),
            "depth": float(np.median(below)),
            "met": float((distance[around.contact] <= around.rim_px + 2).mean()),
            "frame": float((around.frame & inside).sum() / area_px**0.5),
            "hugging": float((around.to_objects[inside] < 2 * around.rim_px + 1).mean()),
            "solid": float(mask.sum() / hull_px),
            "touching": float((beside & around.others).sum() / outline_px),
            "cut": around.cut,
            "tall": self.tall,
        }

    def _elsewhere(self, distance: np.ndarray, level: float, dark: float, ring: np.ndarray) -> Evidence:
        """Dark ground away from the region, and how much the ground around differs from side to side."""
        around = self.around
        near = around.beyond & (around.to_contact < 1.2 * around.size_px) & (self.below > -0.3)
        near &= distance > 1.5 + self.ring_px
        rows, columns = np.nonzero(ring)
        light = self.light[ring]
        sides = [
            np.median(light[part])
            for part in (
                rows < np.median(rows),
                rows >= np.median(rows),
                columns < np.median(columns),
                columns >= np.median(columns),
            )
            if part.sum() >= 5
        ]
        return {
            "dark_elsewhere": float((self.light[near] < level).mean()) if near.sum() > 20 else 0.0,
            "sides": float(np.ptp(sides) / dark) if sides else 0.0,
        }
