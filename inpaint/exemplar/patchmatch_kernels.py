"""The numba kernels of `patchmatch`, which says what they do; each works on a band of targets or pixels."""

import numpy as np

from inpaint.exemplar.compilation import inlined, kernel
from inpaint.exemplar.guidance import FREE_ACROSS_PX, MOST_ACROSS_PX
from inpaint.exemplar.pyramid import RADIUS, SIDE

_FAR = np.float32(3.4e38)
_FREE_ACROSS, _MOST_ACROSS = np.float32(FREE_ACROSS_PX), np.float32(MOST_ACROSS_PX)
_LINE_DRAWS, _FIRST_LINE_DRAW = 4, 64
_SHARE = np.float32(1 / SIDE**2)
_TO_UNIT = np.float32(2.0**-32)


@inlined
def _hash(a, b, c):
    """Mix three integers into 64 bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    z = (
        np.uint64(a) * np.uint64(0x9E3779B97F4A7C15)
        ^ np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F)
        ^ np.uint64(c) * np.uint64(0x165667B19E3779F9)
    )
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inlined
def _difference(flat, y, x, source_y, source_x, limit):
    """Sum of squared differences of two patches; any number above the limit once it is passed."""
    total = np.int32(0)
    left = 3 * (x - RADIUS)
    source_left = 3 * (source_x - RADIUS)
    for dy in range(-RADIUS, RADIUS + 1):
        for k in range(3 * SIDE):
            d = np.int32(flat[y + dy, left + k]) - np.int32(flat[source_y + dy, source_left + k])
            total += d * d
        if total > limit:
            return total
    return total


@inlined
def _lessened(total, most_bias, bias_cost):
    """By how much a bounded bias lessens the sum of squares of a channel; total: of its differences."""
    mean = np.float32(total) * _SHARE
    bias = min(max(mean, -most_bias), most_bias)
    return bias * (2 * mean - (1 + bias_cost) * bias) / _SHARE


@inlined
def _difference_but_for_bias(flat, y, x, source_y, source_x, limit, most_bias, bias_cost):
    """As `_difference`, where the source may be brighter or darker all over, channel by channel."""
    total = np.int32(0)
    red = np.int32(0)
    green = np.int32(0)
    blue = np.int32(0)
    spare = 3 * most_bias * most_bias / _SHARE
    for dy in range(-RADIUS, RADIUS + 1):
        for dx in range(-RADIUS, RADIUS + 1):
            k = 3 * (x + dx)
            j = 3 * (source_x + dx)
            r = np.int32(flat[y + dy, k]) - np.int32(flat[source_y + dy, j])
            g = np.int32(flat[y + dy, k + 1]) - np.int32(flat[source_y + dy, j + 1])
            b = np.int32(flat[y + dy, k + 2]) - np.int32(flat[source_y + dy, j + 2])
            red += r
            green += g
            blue += b
            total += r * r + g * g + b * b
        if total - spare > limit:
            return np.float32(total)
    rest = np.float32(total) - _lessened(red, most_bias, bias_cost)
    return rest - _lessened(green, most_bias, bias_cost) - _lessened(blue, most_bias, bias_cost)


@inlined
def _off_line(normal_y, normal_x, weight, far_y, far_x):
    """Cost of a source that is not on the target's line."""
    across = abs(normal_y * far_y + normal_x * far_x) - _FREE_ACROSS
    return weight * min(max(across, np.float32(0)), _MOST_ACROSS)


@inlined
def _is_own(own, source_y, source_x):
    """Whether a source is of the photo itself, and not of the photo turned."""
    return source_y < own[0] and source_x < own[1]


@inlined
def _far(own, far_px, source_y, source_x, far_y, far_x):
    """How far away a source lies; a turned one as far as it is said to count."""
    if _is_own(own, source_y, source_x):
        return np.sqrt(far_y * far_y + far_x * far_x)
    return far_px


