"""Smooth ground in a fill (sky, wall, snow, what lies out of focus): patches leave folds and ghosts there.

The eye sees a step of two levels on a wall. Where what was filled is, but for such faults, the continuation
of a smooth ground beside the hole, it is replaced by a smooth surface with the ground's own grain. The
surface is a polynomial fitted robustly to the ground and a membrane for what that leaves (Perez et al. 2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inpaint.blending import pull_push
from inpaint.boxes import slices_around

RING_PX = 48
"""So far from the hole ground is looked at; the near half counts most."""
LEAST_TOUCH_PX, LEAST_GROUND_PX, LEAST_FILLED_PX = 120, 400, 100
"""Pixels of a ground within 8 px of the hole, of all of it, and of what would be replaced."""
MOST_GROUNDS = 6
EDGE_PX, SURFACE_PX, GRAIN_PX = 1.5, 3.0, 6.0
"""Standard deviations of the Gaussians: for gradients, for the surface's own values, for what is grain."""
MOST_BEND_LEVELS = 4.0
"""A ground of which a tenth, smoothed, lies farther off the polynomial is not smooth."""
NEAR_LEVELS, GHOST_LEVELS = 8.0, 24.0
"""What lies so near to the surface is of the ground; what lies so near and inside the ground is a ghost."""
MOST_ROUGH_LEVELS = 4.0
FULL_LEVELS, LEAST_SHARE = 128.0, 0.25
"""These levels hold for ground as bright as this; for darker ground they shrink, down to this share, as the
eye sees ratios: four levels are nothing on a wall, and a forest at night."""
ENCLOSED_SHARE = 0.7
FEATHER_PX = 6.0
BLOCK_PX = 16
"""Grain is copied in blocks of this side, by ways that are multiples of half of it: JPEG has such a grid."""
FIT_PIXELS = 4000


@dataclass(frozen=True)
class Ground:
    """A smooth region beside a hole, in a crop.

    surface: float32 (h, w, 3), also in the hole. grain: float32 (h, w, 3), what `ring` has on top of it.
    ring: bool (h, w), the region's pixels near the hole. scale: by how much levels shrink for it, LEAST_SHARE
    to 1.
    """

    surface: np.ndarray
    grain: np.ndarray
    ring: np.ndarray
    scale: float


def even_ground(
    filled: np.ndarray, mask: np.ndarray, protect: np.ndarray | None = None, *, seed: int = 0
) -> np.ndarray:
    """Replace what continues a smooth ground in a filled hole by a smooth surface with the ground's grain.

    Args:
        filled: uint8 (H, W, 3), the photo with its holes filled.
        mask: bool (H, W), True = hole.
        protect: bool (H, W), True = no ground; None = nothing.
        seed: of the places that grain is taken from.

    Returns:
        uint8 (H, W, 3), equal to `filled` outside the mask, and in it where no smooth ground goes on.
    """
    result = filled.copy()
    if not mask.any():
        return result
    crop = slices_around(mask, RING_PX)
    hole = mask[crop]
    blocked = hole if protect is None else hole | protect[crop]
    colours = filled[crop].astype(np.float32)
    distance = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, 5)
    steps, roughness = gradient_and_roughness(colours, (~blocked).astype(np.float32))
    regions = smooth_regions(colours, blocked, distance, steps, roughness)
    if not regions:
        return result
    usual = [float(np.median(roughness[region])) for region in regions]
    steps, roughness = gradient_and_roughness(colours, np.ones(hole.shape, np.float32))
    shown = cv2.GaussianBlur(colours, (0, 0), 2.0)
    done = np.zeros_like(hole)
    for number, (region, grain_levels) in enumerate(zip(regions, usual, strict=True)):
        ground = fit_ground(colours, region & (distance <= RING_PX), distance)
        if ground is None:
            continue
        away = largest(np.abs(shown - ground.surface))
        part = belongs_to(ground, away, steps, roughness, hole & ~done, usual=grain_levels)
        if np.count_nonzero(part) >= LEAST_FILLED_PX:
            done |= replace_part(colours, ground, part, np.random.default_rng((seed, number)))
    np.copyto(result[crop], np.clip(np.rint(colours), 0, 255).astype(np.uint8), where=done[..., None])
    return result


