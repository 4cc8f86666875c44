from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from inpaint.training.batch import Sample
from inpaint.training.photos import TrainingPhoto
from inpaint.training.settings import DEFAULTS
from inpaint.training.training_run import Run

MakeSamples = Callable[..., list[Sample]]
TinyRun = Callable[..., Run]
Differences = Callable[[Any, Any], list[str]]


@pytest.fixture
def make_samples() -> MakeSamples:
    """Samples of noise, each with a box for a hole: `make_samples(count, size_px=32, seed=0)`."""

    def make(count: int, *, size_px: int = 32, seed: int = 0) -> list[Sample]:
        rng = np.random.default_rng(seed)
        found = []
        for _ in range(count):
            image = rng.integers(0, 256, (size_px, size_px, 3), np.uint8)
            top, left = rng.integers(2, size_px // 2, 2)
            mask = np.zeros((size_px, size_px), np.float32)
            mask[top : top + size_px // 3, left : left + size_px // 3] = 1
            found.append(Sample(image, np.where(mask[..., None] > 0, 128, image).astype(np.uint8), mask))
        return found

    return make


@pytest.fixture(scope="session")
def few_photos(tmp_path_factory: pytest.TempPathFactory) -> list[TrainingPhoto]:
    """Six small photos on disk, the last two to keep apart."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(5)
    for number in range(6):
        coarse = rng.integers(0, 256, (5, 6, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(coarse, (80, 72)))
    return [TrainingPhoto(path) for path in sorted(folder.iterdir())]


@pytest.fixture
def tiny_run(few_photos: Sequence[TrainingPhoto]) -> TinyRun:
    """`tiny_run(name, options={}, **settings)`: a run of seconds, with everything switched on."""

    def build(name: str, *, options: dict[str, Any] | None = None, **values: Any) -> Run:
        usual = {
            "size_px": 32 if name in ("autoencoder", "deepfillv2") else 64,
            "steps": 6,
            "batch": 2,
            "workers": 0,
            "device": "cpu",
            "learning_rate": 1e-3,
            "critic_learning_rate": 1e-3,
            "ema": 0.9,
            "decay": "cosine",
            "warmup_steps": 2,
            "log_every": 1,
            "show_every": 1000,
            "save_every": 1000,
            "seed": 3,
        }
        sized = {"size_px": 64} if name == "context-encoder" else {}
        return Run.of(
            name,
            few_photos[:4],
            few_photos[4:],
            settings=DEFAULTS[name].with_values(usual | values),
            options={"width": 0.05} | sized | (options or {}),
            critic_width=0.05,
        )

    return build


@pytest.fixture
def differences() -> Differences:
    """Where two nested states are not the same, bit for bit: `differences(one, other)` -> their paths."""

    def compare(one: Any, other: Any, path: str = "") -> list[str]:
        if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
            return [found for key in one for found in compare(one[key], other[key], f"{path}/{key}")]
        if isinstance(one, list | tuple) and isinstance(other, type(one)) and len(one) == len(other):
            pairs = enumerate(zip(one, other, strict=True))
            return [found for number, pair in pairs for found in compare(*pair, f"{path}/{number}")]
        if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
            return [] if torch.equal(one, other) else [path]
        return [] if one == other else [path]

    return compare
