"""How exactly networks compute."""

import contextlib
from typing import Literal, cast, get_args

import torch

from _removal_support.device import full_float32, has_bfloat16

Precision = Literal["float32", "bfloat16", "float16"]
PRECISIONS = ("auto", *get_args(Precision))


def choose_precision(name: str, device: torch.device) -> Precision:
    """What a name of PRECISIONS stands for; "auto" = bfloat16 where the hardware has it, else float16 on CUDA
    and float32 elsewhere.

    Raises ValueError for another name, and for float16 anywhere but on CUDA.
    """
    if name not in PRECISIONS:
        raise ValueError(f"expected a precision of {', '.join(PRECISIONS)}, got {name!r}")
    if name == "auto":
        half: Precision = "float16" if device.type == "cuda" else "float32"
        return "bfloat16" if has_bfloat16(str(device)) else half
    if name == "float16" and device.type != "cuda":
        raise ValueError(f"expected a CUDA device for float16, got {device.type}; bfloat16 runs there")
    return cast(Precision, name)


def why_slow(precision: Precision, device: torch.device) -> str | None:
    """Why another precision would be faster on this device, in one sentence; None = it would not."""
    if precision != "bfloat16" or device.type not in ("cpu", "cuda") or has_bfloat16(str(device)):
        return None
    if device.type == "cuda":
        return "this GPU has no instructions for bfloat16 and only imitates it: float16 is faster here"
    return (
        "this processor has no instructions for bfloat16 (AVX512-BF16, AMX) and only imitates it, which was "
        "measured to take 5 times as long as float32: train in float32 here"
    )


def arithmetic(precision: Precision, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """What to run a network in."""
    if precision == "float32":
        return full_float32() if device.type == "cuda" else contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if precision == "bfloat16" else torch.float16)
