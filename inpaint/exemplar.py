"""Exemplar fill: multi-scale patch-based completion from the photo's own texture.

Follows Wexler et al. 2007 (coarse to fine, weighted voting), Barnes et al. 2009 (the search) and Newson et
al. 2014 (texture measures in the patch distance, level-wise schedule).
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from inpaint.blending import pull_push
from inpaint.inpainter import WindowInpainter
from inpaint.patchmatch import RADIUS, SIDE, copy_best, match_known, search, vote
from inpaint.poisson import assemble


@dataclass(frozen=True)
class ExemplarSettings:
    coarse_rounds: int = 12
    fine_rounds: int = 4
    sweeps: int = 2
    texture_weight: float = 300.0
    near_weight: float = 300.0
    coarse_bandwidth: float = 3.0
    fine_bandwidth: float = 0.5
    last_bandwidth: float = 0.02
    confidence_decay: float = 0.5
    coarsest_hole_px: float = 6.0
    peel: bool = True
    poisson: bool = True
    real: float = 20.0
    screen: float = 1e-2


class Level(NamedTuple):
    image: np.ndarray
    texture: np.ndarray
    hole: np.ndarray
    valid: np.ndarray


def complete(image, mask, *, protect=None, guide=None, seed=0, settings=ExemplarSettings()):
    levels = build_pyramid(image, mask, protect, settings)
    if not levels:
        return cv2.inpaint(image, mask.astype(np.uint8), 5, cv2.INPAINT_NS)
    matches = None
    for number in range(len(levels) - 1, -1, -1):
        matches = _solve_level(levels, number, matches, seed, settings)
    if settings.poisson:
        level = levels[0]
        usable = ~(mask if protect is None else mask | protect)
        origin = np.zeros((*mask.shape, 2), np.int32)
        holes = np.argwhere(mask).astype(np.int32)
        out = level.image.copy()
        copy_best(level.image, holes, matches.index, matches.field, matches.cost, out, origin)
        return assemble(out, mask, usable, origin, real_edge_levels=settings.real, screen=settings.screen)
    return levels[0].image


class Matches(NamedTuple):
    index: np.ndarray
    field: np.ndarray
    cost: np.ndarray


def build_pyramid(image, mask, protect, settings):
    blocked = mask if protect is None else mask | protect
    color = image.copy()
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    gx = np.abs(cv2.Sobel(gray, cv2.CV_16S, 1, 0, ksize=1)).astype(np.uint8)
    gy = np.abs(cv2.Sobel(gray, cv2.CV_16S, 0, 1, ksize=1)).astype(np.uint8)
    known = cv2.erode((~mask).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    thickness = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3).max()
    count = 1 + max(0, int(np.ceil(np.log2(max(1.0, thickness / settings.coarsest_hole_px)))))
    size = (2 ** (count) + 1,) * 2
    share = np.maximum(cv2.blur(known, size), 1e-4)
    texture = np.dstack([np.clip(2 * cv2.blur(g * known, size) / share, 0, 255) for g in (gx, gy)]).astype(
        np.uint8
    )
    hole, block = mask, blocked
    levels = []
    while True:
        valid = valid_sources(block)
        if min(hole.shape) < SIDE or valid.sum() < (1 if not levels else 64):
            break
        levels.append(Level(color, texture, hole, valid))
        if len(levels) == count:
            break
        color, texture, hole, block = halve(color, texture, hole, block)
    return levels


def valid_sources(block):
    clear = cv2.erode(
        (~block).astype(np.uint8),
        np.ones((SIDE, SIDE), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    clear[:RADIUS] = 0
    clear[-RADIUS:] = 0
    clear[:, :RADIUS] = 0
    clear[:, -RADIUS:] = 0
    return clear.astype(bool)


def halve(color, texture, hole, block):
    h, w = hole.shape
    H, W = (h + 1) // 2, (w + 1) // 2

    def pad(a):
        return cv2.copyMakeBorder(a, 0, 2 * H - h, 0, 2 * W - w, cv2.BORDER_REPLICATE)

    known = pad((~hole).astype(np.uint8)).astype(np.float32)
    c = pad(color).astype(np.float32) * known[..., None]
    share = cv2.resize(known, (W, H), interpolation=cv2.INTER_AREA)
    c = cv2.resize(c, (W, H), interpolation=cv2.INTER_AREA) / np.maximum(share, 0.25)[..., None]
    c = np.rint(c).astype(np.uint8)
    hole2 = share < 0.5
    b = pad(block.astype(np.uint8))
    block2 = np.maximum.reduce([b[::2, ::2], b[1::2, ::2], b[::2, 1::2], b[1::2, 1::2]]) > 0
    t = np.ascontiguousarray(pad(texture)[::2, ::2])
    return c, t, hole2, block2 | hole2


def _solve_level(levels, number, matches, seed, settings):
    image, texture, hole, valid = levels[number]
    H, W = hole.shape
    touched = cv2.dilate(hole.astype(np.uint8), np.ones((SIDE, SIDE), np.uint8))
    touched[:RADIUS] = 0
    touched[-RADIUS:] = 0
    touched[:, :RADIUS] = 0
    touched[:, -RADIUS:] = 0
    targets = np.argwhere(touched).astype(np.int32)
    index = np.full((H, W), -1, np.int32)
    index[targets[:, 0], targets[:, 1]] = np.arange(len(targets))
    holes = np.argwhere(hole).astype(np.int32)
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3)
    confidence = np.maximum(np.power(np.float32(settings.confidence_decay), depth), np.float32(1e-25))
    rng = np.random.default_rng((seed, number))
    sources = np.argwhere(valid)
    coarsest = number == len(levels) - 1
    field = sources[rng.integers(0, len(sources), len(targets))].astype(np.int32)
    cost = np.zeros(len(targets), np.float32)
    if coarsest and settings.peel:
        peel(image, texture, hole, valid, rng, settings)
    elif coarsest:
        w = (~hole).astype(np.float32)
        image[hole] = np.rint(pull_push(image.astype(np.float32), w))[hole]
        texture[hole] = np.rint(pull_push(texture.astype(np.float32), w))[hole]
    else:
        parent = matches.index[targets[:, 0] // 2, targets[:, 1] // 2]
        up = 2 * matches.field[parent] + targets % 2
        up[:, 0] = np.clip(up[:, 0], RADIUS, H - 1 - RADIUS)
        up[:, 1] = np.clip(up[:, 1], RADIUS, W - 1 - RADIUS)
        good = (parent >= 0) & valid[up[:, 0], up[:, 1]]
        field[good] = up[good]
        cost = np.where(good, matches.cost[parent], 1e9).astype(np.float32)
        _vote(image, texture, holes, index, field, cost, confidence, settings.fine_bandwidth)
    rounds = settings.coarse_rounds if coarsest else settings.fine_rounds + number
    flat = image.reshape(H, -1)
    for r in range(rounds):
        for s in range(settings.sweeps):
            search(
                flat,
                texture,
                targets,
                index,
                valid,
                field,
                cost,
                (number * 1000 + r * 10 + s) + 2**20 * seed,
                max(H, W) // 2,
                0,
                np.float32(settings.texture_weight),
                np.float32(settings.near_weight),
            )
        last = r == rounds - 1
        bw = settings.coarse_bandwidth if number >= 2 else settings.fine_bandwidth
        if number == 0 and last:
            bw = settings.last_bandwidth
        _vote(image, texture, holes, index, field, cost, confidence, bw)
    return Matches(index, field, cost)


def peel(image, texture, hole, valid, rng, settings):
    H, W = hole.shape
    depth = cv2.distanceTransform(np.pad(hole, 1, constant_values=True).astype(np.uint8), cv2.DIST_C, 3)[
        1:-1, 1:-1
    ]
    sources = np.argwhere(valid).astype(np.int32)
    if len(sources) > 4000:
        sources = sources[np.sort(rng.choice(len(sources), 4000, replace=False))]
    known = ~hole
    flat = image.reshape(H, -1)
    for d in range(1, int(depth.max()) + 1):
        layer = np.argwhere(hole & (depth == d)).astype(np.int32)
        centers = np.clip(layer, RADIUS, [H - 1 - RADIUS, W - 1 - RADIUS]).astype(np.int32)
        field = np.zeros_like(centers)
        match_known(
            flat,
            texture,
            known,
            centers,
            sources,
            np.float32(settings.texture_weight),
            np.float32(settings.near_weight),
            field,
        )
        at = field + layer - centers
        image[layer[:, 0], layer[:, 1]] = image[at[:, 0], at[:, 1]]
        texture[layer[:, 0], layer[:, 1]] = texture[at[:, 0], at[:, 1]]
        known[layer[:, 0], layer[:, 1]] = True


def _vote(image, texture, holes, index, field, cost, confidence, bandwidth):
    out, out_t = image.copy(), texture.copy()
    vote(image, texture, holes, index, field, cost, confidence, np.float32(bandwidth), out, out_t)
    image[...] = out
    texture[...] = out_t


class ExemplarInpainter(WindowInpainter):
    name = "exemplar"

    def __init__(self, *, seed=0, settings=None):
        self.seed = seed
        self.settings = settings or ExemplarSettings()
        self.description = "exemplar"

    def fill_window(self, image, mask, protect):
        return complete(image, mask, protect=protect, seed=self.seed, settings=self.settings)