@inlined
def _cost(flat, texture, lines, prices, i, y, x, source_y, source_x, own, weights, limit):
    """Cost of giving target i a source: colours, texture at the centre, distance in the photo, distance
    from its line, which a turned source is not asked for, and the price of the source's colour. own: rows and
    columns of the photo itself. weights: of texture and distance, the most levels of a bias and what its
    square costs, and how far turned sources count as lying away."""
    texture_weight, near_weight, most_bias, bias_cost, far_px = weights
    t0 = np.float32(texture[y, x, 0]) - np.float32(texture[source_y, source_x, 0])
    t1 = np.float32(texture[y, x, 1]) - np.float32(texture[source_y, source_x, 1])
    far_y = np.float32(y - source_y)
    far_x = np.float32(x - source_x)
    extra = texture_weight * (t0 * t0 + t1 * t1) + near_weight * _far(
        own, far_px, source_y, source_x, far_y, far_x
    )
    if lines[i, 2] > 0 and _is_own(own, source_y, source_x):
        extra += _off_line(lines[i, 0], lines[i, 1], lines[i, 2], far_y, far_x)
    labels, costs, shift = prices
    if costs.shape[0] > 0:
        extra += costs[i, labels[source_y >> shift, source_x >> shift]]
    if extra >= limit:
        return extra
    if most_bias > 0:
        return extra + _difference_but_for_bias(
            flat, y, x, source_y, source_x, limit - extra, most_bias, bias_cost
        )
    room = np.int32(min(limit - extra, np.float32(2e9)))
    return extra + np.float32(_difference(flat, y, x, source_y, source_x, room))


@kernel(
    "void(uint8[:, ::1], uint8[:, :, ::1], float32[:, ::1],"
    " Tuple((uint8[:, ::1], float32[:, ::1], int64)), int32[:, ::1], int32[:, ::1],"
    " boolean[:, ::1], int32[:, ::1], int32[:, ::1], float32[::1], int64, int64, UniTuple(int64, 2),"
    " UniTuple(float32, 5), int64, int64, int64)"
)
def search(
    flat,
    texture,
    lines,
    prices,
    targets,
    index,
    valid,
    before,
    field,
    cost,
    seed,
    reach,
    own,
    weights,
    bands,
    first_band,
    last_band,
):
    """One sweep over the bands from the first to before the last; `before` is the field as it was."""
    height, width = index.shape
    count = targets.shape[0]
    backward = seed % 2 == 1
    step = -1 if backward else 1
    for band in range(first_band, last_band):
        first = band * count // bands
        last = (band + 1) * count // bands
        for n in range(last - first):
            i = last - 1 - n if backward else first + n
            y = np.int64(targets[i, 0])
            x = np.int64(targets[i, 1])
            best_y = np.int64(field[i, 0])
            best_x = np.int64(field[i, 1])
            best = _cost(flat, texture, lines, prices, i, y, x, best_y, best_x, own, weights, _FAR)
            for k in range(4):
                dy = -step if k == 0 else (step if k == 2 else 0)
                dx = -step if k == 1 else (step if k == 3 else 0)
                if y + dy < 0 or y + dy >= height or x + dx < 0 or x + dx >= width:
                    continue
                j = index[y + dy, x + dx]
                if j < 0:
                    continue
                if first <= j < last:
                    source_y = field[j, 0] - dy
                    source_x = field[j, 1] - dx
                else:
                    source_y = before[j, 0] - dy
                    source_x = before[j, 1] - dx
                if source_y < 0 or source_y >= height or source_x < 0 or source_x >= width:
                    continue
                if not valid[source_y, source_x] or (source_y == best_y and source_x == best_x):
                    continue
                c = _cost(flat, texture, lines, prices, i, y, x, source_y, source_x, own, weights, best)
                if c < best:
                    best = c
                    best_y = source_y
                    best_x = source_x
            radius = reach
            draw = 0
            while radius >= 1:
                h = _hash(seed, i, draw)
                span = np.uint64(2 * radius + 1)
                source_y = best_y - radius + np.int64((h & np.uint64(0xFFFFFFFF)) % span)
                source_x = best_x - radius + np.int64((h >> np.uint64(32)) % span)
                if 0 <= source_y < height and 0 <= source_x < width and valid[source_y, source_x]:
                    c = _cost(flat, texture, lines, prices, i, y, x, source_y, source_x, own, weights, best)
                    if c < best:
                        best = c
                        best_y = source_y
                        best_x = source_x
                draw += 1
                radius //= 2
            if lines[i, 2] > 0:
                for draw in range(_LINE_DRAWS):
                    h = _hash(seed, i, _FIRST_LINE_DRAW + draw)
                    along = np.float32(
                        np.int64((h & np.uint64(0xFFFFFFFF)) % np.uint64(2 * reach + 1)) - reach
                    )
                    across = np.float32(1.4) * (np.float32(h >> np.uint64(32)) * _TO_UNIT - np.float32(0.5))
                    source_y = np.int64(np.rint(y - along * lines[i, 1] + across * lines[i, 0]))
                    source_x = np.int64(np.rint(x + along * lines[i, 0] + across * lines[i, 1]))
                    if 0 <= source_y < height and 0 <= source_x < width and valid[source_y, source_x]:
                        c = _cost(
                            flat, texture, lines, prices, i, y, x, source_y, source_x, own, weights, best
                        )
                        if c < best:
                            best = c
                            best_y = source_y
                            best_x = source_x
            field[i, 0] = best_y
            field[i, 1] = best_x
            cost[i] = best


