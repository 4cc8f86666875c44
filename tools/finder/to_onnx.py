"""The weights as they ship: the network as an ONNX graph that OpenCV runs, so that finding people needs no
torch.

    python -m tools.finder.to_onnx --weights RUN/person_finder.safetensors --out segment/person_finder.onnx

The weights stay float16 in the file; a cast behind each of them makes them float32 when the file is read.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

import click
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors import SafetensorError, safe_open

from tools.finder.export import LICENCE
from tools.finder.network import STRIDE, PersonFinder

OPSET = 13
NAMES_OF_OUTPUTS = ("person", "instances")
HALF = "_float16"


def load_network(weights: Path) -> PersonFinder:
    """The network of a safetensors file (`export.save_weights`) or of an ONNX file of this module, in
    float32, with the normalisation folded in.

    Raises ValueError where the file does not hold exactly this network's weights.
    """
    network = PersonFinder(fused=True)
    try:
        if weights.suffix == ".onnx":
            state = weights_of(onnx.load(weights))
        else:
            with safe_open(weights, framework="pt") as file:
                state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        unread = network.load_state_dict(state, strict=False)
        unread = [
            name for name in (*unread.missing_keys, *unread.unexpected_keys) if "coarse_head" not in name
        ]
        if unread:
            raise ValueError(f"missing or not expected: {', '.join(unread)}")
    except (RuntimeError, SafetensorError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{weights} does not hold the person finder's weights: {reason}") from error
    return network.eval().requires_grad_(False)


def weights_of(model: onnx.ModelProto) -> dict[str, torch.Tensor]:
    """The weights by the names that they have in the network; the coarse head is not among them."""
    arrays = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    return {
        name.removesuffix(HALF): torch.from_numpy(array.astype(np.float32))
        for name, array in arrays.items()
        if name.endswith(HALF)
    }


def to_onnx(network: PersonFinder, metadata: dict[str, str]) -> onnx.ModelProto:
    """The fused network in evaluation mode as a graph for images of any size that the stride divides."""
    example, written = torch.zeros(1, 3, 2 * STRIDE, 3 * STRIDE), BytesIO()
    with torch.inference_mode():
        answers = network(example)
    outputs = NAMES_OF_OUTPUTS[: 1 if isinstance(answers, torch.Tensor) else len(answers)]
    free = {0: "count", 2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this exporter is the old one; the new one wants more packages
        torch.onnx.export(
            network,
            (example,),
            written,
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=list(outputs),
            dynamic_axes=dict.fromkeys(("images", *outputs), free),
        )
    model = in_float16(onnx.load_from_string(written.getvalue()), set(network.state_dict()))
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


def in_float16(model: onnx.ModelProto, names: set[str]) -> onnx.ModelProto:
    """The same graph with the weights of these names in float16, each followed by a cast to float32."""
    graph, stored, casts = model.graph, [], []
    for tensor in graph.initializer:
        if tensor.name not in names:
            stored.append(tensor)
            continue
        half = tensor.name + HALF
        stored.append(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [tensor.name], name=half, to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(stored)
    graph.node.extend(nodes)
    return model


@click.command()
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--note", multiple=True, metavar="NAME=TEXT", help="Goes into the file, beside the licence.")
def main(weights: Path, out: Path, note: tuple[str, ...]) -> None:
    """Write a network's weights in the form that ships."""
    notes = {"licence": LICENCE} | dict(entry.split("=", 1) for entry in note)
    if weights.suffix != ".onnx":
        with safe_open(weights, framework="pt") as file:
            notes = (file.metadata() or {}) | notes
    model = to_onnx(load_network(weights), notes)
    onnx.save(model, out)
    click.echo(
        f"{out}: {out.stat().st_size:,} bytes, outputs {', '.join(o.name for o in model.graph.output)}"
    )


if __name__ == "__main__":
    main()
