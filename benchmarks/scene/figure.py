"""Draws the figure: surfaces by depth, lit by a sun and a sky, with the shadows that it casts on itself."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.scene import wardrobe
from benchmarks.scene.body import Body
from benchmarks.scene.camera import Camera, Noise, smoothstep
from benchmarks.scene.look import Light, Look, Stand
from benchmarks.scene.shading import BACK_M, Buffer, Part, merge, shade
from benchmarks.scene.surfaces import Canvas, Surface, stack, tube
from benchmarks.scene.wardrobe import Outfit

OVERSAMPLING = 3


@dataclass(frozen=True)
class Figure:
    """Who walks there: the posed body, its looks and its clothes' colours."""

    body: Body
    look: Look
    outfit: Outfit


def draw_figure(
    camera: Camera, stand: Stand, figure: Figure, light: Light, noise: Noise
) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]]:
    """What the camera sees of the figure.

    Returns its light float32 (h, w, 3), zero where it is not, its coverage float32 (h, w) from 0 to 1, and
    their box in the picture.
    """
    box, canvas = _canvas(camera, stand, figure.body)
    buffer = Buffer.empty(len(canvas.y), len(canvas.x))
    for part in _parts(canvas, camera, stand, figure, noise):
        merge(buffer, part, canvas)
    shown = shade(buffer, light, pixel_m=float(canvas.x[1] - canvas.x[0]))
    covered = (buffer.z > BACK_M).astype(np.float32)
    size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
    small = cv2.resize(shown * covered[..., None], size, interpolation=cv2.INTER_AREA)
    return small, cv2.resize(covered, size, interpolation=cv2.INTER_AREA), box


def _canvas(camera: Camera, stand: Stand, body: Body) -> tuple[tuple[slice, slice], Canvas]:
    """The picture's box that holds the figure, and its fine grid in the plane of the figure's feet."""
    scale = camera.focal_px / stand.distance_m
    foot = camera.project(np.array([[stand.x_m, 0.0, stand.distance_m]]))[0]
    chains = np.vstack([_chain(camera, stand, nodes) for nodes in body.chains.values()])
    trunk = np.vstack([_profile(stand, rows) for rows in body.profiles.values()])
    x = np.concatenate([chains[:, 0], trunk[:, 1]])
    y = np.concatenate([chains[:, 1], trunk[:, 0]])
    reach = np.concatenate([chains[:, 3], trunk[:, 3:5].max(axis=1)])
    left, right = foot[0] + scale * (x - reach).min(), foot[0] + scale * (x + reach).max()
    top, low = foot[1] - scale * (y + reach).max(), foot[1] - scale * (y - reach).min()
    rows = slice(max(0, int(top) - 2), max(1, min(camera.height_px, int(low) + 3)))
    columns = slice(max(0, int(left) - 2), max(1, min(camera.width_px, int(right) + 3)))
    steps = (np.arange(OVERSAMPLING) + 0.5) / OVERSAMPLING
    grid_x = (np.arange(columns.start, columns.stop)[:, None] + steps).ravel() - foot[0]
    grid_y = foot[1] - (np.arange(rows.start, rows.stop)[:, None] + steps).ravel()
    return (rows, columns), Canvas((grid_x / scale).astype(np.float32), (grid_y / scale).astype(np.float32))


def _chain(camera: Camera, stand: Stand, nodes: np.ndarray) -> np.ndarray:
    """Body chain -> canvas chain, with the camera's perspective."""
    points = stand.place(nodes[:, :3])
    near = stand.distance_m / (stand.distance_m - points[:, 2])
    y = camera.eye_m + (points[:, 1] - camera.eye_m) * near
    return np.stack([points[:, 0] * near, y, points[:, 2], nodes[:, 3] * near], axis=1)


