"""The numba kernel of `palette`, which says what it is for."""

import numpy as np

from inpaint.exemplar.compilation import kernel

_DIAGONAL = np.float32(1.4142135)
_LEAST = np.float32(1e-3)
_MOST_ROUNDS = 64


@kernel("void(boolean[:, ::1], boolean[:, ::1], float32[:, :, ::1])")
def spread(open_, barrier, far):
    """Length of the shortest way from where `far` is 0, for each of its layers by itself, through what is
    open and not across barriers: `far`, float32 (h, w, K), is infinite elsewhere and written to."""
    height, width, layers = far.shape
    changed = True
    rounds = 0
    while changed and rounds < _MOST_ROUNDS:
        changed = False
        step = 1 if rounds % 2 == 0 else -1
        rounds += 1
        for m in range(height):
            y = m if step == 1 else height - 1 - m
            for n in range(width):
                x = n if step == 1 else width - 1 - n
                if not open_[y, x]:
                    continue
                for p in range(4):  # the three of the row before, then the pixel before
                    v = y - step if p < 3 else y
                    u = x + (p - 1) * step if p < 3 else x - step
                    if v < 0 or v >= height or u < 0 or u >= width or barrier[v, u]:
                        continue
                    way = np.float32(1)
                    if v != y and u != x:
                        if barrier[v, x] or barrier[y, u]:
                            continue
                        way = _DIAGONAL
                    for k in range(layers):
                        if far[v, u, k] + way < far[y, x, k] - _LEAST:
                            far[y, x, k] = far[v, u, k] + way
                            changed = True
