import numpy as np
import pytest

from removal.evaluation.masks import boundary_f, leak, spill, union_iou

MEASURES = (union_iou, leak, spill, boundary_f)


def square(top: int, left: int, side: int, size: tuple[int, int] = (40, 40)) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def brute_force_boundary_f(mask: np.ndarray, reference: np.ndarray, tolerance: float) -> float:
    """Every outline pixel of one against every one of the other."""
    height, width = mask.shape
    outlines = []
    for one in (mask, reference):
        points = [
            (row, column)
            for row in range(height)
            for column in range(width)
            if any(
                one[row, column] != one[min(row + down, height - 1), min(column + right, width - 1)]
                for down, right in ((0, 1), (1, 0), (1, 1))
            )
        ]
        outlines.append(np.array(points, dtype=float).reshape(-1, 2))
    if not len(outlines[0]) or not len(outlines[1]):
        return float(len(outlines[0]) == len(outlines[1]))
    radius = np.ceil(tolerance * np.sqrt(height**2 + width**2))
    distances = np.sqrt(((outlines[0][:, None] - outlines[1][None]) ** 2).sum(axis=2))
    precision = (distances.min(axis=1) <= radius).mean()
    recall = (distances.min(axis=0) <= radius).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_the_numbers_of_a_case_worked_out_by_hand():
    reference, mask = square(10, 10, 10), square(10, 15, 10)  # half of it covered
    assert union_iou(mask, reference) == pytest.approx(50 / 150)
    assert leak(mask, reference) == pytest.approx(0.5)
    assert spill(mask, reference) == pytest.approx(0.5)
    assert union_iou(reference, reference) == 1
    assert leak(reference, reference) == spill(reference, reference) == 0
    big = square(5, 5, 20)
    assert leak(big, reference) == 0
    assert spill(big, reference) == pytest.approx(3.0)
    assert leak(np.zeros((40, 40), bool), reference) == 1


def test_two_empty_masks_are_equal_and_one_empty_is_all_wrong():
    empty, full = np.zeros((40, 40), bool), square(10, 10, 10)
    assert union_iou(empty, empty) == boundary_f(empty, empty) == 1
    assert union_iou(empty, full) == union_iou(full, empty) == 0
    assert boundary_f(empty, full) == boundary_f(full, empty) == 0


def test_an_outline_within_the_tolerance_matches_and_one_past_it_does_not():
    size = (300, 400)  # diagonal 500: 0.008 of it are 4 pixels
    reference = square(100, 100, 80, size)
    assert boundary_f(square(104, 100, 80, size), reference) == 1
    assert boundary_f(square(100, 96, 80, size), reference) == 1
    moved = boundary_f(square(105, 100, 80, size), reference)
    assert 0.4 < moved < 0.6  # the two upright sides still match
    assert boundary_f(square(105, 105, 80, size), reference) < 0.2
    assert boundary_f(square(105, 100, 80, size), reference, tolerance=0.01) == 1


def test_the_border_of_the_picture_is_no_outline():
    left_half = np.zeros((30, 30), bool)
    left_half[:, :15] = True
    assert boundary_f(left_half, ~left_half) == 1  # one line, whichever side is meant
    assert boundary_f(np.ones((30, 30), bool), left_half) == 0
    assert boundary_f(np.ones((30, 30), bool), np.zeros((30, 30), bool)) == 1


@pytest.mark.parametrize("tolerance", [0.0, 0.008, 0.03, 0.08])
def test_boundary_f_is_that_of_all_distances_by_brute_force(rng, tolerance):
    for _ in range(4):
        reference = square(*rng.integers(2, 15, 2), int(rng.integers(5, 20)), (41, 57))
        reference |= square(*rng.integers(15, 30, 2), 6, (41, 57))
        mask = np.roll(reference, int(rng.integers(-4, 5)), axis=int(rng.integers(2)))
        mask ^= rng.random(mask.shape) < 0.01
        expected = brute_force_boundary_f(mask, reference, tolerance)
        assert boundary_f(mask, reference, tolerance=tolerance) == pytest.approx(expected, abs=1e-12)
        assert boundary_f(reference, mask, tolerance=tolerance) == pytest.approx(expected, abs=1e-12)


def test_arguments_are_left_alone():
    mask, reference = square(3, 3, 9), square(5, 5, 9)
    for measure in MEASURES:
        measure(mask, reference)
    assert np.array_equal(mask, square(3, 3, 9))
    assert np.array_equal(reference, square(5, 5, 9))


@pytest.mark.parametrize("measure", MEASURES)
def test_what_is_no_pair_of_masks_is_refused(measure):
    mask = square(3, 3, 9)
    with pytest.raises(TypeError, match="bool masks, got uint8"):
        measure(mask, mask.astype(np.uint8))
    with pytest.raises(ValueError, match="shape \\(H, W\\), got \\(40, 40, 1\\)"):
        measure(mask[..., None], mask)
    with pytest.raises(ValueError, match="one size, got \\(40, 40\\) and \\(39, 40\\)"):
        measure(mask, mask[:-1])


def test_an_empty_target_has_no_leak_or_spill():
    mask, empty = square(3, 3, 9), np.zeros((40, 40), bool)
    for measure in (leak, spill):
        with pytest.raises(ValueError, match="target of at least one pixel"):
            measure(mask, empty)
    with pytest.raises(ValueError, match="tolerance of 0 or more, got"):
        boundary_f(mask, mask, tolerance=-0.1)
