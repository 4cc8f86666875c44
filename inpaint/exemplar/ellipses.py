"""Circles and ellipses through points: fits of least squares. Points are (y, x)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LEAST_AXIS_PX = 8.0


@dataclass(frozen=True)
class Ellipse:
    """An ellipse.

    centre: float64 (2,). axes: float64 (2,), the lengths of both half axes. directions: float64 (2, 2), their
    unit directions, one a row.
    """

    centre: np.ndarray
    axes: np.ndarray
    directions: np.ndarray

    def unit(self, points: np.ndarray) -> np.ndarray:
        """float64 (N, 2): where the points are when the ellipse is made a circle of radius 1."""
        found: np.ndarray = (points - self.centre) @ self.directions.T / self.axes
        return found

    def off(self, points: np.ndarray) -> np.ndarray:
        """float64 (N,): how far outside of it, to first order."""
        unit = self.unit(points)
        radius = np.maximum(np.linalg.norm(unit, axis=1), 1e-6)
        steepness = np.linalg.norm(unit / self.axes, axis=1) / radius
        found: np.ndarray = (radius - 1) / np.maximum(steepness, 1e-9)
        return found

    def angles(self, points: np.ndarray) -> np.ndarray:
        """float64 (N,): which of its points these are, from point to point less than half a turn apart."""
        unit = self.unit(points)
        return np.unwrap(np.arctan2(unit[:, 0], unit[:, 1]))

    def points(self, angles: np.ndarray) -> np.ndarray:
        """float64 (N, 2): its points at float64 (N,) angles."""
        unit = np.stack([np.sin(angles), np.cos(angles)], -1)
        found: np.ndarray = self.centre + (unit * self.axes) @ self.directions
        return found


def fit_circle(points: np.ndarray) -> Ellipse | None:
    """The circle nearest to float64 (N, 2) points (Pratt 1987); None = a line."""
    middle = points.mean(axis=0)
    scale = float(np.abs(points - middle).max())
    p = (points - middle) / scale
    design = np.column_stack([(p**2).sum(axis=1), p, np.ones(len(p))])
    bound = np.array([[0, 0, 0, -2], [0, 1, 0, 0], [0, 0, 1, 0], [-2, 0, 0, 0]])  # B^2 + C^2 - 4 A D = 1
    values, vectors = np.linalg.eig(np.linalg.solve(bound, design.T @ design / len(p)))
    values, vectors = values.real, vectors.real
    positive = np.flatnonzero(values > -1e-12)
    if len(positive) == 0:
        return None
    a, b, c, d = vectors[:, positive[np.argmin(values[positive])]]
    if abs(a) < 1e-4:
        return None
    centre = np.array([-b, -c]) / (2 * a)
    radius = scale * float(np.sqrt(max(float(centre @ centre - d / a), 0.0)))
    return Ellipse(middle + scale * centre, np.array([radius, radius]), np.eye(2))


def fit_ellipse(points: np.ndarray) -> Ellipse | None:
    """The ellipse of least squares of float64 (N, 2) points (Fitzgibbon et al. 1999); None where there is
    none, or a half axis is shorter than `LEAST_AXIS_PX`."""
    middle = points.mean(axis=0)
    (x, y), (width, height), angle = cv2.fitEllipseDirect((points - middle)[:, ::-1].astype(np.float32))
    turn = np.radians(angle)
    directions = np.array([[np.sin(turn), np.cos(turn)], [np.cos(turn), -np.sin(turn)]])
    axes = np.array([width, height]) / 2
    if not np.isfinite([x, y, width, height]).all() or axes.min() < LEAST_AXIS_PX:
        return None
    return Ellipse(middle + np.array([y, x]), axes, directions)
