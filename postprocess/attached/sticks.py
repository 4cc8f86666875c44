"""A cane, a crutch, a walking stick: a straight line from the hand down to the ground beside the feet.

Lines are tried from the outline of an object at hand height, at tilts up to TILT_DEG, and kept where both
sides differ from the middle alike, the middle keeps its colour, and the line ends where a stick ends: at the
hand above and on the ground below. A pole behind the object goes on above it, a line on the road goes on
below it, and what shows between two legs has the object on its sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from postprocess.scaling import scaled

HEIGHT_MIN_PX = 120  # of the object; in a smaller one any line may be a stick
HEIGHT_PX = 300  # of the object, at which it is looked at: a cane is then 4 to 5 pixels wide

# Heights over the object's: 0 its upper edge, 1 its lower edge.
HANDS = (0.35, 0.65)
GROUND = (0.92, 1.08)
LENGTH_MIN = 0.25
BEYOND = (0.03, 0.2)  # past both ends: there it must not go on

TILT_DEG, TILT_STEP_DEG = 35.0, 2.5
STEP_PX = 3.0  # along the line, and between starts
GLANCE, GLANCE_SHARE = 4, 0.7  # every fourth point first, and the others where most of these stand out
REACH_PX = (3.0, 5.5)  # from the middle to both sides, for thin and for thicker sticks
CONTRAST = 15.0  # Lab units between the middle and each side
ALIKE = 0.8  # cosine of the angle between both differences: a step from one ground to another has -1
SEEN_SHARE = 0.88  # of the line stands out
FREE_SHARE = 0.75  # of the line is clear of all objects, sides included
COLOUR_SPREAD = 14.0  # Lab units, of the middle
GOES_ON_SHARE = (0.35, 0.4)  # of the line past its upper and lower end: it goes on there


def held_stick(
    photo: np.ndarray, alone: np.ndarray, marked: np.ndarray, stays: np.ndarray
) -> np.ndarray | None:
    """A stick held by one object: bool (h, w), None where there is none.

    photo: uint8 (h, w, 3) RGB, the object and its surroundings. alone, marked, stays: uint8 (h, w), 255 where
    the object, any object to remove, and any that stays is.
    """
    rows = np.flatnonzero((alone > 127).any(axis=1))
    if not len(rows) or rows[-1] + 1 - rows[0] < HEIGHT_MIN_PX:
        return None
    factor = min(1.0, HEIGHT_PX / (rows[-1] + 1 - rows[0]))
    size = (max(1, round(alone.shape[1] * factor)), max(1, round(alone.shape[0] * factor)))
    top, height = float(rows[0]) * factor, float(rows[-1] + 1 - rows[0]) * factor
    colours = cv2.cvtColor(scaled(photo, size), cv2.COLOR_RGB2LAB).astype(np.float32)
    view = _View(
        cv2.GaussianBlur(colours, (0, 0), 0.8),
        (scaled(marked, size) > 100) | (scaled(stays, size) > 25),
        top,
        height,
    )
    starts = _hands(scaled(alone, size) > 100, view)
    lines = [line for reach_px in REACH_PX for line in _lines(view, starts, reach_px)]
    for line in sorted(lines, key=lambda line: line.seen, reverse=True):
        if _ends_as_a_stick(view, line):
            drawn = np.zeros(alone.shape, np.uint8)
            first, last = (
                tuple(np.rint(line.at(along)[::-1] / factor).astype(int)) for along in (0.0, line.length)
            )
            thick = max(2, round((line.reach_px + 1) / factor))
            cv2.line(drawn, first, last, 1, thick)
            return drawn.view(bool)
    return None


@dataclass(frozen=True, eq=False)
class _View:
    """colours: float32 (h, w, 3) Lab. busy: bool (h, w), where any object is. top, height: the object's."""

    colours: np.ndarray
    busy: np.ndarray
    top: float
    height: float

    def level(self, share: float) -> float:
        return self.top + share * self.height

    def probe(
        self, rows: np.ndarray, columns: np.ndarray, across: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each point: whether it stands out from both sides, whether all three are free, its colour."""
        height, width = self.busy.shape
        colours = []
        free = np.ones(np.broadcast_shapes(rows.shape, columns.shape), bool)
        for side in (0, -1, 1):
            row, column = rows + side * across[0], columns + side * across[1]
            free &= (row >= 0) & (row < height) & (column >= 0) & (column < width)
            row, column = np.rint(row).clip(0, height - 1), np.rint(column).clip(0, width - 1)
            index = row.astype(np.int32) * np.int32(width) + column.astype(np.int32)
            free &= ~self.busy.ravel().take(index)
            colours.append(self.colours.reshape(-1, 3).take(index, axis=0))
        middle, left, right = colours
        differences = middle - left, middle - right
        sizes = [np.sqrt(np.einsum("...c,...c", difference, difference)) for difference in differences]
        alike = np.einsum("...c,...c", *differences) > ALIKE * sizes[0] * sizes[1]
        return (np.minimum(*sizes) > CONTRAST) & alike & free, free, middle


@dataclass(frozen=True, eq=False)
class _Line:
    start: np.ndarray  # row, column
    direction: np.ndarray  # the same, of length 1
    length: float
    reach_px: float
    seen: float  # share of it that stands out

    def at(self, along: float) -> np.ndarray:
        return np.asarray(self.start + along * self.direction)


def _hands(inside: np.ndarray, view: _View) -> np.ndarray:
    """Points of the outline at the height of hands: float (N, 2), row and column."""
    contours, _ = cv2.findContours(inside.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = np.concatenate(contours)[:, 0, ::-1] if contours else np.empty((0, 2))
    high, low = (view.level(share) for share in HANDS)
    return points[(points[:, 0] > high) & (points[:, 0] < low)][:: int(STEP_PX)].astype(np.float32)


def _lines(view: _View, starts: np.ndarray, reach_px: float) -> list[_Line]:
    """Lines from any start that stand out all the way to the ground."""
    tilts = np.deg2rad(np.arange(-TILT_DEG, TILT_DEG + 0.1, TILT_STEP_DEG))
    start, tilt = (choice.ravel() for choice in np.indices((len(starts), len(tilts))))
    along = np.arange(STEP_PX, (GROUND[1] - HANDS[0]) * view.height, STEP_PX, dtype=np.float32)
    likely = _seen_share(view, starts[start], tilts[tilt], along[::GLANCE], reach_px)[0] >= GLANCE_SHARE
    start, tilt = start[likely], tilts[tilt[likely]]
    share, seen, needed, colours = _seen_share(view, starts[start], tilt, along, reach_px)
    lines = []
    for index in np.flatnonzero(share >= SEEN_SHARE).tolist():
        shown = seen[index]
        if colours[index][shown & needed[index]].std(axis=0).max() > COLOUR_SPREAD:
            continue
        last = int(needed[index].sum()) - 1
        while last + 1 < len(shown) and shown[last + 1 : last + 4].mean() > 0.5:
            last += 1
        direction = np.array([np.cos(tilt[index]), np.sin(tilt[index])])
        line = _Line(starts[start[index]], direction, float(along[last]), reach_px, float(share[index]))
        if view.level(GROUND[0]) <= line.at(line.length)[0] <= view.level(GROUND[1]):
            lines.append(line)
    return lines


def _seen_share(
    view: _View, starts: np.ndarray, tilts: np.ndarray, along: np.ndarray, reach_px: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of N lines, what share stands out down to the ground, 0 where too little of the line is free.

    starts: float (N, 2). tilts: float (N,). along: float (A,), pixels. Returns the share (N,), which points
    stand out (N, A), which lie above the ground (N, A), and the points' colours (N, A, 3).
    """
    down, aside = (turned.astype(np.float32)[:, None] for turned in (np.cos(tilts), np.sin(tilts)))
    rows, columns = starts[:, :1] + along * down, starts[:, 1:] + along * aside
    seen, free, colours = view.probe(rows, columns, (-reach_px * aside, reach_px * down))
    needed = rows <= view.level(GROUND[0]) + 0.03 * view.height
    count, clear = needed.sum(axis=1), (free & needed).sum(axis=1)
    share = (seen & needed).sum(axis=1) / np.maximum(clear, 1)
    long_enough = count * (along[1] - along[0]) >= LENGTH_MIN * view.height
    return share * (clear >= FREE_SHARE * count) * long_enough, seen, needed, colours


def _ends_as_a_stick(view: _View, line: _Line) -> bool:
    """Whether a line ends at the hand above and on the ground below; the photo must show what is below."""
    below = line.length + np.arange(BEYOND[0] * view.height, BEYOND[1] * view.height, STEP_PX / 2)
    above = -np.arange(STEP_PX, view.height, STEP_PX / 2)
    if _goes_on(view, line, above, turned_at=line.length, least=0) > GOES_ON_SHARE[0]:
        return False
    return _goes_on(view, line, below, turned_at=0.0, least=8) <= GOES_ON_SHARE[1]


def _goes_on(view: _View, line: _Line, along: np.ndarray, *, turned_at: float, least: int) -> float:
    """How much of the first free points past an end stands out, 0 to 1, by the tilt that shows most.

    The line is turned about its other end, for its tilt is known to a step only. least: with fewer free
    points it counts as going on.
    """
    pivot = line.at(turned_at)
    most = 0.0
    for turn in np.deg2rad(np.linspace(-TILT_STEP_DEG / 2, TILT_STEP_DEG / 2, 5)):
        down, aside = line.direction
        down, aside = down * np.cos(turn) - aside * np.sin(turn), aside * np.cos(turn) + down * np.sin(turn)
        across = (np.array(-line.reach_px * aside), np.array(line.reach_px * down))
        rows, columns = pivot[0] + (along - turned_at) * down, pivot[1] + (along - turned_at) * aside
        seen, free, _ = view.probe(rows, columns, across)
        near = seen[free][:20]
        if len(near) < least:
            return 1.0
        most = max(most, float(near.mean()) if len(near) > 5 else 0.0)
    return most
