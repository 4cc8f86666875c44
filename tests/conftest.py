import os
from pathlib import Path

# Before anything loads OpenMP: threads that wait sleep, and where several workers run side by side
# (pytest-xdist) each keeps to one core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ["REMOVAL_CONFIG"] = os.devnull  # and not the settings of whoever runs the tests

import numpy as np
import pytest
import torch

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real photos and fixtures beside the checkout; the test is skipped where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the shared data folder is not beside this checkout")
    return SHARED


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA GPU")
    return request.param


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def white_finder():
    """A mask predictor whose weights are set by hand: white pixels are damaged, and nothing else."""
    from inpaint.networks.mask_prediction import MaskPredictor

    network = MaskPredictor(width=1 / 8).eval()
    with torch.no_grad():
        for name, value in network.named_parameters():
            if "norm" not in name:
                value.zero_()
        for pixel in range(4):  # of the squares of 2 x 2 that the network works on
            network.encoder[0][0].conv.weight[pixel, pixel::4, 1, 1] = 1  # the sum of its three colours,
            network.encoder[0][1].conv.weight[pixel, pixel, 1, 1] = 1  # handed on,
            network.decoder[-1].conv.weight[pixel, 4 + pixel, 1, 1] = 1  # past the lower levels,
            network.head.weight[pixel, pixel] = 20  # where 3 is white
            network.head.bias[pixel] = -20 * 2.7
    return network
