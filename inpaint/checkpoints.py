"""Files of DeepFillv2 weights: recognise one, load it into a network, convert it."""

import contextlib
import json
import os
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from backend.pretrained import PretrainedWeights, file_sha256
from inpaint.networks.deepfillv2 import DeepFillV2
from inpaint.networks.layouts import LAYOUTS, Layout
from inpaint.published import record_of

NAMED_AT_MOST = 5
# What torch.load raises on a file that is cut short depends on where it was cut.
_READ_ERRORS = (RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError)
_TORCH_STARTS = (b"PK", b"\x80")  # a zip archive, a pickle
_WRAPPERS = ("state_dict", "G", "generator")
_DEPTH = 16
_PREFIXES = ("module.", "generator.", "G.")
_BUFFERS = re.compile(r"contextual_attention\.fuse_(weight|kernel)$")
_DISCRIMINATOR = re.compile(r"(disc|discriminator|D)\.")


class CheckpointError(ValueError):
    """A file or state dict that is no DeepFillv2 generator, or not the one it should be."""


@dataclass(frozen=True)
class CheckpointReport:
    """What `check` found in a file. `published` is None where the file is none of the records by name."""

    path: Path
    layout: str
    parameters: int
    sha256: str
    published: PretrainedWeights | None
    source: str


def load_deepfillv2(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    sha256_prefix: str | None = None,
    max_scores_mb: float | None = None,
) -> DeepFillV2:
    """Build the network from a published file, one that `convert` wrote, or a state dict; on the CPU, for
    inference.

    The layout is recognised by the parameter names, which may be nested under `state_dict`, `G` or
    `generator` and prefixed with `module.`, `generator.` or `G.`, in any order; a discriminator's entries are
    passed over. No code in a file is ever run.

    sha256_prefix: the file must have this hash (None: that of the published file of its name, if there is
        one).
    max_scores_mb: bound on the attention's score matrices (see `inpaint.networks.attention`).

    Raises FileNotFoundError, and CheckpointError (a ValueError) for a file that is damaged, holds code or
    has another hash, a missing or unexpected parameter, or one of another shape or with NaN or infinity.
    """
    if isinstance(source, Mapping):
        label, checkpoint = "the state dict", source
    else:
        path = Path(source)
        label = str(path)
        _check_hash(path, sha256_prefix)
        checkpoint = _read(path)[0]
    layout, weights = _generator(checkpoint, label)
    network = DeepFillV2(layout, max_scores_mb=max_scores_mb)
    keys = layout.key_map()
    expected = network.state_dict()
    _check_shapes({name: tuple(expected[ours].shape) for name, ours in keys.items()}, weights, label)
    network.load_state_dict({keys[name]: tensor.float() for name, tensor in weights.items()})
    return network.to(memory_format=torch.channels_last).eval()


def identify(source: str | os.PathLike[str] | Mapping[str, Any]) -> str:
    """Name of the layout of a file or state dict; raises as `load_deepfillv2`."""
    if isinstance(source, Mapping):
        return _generator(source, "the state dict")[0].name
    return _generator(_read(Path(source))[0], str(source))[0].name


def check(path: str | os.PathLike[str]) -> CheckpointReport:
    """Load a file as `load_deepfillv2` does, hash included, and say what it holds. Raises the same."""
    path = Path(path)
    network = load_deepfillv2(path)
    return CheckpointReport(
        path=path,
        layout=network.layout.name,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        sha256=file_sha256(path),
        published=record_of(path),
        source=_read(path)[1].get("source", path.name),
    )


