"""The weights as they ship, out of a training's checkpoint.

python -m tools.finder.export --checkpoint RUN/state.pt --out FILE
"""

from __future__ import annotations

from pathlib import Path

import click
import torch
from safetensors.torch import save_file

from tools.finder.network import PersonFinder

LICENCE = "MIT; the trunk goes on from EfficientNet-Lite0's weights: Apache-2.0"


def save_weights(network: PersonFinder, path: Path, metadata: dict[str, str] | None = None) -> None:
    """Writes what ships: batch normalisation folded in, float16, safetensors; how it was made is in the
    metadata."""
    state = {
        name: value.half().contiguous() for name, value in network.eval().fused_copy().state_dict().items()
    }
    said = {"architecture": "tools.finder.network.PersonFinder(fused=True)", "licence": LICENCE}
    save_file(state, path, said | (metadata or {}))


def averaged_network(checkpoint: Path) -> tuple[PersonFinder, int]:
    """The averaged network of a checkpoint, and its step."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = PersonFinder()
    network.load_state_dict(state["average"])
    return network.eval(), int(state["step"])


@click.command()
@click.option("--checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--say", multiple=True, metavar="NAME=TEXT", help="Goes into the metadata.")
def main(checkpoint: Path, out: Path, say: tuple[str, ...]) -> None:
    """Write the averaged weights of a checkpoint in the form that ships."""
    network, step = averaged_network(checkpoint)
    metadata = dict(entry.split("=", 1) for entry in say)
    save_weights(network, out, {"steps": str(step)} | metadata)
    click.echo(f"{out}: step {step}")


if __name__ == "__main__":
    main()
