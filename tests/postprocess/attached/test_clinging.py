import cv2
import numpy as np
import pytest

from postprocess import MaskRecipe, refine_mask
from postprocess.attached.evidence import Evidence, evidence_of
from postprocess.attached.judge import likelihood
from postprocess.attached.objects import clinging_region
from postprocess.attached.view import View, median, percentiles, view_of

HEIGHT, WIDTH = 360, 400
GROUND = (128, 122, 110)
RED, GREEN = (200, 40, 40), (40, 160, 60)
BAG = (190, 210, 240, 250)  # top, left, bottom, right: between the arm and the body


def figure() -> np.ndarray:
    """Somebody with one arm held away from the body: bool (H, W)."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (190, 60), 20, 1, -1)
    cv2.rectangle(mask, (165, 80), (210, 320), 1, -1)
    cv2.line(mask, (205, 95), (265, 190), 1, 14)
    return mask.view(bool)


def scene(*things: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> np.ndarray:
    """The figure in dark clothes on grainy ground, things (box, colour) drawn over the ground."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = GROUND
    for (top, left, bottom, right), colour in things:
        image[top:bottom, left:right] = colour
    image[figure()] = (30, 30, 45)
    grain = np.random.default_rng(0).normal(0, 3, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def box(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize("step", [1, -1])
def test_a_bag_between_arm_and_body_is_found_whole_and_alone(step):
    """On either side."""
    image, objects = scene((BAG, RED))[:, ::step], figure()[:, ::step]
    found = clinging_region(np.ascontiguousarray(image), np.ascontiguousarray(objects))[:, ::step]
    bag = box(*BAG) & ~figure()
    assert found[bag].mean() > 0.97
    assert (found & ~bag).sum() < 0.15 * bag.sum()  # a rim of one to two pixels
    assert not (found & figure()).any()


@pytest.mark.parametrize(
    ("kinds", "goes"), [("none", False), ("ridden", False), ("carried", True), ("all", True)]
)
def test_refinement_takes_it_along_where_carried_things_go(kinds, goes):
    refined = refine_mask(scene((BAG, RED)), figure(), MaskRecipe(attached=kinds, shadows=False))
    inner = box(195, 215, 235, 245)
    assert refined.parts["attached"][inner].all() == goes
    assert refined.parts["attached"].any() == goes


def test_a_photo_twelve_times_as_large():
    size = (4 * WIDTH, 3 * HEIGHT)
    image = cv2.resize(scene((BAG, RED)), size, interpolation=cv2.INTER_LINEAR)
    objects = cv2.resize(figure().view(np.uint8), size, interpolation=cv2.INTER_NEAREST).view(bool)
    bag = cv2.resize(box(*BAG).view(np.uint8), size, interpolation=cv2.INTER_NEAREST).view(bool) & ~objects
    found = clinging_region(image, objects)
    assert found[bag].mean() > 0.97
    assert (found & ~bag).sum() < 0.2 * bag.sum()


def test_what_lies_all_around_by_the_object_goes_along():
    objects = figure() & ~box(120, 178, 200, 196)  # a tie that was detected apart from the shirt
    image = scene()
    image[120:200, 178:196] = GREEN
    found = clinging_region(image, objects)
    assert found[122:198, 180:194].all()
    assert not found[~box(120, 178, 200, 196)].any()


@pytest.mark.parametrize(
    "things",
    [
        (),
        (((190, 285, 240, 325), RED),),  # apart from the figure
        (((230, 0, 245, WIDTH), RED),),  # a line on the wall, on both sides
        (((0, 211, HEIGHT, 250), RED),),  # a post that goes on upward and downward
        ((BAG, RED), ((190, 40, 240, 90), RED)),  # one of two
        ((BAG, (134, 128, 114)),),  # hardly stands out
        ((BAG, (83, 79, 71)),),  # the ground's own colour, darker: a shadow
        (((180, 211, 195, 330), RED),),  # touches by one end only
        (((250, 120, 300, 166), RED),),  # behind, outside of the figure's hull
        (((215, 211, 225, 245), RED),),  # within the hull, but an eighth of its outline touches
    ],
    ids=["nothing", "apart", "line", "post", "two", "faint", "shadow", "end", "behind", "little touch"],
)
def test_nothing_is_added_where_it_may_be_background(things):
    assert not clinging_region(scene(*things), figure()).any()


def test_a_can_in_the_hand_goes_along():
    can = (180, 262, 205, 274)
    found = clinging_region(scene((can, RED)), figure())
    assert found[box(*can) & ~figure()].mean() > 0.7  # but for what is nearest to the hand


def test_a_box_on_the_floor_beside_the_feet_stays():
    """In the colour of the clothes, which speaks for it; the ground below it speaks against it."""
    dark, floor = (20, 20, 24), (280, 211, 322, 255)
    assert not clinging_region(scene((floor, dark)), figure()).any()
    off_the_ground = tuple(side - 75 * (index % 2 == 0) for index, side in enumerate(floor))
    assert clinging_region(scene((off_the_ground, dark)), figure())[box(210, 216, 242, 250)].all()


def evidence(region: np.ndarray, objects: np.ndarray, stays: np.ndarray | None = None) -> Evidence | None:
    levels = np.where(objects, np.uint8(255), np.uint8(0))
    kept = np.zeros_like(levels) if stays is None else np.where(stays, np.uint8(255), np.uint8(0))
    view = view_of(scene((BAG, RED)), levels, levels, kept)
    assert view is not None
    return evidence_of(view, scaled(region, view))


def scaled(mask: np.ndarray, view: View) -> np.ndarray:
    size = view.inside.shape[::-1]
    return cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST).view(bool)


def test_evidence_on_a_bag():
    found = evidence(box(*BAG) & ~figure(), figure())
    assert found is not None
    assert found["slim"] == pytest.approx(np.log(280 / 109), abs=0.03)
    assert found["top"] == pytest.approx((190 - 40) / 281, abs=0.01)
    assert found["bottom"] == pytest.approx((240 - 40) / 281, abs=0.01)
    assert found["tall"] == pytest.approx(np.log(50 / 39), abs=0.05)
    assert (found["frame"], found["others"]) == (0, 0)
    assert found["hull"] > 0.8
    assert found["edge_10"] > 40  # red before grey
    assert evidence(box(190, 285, 240, 325), figure()) is None  # apart from the figure


def test_where_a_regions_colours_are_is_counted_as_pixel_by_pixel():
    levels = np.where(figure(), np.uint8(255), np.uint8(0))
    view = view_of(scene((BAG, RED), ((20, 300, 60, 340), RED)), levels, levels, np.zeros_like(levels))
    assert view is not None
    region = scaled(box(*BAG) & ~figure(), view)
    cut = view.around(region)
    alike = view.like(region[cut], cut, 0.05)
    seen = view.frequency(region) > 0.05
    assert seen.sum() > 1.5 * region.sum()  # the other red thing as well
    np.testing.assert_array_equal(alike.near, seen[cut])
    assert alike.free == (seen & view.free).sum()
    assert alike.band == (seen & view.band).sum()
    assert alike.inside == (seen & view.inside).sum()
    cells = np.stack(np.unravel_index(view.cells, (32, 64, 64)), axis=-1)
    one = cells[tuple(np.argwhere(region)[40])]
    near = (abs(cells - one) <= (1, 2, 2)).all(axis=-1)  # the colours next to it
    share = view.frequency(region)[tuple(np.argwhere(region)[40])]
    assert share == pytest.approx((near & region).sum() / region.sum())


def test_a_region_is_measured_in_its_box_alone(monkeypatch):
    """The same numbers from a box as wide as the view."""
    levels = np.where(figure(), np.uint8(255), np.uint8(0))
    view = view_of(scene((BAG, RED)), levels, levels, np.zeros_like(levels))
    assert view is not None
    region = scaled(box(*BAG) & ~figure(), view)
    inside = evidence_of(view, region)
    monkeypatch.setattr(View, "around", lambda *_: (slice(0, None), slice(0, None)))
    whole = evidence_of(view, region)
    assert inside is not None
    assert inside == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_medians_and_percentiles_are_numpys(count):
    values = np.random.default_rng(count).normal(size=(count, 3)).astype(np.float32)
    np.testing.assert_allclose(median(values), np.median(values, axis=0), rtol=1e-6)
    np.testing.assert_allclose(
        percentiles(values[:, 0], (10, 50, 75)), np.percentile(values[:, 0], (10, 50, 75)), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({}, True),
        ({"slim": 0.59}, False),  # nobody seen at length
        ({"frame": 0.01}, False),  # goes on outside the photo
        ({"others": 0.11}, False),  # at something that stays
        ({"bottom": 0.93, "upper_contact": 0.4}, False),  # stands on the ground
        ({"bottom": 0.93, "upper_contact": 0.6}, True),  # under the feet
    ],
)
def test_the_judge_looks_only_at_what_may_hang_on_a_figure(change, seen):
    found = evidence(box(*BAG) & ~figure(), figure())
    assert found is not None
    answer = likelihood({**found, **change})
    assert (answer > 0) == seen
    assert 0 <= answer < 1


