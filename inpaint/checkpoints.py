"""Files of weights and the networks in them: recognise one, load it, convert it, save what was trained."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from _removal_support.pretrained import PretrainedWeights, file_sha256
from inpaint.checkpoint_files import (
    CheckpointError,
    check_entries,
    check_hash,
    check_target,
    generator_entries,
    read,
    some,
    write,
)
from inpaint.formats import BLIND_NETWORKS, FORMATS, NETWORKS, Format
from inpaint.networks.attention import check_bound
from inpaint.networks.deepfillv2 import DeepFillV2
from inpaint.networks.fill_network import FillNetwork, NamedNetwork, Option
from inpaint.networks.two_stage import TwoStageNetwork
from inpaint.published import record_of

__all__ = [
    "CheckpointError",
    "CheckpointReport",
    "check",
    "convert",
    "identify",
    "load_blind_network",
    "load_deepfillv2",
    "load_network",
    "save_network",
]

OUR_LAYOUT = "ours"
"""Layout of the files that `save_network` writes: our own names, the network and its options noted."""
_STATISTICS = {"running_mean": 0.0, "running_var": 1.0}
_EVERY_NETWORK: dict[str, type[NamedNetwork]] = {**NETWORKS, **BLIND_NETWORKS}
_TITLES = {name: network.title for name, network in _EVERY_NETWORK.items()}
Source = str | os.PathLike[str] | Mapping[str, Any]
Kind = TypeVar("Kind", bound=NamedNetwork)


@dataclass(frozen=True)
class CheckpointReport:
    """What `check` found in a file. `published` is None where the file is none of the records by name."""

    path: Path
    network: str
    layout: str
    parameters: int
    sha256: str
    published: PretrainedWeights | None
    source: str


@dataclass(frozen=True)
class _Recognised:
    """A checkpoint whose format is known: its entries by the format's names, not yet checked."""

    format: Format
    entries: dict[str, Any]
    metadata: dict[str, str]


def load_deepfillv2(
    source: Source, *, sha256_prefix: str | None = None, max_scores_mb: float | None = None
) -> DeepFillV2:
    """`load_network` for a file or state dict that must hold DeepFillv2's generator."""
    network = load_network(source, "deepfillv2", sha256_prefix=sha256_prefix, max_scores_mb=max_scores_mb)
    return cast(DeepFillV2, network)


def load_network(
    source: Source,
    name: str | None = None,
    *,
    sha256_prefix: str | None = None,
    max_scores_mb: float | None = None,
) -> FillNetwork:
    """Build the network of a published file, one that `convert` or `save_network` wrote, or a state dict; on
    the CPU, for inference.

    Published formats are recognised by the parameter names, which may be nested under `state_dict`, `G` or
    `generator` and prefixed with `module.`, `generator.` or `G.`, in any order; a discriminator's entries are
    passed over. Files of `save_network` say what they hold. No code in a file is ever run.

    name: the network it must be, one of `inpaint.formats.NETWORKS` (None: any).
    sha256_prefix: the file must have this hash (None: that of the published file of its name, if there is
        one).
    max_scores_mb: bound on the attention's score matrices, where there is attention (see
        `inpaint.networks.attention`).

    Raises FileNotFoundError, and CheckpointError (a ValueError) for a file that is damaged, holds code,
    another network or has another hash, a missing or unexpected parameter, or one of another shape or with
    NaN or infinity.
    """
    check_bound(max_scores_mb)
    network = _load(source, name, sha256_prefix=sha256_prefix)
    if not isinstance(network, FillNetwork):
        raise CheckpointError(f"{_label(source)}: {_TITLES[network.name]} fills no hole; {_accepted(name)}")
    if isinstance(network, TwoStageNetwork):
        network.max_scores_mb = max_scores_mb
    return network


def load_blind_network(source: Source, kind: type[Kind]) -> Kind:
    """The same for a file of `save_network` that must hold a network of `inpaint.formats.BLIND_NETWORKS`."""
    network = _load(source, kind.name)
    assert isinstance(network, kind)  # its name says so
    return network


def _load(source: Source, name: str | None, *, sha256_prefix: str | None = None) -> NamedNetwork:
    """A network of any kind, ready to use."""
    label = _label(source)
    if not isinstance(source, Mapping):
        path = Path(source)
        record = record_of(path)
        expected = sha256_prefix or (record.sha256_prefix if record else None)
        if expected is not None:
            check_hash(path, expected)
    found = _recognise(source, label, name)
    network = _build(found.format, label)
    network.load_state_dict(_weights(found, network, label, name))
    return network.to(memory_format=torch.channels_last).eval()


def identify(source: Source) -> str:
    """Name of the layout of a file or state dict; raises as `load_network`."""
    label = _label(source)
    found = _recognise(source, label, None)
    _weights(found, _build(found.format, label), label, None)
    return found.format.layout


def check(path: str | os.PathLike[str]) -> CheckpointReport:
    """Load a file as `load_network` does, hash included, and say what it holds. Raises the same."""
    path = Path(path)
    network = _load(path, None)
    found = _recognise(path, str(path), None)
    return CheckpointReport(
        path=path,
        network=network.name,
        layout=found.format.layout,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        sha256=file_sha256(path),
        published=record_of(path),
        source=found.metadata.get("source", path.name),
    )


