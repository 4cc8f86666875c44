"""The two-stage network of DeepFillv1 (Yu et al. 2018, arXiv 1801.07892), as mmagic published it.

Source of the facts: github.com/open-mmlab/mmagic, deepfillv1. It differs from the authors' own in its padding
(reflection) and in the channels of the decoders.
"""

from typing import ClassVar

import torch
from torch import nn

from inpaint.networks.fill_network import check_width
from inpaint.networks.gated_conv import ConvSpec
from inpaint.networks.layouts import (
    MMAGIC_ATTENTION,
    MMAGIC_NAMES,
    at_width,
    decoder,
    dilated,
    encoder,
    layer_keys,
)
from inpaint.networks.two_stage import TwoStageNetwork

BRANCHES = {
    "coarse": encoder(32, 64, 64, 128, 128, 128, gated=False)
    + dilated(128, gated=False)
    + decoder(128, 128, 64, 64, 32, 16, gated=False),
    "hallucination": encoder(32, 32, 64, 64, 128, 128, gated=False) + dilated(128, gated=False),
    "matching": encoder(32, 32, 64, 128, 128, 128, gated=False),
    "attended": (ConvSpec(128, gated=False), ConvSpec(128, gated=False)),
    "decoder": decoder(128, 128, 64, 64, 32, 16, gated=False),
}
KEY_MAP = layer_keys(MMAGIC_NAMES, ".conv")
"""Published parameter name -> ours."""


class DeepFillV1(TwoStageNetwork):
    """`coarse, refined = network(images, masks)`, plain convolutions with ELU.

    attention: False leaves out the branch with contextual attention (the paper's baseline, its "GLCIC
        variant").
    width: multiplies the channels of every layer.
    sees_hole: show it what lies under the hole.
    max_scores_mb: bound on the attention's score matrices, in MiB (None: 96 on a CPU, 1024 on a GPU).
    Fresh weights are drawn from `generator` (None: one seeded with 0).

    Raises ValueError for a width outside (0, 4].
    """

    name: ClassVar[str] = "deepfillv1"
    title: ClassVar[str] = "DeepFillv1"

    def __init__(
        self,
        *,
        attention: bool = True,
        width: float = 1.0,
        sees_hole: bool = False,
        max_scores_mb: float | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        check_width(width)
        super().__init__(
            {name: at_width(specs, width) for name, specs in BRANCHES.items()},
            padding="reflect",
            refiner_inputs=5,
            attention=MMAGIC_ATTENTION if attention else None,
            squash="clamp",
            sees_hole=sees_hole,
            max_scores_mb=max_scores_mb,
        )
        self.options = {"attention": attention, "width": width, "sees_hole": sees_hole}
        self._draw_weights(generator or torch.Generator().manual_seed(0))

    def _draw_weights(self, generator: torch.Generator) -> None:
        # Glorot & Bengio 2010, TensorFlow's default, which the authors train from: with larger first weights
        # most of the answer is clipped, and clipped pixels teach nothing.
        for name, parameter in self.named_parameters():
            if name.endswith("weight"):
                nn.init.xavier_uniform_(parameter, generator=generator)
