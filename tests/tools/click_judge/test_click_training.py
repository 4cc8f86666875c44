import numpy as np
import pytest

from segment.prompts.evidence import cover_of
from segment.prompts.regions import regions_of
from tools.click_judge.samples import Scene, simulate

torch = pytest.importorskip("torch")
from tools.click_judge.training import batch_of, by_walks, loss_of, sparse, train  # noqa: E402


@pytest.fixture
def scene(rng):
    """A photo with a bright square, which is its one object."""
    image = np.full((64, 96, 3), 60, np.uint8)
    image[16:48, 30:70] = (200, 180, 40)
    image = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    regions = regions_of(image)
    truth = np.zeros((64, 96), bool)
    truth[16:48, 30:70] = True
    return Scene("a", regions, cover_of(regions, []), [truth], list(cover_of(regions, [truth])))


def test_the_loss_of_right_and_wrong_chances():
    share, areas = torch.tensor([1.0, 0.0, 1.0, 0.0]), torch.full((4,), 0.5)
    which = torch.tensor([0, 0, 1, 1])
    right = torch.tensor([20.0, -20.0, 20.0, -20.0])
    assert float(loss_of(right, share, areas, which)) == pytest.approx(0, abs=1e-5)
    half = torch.zeros(4)  # chance 1/2: shared 0.25, union 0.5 + 0.5 - 0.25; entropy log 2
    expected = 1 - 0.25 / 0.75 + 0.3 * np.log(2) / 0.55
    assert float(loss_of(half, share, areas, which)) == pytest.approx(expected, rel=1e-4)


def test_clicks_are_simulated_until_the_object_is_found(scene):
    states = simulate(0, scene, 0, by_walks, np.random.default_rng(0))
    assert 1 <= len(states) <= 6
    assert states[0].evidence.shape == (len(scene.regions.areas), 40)
    np.testing.assert_array_equal(states[0].share, scene.shares[0])


def test_a_batch_keeps_its_states_apart(scene):
    states = simulate(0, scene, 0, by_walks, np.random.default_rng(0))[:1] * 2
    known, blend, share, areas, which = batch_of(states, [sparse(scene.regions)])
    count = len(scene.regions.areas)
    assert known.shape == (2 * count, 40)
    dense = blend.to_dense().numpy()
    np.testing.assert_allclose(dense[:count, :count], scene.regions.blend)
    assert not dense[:count, count:].any()
    np.testing.assert_array_equal(which.numpy(), np.repeat([0, 1], count))
    assert len(share) == len(areas) == 2 * count


def test_a_judge_learns_one_photo(scene):
    states = [s for i in range(8) for s in simulate(0, scene, 0, by_walks, np.random.default_rng(i))]
    judge = train((states * 16)[:96], [sparse(scene.regions)], 6, 0)
    known, blend, share, *_ = batch_of(states[:1], [sparse(scene.regions)])
    with torch.inference_mode():
        chances = judge(known, blend).sigmoid()
    clear = (share - 0.5).abs() > 0.4
    assert ((chances > 0.5) == (share > 0.5))[clear].float().mean() > 0.97
