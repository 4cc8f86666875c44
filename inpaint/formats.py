"""The formats of weights that are published, and the networks that they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from inpaint.networks import deepfillv1, glcic
from inpaint.networks.autoencoder import Autoencoder
from inpaint.networks.context_encoder import ContextEncoder
from inpaint.networks.deepfillv1 import DeepFillV1
from inpaint.networks.deepfillv2 import DeepFillV2
from inpaint.networks.edge_prediction import EdgePredictor
from inpaint.networks.fill_network import FillNetwork, NamedNetwork, Option
from inpaint.networks.glcic import GLCIC
from inpaint.networks.layouts import LAYOUTS
from inpaint.networks.mask_prediction import MaskPredictor
from inpaint.networks.reconstruction import Reconstructor

NETWORKS: dict[str, type[FillNetwork]] = {
    network.name: network for network in (Autoencoder, ContextEncoder, GLCIC, DeepFillV1, DeepFillV2)
}
"""Those that `--inpainter` takes."""
BLIND_NETWORKS: dict[str, type[NamedNetwork]] = {
    network.name: network for network in (MaskPredictor, EdgePredictor, Reconstructor)
}
"""Those that repair a photo without a mask, each with arguments of its own; by no name in both."""


@dataclass(frozen=True)
class Format:
    """One published format.

    network: the name of the network.
    layout: what distinguishes it from others of that network.
    key_map: published name -> ours, of every parameter and running statistic.
    options: what the network's class is given.
    """

    network: str
    layout: str
    key_map: Mapping[str, str]
    options: Mapping[str, Option]

    @property
    def title(self) -> str:
        return f"{self.network}, layout {self.layout}"


FORMATS = (
    *(
        Format(DeepFillV2.name, layout.name, layout.key_map(), {"layout": layout.name})
        for layout in LAYOUTS.values()
    ),
    Format(DeepFillV1.name, "mmagic", deepfillv1.KEY_MAP, {}),
    Format(GLCIC.name, "mmagic", glcic.KEY_MAP, {}),
)


def build_network(
    name: str, options: Mapping[str, Any] | None = None, *, generator: torch.Generator | None = None
) -> FillNetwork:
    """A network by name with fresh weights, on the CPU, in training mode.

    options: keyword arguments of its class, such as width.

    Raises ValueError for an unknown name, and TypeError or ValueError for options that the class refuses.
    """
    if name not in NETWORKS:
        raise ValueError(f"expected a network of {', '.join(NETWORKS)}, got {name!r}")
    return NETWORKS[name](**(options or {}), generator=generator)


def build_blind_network(
    name: str, options: Mapping[str, Any] | None = None, *, generator: torch.Generator | None = None
) -> NamedNetwork:
    """The same for the blind networks."""
    if name not in BLIND_NETWORKS:
        raise ValueError(f"expected a network of {', '.join(BLIND_NETWORKS)}, got {name!r}")
    return BLIND_NETWORKS[name](**(options or {}), generator=generator)
