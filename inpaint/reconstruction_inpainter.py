"""`reconstruction`: edges first, then the fill, both told how much of each pixel is destroyed.

It keeps what is left of a partly destroyed pixel; a hole given as a mask is destroyed wholly.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import torch

from _removal_support.device import resolve_device
from inpaint.blending import even_seams
from inpaint.blind_weights import given_files, load_blind
from inpaint.boxes import Box
from inpaint.edges import canny_edges
from inpaint.inpainter import (
    Inpainter,
    InpainterOptions,
    NothingLeftError,
    Repaired,
    check_damage,
)
from inpaint.networks.edge_prediction import EdgePredictor, join_edges
from inpaint.networks.reconstruction import Reconstructor
from inpaint.precision import arithmetic, choose_precision
from inpaint.tensors import images_to_tensor
from inpaint.windows import fill_specks, find_holes, paste, windows

MOST_PX = 2_000_000
"""A window of more pixels is shrunk to so many: 12 MP would take minutes."""
BRIDGED_SHARE = 0.25
"""Greatest radius of a hole, as a share of a tile's side; a window with a larger one is shrunk to it."""
OVERLAP_SHARE = 0.125
"""Of neighbouring tiles, as a share of their side, in which one fades into the other."""
GONE_FROM = 0.5
"""From which destroyed share on nothing of a pixel is kept where a window is shrunk, and a hole is a hole."""


@dataclass(frozen=True)
class RepairSettings:
    """How the networks are used.

    tile_px: side of the squares that they see, one after another.
    most_px: a window of more pixels is shrunk to so many.
    colour: even out colour steps at the damage's edge.
    """

    tile_px: int = 512
    most_px: int = MOST_PX
    colour: bool = True

    def __post_init__(self) -> None:
        if self.tile_px < 64:
            raise ValueError(f"expected tile_px of at least 64, got {self.tile_px}")
        if self.most_px < self.tile_px**2:
            raise ValueError(f"expected most_px of at least a tile's, got {self.most_px}")


DEFAULT_SETTINGS = RepairSettings()
PLAIN = RepairSettings(tile_px=2**15, most_px=2**30, colour=False)
"""The networks alone, given whole photos."""