@kernel(
    "void(uint8[:, :, ::1], uint8[:, :, ::1], int32[:, ::1], int32[:, ::1], int32[:, ::1],"
    " float32[::1], float32[::1], float32[:, ::1], float32, uint8[:, ::1], uint8[:, ::1], int64, int64)"
)
def vote(
    image, texture, holes, index, field, cost, confidence, bias, bandwidth, colours, textures, first, last
):
    """The hole's pixels from the first to before the last. bias: of no target, or of each."""
    biased = bias.shape[0] > 0
    height, width = index.shape
    half = np.float32(0.5)
    for n in range(first, last):
        y = holes[n, 0]
        x = holes[n, 1]
        top = max(y - RADIUS, 0)
        bottom = min(y + RADIUS, height - 1)
        left = max(x - RADIUS, 0)
        right = min(x + RADIUS, width - 1)
        mean = np.float32(0)
        count = 0
        for v in range(top, bottom + 1):
            for u in range(left, right + 1):
                j = index[v, u]
                if j >= 0:
                    mean += cost[j]
                    count += 1
        scale = np.float32(-1.0) / (bandwidth * (mean / count + np.float32(1.0)))
        total = np.float32(0)
        red = np.float32(0)
        green = np.float32(0)
        blue = np.float32(0)
        t0 = np.float32(0)
        t1 = np.float32(0)
        for v in range(top, bottom + 1):
            for u in range(left, right + 1):
                j = index[v, u]
                if j < 0:
                    continue
                w = confidence[j] * np.exp(cost[j] * scale)
                b = field[j, 0] + y - v
                a = field[j, 1] + x - u
                total += w
                red += w * image[b, a, 0]
                green += w * image[b, a, 1]
                blue += w * image[b, a, 2]
                t0 += w * texture[b, a, 0]
                t1 += w * texture[b, a, 1]
                if biased:
                    red += w * bias[j, 0]
                    green += w * bias[j, 1]
                    blue += w * bias[j, 2]
        if biased:
            most = np.float32(255) * total
            red = min(max(red, np.float32(0)), most)
            green = min(max(green, np.float32(0)), most)
            blue = min(max(blue, np.float32(0)), most)
        colours[n, 0] = np.uint8(red / total + half)
        colours[n, 1] = np.uint8(green / total + half)
        colours[n, 2] = np.uint8(blue / total + half)
        textures[n, 0] = np.uint8(t0 / total + half)
        textures[n, 1] = np.uint8(t1 / total + half)


