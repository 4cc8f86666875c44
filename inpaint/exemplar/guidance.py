"""Where the lines of `lines` run at one scale, and what it costs a patch to be copied from off its line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inpaint.exemplar.line_geometry import Line

FULL_PX, NONE_PX = 3.5, 6.0
"""A line has its whole weight on patches so near, and none on those so far, at every scale."""
FREE_ACROSS_PX, MOST_ACROSS_PX = 0.6, 4.0
"""A source may lie so far off its target's line for nothing, and what lies farther costs no more."""


def line_field(lines: Sequence[Line], shape: tuple[int, int], scale: int) -> np.ndarray:
    """The strongest line near each pixel.

    Args:
        lines: in pixels of the photo.
        shape: rows and columns of the level.
        scale: pixels of the photo for one of the level.

    Returns:
        float32 (H, W, 3): the line's unit normal, y and x, and its weight, 0 to 1, less where a line of
        another direction crosses.
    """
    field = np.zeros((*shape, 3), np.float32)
    crossing = np.zeros(shape, np.float32)
    for line in lines:
        start, end = ((point + 0.5) / scale - 0.5 for point in (line.start, line.end))
        length = float(np.linalg.norm(end - start))
        if length < 1e-3:
            continue
        low = np.floor(np.minimum(start, end) - NONE_PX).astype(int).clip(0)
        high = np.ceil(np.maximum(start, end) + NONE_PX).astype(int) + 1
        window = slice(low[0], high[0]), slice(low[1], high[1])
        here, crossed = field[window], crossing[window]
        if here.size == 0:
            continue
        along = (end - start) / length
        rows = np.arange(low[0], low[0] + here.shape[0], dtype=np.float32)[:, None] - np.float32(start[0])
        columns = np.arange(low[1], low[1] + here.shape[1], dtype=np.float32)[None] - np.float32(start[1])
        reached = np.clip(rows * along[0] + columns * along[1], 0, length)
        away = np.hypot(rows - reached * along[0], columns - reached * along[1])
        weight = line.weight * np.clip((NONE_PX - away) / (NONE_PX - FULL_PX), 0, 1)
        if line.fading:
            weight = weight * (1 - reached / length)
        turned = np.abs(here[..., 0] * along[0] + here[..., 1] * along[1])  # sine of the angle between them
        stronger = weight > here[..., 2]
        np.maximum(crossed, turned * np.minimum(weight, here[..., 2]), out=crossed)
        here[stronger] = np.stack(
            [np.full_like(weight, -along[1]), np.full_like(weight, along[0]), weight], axis=-1
        )[stronger]
    field[..., 2] = np.maximum(field[..., 2] - crossing, 0)
    return field
