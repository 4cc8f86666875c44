"""Files of weights, read without running any code in them: .pth of plain tensors, and safetensors."""

import pickle
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from _removal_support.errors import RemovalError
from _removal_support.files import write_atomically
from _removal_support.limits import LARGEST_CHECKPOINT_BYTES, LARGEST_TENSOR_HEADER_BYTES
from _removal_support.pretrained import file_sha256

NAMED_AT_MOST = 5
# What torch.load raises on a file that is cut short depends on where it was cut.
_READ_ERRORS = (
    *(RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError),
    SafetensorError,  # torch reads files of that name by their suffix
)
_TORCH_STARTS = (b"PK", b"\x80")  # a zip archive, a pickle
_WRAPPERS = (
    *("state_dict", "model_state_dict", "params_ema", "params", "G", "netG", "generator", "gen"),
    *("g_state", "model", "weights"),
)
"""Names that a generator's entries are found under; the average of the weights before the weights."""
_DEPTH = 16
_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
_PREFIXES = ("module.", "_orig_mod.", "generator.", "netG.", "G.", "model.")
_COUNTERS = re.compile(r"contextual_attention\.fuse_(weight|kernel)$|\.num_batches_tracked$")
_DISCRIMINATOR = re.compile(r"(disc|discriminator|D)\.")


class CheckpointError(RemovalError, ValueError):
    """A file or state dict that holds no network of ours, or not the one it should."""


def check_hash(path: Path, sha256_prefix: str) -> None:
    """Raise CheckpointError unless the file's SHA-256 starts so."""
    digest = file_sha256(path)
    if not digest.startswith(sha256_prefix.lower()):
        raise CheckpointError(
            f"{path}: expected a SHA-256 starting {sha256_prefix.lower()}, "
            f"got {digest[: len(sha256_prefix)]}; the file is damaged or another one"
        )


def read(path: Path, accepted: str) -> tuple[Mapping[str, Any], dict[str, str]]:
    """What a file holds, and its metadata (safetensors only).

    accepted: what would have been taken, for the message.

    Raises FileNotFoundError, CheckpointError for a file that is damaged, holds code or is none of weights.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise CheckpointError(f"{path}: expected a file of weights, got no regular file")
    size = path.stat().st_size
    if size > LARGEST_CHECKPOINT_BYTES:
        raise CheckpointError(
            f"{path}: expected a file of weights of at most {LARGEST_CHECKPOINT_BYTES:,} bytes, got {size:,}"
        )
    with open(path, "rb") as file:
        start = file.read(9)
    if start[8:] == b"{":
        _check_header(path, int.from_bytes(start[:8], "little"), accepted)
        return _read_safetensors(path, accepted)
    if len(start) < 9 or not start.startswith(_TORCH_STARTS):  # a web page, for instance
        raise _damaged(path, accepted)
    _check_unpacked(path, size, accepted)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about the pickle's version: what follows says more
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"(?:GLOBAL|[Uu]nsupported class)\s+`?([\w.]+)", str(error))
        if named is None and "unsupported" not in str(error).lower():
            raise _damaged(path, accepted) from error
        what = f"it holds {named[1]}" if named else "it may hold code, or be damaged"
        raise CheckpointError(
            f"{path}: refused: expected plain tensors, but {what}, and loading that would run code. If you "
            f"trust the file, convert it where it was made: "
            f"torch.save(torch.load({path.name!r}, weights_only=False)['state_dict'], 'plain.pth')"
        ) from error
    except _READ_ERRORS as error:
        raise _damaged(path, accepted) from error
    if not isinstance(checkpoint, Mapping):
        raise CheckpointError(f"{path}: expected a state dict, got {type(checkpoint).__name__}; {accepted}")
    return checkpoint, {}


def write(state: Mapping[str, Tensor], path: Path, *, metadata: Mapping[str, str], overwrite: bool) -> None:
    """Write tensors as safetensors, whole or not at all.

    Raises ValueError for a name not ending in .safetensors, FileExistsError without `overwrite`, another
    OSError where the file cannot be written.
    """
    check_target(path, overwrite=overwrite)
    # Cloned, because safetensors takes no tensors that share memory.
    own = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in state.items()
    }
    write_atomically(path, save(own, metadata=dict(metadata)), overwrite=overwrite)


def check_target(path: Path, *, overwrite: bool) -> None:
    """Raise as `write` does for a path that it would not write to."""
    if path.suffix != ".safetensors":
        raise ValueError(f"expected a file name ending in .safetensors, got {path.name}")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}")


def generator_entries(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The generator's entries, unwrapped until nothing unwraps; what is no weight is left out."""
    entries = {str(name): value for name, value in checkpoint.items()}
    prefixed = False
    for _ in range(_DEPTH):  # bounded: a mapping in a file may hold itself
        wrapper = next((name for name in _WRAPPERS if isinstance(entries.get(name), Mapping)), None)
        if wrapper is not None:
            entries = {str(name): value for name, value in entries[wrapper].items()}
            continue
        prefix = next((part for part in _PREFIXES if any(name.startswith(part) for name in entries)), None)
        if prefix is None:
            break
        prefixed = True
        entries = {
            name.removeprefix(prefix): value for name, value in entries.items() if name.startswith(prefix)
        }
    return {
        name: value
        for name, value in entries.items()
        if not _COUNTERS.search(name) and (prefixed or not _DISCRIMINATOR.match(name))
    }


