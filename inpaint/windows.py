"""Windows around holes: near holes share one, far ones get their own, specks get a cheap pass together.

The cost of a fill follows the holes and not the photo; nothing here makes a copy of the photo in float.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from _removal_support.progress import in_turn
from inpaint.boxes import Box, tightened

CELL_PX = 8
"""Holes in touching cells of this size are one hole."""
SPECK_PX = 6
"""A hole no wider and no higher than this is a speck."""
MIN_CONTEXT_PX = 48
MIN_SOURCE_RATIO = 1.0
"""A window grows until it shows at least this many source pixels per hole pixel, or all of the photo."""
BATCH_PX = 8_000_000
"""Windows are handed out together up to this many pixels, which bounds the memory that they take."""
_TILE_PX = 256

FillWindows = Callable[
    [Sequence[np.ndarray], Sequence[np.ndarray], Sequence[np.ndarray | None]], list[np.ndarray]
]


class Window(NamedTuple):
    """What is to be filled, and what is shown for it."""

    hole: Box
    view: Box


def fill_by_windows(
    image: np.ndarray,
    mask: np.ndarray,
    protect: np.ndarray | None,
    fill_windows: FillWindows,
    *,
    context: float,
    even: bool,
    least_side_px: int = 0,
) -> np.ndarray:
    """Cut windows, have them filled, even their seams, put them back; specks first and all together.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W), neither empty nor full.
        protect: bool (H, W) or None.
        fill_windows: lists of window images, masks and protects in, list of filled images out.
        context: margin around a hole as a share of its longer side, as `windows` takes it.
        least_side_px: least height and width of a window, as `windows` takes it.
        even: whether the seams are evened (`inpaint.blending.even_seams`).

    Returns:
        uint8 (H, W, 3), equal to `image` outside the mask.
    """
    from inpaint.blending import even_seams

    holes, specks = find_holes(mask)
    filled = image.copy(order="C")
    fill_specks(filled, image, mask, specks)
    found = windows(mask, protect, context=context, least_side_px=least_side_px, holes=holes)
    batches = list(_batches(found))
    for batch in in_turn(batches, [sum(window.view.area_px for window in batch) for batch in batches]):
        images = [np.ascontiguousarray(image[w.view.slices]) for w in batch]
        masks = [np.ascontiguousarray(mask[w.view.slices]) for w in batch]
        protects = [None if protect is None else np.ascontiguousarray(protect[w.view.slices]) for w in batch]
        for window, shown, hidden, result in zip(
            batch, images, masks, fill_windows(images, masks, protects), strict=True
        ):
            if even:
                result = even_seams(shown, result, hidden)
            paste(filled, result, mask, window)
    return filled


def windows(
    mask: np.ndarray,
    protect: np.ndarray | None = None,
    *,
    context: float = 1.0,
    least_side_px: int = 0,
    holes: Sequence[Box] | None = None,
) -> list[Window]:
    """A window for each hole, or for several where one window costs no more than theirs together.

    Args:
        mask: bool (H, W), True = hole.
        protect: bool (H, W) or None, True = no source.
        context: margin as a share of the hole's longer side; at least `MIN_CONTEXT_PX`.
        least_side_px: a view is at least so high and wide, where the photo is.
        holes: boxes around the holes; None = those that `find_holes` finds, specks left out.

    Returns:
        Windows, from top to bottom; each view is clipped at the photo's edge.

    Raises:
        ValueError: `context` is negative.
    """
    if context < 0:
        raise ValueError(f"expected a context of 0 or more, got {context}")
    found = find_holes(mask)[0] if holes is None else holes
    pending = [Window(hole, _view(hole, mask, protect, context, least_side_px)) for hole in sorted(found)]
    kept: list[Window] = []
    while pending:
        window = pending.pop(0)
        for i, other in enumerate(kept):
            if _overlap(window.view, other.view):
                hole = window.hole.union(other.hole)
                view = window.view.union(other.view)
                if view.area_px <= window.view.area_px + other.view.area_px or _inside(window, other):
                    del kept[i]
                    pending.insert(0, Window(hole, view))
                    break
        else:
            kept.append(window)
    return sorted(kept)


def find_holes(mask: np.ndarray) -> tuple[list[Box], list[Box]]:
    """Tight boxes around the connected holes of a mask, and around its specks.

    Args:
        mask: bool (H, W).

    Returns:
        Boxes of holes, boxes of specks (at most `SPECK_PX` on each side). Holes less than `CELL_PX` apart
        may share a box.
    """
    rows = np.logical_or.reduceat(mask, np.arange(0, mask.shape[0], CELL_PX), axis=0)
    cells = np.logical_or.reduceat(rows, np.arange(0, mask.shape[1], CELL_PX), axis=1)
    count, _, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8), connectivity=8)
    holes: list[Box] = []
    specks: list[Box] = []
    for left, top, width, height, _ in (stats[1:count] * CELL_PX).tolist():
        box = tightened(Box(top, left, top + height, left + width), mask)
        (specks if box.longer_side_px <= SPECK_PX else holes).append(box)
    return holes, specks


def fill_specks(filled: np.ndarray, image: np.ndarray, mask: np.ndarray, specks: Sequence[Box]) -> None:
    """Fill specks by Telea's method, tile by tile, into `filled` (the one array that is written to)."""
    by_tile: dict[tuple[int, int], list[Box]] = {}
    for box in specks:
        by_tile.setdefault((box.top // _TILE_PX, box.left // _TILE_PX), []).append(box)
    for boxes in by_tile.values():
        tile = boxes[0]
        for box in boxes[1:]:
            tile = tile.union(box)
        tile = tile.grown(2 * SPECK_PX, *mask.shape)
        hidden = mask[tile.slices]
        telea = cv2.inpaint(
            np.ascontiguousarray(image[tile.slices]), hidden.astype(np.uint8), 3.0, cv2.INPAINT_TELEA
        )
        for box in boxes:
            paste(filled, telea, mask, Window(box, tile))


def paste(filled: np.ndarray, result: np.ndarray, mask: np.ndarray, window: Window) -> None:
    """Write a window's fill, of the size of its view, into `filled` where its hole is."""
    hole, view = window
    inner = result[
        hole.top - view.top : hole.bottom - view.top, hole.left - view.left : hole.right - view.left
    ]
    np.copyto(filled[hole.slices], inner, where=mask[hole.slices][..., None])


def _view(hole: Box, mask: np.ndarray, protect: np.ndarray | None, context: float, least_side_px: int) -> Box:
    height, width = mask.shape
    margin_px = max(MIN_CONTEXT_PX, round(context * hole.longer_side_px))
    while True:
        view = _widened(hole.grown(margin_px, height, width), least_side_px, height, width)
        hidden = mask[view.slices]
        hidden_px = np.count_nonzero(hidden)
        blocked_px = hidden_px if protect is None else np.count_nonzero(hidden | protect[view.slices])
        if view.area_px - blocked_px >= MIN_SOURCE_RATIO * hidden_px or view.area_px == mask.size:
            return view
        margin_px *= 2


def _widened(view: Box, least_side_px: int, height: int, width: int) -> Box:
    """The view at least so high and wide, moved rather than cut at the photo's edge."""
    top, bottom = _stretched(view.top, view.bottom, least_side_px, height)
    left, right = _stretched(view.left, view.right, least_side_px, width)
    return Box(top, left, bottom, right)


def _stretched(start: int, end: int, least: int, limit: int) -> tuple[int, int]:
    missing = min(least, limit) - (end - start)
    if missing <= 0:
        return start, end
    start = min(max(0, start - missing // 2), limit - min(least, limit))
    return start, start + min(least, limit)


def _overlap(a: Box, b: Box) -> bool:
    return a.top < b.bottom and b.top < a.bottom and a.left < b.right and b.left < a.right


def _inside(a: Window, b: Window) -> bool:
    return _overlap(a.hole, b.hole)


def _batches(found: Sequence[Window]) -> Iterator[list[Window]]:
    batch: list[Window] = []
    area_px = 0
    for window in found:
        if batch and area_px + window.view.area_px > BATCH_PX:
            yield batch
            batch, area_px = [], 0
        batch.append(window)
        area_px += window.view.area_px
    if batch:
        yield batch
