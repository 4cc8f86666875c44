"""Maximum flow on a graph of four neighbours, and alpha-expansion with it: the numba kernels of `shift_maps`.

The algorithm is Boykov and Kolmogorov's (2004): two search trees, from the source and from the sink, that are
kept from one augmenting path to the next.
"""

import numpy as np

from inpaint.exemplar.compilation import inlined, kernel

FREE, SOURCE, SINK = 0, 1, 2
_TERMINAL, _ORPHAN, _NONE = 4, 5, -1
_FAR_AWAY = 1 << 30


@inlined
def _origin_distance(start, neighbour, parent, stamp, distance, now):
    """Steps from a node to the terminal that its tree hangs on; `_FAR_AWAY` where it hangs on an orphan."""
    steps = 0
    node = start
    while True:
        if stamp[node] == now:
            steps += distance[node]
            break
        up = parent[node]
        if up == _TERMINAL:
            stamp[node] = now
            distance[node] = 1
            steps += 1
            break
        if up in (_ORPHAN, _NONE):
            return _FAR_AWAY
        steps += 1
        node = neighbour[node, up]
    left = steps
    node = start
    while stamp[node] != now:
        stamp[node] = now
        distance[node] = left
        left -= 1
        node = neighbour[node, parent[node]]
    return steps


@inlined
def _push_path(source_end, way, neighbour, capacity, excess, parent, orphans):
    """Send what the path over an edge can take; returns how many orphans it leaves."""
    sink_end = neighbour[source_end, way]
    flow = capacity[source_end, way]
    node = source_end
    while parent[node] != _TERMINAL:
        up = parent[node]
        flow = min(flow, capacity[neighbour[node, up], up ^ 1])
        node = neighbour[node, up]
    flow = min(flow, excess[node])
    node = sink_end
    while parent[node] != _TERMINAL:
        flow = min(flow, capacity[node, parent[node]])
        node = neighbour[node, parent[node]]
    flow = min(flow, -excess[node])

    count = 0
    capacity[source_end, way] -= flow
    capacity[sink_end, way ^ 1] += flow
    node = source_end
    while parent[node] != _TERMINAL:
        up = parent[node]
        above = neighbour[node, up]
        capacity[node, up] += flow
        capacity[above, up ^ 1] -= flow
        if capacity[above, up ^ 1] <= 0:
            parent[node] = _ORPHAN
            orphans[count] = node
            count += 1
        node = above
    excess[node] -= flow
    if excess[node] <= 0:
        parent[node] = _ORPHAN
        orphans[count] = node
        count += 1
    node = sink_end
    while parent[node] != _TERMINAL:
        up = parent[node]
        below = neighbour[node, up]
        capacity[node, up] -= flow
        capacity[below, up ^ 1] += flow
        if capacity[node, up] <= 0:
            parent[node] = _ORPHAN
            orphans[count] = node
            count += 1
        node = below
    excess[node] += flow
    if excess[node] >= 0:
        parent[node] = _ORPHAN
        orphans[count] = node
        count += 1
    return count


