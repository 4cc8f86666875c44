"""The device that networks run on, and what it is good at."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

KINDS = ("cuda", "mps", "cpu")


def check_device_name(device: str) -> None:
    """Raise ValueError for what is no device. Whether this machine has it takes torch and is not asked."""
    kind, _, number = device.partition(":")
    if device != "auto" and (kind not in KINDS or (number and not number.isdigit())):
        raise ValueError(f"expected device to be auto, cuda, cuda:N, mps or cpu, got {device!r}")


def resolve_device(device: str) -> str:
    """``device`` itself, checked, or for "auto" the best there is: "cuda", "mps" or "cpu".

    Raises ValueError for a device that does not exist or that this machine lacks.
    """
    import torch

    check_device_name(device)
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, is_there in there.items() if is_there)
    kind, _, number = device.partition(":")
    if not there[kind] or (kind == "cuda" and number and int(number) >= torch.cuda.device_count()):
        raise ValueError(f"this machine has no device {device!r}")
    return device


def has_bfloat16(device: str) -> bool:
    """Whether ``device`` computes in bfloat16 by itself, rather than by converting to float32 and back."""
    import torch

    kind = device.partition(":")[0]
    if kind == "cuda":
        result: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return result
    if kind == "cpu":  # private in torch, so a release that drops one of them means float32 and no crash
        checks = [
            getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        ]
        return any(check() for check in checks if check is not None)
    return False


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Inside it CUDA multiplies float32 with all 23 bits of the fraction, and not with TF32's 10, which is
    what cuDNN does unless told otherwise."""
    import torch

    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    cudnn.allow_tf32 = matmul.allow_tf32 = False
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before
