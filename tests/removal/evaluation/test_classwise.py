from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.svm import SVC
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from _removal_support.pretrained import WeightsError
from removal.evaluation import classwise
from removal.evaluation.classwise import (
    INCEPTION,
    class_wise,
    frechet_distance,
    inception_features,
    kernel_distance,
    patch_features,
    unpaired_discriminative_score,
)


def photo(rng: np.random.Generator, contrast: float = 30) -> np.ndarray:
    coarse = cv2.resize(rng.normal(0, contrast, (12, 15, 3)), (120, 96), interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + coarse + rng.normal(0, contrast / 2, (96, 120, 3)), 0, 255).astype(np.uint8)


def test_patch_features_are_quantiles_of_each_level(rng):
    features = patch_features(photo(rng))
    assert features.shape == (48,)  # 3 levels x 4 quantiles x 4 directions
    assert features.dtype == np.float64
    by_level = features.reshape(3, 4, 4)
    assert (np.diff(by_level, axis=1) > 0).all()
    assert np.abs(patch_features(np.full((64, 64, 3), 90, np.uint8))).max() < 1e-3


def test_patch_features_grow_with_contrast_and_do_not_know_places(rng):
    image = photo(rng)
    features = patch_features(image)
    half = patch_features((64 + image // 2).astype(np.uint8))
    grey_levels, half_of_them = np.expm1(np.abs(features)), np.expm1(np.abs(half))
    assert np.allclose(half_of_them, grey_levels / 2, atol=1.5)
    assert grey_levels.max() > 20
    mirrored = patch_features(np.ascontiguousarray(image[:, ::-1]))
    other = patch_features(photo(rng, contrast=60))
    assert np.linalg.norm(mirrored - features) < np.linalg.norm(other - features) / 3


def test_patch_features_repeat_and_leave_the_image_alone(rng):
    image = photo(rng)
    before = image.copy()
    assert np.array_equal(patch_features(image), patch_features(image))
    assert not np.array_equal(patch_features(image), patch_features(image, seed=2))
    assert np.array_equal(image, before)


def test_patch_statistics_see_blurred_results(rng):
    references = np.stack([patch_features(photo(rng)) for _ in range(12)])
    others = np.stack([patch_features(photo(rng)) for _ in range(12)])
    blurred = np.stack([patch_features(cv2.GaussianBlur(photo(rng), (0, 0), 1.5)) for _ in range(12)])
    good, bad = (class_wise(results, references, prefix="patch_") for results in (others, blurred))
    assert list(good) == ["patch_frechet", "patch_kernel", "patch_u_ids", "patch_u_ids_held_out"]
    assert bad["patch_frechet"] > 3 * good["patch_frechet"]
    assert bad["patch_kernel"] > abs(good["patch_kernel"])
    assert bad["patch_u_ids_held_out"] < good["patch_u_ids_held_out"]
    assert bad["patch_u_ids"] == 0


def test_names_say_which_features_they_are_of(rng):
    features = rng.normal(size=(8, 3))
    figures = class_wise(features, features + 0.1)
    assert list(figures) == ["fid_star", "kid_star", "u_ids_star", "u_ids_star_held_out"]
    assert figures["fid_star"] == pytest.approx(0.03)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of weights for the test."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def inception(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Inception with random weights, in the cache in place of the published ones."""
    from torchmetrics.image.fid import NoTrainInceptionV3

    path = cache / INCEPTION.file_name
    torch.save({}, path)
    torch.manual_seed(1)
    with monkeypatch.context() as patched:
        patched.setattr(torch.nn.Module, "load_state_dict", lambda *_: None)
        network = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(path))
    for weight in network.parameters():
        if weight.ndim == 4:  # as large as keeps a signal's size through all layers
            torch.nn.init.kaiming_normal_(weight.data)
    torch.save(network.state_dict(), path)
    monkeypatch.setattr(classwise, "INCEPTION", replace(INCEPTION, sha256_prefix=None))
    return path


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save:UserWarning")
@pytest.mark.slow
def test_inception_features_are_those_of_torchmetrics(inception, rng):
    from torchmetrics.image.kid import KernelInceptionDistance

    images = [photo(rng), photo(rng), photo(rng, 60)[:, :100], photo(rng, 60)[:, :100]]
    features = inception_features(images)
    assert features.shape == (4, 2048)
    assert features.dtype == np.float32
    other = KernelInceptionDistance(subsets=1, subset_size=2)  # finds the same file in the cache
    for index, image in enumerate(images):
        other.update(torch.from_numpy(image).permute(2, 0, 1)[None], real=index < 2)
    expected = float(other.compute()[0])
    assert abs(expected) > 1e-4
    assert kernel_distance(features[:2], features[2:]) == pytest.approx(expected, rel=1e-2)
    assert inception_features([]).shape == (0, 2048)


def test_missing_inception_is_named_and_not_fetched(cache, monkeypatch, rng):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    with pytest.raises(
        WeightsError, match=r"FID\* needs weights-inception-2015-12-05-6726825d.pth.*put it in"
    ):
        inception_features([photo(rng)])
    assert list(cache.iterdir()) == []


def test_the_record_is_the_file_torch_fidelity_looks_for():
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    assert INCEPTION.url == URL_INCEPTION_V3
    assert INCEPTION.url.endswith(f"/{INCEPTION.file_name}")


def test_a_file_that_would_run_code_is_refused(cache, monkeypatch, rng):
    import pickle

    class RunsCode:
        def __reduce__(self):
            return (pytest.fail, ("code in a weights file was run",))

    (cache / INCEPTION.file_name).write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="SHA-256 starting 6726825d"):
        inception_features([photo(rng)])
    torch.save({"weight": RunsCode()}, cache / INCEPTION.file_name)
    monkeypatch.setattr(classwise, "INCEPTION", replace(INCEPTION, sha256_prefix=None))
    with pytest.raises(pickle.UnpicklingError):
        inception_features([photo(rng)])


