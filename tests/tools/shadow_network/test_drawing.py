"""Shadows and reflections lie where light and mirror put them."""

import numpy as np
import pytest

from tools.shadow_network.drawing import Light, Mirror, Placed, contact, feet_line, mirrored, put, thrown

SIZE = (100, 160)


def post(*, lift: float = 0.0, top_colour: float = 200.0) -> Placed:
    """From row 40 to 60 and column 70 to 76; its upper half has a colour of its own."""
    photo = np.full((20, 6, 3), 50, np.float32)
    photo[:10] = top_colour
    return Placed(photo, np.ones((20, 6), np.float32), 40, 70, True, lift)


def light(x: float, y: float, **changes: float) -> Light:
    given = {"near_px": 0.3, "far_px": 0.3, "strength": 1.0, "wall_px": 0.0, "thin": 1.0} | changes
    return Light(x, y, mirrored=False, **given)


def corners(shade: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(shade > 0.5)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def test_a_shadow_begins_at_the_feet_and_ends_where_the_light_throws_the_top() -> None:
    one = post()
    top, bottom, left, right = corners(thrown(light(1.5, 0.5), one, one.cover, SIZE))
    assert (top, bottom) == pytest.approx((60, 70), abs=1.5)  # 0.5 * 20 px towards the viewer
    assert (left, right) == pytest.approx(
        (70, 76 + 30), abs=3.5
    )  # 1.5 * 20 px to the right, 3 px in each row


def test_away_from_the_viewer_it_goes_up() -> None:
    one = post()
    top, bottom, left, right = corners(thrown(light(-1.0, -0.4), one, one.cover, SIZE))
    assert (top, bottom) == pytest.approx((52, 60), abs=1.5)
    assert (left, right) == pytest.approx((50, 76), abs=3.5)


def test_what_is_in_the_air_throws_it_further_off() -> None:
    one = post(lift=10)
    top, bottom, left, _ = corners(thrown(light(1.5, 0.5), one, one.cover, SIZE))
    assert (top, bottom) == pytest.approx((75, 85), abs=1.5)  # the ground below, 10 px, and 0.5 * 10 px
    assert left == pytest.approx(85, abs=3.5)


def test_at_a_wall_it_goes_straight_up() -> None:
    one = post()
    shade = thrown(light(0.5, -0.5, wall_px=4.0), one, one.cover, SIZE)
    top, _, _, right = corners(shade)
    # the lowest 8 px of the post reach the wall, 4 px off; the other 12 stand on it, 4 px to the right
    assert top == pytest.approx(56 - 12, abs=1.5)
    assert right == pytest.approx(76 + 4, abs=1.5)


def test_further_off_it_is_softer() -> None:
    one = post()
    shade = thrown(light(0.0, 1.5, far_px=5.0), one, one.cover, SIZE)
    near, far = shade[63, 60:86], shade[86, 60:86]
    assert near.max() > 0.85
    assert far.max() < 0.75
    assert (far > 0.1).sum() > (near > 0.1).sum() + 4


def test_a_contact_shadow_is_darkest_at_the_feet() -> None:
    shade = contact(post(), SIZE, np.random.default_rng(0))
    row, column = np.unravel_index(shade.argmax(), shade.shape)
    assert abs(row - 60) <= 3
    assert 66 <= column <= 80
    assert shade.max() == pytest.approx(1)
    assert shade[20].max() < 0.01


def test_a_mirror_shows_the_object_upside_down_and_fades() -> None:
    mirror = Mirror(strength=0.5, fade=0.2, blur_px=0.5, grow_px=0.0, ripple=None)
    photo, share = mirrored(mirror, post(), SIZE)
    assert photo[63, 73, 0] == pytest.approx(50, abs=2)  # the lower half comes first
    assert photo[76, 73, 0] == pytest.approx(200, abs=2)
    assert share[62, 73] == pytest.approx(0.5 * 0.2 ** (2 / 20), abs=0.03)
    assert share[77, 73] == pytest.approx(0.5 * 0.2 ** (17 / 20), abs=0.03)
    assert share[50, 73] < 0.01
    assert share[90, 73] < 0.01


def test_the_line_of_the_feet_slopes_with_them() -> None:
    cover = np.ones((40, 40), np.float32)
    cover[36:, 20:] = 0  # the right half stands 4 px higher
    row, slope = feet_line(cover)
    assert slope == pytest.approx(-0.15, abs=0.06)
    assert row == pytest.approx(38, abs=0.5)
    assert feet_line(np.ones((10, 10), np.float32)) == (10, pytest.approx(0, abs=1e-6))


def test_a_cut_out_over_the_edge_is_cut_there() -> None:
    picture = np.zeros((50, 72, 3), np.float32)
    cover = put(picture, post())
    assert cover.sum() == 10 * 2
    assert picture[45, 71, 0] == 200
    assert put(picture, Placed(post().photo, post().cover, 60, 0, True, 0.0)).sum() == 0