@inlined
def cut(neighbour, capacity, excess, tree):
    """Write the minimum cut to `tree`: SOURCE, SINK, or FREE where either will do.

    Args:
        neighbour: int32 (N, 4), the node to the right, left, below and above, -1 = none.
        capacity: float32 (N, 4), of the edges that lead there, at least 0; written to.
        excess: float32 (N,), capacity from the source, or less than 0: to the sink; written to.
        tree: uint8 (N,).
    """
    count = len(excess)
    parent = np.full(count, _NONE, np.int8)
    stamp = np.zeros(count, np.int32)
    distance = np.zeros(count, np.int32)
    queue = np.empty(count + 1, np.int32)  # a ring: each node is in it at most once
    queued = np.zeros(count, np.bool_)
    orphans = np.empty(4 * count + 8, np.int32)
    head = 0
    waiting = 0
    for node in range(count):
        tree[node] = FREE
        if excess[node] != 0:
            tree[node] = SOURCE if excess[node] > 0 else SINK
            parent[node] = _TERMINAL
            distance[node] = 1
            queue[waiting] = node
            waiting += 1
            queued[node] = True
    now = 0
    while waiting > 0:
        node = queue[head]
        if tree[node] == FREE:
            head = (head + 1) % (count + 1)
            waiting -= 1
            queued[node] = False
            continue
        found = -1
        for way in range(4):
            other = neighbour[node, way]
            if other < 0:
                continue
            room = capacity[node, way] if tree[node] == SOURCE else capacity[other, way ^ 1]
            if room <= 0:
                continue
            if tree[other] == FREE:
                tree[other] = tree[node]
                parent[other] = way ^ 1
                stamp[other] = stamp[node]
                distance[other] = distance[node] + 1
                if not queued[other]:
                    queue[(head + waiting) % (count + 1)] = other
                    waiting += 1
                    queued[other] = True
            elif tree[other] != tree[node]:
                found = way
                break
            elif (
                stamp[other] <= stamp[node]
                and distance[other] > distance[node] + 1
                and parent[other] != _TERMINAL
            ):
                parent[other] = way ^ 1
                stamp[other] = stamp[node]
                distance[other] = distance[node] + 1
        if found < 0:
            head = (head + 1) % (count + 1)
            waiting -= 1
            queued[node] = False
            continue
        now += 1
        if tree[node] == SOURCE:
            last = _push_path(node, found, neighbour, capacity, excess, parent, orphans)
        else:
            last = _push_path(neighbour[node, found], found ^ 1, neighbour, capacity, excess, parent, orphans)
        first = 0
        while first < last:
            orphan = orphans[first]
            first += 1
            best = -1
            nearest = _FAR_AWAY
            for way in range(4):
                other = neighbour[orphan, way]
                if other < 0 or tree[other] != tree[orphan]:
                    continue
                room = capacity[other, way ^ 1] if tree[orphan] == SOURCE else capacity[orphan, way]
                if room <= 0:
                    continue
                steps = _origin_distance(other, neighbour, parent, stamp, distance, now)
                if steps < nearest:
                    nearest = steps
                    best = way
            if best >= 0:
                parent[orphan] = best
                stamp[orphan] = now
                distance[orphan] = nearest + 1
                continue
            for way in range(4):
                other = neighbour[orphan, way]
                if other < 0 or tree[other] != tree[orphan]:
                    continue
                room = capacity[other, way ^ 1] if tree[orphan] == SOURCE else capacity[orphan, way]
                if room > 0 and not queued[other]:
                    queue[(head + waiting) % (count + 1)] = other
                    waiting += 1
                    queued[other] = True
                if parent[other] == (way ^ 1):
                    parent[other] = _ORPHAN
                    orphans[last] = other
                    last += 1
            tree[orphan] = FREE
            parent[orphan] = _NONE


@kernel("void(int32[:, ::1], float32[:, ::1], float32[::1], uint8[::1])")
def minimum_cut(neighbour, capacity, excess, tree):
    """See `cut`."""
    cut(neighbour, capacity, excess, tree)


@inlined
def _seam(image, holes, offset_a, offset_b, one, other):
    """What it costs that two neighbours come from two offsets: how much these differ at both of them."""
    total = np.float32(0)
    for end in range(2):
        node = one if end == 0 else other
        y, x = holes[node, 0], holes[node, 1]
        ya = min(max(y + offset_a[0], 0), image.shape[0] - 1)
        xa = min(max(x + offset_a[1], 0), image.shape[1] - 1)
        yb = min(max(y + offset_b[0], 0), image.shape[0] - 1)
        xb = min(max(x + offset_b[1], 0), image.shape[1] - 1)
        square = np.float32(0)
        for k in range(3):
            d = np.float32(image[ya, xa, k]) - np.float32(image[yb, xb, k])
            square += d * d
        total += np.sqrt(square)
    return total


@kernel(
    "void(uint8[:, :, ::1], int32[:, ::1], int32[:, ::1], int32[:, ::1], float32[:, ::1], int32[::1], int64)"
)
def expand(image, holes, neighbour, offsets, unary, labels, sweeps):
    """Alpha-expansion (Boykov et al. 2001) over the offsets, so many times; `labels` is written to.

    `unary` is float32 (offsets, holes).
    """
    count = len(holes)
    capacity = np.empty((count, 4), np.float32)
    excess = np.empty(count, np.float32)
    tree = np.empty(count, np.uint8)
    for _ in range(sweeps):
        changed = False
        for alpha in range(len(offsets)):
            for node in range(count):
                excess[node] = unary[alpha, node] - unary[labels[node], node]
                for way in range(4):
                    capacity[node, way] = 0
            for node in range(count):
                mine = labels[node]
                for way in (0, 2):
                    other = neighbour[node, way]
                    if other < 0:
                        continue
                    theirs = labels[other]
                    kept = np.float32(0)
                    if mine != theirs:
                        kept = _seam(image, holes, offsets[mine], offsets[theirs], node, other)
                    one = _seam(image, holes, offsets[mine], offsets[alpha], node, other)
                    both = _seam(image, holes, offsets[alpha], offsets[theirs], node, other)
                    # With t = 1 where alpha is taken, the cost is
                    # kept + (both - kept) t_p - both t_q + (one + both - kept) (1 - t_p) t_q.
                    excess[node] += both - kept
                    excess[other] -= both
                    capacity[node, way] = max(one + both - kept, np.float32(0))
            cut(neighbour, capacity, excess, tree)
            for node in range(count):
                if tree[node] == SINK and labels[node] != alpha:
                    labels[node] = alpha
                    changed = True
        if not changed:
            break
