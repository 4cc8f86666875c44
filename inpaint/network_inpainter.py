"""The inpainters that are networks: the learned fill, at any size, its detail taken from the photo."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from _removal_support.device import resolve_device
from _removal_support.progress import in_turn
from inpaint.blending import even_seams
from inpaint.checkpoints import load_network
from inpaint.exemplar.completion import complete
from inpaint.exemplar.settings import EFFORTS, effort_in_words
from inpaint.exemplar.warming import warm_up
from inpaint.inpainter import Effort, InpainterOptions, WindowInpainter, check_effort, told
from inpaint.network_output import NetworkMemoryError, check_output, is_out_of_memory
from inpaint.networks.fill_network import FillNetwork
from inpaint.precision import arithmetic, choose_precision
from inpaint.record import InpainterRecord, weights_path
from inpaint.tensors import images_to_tensor, masks_to_tensor, tensor_to_images

COMPILED_VARIANTS = 64
"""How often torch.compile may compile before it leaves a new kind of window uncompiled: each branch of a
network, for one window and for several, and again where a size is like no other."""
BATCH_PX = 8 * 512 * 512
"""Windows of one size go through the network together up to this many pixels."""
LEAST_PX = 128
"""Windows are not shrunk below this where memory is short."""
_Window = tuple[np.ndarray, np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class NetworkSettings:
    """How the network is used.

    working_size_px: a window whose longer side is more than this is shrunk to it before it is filled. The
        networks were trained at 256 px, and see no farther than that.
    context: width of the surroundings shown on each side of a hole, as a share of its longer side.
    detail: where a window was shrunk, fill it again at full size with the photo's own texture, guided by the
        network's fill; off = the network's fill enlarged.
    effort: how long the exemplar fill that brings detail back may take.
    colour: even out colour steps at the hole's edge.
    compile: compile the network's branches (torch.compile; the first windows wait a minute or two for it, and
        on the CPU that was measured later ones are not faster).
    plain: the network alone, given the whole photo at its size, as published tables have it: no windows, and
        nothing of the above is done but for compiling.
    """

    working_size_px: int = 512
    context: float = 1.0
    detail: bool = True
    effort: Effort = "normal"
    colour: bool = True
    compile: bool = False
    plain: bool = False

    def __post_init__(self) -> None:
        if self.working_size_px < 64:
            raise ValueError(f"expected working_size_px of at least 64, got {self.working_size_px}")
        if self.context < 0:
            raise ValueError(f"expected a context of 0 or more, got {self.context}")
        check_effort(self.effort)


DEFAULT_SETTINGS = NetworkSettings()


class NetworkInpainter(WindowInpainter):
    """Fills each window with a network, then brings the photo's texture and colours back."""

    least_side_px = 256  # what the published networks were trained on

    def __init__(
        self,
        network: FillNetwork,
        *,
        source: str = "given network",
        device: str = "auto",
        precision: str = "auto",
        seed: int = 0,
        settings: NetworkSettings = DEFAULT_SETTINGS,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Take over a network (`inpaint.checkpoints.load_network`) and move it to the device.

        Args:
            network: in eval mode; it is moved, and with `settings.compile` compiled.
            source: where its weights are from, for the description.
            device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", "mps".
            precision: "float32" (in full, no TF32), "bfloat16" or, on CUDA only, "float16" (convolutions and
                the mixing of patches); "auto" = bfloat16 where the hardware has it, else float16 on CUDA and
                float32 elsewhere.
            seed: of the guided exemplar fill.
            settings: how the network is used.
            say: told where memory does not suffice and windows are shrunk; None = a Python warning.

        Raises:
            ValueError: an unknown precision, or a device that is not there.
        """
        self.name = network.name
        self.device = torch.device(resolve_device(device))
        self.precision = network.own_precision or choose_precision(precision, self.device)
        self.seed, self.say = seed, say
        self.settings = settings
        self.context = settings.context
        self.even_seams = settings.colour
        self.limit_px = network.native_px or min(
            settings.working_size_px, network.size_px or settings.working_size_px
        )
        self.least_side_px = network.native_px or self.least_side_px
        self.network = network.to(self.device)
        self.parameters = sum(parameter.numel() for parameter in network.parameters())
        if settings.compile:
            for branch in network.children():
                branch.compile(dynamic=True)
        which = ", ".join(filter(None, (network.summary, source)))
        self.description = (
            f"{network.name} ({which}), {self.precision} on {self.device.type}, {self._way()}, seed {seed}"
        )

    def _way(self) -> str:
        if self.settings.plain:
            return "plain, the whole photo at its size"
        extras = [name for name in ("detail", "colour") if getattr(self.settings, name)]
        effort = effort_in_words(self.settings.effort) if self.settings.detail else ""
        return f"at {self.limit_px} px, {' and '.join(extras) or 'nothing'} restored{effort}"

    def warm_up(self, say: Callable[[str], None] | None = None) -> None:
        """Have the kernels of the guided exemplar fill ready where detail is restored."""
        if self.settings.detail and not self.settings.plain:
            warm_up(say)

    def fill(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None) -> np.ndarray:
        """Fill a photo, as the base class says."""
        if not self.settings.plain:
            return super().fill(image, mask, protect)
        try:
            return self._run([_Scaled(image, mask, mask if protect is None else mask | protect)])[0]
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise NetworkMemoryError.of(
                self.name, str(self.device), max(mask.shape), str(error), whole=True
            ) from error

    def fill_window(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None) -> np.ndarray:
        """Fill one window, as the base class says."""
        return self.fill_windows([image], [mask], [protect])[0]

    def fill_windows(
        self,
        images: Sequence[np.ndarray],
        masks: Sequence[np.ndarray],
        protects: Sequence[np.ndarray | None],
    ) -> list[np.ndarray]:
        """Scale what is too large, run the network, bring size, colours and detail back."""
        given = list(zip(images, masks, protects, strict=True))
        windows = [self._scaled(window, self.limit_px) for window in given]
        filled: list[np.ndarray] = [np.empty(0)] * len(windows)
        groups, restored = _groups(windows), []
        # A window takes about as long in the network as its detail does afterwards.
        for part in in_turn([*groups, *range(len(windows))], [*map(len, groups), *[1] * len(windows)]):
            if isinstance(part, int):
                restored.append(self._restore(*given[part], filled[part]))
                continue
            for index, result in zip(part, self._filled(part, windows, given), strict=True):
                filled[index] = result
        return restored

    def _filled(
        self, group: Sequence[int], windows: "Sequence[_Scaled]", given: "Sequence[_Window]"
    ) -> list[np.ndarray]:
        """The network's fills of some windows, smaller ones where the device has too little memory."""
        try:
            return self._run([windows[i] for i in group])
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        return [self._run_smaller(given[i]) for i in group]

    def _scaled(self, window: "_Window", limit_px: int) -> "_Scaled":
        enlarge = self.network.native_px is not None
        return _Scaled.of(*window, limit_px, enlarge=enlarge)

    def _run_smaller(self, window: "_Window") -> np.ndarray:
        """A window by itself, and then halved again and again, after the device had too little memory."""
        self._free_memory()
        limit_px, least_px = self.limit_px, self.network.size_px or LEAST_PX
        while True:
            try:
                return self._run([self._scaled(window, limit_px)])[0]
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error)
            self._free_memory()
            if limit_px // 2 < least_px:
                raise NetworkMemoryError.of(self.name, str(self.device), limit_px, reason)
            limit_px //= 2
            told(
                self.say,
                f"{self.name}: {self.device} has too little memory for a window of {2 * limit_px} px; it is "
                f"shrunk to {limit_px} px, so the fill will be coarser",
            )

    def _free_memory(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _run(self, windows: "Sequence[_Scaled]") -> list[np.ndarray]:
        """The network's fills, uint8, of windows of one size.

        Raises NetworkOutputError where it gives NaN or black.
        """
        images = images_to_tensor([window.image for window in windows], self.device)
        masks = masks_to_tensor([window.mask for window in windows], self.device)
        avoid = masks_to_tensor([window.avoid for window in windows], self.device)
        limit: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        if self.settings.compile:
            # The branches share one forward, so torch.compile counts all their variants together.
            limit = torch._dynamo.config.patch(recompile_limit=COMPILED_VARIANTS)
        own = self.network.own_precision is not None
        with torch.inference_mode(), arithmetic("float32" if own else self.precision, self.device), limit:
            filled = self.network.fill(images, masks, avoid=avoid)
        check_output(self.name, images, masks, filled, self.precision)
        return tensor_to_images(filled)

    def _restore(
        self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None, filled: np.ndarray
    ) -> np.ndarray:
        if filled.shape == image.shape:
            return filled
        height, width = mask.shape
        if filled.shape[0] >= height and filled.shape[1] >= width:  # the network saw it enlarged
            return cv2.resize(filled, (width, height), interpolation=cv2.INTER_AREA)
        enlarged = cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC)
        if not self.settings.detail:
            return enlarged
        # Evened before as well as after: the guide chooses among the photo's patches by their colour.
        guide = even_seams(image, enlarged, mask) if self.settings.colour else enlarged
        settings = EFFORTS[self.settings.effort]
        return complete(image, mask, protect=protect, guide=guide, seed=self.seed, settings=settings)


