"""Small networks that judge a region by its evidence, run by NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

Layers = list[tuple[np.ndarray, np.ndarray]]


def mean_answer(
    weights: Path, evidence: Mapping[str, float], *, clip: float, further: tuple[float, ...] = ()
) -> float:
    """0 to 1: the mean of the networks' answers.

    weights: an npz file of names, centre and scale of the evidence and of three layers for each network.
    clip: evidence further than this many standard deviations off counts as this far. further: inputs that
    follow the evidence as they are.
    """
    names, centre, scale, networks = _numbers(weights)
    values = np.array([evidence[name] for name in names])
    normal = np.clip((values - centre) / scale, -clip, clip)
    inputs = np.append(normal, further).astype(np.float32)
    return float(np.mean([_answer(inputs, network) for network in networks]))


def _answer(inputs: np.ndarray, layers: Layers) -> float:
    """The network's answer, 0 to 1: layers of weights (out, in) and biases (out,), the rest cut off at 0."""
    for weight, bias in layers[:-1]:
        inputs = np.maximum(weight @ inputs + bias, 0)
    weight, bias = layers[-1]
    return float(1 / (1 + np.exp(-(weight @ inputs + bias)[0])))


@cache
def _numbers(weights: Path) -> tuple[list[str], np.ndarray, np.ndarray, list[Layers]]:
    """Names of the evidence, its means and standard deviations, and the layers of each network."""
    with np.load(weights) as stored:
        networks = [
            [
                (
                    stored[f"weight_{network}_{layer}"].astype(np.float32),
                    stored[f"bias_{network}_{layer}"].astype(np.float32),
                )
                for layer in range(3)
            ]
            for network in range(int(stored["networks"]))
        ]
        names = [str(name) for name in stored["names"]]
        return names, stored["centre"].astype(np.float64), stored["scale"].astype(np.float64), networks
