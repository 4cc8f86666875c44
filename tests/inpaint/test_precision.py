import pytest
import torch

from inpaint import precision
from inpaint.precision import why_slow

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))


@pytest.mark.parametrize("device", [CPU, CUDA])
def test_bfloat16_is_slow_where_it_is_imitated(monkeypatch, device):
    monkeypatch.setattr(precision, "has_bfloat16", lambda name: False)
    reason = why_slow("bfloat16", device)
    assert reason is not None
    assert reason.endswith({"cpu": "train in float32 here", "cuda": "float16 is faster here"}[device.type])


@pytest.mark.parametrize(
    ("name", "device", "has_it"),
    [("bfloat16", CPU, True), ("float32", CPU, False), ("float16", CUDA, False), ("bfloat16", MPS, False)],
)
def test_nothing_is_said_against_the_others(monkeypatch, name, device, has_it):
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: has_it)
    assert why_slow(name, device) is None
