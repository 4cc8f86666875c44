from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from _removal_support.pretrained import WeightsError
from removal.evaluation import classwise
from removal.evaluation.classwise import INCEPTION, class_wise, inception_features, patch_features
from removal.evaluation.feature_sets import kernel_distance


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
