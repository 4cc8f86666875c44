"""What every network has in common, and those that fill holes."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from _removal_support.limits import LARGEST_WIDTH
from inpaint.networks.batches import check_batches, continue_by_reflection

Option = str | int | float | bool | None


class NamedNetwork(nn.Module):
    """A network that a file can name and build again."""

    name: ClassVar[str]
    """What files and the command line call it."""
    title: ClassVar[str]
    """What sentences call it."""
    options: dict[str, Option]
    """What its class must be given, besides a generator, to build it again."""

    @property
    def summary(self) -> str:
        """Its variant in a few words, for reports; empty where nothing is unlike the paper's."""
        parts = [f"{name} {value}" for name, value in self.options.items() if not _usual(name, value)]
        return ", ".join(parts)


def _usual(name: str, value: Option) -> bool:
    return value is None or value == (name != "sees_hole")


class FillNetwork(NamedNetwork):
    """`stages = network(images, masks)`: the fill, last, and what was drawn on the way to it."""

    size_px: int | None = None
    """The one size that it works at, height and width; None = any."""
    native_px: int | None = None
    """The size of the longer side that windows are scaled to, up or down; None = they are only shrunk."""
    own_precision: Literal["float32", "bfloat16", "float16"] | None = None
    """What it computes in whatever is asked for, by itself and without autocast; None = what is asked for."""
    sees_hole: bool = False
    """Whether it is shown what lies under the hole, such as a mosaic; an option of every network."""

    @abstractmethod
    def forward(self, images: Tensor, masks: Tensor) -> tuple[Tensor, ...]:
        """The stages, each float32 (N, 3, H, W) in [-1, 1], the finished one last.

        images: float32 (N, 3, H, W) in [-1, 1]; what lies under the hole is seen by `sees_hole` alone.
        masks: float32 (N, 1, H, W), 1 = hole, 0 = keep, each image its own. Any H and W.

        Raises TypeError or ValueError for another dtype or shape.
        """

    def fill(self, images: Tensor, masks: Tensor, *, avoid: Tensor | None = None) -> Tensor:
        """The finished stage; only its pixels inside the hole are promised.

        avoid: float32 (N, 1, H, W), 1 = nothing is copied from here either, by a network that copies.
        """
        del avoid
        result: Tensor = self(images, masks)[-1]
        return result

    def shown(self, images: Tensor, masks: Tensor) -> Tensor:
        """What the network may look at: the images, 0 in the hole unless it sees that."""
        return images if self.sees_hole else images.masked_fill(masks > 0, 0)


class OneStageNetwork(FillNetwork):
    """A network that draws the fill in one go: a subclass supplies `draw`."""

    grid_px: ClassVar[int]
    """It takes sizes that are multiples of this."""

    def forward(self, images: Tensor, masks: Tensor) -> tuple[Tensor]:
        """(filled,), as the base class says; an odd size is continued by reflection and cut off again."""
        check_batches(images, masks)
        height, width = images.shape[-2:]
        padded, holes = (
            continue_by_reflection(batch, grid_px=self.grid_px, least_px=self.grid_px)
            for batch in (images, masks)
        )
        return (self.draw(padded, holes)[:, :, :height, :width].contiguous(),)

    @abstractmethod
    def draw(self, images: Tensor, masks: Tensor) -> Tensor:
        """The fill of checked batches whose size is a multiple of the grid, float32 (N, 3, H, W)."""


def scaled(channels: int, width: float) -> int:
    """The channels of a layer in a network of `width` times the published ones, at least 1."""
    return max(1, round(channels * width))


def check_width(width: float) -> None:
    """Raise ValueError unless the multiplier of the channels lies in (0, 4]."""
    if not 0 < width <= LARGEST_WIDTH:
        raise ValueError(f"expected a width above 0 and at most {LARGEST_WIDTH:g}, got {width}")


@contextmanager
def fresh_weights(generator: torch.Generator | None) -> Iterator[None]:
    """Layers built inside draw their first weights from `generator` (None: one seeded with 0).

    torch's own layers know no generator; the global one is put aside and comes back as it was.
    """
    generator = generator or torch.Generator().manual_seed(0)
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
