"""Networks that come as TorchScript: `lama`, `mi-gan`, and a user's own with its contract beside it.

LaMa: Suvorov et al. 2022 (arXiv 2109.07161). MI-GAN: Sargsyan et al. 2023 (ICCV). A contract says what the
script is given and what it returns, so that one adapter serves them all; `inpaint.network_inpainter` runs it
in windows as every other network.
"""

from __future__ import annotations

import tomllib
import warnings
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from _removal_support.errors import RemovalError
from inpaint.inpainter import InpainterOptions
from inpaint.networks.batches import check_batches, continue_by_reflection
from inpaint.networks.fill_network import FillNetwork, Option
from inpaint.record import InpainterRecord, weights_path

if TYPE_CHECKING:
    from inpaint.network_inpainter import NetworkInpainter

Inputs = Literal["image, mask", "image+mask", "mask+image"]


class ScriptError(RemovalError, ValueError):
    """A file that is no TorchScript, or does not keep its contract."""


@dataclass(frozen=True)
class Contract:
    """What a script is given and returns; RGB, float32, N x channels x H x W.

    inputs: "image, mask" = two arguments; "image+mask", "mask+image" = one, joined along the channels.
    image_range: the values of black and white in what it is given. output_range: in what it returns.
    mask_values: of pixels to keep, and of the hole.
    masked: whether the image is 0 in the hole.
    multiple: sides must be a multiple of this. size_px: the one size that it takes; 0 = any.
    """

    inputs: Inputs = "image, mask"
    image_range: tuple[float, float] = (0.0, 1.0)
    output_range: tuple[float, float] = (0.0, 1.0)
    mask_values: tuple[float, float] = (0.0, 1.0)
    masked: bool = True
    multiple: int = 8
    size_px: int = 0

    def __post_init__(self) -> None:
        if self.inputs not in ("image, mask", "image+mask", "mask+image"):
            raise ScriptError(
                f"expected inputs of 'image, mask', 'image+mask' or 'mask+image', got {self.inputs!r}"
            )
        for name in ("image_range", "output_range", "mask_values"):
            pair = getattr(self, name)
            if not (isinstance(pair, tuple) and len(pair) == 2 and all(map(_is_number, pair))):
                raise ScriptError(f"expected {name} as two numbers, got {pair!r}")
            if pair[0] == pair[1]:
                raise ScriptError(f"expected two different numbers as {name}, got {pair!r}")
        if not isinstance(self.masked, bool):
            raise ScriptError(f"expected masked as true or false, got {self.masked!r}")
        for name, least, most in (("multiple", 1, 4096), ("size_px", 0, 4096)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise ScriptError(f"expected {name} from {least} to {most}, got {value!r}")
        if self.size_px % self.multiple:
            raise ScriptError(f"expected a size_px that is a multiple of {self.multiple}, got {self.size_px}")

    @staticmethod
    def of_file(path: Path) -> Contract:
        """The contract in a TOML file.

        Raises:
            ScriptError: there is no such file, or it does not say all of a contract and nothing else.
        """
        known = [field.name for field in fields(Contract)]
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ScriptError(
                f"expected the contract of the script in {path}, a TOML file with {', '.join(known)}; "
                "there is no such file"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ScriptError(f"{path}: expected TOML: {error}") from error
        if unknown := [name for name in found if name not in known]:
            raise ScriptError(f"{path}: expected {', '.join(known)}, got {', '.join(unknown)}")
        if missing := [name for name in known if name not in found]:
            raise ScriptError(f"{path}: missing {', '.join(missing)}")
        try:
            values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}
            return Contract(**values)
        except ScriptError as error:
            raise ScriptError(f"{path}: {error}") from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


LAMA = Contract(masked=False)
MI_GAN = Contract(
    inputs="mask+image",
    image_range=(-1.0, 1.0),
    output_range=(-1.0, 1.0),
    mask_values=(0.5, -0.5),
    multiple=512,
    size_px=512,
)
CONTRACTS = {"lama": LAMA, "mi-gan": MI_GAN}


class ScriptedNetwork(FillNetwork):
    """A script behind the contract of `FillNetwork`. name: what it was loaded as."""

    def __init__(self, script: torch.jit.ScriptModule, contract: Contract, name: str) -> None:
        super().__init__()
        self.script, self.contract = script, contract
        self.name = self.title = name  # type: ignore[misc]
        self.size_px = contract.size_px or None
        self.options: dict[str, Option] = {}

    def forward(self, images: Tensor, masks: Tensor) -> tuple[Tensor]:
        """(filled,), as the base class says; each image by itself, as scripts were traced for one."""
        check_batches(images, masks)
        height, width = images.shape[-2:]
        contract = self.contract
        least = contract.size_px or contract.multiple
        filled = []
        for image, mask in zip(images.split(1), masks.split(1), strict=True):
            image, mask = (
                continue_by_reflection(batch, grid_px=contract.multiple, least_px=least)
                for batch in (image, mask)
            )
            hole = (mask > 0).float()
            given = _scaled(image, (-1.0, 1.0), contract.image_range)
            if contract.masked:
                given = given * (1 - hole)
            keep, inside = contract.mask_values
            marked = keep + (inside - keep) * hole
            output = self._run(given, marked)
            if not isinstance(output, Tensor) or output.shape != image.shape:
                shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
                raise ScriptError(f"{self.name}: expected an output of {tuple(image.shape)}, got {shape}")
            if not torch.isfinite(output).all():
                raise ScriptError(f"{self.name} gave NaN or infinity; the photo is left as it was")
            filled.append(_scaled(output.float(), contract.output_range, (-1.0, 1.0)).clamp(-1, 1))
        return (torch.cat(filled)[:, :, :height, :width].contiguous(),)

    def _run(self, image: Tensor, mask: Tensor) -> Tensor:
        if self.contract.inputs == "image, mask":
            return self.script(image, mask)  # type: ignore[no-any-return]
        joined = (image, mask) if self.contract.inputs == "image+mask" else (mask, image)
        return self.script(torch.cat(joined, dim=1))  # type: ignore[no-any-return]


def _scaled(values: Tensor, old: tuple[float, float], new: tuple[float, float]) -> Tensor:
    return (values - old[0]) * ((new[1] - new[0]) / (old[1] - old[0])) + new[0]


def load_script(path: Path, contract: Contract, name: str) -> ScriptedNetwork:
    """The network in a TorchScript file, on the CPU, for inference.

    Raises:
        ScriptError: the file is no TorchScript.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # these files are published as TorchScript
            script = torch.jit.load(str(path), map_location="cpu").eval()
    except (RuntimeError, ValueError, EOFError) as error:
        raise ScriptError(
            f"{path}: expected a TorchScript file (torch.jit.save), got another kind or a damaged one"
        ) from error
    return ScriptedNetwork(script, contract, name).eval()


def build(known: InpainterRecord, options: InpainterOptions) -> NetworkInpainter:
    """The inpainter as `load_inpainter` gives it; in float32, and on the processor in place of MPS.

    Raises:
        WeightsError, FileNotFoundError: the file cannot be had.
        ScriptError: it is no such script, or no contract stands beside it.
    """
    from inpaint.network_inpainter import NetworkInpainter, NetworkSettings

    path = weights_path(known, options.weights)
    contract = CONTRACTS.get(known.name) or Contract.of_file(path.with_suffix(".toml"))
    return NetworkInpainter(
        load_script(path, contract, known.name),
        source=path.name,
        device="cpu" if options.device == "mps" else options.device,
        precision="float32",
        seed=options.seed,
        settings=NetworkSettings(
            working_size_px=options.working_size_px,
            detail=options.detail,
            effort=options.effort,
            colour=options.colour,
            plain=options.plain,
        ),
    )
