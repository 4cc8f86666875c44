"""The shadow that the figure casts on the ground: every ball of its body thrown along the light."""

import cv2
import numpy as np

from benchmarks.scene.body import Body
from benchmarks.scene.camera import Camera
from benchmarks.scene.look import Stand

# Height bands in metres: the higher the part, the softer its shadow's edge, for the sun is no point.
BANDS = ((0.0, 0.25), (0.25, 0.8), (0.8, 1.3), (1.3, 2.2))
OVERSAMPLING = 2


def cast_shadow(
    camera: Camera, stand: Stand, body: Body, towards_sun: np.ndarray, softness: float
) -> np.ndarray:
    """Share of the sun that is hidden: float32 (H, W) from 0 to 1. softness: penumbra per metre of way."""
    balls = _balls(stand, body)
    size = (camera.height_px, camera.width_px)
    lit = np.ones(size, np.float32)
    scale = camera.focal_px / stand.distance_m
    for low, high in BANDS:
        band = balls[(balls[:, 1] >= low - 0.05) & (balls[:, 1] < high + 0.05)]
        hidden = _thrown(camera, stand, band, towards_sun)
        way_m = 0.5 * (low + high) / towards_sun[1]
        blur = max(0.6, scale * softness * way_m)
        lit *= 1 - cv2.GaussianBlur(hidden, (0, 0), blur, sigmaY=max(0.5, 0.4 * blur))
    return 1 - lit


def contact_shadow(camera: Camera, stand: Stand, body: Body) -> np.ndarray:
    """Share of the sky that the shoes hide from the ground right beside them: float32 (H, W) from 0 to 1."""
    feet = np.vstack([nodes for name, nodes in body.chains.items() if name.endswith("shoe")])
    points = np.c_[stand.place(feet[:, :3]), feet[:, 3]]
    low = points[points[:, 1] < 0.09]
    straight = np.array([0.0, 1.0, 0.0])
    scale = camera.focal_px / stand.distance_m
    near = cv2.GaussianBlur(_thrown(camera, stand, low, straight), (0, 0), 0.02 * scale, sigmaY=0.009 * scale)
    wide = cv2.GaussianBlur(
        _thrown(camera, stand, points, straight), (0, 0), 0.10 * scale, sigmaY=0.035 * scale
    )
    return np.clip(0.75 * near + 0.5 * wide, 0, 0.92)


def _balls(stand: Stand, body: Body) -> np.ndarray:
    """float (N, 4): x, up, z towards the camera, radius."""
    chains = np.vstack(list(body.chains.values()))
    balls = [np.c_[stand.place(chains[:, :3]), chains[:, 3]]]
    for rows in body.profiles.values():
        radius = np.minimum(rows[:, 3], rows[:, 4])
        long_way = np.maximum(rows[:, 3], rows[:, 4]) - radius
        wide = rows[:, 3] >= rows[:, 4]
        for share in np.linspace(-1, 1, 7):
            left = rows[:, 1] + np.where(wide, share * long_way, 0)
            front = rows[:, 2] + np.where(wide, 0, share * long_way)
            balls.append(np.c_[stand.place(np.stack([left, rows[:, 0], front], axis=1)), radius])
    return np.vstack(balls)


def _thrown(camera: Camera, stand: Stand, balls: np.ndarray, towards_sun: np.ndarray) -> np.ndarray:
    """Coverage float32 (H, W) of the balls' shadows on the ground."""
    drift = towards_sun[[0, 2]] / towards_sun[1]
    centres = balls[:, [0, 2]] - balls[:, 1:2] * drift
    length = float(np.hypot(*drift))
    along = drift / length if length > 0 else np.array([1.0, 0.0])
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    ring = np.cos(angle)[:, None] * along / towards_sun[1] + np.sin(angle)[:, None] * np.array(
        [-along[1], along[0]]
    )
    canvas = np.zeros((camera.height_px * OVERSAMPLING, camera.width_px * OVERSAMPLING), np.uint8)
    for centre, radius in zip(centres, balls[:, 3], strict=True):
        ground = centre + radius * ring
        distance = stand.distance_m - ground[:, 1]
        if distance.min() < 1.0:
            continue
        points = np.stack([ground[:, 0] + stand.x_m, 0 * distance, distance], axis=1)
        corners = (camera.project(points) * OVERSAMPLING * 16).round().astype(np.int32)
        cv2.fillConvexPoly(canvas, corners, 1, lineType=cv2.LINE_8, shift=4)
    covered = cv2.resize(
        canvas.astype(np.float32), (camera.width_px, camera.height_px), interpolation=cv2.INTER_AREA
    )
    return covered