def replace_part(
    colours: np.ndarray, ground: Ground, part: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Write surface and grain into a part of the hole of `colours`, faded out towards what is no ground.

    Returns what was written, bool (h, w): the part, or nothing where there is no grain to take.
    """
    grain = copy_grain(ground, part, generator)
    if grain is None:
        return np.zeros_like(part)
    reach = cv2.distanceTransform((part | ground.ring).astype(np.uint8), cv2.DIST_L2, 5)
    share = (np.minimum(reach / FEATHER_PX, 1) * part)[..., None]
    colours += (ground.surface + grain - colours) * share
    return part


def smooth_regions(
    colours: np.ndarray,
    blocked: np.ndarray,
    distance: np.ndarray,
    steps: np.ndarray,
    roughness: np.ndarray,
) -> list[np.ndarray]:
    """The smooth regions beside the hole, bool (h, w) each, those that touch it most first.

    colours: float32 (h, w, 3). blocked: bool (h, w), not looked at. distance: float32 (h, w), to the hole.
    steps, roughness: of what is not blocked.
    """
    scale = np.clip(cv2.blur(largest(colours), (9, 9)) / FULL_LEVELS, LEAST_SHARE, 1)
    flat = (steps <= scale + 0.25 * roughness) & (roughness <= MOST_ROUGH_LEVELS * scale) & ~blocked
    flat = cv2.morphologyEx(flat.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(flat, connectivity=4)
    touching = np.bincount(labels[distance <= 8], minlength=count)
    found = [
        (int(touching[number]), number)
        for number in range(1, count)
        if touching[number] >= LEAST_TOUCH_PX and stats[number, cv2.CC_STAT_AREA] >= LEAST_GROUND_PX
    ]
    return [labels == number for _, number in sorted(found, reverse=True)[:MOST_GROUNDS]]


def gradient_and_roughness(colours: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Length of the gradient of the smoothed colours, levels a pixel, and what smoothing took away, levels;
    of the known pixels alone, the largest of the channels, float32 (h, w) each."""
    smooth = local_mean(colours, known, EDGE_PX)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1) / 2
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1) / 2
    roughness = local_mean(largest(np.square(colours - smooth)), known, 3.0)
    return np.sqrt(largest(across**2 + down**2)), np.sqrt(np.maximum(roughness, 0))


def fit_ground(colours: np.ndarray, ring: np.ndarray, distance: np.ndarray) -> Ground | None:
    """The surface and grain of a region; None where it is not smooth after all."""
    known = ring.astype(np.float32)
    polynomial = fit_polynomial(colours, ring, np.exp(-2 * distance / RING_PX))
    bend = local_mean((colours - polynomial) * known[..., None], known, SURFACE_PX)
    scale = float(np.clip(largest(colours[ring]).mean() / FULL_LEVELS, LEAST_SHARE, 1))
    most = MOST_BEND_LEVELS * scale
    if np.percentile(largest(np.abs(bend[ring])), 90) > most:
        return None
    membrane = np.clip(pull_push(bend, known), -1.5 * most, 1.5 * most)
    grain = (colours - local_mean(colours, known, GRAIN_PX)) * known[..., None]
    return Ground(polynomial + membrane, grain, ring, scale)


