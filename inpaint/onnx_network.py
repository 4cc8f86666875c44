"""`onnx`: a network of a user's own in an ONNX file, with its contract beside it.

Run by onnxruntime where that is installed (the extra `onnx`), which knows nearly every operator and CUDA;
else by OpenCV's DNN, which is there already and runs plain convolutional networks.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from _removal_support.device import resolve_device
from _removal_support.errors import one_line
from inpaint.contract import Contract, ContractError
from inpaint.contract_network import ContractNetwork, in_windows
from inpaint.inpainter import InpainterOptions
from inpaint.record import InpainterRecord, weights_path

if TYPE_CHECKING:
    from inpaint.network_inpainter import NetworkInpainter

RUNTIME = "onnxruntime"


class Session(Protocol):
    """float32 (1, C, H, W) arrays in, in the order of the network's inputs; its first output out."""

    def __call__(self, *arrays: np.ndarray) -> np.ndarray: ...


class OnnxBody(nn.Module):
    """A session as a module of torch: tensors of any device in, a tensor of that device out."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def forward(self, *given: Tensor) -> Tensor:
        arrays = [np.ascontiguousarray(tensor.detach().cpu().numpy()) for tensor in given]
        return torch.from_numpy(np.array(self.session(*arrays))).to(given[0].device)


def runtime_session(path: Path, inputs: int, device: str) -> Session:
    """A session of onnxruntime; on CUDA where both torch and this build of it have that."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3  # errors alone: its warnings name no photo
    settings.intra_op_num_threads = torch.get_num_threads()
    usable = onnxruntime.get_available_providers()
    wanted = ["CUDAExecutionProvider"] if device.startswith("cuda") else []
    providers = [name for name in (*wanted, "CPUExecutionProvider") if name in usable]
    session = onnxruntime.InferenceSession(str(path), settings, providers=providers)
    names = [entry.name for entry in session.get_inputs()]
    check_inputs(path, names, inputs)
    output = session.get_outputs()[0].name

    def run(*arrays: np.ndarray) -> np.ndarray:
        result: np.ndarray = session.run([output], dict(zip(names, arrays, strict=True)))[0]
        return result

    return run


def opencv_session(path: Path, inputs: int) -> Session:
    """A session of OpenCV's DNN, on the processor. It does not tell the names of inputs, so that where there
    are two they must be called "image" and "mask"."""
    import cv2

    network = cv2.dnn.readNetFromONNX(str(path))
    names = [""] if inputs == 1 else ["image", "mask"]

    def run(*arrays: np.ndarray) -> np.ndarray:
        for name, array in zip(names, arrays, strict=True):
            network.setInput(array, name)
        result: np.ndarray = network.forward()
        return result

    return run


def check_inputs(path: Path, names: list[str], expected: int) -> None:
    """Raise ContractError unless the network has as many inputs as its contract says."""
    if len(names) != expected:
        raise ContractError(
            f"{path}: its contract says {expected} inputs, the file has {len(names)} ({', '.join(names)})",
            option="weights",
        )


def load_onnx(path: Path, contract: Contract, name: str, device: str = "cpu") -> ContractNetwork:
    """The network in an ONNX file.

    Raises:
        ContractError: the file is no ONNX, needs operators that are not there, or has other inputs than its
            contract says.
    """
    inputs = 2 if contract.inputs == "image, mask" else 1
    with_runtime = find_spec(RUNTIME) is not None
    try:
        session = runtime_session(path, inputs, device) if with_runtime else opencv_session(path, inputs)
    except ContractError:
        raise
    except Exception as error:  # neither library has a base class of its own for a bad file
        advice = "" if with_runtime else "; OpenCV's reader knows few operators: install removal[onnx]"
        raise ContractError(
            f"{path}: expected an ONNX file that {RUNTIME if with_runtime else 'OpenCV'} can run: "
            f"{one_line(str(error))[:200]}{advice}",
            option="weights",
        ) from error
    return ContractNetwork(OnnxBody(session), contract, name).eval()


def build(known: InpainterRecord, options: InpainterOptions) -> NetworkInpainter:
    """The inpainter as `load_inpainter` gives it.

    Raises:
        WeightsError, FileNotFoundError: the file cannot be had.
        ContractError: it is no such network, or no contract stands beside it.
    """
    path = weights_path(known, options.weights)
    contract = known.contract or Contract.beside(path)
    device = resolve_device(options.device)
    return in_windows(load_onnx(path, contract, known.name, device), path.name, options)
