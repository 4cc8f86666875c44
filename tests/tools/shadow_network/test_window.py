"""The window in which an object's shadow is looked for."""

import numpy as np
import pytest

from tools.shadow_network.window import HEIGHT_PX, PAD_LEVEL, WIDTH_PX, window_around


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_the_object_stands_in_the_middle_and_as_tall_as_asked(factor: int) -> None:
    mask = np.zeros((120 * factor, 200 * factor), bool)
    mask[30 * factor : 78 * factor, 90 * factor : 110 * factor] = True
    window = window_around((90 * factor, 30 * factor, 20 * factor, 48 * factor))
    assert window.scale == pytest.approx(1 / factor)  # 2 sizes are 96 px
    share = window.share(mask)
    assert share.shape == (HEIGHT_PX, WIDTH_PX)
    rows, columns = np.nonzero(share > 0.5)
    # lowest row 1.1 sizes below the upper edge: 1.1 * 48 = 52.8
    assert (rows.min(), rows.max() + 1) == pytest.approx((4.8, 52.8), abs=1)
    assert (columns.min(), columns.max() + 1) == pytest.approx((62, 82), abs=1)


def test_a_wide_object_is_as_large_as_a_share_of_its_width() -> None:
    window = window_around((0, 0, 100, 20))
    assert window.scale == pytest.approx(HEIGHT_PX / (2 * 55))


def test_what_lies_beyond_the_photo_is_told() -> None:
    photo = np.full((60, 40, 3), 200, np.uint8)
    window = window_around((10, 10, 20, 48))
    outside = window.outside((60, 40))
    assert set(np.unique(outside)) == {0, 1}
    assert (outside == 0).sum() == pytest.approx(55 * 40, rel=0.03)  # it begins at row 5
    seen = window.photo(photo)
    assert (seen[outside == 1] == PAD_LEVEL).mean() > 0.97  # but for the blended rim
    assert (seen[outside == 0] == 200).mean() > 0.95


def test_back_in_the_photo_a_plane_lies_where_it_was_seen() -> None:
    mask = np.zeros((300, 400), bool)
    mask[100:196, 180:220] = True
    shadow = np.zeros_like(mask)
    shadow[180:200, 220:300] = True
    window = window_around((180, 100, 40, 96))
    returned = window.back(window.share(shadow), mask.shape) > 0.5
    assert (returned & shadow).sum() / (returned | shadow).sum() > 0.9
    half = window.share(shadow).reshape(HEIGHT_PX // 2, 2, WIDTH_PX // 2, 2).mean(axis=(1, 3))
    returned = window.back(half, mask.shape) > 0.5
    assert (returned & shadow).sum() / (returned | shadow).sum() > 0.85
