"""The state of a run in one file: with it, going on gives the same weights as never having stopped."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from torch import nn

from _removal_support.files import write_atomically

STATE = "state.pt"
MADE_WITH = "made with"
"""The entry of config.json that may differ when a run goes on: versions and time."""
STATISTICS = ("running_mean", "running_var")
"""Last words of the names of normalisation's buffers that are averaged."""


class RunningAverage:
    """Exponential moving average of a network's weights and running statistics; other buffers are copied.

    The statistics go with the weights: those of today's network do not fit weights that lag behind it.
    """

    def __init__(self, network: nn.Module, shadow: nn.Module, decay: float) -> None:
        """Follow `network` with `shadow`, a copy of it."""
        self.shadow = shadow.requires_grad_(False).eval()
        self.network = network
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """After a step; the first ones count more, so that the fresh weights are forgotten."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        trained = dict(self.network.named_parameters())
        shadows = dict(self.shadow.named_parameters())
        torch._foreach_lerp_(list(shadows.values()), [trained[name] for name in shadows], 1 - decay)
        buffers = dict(self.network.named_buffers())
        for name, buffer in self.shadow.named_buffers():
            if name.endswith(STATISTICS):
                buffer.lerp_(buffers[name], 1 - decay)
            else:
                buffer.copy_(buffers[name])

    def state_dict(self) -> dict[str, Any]:
        """All of it."""
        return {"shadow": self.shadow.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.shadow.load_state_dict(state["shadow"])
        self.updates = state["updates"]


def save_state(folder: Path, parts: dict[str, Any], *, step: int, config: dict[str, Any]) -> Path:
    """Write state.pt, whole or not at all. parts: name -> what has a state_dict, or None."""
    state = {name: part.state_dict() for name, part in parts.items() if part is not None}
    buffer = io.BytesIO()
    torch.save({"step": step, "config": config, "parts": state}, buffer)
    write_atomically(folder / STATE, buffer.getvalue(), overwrite=True)
    return folder / STATE


def load_state(folder: Path, parts: dict[str, Any], config: dict[str, Any]) -> int:
    """Bring the parts to where the run stopped; the number of steps done.

    config: what this run is told; it must be what that one was told, but for what it is made with.

    Raises FileNotFoundError where there is no state, ValueError for one of another run.
    """
    path = folder / STATE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no {STATE} to go on from")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        step, theirs, states = state["step"], state["config"], state["parts"]
    except Exception as error:  # torch.load raises whatever the damage happens to break
        raise ValueError(f"{path} is no state of a training run: {error}") from error
    told = (config.keys() | theirs.keys()) - {MADE_WITH}
    changed = sorted(name for name in told if config.get(name) != theirs.get(name))
    if changed:
        listed = ", ".join(f"{name} {theirs.get(name)} there and {config.get(name)} now" for name in changed)
        raise ValueError(f"{path} is of a run that was told otherwise: {listed}")
    wanted = {name for name, part in parts.items() if part is not None}
    if states.keys() != wanted:
        raise ValueError(f"{path}: expected states of {sorted(wanted)}, got {sorted(states)}")
    for name in sorted(wanted):
        try:
            parts[name].load_state_dict(states[name])
        except (RuntimeError, ValueError, KeyError) as error:  # the code has changed since
            raise ValueError(f"{path} does not fit the {name} of this run: {error}") from error
    return int(step)