def test_what_is_no_photo_is_refused():
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\), got float64"):
        patch_features(np.zeros((64, 64, 3)))
    with pytest.raises(ValueError, match="at least 32 pixels a side, got"):
        patch_features(np.zeros((64, 31, 3), np.uint8))


MEASURES = (frechet_distance, kernel_distance, unpaired_discriminative_score)


class Unchanged(torch.nn.Module):
    """A "network" for torchmetrics whose features are what it is given."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.num_features = features

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


def two_sets(
    rng: np.random.Generator, counts: tuple[int, int], features: int
) -> tuple[np.ndarray, np.ndarray]:
    mixing = rng.normal(size=(features, features))
    first = rng.normal(size=(counts[0], features))
    return first, rng.normal(0.3, 1.2, size=(counts[1], features)) @ mixing / np.sqrt(features)


def test_frechet_distance_by_hand():
    # means 1 and 4, variances 1 and 4: 3^2 + (2 - 1)^2
    first, second = np.array([[0.0], [1.0], [2.0]]), np.array([[2.0], [4.0], [6.0]])
    assert frechet_distance(first, second) == pytest.approx(10.0)
    assert frechet_distance(second, first) == pytest.approx(10.0)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-12)
    assert frechet_distance(first, first + 5) == pytest.approx(25.0)


@pytest.mark.parametrize(("counts", "features"), [((40, 25), 6), ((9, 12), 30), ((50, 8), 20)])
def test_frechet_distance_is_that_of_torchmetrics_and_of_a_matrix_root(rng, counts, features):
    first, second = two_sets(rng, counts, features)
    ours = frechet_distance(first, second)
    other = FrechetInceptionDistance(feature=Unchanged(features)).set_dtype(torch.float64)
    other.update(torch.from_numpy(first), real=True)
    other.update(torch.from_numpy(second), real=False)
    # a product of rank-deficient covariances has eigenvalues that are 0 up to rounding, and their roots
    # are 1e-8 each: the other ways of reckoning are the less exact ones
    assert ours == pytest.approx(float(other.compute()), rel=1e-5)
    covariances = [np.cov(features, rowvar=False) for features in (first, second)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    gap = first.mean(axis=0) - second.mean(axis=0)
    expected = gap @ gap + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert ours == pytest.approx(expected, rel=1e-5)


def test_kernel_distance_by_hand():
    # one feature: k(x, y) = (x y + 1)^3
    first, second = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    within = 1.0 + 27.0  # k(0, 1) = 1, k(1, 2) = 27
    across = (1 + 1 + 8 + 27) / 4  # k(0, 1), k(0, 2), k(1, 1), k(1, 2)
    assert kernel_distance(first, second) == pytest.approx(within - 2 * across)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save:UserWarning")
def test_kernel_distance_is_that_of_torchmetrics(rng):
    first, second = two_sets(rng, (30, 30), 12)  # it takes sets of one size only
    other = KernelInceptionDistance(feature=Unchanged(12), subsets=1, subset_size=30).set_dtype(torch.float64)
    other.update(torch.from_numpy(first), real=True)
    other.update(torch.from_numpy(second), real=False)
    mean, _ = other.compute()
    assert kernel_distance(first, second) == pytest.approx(float(mean), rel=1e-9)


def test_small_sets_raise_the_frechet_distance_and_not_the_kernel_distance(rng):
    everything = rng.normal(size=(4000, 20))
    few = [everything[start : start + 40] for start in range(0, 4000, 40)]
    kernel = [kernel_distance(*pair) for pair in zip(few[::2], few[1::2], strict=True)]
    frechet = [frechet_distance(*pair) for pair in zip(few[::2], few[1::2], strict=True)]
    assert min(frechet) > 1
    assert frechet_distance(everything[:2000], everything[2000:]) < 0.3
    assert abs(np.mean(kernel)) < 2 * np.std(kernel) / np.sqrt(len(kernel)) + 1e-3


def test_the_discriminative_score_counts_the_points_on_the_wrong_side():
    # on a line: nothing but the two points that changed places is on the wrong side
    first = np.array([[-4.0], [-4.2], [-3.8], [4.0]])
    second = np.array([[4.0], [4.2], [3.8], [3.9], [4.1], [4.3], [3.7], [-4.0]])
    assert unpaired_discriminative_score(first, second) == pytest.approx((1 / 4 + 1 / 8) / 2)


def test_sets_apart_score_nothing_and_one_set_cut_in_two_about_half(rng):
    first = rng.normal(size=(60, 5))
    assert unpaired_discriminative_score(first, first + 20) == 0
    assert unpaired_discriminative_score(first, first + 20, folds=5) == 0
    for counts in ((150, 150), (240, 60)):  # sets of different sizes weigh the same
        halves = rng.normal(size=(sum(counts), 5))
        score = unpaired_discriminative_score(halves[: counts[0]], halves[counts[0] :], folds=5)
        assert 0.4 < score < 0.6


def test_a_few_results_against_many_references_are_not_simply_outvoted(rng):
    # normal, one deviation apart: the best line errs on 30.9 % of each, the majority's answer on 0 and 100 %
    many, few = rng.normal(size=(600, 1)), rng.normal(1, 1, size=(60, 1))
    assert unpaired_discriminative_score(few, many) == pytest.approx(0.309, abs=0.05)
    assert unpaired_discriminative_score(few, many, folds=5) == pytest.approx(0.309, abs=0.05)


def test_the_discriminative_score_is_that_of_another_solver(rng):
    first, second = rng.normal(size=(80, 4)), rng.normal(0.8, 1, size=(80, 4))
    features, truth = np.concatenate([first, second]), np.repeat([0, 1], 80)
    judged = SVC(kernel="linear").fit(features, truth).predict(features)
    expected = np.mean([(judged[truth == side] != side).mean() for side in (0, 1)])
    assert 0.1 < expected < 0.4
    assert unpaired_discriminative_score(first, second) == pytest.approx(expected, abs=0.02)


def test_with_more_features_than_images_the_published_score_is_blind_and_the_held_out_one_is_not(rng):
    first, second = rng.normal(size=(60, 200)), rng.normal(size=(70, 200))
    assert unpaired_discriminative_score(first, second) == 0
    assert unpaired_discriminative_score(first, second, folds=5) > 0.3


def test_the_same_every_time(rng):
    first, second = two_sets(rng, (30, 40), 6)
    for measure in MEASURES:
        assert measure(first, second) == measure(first, second)
    held_out = [unpaired_discriminative_score(first, second, folds=4) for _ in range(2)]
    assert held_out[0] == held_out[1]


@pytest.mark.parametrize("measure", MEASURES)
def test_what_is_no_pair_of_sets_is_refused(measure):
    features = np.zeros((5, 3))
    with pytest.raises(ValueError, match=r"\(at least 2, d\), got \(1, 3\)"):
        measure(features[:1], features)
    with pytest.raises(ValueError, match=r"\(at least 2, d\), got \(5,\)"):
        measure(features, features[:, 0])
    with pytest.raises(ValueError, match="as many features, got 3 and 2"):
        measure(features, features[:, :2])
    with pytest.raises(ValueError, match="finite features"):
        measure(features, np.full((5, 3), np.nan))


@pytest.mark.parametrize("folds", [1, 6])
def test_folds_that_cannot_be_made_are_refused(rng, folds):
    with pytest.raises(ValueError, match=f"expected 2 to 5 folds, got {folds}"):
        unpaired_discriminative_score(rng.normal(size=(9, 2)), rng.normal(size=(5, 2)), folds=folds)
