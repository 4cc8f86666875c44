from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics
import torchvision
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import (
    peak_signal_noise_ratio as torch_psnr,
)
from torchmetrics.functional.image import (
    structural_similarity_index_measure,
)
from torchmetrics.functional.image import (
    total_variation as torch_total_variation,
)

from _removal_support.pretrained import WeightsError
from removal.evaluation import fidelity
from removal.evaluation.fidelity import BACKBONES, l1, lpips, mse, psnr, ssim, total_variation, window_around

COMPARISONS = (l1, mse, psnr, ssim)


def images_of(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A picture with flat, bright and busy parts, and a worse one."""
    rows, columns = np.mgrid[:60, :70]
    picture = np.stack([rows * 3, columns * 3, (rows * columns) % 256], axis=2).astype(np.float64)
    picture[:20, :30] = 250
    worse = np.clip(picture + rng.normal(0, 12, picture.shape), 0, 255)
    return worse.astype(np.uint8), picture.astype(np.uint8)


def batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None]


def test_the_numbers_of_a_case_worked_out_by_hand():
    image = np.zeros((2, 2, 3), np.uint8)
    reference = image.copy()
    reference[0, 0] = 51  # a fifth of white, on one pixel of four
    assert l1(image, reference) == pytest.approx(0.05)
    assert mse(image, reference) == pytest.approx(0.01)
    assert psnr(image, reference) == pytest.approx(20.0)
    where = np.zeros((2, 2), bool)
    where[0, 0] = True
    assert l1(image, reference, where) == pytest.approx(0.2)
    assert mse(image, reference, where) == pytest.approx(0.04)
    assert psnr(image, reference, where) == pytest.approx(10 * np.log10(25))
    assert l1(image, reference, ~where) == mse(image, reference, ~where) == 0
    assert psnr(image, reference, ~where) == float("inf")


def test_differences_do_not_wrap_around():
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    for first, second in ((black, white), (white, black)):
        assert l1(first, second) == mse(first, second) == 1
        assert psnr(first, second) == 0


def test_the_same_as_scikit_image_and_torchmetrics(rng):
    image, reference = images_of(rng)
    assert mse(image, reference) == pytest.approx(mean_squared_error(image / 255, reference / 255))
    assert psnr(image, reference) == pytest.approx(
        peak_signal_noise_ratio(reference, image, data_range=255), abs=1e-9
    )
    assert psnr(image, reference) == pytest.approx(
        float(torch_psnr(batch(image), batch(reference), data_range=255.0)), abs=1e-5
    )


def test_ssim_of_flat_pictures_by_hand():
    dark, light = np.full((20, 20, 3), 100, np.uint8), np.full((20, 20, 3), 120, np.uint8)
    c1 = (0.01 * 255) ** 2  # no structure: only the luminance term is left
    expected = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert ssim(dark, light) == pytest.approx(expected, abs=1e-9)
    assert ssim(dark, dark) == pytest.approx(1.0, abs=1e-9)


def test_ssim_is_that_of_torchmetrics_up_to_the_border(rng):
    image, reference = images_of(rng)
    _, similarity = structural_similarity_index_measure(
        batch(image), batch(reference), data_range=255.0, reduction="none", return_full_image=True
    )
    assert ssim(image, reference) == pytest.approx(float(similarity.mean()), abs=1e-9)
    for rows, columns in ((slice(0, 3), slice(0, 9)), (slice(30, 41), slice(50, 70))):
        where = np.zeros(image.shape[:2], bool)
        where[rows, columns] = True
        where[10, 12] = True
        expected = float(similarity[0][:, torch.from_numpy(where)].mean())
        assert ssim(image, reference, where) == pytest.approx(expected, abs=1e-9)


def test_ssim_is_that_of_scikit_image_away_from_the_border(rng):
    image, reference = images_of(rng)
    _, similarity = structural_similarity(
        image,
        reference,
        data_range=255,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    where = np.zeros(image.shape[:2], bool)
    where[5:-5, 5:-5] = True
    assert ssim(image, reference, where) == pytest.approx(similarity[5:-5, 5:-5].mean(), abs=1e-9)


def test_total_variation_by_hand():
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 1, 0] = 255  # one channel of one pixel: neighbours to the left, to the right, and below
    assert total_variation(image) == pytest.approx(3 / 6)
    where = np.zeros((2, 3), bool)
    where[0, 1] = True  # half of each of its three pairs
    assert total_variation(image, where) == pytest.approx(1.5)
    assert total_variation(image, ~where) == pytest.approx(1.5 / 5)


def test_total_variation_of_hole_and_rest_adds_up_to_torchmetrics(rng):
    image, _ = images_of(rng)
    pixels = image.shape[0] * image.shape[1]
    whole = float(torch_total_variation(batch(image) / 255)) / pixels
    assert total_variation(image) == pytest.approx(whole, rel=1e-9)
    where = rng.random(image.shape[:2]) < 0.3
    share = where.mean()
    parts = share * total_variation(image, where) + (1 - share) * total_variation(image, ~where)
    assert parts == pytest.approx(whole, rel=1e-9)


def test_only_the_pixels_that_count_do(rng):
    image, reference = images_of(rng)
    where = np.zeros(image.shape[:2], bool)
    where[20:40, 20:40] = True
    elsewhere = image.copy()
    elsewhere[50:] = 0  # past every window of the hole
    for measure in COMPARISONS:
        assert measure(image, reference, where) == measure(elsewhere, reference, where)
        assert measure(image, reference) != measure(elsewhere, reference)


def test_arguments_are_left_alone(rng):
    image, reference = images_of(rng)
    before = image.copy(), reference.copy()
    where = np.zeros(image.shape[:2], bool)
    where[3:9, 3:9] = True
    for measure in COMPARISONS:
        measure(image, reference, where)
    total_variation(image, where)
    assert np.array_equal(image, before[0])
    assert np.array_equal(reference, before[1])
    assert where.sum() == 36


def test_the_window_stops_at_the_edges_of_the_picture():
    counted = np.zeros((20, 30), bool)
    counted[2, 25] = counted[10, 27] = True
    assert window_around(counted, 4) == (slice(0, 15), slice(21, 32))
    assert counted[window_around(counted, 4)].shape == (15, 9)


@pytest.mark.parametrize("measure", COMPARISONS)
def test_what_cannot_be_compared_is_refused(measure):
    image = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="one shape, got \\(8, 8, 3\\) and \\(7, 8, 3\\)"):
        measure(image, image[:7])
    with pytest.raises(ValueError, match="`where` of shape \\(8, 8\\), got \\(1, 8\\)"):
        measure(image, image, np.ones((1, 8), bool))
    with pytest.raises(ValueError, match="at least one pixel"):
        measure(image, image, np.zeros((8, 8), bool))
    with pytest.raises(TypeError, match="`where` of bool, got uint8"):
        measure(image, image, np.ones((8, 8), np.uint8))
    with pytest.raises(TypeError, match="image of uint8, got float64"):
        measure(image / 255, image)
    with pytest.raises(TypeError, match="reference of uint8, got int64"):
        measure(image, image.astype(np.int64))
    with pytest.raises(ValueError, match="shape \\(H, W, 3\\), got \\(8, 8\\)"):
        measure(image[..., 0], image[..., 0])


def test_total_variation_refuses_what_is_no_picture():
    with pytest.raises(TypeError, match="image of uint8, got float32"):
        total_variation(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(ValueError, match="at least one pixel"):
        total_variation(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), bool))


# The activations that LPIPS compares, by their place in torchvision's SqueezeNet
ENDS = (2, 5, 8, 10, 11, 12, 13)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of weights for the test."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    fidelity._load.cache_clear()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    yield folder
    fidelity._load.cache_clear()


@pytest.fixture
def squeeze(cache: Path, monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    """A SqueezeNet of random weights, in the cache in place of the published one."""
    torch.manual_seed(3)
    network = torchvision.models.squeezenet1_1(weights=None)
    torch.save(network.state_dict(), cache / BACKBONES["squeeze"].file_name)
    record = replace(BACKBONES["squeeze"], sha256_prefix=None)
    monkeypatch.setitem(BACKBONES, "squeeze", record)
    return network.features.eval()


def distance_by_hand(features: torch.nn.Module, image: np.ndarray, reference: np.ndarray) -> float:
    """Zhang et al. 2018, equation 1, with the published linear layers that torchmetrics ships."""
    root = Path(torchmetrics.__file__).parent / "functional" / "image" / "lpips_models" / "squeeze.pth"
    linear = torch.load(root, map_location="cpu", weights_only=True)
    shift = np.array([-0.030, -0.088, -0.188])
    scale = np.array([0.458, 0.448, 0.450])
    total = 0.0
    sides = [
        torch.from_numpy(((side / 127.5 - 1 - shift) / scale).astype(np.float32)).permute(2, 0, 1)[None]
        for side in (image, reference)
    ]
    with torch.inference_mode():
        start = 0
        for layer, end in enumerate(ENDS):
            sides = [features[start:end](side) for side in sides]
            start = end
            units = [side / side.square().sum(dim=1, keepdim=True).add(1e-8).sqrt() for side in sides]
            weight = linear[f"lin{layer}.model.1.weight"]
            total += float(((units[0] - units[1]).square() * weight.view(1, -1, 1, 1)).sum(dim=1).mean())
    return total


def pictures(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    first, second = rng.integers(0, 256, (2, 150, 170, 3), dtype=np.uint8)
    return first, second


def test_the_same_as_the_equation_by_hand(squeeze, rng):
    image, reference = pictures(rng)
    expected = distance_by_hand(squeeze, image, reference)
    assert expected > 1e-3
    assert lpips(image, reference, net="squeeze") == pytest.approx(expected, rel=1e-4)
    assert lpips(image, image, net="squeeze") == 0


def test_in_a_hole_it_looks_at_the_window_around_it_and_at_nothing_else_there(squeeze, rng):
    image, reference = pictures(rng)
    where = np.zeros(image.shape[:2], bool)
    where[60:70, 80:95] = True
    only_hole = np.where(where[..., None], image, reference)
    window = slice(60 - 32, 70 + 32), slice(80 - 32, 95 + 32)
    expected = distance_by_hand(squeeze, only_hole[window], reference[window])
    assert lpips(image, reference, where, net="squeeze") == pytest.approx(expected, rel=1e-4)
    assert lpips(only_hole, reference, where, net="squeeze") == lpips(image, reference, where, net="squeeze")


@pytest.mark.parametrize(
    ("net", "file_name"),
    [
        ("alex", "alexnet-owt-7be5be79.pth"),
        ("vgg", "vgg16-397923af.pth"),
        ("squeeze", "squeezenet1_1-b8a52dc0.pth"),
    ],
)
def test_missing_weights_are_named_and_not_fetched(cache, monkeypatch, net, file_name):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    image = np.zeros((70, 70, 3), np.uint8)
    with pytest.raises(WeightsError, match=f"LPIPS needs {file_name}.*not in the cache.*put it in"):
        lpips(image, image, net=net)
    assert list(cache.iterdir()) == []


def test_the_file_names_are_those_torchvision_looks_for():
    models = torchvision.models
    published = {
        "alex": models.AlexNet_Weights.DEFAULT,
        "vgg": models.VGG16_Weights.DEFAULT,
        "squeeze": models.SqueezeNet1_1_Weights.DEFAULT,
    }
    assert {net: weights.url for net, weights in published.items()} == {
        net: record.url for net, record in BACKBONES.items()
    }
    assert [BACKBONES[net].sha256_prefix for net in published] == ["7be5be79", "397923af", "b8a52dc0"]


def test_a_file_of_other_content_is_refused(cache):
    (cache / BACKBONES["squeeze"].file_name).write_bytes(b"no weights")
    image = np.zeros((70, 70, 3), np.uint8)
    with pytest.raises(WeightsError, match="SHA-256 starting b8a52dc0"):
        lpips(image, image, net="squeeze")


def test_what_lpips_cannot_compare_is_refused(cache):
    image = np.zeros((70, 70, 3), np.uint8)
    with pytest.raises(ValueError, match="one of alex, vgg, squeeze, got 'resnet'"):
        lpips(image, image, net="resnet")
    with pytest.raises(ValueError, match="one shape"):
        lpips(image, image[:69])
    with pytest.raises(ValueError, match="at least one pixel"):
        lpips(image, image, np.zeros((70, 70), bool))
