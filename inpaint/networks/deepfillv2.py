"""The two-stage network of DeepFillv2 (Yu et al. 2019, arXiv 1806.03589), in any of its published layouts."""

from typing import ClassVar

import torch
from torch import nn

from inpaint.networks.fill_network import check_width
from inpaint.networks.layouts import LAYOUTS, NIPPONJO_PT, Layout
from inpaint.networks.two_stage import TwoStageNetwork


class DeepFillV2(TwoStageNetwork):
    """`coarse, refined = network(images, masks)`, gated convolutions throughout.

    layout: one of the published ones, or its name.
    width: multiplies the channels of every layer.
    sees_hole: show it what lies under the hole.
    max_scores_mb: bound on the attention's score matrices, in MiB (None: 96 on a CPU, 1024 on a GPU).
    Fresh weights are drawn from `generator` (None: one seeded with 0), as the published training does.

    Raises ValueError for an unknown layout or a width outside (0, 4].
    """

    name: ClassVar[str] = "deepfillv2"
    title: ClassVar[str] = "DeepFillv2"

    def __init__(
        self,
        layout: Layout | str = NIPPONJO_PT,
        *,
        width: float = 1.0,
        sees_hole: bool = False,
        max_scores_mb: float | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        check_width(width)
        if isinstance(layout, str):
            if layout not in LAYOUTS:
                raise ValueError(f"expected a layout of {', '.join(LAYOUTS)}, got {layout!r}")
            layout = LAYOUTS[layout]
        super().__init__(
            layout.branches(width),
            padding=layout.padding,
            refiner_inputs=layout.refiner_inputs,
            attention=layout.attention,
            squash="tanh",
            sees_hole=sees_hole,
            max_scores_mb=max_scores_mb,
        )
        self.layout = layout
        self.options = {"layout": layout.name, "width": width, "sees_hole": sees_hole}
        self._draw_weights(generator or torch.Generator().manual_seed(0))

    def _draw_weights(self, generator: torch.Generator) -> None:
        for name, parameter in self.named_parameters():
            if name.endswith("weight"):
                nn.init.kaiming_uniform_(parameter, nonlinearity="relu", mode="fan_out", generator=generator)
