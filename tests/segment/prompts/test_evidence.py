import cv2
import numpy as np
import pytest

from segment.prompts.evidence import (
    Clicks,
    colour_odds,
    cover_of,
    distances,
    evidence,
    first_hits,
    of_objects,
)
from segment.prompts.judge import chances, judge, weights
from segment.prompts.regions import regions_of, walk


@pytest.fixture
def scene(rng):
    """A red disc on grey with grain, as regions, and the disc."""
    image = np.full((96, 128, 3), 110, np.uint8)
    disc = np.zeros((96, 128), np.uint8)
    cv2.circle(disc, (64, 48), 24, 1, -1)
    image[disc > 0] = (190, 40, 40)
    noisy = np.clip(image + rng.normal(0, 5, image.shape), 0, 255).astype(np.uint8)
    return regions_of(noisy), disc.astype(bool)


NONE = np.zeros(0, int)


def test_a_walk_meets_the_nearer_click_more_often():
    edges = np.array([[0, 1], [1, 2], [2, 3]])
    table = walk(4, edges, np.zeros(3), np.full(3, 11.0), 1.0, 1e-4)
    on, off = first_hits(table, np.array([0]), np.array([3]))
    np.testing.assert_allclose(on, [1, 2 / 3, 1 / 3, 0], atol=1e-3)
    np.testing.assert_allclose(off, [0, 1 / 3, 2 / 3, 1], atol=1e-3)


def test_distances_by_hand_and_without_a_click():
    middles = np.array([[0, 0], [0.3, 0.4], [1, 0]], np.float32)
    lengths, nearest = distances(middles, np.array([0, 2]))
    np.testing.assert_allclose(lengths, [0, 0.5, 0])
    np.testing.assert_array_equal(nearest, [0, 0, 1])
    np.testing.assert_allclose(distances(middles, NONE)[0], 1.5)


def test_cover_is_the_share_of_each_region(scene):
    regions, disc = scene
    cover = cover_of(regions, [disc, ~disc])
    np.testing.assert_allclose(cover.sum(0), 1, atol=1e-6)
    assert cover[0][regions.numbers[48, 64]] == 1
    assert cover_of(regions, []).shape == (0, len(regions.areas))


def test_the_colour_under_a_click_speaks_for_its_like(scene):
    regions, disc = scene
    inside = cover_of(regions, [disc])[0]
    odds = colour_odds(regions, inside)
    assert odds[inside > 0.9].min() > 1
    assert odds[inside < 0.1].max() < -1


def test_the_smallest_object_under_a_click_is_meant(scene):
    areas = np.full(4, 0.25, np.float32)
    cover = np.array([[1, 1, 1, 0], [1, 0, 0, 0]], np.float32)
    own, others, there, agreement = of_objects(cover, np.array([0]), NONE, areas)
    np.testing.assert_allclose(own, [1, 0, 0, 0])
    np.testing.assert_allclose(others, [0, 1, 1, 0])
    assert there[0] == 1
    assert agreement[0] == 1
    own, others, there, _ = of_objects(cover, np.array([3]), NONE, areas)
    assert not own.any()
    assert not there.any()
    np.testing.assert_allclose(others, [1, 1, 1, 0])


@pytest.mark.parametrize("off", [NONE, np.array([0, 5])])
@pytest.mark.parametrize("objects", [0, 2])
def test_evidence_is_finite_and_fits_the_shipped_weights(scene, off, objects):
    regions, disc = scene
    cover = cover_of(regions, [disc, ~disc][:objects])
    known = evidence(regions, Clicks(np.array([regions.numbers[48, 64]]), off, cover))
    assert known.shape == (len(regions.areas), len(weights()["mean"]))
    assert known.dtype == np.float32
    assert np.isfinite(known).all()


def test_the_judge_takes_the_disc_and_not_the_ground(scene):
    regions, disc = scene
    known = evidence(regions, Clicks(np.array([regions.numbers[48, 64]]), NONE, cover_of(regions, [])))
    mask = (judge(known, regions) > 0.5)[regions.numbers]
    assert (mask & disc).sum() / (mask | disc).sum() > 0.9


def test_chances_by_hand():
    layers = {
        "mean": np.array([1.0]), "deviation": np.array([2.0]),
        "first": np.array([[1.0]]), "first_bias": np.array([0.0]),
        "second": np.array([[1.0], [10.0], [100.0]]), "second_bias": np.array([-1.0]),
        "last": np.array([[0.01]]), "last_bias": np.array([0.0]),
    }  # fmt: skip
    blend = np.array([[0.0, 1.0], [1.0, 0.0]])
    found = chances(np.array([[3.0], [5.0]]), blend, layers)
    # first: 1 and 2; around: 2 and 1; twice around: 1 and 2
    expected = 1 / (1 + np.exp(-0.01 * np.array([1 + 20 + 100 - 1, 2 + 10 + 200 - 1])))
    np.testing.assert_allclose(found, expected)


def test_chances_equal_the_network_that_was_trained(scene):
    torch = pytest.importorskip("torch")
    from tools.click_judge.training import Judge

    regions, _ = scene
    known = evidence(regions, Clicks(np.array([3]), np.array([40]), cover_of(regions, [])))
    torch.manual_seed(0)
    network = Judge(known.mean(0), known.std(0) + 0.05).eval()
    with torch.inference_mode():
        theirs = network(torch.from_numpy(known), torch.from_numpy(regions.blend).to_sparse()).sigmoid()
    ours = chances(known, regions.blend, network.arrays())
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)
