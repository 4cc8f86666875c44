import numpy as np
import pytest
from scipy import ndimage

from postprocess import rim
from postprocess.morphology import thicken
from postprocess.rim import grow_to_edge, object_in_band

GREY, RED = (120, 120, 120), (170, 40, 50)


def disc(height: int, width: int, row: int, col: int, radius: float) -> np.ndarray:
    y, x = np.ogrid[:height, :width]
    return (y - row) ** 2 + (x - col) ** 2 <= radius**2


def painted(truth: np.ndarray, ground: np.ndarray | tuple, object_: np.ndarray | tuple) -> np.ndarray:
    """The photo of an object on a ground, with an edge a pixel and a half wide and some noise."""
    noise = np.random.default_rng(3).normal(0, 2, (*truth.shape, 3))
    cover = ndimage.gaussian_filter(truth.astype(float), 0.7)[..., None]
    mixed = cover * np.asarray(object_, float) + (1 - cover) * np.asarray(ground, float)
    return np.clip(mixed + noise, 0, 255).round().astype(np.uint8)


def grass(height: int, width: int) -> np.ndarray:
    """Float (H, W, 3): blades between two greens, with dark gaps as dark as any shadow."""
    field = ndimage.gaussian_filter(np.random.default_rng(5).normal(size=(height, width)), (2.5, 0.8))
    share = np.clip(0.5 + field / field.std() / 3, 0, 1)[..., None]
    return share * np.array((150, 180, 80.0)) + (1 - share) * np.array((40, 60, 30.0))


def cloth(height: int, width: int) -> np.ndarray:
    """Float (H, W, 3): red and white checks of six pixels."""
    y, x = np.mgrid[:height, :width] // 6
    return np.where(((y + x) % 2)[..., None], np.array((200, 60, 70.0)), np.array((225, 215, 210.0)))


def farthest(grown: np.ndarray, truth: np.ndarray) -> float:
    """How far the mask reaches beyond the object, in pixels."""
    return float(ndimage.distance_transform_edt(~truth)[grown].max())


@pytest.mark.parametrize("textured", [False, True])
@pytest.mark.parametrize("missing", [3, 8])
def test_an_eroded_mask_gets_its_rim_back_from_the_edge(textured, missing):
    truth, mask = disc(220, 260, 110, 130, 60), disc(220, 260, 110, 130, 60 - missing)
    ground, object_ = (grass(220, 260), cloth(220, 260)) if textured else (GREY, RED)
    grown = grow_to_edge(painted(truth, ground, object_), mask, 6, margin_px=2)
    assert (truth & ~grown).sum() <= 0.002 * truth.sum()
    # Plain thickening by 6 px leaves a ring two pixels wide of the 8 px missing, 7 % of the object.
    assert (truth & ~thicken(mask, 6)).sum() == (0 if missing == 3 else 784)
    assert farthest(grown, truth) <= (3 if not textured else 5)
    assert (grown & ~truth).sum() < 0.09 * truth.sum()  # two pixels all round are 0.068


@pytest.mark.parametrize("textured", [False, True])
def test_a_perfect_mask_is_hardly_grown_beyond_the_margin(textured):
    truth = disc(220, 260, 110, 130, 60)
    ground, object_ = (grass(220, 260), cloth(220, 260)) if textured else (GREY, RED)
    grown = grow_to_edge(painted(truth, ground, object_), truth, 8, margin_px=2)
    assert farthest(grown, truth) <= 4
    assert (grown & ~truth).sum() < 0.09 * truth.sum()


def test_a_mask_beyond_the_edge_is_not_grown_at_all():
    truth, mask = disc(220, 260, 110, 130, 60), disc(220, 260, 110, 130, 66)
    grown = grow_to_edge(painted(truth, GREY, RED), mask, 8, margin_px=2)
    np.testing.assert_array_equal(grown, mask)


def test_where_the_photo_shows_no_edge_it_grows_by_the_radius():
    mask = disc(220, 260, 110, 130, 60)
    flat = np.full((220, 260, 3), 90, np.uint8)
    grown = grow_to_edge(flat, mask, 8, margin_px=2)
    assert grown[thicken(mask, 7)].all()
    assert thicken(mask, 8)[grown].all()


def test_half_an_edge_is_used_where_it_is():
    truth, mask = disc(220, 260, 110, 130, 60), disc(220, 260, 110, 130, 55)
    ground = np.empty((220, 260, 3))
    ground[:, :130], ground[:, 130:] = GREY, RED  # to the right the ground has the object's colour
    grown = grow_to_edge(painted(truth, ground, RED), mask, 8, margin_px=2)
    left = np.arange(260) < 110
    assert farthest(grown & left, truth & left) <= 3
    right = np.arange(260) > 170
    assert 5 <= farthest(grown & right, mask & right) <= 12


@pytest.mark.parametrize("ground", ["flat", "grass"])
def test_an_arm_five_pixels_wide_is_covered_over_its_length(ground):
    truth = disc(200, 260, 100, 70, 40)
    truth[98:103, 100:200] = True
    mask = disc(200, 260, 100, 70, 38)
    mask[99:102, 100:196] = True  # three of its five pixels, and not the hand
    image = painted(truth, GREY if ground == "flat" else grass(200, 260), RED)
    grown = grow_to_edge(image, mask, 6, margin_px=2)
    assert grown[98:103, 100:200].all()
    assert grown[:, 130:190].sum(axis=0).max() <= 5 + 2 * 3