def belongs_to(
    ground: Ground,
    away: np.ndarray,
    steps: np.ndarray,
    roughness: np.ndarray,
    hole: np.ndarray,
    *,
    usual: float,
) -> np.ndarray:
    """What of the hole continues the ground, bool (h, w), ghosts inside it too.

    away: float32 (h, w), how far the smoothed colours lie off the surface. hole: bool (h, w). usual: the
    ground's roughness.
    """
    near, far = NEAR_LEVELS * ground.scale, GHOST_LEVELS * ground.scale
    sure = hole & (away <= near) & (steps <= 2.5 + 0.25 * usual) & (roughness <= 1.5 + 1.8 * usual)
    joined = cv2.morphologyEx((sure | ground.ring).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7)))
    joined = (joined > 0) & (away <= 2 * near) & (hole | ground.ring)
    joined = cv2.morphologyEx(joined.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5)))
    _, labels = cv2.connectedComponents(joined, connectivity=4)
    own = np.zeros(int(labels.max()) + 1, bool)
    own[labels[ground.ring]] = True
    own[0] = False
    area = own[labels] | ground.ring
    ghost = hole & ~area & (away <= far) & (steps <= 7.0) & (roughness <= 5.0 + 1.8 * usual)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ghost.astype(np.uint8), connectivity=4)
    for number in range(1, count):
        x, y, width, height = stats[number, :4].tolist()
        box = slice(max(0, y - 2), y + height + 2), slice(max(0, x - 2), x + width + 2)
        blob = labels[box] == number
        edge = (cv2.dilate(blob.astype(np.uint8), np.ones((3, 3))) > 0) & ~blob
        if (edge & area[box]).sum() >= ENCLOSED_SHARE * edge.sum():
            area[box] |= blob
    closed: np.ndarray = cv2.morphologyEx(area.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5))) > 0
    part: np.ndarray = hole & (area | (closed & (away <= far)))
    return part


def fit_polynomial(values: np.ndarray, ring: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The quadratic surface of the pixels in a ring, float32 (h, w, 3); what lies off it counts less (Huber's
    weights, four rounds)."""
    height, width = ring.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    rows, columns = rows / max(height, width) - 0.5, columns / max(height, width) - 0.5
    one = np.ones_like(rows)
    terms = np.stack([one, rows, columns, rows * columns, rows**2, columns**2], axis=2)
    places = np.flatnonzero(ring)
    places = places[:: max(1, len(places) // FIT_PIXELS)]
    basis = terms.reshape(-1, terms.shape[2])[places].astype(np.float64)
    known = values.reshape(-1, 3)[places]
    own = weight.ravel()[places].astype(np.float64)
    trust = own
    ridge = 1e-6 * own.sum() * np.eye(terms.shape[2])
    for _ in range(4):
        weighted = basis.T * trust
        coefficients = np.linalg.solve(weighted @ basis + ridge, weighted @ known)
        off = largest(np.abs(known - basis @ coefficients))
        usual = max(1.4826 * float(np.median(off)), 0.5)
        trust = own * np.minimum(1.0, 1.5 * usual / np.maximum(off, 1e-3))
    surface: np.ndarray = terms @ coefficients.astype(np.float32)
    return surface


def local_mean(values: np.ndarray, known: np.ndarray, sigma_px: float) -> np.ndarray:
    """Gaussian mean of the known pixels around each, float32 (h, w) or (h, w, C); 0 where none is near."""
    share = 1 / np.maximum(cv2.GaussianBlur(known, (0, 0), sigma_px), np.float32(1e-4))
    if values.ndim == 3:
        known, share = known[..., None], share[..., None]
    mean: np.ndarray = cv2.GaussianBlur(values * known, (0, 0), sigma_px) * share
    return mean


def largest(values: np.ndarray) -> np.ndarray:
    """The largest of the three channels; NumPy's own `max` is slow on so short an axis."""
    found: np.ndarray = np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])
    return found


def copy_grain(ground: Ground, part: np.ndarray, generator: np.random.Generator) -> np.ndarray | None:
    """Grain for a part of the hole, float32 (h, w, 3), in blocks from the ring; None where that has no room
    for one."""
    height, width = part.shape
    step = BLOCK_PX // 2
    room = cv2.erode(
        ground.ring.astype(np.uint8), np.ones((BLOCK_PX, BLOCK_PX)), anchor=(0, 0), borderValue=0
    )
    rows, columns = np.nonzero(room[::step, ::step])
    if not len(rows):
        return None
    copied = np.zeros_like(ground.grain)
    for top in range(0, height, BLOCK_PX):
        for left in range(0, width, BLOCK_PX):
            block = slice(top, top + BLOCK_PX), slice(left, left + BLOCK_PX)
            if part[block].any():
                pick = generator.integers(len(rows))
                y, x = rows[pick] * step, columns[pick] * step
                target = copied[block]
                target[:] = ground.grain[y : y + target.shape[0], x : x + target.shape[1]]
    return copied