class ReconstructionInpainter(Inpainter):
    """Repairs by `EdgePredictor` and `Reconstructor`, in tiles, in windows around the damage."""

    name = "reconstruction"
    copies = False

    def __init__(
        self,
        network: Reconstructor,
        edges: EdgePredictor,
        *,
        source: str = "given networks",
        device: str = "auto",
        precision: str = "auto",
        settings: RepairSettings = DEFAULT_SETTINGS,
    ) -> None:
        """Take over two networks in eval mode and move them to the device, as `NetworkInpainter` does."""
        self.device = torch.device(resolve_device(device))
        self.network, self.edges = network.to(self.device), edges.to(self.device)
        self.precision = choose_precision(precision, self.device)
        self.settings = settings
        self.parameters = sum(
            parameter.numel() for part in (network, edges) for parameter in part.parameters()
        )
        self.description = (
            f"{self.name} ({source}), {self.precision} on {self.device.type}, at {settings.tile_px} px"
            + (", colour restored" if settings.colour else "")
        )
        self._alone = threading.Lock()  # the networks have the device to themselves

    def fill(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None) -> np.ndarray:
        """Fill a photo, as the base class says. What is protected may be copied from: a repair lies near."""
        del protect
        return self._repair(image, mask, mask.astype(np.float32)).image

    def repair(self, image: np.ndarray, mask: np.ndarray, level: np.ndarray) -> Repaired:
        """As the base class has it, but what is left of partly destroyed pixels is kept.

        The mask may cover all of the photo. Outside of it the level counts as 0. Raises NothingLeftError
        for a full mask where the level is 1 everywhere.
        """
        check_damage(image, mask, level)
        if mask.all() and level.min() == 1:
            raise NothingLeftError("expected a photo of which something is left, got one destroyed wholly")
        return self._repair(image, mask, np.where(mask, level, np.float32(0)))

    def _repair(self, image: np.ndarray, mask: np.ndarray, level: np.ndarray) -> Repaired:
        """Checked arguments in; level is 0 outside the mask."""
        filled = image.copy(order="C")
        lines = np.zeros(mask.shape, np.float32)
        if not mask.any():
            return Repaired(filled, lines)
        holes, small = find_holes(mask)
        specks: list[Box] = []
        for box in small:
            is_gone = level[box.slices].max() >= GONE_FROM and not mask.all()
            (specks if is_gone else holes).append(box)
        fill_specks(filled, image, mask, specks)
        for window in windows(mask, least_side_px=self.settings.tile_px // 2, holes=holes):
            inside = window.view.slices
            shown, destroyed = (np.ascontiguousarray(array[inside]) for array in (image, level))
            with self._alone:
                repaired, edges = self._at_scale(shown, destroyed)
            paste(filled, repaired, mask, window)
            np.maximum(lines[inside], edges, out=lines[inside])
        return Repaired(filled, lines)

    def _at_scale(self, image: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Repaired uint8 (H, W, 3) and edges float32 (H, W), by a smaller window where this is too large."""
        height, width = level.shape
        scale = self._scale(level)
        if scale == 1:
            return self._in_tiles(image, level)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small, edges = self._in_tiles(
            cv2.resize(image, size, interpolation=cv2.INTER_AREA),
            cv2.resize(level, size, interpolation=cv2.INTER_AREA),
        )
        large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        edges = cv2.resize(edges, (width, height), interpolation=cv2.INTER_LINEAR)
        share = np.minimum(level / GONE_FROM, 1)
        return cv2.blendLinear(large, image, share, 1 - share), edges

    def _scale(self, level: np.ndarray) -> float:
        """What a window is shrunk by, at most 1."""
        most = min(1.0, (self.settings.most_px / level.size) ** 0.5)
        gone = (level >= GONE_FROM).view(np.uint8)
        if gone.all() or not gone.any():
            result: float = most
            return result
        radius_px = float(cv2.distanceTransform(gone, cv2.DIST_L2, 3).max())
        result = min(most, BRIDGED_SHARE * self.settings.tile_px / radius_px)
        return result

    def _in_tiles(self, image: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Repaired uint8 (H, W, 3) and edges float32 (H, W), tile by tile where there is damage."""
        canny = canny_edges(image, level)
        height, width = level.shape
        total, weight = np.zeros((height, width, 4), np.float32), np.zeros((height, width), np.float32)
        for inside, core, fade in tiles(height, width, self.settings.tile_px):
            if level[core].any():
                total[inside] += self._run(image[inside], level[inside], canny[inside]) * fade[..., None]
                weight[inside] += fade
        seen = weight > 0
        mean = total[seen] / weight[seen][:, None]
        repaired, lines = image.copy(), canny.astype(np.float32)
        repaired[seen], lines[seen] = np.rint(mean[:, :3]), mean[:, 3]
        return even_seams(image, repaired, level > 0) if self.settings.colour else repaired, lines

    def _run(self, image: np.ndarray, level: np.ndarray, canny: np.ndarray) -> np.ndarray:
        """The networks' answer to one tile, float32 (h, w, 4): colours in [0, 255], edges in [0, 1]."""
        images = images_to_tensor([image], self.device)
        maps, edges = (
            torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)[None, None]
            for array in (level, canny)
        )
        with torch.inference_mode(), arithmetic(self.precision, self.device):
            joined = join_edges(self.edges.edges(images, edges, maps), edges, maps)
            refined = self.network(images, maps, joined)[-1]
            answer = torch.cat([((refined + 1) * 127.5).clamp_(0, 255), joined], dim=1).float()
        return answer[0].permute(1, 2, 0).cpu().numpy()


Slices = tuple[slice, slice]


def tiles(height: int, width: int, side_px: int) -> Iterator[tuple[Slices, Slices, np.ndarray]]:
    """Squares that cover a photo and overlap: where each lies, which part is nobody else's, how it fades.

    The parts cover every pixel once. fade: float32 (h, w) above 0, at most 1, less towards the sides at which
    there is a neighbour. A photo shorter than `side_px` has tiles of its own height or width.
    """
    for rows, core_rows, fade_down in _strips(height, side_px):
        for columns, core_columns, fade_across in _strips(width, side_px):
            yield (rows, columns), (core_rows, core_columns), fade_down[:, None] * fade_across


def _strips(length: int, side_px: int) -> list[tuple[slice, slice, np.ndarray]]:
    side = min(length, side_px)
    step = max(1, side - round(OVERLAP_SHARE * side_px))
    count = 1 + -(-(length - side) // step)
    starts = [round(index * (length - side) / max(1, count - 1)) for index in range(count)]
    borders = [0, *((before + side + after) // 2 for before, after in pairwise(starts))]
    found = []
    for index, start in enumerate(starts):
        fade = np.ones(side, np.float32)
        if index > 0:
            overlap = starts[index - 1] + side - start
            fade[:overlap] = np.arange(1, overlap + 1) / (overlap + 1)
        if index + 1 < count:
            overlap = start + side - starts[index + 1]
            fade[side - overlap :] *= np.arange(overlap, 0, -1, dtype=np.float32) / (overlap + 1)
        stop = borders[index + 1] if index + 1 < count else length
        found.append((slice(start, start + side), slice(borders[index], stop), fade))
    return found


def build(options: InpainterOptions) -> ReconstructionInpainter:
    """The inpainter as `load_inpainter("reconstruction", ...)` gives it.

    `options.weights` is a file of the network itself, `options.blind_weights` are files of it and of the edge
    network. Raises as `inpaint.blind_weights.load_blind`.
    """
    given = () if options.weights is None else (options.weights,)
    if given and Reconstructor.name not in given_files(given):
        raise ValueError(f"{options.weights}: expected weights of {Reconstructor.name}")
    files = (*options.blind_weights, *given)
    network, path = load_blind(Reconstructor, files)
    edges, edges_path = load_blind(EdgePredictor, files)
    return ReconstructionInpainter(
        network,
        edges.fixed(),
        source=f"{path.name}, {edges_path.name}",
        device=options.device,
        precision=options.precision,
        settings=PLAIN if options.plain else RepairSettings(options.working_size_px, colour=options.colour),
    )
