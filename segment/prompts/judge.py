"""Which regions belong to the thing under the clicks: a small network over what speaks for each of them.

Two layers, the second of which also sees the neighbours' first and their neighbours' (as Kipf and Welling
2017); `tools/click_judge` trains it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segment.prompts.regions import Regions

WEIGHTS = Path(__file__).with_name("click_judge.safetensors")


@functools.cache
def weights() -> Mapping[str, np.ndarray]:
    """The shipped arrays by name, float32."""
    from safetensors.numpy import load_file

    return load_file(WEIGHTS)


def chances(known: np.ndarray, blend: np.ndarray, layers: Mapping[str, np.ndarray]) -> np.ndarray:
    """float32 (N,): how likely each region belongs to the thing, 0 to 1.

    known: float32 (N, F), of `segment.prompts.evidence`. blend: float32 (N, N), of `Regions`.
    """
    normal = np.clip((known - layers["mean"]) / layers["deviation"], -5, 5)
    first = np.maximum(normal @ layers["first"] + layers["first_bias"], 0)
    around = blend @ first
    seen = np.concatenate([first, around, blend @ around], axis=1)
    second = np.maximum(seen @ layers["second"] + layers["second_bias"], 0)
    logits = second @ layers["last"] + layers["last_bias"]
    result: np.ndarray = 0.5 + 0.5 * np.tanh(0.5 * logits[:, 0])
    return result


def judge(known: np.ndarray, regions: Regions) -> np.ndarray:
    """`chances` by the shipped weights."""
    return chances(known, regions.blend, weights())
