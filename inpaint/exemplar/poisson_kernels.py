"""The numba kernels of `poisson`, which says what they solve; each works on a band of rows."""

import numpy as np

from inpaint.exemplar.compilation import inlined, kernel

LEAST_WEIGHT = np.float32(0.01)
"""Weight of a pair that is left alone, so that no piece is quite cut off."""


@inlined
def _add_gradient(image, usable, at, dy, dx, sign, total):
    """Add the step from a pixel to its neighbour in the photo, where both are original; returns how many."""
    b = at[0] + dy
    a = at[1] + dx
    if b < 0 or b >= usable.shape[0] or a < 0 or a >= usable.shape[1] or not usable[b, a]:
        return 0
    for k in range(3):
        total[k] += sign * (np.float32(image[b, a, k]) - np.float32(image[at[0], at[1], k]))
    return 1


@kernel(
    "void(uint8[:, :, ::1], uint8[:, :, ::1], int32[:, :, ::1], boolean[:, ::1],"
    " boolean[:, ::1], float32, float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, :, ::1],"
    " float32[:, ::1], int64, int64)"
)
def seam_equations(
    image, fill, origin, hole, usable, real_edge, right, down, pinned, wanted, misses, first, last
):
    """The rows from the first to before the last. misses: float32 (h, 3), room to work in."""
    height, width = hole.shape
    for y in range(first, last):
        missed = misses[y]
        for x in range(width):
            if not hole[y, x]:
                continue
            for way in range(4):
                dy = (way == 1) - (way == 3)
                dx = (way == 0) - (way == 2)
                v = y + dy
                u = x + dx
                if v < 0 or v >= height or u < 0 or u >= width:
                    continue
                missed[0] = missed[1] = missed[2] = 0
                guides = _add_gradient(image, usable, origin[y, x], dy, dx, 1, missed)
                if hole[v, u]:
                    guides += _add_gradient(image, usable, origin[v, u], -dy, -dx, -1, missed)
                if guides == 0:
                    continue
                largest = np.float32(0)
                for k in range(3):
                    there = np.float32(fill[v, u, k]) - np.float32(fill[y, x, k])
                    missed[k] = missed[k] / guides - there
                    largest = max(largest, abs(missed[k]))
                share = min(largest / real_edge, np.float32(1))
                trust = 1 - share * share
                trust = trust * trust
                for k in range(3):
                    wanted[y, x, k] -= trust * missed[k]
                weight = max(trust, LEAST_WEIGHT)
                if not hole[v, u]:
                    pinned[y, x] += weight
                elif way == 0:
                    right[y, x] = weight
                elif way == 1:
                    down[y, x] = weight


@kernel(
    "void(float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, :, ::1],"
    " float32[:, :, ::1], int64, int64, int64)"
)
def relax(right, down, pinned, wanted, c, colour, first, last):
    """One half of a red-black Gauss-Seidel sweep."""
    width = pinned.shape[1]
    for y in range(first, last):
        for x in range((y + colour) % 2, width, 2):
            e = right[y, x]
            s = down[y, x]
            w = right[y, x - 1] if x > 0 else np.float32(0)
            n = down[y - 1, x] if y > 0 else np.float32(0)
            total = e + s + w + n + pinned[y, x]
            if total <= 0:
                continue
            for k in range(3):
                value = wanted[y, x, k]
                if e > 0:
                    value += e * c[y, x + 1, k]
                if s > 0:
                    value += s * c[y + 1, x, k]
                if w > 0:
                    value += w * c[y, x - 1, k]
                if n > 0:
                    value += n * c[y - 1, x, k]
                c[y, x, k] = value / total


@kernel(
    "void(float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, :, ::1],"
    " float32[:, :, ::1], float32[:, :, ::1], int64, int64)"
)
def residual(right, down, pinned, wanted, c, out, first, last):
    width = pinned.shape[1]
    for y in range(first, last):
        for x in range(width):
            e = right[y, x]
            s = down[y, x]
            w = right[y, x - 1] if x > 0 else np.float32(0)
            n = down[y - 1, x] if y > 0 else np.float32(0)
            total = e + s + w + n + pinned[y, x]
            for k in range(3):
                value = wanted[y, x, k] - total * c[y, x, k]
                if e > 0:
                    value += e * c[y, x + 1, k]
                if s > 0:
                    value += s * c[y + 1, x, k]
                if w > 0:
                    value += w * c[y, x - 1, k]
                if n > 0:
                    value += n * c[y - 1, x, k]
                out[y, x, k] = value
