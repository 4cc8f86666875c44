"""What speaks for each region of a photo that it belongs to the thing under some clicks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segment.prompts.regions import Regions

FARTHEST_WAY, FARTHEST = 12.0, 1.5  # where there is no click to measure from: steps, and long sides
SMALLEST = 1e-3
NEAR = 0.15  # of the long side: the colours around a click are those of the thing


@dataclass(frozen=True, eq=False)
class Clicks:
    """on, off: int, regions of the clicks on the thing and beside it. cover: float32 (K, N), share of each
    region under each of the K detected objects."""

    on: np.ndarray
    off: np.ndarray
    cover: np.ndarray


def evidence(regions: Regions, clicks: Clicks) -> np.ndarray:
    """float32 (N, F): F numbers of about unit size for each of the N regions. At least one click is on."""
    on, off = clicks.on, clicks.off
    count = len(regions.areas)
    ones = np.ones(count, np.float32)
    columns: list[np.ndarray] = []
    hits = [first_hits(walk, on, off) for walk in regions.walks]
    for on_hit, off_hit in hits:
        columns += [np.log(on_hit + SMALLEST) / 3, np.log(off_hit + SMALLEST) / 3, on_hit, off_hit]
    way, away = (np.minimum(regions.ways(seeds), FARTHEST_WAY) for seeds in (on, off))
    out = np.minimum(regions.ways(np.flatnonzero(regions.rim)), FARTHEST_WAY)
    columns += [np.log1p(way), np.log1p(away), np.log1p(out), way / (way + away + 0.1)]
    columns += [ones * np.log1p(out[on].max()), way / (way + out + 0.1)]
    near, nearest = distances(regions.middles, on)
    far, _ = distances(regions.middles, off)
    columns += [np.sqrt(near), np.sqrt(far), near / (near + far + 0.02)]
    step = regions.middles - regions.middles[on[nearest]]
    columns += [2 * np.abs(step[:, 0]), 2 * step[:, 1]]
    joined = regions.joins[:, on].min(1)
    apart = regions.joins[:, off].min(1) if len(off) else ones
    columns += [np.log(joined) / 2, np.log(apart) / 2, np.log(joined / apart) / 2]
    colours = regions.colours - regions.colours[on[nearest]]
    columns += [np.abs(colours[:, 0]) / 20, np.linalg.norm(colours[:, 1:], axis=1) / 20]
    alike = regions.alike[:, on].max(1)
    unlike = regions.alike[:, off].max(1) if len(off) else 0 * ones
    columns += [alike, unlike]
    around = np.exp(-((near / NEAR) ** 2) / 2)
    for weight in (hits[0][0], around * (1 - hits[0][1])):
        columns.append(colour_odds(regions, weight))
    rough = np.log(regions.rough + 0.5)
    columns += [rough / 2, np.abs(rough - rough[on[nearest]]), regions.rim.astype(np.float32)]
    columns += of_objects(clicks.cover, on, off, regions.areas)
    spread = np.linalg.norm(regions.middles[on][:, None] - regions.middles[on][None], axis=2).max()
    closest = far[on].min()
    columns += [ones * len(on) / 3, ones * len(off) / 3, ones * np.sqrt(spread), ones * np.sqrt(closest)]
    columns.append(ones * np.log(regions.joins[np.ix_(on, on)].max()) / 2)
    return np.stack(columns, axis=1).astype(np.float32)


def first_hits(walk: np.ndarray, on: np.ndarray, off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chances that a walk from each region meets a click on the thing, or one beside it, before any other."""
    seeds = np.unique(np.concatenate([on, off]))
    chances = walk[:, seeds] @ np.linalg.inv(walk[np.ix_(seeds, seeds)])
    wanted = np.isin(seeds, on)
    clipped = np.clip(chances, 0, 1)
    return clipped[:, wanted].sum(1), clipped[:, ~wanted].sum(1)


def distances(middles: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each region is from the nearest seed, in long sides of the photo, and which of them that is."""
    if not len(seeds):
        return np.full(len(middles), FARTHEST, np.float32), np.zeros(len(middles), int)
    lengths = np.linalg.norm(middles[:, None] - middles[seeds][None], axis=2)
    return lengths.min(1), lengths.argmin(1)


def colour_odds(regions: Regions, weight: np.ndarray) -> np.ndarray:
    """How much more a colour is seen where `weight` (N,) is high than elsewhere; 0 = as much, 1 = e^2."""
    inside, outside = weight * regions.areas, (1 - weight) * regions.areas
    density = [regions.alike @ part / max(float(part.sum()), 1e-6) + 0.01 for part in (inside, outside)]
    odds: np.ndarray = np.log(density[0] / density[1]) / 2
    return odds


def of_objects(cover: np.ndarray, on: np.ndarray, off: np.ndarray, areas: np.ndarray) -> list[np.ndarray]:
    """How much of a region lies under the smallest detected object that the clicks mean, and under others;
    whether there is one, and how well the clicks agree with it."""
    zeros = np.zeros(len(areas), np.float32)
    under = cover[:, on].max(1) > 0.5 if len(cover) else np.zeros(0, bool)
    if not under.any():
        return [zeros, cover.max(0) if len(cover) else zeros, zeros, zeros]
    agreement = np.concatenate([cover[:, on], 1 - cover[:, off]], axis=1).mean(1)
    rank = np.where(under, agreement - 0.1 * (cover @ areas), -1)
    own = int(rank.argmax())
    rest = np.delete(cover, own, axis=0)
    return [
        cover[own] * agreement[own],
        (rest.max(0) if len(rest) else zeros) * (1 - cover[own]),
        zeros + 1,
        zeros + agreement[own],
    ]


def cover_of(regions: Regions, masks: list[np.ndarray]) -> np.ndarray:
    """float32 (K, N): the share of each region that lies in each mask, bool (h, w) of the working size."""
    flat, count = regions.numbers.ravel(), len(regions.areas)
    sizes = np.bincount(flat, minlength=count)
    covers = [np.bincount(flat, mask.ravel(), count) / sizes for mask in masks]
    return np.array(covers, np.float32).reshape(len(masks), count)
