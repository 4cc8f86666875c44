import cv2
import numpy as np
import pytest

from inpaint.training.damage.contract import GREY, line_thickness
from inpaint.training.damage.holes import Boxes, FreeFormStrokes, JoinedHoles
from inpaint.training.damage.mosaic import Mosaic, pixelated


def test_a_hole_is_grey_and_its_mask_zero_or_one(rng):
    image = np.full((40, 60, 3), 7, np.uint8)
    damaged, mask = Boxes(side=(0.5, 0.5), centred=True)(image, rng)
    expected = np.zeros((40, 60), np.float32)
    expected[10:30, 15:45] = 1
    np.testing.assert_array_equal(mask, expected)
    assert (damaged[mask == 1] == GREY).all()
    assert (damaged[mask == 0] == 7).all()


def extent(hole: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def test_boxes_keep_their_sides_and_the_margin_and_reach_everywhere(rng):
    holes = [Boxes(side=(0.25, 0.5), margin=0.1).hole(100, 200, rng) for _ in range(300)]
    ends = np.array([extent(hole) for hole in holes])
    heights, widths = ends[:, 1] - ends[:, 0], ends[:, 3] - ends[:, 2]
    np.testing.assert_array_equal([hole.sum() for hole in holes], heights * widths)  # full boxes
    assert heights.min() < 28
    assert (heights.min() >= 25, heights.max() <= 50) == (True, True)
    assert (widths.min() >= 50, widths.max() <= 100) == (True, True)
    assert (ends[:, 0].min(), ends[:, 1].max()) == (10, 90)
    assert (ends[:, 2].min() >= 20, ends[:, 3].max() <= 180) == (True, True)


def test_several_boxes(rng):
    hole = Boxes(side=(0.05, 0.05), count=(30, 30)).hole(100, 100, rng)
    assert 20 * 25 < hole.sum() <= 30 * 25


def test_strokes_are_as_wide_as_asked_and_scale_with_the_photo():
    kind = FreeFormStrokes(width=(0.1, 0.1))
    shares = []
    for size in (64, 256, 1024):
        holes = [kind.hole(size, size, np.random.default_rng(seed)) for seed in range(40)]
        shares.append(np.mean([hole.mean() for hole in holes]))
    assert max(shares) / min(shares) < 1.15
    assert 0.1 < shares[1] < 0.4


def test_one_straight_stroke_has_its_width():
    kind = FreeFormStrokes(
        strokes=(1, 1), vertices=(1, 1), width=(0.125, 0.125), angle=0.0, spread=0.0, length=0.1
    )
    hole = next(
        hole
        for hole in (kind.hole(160, 160, np.random.default_rng(seed)) for seed in range(50))
        if hole.sum() > 800 and 20 < extent(hole)[0] < 120
    )
    top, bottom, left, right = extent(hole)
    assert 20 <= bottom - top <= 21  # along x: an angle of 0
    assert hole[:, (left + right) // 2].sum() == bottom - top


def test_default_strokes_are_those_of_the_authors_code():
    """Its mean share of a 256 px photo, 0.154 +- 0.002 over 2,000 masks drawn by Pillow as it does."""
    rng = np.random.default_rng(3)
    shares = [FreeFormStrokes().hole(256, 256, rng).mean() for _ in range(300)]
    assert np.mean(shares) == pytest.approx(0.154, abs=0.015)


def test_strokes_are_mirrored_both_ways(rng):
    """Without it they start anywhere but run to one side: turns of 72 degrees lead to the right."""
    kind = FreeFormStrokes(strokes=(1, 1))
    centres = np.array([np.argwhere(kind.hole(64, 64, rng)).mean(axis=0) for _ in range(400)])
    np.testing.assert_allclose(centres.mean(axis=0), 31.5, atol=2)


def test_joined_holes_are_the_union():
    parts = Boxes(side=(0.25, 0.25), centred=True), Boxes(side=(0.5, 0.5), centred=True)
    joined = JoinedHoles(parts).hole(64, 64, np.random.default_rng(0))
    np.testing.assert_array_equal(joined, parts[1].hole(64, 64, np.random.default_rng(0)))


def test_a_mosaic_of_numbers_written_out():
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, :, 0] = [[0, 2, 10, 10, 5, 5], [4, 6, 10, 10, 5, 5], [8, 8, 0, 0, 1, 3], [8, 8, 0, 0, 5, 7]]
    expected = np.repeat(np.repeat([[3, 10, 5], [8, 0, 4]], 2, axis=0), 2, axis=1)
    np.testing.assert_array_equal(pixelated(image, 2)[:, :, 0], expected)
    # Moved by one: the first cells see their only row and column twice.
    moved = pixelated(image, 2, top=1, left=1)
    assert moved[0, 0, 0] == 0
    assert (moved[0, 1:3, 0] == 6).all()  # (2 + 10) / 2
    assert (moved[1:3, 1:3, 0] == 6).all()  # (6 + 10 + 8 + 0) / 4


def test_a_mosaic_is_shown_in_the_hole_of_its_kind(rng):
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    hole = Boxes(side=(0.5, 0.5), centred=True)
    damaged, mask = Mosaic(hole, cell=(0.25, 0.25))(image, rng)
    np.testing.assert_array_equal(mask, hole.hole(64, 64, rng))
    colours = np.unique(damaged[mask == 1].reshape(-1, 3), axis=0)
    assert 4 <= len(colours) <= 9  # cells of 16 px in a hole of 32
    np.testing.assert_allclose(colours.mean(axis=0), 127.5, atol=15)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: FreeFormStrokes(width=(0.2, 0.1)), r"expected width as \(low, high\) of 0 to 1"),
        (lambda: FreeFormStrokes(vertices=(0, 3)), "expected vertices"),
        (lambda: FreeFormStrokes(strokes=(0, 3)), "expected strokes"),
        (lambda: FreeFormStrokes(length=2), "expected length"),
        (lambda: FreeFormStrokes(angle=-1), "expected angle"),
        (lambda: FreeFormStrokes(spread=9), "expected spread"),
        (lambda: Boxes(side=(0.5, 1.5)), "expected side"),
        (lambda: Boxes(count=(0, 1)), "expected count"),
        (
            lambda: Boxes(side=(0.5, 0.9), margin=0.1),
            "expected a margin of 0 to 0.050 around sides up to 0.900",
        ),
        (lambda: JoinedHoles(()), "expected kinds of holes"),
        (lambda: JoinedHoles((Mosaic(Boxes()),)), "expected kinds of holes"),  # type: ignore[arg-type]
        (lambda: Mosaic(Boxes(), cell=(0, 2)), "expected cell"),
    ],
)
def test_numbers_out_of_range_are_refused(build, said):
    with pytest.raises(ValueError, match=said):
        build()


def test_a_mosaic_needs_a_hole():
    with pytest.raises(TypeError, match="expected a kind of hole"):
        Mosaic("box")  # type: ignore[arg-type]


@pytest.mark.parametrize("width_px", range(1, 13))
def test_lines_are_as_wide_as_told_or_a_pixel_wider(width_px):
    canvas = np.zeros((40, 40), np.uint8)
    cv2.polylines(canvas, [np.array([[5, 20], [35, 20]], np.int32)], False, 1, line_thickness(width_px))
    assert width_px - (width_px == 2) <= canvas[:, 20].sum() <= width_px + 1