@dataclass(frozen=True)
class _Scaled:
    """A window at the size that the network sees; `avoid`: bool, hole or protected, not to be copied from."""

    image: np.ndarray
    mask: np.ndarray
    avoid: np.ndarray

    @staticmethod
    def of(
        image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None, limit_px: int, *, enlarge: bool
    ) -> "_Scaled":
        """Its longer side brought to `limit_px` where it is more, or, with `enlarge`, less."""
        avoid = mask if protect is None else mask | protect
        longer = max(mask.shape)
        if longer == limit_px or (longer < limit_px and not enlarge):
            return _Scaled(image, mask, avoid)
        height, width = (max(1, round(side * limit_px / longer)) for side in mask.shape)
        way = cv2.INTER_AREA if longer > limit_px else cv2.INTER_CUBIC
        scaled = cv2.resize(image, (width, height), interpolation=way)
        return _Scaled(scaled, _cover(mask, height, width), _cover(avoid, height, width))


def _cover(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scaled so that a pixel with any part of the mask is masked: no old colour is averaged into the rest."""
    way = cv2.INTER_AREA if height < mask.shape[0] or width < mask.shape[1] else cv2.INTER_LINEAR
    share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=way)
    return share > 1e-6


def _groups(windows: Sequence[_Scaled]) -> list[list[int]]:
    """Indices of windows that go together: one size, up to `BATCH_PX`."""
    by_size: dict[tuple[int, ...], list[int]] = {}
    for index, window in enumerate(windows):
        by_size.setdefault(window.mask.shape, []).append(index)
    groups = []
    for (height, width), indices in by_size.items():
        count = max(1, BATCH_PX // (height * width))
        groups += [indices[first : first + count] for first in range(0, len(indices), count)]
    return groups


def build(known: InpainterRecord, options: InpainterOptions) -> NetworkInpainter:
    """The inpainter as `load_inpainter` gives it.

    Args:
        known: the record of one of `inpaint.formats.NETWORKS`.
        options: as the builder is given them.

    Raises:
        WeightsError: the weights cannot be had.
        FileNotFoundError: a file is not there.
        CheckpointError: it is no such generator.
        ValueError: as `NetworkInpainter` raises it.
    """
    path = weights_path(known, options.weights)
    network = load_network(path, known.name)
    return NetworkInpainter(
        network,
        source=path.name,
        device=options.device,
        precision=options.precision,
        seed=options.seed,
        settings=settings_of(options),
        say=options.say,
    )


def settings_of(options: InpainterOptions) -> NetworkSettings:
    """What of an inpainter's options says how a network is used."""
    return NetworkSettings(
        working_size_px=options.working_size_px,
        detail=options.detail,
        effort=options.effort,
        colour=options.colour,
        compile=options.compile,
        plain=options.plain,
    )
