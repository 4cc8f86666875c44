import cv2
import numpy as np
import pytest

from benchmarks.scene import render_scene
from postprocess import MaskRecipe, refine_mask
from postprocess.shadows.finding import Candidate, _best, _shared_direction, find_shadow

HARD, SOFT = 0.8, 3.0


def drawn(
    *,
    darkness: float = 0.45,
    blur_px: float = 1.0,
    floor: np.ndarray | None = None,
    corners: tuple[tuple[int, int], ...] = ((121, 136), (149, 139), (235, 158), (225, 166)),
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A post on a floor with the shadow it throws to the right: photo, object, shadow.

    darkness: light left in the shadow. corners: of the shadow, x and y. floor: float32 (200, 300, 3).
    """
    rng = np.random.default_rng(seed)
    if floor is None:
        floor = np.full((200, 300, 3), (150, 145, 135), np.float32)
    post = np.zeros((200, 300), bool)
    post[40:140, 120:150] = True
    cast = np.zeros((200, 300), np.uint8)
    cv2.fillConvexPoly(cast, np.array(corners), 1)
    hidden = cv2.GaussianBlur(cast.astype(np.float32), (0, 0), blur_px)
    photo = floor * (1 - (1 - darkness) * hidden)[..., None]
    photo[post] = (40, 60, 140)
    photo = photo + 3 * rng.standard_normal(photo.shape)
    return photo.clip(0, 255).astype(np.uint8), post, (hidden > 0.12) & ~post


def planks(seed: int = 1) -> np.ndarray:
    """A floor of planks of different wood."""
    tone = np.random.default_rng(seed).uniform(0.88, 1.12, 25).repeat(12)
    return (np.array((170, 130, 90)) * np.broadcast_to(tone[None, :, None], (200, 300, 1))).astype(np.float32)


def covered(found: np.ndarray, part: np.ndarray) -> float:
    return float((found & part).sum() / part.sum())


@pytest.mark.parametrize("blur_px", [HARD, SOFT])
@pytest.mark.parametrize("darkness", [0.35, 0.6])
def test_a_shadow_on_a_plain_floor_is_found_whole(blur_px: float, darkness: float) -> None:
    photo, post, cast = drawn(blur_px=blur_px, darkness=darkness)
    found = find_shadow(photo, post)
    assert covered(found.mask, cast) > 0.8
    assert (found.mask & ~cast).sum() < 0.35 * cast.sum()
    assert not (found.mask & post).any()
    assert 0.35 <= found.confidence <= 1


def test_a_shadow_on_planks_is_found() -> None:
    photo, post, cast = drawn(floor=planks())
    found = find_shadow(photo, post)
    assert covered(found.mask, cast) > 0.8
    assert (found.mask & ~cast).sum() < 0.5 * cast.sum()


def test_in_a_grey_photo_too() -> None:
    photo, post, cast = drawn()
    grey = np.repeat(photo.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert covered(find_shadow(grey, post).mask, cast) > 0.8


def test_a_rim_that_the_mask_misses_does_not_matter() -> None:
    photo, post, cast = drawn()
    inner = cv2.erode(post.view(np.uint8), np.ones((7, 7), np.uint8)).view(bool)
    assert covered(find_shadow(photo, inner).mask, cast) > 0.7


def test_two_lights_throw_two_shadows() -> None:
    photo, post, right = drawn()
    darker, _, left = drawn(corners=((149, 136), (121, 139), (35, 158), (45, 166)), seed=1)
    both = np.minimum(photo, darker)
    both[post] = photo[post]
    found = find_shadow(both, post).mask
    assert covered(found, right) > 0.7
    assert covered(found, left) > 0.7


def test_nothing_is_added_where_there_is_no_shadow() -> None:
    for floor in (None, planks()):
        photo, post, _ = drawn(darkness=1.0, floor=floor)
        assert not find_shadow(photo, post).mask.any()


def test_a_dark_pattern_of_the_floor_stays() -> None:
    tiles = np.indices((200, 300)) // 20
    pattern = np.where(tiles.sum(axis=0) % 2, 150.0, 70.0)[..., None] * np.ones(3)
    photo, post, _ = drawn(darkness=1.0, floor=pattern.astype(np.float32))
    assert not find_shadow(photo, post).mask.any()


def test_a_ball_beside_the_foot_stays() -> None:
    photo, post, cast = drawn()
    ball = np.zeros((200, 300), np.uint8)
    cv2.circle(ball, (95, 136), 9, 1, cv2.FILLED)
    photo[ball > 0] = (120, 30, 30)
    found = find_shadow(photo, post).mask
    assert covered(found, cast) > 0.8
    assert not (found & (ball > 0)).any()


def test_a_shadow_that_belongs_to_something_else_stays() -> None:
    photo, post, _ = drawn(corners=((190, 136), (215, 139), (285, 158), (275, 166)))
    assert not find_shadow(photo, post).mask.any()


def test_an_object_cut_by_the_frame_gets_none() -> None:
    photo, post, _ = drawn()
    assert not find_shadow(photo[:138].copy(), post[:138].copy()).mask.any()


def test_an_object_in_the_air_gets_none() -> None:
    photo, post, _ = drawn(corners=((120, 185), (150, 185), (160, 195), (110, 195)))
    assert not find_shadow(photo, post).mask.any()


def test_what_stays_is_left_out() -> None:
    photo, post, _ = drawn()
    others = np.zeros_like(post)
    others[:, 200:] = True
    found = find_shadow(photo, post, others=others)
    assert not (found.mask & others).any()


def test_a_higher_bar_adds_nothing_but_says_how_near_it_was() -> None:
    photo, post, _ = drawn()
    sure = find_shadow(photo, post)
    unsure = find_shadow(photo, post, least_confidence=1.0)
    assert not unsure.mask.any()
    assert unsure.confidence == sure.confidence


def test_a_large_photo_gives_the_same_shadow() -> None:
    photo, post, cast = drawn()
    large = cv2.resize(photo, None, fx=6, fy=6, interpolation=cv2.INTER_LINEAR)
    marked = cv2.resize(post.view(np.uint8), None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST).view(bool)
    found = find_shadow(large, marked).mask
    assert found.shape == (1200, 1800)
    assert covered(found[3::6, 3::6], cast) > 0.8


@pytest.mark.slow
def test_shadows_of_rendered_scenes() -> None:
    scenes = [render_scene(height=300, width=450, seed=seed) for seed in range(30, 36)]
    shares = [covered(refine_mask(scene.photo, scene.mask).mask, scene.shadow) for scene in scenes]
    assert np.median(shares) > 0.6
    clean = [find_shadow(scene.clean, scene.mask).mask.mean() for scene in scenes]
    assert np.mean(clean) < 0.005


def test_one_light_for_all() -> None:
    region = np.ones((2, 2), bool)
    right, left = np.array([1.0, 0.0]), np.array([-1.0, 0.0])
    sure = [[Candidate(region, 0.6, right)], [Candidate(region, 0.5, right)], [Candidate(region, 0.3, left)]]
    light = _shared_direction(sure, 0.4)
    assert light is not None
    np.testing.assert_allclose(light, right)
    doubtful = [Candidate(region, 0.41, left), Candidate(region, 0.38, right), Candidate(region, 0.2, None)]
    best = _best(doubtful, light)
    assert best is not None
    assert best.direction is right
    assert best.confidence == pytest.approx(0.38 * 1.15)
    assert _best(doubtful, None) is doubtful[0]
    assert _best([], light) is None
    against = [[Candidate(region, 0.6, right)], [Candidate(region, 0.6, left)]]
    assert _shared_direction(against, 0.4) is None
    assert _shared_direction(sure[:1], 0.4) is None


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (12, 12)])
def test_tiny_photos_and_empty_masks(shape: tuple[int, int]) -> None:
    photo = np.full((*shape, 3), 90, np.uint8)
    for value in (False, True):
        found = find_shadow(photo, np.full(shape, value))
        assert found.mask.shape == shape
        assert not found.mask.any()
        assert found.confidence == 0.0


def test_arguments_are_left_as_they_were() -> None:
    photo, post, _ = drawn()
    others = np.roll(post, 100, axis=1)
    kept = photo.copy(), post.copy(), others.copy()
    find_shadow(photo, post, others=others)
    for array, before in zip((photo, post, others), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_errors_name_what_was_expected_and_received() -> None:
    photo, post, _ = drawn()
    with pytest.raises(TypeError, match="uint8"):
        find_shadow(photo.astype(np.float32), post)
    with pytest.raises(TypeError, match="objects must be a bool"):
        find_shadow(photo, post.astype(np.uint8))
    with pytest.raises(TypeError, match="others must be a bool"):
        find_shadow(photo, post, others=post.astype(np.uint8))
    with pytest.raises(ValueError, match="image's shape"):
        find_shadow(photo, post[:-1])
    with pytest.raises(ValueError, match="image's shape"):
        find_shadow(photo, post, others=post[:, 1:])
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        find_shadow(photo[..., 0], post)
    with pytest.raises(ValueError, match="least_confidence"):
        find_shadow(photo, post, least_confidence=1.5)


def test_a_region_that_covers_much_of_the_photo_must_be_surer(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, post, cast = drawn()
    monkeypatch.setattr("postprocess.shadows.finding.AREA_COST", 0.0)
    free = find_shadow(photo, post)
    assert covered(free.mask, cast) > 0.8
    share = free.mask.mean()
    assert 0.01 < share < 0.03
    monkeypatch.setattr("postprocess.shadows.finding.AREA_COST", 2.0)
    dearer = find_shadow(photo, post)
    assert free.confidence - 0.08 < dearer.confidence < free.confidence - 0.01
    monkeypatch.setattr("postprocess.shadows.finding.AREA_COST", 100.0)
    assert not (find_shadow(photo, post).mask & cast).sum() > 0.5 * cast.sum()


def test_a_strip_of_ground_that_runs_out_of_the_photo_on_three_sides_is_no_shadow() -> None:
    photo, post, _ = drawn(corners=((0, 132), (299, 132), (299, 199), (0, 199)), darkness=0.5)
    assert not find_shadow(photo, post).mask.any()


def test_an_object_that_the_photo_cuts_off_at_its_side_gets_none() -> None:
    photo, post, _ = drawn()
    cut_photo, cut_post = photo[:, 135:].copy(), post[:, 135:].copy()
    assert cut_post[:, 0].any()
    assert not find_shadow(cut_photo, cut_post).mask.any()


def test_a_darkening_without_an_outline_is_no_shadow() -> None:
    photo, post, _ = drawn(blur_px=28.0, darkness=0.4)
    assert not find_shadow(photo, post).mask.any()


def test_refinement_says_how_sure_it_is() -> None:
    photo, post, _ = drawn()
    refined = refine_mask(photo, post)
    assert refined.parts["shadow"].any()
    assert refined.shadow_confidence == find_shadow(photo, post).confidence
    assert refine_mask(photo, post, MaskRecipe(shadows=False)).shadow_confidence == 0
