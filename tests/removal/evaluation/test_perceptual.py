from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics
import torchvision

from _removal_support.pretrained import WeightsError
from removal.evaluation import perceptual
from removal.evaluation.perceptual import BACKBONES, lpips

# The activations that LPIPS compares, by their place in torchvision's SqueezeNet
ENDS = (2, 5, 8, 10, 11, 12, 13)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of weights for the test."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    perceptual._load.cache_clear()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    yield folder
    perceptual._load.cache_clear()


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


def test_what_cannot_be_compared_is_refused(cache):
    image = np.zeros((70, 70, 3), np.uint8)
    with pytest.raises(ValueError, match="one of alex, vgg, squeeze, got 'resnet'"):
        lpips(image, image, net="resnet")
    with pytest.raises(ValueError, match="one shape"):
        lpips(image, image[:69])
    with pytest.raises(ValueError, match="at least one pixel"):
        lpips(image, image, np.zeros((70, 70), bool))
