from dataclasses import replace

import cv2
import numpy as np
import pytest

from inpaint.exemplar.completion import complete
from inpaint.exemplar.planes import Fill, misfit_of, montage, plane_fill, seams
from inpaint.exemplar.pyramid import build_pyramid
from inpaint.exemplar.settings import NORMAL
from inpaint.exemplar.shift_maps import INVALID
from inpaint.exemplar.vanishing import Plane
from inpaint.exemplar.views import sampled, view_of

HEIGHT, WIDTH = 160, 200
WITH_PLANES = replace(NORMAL, planes=1)


def floor():
    """uint8 photo of a chequered floor, horizon at row 10."""
    rows, columns = np.mgrid[: 4 * HEIGHT, : 4 * WIDTH] / 4
    depth = 1 / np.maximum(rows - 10, 1e-3)
    light = (np.floor((columns - 100) * depth * 2.2) + np.floor(300 * depth)) % 2 == 0
    share = cv2.resize(light.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.repeat((60 + 130 * share).astype(np.uint8)[..., None], 3, axis=2)


def hole():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[60:110, 70:110] = True
    return mask


def the_floor(horizon=10.0):
    return Plane(np.array([85.0, 90.0]), np.array([1 / (85 - horizon), 0.0]))


def test_a_floor_explains_its_surroundings_and_another_plane_does_not():
    level = build_pyramid(floor(), hole(), None, coarsest_hole_px=6.0)[0]
    assert misfit_of(the_floor(), level, 1, 0) < 0.5
    tilted = Plane(np.array([85.0, 90.0]), np.array([0.0, 0.012]))
    assert misfit_of(tilted, level, 1, 0) > 1


def test_a_plane_that_shows_too_little_of_the_hole_is_no_plane_of_it():
    level = build_pyramid(floor(), hole(), None, coarsest_hole_px=6.0)[0]
    assert misfit_of(Plane(np.array([109.0, 90.0]), np.array([0.2, 0.0])), level, 1, 0) == np.inf


def test_a_plane_on_which_nothing_may_be_copied_explains_nothing():
    """The sky may be copied, and of the floor only what lies right beside the hole."""
    mask = hole()
    protect = cv2.dilate(mask.astype(np.uint8), np.ones((41, 41), np.uint8)) == 0
    protect[:10] = False
    sky = np.random.default_rng(0).integers(0, 256, (10, WIDTH, 3), np.uint8)
    photo = floor()
    photo[:10] = sky
    level = build_pyramid(photo, mask, protect, coarsest_hole_px=6.0)[0]
    assert misfit_of(the_floor(), level, 1, 0) == np.inf


@pytest.mark.parametrize(("farther", "kept"), [(0, True), (25, False)])
def test_what_is_magnified_too_much_is_no_fill(farther, kept):
    """All is copied from the same row, or from so much farther away that it is half as large there."""
    photo, mask = floor(), hole()
    view = view_of(the_floor(), photo, mask, mask)
    pixels = np.argwhere(view.hole)
    source = view.source[view.hole]
    there = np.stack([source[:, 0].clip(60, 109) - farther, source[:, 1] + 45 * (farther == 0)], axis=1)
    origin = np.rint(view.points(there)).astype(np.int32).clip(0, np.array(view.hole.shape) - 1)
    assert len(origin) == len(pixels)
    assert (plane_fill(photo, view, view.image, origin, 0.3) is not None) == kept


def test_a_view_shows_the_photo_and_bars_what_is_blocked():
    image, mask = floor(), hole()
    blocked = mask.copy()
    blocked[:, 140:] = True
    view = view_of(the_floor(), image, mask, blocked)
    assert view.inside.sum() == mask.sum()
    points = np.array([[60.0, 70], [85, 90], [109, 109]])
    nearest = np.rint(view.points(points)).astype(int)
    assert view.hole[nearest[:, 0], nearest[:, 1]].all()
    seen = ~view.hole & ~view.barred
    rows, columns = np.rint(view.source[seen]).astype(int).T
    assert not mask[rows, columns].any()
    assert columns.max() < 140
    assert view.image[seen].shape == (seen.sum(), 3)


def test_sampled_between_pixels_and_in_more_than_one_row():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    points = np.tile(np.array([[0.5, 1.0], [2.0, 3.0]]), (5000, 1))
    np.testing.assert_allclose(sampled(image, points), np.tile([3.0, 11.0], 5000))


def test_seams_are_where_pieces_differ():
    image = np.zeros((6, 6, 3), np.uint8)
    image[:, 3:] = 90
    mask = np.zeros((6, 6), bool)
    mask[2, 1:3] = True
    image[2, 1:3] = 0
    as_it_goes_on = np.array([[0, 1], [0, 2]])  # both from two rows above: black as all around them
    step = np.linalg.norm([90, 90, 90])
    found = seams(image, mask, as_it_goes_on)
    # the right one's neighbour is light here and there
    np.testing.assert_allclose(found, 0)
    shifted = np.array([[0, 1], [0, 3]])  # the right one is light, from the next column
    found = seams(image, mask, shifted)
    # to the left each gives up one edge, half of it each; above and below it differs from the black, twice
    assert found[2, 1] == pytest.approx(0.5 * step)
    assert found[2, 2] > 2 * step
    assert found.sum() == pytest.approx(found[mask].sum())


def test_a_montage_takes_each_part_from_the_fill_without_seams():
    mask = np.zeros((20, 30), bool)
    mask[5:15, 5:25] = True
    left_right = np.zeros((2, 20, 30), np.float32)
    left_right[0, :, :15] = 200
    left_right[1, :, 15:] = 200
    images = [np.full((20, 30, 3), 100, np.uint8), np.full((20, 30, 3), 104, np.uint8)]
    images[1][~mask] = 100
    fills = [Fill(image, cost * mask) for image, cost in zip(images, left_right, strict=True)]
    joined = montage(fills, mask)
    assert (joined[~mask] == 100).all()
    assert joined.dtype == np.uint8
    assert (joined[mask] <= 104).all()
    nothing = Fill(images[1], np.where(mask, INVALID, 0).astype(np.float32))
    np.testing.assert_array_equal(montage([fills[0], nothing], mask), images[0])


def test_what_is_protected_is_not_copied_onto_a_plane():
    image, mask = floor(), hole()
    protect = np.zeros_like(mask)
    protect[60:150, 120:160] = True
    image[protect] = (255, 0, 0)
    filled = complete(image, mask, protect=protect, settings=WITH_PLANES)
    assert (filled[mask][:, 0].astype(int) - filled[mask][:, 1] < 40).all()
    np.testing.assert_array_equal(filled[~mask], image[~mask])


def test_a_fill_with_a_plane_is_the_same_on_any_number_of_threads(monkeypatch):
    image, mask = floor(), hole()
    first = complete(image, mask, settings=WITH_PLANES)
    assert (first != complete(image, mask)).any()
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    np.testing.assert_array_equal(complete(image, mask, settings=WITH_PLANES), first)
