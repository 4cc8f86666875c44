"""Where a layer of known colour and opacity lies: the outline at which colours follow its line."""

import cv2
import numpy as np

WINDOW_PX = 9
"""Colours on either side of an outline are means over so much."""
BAND_PX = 3
"""So far from its outline the layer's soft edge may reach."""
SEEN_STEP = (4.0, 12.0)
"""Of 255: smaller steps say nothing, larger ones all that they can."""
EDGE, MAP, SMOOTH = 1.5, 0.15, 2.0
"""What edges and the damage map say counts so much, and so much that neighbours are on the same side."""


def cut_out(image: np.ndarray, level: np.ndarray, opacity: float, veil: np.ndarray) -> np.ndarray:
    """The pixels under the layer, bool (H, W): a minimum cut.

    Where colours on the two sides of an edge are as the layer makes them, one side is under it and the other
    is not, and the cut is cheap there; the damage map says the rest.

    image: uint8 (H, W, 3). level: float32 (H, W) in [0, 1]. veil: opacity times colour, float64 (3,).
    """
    from inpaint.exemplar import max_flow  # compiling takes its time

    height, width = level.shape
    pixels = image.astype(np.float32)
    inner = np.clip(level, 0.02, 0.98)
    excess = MAP * np.log(inner / (1 - inner)).astype(np.float32)
    capacity = np.zeros((height, width, 4), np.float32)
    for axis in (0, 1):
        here, beyond = _edge_sides(pixels, axis, opacity, veil)
        total = excess if axis == 1 else excess.T  # a view: the axis runs along its second dimension
        before, after = (slice(None, -1), slice(1, None))
        said = EDGE * (here - beyond)
        total[:, before] += said
        total[:, after] -= said
        total[:, :-2] += said[:, 1:]
        total[:, 2:] -= said[:, :-1]
        joined = SMOOTH * (1 - 0.97 * np.maximum(here, beyond))
        ways = capacity[..., 0:2] if axis == 1 else capacity[..., 2:4].swapaxes(0, 1)
        ways[:, :-1, 0] = joined
        ways[:, 1:, 1] = joined
    tree = np.empty(height * width, np.uint8)
    max_flow.minimum_cut(_grid(height, width), capacity.reshape(-1, 4), excess.ravel(), tree)
    under: np.ndarray = (tree == max_flow.SOURCE).reshape(height, width)
    return under


def matte(
    image: np.ndarray, there: np.ndarray, opacity: float, veil: np.ndarray, *, scale: float = 1.0
) -> np.ndarray:
    """How much of each pixel the layer covers, float32 (H, W) in [0, 1]: there, softly, and no further.

    In a band along the outline the photo is guessed from both sides; how far a pixel lies from it towards
    the veil is its share, trusted as far as the veil stands out from the photo's own changes there.

    scale: pixels of the photo for one of that in which the outline was found.
    """
    depth = cv2.distanceTransform(np.pad(there, 1).view(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    away = cv2.distanceTransform((~there).view(np.uint8), cv2.DIST_L2, 3)
    prior = np.clip(0.5 + (depth - away) / (2 * scale), 0, 1).astype(np.float32)
    band = (depth <= BAND_PX * scale) & (away <= BAND_PX * scale)
    sure = (depth > 1.5 * scale) | (away > 1.5 * scale)
    pixels = image.astype(np.float32)
    shown = np.where(there[..., None], (pixels - veil) / (1 - opacity), pixels).astype(np.float32)
    guess, share = local_mean(shown, sure, scale)
    squares, _ = local_mean(shown**2, sure, scale)
    noise = np.maximum(squares - guess**2, 4).sum(axis=2)
    towards = (veil - opacity * guess).astype(np.float32)
    size = (towards**2).sum(axis=2)
    covered = ((pixels - guess) * towards).sum(axis=2) / np.maximum(size, 1)
    trust = size / (size + 0.5 * noise) * (share > 0.05)
    result: np.ndarray = np.where(band, np.clip(prior + trust * (covered - prior), 0, 1), prior)
    return result


def local_mean(image: np.ndarray, counted: np.ndarray, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """float32 (H, W, 3) of the counted pixels around each pixel, and their share, float32 (H, W)."""
    window = (2 * round(WINDOW_PX // 2 * scale) + 1,) * 2
    share = cv2.blur(counted.astype(np.float32), window)
    total = cv2.blur(image.astype(np.float32) * counted[..., None], window)
    return total / np.maximum(share, 1e-6)[..., None], share


def _edge_sides(
    pixels: np.ndarray, axis: int, opacity: float, veil: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Between each pixel and the next along the axis, from 0 to 1: how surely this one is under the layer and
    the next is not, and the other way round; float32, the axis second, one shorter."""
    values = cv2.GaussianBlur(pixels if axis == 1 else pixels.swapaxes(0, 1), (1, 3), 0)  # along the edge
    padded = np.pad(values, ((0, 0), (1, 1), (0, 0)), mode="edge")
    first, second = padded[:, :-3], padded[:, 3:]  # two pixels before the edge and two behind it
    slope, veil = np.float32(1 - opacity), veil.astype(np.float32)
    step = np.abs(first - second).mean(axis=2)
    seen = np.clip((step - SEEN_STEP[0]) / (SEEN_STEP[1] - SEEN_STEP[0]), 0, 1)
    sides = []
    for within, outside in ((first, second), (second, first)):
        left = np.abs(within - slope * outside - veil).mean(axis=2) / slope
        sides.append(seen * np.clip(1 - left / (0.6 * np.maximum(step, 1e-3)), 0, 1))
    return sides[0], sides[1]


def _grid(height: int, width: int) -> np.ndarray:
    """int32 (H * W, 4): the pixel to the right, left, below and above, -1 = none."""
    number = np.arange(height * width, dtype=np.int32).reshape(height, width)
    result = np.full((height, width, 4), -1, np.int32)
    result[:, :-1, 0] = number[:, 1:]
    result[:, 1:, 1] = number[:, :-1]
    result[:-1, :, 2] = number[1:]
    result[1:, :, 3] = number[:-1]
    return result.reshape(-1, 4)
