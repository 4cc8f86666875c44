import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from inpaint.exemplar.max_flow import SOURCE, expand, minimum_cut
from inpaint.exemplar.shift_maps import neighbours


def cut_capacity(around, capacity, excess, tree):
    """What a cut severs."""
    ours = tree == SOURCE
    total = -excess[ours & (excess < 0)].sum() + excess[~ours & (excess > 0)].sum()
    for way in range(4):
        other = around[:, way]
        total += capacity[ours & (other >= 0) & ~ours[other], way].sum()
    return total


def independent_flow(around, capacity, excess):
    count = len(excess)
    graph = np.zeros((count + 2, count + 2), np.int32)
    graph[count, :count] = np.maximum(excess, 0)
    graph[:count, count + 1] = np.maximum(-excess, 0)
    for way in range(4):
        for node in np.flatnonzero(around[:, way] >= 0):
            graph[node, around[node, way]] += int(capacity[node, way])
    return maximum_flow(csr_array(graph), count, count + 1).flow_value


@pytest.mark.parametrize("most", [2, 9, 50])
def test_the_cut_is_the_maximum_flow_of_an_independent_solver(most):
    rng = np.random.default_rng(most)
    for trial in range(60):
        mask = rng.random((rng.integers(1, 10), rng.integers(2, 10))) < 0.8
        mask[0, 0] = True
        around = neighbours(mask)
        capacity = np.where(around >= 0, rng.integers(0, most, around.shape), 0).astype(np.float32)
        if trial % 2:
            capacity[:, (1, 3)] = 0  # as alpha-expansion has them
        excess = rng.integers(-9, 10, len(around)).astype(np.float32)
        tree = np.empty(len(around), np.uint8)
        minimum_cut(around, capacity.copy(), excess.copy(), tree)
        assert cut_capacity(around, capacity, excess, tree) == independent_flow(around, capacity, excess)


def energy(image, holes, around, shifts, unary, labels):
    total = unary[labels, np.arange(len(holes))].sum()
    source = np.clip(holes[None] + shifts[:, None], 0, np.array(image.shape[:2]) - 1)
    colours = image[source[..., 0], source[..., 1]].astype(float)  # shift, hole, channel
    for way in (0, 2):
        for one in np.flatnonzero(around[:, way] >= 0):
            other, a, b = around[one, way], labels[one], labels[around[one, way]]
            total += sum(np.linalg.norm(colours[a, end] - colours[b, end]) for end in (one, other))
    return total


def test_expansion_finds_the_best_of_all_labellings_of_two_shifts():
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (8, 12, 3)).astype(np.uint8)
    mask = np.zeros((8, 12), bool)
    mask[3:5, 4:8] = True
    holes, around = np.ascontiguousarray(np.argwhere(mask), np.int32), neighbours(mask)
    shifts = np.int32([[0, -4], [3, 2]])
    unary = rng.uniform(0, 400, (2, 8)).astype(np.float32)
    labels = np.zeros(8, np.int32)
    expand(image, holes, around, shifts, unary, labels, 2)
    every = [np.array([n >> k & 1 for k in range(8)]) for n in range(256)]
    least = min(energy(image, holes, around, shifts, unary, each) for each in every)
    assert energy(image, holes, around, shifts, unary, labels) == pytest.approx(least, rel=1e-4)
