"""Smooth ground in fills: folds and ghosts go, grain stays, and whatever is something else stays as it is."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from inpaint.exemplar.completion import complete
from inpaint.exemplar.settings import FAST
from inpaint.exemplar.smooth import even_ground

HEIGHT, WIDTH = 240, 320


def wall(sigma=2.0, seed=0):
    """A wall lit from one side, without grain, float32 (H, W, 3), and with Gaussian grain as a photo."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    clean = np.stack([150 + 0.15 * columns + 0.05 * rows, 160 + 0.1 * columns, 200 - 0.1 * rows], axis=2)
    clean -= (0.0006 * (columns - 160) ** 2)[..., None]
    grain = np.random.default_rng(seed).normal(0, sigma, clean.shape)
    return clean, np.clip(np.rint(clean + grain), 0, 255).astype(np.uint8)


def round_hole(x=160, y=120, axes=(45, 70)):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, (x, y), axes, 0, 0, 360, 1, -1)
    return mask > 0


def shifted(image, where, levels):
    changed = image.astype(int)
    changed[where] += levels
    return np.clip(changed, 0, 255).astype(np.uint8)


def off(result, clean, mask):
    """How far the smoothed result lies off the clean wall, levels, largest in the mask's middle."""
    smooth = cv2.GaussianBlur(result.astype(np.float32) - clean, (0, 0), 4)
    return np.abs(smooth)[mask].max()


def test_a_fold_goes_and_the_grain_is_that_of_the_wall():
    clean, photo = wall(2.0)
    mask = round_hole()
    fold = mask & (np.arange(HEIGHT)[:, None] > 110)
    folded = shifted(photo, fold, 6)
    assert off(folded, clean, mask) > 5.5
    result = even_ground(folded, mask)
    assert off(result, clean, mask) < 1.0
    inner = cv2.erode(mask.astype(np.uint8), np.ones((13, 13))) > 0
    grain = (result - clean)[inner].std(axis=0)
    expected = (photo - clean)[~mask].std(axis=0)
    assert grain == pytest.approx(expected, rel=0.1)
    assert np.array_equal(result[~mask], photo[~mask])


def test_a_wall_without_grain_is_continued_within_two_levels():
    clean, photo = wall(0.0)
    mask = round_hole()
    result = even_ground(shifted(photo, mask & (np.arange(WIDTH) > 150), -5), mask)
    assert off(result, clean, mask) < 1.0
    assert np.abs(result - clean)[mask].max() < 2


@pytest.mark.parametrize(("levels", "goes"), [(14, True), (-14, True), (-60, False)])
def test_a_ghost_inside_the_wall_goes_and_a_picture_on_it_stays(levels, goes):
    clean, photo = wall(1.0)
    mask, spot = round_hole(), np.zeros((HEIGHT, WIDTH), bool)
    spot[90:140, 145:175] = True
    given = shifted(photo, spot, levels)
    result = even_ground(given, mask)
    if goes:
        assert off(result, clean, mask) < 1.5
    else:
        inner = cv2.erode(spot.astype(np.uint8), np.ones((7, 7))) > 0
        assert np.array_equal(result[inner], given[inner])


def test_a_cabinet_beside_the_wall_stays_and_its_edge_where_it_is():
    clean, photo = wall(1.5)
    mask, cabinet = round_hole(), np.zeros((HEIGHT, WIDTH), bool)
    cabinet[:, 165:] = True
    photo[cabinet] = (photo[cabinet] // 4).astype(np.uint8)
    given = shifted(photo, mask & ~cabinet & (np.arange(HEIGHT)[:, None] > 100), 6)
    result = even_ground(given, mask)
    near_edge = np.zeros_like(mask)
    near_edge[:, 147:175] = True  # what `off` smooths over
    assert off(result, clean, mask & ~cabinet & ~near_edge) < 1.2
    assert (result[:, 166:][mask[:, 166:]] < 100).all()
    assert (result[:, :164][mask[:, :164]] > 100).all()


@pytest.mark.parametrize("cell_px", [1, 3, 8])
def test_texture_is_left_alone(cell_px):
    small = np.random.default_rng(1).integers(90, 150, (HEIGHT // cell_px, WIDTH // cell_px, 3), np.uint8)
    image = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(even_ground(image, round_hole()), image)


def test_texture_that_was_put_before_a_wall_stays():
    _, photo = wall(1.0)
    mask, bush = round_hole(), round_hole(axes=(40, 50))
    photo[bush] = np.random.default_rng(2).integers(120, 220, (bush.sum(), 3))
    inner = cv2.erode(bush.astype(np.uint8), np.ones((15, 15))) > 0
    assert np.array_equal(even_ground(photo, mask)[inner], photo[inner])


def test_dark_ground_keeps_differences_that_would_be_nothing_on_a_bright_one():
    grain = np.random.default_rng(3).normal(0, 2.5, (HEIGHT, WIDTH, 1))
    leaves = cv2.GaussianBlur(grain, (0, 0), 1)[..., None] * 2
    night, day = (
        np.clip(level + np.repeat(leaves, 3, axis=2), 0, 255).astype(np.uint8) for level in (14, 180)
    )
    mask = round_hole()
    assert np.array_equal(even_ground(night, mask), night)
    assert not np.array_equal(even_ground(day, mask), day)


def test_protected_ground_is_none():
    _, photo = wall()
    mask = round_hole()
    given = shifted(photo, mask & (np.arange(WIDTH) > 150), 5)
    assert np.array_equal(even_ground(given, mask, ~mask), given)


def test_nothing_is_written_to_and_the_seed_decides():
    _, photo = wall()
    mask = round_hole()
    for array in (photo, mask):
        array.flags.writeable = False
    first = even_ground(photo, mask, seed=1)
    assert np.array_equal(first, even_ground(photo, mask, seed=1))
    assert not np.array_equal(first, even_ground(photo, mask, seed=2))
    assert np.array_equal(even_ground(photo, np.zeros_like(mask)), photo)


def test_a_completed_gradient_has_no_fold():
    clean, photo = wall(1.5)
    mask = round_hole()
    photo[mask] = 0
    plain = complete(photo, mask, settings=FAST)
    evened = complete(photo, mask, settings=replace(FAST, even_ground=True))
    assert off(plain, clean, mask) > 1.5
    assert off(evened, clean, mask) < 1.0
