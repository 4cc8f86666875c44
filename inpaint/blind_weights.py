"""The networks that repair a photo without a mask: those that ship with the package, or files instead."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError, safe_open

from _removal_support.pretrained import WeightsError
from inpaint.checkpoints import load_blind_network
from inpaint.formats import BLIND_NETWORKS
from inpaint.networks.fill_network import NamedNetwork

FOLDER = Path(__file__).with_name("weights")
"""How they were made: docs/blind.md."""
BlindFiles = Sequence[str | os.PathLike[str]]
Kind = TypeVar("Kind", bound=NamedNetwork)


def packaged(name: str) -> Path:
    """Where the package keeps the weights of a blind network; the file may be missing."""
    return FOLDER / f"blind-{name}.safetensors"


def load_blind(kind: type[Kind], files: BlindFiles = ()) -> tuple[Kind, Path]:
    """A network of `inpaint.formats.BLIND_NETWORKS` on the CPU, for inference, and the file it is from.

    files: saved by `inpaint.checkpoints.save_network`; the one that holds this kind is taken, else the
        package's own.

    Raises as `given_files`, WeightsError where the package has none, CheckpointError for a file that is
    damaged.
    """
    path = given_files(files).get(kind.name, packaged(kind.name))
    if not path.is_file():
        raise WeightsError(
            f"expected weights for {kind.name}, got no file {path}, as the package ships none; "
            "name a file of weights that you trained",
            option="blind_weights",
        )
    return load_blind_network(path, kind), path


def given_files(files: BlindFiles) -> dict[str, Path]:
    """Which network each file holds, by its metadata: name -> file.

    Raises FileNotFoundError for one that is not there, ValueError for one that holds no blind network and
    where two hold the same.
    """
    found: dict[str, Path] = {}
    for path in map(Path, files):
        name = _network_in(path)
        if name in found:
            raise ValueError(f"expected one file for {name}, got {found[name]} and {path}")
        found[name] = path
    return found


def _network_in(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            name = (file.metadata() or {}).get("format", "")
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: no file of weights as save_network writes them: {error}") from error
    if name not in BLIND_NETWORKS:
        held = f"it holds {name!r}" if name else "its metadata name no network"
        raise ValueError(f"{path}: expected weights of {', '.join(BLIND_NETWORKS)}; {held}")
    result: str = name
    return result