def test_an_arm_that_the_mask_lost_is_followed_as_far_as_the_band():
    truth = disc(200, 260, 100, 70, 40)
    truth[96:105, 100:125] = True
    grown = grow_to_edge(painted(truth, GREY, RED), disc(200, 260, 100, 70, 40), 8, margin_px=2)
    # The band is 2.5 * (8 - 2) = 15 px wide, the margin 2: up to column 110 + 15 + 2.
    assert grown[98:103, :123].any(axis=0)[110:].all()
    assert grown[98:103, 110:123].mean() > 0.95


def test_an_object_that_stays_is_not_eaten():
    truth = disc(200, 300, 100, 90, 50)
    stays = disc(200, 300, 100, 190, 51)  # of the same colour, one pixel away
    mask = disc(200, 300, 100, 90, 46)
    image = painted(truth | stays, GREY, RED)
    grown = grow_to_edge(image, mask, 8, margin_px=2, outside=stays)
    assert not (grown & stays).any()
    assert (truth & ~grown).sum() <= 0.01 * truth.sum()
    overlapping = mask | disc(200, 300, 100, 150, 12)
    kept = grow_to_edge(image, overlapping, 8, margin_px=2, outside=stays)
    assert kept[overlapping].all()
    assert not (kept & stays & ~overlapping).any()


def test_what_is_set_aside_says_nothing():
    truth = disc(200, 300, 100, 90, 50)
    beside = disc(200, 300, 100, 200, 60)  # to be removed as well, and of the same colour
    mask = disc(200, 300, 100, 90, 46)
    image = painted(truth | beside, GREY, RED)
    grown = grow_to_edge(image, mask, 8, margin_px=2, aside=beside)
    assert (truth & ~grown).sum() <= 0.002 * truth.sum()
    assert farthest(grown, truth | beside) <= 3


def test_a_grey_photo_serves():
    truth, mask = disc(220, 260, 110, 130, 60), disc(220, 260, 110, 130, 54)
    grown = grow_to_edge(painted(truth, GREY, (60, 60, 60)), mask, 6, margin_px=2)
    assert (truth & ~grown).sum() == 0
    assert farthest(grown, truth) <= 3


def test_a_large_object_is_looked_at_in_a_smaller_photo():
    truth, mask = disc(900, 1000, 450, 500, 300), disc(900, 1000, 450, 500, 285)
    mask[440:460, 600:700] = False
    mask[449:451, 210:790] = True  # a strap thinner than a pixel of the smaller photo
    image = painted(truth, GREY, RED)
    grown = grow_to_edge(image, mask, 40, margin_px=8)  # band 80 px: five times smaller
    assert (truth & ~grown).sum() == 0
    assert farthest(grown, truth) <= 8 + 5
    assert grown[mask].all()


def test_dust_beyond_the_largest_regions_is_thickened_without_a_look(monkeypatch):
    monkeypatch.setattr(rim, "MOST_REGIONS", 1)
    mask = disc(400, 900, 200, 200, 60) | disc(400, 900, 200, 800, 5)
    truth = disc(400, 900, 200, 200, 60) | disc(400, 900, 200, 800, 5)
    grown = grow_to_edge(painted(truth, GREY, RED), mask, 6, margin_px=2)
    assert farthest(grown[:, :450], truth[:, :450]) <= 3
    np.testing.assert_array_equal(grown[:, 450:], thicken(mask, 6)[:, 450:])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 30), (30, 1), (2, 3)])
def test_tiny_photos(height, width):
    image = np.full((height, width, 3), 200, np.uint8)
    empty, full = np.zeros((height, width), bool), np.ones((height, width), bool)
    assert not grow_to_edge(image, empty, 5).any()
    assert grow_to_edge(image, full, 5).all()
    corner = empty.copy()
    corner[0, 0] = True
    grown = grow_to_edge(image, corner, 5)
    assert grown[0, 0]
    assert farthest(grown, corner) <= 5


def test_without_room_for_a_band_it_thickens():
    mask = disc(60, 60, 30, 30, 10)
    image = painted(mask, GREY, RED)
    np.testing.assert_array_equal(grow_to_edge(image, mask, 3, margin_px=3), thicken(mask, 3))
    np.testing.assert_array_equal(grow_to_edge(image, mask, 0, margin_px=2), mask)
    stays = disc(60, 60, 30, 42, 5)
    grown = grow_to_edge(image, mask, 3, margin_px=3, outside=stays)
    np.testing.assert_array_equal(grown, thicken(mask, 3) & (mask | ~stays))


def test_arguments_are_left_alone_and_the_answer_is_the_same_twice():
    truth, mask = disc(120, 160, 60, 80, 40), disc(120, 160, 60, 80, 36)
    image = painted(truth, grass(120, 160), RED)
    before = image.copy(), mask.copy()
    first = grow_to_edge(image, mask, 6)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])
    np.testing.assert_array_equal(grow_to_edge(image, mask, 6), first)
    assert not np.shares_memory(first, mask)


def test_the_object_in_the_band_may_be_smaller_than_the_mask():
    truth, mask = disc(220, 260, 110, 130, 60), disc(220, 260, 110, 130, 66)
    found = object_in_band(painted(truth, GREY, RED), mask, 12)
    assert farthest(found, truth) <= 2  # half-covered pixels are taken for the object
    assert (truth & ~found).sum() <= 0.002 * truth.sum()


def test_what_is_not_a_mask_is_refused():
    image = np.zeros((4, 5, 3), np.uint8)
    with pytest.raises(TypeError, match="mask must be a bool array"):
        grow_to_edge(image, np.zeros((4, 5), np.uint8), 3)
    with pytest.raises(ValueError, match=r"mask must have shape \(H, W\)"):
        grow_to_edge(image, np.zeros((4, 5, 1), bool), 3)
