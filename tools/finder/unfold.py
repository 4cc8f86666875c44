"""Weights to go on training from, out of those that ship: the batch normalisation, which was folded into the
convolutions, is put back in front of them, with the statistics that it would have had.

    python -m tools.finder.unfold --data DIR --out start.pt
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor, nn

from segment.builtin import WEIGHTS
from tools.finder.lite_trunk import SameConv
from tools.finder.network import ConvNorm, PersonFinder, to_tensor
from tools.finder.photos import load_coco
from tools.finder.to_onnx import load_network


@torch.no_grad()
def unfold(fused: PersonFinder, images: Tensor) -> PersonFinder:
    """The same function with batch normalisations whose statistics are those of `images`, float32
    (N, 3, H, W)."""
    network = PersonFinder()
    state = {k: v for k, v in fused.state_dict().items() if ".conv.bias" not in k}
    statistics: dict[str, tuple[Tensor, Tensor]] = {}

    def note(name: str, output: Tensor) -> None:
        statistics[name] = (output.mean((0, 2, 3)), output.var((0, 2, 3)))

    hooks = [
        module.register_forward_hook(lambda _m, _i, output, name=name: note(name, output))
        for name, module in fused.named_modules()
        if isinstance(module, ConvNorm | SameConv)
    ]
    fused(images)
    for hook in hooks:
        hook.remove()
    for name, module in network.named_modules():
        if isinstance(module, ConvNorm | SameConv) and isinstance(module.norm, nn.BatchNorm2d):
            mean, variance = statistics[name]
            conv_bias = fused.get_submodule(name).conv.bias
            state[f"{name}.norm.weight"] = (variance + module.norm.eps).sqrt()
            state[f"{name}.norm.bias"] = mean
            state[f"{name}.norm.running_mean"] = mean - conv_bias
            state[f"{name}.norm.running_var"] = variance
            state[f"{name}.norm.num_batches_tracked"] = torch.tensor(1)
    network.load_state_dict(state)
    return network


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=WEIGHTS)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(data: Path, weights: Path, out: Path) -> None:
    """Write weights to train on from, as `training --start` reads them."""
    photos = [p.image[:224, :224] for p in load_coco(data / "coco", "train")[0]]
    photos = [p for p in photos if p.shape[:2] == (224, 224)][:96]
    network = unfold(load_network(weights), to_tensor(torch.from_numpy(np.stack(photos))))
    torch.save(network.state_dict(), out)


if __name__ == "__main__":
    main()