def check_entries(
    entries: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], label: str, title: str, accepted: str
) -> None:
    """Raise CheckpointError unless the entries are finite floats of these names and shapes, none else."""
    problems = []
    if missing := [name for name in shapes if name not in entries]:
        problems.append(f"missing {some(missing)}")
    if unexpected := [name for name in entries if name not in shapes]:
        problems.append(f"unexpected {some(unexpected)}")
    if problems:
        raise CheckpointError(f"{label}: not a whole {title} generator: {'; '.join(problems)}; {accepted}")
    for name, value in entries.items():
        if problem := _no_plain_floats(value):
            raise CheckpointError(f"{label}: expected {name} as a tensor of floats, got {problem}")
    # Before any arithmetic: a tensor of a few bytes may claim any size.
    wrong = [
        f"{name} of shape {tuple(entries[name].shape)} instead of {shape}"
        for name, shape in shapes.items()
        if tuple(entries[name].shape) != shape
    ]
    if wrong:
        raise CheckpointError(f"{label}: {some(wrong)}")
    for name, value in entries.items():
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{label}: {name} holds NaN or infinity")


def _no_plain_floats(value: object) -> str | None:
    """What a value is where it is no tensor of floats in memory; None where it is one."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    if value.dtype not in _FLOATS:
        return str(value.dtype)
    if value.layout != torch.strided or value.is_meta or value.is_quantized:
        return "a sparse, quantised or empty tensor"
    return None


def some(names: Iterable[object]) -> str:
    """The first five, and how many more."""
    listed = [str(name) for name in names]
    rest = len(listed) - NAMED_AT_MOST
    return (
        ", ".join(listed[:NAMED_AT_MOST]) + (f" and {rest} more" if rest > 0 else "") if listed else "nothing"
    )


def _check_header(path: Path, header_bytes: int, accepted: str) -> None:
    """Raise CheckpointError where the stated length of a safetensors header cannot be right."""
    if header_bytes > path.stat().st_size - 8:
        raise _damaged(path, accepted)
    if header_bytes > LARGEST_TENSOR_HEADER_BYTES:
        raise CheckpointError(
            f"{path}: expected a header of at most {LARGEST_TENSOR_HEADER_BYTES:,} bytes, "
            f"got one of {header_bytes:,}"
        )


def _check_unpacked(path: Path, size: int, accepted: str) -> None:
    """Raise CheckpointError for an archive that unpacks to more than it is: torch.save never compresses."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise _damaged(path, accepted) from error
    if unpacked > size:
        raise CheckpointError(
            f"{path}: expected an archive as torch.save writes it, got one whose {size:,} bytes unpack to "
            f"{unpacked:,}; {accepted}"
        )


def _read_safetensors(path: Path, accepted: str) -> tuple[Mapping[str, Any], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (SafetensorError, ValueError, OSError, RecursionError) as error:
        raise _damaged(path, accepted) from error


def _damaged(path: Path, accepted: str) -> CheckpointError:
    size = path.stat().st_size
    return CheckpointError(f"{path}: damaged, cut short, or no file of weights ({size:,} bytes); {accepted}")
