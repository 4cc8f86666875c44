"""What every inpainter promises, and the checks that hold it to that.

Adding one: docs/adding-a-model.md. The names are in `inpaint.registry`, which imports what is here.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from _removal_support.errors import RemovalError
from _removal_support.progress import in_turn


class NothingLeftError(RemovalError, ValueError):
    """All of a photo is destroyed: there is nothing to fill it from."""


class Repaired(NamedTuple):
    """image: uint8 (H, W, 3), the photo repaired. edges: float32 (H, W) in [0, 1], the edges it was given, 0
    where no damage is near; None = it was given none."""

    image: np.ndarray
    edges: np.ndarray | None = None


class Inpainter(ABC):
    """An object that is called with a photo and a hole and returns the photo with the hole filled."""

    name: str
    """The name it is registered under."""
    description: str
    """One line saying what ran, settings and weights included; recorded in manifests."""
    parameters: int = 0
    """How many numbers in it were learned."""
    copies: bool = True
    """Whether it takes anything from elsewhere in the photo, so that `protect` makes a difference."""
    may_overlap: bool = False
    """Whether several threads may call it at once; not a network, which has the device to itself and settings
    that hold for the whole process."""

    def __call__(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None = None) -> np.ndarray:
        """Fill the hole; every pixel outside it comes back unchanged, bit for bit.

        Args:
            image: uint8 (H, W, 3), RGB. Never written to.
            mask: bool (H, W), True = fill this pixel. An empty mask gives a copy of `image`.
            protect: bool (H, W), True = never copy from this pixel; None = nothing protected. Where mask
                and protect together cover the whole photo there is nothing left to copy from, and
                `protect` is ignored.

        Returns:
            uint8 (H, W, 3), a new array.

        Raises:
            TypeError: an argument is not an array of the dtype above.
            ValueError: a shape is wrong, or the mask covers the whole image.
        """
        check_inputs(image, mask, protect)
        filled = image.copy(order="C")
        if mask.any():
            if protect is not None and (mask | protect).all():
                protect = None
            np.copyto(filled, self.fill(image, mask, protect), where=mask[..., None])
        return filled

    def warm_up(self, say: Callable[[str], None] | None = None) -> None:  # noqa: B027 (most need nothing)
        """Make ready, in a thread, what the first fill needs.

        Args:
            say: called at most once, perhaps from that thread, with a line for the user on what takes long;
                None = never.
        """

    @abstractmethod
    def fill(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None) -> np.ndarray:
        """Checked arguments in, uint8 (H, W, 3) out; only its pixels inside the mask are used."""

    def repair(self, image: np.ndarray, mask: np.ndarray, level: np.ndarray) -> Repaired:
        """Repair a photo; every pixel outside the mask comes back unchanged, bit for bit.

        Args:
            image: uint8 (H, W, 3) RGB, damaged. Never written to.
            mask: bool (H, W), True = may be changed. Empty: a copy of the image.
            level: float32 (H, W) in [0, 1], how much of each pixel is destroyed. Most inpainters fill the
                mask whatever it says; one that keeps what is left of a pixel overrides this.

        Raises:
            TypeError: an argument is not an array of the dtype above.
            NothingLeftError: the mask covers the whole photo, and this inpainter fills it all.
            ValueError: a shape is wrong.
        """
        check_damage(image, mask, level)
        if mask.all():
            raise NothingLeftError("all of the photo was found damaged: there is nothing to fill it from")
        return Repaired(self(image, mask))


class WindowInpainter(Inpainter):
    """An inpainter that sees one window around each group of near holes, so that cost follows the hole.

    A subclass supplies `fill_window`, or `fill_windows` where several windows go better together.
    """

    context: float = 1.0
    """Width of the surroundings that a window shows on each side, as a share of the hole's longer side."""
    least_side_px: int = 0
    """Least height and width of a window, in pixels, where the photo is that large."""
    even_seams: bool = True
    """Whether a colour step along the hole's edge is evened out (`inpaint.blending`)."""

    @abstractmethod
    def fill_window(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None) -> np.ndarray:
        """Fill one window.

        Args:
            image: uint8 (h, w, 3), RGB, contiguous; what lies in the hole is to be ignored.
            mask: bool (h, w), not empty and not full.
            protect: bool (h, w) or None; together with `mask` it never covers the whole window.

        Returns:
            uint8 (h, w, 3), a new array; only its pixels inside the mask are used.
        """

    def fill_windows(
        self,
        images: Sequence[np.ndarray],
        masks: Sequence[np.ndarray],
        protects: Sequence[np.ndarray | None],
    ) -> list[np.ndarray]:
        """Fill several windows, each as `fill_window` says; by default one after the other."""
        shown = list(zip(images, masks, protects, strict=True))
        return [self.fill_window(*window) for window in in_turn(shown, [mask.sum() for mask in masks])]

    def fill(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None) -> np.ndarray:
        from inpaint.windows import fill_by_windows

        return fill_by_windows(
            image,
            mask,
            protect,
            self.fill_windows,
            context=self.context,
            even=self.even_seams,
            least_side_px=self.least_side_px,
        )


