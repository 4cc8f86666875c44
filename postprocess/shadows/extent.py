"""How far a region reaches from the object and to which sides, and what light the scene around shows."""

from __future__ import annotations

import numpy as np

from postprocess.shadows.ground import Surroundings

FAR_END = 0.95
"""Share of a region's pixels that lie within its reach: single ones further off do not count."""
LEAST_FRAME_PX = 3
"""A region that meets an edge of the photo in fewer pixels does not run out of it there."""


class Extent:
    """Measures the reach of regions around one object; what all of them share is worked out once."""

    def __init__(self, around: Surroundings, light: np.ndarray) -> None:
        """light: float32 (h, w), mean over the channels of `around.log_light`."""
        self.around, self.light = around, light
        rows, columns = np.nonzero(around.contact)
        self.feet = float(columns.min()), float(columns.max())
        self.feet_wide = float(np.ptp(columns) + 1) / around.size_px
        self.feet_uneven = float(rows.std()) / around.size_px
        slopes = [np.abs(np.diff(light, axis=axis, append=0)) for axis in (0, 1)]
        self.slope = np.maximum(*slopes)
        ground = light[around.beyond & (around.to_contact < 1.5 * around.size_px)]
        low, high = np.percentile(ground, [5, 95]) if ground.size else (0.0, 0.0)
        self.brightest, self.span = float(high), float(high - low)
        mine = around.mine
        edges = around.frame[:, 0], around.frame[:, -1], around.frame[0]
        ends = mine[:, 0], mine[:, -1], mine[0]
        self.held = sum(
            bool((frame & end).any()) for frame, end in zip(edges, ends, strict=True)
        )  # by how many sides of the photo the object is cut off

    def measure(self, window: tuple[slice, slice], inside: np.ndarray, ring: np.ndarray) -> dict[str, float]:
        """window: of the surroundings. inside, ring: bool (h, w) in it, the region and the ground around."""
        size = self.around.size_px
        rows, columns = np.nonzero(inside)
        columns = columns + (window[1].start or 0)
        rows = rows + (window[0].start or 0)
        left = max(0.0, self.feet[0] - _end(columns, 1 - FAR_END)) / size
        right = max(0.0, _end(columns, FAR_END) - self.feet[1]) / size
        up = max(0.0, self.around.contact_row - _end(rows, 1 - FAR_END)) / size
        down = max(0.0, _end(rows, FAR_END) - self.around.contact_row) / size
        spread = np.cov(np.stack([columns, rows])) if len(rows) > 2 else np.eye(2)
        minor, major = np.linalg.eigvalsh(spread)
        slope, outside = self.slope[window], ~inside
        rim = ring & ~inside
        lit = self.light[window]
        return {
            "far_side": max(left, right),
            "near_side": min(left, right),
            "up": up,
            "down": down,
            "both_ways": min(up, down),
            "thin": float(np.log((major + 1) / (minor + 1))),
            "filled": float(np.log(len(rows) / (4 * np.pi * np.sqrt((major + 1) * (minor + 1))))),
            "photo_sides": float(self._photo_sides(window, inside)),
            "feet_wide": self.feet_wide,
            "feet_uneven": self.feet_uneven,
            "held": float(self.held),
            "brightest": self.brightest,
            "span": self.span,
            "ring_bright": self.brightest - float(np.median(lit[rim])) if rim.any() else 0.0,
            "busy": float(np.log((slope[inside].mean() + 0.01) / (slope[outside & ring].mean() + 0.01))),
            "step": float(np.log((_rim_slope(slope, inside) + 0.01) / (slope[inside].mean() + 0.01))),
        }

    def _photo_sides(self, window: tuple[slice, slice], inside: np.ndarray) -> int:
        """Over how many edges of the photo the region runs out."""
        whole = np.zeros(self.light.shape, bool)
        whole[window] = inside
        whole &= self.around.frame
        sides = whole[:2], whole[-2:], whole[:, :2], whole[:, -2:]
        return sum(int(np.count_nonzero(side) >= LEAST_FRAME_PX) for side in sides)


def _end(values: np.ndarray, share: float) -> float:
    index = int(share * (len(values) - 1))
    return float(np.partition(values, index)[index])


def _rim_slope(slope: np.ndarray, inside: np.ndarray) -> float:
    """Mean slope of the light across the region's outline."""
    across = np.zeros_like(inside)
    across[:-1] |= inside[:-1] != inside[1:]
    across[:, :-1] |= inside[:, :-1] != inside[:, 1:]
    return float(slope[across].mean()) if across.any() else 0.0
