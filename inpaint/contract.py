"""What a network that somebody else made is given and returns: its contract, built in or in a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from _removal_support.errors import RemovalError

Inputs = Literal["image, mask", "image+mask", "mask+image"]


class ContractError(RemovalError, ValueError):
    """A network's file that is of another kind, or does not keep its contract, or has none."""


@dataclass(frozen=True)
class Contract:
    """What a network is given and returns; RGB, float32, N x channels x H x W.

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
            raise ContractError(
                f"expected inputs of 'image, mask', 'image+mask' or 'mask+image', got {self.inputs!r}"
            )
        for name in ("image_range", "output_range", "mask_values"):
            pair = getattr(self, name)
            if not (isinstance(pair, tuple) and len(pair) == 2 and all(map(_is_number, pair))):
                raise ContractError(f"expected {name} as two numbers, got {pair!r}")
            if pair[0] == pair[1]:
                raise ContractError(f"expected two different numbers as {name}, got {pair!r}")
        if not isinstance(self.masked, bool):
            raise ContractError(f"expected masked as true or false, got {self.masked!r}")
        for name, least, most in (("multiple", 1, 4096), ("size_px", 0, 4096)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise ContractError(f"expected {name} from {least} to {most}, got {value!r}")
        if self.size_px % self.multiple:
            raise ContractError(
                f"expected a size_px that is a multiple of {self.multiple}, got {self.size_px}"
            )

    @staticmethod
    def beside(weights: Path) -> Contract:
        """The contract in the TOML file that has the weights' name but for its suffix.

        Raises:
            ContractError: there is no such file, or it does not say all of a contract and nothing else.
        """
        path = weights.with_suffix(".toml")
        known = [field.name for field in fields(Contract)]
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ContractError(
                f"expected the contract of {weights.name} in {path}, a TOML file with {', '.join(known)}; "
                "there is no such file"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ContractError(f"{path}: expected TOML: {error}") from error
        if unknown := [name for name in found if name not in known]:
            raise ContractError(f"{path}: expected {', '.join(known)}, got {', '.join(unknown)}")
        if missing := [name for name in known if name not in found]:
            raise ContractError(f"{path}: missing {', '.join(missing)}")
        try:
            values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}
            return Contract(**values)
        except ContractError as error:
            raise ContractError(f"{path}: {error}") from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
