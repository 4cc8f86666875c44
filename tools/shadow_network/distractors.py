"""What looks like a shadow of the object and is none: dark floor, other things' shadows, trees, edges."""

from __future__ import annotations

import cv2
import numpy as np

from tools.shadow_network.drawing import Light, Placed, thrown


def noise(size: tuple[int, int], px: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of standard deviation 1 with details of about `px` pixels: float32 (H, W)."""
    small = (max(2, int(size[0] / px) + 2), max(2, int(size[1] / px) + 2))
    plane: np.ndarray = rng.standard_normal(small).astype(np.float32)
    plane = cv2.resize(plane, size[::-1], interpolation=cv2.INTER_CUBIC)
    result: np.ndarray = (plane - plane.mean()) / max(1e-3, float(plane.std()))
    return result


def floor(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A drawn ground: plain or with a grain, tiles, planks, bricks, grass: float32 (H, W, 3), 0 to 255."""
    colour = rng.uniform(50, 235) + rng.normal(0, 9, 3)
    plane = noise(size, rng.uniform(1, 12), rng) * rng.uniform(0, 14) + noise(size, 40, rng) * rng.uniform(
        0, 12
    )
    rows, columns = np.indices(size, dtype=np.float32)
    kind = rng.integers(5)
    if kind in (1, 2):
        wide, tall = rng.uniform(8, 50), rng.uniform(4, 30)
        lean = rng.normal(0, 0.3)
        at = columns + lean * rows
        row = (rows // tall).astype(int)
        column = ((at + (row % 2) * wide / 2 * (kind == 2)) // wide).astype(int)
        tone = rng.normal(0, rng.uniform(0, 25), (64, 128)).astype(np.float32)
        plane += tone[row % 64, column % 128]
        if rng.random() < 0.3:
            plane += ((row + column) % 2) * rng.uniform(-90, 90)
        joints = (rows % tall < 1) | (at % wide < 1)
        plane -= joints * rng.uniform(0, 40)
    elif kind == 3:
        plane += rng.standard_normal(size).astype(np.float32) * rng.uniform(5, 30)
    light = 1 + rng.normal(0, 0.15) * (rows / size[0] - 0.5) + rng.normal(0, 0.15) * (columns / size[1] - 0.5)
    picture = (colour + plane[..., None]) * light[..., None]
    if rng.random() < 0.4:
        edge = int(rng.uniform(0.15, 0.55) * size[0])
        above = rng.uniform(30, 240) + rng.normal(0, 20, 3)
        picture[:edge] = above + noise((edge, size[1]), rng.uniform(2, 30), rng)[..., None] * rng.uniform(
            0, 30
        )
    return picture.clip(0, 255).astype(np.float32)


def darkened(
    picture: np.ndarray, near: Placed, silhouettes: list[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """The linear picture float32 (H, W, 3) with one or two such things near an object."""
    for _ in range(int(rng.integers(1, 3))):
        kind = rng.integers(6)
        size = picture.shape[:2]
        if kind <= 1:
            shape = _patch(size, near, rng)
        elif kind == 2:
            shape = _band(size, near, rng)
        elif kind == 3:
            shape = _foreign(size, near, silhouettes, rng)
        elif kind == 4:
            shape = _dapples(size, rng)
        else:
            shape = _tracks(size, near, rng)
        factor = np.full(3, 1 - rng.uniform(0.25, 0.85), np.float32)
        if kind <= 2 and rng.random() < 0.6:  # of another colour, and with a grain of its own
            factor = factor * rng.uniform(0.7, 1.3, 3).astype(np.float32)
            grain = (factor * rng.uniform(0.1, 0.8)) * (1 + 0.2 * noise(size, 3, rng)[..., None])
            flat = rng.uniform(0, 1)
            target = picture * factor * flat + grain.clip(0, 1) * (1 - flat) * 0.5
        else:
            target = picture * factor
        picture = picture + (target - picture) * shape[..., None]
    return picture


def _spot(near: Placed, rng: np.random.Generator) -> tuple[float, float]:
    tall, wide = near.cover.shape
    return (
        float(near.left + wide / 2 + rng.normal(0, 0.5) * (tall + wide)),
        float(near.foot + rng.normal(0.05, 0.25) * tall),
    )


def _patch(size: tuple[int, int], near: Placed, rng: np.random.Generator) -> np.ndarray:
    shape = np.zeros(size, np.float32)
    x, y = _spot(near, rng)
    tall = len(near.cover)
    if rng.random() < 0.5:
        axes = (int(rng.uniform(0.08, 0.7) * tall) + 1, int(rng.uniform(0.04, 0.25) * tall) + 1)
        cv2.ellipse(shape, (int(x), int(y)), axes, float(rng.normal(0, 15)), 0, 360, 1.0, -1)
    else:
        corners = rng.uniform(-1, 1, (int(rng.integers(3, 6)), 2)) * (0.7 * tall, 0.3 * tall) + (x, y)
        cv2.fillConvexPoly(shape, cv2.convexHull(corners.astype(np.int32)), 1.0)
    return cv2.GaussianBlur(shape, (0, 0), rng.uniform(0.5, 3))


def _band(size: tuple[int, int], near: Placed, rng: np.random.Generator) -> np.ndarray:
    """A kerb, a hedge, the foot of a wall, the edge of water: from side to side, or up to a line."""
    shape = np.zeros(size, np.float32)
    y = near.foot + rng.normal(-0.05, 0.25) * len(near.cover)
    lean = rng.normal(0, 0.15) * size[1]
    thick = rng.uniform(0.03, 0.5) * len(near.cover) if rng.random() < 0.6 else 3 * size[0]
    down = 1 if rng.random() < 0.3 else -1
    xs = np.linspace(-5, size[1] + 5, 9)
    edge = y + lean * (xs / size[1] - 0.5) + rng.normal(0, rng.uniform(0, 3), 9)
    upper = np.stack([xs, edge], 1)
    lower = np.stack([xs, edge + down * thick], 1)[::-1]
    cv2.fillPoly(shape, [np.vstack([upper, lower]).astype(np.int32)], 1.0)
    if rng.random() < 0.3:
        shape[:, : int(rng.uniform(0, size[1]))] = 0
    return cv2.GaussianBlur(shape, (0, 0), rng.uniform(0.5, 2))


def _foreign(
    size: tuple[int, int], near: Placed, silhouettes: list[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """The shadow of something that the picture does not show."""
    silhouette = silhouettes[rng.integers(len(silhouettes))]
    tall = int(rng.uniform(0.5, 2.5) * len(near.cover)) + 4
    wide = max(3, int(tall * silhouette.shape[1] / silhouette.shape[0]))
    silhouette = cv2.resize(silhouette, (wide, tall), interpolation=cv2.INTER_LINEAR)
    side = rng.choice([-1, 1])
    x = near.left + near.cover.shape[1] / 2 + side * rng.uniform(0.35, 1.4) * len(near.cover)
    y = near.foot + rng.normal(0.05, 0.3) * len(near.cover)
    one = Placed(near.photo, silhouette, int(y - tall), int(x - wide / 2), False, 0.0)
    light = Light(
        x=rng.normal(0, 0.9),
        y=rng.choice([-1, 1]) * rng.uniform(0.08, 0.6),
        near_px=rng.uniform(0.5, 1.5),
        far_px=rng.uniform(1, 4),
        strength=1.0,
        wall_px=0.0,
        thin=rng.uniform(0.5, 1.2),
        mirrored=bool(rng.random() < 0.5),
    )
    return thrown(light, one, silhouette, size)


def _dapples(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Under trees: patches of sun and shade, flat as seen from the side."""
    px = rng.uniform(4, 40)
    plane = noise((size[0] * 2, size[1]), px, rng)[:: 2 if rng.random() < 0.8 else 1][: size[0]]
    level = rng.uniform(-0.8, 0.8)
    return (1 / (1 + np.exp(-(plane - level) * rng.uniform(2, 10)))).astype(np.float32)


def _tracks(size: tuple[int, int], near: Placed, rng: np.random.Generator) -> np.ndarray:
    """Footprints or ruts that lead to the object or past it."""
    shape = np.zeros(size, np.float32)
    start = np.array(_spot(near, rng))
    way = rng.normal(0, 1, 2) * (1, 0.4)
    way /= max(1e-3, float(np.hypot(*way)))
    step = rng.uniform(0.08, 0.3) * len(near.cover)
    reach = max(1, int(rng.uniform(0.02, 0.06) * len(near.cover)))
    if rng.random() < 0.5:
        for index in range(-6, 7):
            at = start + way * step * index + rng.normal(0, 0.15 * step, 2)
            cv2.ellipse(shape, (int(at[0]), int(at[1])), (2 * reach, reach), 0, 0, 360, 1.0, -1)
    else:
        ends = np.array([start - way * 300, start + way * 300]).astype(int)
        cv2.line(shape, ends[0].tolist(), ends[1].tolist(), 1.0, 2 * reach)
    return cv2.GaussianBlur(shape, (0, 0), rng.uniform(0.5, 1.5))
