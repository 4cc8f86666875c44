"""Networks that come as TorchScript: published ones, and a user's own with its contract beside it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from inpaint.contract import Contract, ContractError
from inpaint.contract_network import ContractNetwork, in_windows
from inpaint.inpainter import InpainterOptions
from inpaint.record import InpainterRecord, weights_path

if TYPE_CHECKING:
    from inpaint.network_inpainter import NetworkInpainter


def load_script(path: Path, contract: Contract, name: str) -> ContractNetwork:
    """The network in a TorchScript file, on the CPU, for inference.

    Raises:
        ContractError: the file is no TorchScript.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # these files are published as TorchScript
            script = torch.jit.load(str(path), map_location="cpu").eval()
    except (RuntimeError, ValueError, EOFError) as error:
        raise ContractError(
            f"{path}: expected a TorchScript file (torch.jit.save), got another kind or a damaged one",
            option="weights",
        ) from error
    return ContractNetwork(script, contract, name).eval()


def build(known: InpainterRecord, options: InpainterOptions) -> NetworkInpainter:
    """The inpainter as `load_inpainter` gives it; where its record has no contract, that beside the file.

    Raises:
        WeightsError, FileNotFoundError: the file cannot be had.
        ContractError: it is no such script, or no contract stands beside it.
    """
    path = weights_path(known, options.weights)
    contract = known.contract or Contract.beside(path)
    return in_windows(load_script(path, contract, known.name), path.name, options)