@kernel("void(uint8[:, ::1], int32[:, ::1], int32[:, ::1], float32, float32[:, ::1], int64, int64)")
def biases(flat, targets, field, most_bias, bias, first, last):
    """The targets from the first to before the last."""
    for i in range(first, last):
        for k in range(3):
            total = np.int32(0)
            for dy in range(-RADIUS, RADIUS + 1):
                for dx in range(-RADIUS, RADIUS + 1):
                    here = np.int32(flat[targets[i, 0] + dy, 3 * (targets[i, 1] + dx) + k])
                    total += here - np.int32(flat[field[i, 0] + dy, 3 * (field[i, 1] + dx) + k])
            bias[i, k] = min(max(np.float32(total) * _SHARE, -most_bias), most_bias)


@kernel(
    "void(uint8[:, ::1], boolean[:, ::1], float32[:, ::1],"
    " Tuple((uint8[:, ::1], float32[:, ::1], int64)), int32[:, ::1], int32[:, ::1], UniTuple(int64, 2),"
    " UniTuple(float32, 3), int32[:, ::1], int64, int64)"
)
def match_known(flat, known, lines, prices, targets, candidates, own, weights, field, first, last):
    """The targets from the first to before the last. own: as for `_cost`. weights: cost of a pixel's
    distance, least distance, and how far turned sources count as lying away."""
    labels, costs, shift = prices
    near_weight, least_far, far_px = weights
    for i in range(first, last):
        y = targets[i, 0]
        x = targets[i, 1]
        count = 0
        for v in range(y - RADIUS, y + RADIUS + 1):
            for u in range(x - RADIUS, x + RADIUS + 1):
                count += known[v, u]
        scale = np.float32(SIDE * SIDE) / np.float32(max(count, 1))
        best = _FAR
        for n in range(candidates.shape[0]):
            b = candidates[n, 0]
            a = candidates[n, 1]
            far_y = np.float32(y - b)
            far_x = np.float32(x - a)
            far = _far(own, far_px, b, a, far_y, far_x)
            if far < least_far:
                continue
            c = near_weight * far
            if lines[i, 2] > 0 and _is_own(own, b, a):
                c += _off_line(lines[i, 0], lines[i, 1], lines[i, 2], far_y, far_x)
            if costs.shape[0] > 0:
                c += costs[i, labels[b >> shift, a >> shift]]
            for dy in range(-RADIUS, RADIUS + 1):
                if c >= best:
                    break
                row = np.int32(0)
                for dx in range(-RADIUS, RADIUS + 1):
                    if known[y + dy, x + dx]:
                        for k in range(3):
                            d = np.int32(flat[y + dy, 3 * (x + dx) + k]) - np.int32(
                                flat[b + dy, 3 * (a + dx) + k]
                            )
                            row += d * d
                c += scale * np.float32(row)
            if c < best:
                best = c
                field[i, 0] = b
                field[i, 1] = a


@kernel("void(int32[:, ::1], int32[:, ::1], int32[:, ::1], float32[::1], int32[:, ::1], int64, int64)")
def best_origins(holes, index, field, cost, origin, first, last):
    """The hole's pixels from the first to before the last."""
    height, width = index.shape
    for n in range(first, last):
        y = holes[n, 0]
        x = holes[n, 1]
        best = _FAR
        for v in range(max(y - RADIUS, 0), min(y + RADIUS, height - 1) + 1):
            for u in range(max(x - RADIUS, 0), min(x + RADIUS, width - 1) + 1):
                j = index[v, u]
                if j >= 0 and cost[j] < best:
                    best = cost[j]
                    origin[n, 0] = field[j, 0] + y - v
                    origin[n, 1] = field[j, 1] + x - u