def convert(path: str | os.PathLike[str], out: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write the generator of `path` alone as safetensors, under its published names, and return `out`.

    Its metadata tell the layout, the source file's name and the source's SHA-256; of a converted file they
    are kept as they are.

    Raises as `load_deepfillv2`, FileExistsError without `overwrite`, another OSError where `out` cannot be
    written, ValueError for a name not ending in .safetensors.
    """
    path, out = Path(path), Path(out)
    if out.suffix != ".safetensors":
        raise ValueError(f"expected a file name ending in .safetensors, received {out.name}")
    if out.exists() and not overwrite:
        raise FileExistsError(f"{out} exists already")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"{out} cannot be written: there is no folder {out.parent}")
    load_deepfillv2(path)
    checkpoint, known = _read(path)
    layout, weights = _generator(checkpoint, str(path))
    origin = known if known.keys() >= {"source", "source_sha256"} else {}
    metadata = {
        "format": "deepfillv2",
        "layout": layout.name,
        "source": origin.get("source") or path.name,
        "source_sha256": origin.get("source_sha256") or file_sha256(path),
    }
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        # Cloned, because safetensors takes no tensors that share memory.
        own = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in weights.items()}
        save_file(own, part, metadata=metadata)
        os.replace(part, out)
    except SafetensorError as error:  # what it makes of an OSError
        raise OSError(f"{out} cannot be written: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return out


def _check_hash(path: Path, expected: str | None) -> None:
    record = record_of(path)
    if expected is None and record is not None:
        expected = record.sha256_prefix
    if expected is None:
        return
    digest = file_sha256(path)
    if not digest.startswith(expected.lower()):
        raise CheckpointError(
            f"{path}: expected a SHA-256 starting {expected.lower()}, received {digest[: len(expected)]}; "
            "the file is damaged or another one"
        )


def _read(path: Path) -> tuple[Mapping[str, Any], dict[str, str]]:
    """What a file holds, and its metadata (safetensors only)."""
    with open(path, "rb") as file:
        start = file.read(9)
    if start[8:] == b"{":
        return _read_safetensors(path)
    if len(start) < 9 or not start.startswith(_TORCH_STARTS):  # a web page, for instance
        raise _damaged(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about the pickle's version: what follows says more
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"unsupported (?:GLOBAL|class|global)\s+`?([\w.]+)", str(error), re.IGNORECASE)
        if named is None and "unsupported" not in str(error).lower():
            raise _damaged(path) from error
        what = f"loading it would run {named[1]}" if named else "it may hold code, or be damaged"
        raise CheckpointError(f"{path}: refused, no file of plain tensors: {what}") from error
    except _READ_ERRORS as error:
        raise _damaged(path) from error
    if not isinstance(checkpoint, Mapping):
        raise CheckpointError(
            f"{path}: expected a state dict, received {type(checkpoint).__name__}; {_accepted()}"
        )
    return checkpoint, {}


def _read_safetensors(path: Path) -> tuple[Mapping[str, Any], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (SafetensorError, json.JSONDecodeError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> CheckpointError:
    size = path.stat().st_size
    return CheckpointError(
        f"{path}: damaged, cut short, or no file of weights ({size:,} bytes); {_accepted()}"
    )


def _accepted() -> str:
    return f"accepted are DeepFillv2 generators in the formats {', '.join(LAYOUTS)} (.pth or .safetensors)"


def _generator(checkpoint: Mapping[str, Any], label: str) -> tuple[Layout, dict[str, Tensor]]:
    """The layout that fits best and the generator's parameters under their published names."""
    entries = _entries(checkpoint)
    layout = max(LAYOUTS.values(), key=lambda candidate: len(candidate.key_map().keys() & entries.keys()))
    expected = layout.key_map().keys()
    if not expected & entries.keys():
        raise CheckpointError(f"{label}: no DeepFillv2 generator, it holds {_some(entries)}; {_accepted()}")
    problems = []
    if missing := [name for name in expected if name not in entries]:
        problems.append(f"missing {_some(missing)}")
    if unexpected := [name for name in entries if name not in expected]:
        problems.append(f"unexpected {_some(unexpected)}")
    if problems:
        raise CheckpointError(
            f"{label}: not a whole {layout.name} generator: {'; '.join(problems)}; {_accepted()}"
        )
    for name, value in entries.items():
        if not isinstance(value, Tensor) or not value.is_floating_point():
            kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
            raise CheckpointError(f"{label}: expected {name} as a tensor of floats, received {kind}")
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{label}: {name} holds NaN or infinity")
    return layout, entries


def _entries(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The generator's entries, unwrapped until nothing unwraps."""
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
        if not _BUFFERS.search(name) and (prefixed or not _DISCRIMINATOR.match(name))
    }


def _check_shapes(expected: dict[str, tuple[int, ...]], weights: dict[str, Tensor], label: str) -> None:
    wrong = [
        f"{name} of shape {tuple(weights[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if tuple(weights[name].shape) != shape
    ]
    if wrong:
        raise CheckpointError(f"{label}: {_some(wrong)}")


def _some(names: Any) -> str:
    """The first five, and how many more."""
    listed = [str(name) for name in names]
    rest = len(listed) - NAMED_AT_MOST
    return (
        ", ".join(listed[:NAMED_AT_MOST]) + (f" and {rest} more" if rest > 0 else "") if listed else "nothing"
    )
