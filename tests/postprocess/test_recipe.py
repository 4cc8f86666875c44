import dataclasses
import subprocess
import sys

import cv2
import numpy as np
import pytest
from scipy import ndimage

from postprocess import MaskRecipe, RefinedMask, refine_mask
from postprocess.shadows.finding import FoundShadow


def photo(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def disc(height: int, width: int, row: int, col: int, radius: int) -> np.ndarray:
    y, x = np.ogrid[:height, :width]
    return (y - row) ** 2 + (x - col) ** 2 <= radius**2


def grown_by(refined: RefinedMask, mask: np.ndarray) -> float:
    return ndimage.distance_transform_edt(~mask)[refined.mask].max()


def test_the_recipe_that_does_nothing():
    mask = np.random.default_rng(0).random((60, 80)) > 0.8
    refined = refine_mask(photo(60, 80), mask, MaskRecipe.none())
    np.testing.assert_array_equal(refined.mask, mask)
    assert not np.shares_memory(refined.mask, mask)


def test_each_object_grows_by_a_share_of_its_own_size():
    small, large = disc(600, 900, 150, 150, 30), disc(600, 900, 350, 600, 150)
    recipe = dataclasses.replace(
        MaskRecipe.none(), thicken_share=0.04, thicken_min_px=1, thicken_max_share=0.1
    )
    refined = refine_mask(photo(600, 900), small | large, recipe)
    # 0.04 * sqrt(pi) * radius: 2.1 and 10.6, rounded
    np.testing.assert_array_equal(
        refined.mask[:, :350], disc(600, 900, 150, 150, 32)[:, :350] & refined.mask[:, :350]
    )
    assert grown_by(RefinedMask(refined.mask & (np.arange(900) < 350), {}), small) == 2
    assert grown_by(RefinedMask(refined.mask & (np.arange(900) >= 350), {}), large) == 11


def test_the_radius_has_bounds_that_scale_with_the_photo():
    tiny = np.zeros((1000, 1200), bool)
    tiny[500, 600] = True
    # 0.006 * 1000 in a black photo, which shows no edge; a cone's tip is blunt
    assert 5 <= grown_by(refine_mask(photo(1000, 1200), tiny), tiny) <= 6
    assert (
        4 <= grown_by(refine_mask(photo(300, 300), tiny[400:700, 500:800]), tiny[400:700, 500:800]) <= 5
    )  # never less
    huge = disc(1000, 1200, 500, 600, 450)
    plain = dataclasses.replace(MaskRecipe(), smooth_share=0.0, close_share=0.0)
    # 0.02 * 1000, told in a photo of half the size
    assert 19 <= grown_by(refine_mask(photo(1000, 1200), huge, plain), huge) <= 22
    no_edges = dataclasses.replace(plain, edges=False)
    assert grown_by(refine_mask(photo(1000, 1200), huge, no_edges), huge) == 20


def test_a_soft_rim_of_four_pixels_is_covered():
    detected = disc(480, 640, 240, 320, 80)
    blurred_out = ndimage.distance_transform_edt(~detected) <= 4
    refined = refine_mask(photo(480, 640), detected)
    assert refined.mask[blurred_out].all()
    assert refined.mask.sum() < 1.25 * detected.sum()


def test_the_rim_is_taken_from_the_edge_in_the_photo():
    person, detected = disc(480, 640, 240, 320, 80), disc(480, 640, 240, 320, 72)
    image = np.full((480, 640, 3), 120, np.uint8)
    image[person] = (170, 40, 50)
    refined = refine_mask(image, detected, MaskRecipe(shadows=False, attached="none"))
    assert refined.mask[person].all()  # eight pixels were missing, the radius is 5
    assert grown_by(refined, person) <= 3  # the margin is 2
    blind = refine_mask(image, detected, MaskRecipe(edges=False, shadows=False, attached="none"))
    assert (person & ~blind.mask).sum() > 0.06 * person.sum()


def test_what_goes_along_is_a_part_by_itself():
    person, bag = disc(240, 320, 120, 120, 50), disc(240, 320, 120, 200, 28)
    image = np.full((240, 320, 3), 120, np.uint8)
    image[person], image[bag] = (170, 40, 50), (30, 60, 160)
    before = bag.copy()
    refined = refine_mask(image, person, MaskRecipe(shadows=False, attached="none"), attached=bag)
    assert refined.parts["attached"][bag].all()
    assert grown_by(RefinedMask(refined.parts["attached"], {}), bag) <= 3
    assert grown_by(RefinedMask(refined.parts["object"], {}), person | bag) <= 3
    np.testing.assert_array_equal(refined.mask, refined.parts["object"] | refined.parts["attached"])
    np.testing.assert_array_equal(bag, before)


def test_what_goes_along_casts_a_shadow_too(monkeypatch):
    cast = []

    def find(image, objects, *, others=None):
        cast.append(objects)
        return FoundShadow(disc(120, 200, 110, 100, 5), 0.9)

    monkeypatch.setattr("postprocess.recipe.find_shadow", find)
    person, board = disc(120, 200, 50, 60, 20), disc(120, 200, 50, 140, 20)
    refined = refine_mask(photo(120, 200), person, attached=board)
    np.testing.assert_array_equal(cast[0], person | board)
    np.testing.assert_array_equal(refined.parts["shadow"], disc(120, 200, 110, 100, 5))
    off = refine_mask(photo(120, 200), person, MaskRecipe(shadows=False), attached=board)
    assert len(cast) == 1
    assert not off.parts["shadow"].any()


def test_a_large_photo_is_looked_at_in_a_smaller_one_and_nothing_thin_is_lost():
    person = disc(2100, 2500, 1100, 1200, 400)
    detected = disc(2100, 2500, 1100, 1200, 380)
    detected[301:303, 300:1200] = True  # a stick of two pixels, apart
    detected[300:740, 1199:1201] = True
    speck = disc(2100, 2500, 100, 100, 6)
    image = np.full((2100, 2500, 3), 120, np.uint8)
    image[person] = (170, 40, 50)
    others = np.zeros((2100, 2500), bool)
    others[:, 1620:1700] = True  # twenty pixels from the person
    others[280:330, 500:520] = True  # under the stick
    recipe = MaskRecipe(shadows=False, attached="none")
    refined = refine_mask(image, detected | speck, recipe, others)
    assert refined.mask[person | detected].all()
    assert not refined.mask[90:110, 90:110].any()
    assert not (refined.mask & others & ~detected).any()
    body = refined.mask.copy()
    body[:660] = False
    # The margin is 0.002 * 2100, the photo looked at has half the size.
    assert grown_by(RefinedMask(body, {}), person | detected) <= 4.2 + 3
    np.testing.assert_array_equal(refine_mask(image, detected | speck, recipe, others).mask, refined.mask)


def test_specks_go_and_dust_alone_stays():
    person = disc(480, 640, 240, 320, 80)
    speck = disc(480, 640, 50, 50, 2)
    assert not refine_mask(photo(480, 640), person | speck).mask[40:60, 40:60].any()
    dust = speck | disc(480, 640, 300, 500, 2)
    assert refine_mask(photo(480, 640), dust).mask[dust].all()


def test_small_holes_are_filled_and_large_ones_stay_open():
    mask = disc(480, 640, 240, 320, 150)
    mask &= ~disc(480, 640, 200, 250, 5)
    mask &= ~disc(480, 640, 280, 380, 50)
    refined = refine_mask(photo(480, 640), mask)
    assert refined.mask[195:206, 245:256].all()
    assert not refined.mask[275:286, 375:386].any()


def test_what_stays_is_not_eaten_and_what_was_marked_is_kept():
    mask = np.zeros((200, 300), bool)
    mask[50:150, 50:150] = True
    others = np.zeros((200, 300), bool)
    others[50:150, 145:250] = True  # overlaps the mask by five columns
    refined = refine_mask(photo(200, 300), mask, others=others)
    assert refined.mask[50:150, 145:150].all()
    assert not refined.mask[:, 150:][others[:, 150:]].any()
    assert refined.mask[46:50, 60:140].all()


def test_what_stays_is_not_eaten_without_edges_either():
    mask, others = disc(200, 300, 100, 100, 40), np.zeros((200, 300), bool)
    others[:, 142:] = True  # two pixels beyond
    refined = refine_mask(photo(200, 300), mask, MaskRecipe(edges=False, shadows=False), others)
    assert refined.mask[100, 141]
    assert refined.mask[100, 56]
    assert not refined.mask[others].any()


def test_parts_make_up_the_mask():
    mask = disc(240, 320, 120, 160, 40)
    refined = refine_mask(photo(240, 320), mask)
    assert set(refined.parts) == {"object", "shadow", "attached"}
    for part in refined.parts.values():
        assert part.dtype == bool
        assert part.shape == (240, 320)
    np.testing.assert_array_equal(np.logical_or.reduce(list(refined.parts.values())), refined.mask)
    assert not refined.parts["shadow"].any()


def test_empty_stays_empty_and_nothing_grows_to_the_whole_photo():
    assert not refine_mask(photo(40, 50), np.zeros((40, 50), bool)).mask.any()
    almost = np.ones((40, 50), bool)
    almost[39, 49] = False
    np.testing.assert_array_equal(refine_mask(photo(40, 50), almost).mask, almost)
    full = np.ones((40, 50), bool)
    assert refine_mask(photo(40, 50), full).mask.all()


def test_arguments_are_left_alone():
    image, mask = photo(120, 160), disc(120, 160, 60, 80, 30)
    others = disc(120, 160, 60, 130, 25)
    before = mask.copy(), others.copy()
    refine_mask(image, mask, others=others)
    np.testing.assert_array_equal(mask, before[0])
    np.testing.assert_array_equal(others, before[1])
    assert not image.any()


@pytest.mark.parametrize(
    ("image", "mask", "others", "error", "message"),
    [
        (np.zeros((4, 5, 3)), np.zeros((4, 5), bool), None, TypeError, "image must be a uint8 array"),
        (photo(4, 5)[..., 0], np.zeros((4, 5), bool), None, ValueError, r"image must have shape \(H, W, 3\)"),
        (photo(4, 5), np.zeros((4, 5)), None, TypeError, "mask must be a bool array"),
        (photo(4, 5), np.zeros((5, 4), bool), None, ValueError, r"image's shape \(4, 5\), got \(5, 4\)"),
        (photo(4, 5), np.zeros((4, 5), bool), np.zeros((4, 5)), TypeError, "others must be a bool array"),
        (
            photo(4, 5),
            np.zeros((4, 5), bool),
            np.zeros((4, 4), bool),
            ValueError,
            r"shape \(4, 5\), got \(4, 4\)",
        ),
    ],
)
def test_wrong_arrays_are_refused(image, mask, others, error, message):
    with pytest.raises(error, match=message):
        refine_mask(image, mask, others=others)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="thicken_share must be a share from 0 to 1, got 4"):
        MaskRecipe(thicken_share=4)
    with pytest.raises(ValueError, match="thicken_min_px must be pixels from 0 to 100, got -1"):
        MaskRecipe(thicken_min_px=-1)
    with pytest.raises(TypeError, match="hole_share must be a number, got str"):
        MaskRecipe(hole_share="all")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="edges must be a bool, got int"):
        MaskRecipe(edges=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unexpected keyword"):
        MaskRecipe(dilate=3)  # type: ignore[call-arg]
    with pytest.raises(dataclasses.FrozenInstanceError):
        MaskRecipe().thicken_share = 0.1  # type: ignore[misc]


def test_importing_the_package_loads_no_opencv():
    code = "import sys, postprocess; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("scene", ["office_001261", "intel_0339", "highway_001221"])
def test_less_of_a_real_object_is_left(shared, scene):
    folder = shared / "data" / "pairs" / scene
    image = cv2.cvtColor(cv2.imread(str(folder / "photo.png")), cv2.COLOR_BGR2RGB)
    mask, changed = (
        cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE) > 127 for name in ("object.png", "changed.png")
    )
    refined = refine_mask(image, mask).mask
    leak_before, leak = (changed & ~mask).sum(), (changed & ~refined).sum()
    assert leak < 0.8 * leak_before
    assert (refined & ~changed).sum() < 0.15 * changed.sum()


@pytest.mark.parametrize("name", ["others", "attached"])
def test_masks_beside_the_first_one_are_checked_too(name):
    image, mask = photo(20, 30), np.zeros((20, 30), bool)
    with pytest.raises(ValueError, match=f"{name} must have the image's shape"):
        refine_mask(image, mask, **{name: np.zeros((20, 31), bool)})
    with pytest.raises(TypeError, match=f"{name} must be a bool array"):
        refine_mask(image, mask, **{name: np.zeros((20, 30), np.uint8)})