Effort = Literal["fast", "normal", "best"]
EFFORT_NAMES: tuple[Effort, ...] = get_args(Effort)


def check_effort(effort: str) -> None:
    """Raise ValueError for anything but one of `EFFORT_NAMES`."""
    if effort not in EFFORT_NAMES:
        raise ValueError(f"expected an effort of {', '.join(EFFORT_NAMES)}, got {effort!r}")


@dataclass(frozen=True)
class InpainterOptions:
    """What a builder is given; each inpainter uses what concerns it.

    Attributes:
        device: "auto", "cpu", "cuda" or "mps".
        weights: a file of weights or the name of published ones; None = the default ones.
        seed: start of every random choice; the same seed gives the same pixels.
        effort: "fast", "normal" or "best": how long the exemplar fill may look for a good fill, by itself
            and where it brings detail back to a network's.
        precision: "auto", "float32", or another that the networks know ("bfloat16", "float16").
        working_size_px: longest side at which a network sees a window; larger ones are shrunk to it.
        detail: whether the photo's texture is brought back where a window was shrunk.
        colour: whether colour steps at the hole's edge are evened out after a network.
        compile: whether a network is compiled (torch.compile); see docs/deepfillv2.md on when.
        plain: whether a network is given the whole photo at its size, with nothing done before or after.
        blind_weights: files of networks that repair without a mask, in place of the package's own.
        prompt, negative_prompt: what a diffusion model is to draw, and what not; None = its own words.
        steps, guidance: how many steps it takes and how closely it follows the words; None = its own.
        say: told in one line what is done otherwise than asked, such as in smaller windows; None = a Python
            warning.
    """

    device: str = "auto"
    weights: str | Path | None = None
    seed: int = 0
    effort: Effort = "normal"
    precision: str = "auto"
    working_size_px: int = 512
    detail: bool = True
    colour: bool = True
    compile: bool = False
    plain: bool = False
    blind_weights: tuple[str | Path, ...] = ()
    prompt: str | None = None
    negative_prompt: str | None = None
    steps: int | None = None
    guidance: float | None = None
    say: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        check_effort(self.effort)

    def tell(self, text: str) -> None:
        """Have the user told, by `say` or by a warning."""
        told(self.say, text)


def told(say: Callable[[str], None] | None, text: str) -> None:
    """Say a line, or warn (RuntimeWarning) where nobody listens."""
    if say is not None:
        say(text)
    else:
        warnings.warn(text, RuntimeWarning, stacklevel=3)


def check_inputs(image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None = None) -> None:
    """Raise unless the arguments keep the contract that `Inpainter.__call__` states."""
    check_image(image)
    height, width = image.shape[:2]
    for name, array in [("mask", mask)] + ([] if protect is None else [("protect", protect)]):
        _check_array(name, array, np.dtype(bool))
        if array.shape != (height, width):
            raise ValueError(f"expected {name} of the image's size {(height, width)}, got {array.shape}")
    if mask.all():
        raise ValueError("expected a mask that leaves some of the image, got one that covers all of it")


def check_damage(image: np.ndarray, mask: np.ndarray, level: np.ndarray) -> None:
    """Raise unless the arguments keep the contract that `Inpainter.repair` states; a mask may cover all."""
    check_image(image)
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        raise TypeError(f"expected mask as a bool array, got {getattr(mask, 'dtype', type(mask))}")
    if mask.shape != image.shape[:2]:
        raise ValueError(f"expected mask of the image's size {image.shape[:2]}, got {mask.shape}")
    check_level(level, image.shape[:2])


def check_level(level: np.ndarray, size: tuple[int, ...] | None = None) -> None:
    """Raise TypeError or ValueError for anything but float32 (H, W) in [0, 1], of `size` (None: any)."""
    if not isinstance(level, np.ndarray) or level.dtype != np.float32:
        raise TypeError(f"expected level as a float32 array, got {getattr(level, 'dtype', type(level))}")
    if level.ndim != 2 or level.size == 0 or (size is not None and level.shape != size):
        raise ValueError(f"expected level of shape {size or '(H, W)'}, got {level.shape}")
    if not (level.min() >= 0 and level.max() <= 1):
        raise ValueError(f"expected level in [0, 1], got {level.min()} to {level.max()}")


def check_image(image: np.ndarray) -> None:
    """Raise TypeError or ValueError for anything but uint8 (H, W, 3)."""
    _check_array("image", image, np.dtype(np.uint8))
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"expected image of shape (H, W, 3), got {image.shape}")


def _check_array(name: str, array: object, dtype: np.dtype) -> None:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected {name} as a {dtype} array, got {type(array).__name__}")
    if array.dtype != dtype:
        raise TypeError(f"expected {name} of dtype {dtype}, got {array.dtype}")
