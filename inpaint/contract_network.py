"""The adapter between a network with a `Contract` and the windows that all networks are run in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from _removal_support.errors import one_line
from inpaint.contract import Contract, ContractError
from inpaint.network_output import is_out_of_memory
from inpaint.networks.batches import check_batches, continue_by_reflection
from inpaint.networks.fill_network import FillNetwork, Option

if TYPE_CHECKING:
    from inpaint.inpainter import InpainterOptions
    from inpaint.network_inpainter import NetworkInpainter


class ContractNetwork(FillNetwork):
    """Somebody else's network behind the contract of `FillNetwork`.

    body: called with image and mask, or with both joined, as `contract` says. name: what it was loaded as.
    """

    def __init__(self, body: nn.Module, contract: Contract, name: str) -> None:
        super().__init__()
        self.body, self.contract = body, contract
        self.name = self.title = name  # type: ignore[misc]
        self.size_px = contract.size_px or None
        self.options: dict[str, Option] = {}

    def forward(self, images: Tensor, masks: Tensor) -> tuple[Tensor]:
        """(filled,), as the base class says; each image by itself, as such networks were traced for one."""
        check_batches(images, masks)
        pairs = zip(images.split(1), masks.split(1), strict=True)
        return (torch.cat([self._fill_one(image, mask) for image, mask in pairs]).contiguous(),)

    def _fill_one(self, image: Tensor, mask: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        contract = self.contract
        least = contract.size_px or contract.multiple
        image, mask = (
            continue_by_reflection(batch, grid_px=contract.multiple, least_px=least)
            for batch in (image, mask)
        )
        hole = (mask > 0).float()
        given = _scaled(image, (-1.0, 1.0), contract.image_range)
        if contract.masked:
            given = given * (1 - hole)
        keep, inside = contract.mask_values
        try:
            output = self._run(given, keep + (inside - keep) * hole)
        except Exception as error:  # whatever a foreign program raises
            if is_out_of_memory(error):
                raise
            raise ContractError(
                f"{self.name}: the file does not take what its contract says, or is another model's: "
                f"{one_line(str(error))[-200:]}",
                option="weights",
            ) from error
        if not isinstance(output, Tensor) or output.shape != image.shape:
            shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ContractError(f"{self.name}: expected an output of {tuple(image.shape)}, got {shape}")
        return _scaled(output.float(), contract.output_range, (-1.0, 1.0))[:, :, :height, :width]

    def _run(self, image: Tensor, mask: Tensor) -> Tensor:
        if self.contract.inputs == "image, mask":
            return self.body(image, mask)  # type: ignore[no-any-return]
        joined = (image, mask) if self.contract.inputs == "image+mask" else (mask, image)
        return self.body(torch.cat(joined, dim=1))  # type: ignore[no-any-return]


def _scaled(values: Tensor, old: tuple[float, float], new: tuple[float, float]) -> Tensor:
    return (values - old[0]) * ((new[1] - new[0]) / (old[1] - old[0])) + new[0]


def in_windows(network: FillNetwork, source: str, options: InpainterOptions) -> NetworkInpainter:
    """The network as `load_inpainter` gives it: in float32, and on the processor in place of Apple's MPS.

    These were made for float32: half precision overflows in some, and cuFFT does it for powers of two alone.
    """
    from _removal_support.device import resolve_device
    from inpaint.network_inpainter import NetworkInpainter, settings_of

    device = resolve_device(options.device)
    if device.startswith("mps"):
        options.tell(f"{network.title}: it runs on the processor, as it asks for more than mps can do")
        device = "cpu"
    return NetworkInpainter(
        network,
        source=source,
        device=device,
        precision="float32",
        seed=options.seed,
        settings=settings_of(options),
        say=options.say,
    )
