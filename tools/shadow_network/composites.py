"""Pictures made with a known shadow: cut-outs on photos without people, at the size of the network's window.

What the photo would show without the shadow of the marked objects is drawn as well: where both differ is
their shadow or reflection. Everything else that is dark is learned to be none.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from tools.shadow_network.distractors import darkened, floor, noise
from tools.shadow_network.drawing import Light, Mirror, Placed, contact, mirrored, put, thrown
from tools.shadow_network.framing import Sample, framed
from tools.shadow_network.sources import Cut

KINDS = {"none": 0.30, "thrown": 0.42, "soft": 0.15, "mirror": 0.13}
SEEN_LEVELS, UNSEEN_LEVELS = 13.0, 5.0
"""A shadow that changes the photo by more is one, by less none; between the two it does not count."""
CANVAS = (128, 192)  # height and width of what is drawn; the window is cut out of it
GAMMA = 2.2


class Composer:
    """Draws pictures from cut-outs (those that are whole stand on the ground) and views."""

    def __init__(self, people: list[Cut], things: list[Cut], views: list[np.ndarray]) -> None:
        self.people, self.things, self.views = people, things, views
        self.silhouettes = [cut.cover for cut in people[::4] + things if cut.whole]

    def sample(self, rng: np.random.Generator) -> Sample:
        """One picture, as the network sees it."""
        size = CANVAS
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        ground = (self._ground(size, rng) / 255) ** GAMMA
        placed = self._placed(size, rng)
        main = _middle(placed)
        if rng.random() < (0.65 if kind == "none" else 0.35):
            ground = darkened(ground, main, self.silhouettes, rng)
        empty, shown = ground, ground
        if kind == "thrown":
            empty, shown = self._lit(ground, placed, rng)
        if kind in ("thrown", "soft") and (kind == "soft" or rng.random() < 0.4):
            empty, shown = self._under_sky(empty, shown, placed, rng)
        if kind == "mirror":
            empty, shown = self._shiny(ground, placed, rng)
            if rng.random() < 0.25:
                empty, shown = self._under_sky(empty, shown, placed, rng)
        seen = [255 * plane.clip(0, 1) ** (1 / GAMMA) for plane in (empty, shown)]
        change = np.abs(cv2.GaussianBlur(seen[0] - seen[1], (0, 0), 0.8)).max(axis=2)
        truth = np.where(change > SEEN_LEVELS, 1.0, np.where(change < UNSEEN_LEVELS, 0.0, 0.5))
        picture, marked = seen[1], np.zeros(size, np.float32)
        for one in placed:
            cover = put(picture, one)
            truth = np.where(cover > 0.5, 0.5 if one.marked else 0.0, truth)
            marked = np.maximum(marked * (1 - cover), cover if one.marked else 0)
        return framed(picture, marked, truth, main, rng)

    def _ground(self, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        if rng.random() < 0.12:
            return floor(size, rng)
        view = self.views[rng.integers(len(self.views))]
        height, width = view.shape[:2]
        if rng.random() < 0.5:  # ground alone, near by
            part = rng.uniform(0.25, 0.5)
            view = view[int((1 - part) * height) :]
            wide = int(rng.uniform(0.4, 1) * width)
        else:
            part = rng.uniform(0.55, 1)
            end = int(rng.uniform(max(part, 0.85), 1.0001) * height)
            view = view[max(0, end - int(part * height)) : end]
            wide = min(width, int(len(view) * 1.5 * rng.uniform(0.8, 1.25)))
        start = int(rng.uniform(0, width - wide + 1))
        view = view[:, start : start + wide]
        if rng.random() < 0.5:
            view = view[:, ::-1]
        shrinks = view.shape[0] > size[0] and view.shape[1] > size[1]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return cv2.resize(view, size[::-1], interpolation=how).astype(np.float32)

    def _cut(self, rng: np.random.Generator, *, whole: bool) -> Cut:
        choice = rng.random()
        if choice < 0.06:
            return _plain_thing(rng)
        group = self.people if choice < 0.66 else self.things
        while True:
            cut = group[rng.integers(len(group))]
            if cut.whole or not whole:
                return cut

    def _placed(self, size: tuple[int, int], rng: np.random.Generator) -> list[Placed]:
        """The objects, the far ones first; the first one chosen is the middle one, and marked."""
        tall = rng.uniform(42, 54)
        found: list[Placed] = []
        others = int(rng.choice([0, 1, 2, 3], p=[0.5, 0.27, 0.15, 0.08]))
        for index in range(1 + others):
            cut = self._cut(rng, whole=True)
            own = tall if index == 0 else tall * rng.uniform(0.25, 1.1)
            scale = min(own / cut.cover.shape[0], 80 / cut.cover.shape[1])
            wide, high = (max(4, round(side * scale)) for side in cut.cover.shape[::-1])
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            photo = cv2.resize(cut.photo, (wide, high), interpolation=how).astype(np.float32)
            cover = cv2.resize(cut.cover, (wide, high), interpolation=how)
            if rng.random() < 0.5:
                photo, cover = photo[:, ::-1], cover[:, ::-1]
            photo = (255 * (photo / 255) ** rng.uniform(0.7, 1.4) * rng.uniform(0.7, 1.2)).clip(0, 255)
            foot = int(0.56 * size[0] if index == 0 else 0.56 * size[0] + rng.normal(0, 0.35) * tall)
            aside = 0 if index == 0 else rng.choice([-1, 1]) * rng.uniform(0.2, 2) * tall
            left = int(size[1] / 2 + aside - wide / 2)
            marked = index == 0 or rng.random() < 0.5
            lift = rng.uniform(0.05, 0.5) * high if rng.random() < 0.06 else 0.0
            found.append(
                Placed(
                    np.ascontiguousarray(photo), np.ascontiguousarray(cover), foot - high, left, marked, lift
                )
            )
        found.sort(key=lambda one: one.foot)
        return found

    def _lit(
        self, ground: np.ndarray, placed: list[Placed], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ground with the shadows that one or two lights throw: without and with the marked objects."""
        lights = [_light(rng)]
        if rng.random() < 0.15:
            lights.append(replace(_light(rng), strength=lights[0].strength * rng.uniform(0.4, 1)))
            lights[0] = replace(lights[0], strength=lights[0].strength * rng.uniform(0.5, 0.9))
        warm = np.array([1.0, rng.uniform(0.94, 1), rng.uniform(0.84, 1)], np.float32)
        left = [np.ones_like(ground), np.ones_like(ground)]
        for light in lights:
            shades = np.zeros((2, *ground.shape[:2]), np.float32)
            for one in placed:
                silhouette = one.cover
                if rng.random() < 0.2:
                    other = self.silhouettes[rng.integers(len(self.silhouettes))]
                    silhouette = cv2.resize(other, one.cover.shape[::-1], interpolation=cv2.INTER_LINEAR)
                shade = thrown(light, one, silhouette, ground.shape[:2])
                shades[1] = np.maximum(shades[1], shade)
                if not one.marked:
                    shades[0] = np.maximum(shades[0], shade)
            if rng.random() < 0.2:  # of an uneven ground
                shades *= np.clip(1 + 0.25 * noise(ground.shape[:2], rng.uniform(3, 20), rng), 0, 1)
            for index in range(2):
                left[index] = left[index] - shades[index][..., None] * light.strength * warm
        return ground * left[0].clip(0.03, 1), ground * left[1].clip(0.03, 1)

    def _under_sky(
        self, empty: np.ndarray, shown: np.ndarray, placed: list[Placed], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        strength = rng.uniform(0.2, 0.8)
        state = rng.bit_generator.state
        for one in placed:
            rng.bit_generator.state = state  # one sky for all
            shade = (contact(one, empty.shape[:2], rng) * strength)[..., None]
            shown = shown * (1 - shade)
            if not one.marked:
                empty = empty * (1 - shade)
        return empty, shown

    def _shiny(
        self, ground: np.ndarray, placed: list[Placed], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """A floor that mirrors the objects, and often what is behind them."""
        size = ground.shape[:2]
        main = _middle(placed)
        if rng.random() < 0.6:
            line = int(main.foot - rng.uniform(0, 0.7) * len(main.cover))
            rows = min(line, size[0] - line)
            behind = cv2.GaussianBlur(ground[line - rows : line][::-1], (0, 0), 1.5, sigmaY=rng.uniform(2, 8))
            gloss = rng.uniform(0.1, 0.6)
            ground = ground.copy()
            smooth = cv2.GaussianBlur(ground[line : line + rows], (0, 0), rng.uniform(0.5, 4))
            ground[line : line + rows] = smooth * (1 - gloss) + behind * gloss
        ripple = None
        if rng.random() < 0.45:
            ripple = np.dstack(
                [noise((size[0] * 3, size[1]), rng.uniform(4, 20), rng)[: 3 * size[0] : 3] for _ in (0, 1)]
            )
            ripple *= rng.uniform(0.5, 3)
        mirror = Mirror(
            rng.uniform(0.15, 0.75), rng.uniform(0.1, 1), rng.uniform(0.5, 3), rng.uniform(0, 6), ripple
        )
        views = [ground, ground]
        for one in placed:
            shown, share = mirrored(mirror, one, size)
            light = (shown.clip(0, 255) / 255) ** GAMMA
            for index in range(2):
                if index or not one.marked:
                    views[index] = views[index] + (light - views[index]) * share[..., None]
        return views[0], views[1]


def _middle(placed: list[Placed]) -> Placed:
    """The object in the middle of the picture, which is marked."""
    return min(
        (one for one in placed if one.marked),
        key=lambda one: abs(one.left + one.cover.shape[1] / 2 - CANVAS[1] / 2),
    )


def _plain_thing(rng: np.random.Generator) -> Cut:
    """A post, a ball, a box."""
    size = (int(rng.uniform(30, 100)), int(rng.uniform(12, 80)))
    cover = np.zeros(size, np.float32)
    if rng.random() < 0.4:
        cv2.ellipse(
            cover, (size[1] // 2, size[0] // 2), (size[1] // 2 - 1, size[0] // 2 - 1), 0, 0, 360, 1.0, -1
        )
    else:
        cover[:] = 1
    photo = rng.uniform(0, 255, 3) + noise(size, rng.uniform(3, 40), rng)[..., None] * rng.uniform(0, 25)
    return Cut(photo.clip(0, 255).astype(np.uint8), cover, whole=True)


def _light(rng: np.random.Generator) -> Light:
    near = 0.35 + rng.exponential(0.3)
    return Light(
        x=float(np.clip(rng.normal(0, 1), -2.2, 2.2)),
        y=float(rng.choice([-1, 1]) * rng.uniform(0.08, 0.85)),
        near_px=near,
        far_px=near + (rng.uniform(0, 0.4) if rng.random() < 0.65 else rng.uniform(0.6, 4)),
        strength=rng.uniform(0.35, 0.9),
        wall_px=rng.uniform(3, 25) if rng.random() < 0.15 else 0.0,
        thin=rng.uniform(0.6, 1.2),
        mirrored=bool(rng.random() < 0.5),
    )