def test_a_gap_that_shows_the_ground_stays_open():
    objects = figure() & ~box(120, 178, 200, 196)
    image = scene()
    image[120:200, 178:196] = GROUND
    assert not clinging_region(image, objects).any()


def test_what_is_known_to_stay_is_left_alone():
    image = scene((BAG, RED))
    assert not clinging_region(image, figure(), others=box(*BAG)).any()
    beside = box(190, 250, 240, 300)  # whose bag that is, nobody knows
    assert not clinging_region(image, figure(), others=beside).any()
    far = box(0, 0, 40, 40)
    found = clinging_region(image, figure(), others=far)
    assert found.any()
    assert not (found & far).any()


def test_no_objects_small_objects_and_full_masks():
    image = scene()
    assert not clinging_region(image, np.zeros((HEIGHT, WIDTH), bool)).any()
    assert not clinging_region(image, box(10, 10, 20, 20)).any()
    assert not clinging_region(image, np.ones((HEIGHT, WIDTH), bool)).any()
    assert clinging_region(image[:1, :1], np.ones((1, 1), bool)).shape == (1, 1)


def test_arguments_stay_as_they_are():
    image, objects, others = scene((BAG, RED)), figure(), box(0, 0, 40, 40)
    copies = image.copy(), objects.copy(), others.copy()
    clinging_region(image, objects, others=others)
    for array, copy in zip((image, objects, others), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_wrong_use_is_refused():
    image, objects = scene(), figure()
    with pytest.raises(TypeError, match="objects must be a bool array"):
        clinging_region(image, objects.astype(np.uint8))
    with pytest.raises(
        ValueError, match=r"objects must have the image's shape \(360, 400\), got \(10, 400\)"
    ):
        clinging_region(image, objects[:10])
    with pytest.raises(TypeError, match="others must be a bool array"):
        clinging_region(image, objects, others=objects.astype(int))
    with pytest.raises(ValueError, match=r"others must have the image's shape \(360, 400\), got \(10, 400\)"):
        clinging_region(image, objects, others=objects[:10])