def _profile(stand: Stand, rows: np.ndarray) -> np.ndarray:
    centres = stand.place(np.stack([rows[:, 1], rows[:, 0], rows[:, 2]], axis=1))
    return np.c_[rows[:, 0], centres[:, 0], centres[:, 2], rows[:, 3:5], stand.yaw + rows[:, 5]]


def _parts(canvas: Canvas, camera: Camera, stand: Stand, figure: Figure, noise: Noise) -> Iterator[Part]:
    """The surfaces in the order in which they are put on."""
    body, look, outfit = figure.body, figure.look, figure.outfit
    chin_m = body.profiles["head"][-1, 0]
    hip_m = body.hip_m
    chains = {name: _chain(camera, stand, nodes) for name, nodes in body.chains.items()}
    trunk = {name: stack(canvas, _profile(stand, rows)) for name, rows in body.profiles.items()}
    seeds = {"left": 1.3, "right": 5.0}

    for side, seed in seeds.items():
        yield from _leg_parts(canvas, chains, side, seed, look, outfit, noise)
    yield Part(trunk["hips"], wardrobe.seat(trunk["hips"], noise, outfit))
    finish = wardrobe.shirt(
        trunk["shirt"], noise, outfit, hip_m, jacket=look.jacket, strap=look.bag == "backpack"
    )
    yield Part(trunk["shirt"], finish, over_m=0.05)
    for side, seed in seeds.items():
        sleeve = tube(canvas, chains[f"{side} sleeve"], flat_end=True)
        finish = wardrobe.sleeve(sleeve, noise, outfit, seed, jacket=look.jacket)
        yield Part(sleeve, finish, melt=smoothstep(0.22, 0.10, sleeve.along))
    bare = [name for name in chains if name.split()[-1] in ("arm", "hand", "thumb", "neck", "nose", "ear")]
    for name in bare:
        surface = tube(canvas, chains[name])
        yield Part(surface, wardrobe.skin(surface, noise, outfit, 5.0))
    yield Part(trunk["head"], wardrobe.face(trunk["head"], noise, outfit, chin_m))
    hair = trunk["hair"]
    yield Part(hair, wardrobe.hair(hair, noise, outfit, long_hair=look.long_hair, chin_m=chin_m))
    for name in ("front strap", "back strap"):
        if name in chains:
            strap = tube(canvas, chains[name])
            yield Part(strap, wardrobe.leather(strap, noise, outfit, 0.0))
    if "bag" in trunk:
        yield Part(trunk["bag"], wardrobe.leather(trunk["bag"], noise, outfit, hip_m))


def _leg_parts(
    canvas: Canvas,
    chains: dict[str, np.ndarray],
    side: str,
    seed: float,
    look: Look,
    outfit: Outfit,
    noise: Noise,
) -> Iterator[Part]:
    if look.shorts:
        shin = tube(canvas, chains[f"{side} shin"])
        yield Part(shin, wardrobe.skin(shin, noise, outfit, seed))
    shoe = tube(canvas, chains[f"{side} shoe"])
    yield Part(shoe, wardrobe.shoe(shoe, noise, outfit, _sole(shoe, canvas, chains[f"{side} shoe"])))
    instep = tube(canvas, chains[f"{side} instep"])
    yield Part(instep, wardrobe.shoe(instep, noise, outfit, np.zeros_like(instep.along)), melt=1.0)
    trouser = tube(canvas, chains[f"{side} trouser"], flat_end=True)
    yield Part(trouser, wardrobe.trouser(trouser, noise, outfit, seed, shorts=look.shorts))


def _sole(surface: Surface, canvas: Canvas, chain: np.ndarray) -> np.ndarray:
    """1 in the lowest quarter of a shoe, measured across its chain."""
    x, y = canvas.x[surface.box[1]][None], canvas.y[surface.box[0]][:, None]
    order = np.argsort(chain[:, 0])
    centre = np.interp(x, chain[order, 0], chain[order, 1])
    radius = np.interp(x, chain[order, 0], chain[order, 3])
    return smoothstep(-0.35, -0.45, (y - centre) / radius)
