"""Seeded weights and inputs, and what the published networks return for them (`tests/data/published`)."""

import json
import zlib
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).with_name("data") / "published"
SIZES = {"square": (256, 256, 1), "wide": (160, 224, 2), "twoholes": (192, 192, 3)}
"""Case -> height, width, seed."""
KEPT = {"stage1": (slice(0, None, 3), slice(2, None, 5)), "stage2": (slice(1, None, 3), slice(2, None, 3))}
"""Stage -> rows and columns that the files hold."""
GAIN = {"deepfillv1": 0.6, "glcic": 0.7}
"""What weights of two or more dimensions are multiplied by, so that the signal keeps its strength."""


def shapes(name: str) -> dict[str, list[int]]:
    """The published names and shapes of a network's parameters."""
    return json.loads((FOLDER / f"{name}.keys.json").read_text())


def state_dict(name: str) -> dict[str, torch.Tensor]:
    """Weights under the published names, each seeded by its own name."""
    state = {key: _values(key, shape) for key, shape in shapes(name).items()}
    if name in GAIN:
        for key, value in state.items():
            if value.ndim > 1:
                state[key] = value * GAIN[name]
            elif key.endswith("weight"):
                state[key] = 1 + 0.1 * torch.tanh(value)
    return state


def _values(key: str, shape: list[int]) -> torch.Tensor:
    values = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    scale = 0.1 if key.endswith("bias") else np.sqrt(4.0 / np.prod(shape[1:]))
    return torch.from_numpy((values * scale).astype(np.float32))


def inputs(case: str) -> tuple[torch.Tensor, torch.Tensor]:
    """images float32 (1, 3, H, W) in [-1, 1] and masks float32 (1, 1, H, W), 1 = hole."""
    height, width, seed = SIZES[case]
    rng = np.random.default_rng(seed)
    coarse = rng.random((3, height // 16 + 1, width // 16 + 1))
    smooth = np.kron(coarse, np.ones((1, 16, 16)))[:, :height, :width]
    image = np.clip(0.8 * smooth + 0.2 * rng.random((3, height, width)), 0, 1) * 2 - 1
    mask = np.zeros((height, width), np.float32)
    rows, cols = np.mgrid[:height, :width]
    for _ in range(2 if case == "twoholes" else 1):
        h, w = int(height * 0.28), int(width * 0.22)
        top, left = int(rng.integers(8, height - h - 8)), int(rng.integers(8, width - w - 8))
        mask[top : top + h, left : left + w] = 1
        mask[(rows - top) ** 2 + (cols - left - w) ** 2 < (h // 3) ** 2] = 1
    return torch.from_numpy(image.astype(np.float32))[None], torch.from_numpy(mask)[None, None]


def difference(
    name: str, case: str, stage: str, ours: torch.Tensor, where: torch.Tensor | None = None
) -> float:
    """The largest difference between ours and the published output, where it is kept.

    stage: "stage1" or "stage2". where: bool (1, 1, H, W), which pixels count; None = all.
    """
    rows, cols = KEPT[stage]
    with np.load(FOLDER / f"{name}.{case}.npz") as file:
        apart = np.abs(ours.numpy()[..., rows, cols] - file[stage])
    if where is not None:
        apart = apart[np.broadcast_to(where.numpy()[..., rows, cols], apart.shape)]
    assert apart.size > 500
    return float(apart.max())
