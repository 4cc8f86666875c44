"""The network that draws shadows, its loss, and its form for OpenCV."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch

from tools.shadow_network.framing import UNKNOWN, Sample
from tools.shadow_network.network import ShadowNetwork
from tools.shadow_network.to_onnx import load_network, to_onnx
from tools.shadow_network.training import loss_of, mirrored, tensors
from tools.shadow_network.window import HEIGHT_PX, WIDTH_PX


@pytest.fixture(scope="module")
def network() -> ShadowNetwork:
    """With weights and normalisation as of some training, all of them drawn."""
    torch.manual_seed(0)
    made = ShadowNetwork().train()
    for part in made.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(part.running_var, 0.5, 1.5)
    torch.nn.init.zeros_(made.head.bias)
    return made.eval()


@pytest.fixture(scope="module")
def window() -> np.ndarray:
    rng = np.random.default_rng(1)
    planes = cv2.GaussianBlur(rng.uniform(-1, 1, (HEIGHT_PX, WIDTH_PX, 5)).astype(np.float32), (0, 0), 2)
    return np.ascontiguousarray(planes.transpose(2, 0, 1)[None])


@torch.inference_mode()
def logits(network: ShadowNetwork, window: np.ndarray) -> np.ndarray:
    given = torch.from_numpy(window)
    return network(given[:, :3], given[:, 3:]).numpy()


def test_one_logit_for_each_four_pixels(network: ShadowNetwork, window: np.ndarray) -> None:
    assert logits(network, window).shape == (1, 1, HEIGHT_PX // 2, WIDTH_PX // 2)


def test_folding_the_normalisation_changes_nothing(network: ShadowNetwork, window: np.ndarray) -> None:
    np.testing.assert_allclose(logits(network.fused_copy(), window), logits(network, window), atol=1e-3)


def test_the_mask_changes_the_answer(network: ShadowNetwork, window: np.ndarray) -> None:
    other = window.copy()
    other[:, 3] += 1
    assert np.abs(logits(network, other) - logits(network, window)).max() > 1e-3


def test_the_first_stages_are_not_trained(network: ShadowNetwork) -> None:
    network.train()
    assert not any(part.training for part in network.front())
    assert network.stages[2].training
    network.eval()


def test_opencv_gives_what_torch_gives(network: ShadowNetwork, window: np.ndarray, tmp_path: Path) -> None:
    file = tmp_path / "shadow.onnx"
    onnx.save(to_onnx(network.fused_copy(), {"licence": "MIT"}), file)
    assert file.stat().st_size < 1_000_000
    loaded = load_network(file)
    net = cv2.dnn.readNetFromONNX(str(file))
    net.setInput(window)
    theirs = 1 / (1 + np.exp(-logits(loaded, window)))
    assert theirs.std() > 1e-3
    np.testing.assert_allclose(net.forward(), theirs, atol=1e-3)


def test_the_loss_is_small_for_the_truth_and_large_for_its_opposite() -> None:
    shadow = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    shadow[0, 0, 2:6, 2:6] = 1
    right = torch.where(shadow == 1, 10.0, -10.0)
    assert float(loss_of(right, shadow)) < 0.02
    assert float(loss_of(-right, shadow)) > 5


def test_what_is_not_known_does_not_count() -> None:
    shadow = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    shadow[..., :4] = UNKNOWN
    logit = torch.full((1, 1, 8, 8), -8.0)
    wrong = logit.clone()
    wrong[..., :4] = 8.0
    assert float(loss_of(wrong, shadow)) == pytest.approx(float(loss_of(logit, shadow)))


def test_samples_become_tensors_and_mirror_images() -> None:
    image = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    image[:, :10] = 255
    planes = np.zeros((HEIGHT_PX, WIDTH_PX, 2), np.uint8)
    planes[..., 0] = 255
    shadow = np.zeros((HEIGHT_PX // 2, WIDTH_PX // 2), np.uint8)
    shadow[:, :5] = 1
    turned = mirrored(Sample(image, planes, shadow))
    assert turned.image[:, -10:].min() == 255
    assert turned.shadow[:, -5:].min() == 1
    images, given, truth = tensors([turned])
    assert images.shape == (1, 3, HEIGHT_PX, WIDTH_PX)
    assert (float(images.min()), float(images.max())) == (-1, 1)
    assert float(given[:, 0].min()) == 1
    assert int(truth.sum()) == HEIGHT_PX // 2 * 5
