import numpy as np

from inpaint.exemplar.poisson import Grid, assemble


def test_the_solver_solves_the_linear_system(rng):
    hole = np.zeros((14, 17), bool)
    hole[2:12, 3:15] = True
    right, down, pinned = (np.zeros(hole.shape, np.float32) for _ in range(3))
    right[:, :-1] = hole[:, :-1] & hole[:, 1:]
    down[:-1] = hole[:-1] & hole[1:]
    right *= rng.uniform(0.1, 1, hole.shape)
    down *= rng.uniform(0.1, 1, hole.shape)
    pinned[2, 3:15] = 1
    wanted = (rng.standard_normal((*hole.shape, 3)) * hole[..., None]).astype(np.float32)
    found = np.zeros_like(wanted)
    grid = Grid(right, down, pinned)
    for _ in range(25):
        grid.cycle(wanted, found)
    matrix = np.diag(pinned.ravel()).astype(float)
    width = hole.shape[1]
    for i, (e, s) in enumerate(zip(right.ravel(), down.ravel(), strict=True)):
        for j, weight in ((i + 1, e), (i + width, s)):
            if weight:
                matrix[i, i] += weight
                matrix[j, j] += weight
                matrix[i, j] -= weight
                matrix[j, i] -= weight
    inside = np.flatnonzero(hole.ravel())
    expected = np.linalg.solve(matrix[np.ix_(inside, inside)], wanted.reshape(-1, 3)[inside])
    assert np.allclose(found.reshape(-1, 3)[inside], expected, atol=1e-3)


def ramp_copied_with_a_step(step):
    """A smooth ramp whose hole is copied from farther right, so that its colours are too bright by a step."""
    image = np.dstack([np.repeat(np.linspace(0, 119, 120).astype(np.uint8)[None], 60, axis=0)] * 3)
    mask = np.zeros((60, 120), bool)
    mask[20:32, 20:34] = True
    rows, columns = np.nonzero(mask)
    origin = np.stack([rows, columns + step], axis=1).astype(np.int32)
    copied = image.copy()
    copied[mask] = image[origin[:, 0], origin[:, 1]]
    return image, copied, mask, origin


def test_a_piece_of_another_brightness_is_fitted_in():
    truth, copied, mask, origin = ramp_copied_with_a_step(15)
    assert (copied[mask].astype(int) - truth[mask]).min() == 15
    assembled = assemble(copied, mask, ~mask, origin, real_edge_levels=60)
    assert np.abs(assembled.astype(int) - truth)[mask].mean() <= 0.2 * 15
    assert np.array_equal(assembled[~mask], truth[~mask])


def test_a_seam_as_large_as_a_real_edge_is_left_alone():
    _, copied, mask, origin = ramp_copied_with_a_step(40)
    assembled = assemble(copied, mask, ~mask, origin, real_edge_levels=20)
    assert np.array_equal(assembled, copied)


def test_a_consistent_copy_is_not_touched(rng):
    image = np.tile(rng.integers(0, 256, (10, 10, 3), dtype=np.uint8), (6, 6, 1))
    mask = np.zeros((60, 60), bool)
    mask[25:35, 25:35] = True
    rows, columns = np.nonzero(mask)
    origin = np.stack([rows + 20, columns], axis=1).astype(np.int32)
    assert np.array_equal(assemble(image, mask, ~mask, origin), image)
