"""Layers of one colour through which the photo is seen: what they took is given back, not filled.

Under a layer `I = (1 - m a) J + m a C`: J the photo, a the layer's opacity, C its colour, m how much of the
pixel it covers. Along an outline J hardly changes from one side to the other, so what lies just within is a
linear function of what lies just outside, the same for every letter of a watermark: slope 1 - a, offset a C.
The damage map says where to look for that line; once it is known, the layer's own outline is where colours
follow it across an edge. It is undone where the step at the outline is then gone; else the photo stays.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from inpaint.layer_outline import BAND_PX, cut_out, local_mean, matte

LEVELS = (0.5, 0.3, 0.12)
"""Of the damage map: outlines of layers are looked for at each."""
LEAST_LEVEL = 0.1
"""Mean of the damage map under a layer: shades of the photo itself may follow a line, too (0.01 to 0.06)."""
OPACITY = (0.1, 0.68)
"""Fainter ones are not seen, and of what lies under others too little is left."""
LEAST_PAIRS = 150
LEAST_SPREAD = 6.0
"""Deviation of the colours outside, of 255; where they hardly change no slope can be told."""
LEAST_LIKENESS = 0.8
"""Correlation, squared, of the colours within with those outside."""
LEAST_STEP = 4.0
"""Of 255, at the outline: less tells nothing."""
MOST_LEFT = 0.5
"""Of the step at the outline, once the layer is undone."""
MOST_OFF = 0.15
"""Share by which steps along an outline may be stronger or weaker on the mean than the layer makes them."""
MOST_LAYERS = 2
ROUNDS = 2
"""So often a layer is told anew from its own outline, and its outline from it."""
LEAST_PX = 20
MOST_PX = 700_000
"""Layers and their outlines are looked for in photos shrunk to so many pixels."""


class Layer(NamedTuple):
    """opacity: in OPACITY. veil: opacity times colour, float64 (3,) in [0, 255]."""

    opacity: float
    veil: np.ndarray


class Rim(NamedTuple):
    """Pairs of colours across outlines: within, outside float32 (N, 3); part: label of each, int (N,)."""

    within: np.ndarray
    outside: np.ndarray
    part: np.ndarray

    def of(self, chosen: np.ndarray) -> "Rim":
        return Rim(self.within[chosen], self.outside[chosen], self.part[chosen])


class Undone(NamedTuple):
    """image: uint8 (H, W, 3). opacity: float32 (H, W), of what was undone; 0 where nothing was."""

    image: np.ndarray
    opacity: np.ndarray


def undo_layers(image: np.ndarray, level: np.ndarray) -> Undone:
    """The photo without the layers that are surely known, all else as it is.

    image: uint8 (H, W, 3) RGB. level: float32 (H, W) in [0, 1], the damage map.
    """
    height, width = level.shape
    scale = max(1.0, (height * width / MOST_PX) ** 0.5)
    small, left = image, level
    if scale > 1:
        size = max(1, round(width / scale)), max(1, round(height / scale))
        small, left = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (image, level))
    result, opacity = image, np.zeros(level.shape, np.float32)
    for _ in range(MOST_LAYERS):
        layer, under = _outlined(small, left)
        if layer is None or not under.any():
            break
        around = cv2.dilate(under.view(np.uint8), np.ones((2 * BAND_PX + 1,) * 2)) > 0
        left = np.where(around, np.float32(0), left)
        if scale > 1:
            under = (
                cv2.resize(under.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
            )
        under &= opacity == 0
        part = matte(image, under, layer.opacity, layer.veil, scale=scale) * np.float32(layer.opacity)
        part[opacity > 0] = 0
        result = _without(result, part, layer)
        opacity = np.maximum(opacity, part)
    return Undone(result, opacity)


def _outlined(image: np.ndarray, level: np.ndarray) -> tuple[Layer | None, np.ndarray]:
    """A layer and the pixels under it, bool (H, W); none where none is sure."""
    layer = find_layer(image, level)
    if layer is None:
        return None, np.zeros(level.shape, bool)
    for _ in range(ROUNDS):
        labels = _parts(cut_out(image, level, layer.opacity, layer.veil))
        rim = rim_of(image, labels)
        better = fit_layer(rim.of(explained(rim, layer)))
        if better is None:
            break
        layer = better
    labels = _parts(cut_out(image, level, layer.opacity, layer.veil))
    under = np.isin(labels, explained_parts(rim_of(image, labels), layer)) & (labels > 0)
    return layer, under if under.any() and level[under].mean() >= LEAST_LEVEL else np.zeros_like(under)


def find_layer(image: np.ndarray, level: np.ndarray) -> Layer | None:
    """The layer that explains most of the outlines in the map; None where none does surely."""
    best: Layer | None = None
    most = LEAST_PAIRS - 1
    for threshold in LEVELS:
        labels = _parts(level >= threshold)
        if not labels.any():
            continue
        rim = rim_of(image, labels)
        for some in _groups(rim):
            layer = fit_layer(some)
            if layer is None:
                continue
            again = fit_layer(rim.of(explained(rim, layer)))
            if again is None:
                continue
            count = int(explained(rim, again).sum())
            if count > most:
                best, most = again, count
    return best


def rim_of(image: np.ndarray, labels: np.ndarray) -> Rim:
    """Pairs along the outlines of labelled parts, int32 (H, W), 0 = none."""
    there = labels > 0
    depth = cv2.distanceTransform(np.pad(there, 1).view(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    away = cv2.distanceTransform((~there).view(np.uint8), cv2.DIST_L2, 3)
    within, share_in = local_mean(image, depth > 1.5)
    outside, share_out = local_mean(image, away > 1.5)
    chosen = there & (depth <= 2.5) & (share_in > 0.06) & (share_out > 0.06)
    return Rim(within[chosen], outside[chosen], labels[chosen])


def fit_layer(rim: Rim) -> Layer | None:
    """The line through the pairs, those far from it left out; None where they are few, alike, or unlike."""
    kept = np.ones(len(rim.part), bool)
    for _ in range(4):
        if kept.sum() < LEAST_PAIRS:
            return None
        inner, outer = rim.within[kept].astype(np.float64), rim.outside[kept].astype(np.float64)
        means = inner.mean(axis=0), outer.mean(axis=0)
        inner, outer = inner - means[0], outer - means[1]
        spread, together = (outer**2).mean(), (outer * inner).mean()
        if spread < LEAST_SPREAD**2 or together <= 0:
            return None
        # Both sides are as noisy: neither is the other's cause (reduced major axis).
        slope = np.sqrt((inner**2).mean() / spread)
        veil = means[0] - slope * means[1]
        error = np.abs(rim.within - slope * rim.outside - veil).max(axis=1)
        kept = error <= max(4.0, 2.5 * float(np.median(error)))
    likeness = together**2 / (spread * (inner**2).mean())
    if likeness < LEAST_LIKENESS or not OPACITY[0] <= 1 - slope <= OPACITY[1]:
        return None
    if veil.min() < -12 or veil.max() > 255 * (1 - slope) + 12:
        return None  # no colour does that
    return Layer(1 - slope, np.clip(veil, 0, 255 * (1 - slope)))


def explained(rim: Rim, layer: Layer) -> np.ndarray:
    """The pairs between which there is a step that is gone once the layer is undone, bool (N,)."""
    before, after = _steps(rim, layer)
    result: np.ndarray = (before >= LEAST_STEP) & (after <= MOST_LEFT * before)
    return result


def explained_parts(rim: Rim, layer: Layer) -> np.ndarray:
    """The labels at whose outline colours step as the layer makes them, int (M,).

    The photo's own slopes are steps, too, one way on one side and the other way on the other: over a whole
    outline they cancel, so the steps may be twice as far from the layer's as those of single pairs.
    """
    parts, place = np.unique(rim.part, return_inverse=True)
    made = layer.veil - layer.opacity * rim.outside
    step = rim.within - rim.outside
    made2, step2, both = (
        np.bincount(place, weights=(one * other).mean(axis=1), minlength=len(parts))
        for one, other in ((made, made), (step, step), (made, step))
    )
    strength = both / np.maximum(made2, 1e-6)
    left2 = step2 - 2 * both + made2
    seen = made2 >= LEAST_STEP**2 * np.bincount(place)
    chosen: np.ndarray = parts[seen & (abs(strength - 1) <= MOST_OFF) & (left2 <= MOST_LEFT * step2)]
    return chosen


def _steps(rim: Rim, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the channels, float32 (N,): the step across the outline, and what is left of it."""
    slope = 1 - layer.opacity
    left = (rim.within - slope * rim.outside - layer.veil) / slope
    return np.abs(rim.within - rim.outside).mean(axis=1), np.abs(left).mean(axis=1)


def _groups(rim: Rim) -> Iterator[Rim]:
    """What may be one layer: all of it, and each of the largest parts."""
    yield rim
    parts, counts = np.unique(rim.part, return_counts=True)
    for part in parts[np.argsort(-counts)][:8]:
        yield rim.of(rim.part == part)


def _parts(there: np.ndarray) -> np.ndarray:
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(there.view(np.uint8), connectivity=8)
    labels[(boxes[:, cv2.CC_STAT_AREA] < LEAST_PX)[labels]] = 0
    return labels


def _without(image: np.ndarray, opacity: np.ndarray, layer: Layer) -> np.ndarray:
    chosen = opacity > 0
    share = opacity[chosen][:, None]
    values = (image[chosen] - share * (layer.veil / layer.opacity)) / (1 - share)
    result = image.copy()
    result[chosen] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return result