def convert(path: str | os.PathLike[str], out: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write the generator of `path` alone as safetensors, under its published names, and return `out`.

    Its metadata tell the network, the layout, the source file's name and the source's SHA-256; of a converted
    file they are kept as they are.

    Raises as `load_network`, FileExistsError without `overwrite`, another OSError where `out` cannot be
    written, ValueError for a name not ending in .safetensors.
    """
    path, out = Path(path), Path(out)
    check_target(out, overwrite=overwrite)
    _load(path, None)
    found = _recognise(path, str(path), None)
    metadata = {
        "source": path.name,
        "source_sha256": file_sha256(path),
        **found.metadata,
        "format": found.format.network,
        "layout": found.format.layout,
    }
    write(found.entries, out, metadata=metadata, overwrite=overwrite)
    return out


def save_network(
    network: NamedNetwork,
    path: str | os.PathLike[str],
    *,
    notes: Mapping[str, str] | None = None,
    half: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write a trained network as safetensors that `load_network` or `load_blind_network` builds again, and
    return `path`.

    notes: more metadata, such as what it was trained on; `source` is shown by `remove weights check`.
    half: kernels as float16, for half the size; biases, scales and statistics are kept as they are.

    Raises as `convert` where the file cannot be written.
    """
    path = Path(path)
    state = {
        name: value.half() if half and value.ndim > 1 else value
        for name, value in network.state_dict().items()
        if value.is_floating_point()
    }
    metadata = {
        **(notes or {}),
        "format": network.name,
        "layout": OUR_LAYOUT,
        "options": json.dumps(network.options),
    }
    write(state, path, metadata=metadata, overwrite=overwrite)
    return path


def _label(source: Source) -> str:
    return "the state dict" if isinstance(source, Mapping) else str(Path(source))


def _accepted(name: str | None) -> str:
    networks = dict.fromkeys(known.network for known in FORMATS if name in (None, known.network))
    formats = [
        f"{_TITLES[network]} generators in the formats "
        + ", ".join(known.layout for known in FORMATS if known.network == network)
        for network in networks
    ]
    ours = _TITLES[name] if name else "any network"
    return f"accepted are {'; '.join([*formats, f'{ours} as trained here'])} (.pth or .safetensors)"


def _recognise(source: Source, label: str, name: str | None) -> _Recognised:
    """The format of a checkpoint, which must be of network `name` unless that is None."""
    if isinstance(source, Mapping):
        checkpoint: Mapping[str, Any] = source
        metadata: dict[str, str] = {}
    else:
        checkpoint, metadata = read(Path(source), _accepted(name))
    if metadata.get("layout") == OUR_LAYOUT:
        known = _our_format(metadata, label)
        entries = dict(checkpoint)
    else:
        entries = generator_entries(checkpoint)
        known = max(FORMATS, key=lambda candidate: len(candidate.key_map.keys() & entries.keys()))
        if not known.key_map.keys() & entries.keys():
            what = f"no {_TITLES[name]} generator" if name else "no generator that is known here"
            raise CheckpointError(f"{label}: {what}, it holds {some(entries)}; {_accepted(name)}")
    if name is not None and known.network != name:
        asked = f" (--inpainter {known.network})" if known.network in NETWORKS else ""
        raise CheckpointError(
            f"{label}: no {_TITLES[name]} generator, it holds {_TITLES[known.network]}{asked}; "
            f"{_accepted(name)}"
        )
    return _Recognised(known, entries, metadata)


def _our_format(metadata: Mapping[str, str], label: str) -> Format:
    """The format of a file that `save_network` wrote; its names are those of the network that it notes."""
    name = metadata.get("format", "")
    try:
        options: dict[str, Option] = json.loads(metadata.get("options", "{}"))
        if name not in _EVERY_NETWORK or not isinstance(options, dict):
            raise ValueError(f"expected a network of {', '.join(_EVERY_NETWORK)}, got {name!r}")
        _check_options(options)
        return Format(name, OUR_LAYOUT, {}, options)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{label}: its metadata name no network that is known here: {error}") from error


def _check_options(options: Mapping[str, object]) -> None:
    """Raise ValueError unless the options of a network are plain values."""
    for name, value in options.items():
        if name == "generator" or not isinstance(value, str | bool | int | float | None):
            raise ValueError(f"expected plain options, got {name!r} as {type(value).__name__}")


def _build(known: Format, label: str) -> NamedNetwork:
    try:
        return _EVERY_NETWORK[known.network](**known.options)
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError, RuntimeError) as error:
        raise CheckpointError(f"{label}: its metadata build no {known.network}: {error}") from error


def _weights(found: _Recognised, network: NamedNetwork, label: str, name: str | None) -> dict[str, Tensor]:
    """The checked entries as float32 under our names, ready to load."""
    known = found.format
    state = network.state_dict()
    key_map = known.key_map or {key: key for key, value in state.items() if value.is_floating_point()}
    shapes = {published: tuple(state[ours].shape) for published, ours in key_map.items()}
    if not any(entry.rpartition(".")[2] in _STATISTICS for entry in found.entries):
        # A file of parameters alone: the running statistics stay as they are at first, 0 and 1.
        shapes = {
            entry: shape for entry, shape in shapes.items() if entry.rpartition(".")[2] not in _STATISTICS
        }
    title = known.layout if known.network == "deepfillv2" else known.title
    check_entries(found.entries, shapes, label, title, _accepted(name))
    return state | {key_map[entry]: tensor.float() for entry, tensor in found.entries.items()}
