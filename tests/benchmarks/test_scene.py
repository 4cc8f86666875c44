import cv2
import numpy as np
import pytest

from benchmarks.scene import Scene, render_scene


@pytest.fixture(scope="module")
def scene() -> Scene:
    return render_scene(seed=0)


def grown(mask: np.ndarray, radius: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)).astype(bool)


def test_shapes_and_types(scene):
    for picture in (scene.photo, scene.clean):
        assert picture.shape == (600, 900, 3)
        assert picture.dtype == np.uint8
    for mask in (scene.mask, scene.shadow):
        assert mask.shape == (600, 900)
        assert mask.dtype == bool
    assert not (scene.mask & scene.shadow).any()


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_one_upright_figure_of_about_half_the_height(seed):
    mask = render_scene(height=300, width=450, seed=seed).mask
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    assert count == 2
    _, top, wide, tall, area = stats[1]
    assert 0.45 * 300 <= tall <= 0.64 * 300
    assert wide < tall
    assert 0.2 < area / (wide * tall) < 0.75
    assert top > 0
    assert top + tall < 300


def test_photo_and_clean_differ_only_where_figure_and_shadow_reach(scene):
    difference = np.abs(scene.photo.astype(int) - scene.clean).max(axis=2)
    far = ~grown(scene.mask | scene.shadow, 30)
    assert far.mean() > 0.5
    assert difference[far].max() <= 2  # the lens glow reaches a little further
    assert np.median(difference[scene.mask]) > 20


def test_the_shadow_darkens_the_ground_and_touches_the_figure(scene):
    before, after = scene.clean[scene.shadow].mean(), scene.photo[scene.shadow].mean()
    assert after < 0.9 * before
    assert scene.shadow.sum() > 0.2 * scene.mask.sum()
    assert (grown(scene.mask, 2) & scene.shadow).any()


def test_an_empty_view():
    view, full = (
        render_scene(height=200, width=300, seed=4, figure=False),
        render_scene(height=200, width=300, seed=4),
    )
    np.testing.assert_array_equal(view.photo, full.clean)
    np.testing.assert_array_equal(view.clean, full.clean)
    assert not np.shares_memory(view.photo, view.clean)
    assert not view.mask.any()
    assert not view.shadow.any()


def test_same_seed_same_pixels_and_another_seed_another_scene():
    first, again, other = (render_scene(height=200, width=300, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.photo, again.photo)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert (first.photo != other.photo).mean() > 0.5
    assert (first.mask != other.mask).any()


@pytest.mark.slow
def test_another_size_shows_the_same_scene():
    small, large = render_scene(height=200, width=300, seed=7), render_scene(height=400, width=600, seed=7)
    shrunk = cv2.resize(large.mask.astype(np.float32), (300, 200), interpolation=cv2.INTER_AREA) > 0.5
    assert (small.mask & shrunk).sum() > 0.9 * (small.mask | shrunk).sum()


@pytest.mark.parametrize("seed", range(8))
def test_every_seed_is_a_well_exposed_photo(seed):
    photo = render_scene(height=240, width=360, seed=seed).photo
    assert 70 < photo.mean() < 190
    assert photo.std() > 25
    assert (photo == 255).all(axis=2).mean() < 0.15
    assert (photo < 4).all(axis=2).mean() < 0.05


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"height": 10}, ValueError, "height must be at least 64, got 10"),
        ({"width": 3.5}, TypeError, "width must be an integer, got float"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": True}, TypeError, "seed must be an integer, got bool"),
    ],
)
def test_wrong_settings_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        render_scene(**settings)
