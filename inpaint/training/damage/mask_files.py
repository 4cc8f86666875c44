"""Holes from mask pictures, such as the irregular masks of Liu et al. 2018."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from inpaint.training.damage.contract import HoleDamage, Range, check_range
from inpaint.training.decoding import decode_photo
from inpaint.training.photos import photo_paths

_TRIES = 8
_SHORTER_PX = 1024  # larger pictures are shrunk to this


@dataclass(frozen=True)
class MaskFileHoles(HoleDamage):
    """A part of one of the pictures in a folder, turned by quarters and mirrored or not, at the photo's size.

    folder: pictures in it and below it; listed and read when a hole is drawn.
    threshold: brightest channel, in [1, 255], from which a pixel is in the hole.
    inverted: the hole is what is below the threshold.
    crop: side of the part, a share in (0, 1] of the largest part of the photo's shape.

    A picture that cannot be read or has no hole is passed over for the next of its folder; `passed_over`
    counts these. Drawing raises FileNotFoundError for a missing folder, and ValueError for one without
    pictures, and where none of them can be used, naming the first.
    """

    folder: Path
    threshold: int = 128
    inverted: bool = False
    crop: Range = (0.5, 1.0)

    def __post_init__(self) -> None:
        check_range("threshold", (1, self.threshold), 1, 255)
        check_range("crop", self.crop, 0, 1)

    def hole(self, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        mask = np.rot90(self._drawn(rng), int(rng.integers(4)))
        if rng.integers(2):
            mask = mask[:, ::-1]
        part = mask
        for _ in range(_TRIES):
            part = self._part(mask, height, width, rng)
            if part.any() and not part.all():
                break
        else:
            part = mask  # squeezed to the photo's shape, but with a hole
        hole = cv2.resize(part.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        if not hole.any():  # all of it is thinner than the step
            hole = cv2.resize(part.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        return hole > 0

    def passed_over(self) -> str | None:
        """How many pictures cannot be used, in one line; None = all can. Every picture is read. Errors as for
        drawing, where none can be used."""
        paths = _listed(self.folder)
        causes = [cause for path in paths if (cause := _cause(path, self.threshold, self.inverted))]
        if len(causes) == len(paths):
            raise ValueError(causes[0])
        return f"{len(causes)} of {len(paths)} mask files passed over: {causes[0]}" if causes else None

    def _drawn(self, rng: np.random.Generator) -> np.ndarray:
        """The mask of a picture, the next that can be used from the one that is drawn; bool (H, W)."""
        paths = _listed(self.folder)
        first = int(rng.integers(len(paths)))
        for number in range(len(paths)):
            path = paths[(first + number) % len(paths)]
            if _cause(path, self.threshold, self.inverted) is None:
                return _read(path, self.threshold, self.inverted)
        raise ValueError(_cause(paths[first], self.threshold, self.inverted))

    def _part(self, mask: np.ndarray, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        scale = min(mask.shape[0] / height, mask.shape[1] / width) * rng.uniform(*self.crop)
        rows, columns = max(1, int(height * scale)), max(1, int(width * scale))
        top = int(rng.integers(mask.shape[0] - rows + 1))
        left = int(rng.integers(mask.shape[1] - columns + 1))
        return mask[top : top + rows, left : left + columns]


@lru_cache(maxsize=4)
def _listed(folder: Path) -> tuple[Path, ...]:
    return tuple(photo_paths(folder))


@lru_cache(maxsize=100_000)
def _cause(path: Path, threshold: int, inverted: bool) -> str | None:
    """Why a picture cannot be used, in one line; None where it can."""
    try:
        _read(path, threshold, inverted)
    except (ValueError, OSError) as error:
        return str(error)
    return None


@lru_cache(maxsize=128)
def _read(path: Path, threshold: int, inverted: bool) -> np.ndarray:
    """bool (H, W), True = hole; ValueError where there is none."""
    mask = (decode_photo(path, _SHORTER_PX).pixels.max(axis=2) >= threshold) != inverted
    if not mask.any():
        raise ValueError(
            f"{path}: expected a hole, found no pixel {'below' if inverted else 'from'} {threshold}"
        )
    mask.flags.writeable = False
    result: np.ndarray = mask
    return result
