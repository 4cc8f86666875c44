"""The shadow network as an ONNX graph that OpenCV runs without torch, its weights float16 in the file.

    python -m tools.shadow_network.to_onnx --weights RUN/shadow.pt --out shadow.onnx

It holds `Joined`: one window goes in, its probabilities come out.
"""

from __future__ import annotations

import argparse
import warnings
from io import BytesIO
from pathlib import Path

import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from tools.finder.to_onnx import OPSET, in_float16, weights_of
from tools.shadow_network.network import PLANES, ShadowNetwork
from tools.shadow_network.window import HEIGHT_PX, WIDTH_PX


class Joined(nn.Module):
    """windows float32 (N, 5, H, W): photo and planes -> the network's probabilities (N, 1, H/2, W/2)."""

    def __init__(self, network: ShadowNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, windows: Tensor) -> Tensor:
        return torch.sigmoid(self.network(windows[:, :3], windows[:, 3:]))


def to_onnx(network: ShadowNetwork, metadata: dict[str, str]) -> onnx.ModelProto:
    """The fused network in evaluation mode as a graph for one window."""
    joined, written = Joined(network).eval(), BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this exporter is the old one; the new one wants more packages
        torch.onnx.export(
            joined,
            (torch.zeros(1, 3 + PLANES, HEIGHT_PX, WIDTH_PX),),
            written,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=["windows"],
            output_names=["shadow"],
        )
    model = in_float16(onnx.load_from_string(written.getvalue()), set(joined.state_dict()))
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


def load_network(path: Path) -> ShadowNetwork:
    """The fused network in evaluation mode, of a training's shadow.pt or of an ONNX file of this module."""
    if path.suffix == ".onnx":
        fused = ShadowNetwork(fused=True)
        state = {name.removeprefix("network."): value for name, value in weights_of(onnx.load(path)).items()}
        fused.load_state_dict(state)
    else:
        network = ShadowNetwork()
        network.load_state_dict(torch.load(path, weights_only=True)["network"])
        fused = network.eval().fused_copy()
    return fused.eval().requires_grad_(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--note", action="append", default=[], metavar="NAME=TEXT")
    options = parser.parse_args()
    notes = {"licence": "MIT"} | dict(entry.split("=", 1) for entry in options.note)
    onnx.save(to_onnx(load_network(options.weights), notes), options.out)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
