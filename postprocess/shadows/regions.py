"""Regions that could be an object's shadow: dark, and connected with where it meets the ground."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from postprocess.morphology import connected_to
from postprocess.shadows.ground import Surroundings

SMOOTHINGS = ((0.7, 0.0), (1.0, 0.02), (1.5, 0.04))
"""Gaussians by which the ground's texture is levelled: the larger of pixels and share of the object."""
LEVELS = 16
"""Thresholds tried at each smoothing."""
LEAST_REGION_PX = 8
SOFT_SHARE = 0.05
"""Width of a half-shadow that is looked for, as a share of the object's size."""
SOFT_LEVEL = 0.3
"""Ground that is darkened by more than this share of what the shadow is darkened belongs to it."""
REACHES = (0.15, 0.3)
"""Regions that run on are tried cut off, too, at these shares of the object's size: contact shadows."""


@dataclass(frozen=True, eq=False)
class Region:
    """Ground darker than a threshold that touches the contact. mask: bool (h, w). growth: how fast its area
    rises with the threshold (d log area / d log light): low where the edge is clear. short: whether it was
    cut off at a distance from the contact."""

    mask: np.ndarray
    growth: float
    short: bool


def dark_regions(around: Surroundings) -> Iterator[Region]:
    """All regions worth judging, from the darkest core on; nested for each smoothing.

    Thresholds stand in for the boundary of a shadow as in maximally stable extremal regions (Matas et al.,
    "Robust wide baseline stereo from maximally stable extremal regions", BMVC 2002).
    """
    near = around.beyond & (around.to_contact < around.size_px)
    seed = around.free & (around.to_contact <= around.rim_px + max(2.0, 0.04 * around.size_px))
    if near.sum() < 30 or not seed.any():
        return
    clear = around.free & (around.to_objects > 1)
    seen: set[tuple[int, int]] = set()
    for smoothing, (least_px, share) in enumerate(SMOOTHINGS):
        light = _smoothed(around.log_light, clear, max(least_px, share * around.size_px))
        low, high = np.percentile(light[near], [1, 85])
        levels = np.linspace(low, high, LEVELS + 1)[1:]
        masks = [connected_to(seed, around.free & (light < level), connectivity=4) for level in levels]
        areas = [int(np.count_nonzero(mask & around.beyond)) for mask in masks]
        for index, (mask, area_px) in enumerate(zip(masks, areas, strict=True)):
            key = (smoothing, int(50 * area_px / around.size_px**2 * 4))
            if area_px < LEAST_REGION_PX or key in seen:
                continue
            seen.add(key)
            growth = _growth(areas, levels, index)
            yield Region(mask, growth, short=False)
            for reach in REACHES:
                close = mask & (around.to_contact < reach * around.size_px)
                close_px = np.count_nonzero(close & around.beyond)
                if LEAST_REGION_PX <= close_px < 0.8 * area_px:
                    yield Region(close, growth, short=True)


def with_soft_edge(around: Surroundings, region: np.ndarray) -> np.ndarray:
    """The region, bool (h, w), and the half-shadow around it: up to where the ground is nearly as light as
    further out."""
    reach_px = max(2.0, SOFT_SHARE * around.size_px)
    distance = cv2.distanceTransform((~region).view(np.uint8), cv2.DIST_L2, 3)
    inside = region & around.beyond
    ring = around.beyond & (distance > reach_px) & (distance <= 2 * reach_px + 1)
    if inside.sum() < LEAST_REGION_PX or ring.sum() < LEAST_REGION_PX:
        return region
    light = _smoothed(around.log_light, around.free & (around.to_objects > 1), SMOOTHINGS[0][0])
    here, there = float(np.median(light[inside])), float(np.median(light[ring]))
    dim = around.free & (distance <= reach_px) & (light < there - SOFT_LEVEL * (there - here))
    return connected_to(region, region | dim, connectivity=4)


def _growth(areas: list[int], levels: np.ndarray, index: int) -> float:
    before, after = max(0, index - 1), min(len(areas) - 1, index + 1)
    step = float(levels[after] - levels[before])
    return float(np.log((areas[after] + 1) / (areas[before] + 1)) / max(step, 1e-3))


def _smoothed(log_light: np.ndarray, clear: np.ndarray, sigma_px: float) -> np.ndarray:
    """Mean over the channels, blurred without what is not clear: float32 (h, w)."""
    weight = clear.astype(np.float32)
    total = cv2.GaussianBlur(log_light.mean(axis=2) * weight, (0, 0), sigma_px)
    result: np.ndarray = total / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma_px), 1e-3)
    return result
