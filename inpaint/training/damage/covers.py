"""Damage that lies on the photo: some content, and how much of it shows at each pixel."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import cv2
import numpy as np

from inpaint.training.damage.contract import Damage, HoleDamage, Range, check_image, check_range

SEEN_CONTRAST = 40  # of 255 on the mean of the channels: from there on a mark is wholly seen
LEAST_CONTRAST = 60  # of 255 in one channel: what is hardly seen need not be found


class Cover(Damage):
    """Damage that is `image * (1 - mask) + content * mask`, rounded."""

    @abstractmethod
    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Content uint8 (H, W, 3), or (1, 1, 3) for one colour, and the mask, float32 (H, W) in [0, 1]."""

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        check_image(image)
        content, mask = self.cover(image, rng)
        return laid_over(image, content, mask), mask


def laid_over(image: np.ndarray, content: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`image * (1 - mask) + content * mask`, rounded, uint8 (H, W, 3).

    image, content: uint8 (H, W, 3), content also (1, 1, 3). mask: float32 (H, W) in [0, 1].
    """
    if content.shape != image.shape:
        content = in_one_colour(content[0, 0], image.shape[0], image.shape[1])
    # A ninth of NumPy's time. It divides by the sum of the weights + 1e-5: up to 0.003 are lost.
    return cv2.blendLinear(image, content, 1 - mask, mask)


def less_where_unseen(image: np.ndarray, content: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mask, float32 (H, W), less where the content hardly differs from the photo: it is not seen there.

    image: uint8 (H, W, 3). content: uint8 (H, W, 3) or (1, 1, 3).
    """
    if content.shape != image.shape:
        content = in_one_colour(content[0, 0], image.shape[0], image.shape[1])
    contrast = cv2.transform(cv2.absdiff(image, content), np.full((1, 3), 1 / 3, np.float32))
    result: np.ndarray = mask * np.minimum(contrast.astype(np.float32) * np.float32(1 / SEEN_CONTRAST), 1)
    return result


def in_one_colour(colour: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 (H, W, 3) all in a colour, uint8 (3,)."""
    return cv2.merge([np.full((height, width), level, np.uint8) for level in colour])


def mean_colour(image: np.ndarray) -> np.ndarray:
    """float64 (3,): the mean of uint8 (H, W, 3), a hundred times as fast as NumPy."""
    return np.array(cv2.mean(image)[:3])


def relit(image: np.ndarray, gain: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """`image * gain + lift`, for each channel its own, clipped; uint8 (H, W, 3)."""
    table = np.clip(np.arange(256)[:, None] * gain + lift, 0, 255).astype(np.uint8)
    return cv2.LUT(image, table[None])


def drawn_colour(rng: np.random.Generator, around: np.ndarray) -> np.ndarray:
    """uint8 (3,), white, black or any, that stands out from the colour around, RGB in [0, 255]."""
    for _ in range(8):
        kind = rng.integers(4)
        low, high = {0: (235, 256), 1: (0, 21)}.get(int(kind), (0, 256))
        colour = rng.integers(low, high, 3)
        if np.abs(colour - around).max() >= LEAST_CONTRAST:
            return colour.astype(np.uint8)
    return np.where(around < 128, 255, 0).astype(np.uint8)


def _flat(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return drawn_colour(rng, mean_colour(image))[None, None]


def _noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grain of 1 px to a 32nd of the shorter side, normally distributed around a colour."""
    height, width = image.shape[:2]
    grain_px = int(rng.integers(1, max(1, min(height, width) // 32) + 1))
    rows, columns = -(-height // grain_px), -(-width // grain_px)
    grain = rng.integers(0, 256, (rows, columns, 3 if rng.integers(2) else 1), np.uint8)
    if grain.shape[2] == 1:
        grain = cv2.merge([grain] * 3)
    table = _NORMAL[:, None] * rng.uniform(20, 90) + rng.integers(0, 256, 3)
    grain = cv2.LUT(grain, np.clip(table, 0, 255).astype(np.uint8)[None])
    return enlarged(grain, grain_px)[:height, :width]


def _texture(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The photo moved by a quarter to three quarters, mirrored or turned over, in other colours."""
    moved = np.roll(image, [int(length * rng.uniform(0.25, 0.75)) for length in image.shape[:2]], axis=(0, 1))
    down, across = rng.integers(2, size=2)
    flipped = np.ascontiguousarray(moved[:: -1 if down else 1, :: -1 if across else 1])
    return relit(flipped, rng.uniform(0.6, 1.3, 3), rng.uniform(-30, 30, 3))


def enlarged(cells: np.ndarray, cell_px: int) -> np.ndarray:
    """Each cell of (rows, columns) or (rows, columns, 3) as a square of so many pixels."""
    if cell_px == 1:
        return cells
    size = cells.shape[1] * cell_px, cells.shape[0] * cell_px
    return cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST)


# Normal deviates at even shares: the table turns even random bytes into them.
_NORMAL = np.array([NormalDist().inv_cdf((byte + 0.5) / 256) for byte in range(256)])

CONTENTS: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "colour": _flat,
    "noise": _noise,
    "texture": _texture,
}
"""What covers a photo, by name: (image, generator) -> content as in `Cover.cover`."""


def check_contents(names: Sequence[str]) -> None:
    """ValueError for none or an unknown one."""
    if not names or any(name not in CONTENTS for name in names):
        raise ValueError(f"expected contents of {', '.join(CONTENTS)}, got {tuple(names)}")


def drawn_content(names: Sequence[str], image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the named contents, each as often as the others."""
    return CONTENTS[names[int(rng.integers(len(names)))]](image, rng)


@dataclass(frozen=True)
class Covered(Cover):
    """A hole of another kind that does not show as grey: something else lies there.

    hole: its kind. contents: of CONTENTS, one is drawn for each photo.
    edge: deviation in [0, 0.1] of the blur of its edge, a share of the shorter side; 0 = sharp.
    opacity: of what lies there, in [0, 1], drawn for each photo.
    """

    hole: HoleDamage
    contents: tuple[str, ...] = ("colour", "colour", "noise", "texture")
    edge: Range = (0.0, 0.006)
    opacity: Range = (1.0, 1.0)

    def __post_init__(self) -> None:
        if not isinstance(self.hole, HoleDamage):
            raise TypeError(f"expected a kind of hole, got {self.hole!r}")
        check_contents(self.contents)
        check_range("edge", self.edge, 0, 0.1)
        check_range("opacity", self.opacity, 0, 1)

    def cover(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        height, width = image.shape[:2]
        mask: np.ndarray = self.hole.hole(height, width, rng).astype(np.float32)
        mask *= np.float32(rng.uniform(*self.opacity))
        blur_px = rng.uniform(*self.edge) * min(height, width)
        if blur_px > 0.2:  # less than that changes nothing
            mask = cv2.GaussianBlur(mask, (0, 0), blur_px)
        return drawn_content(self.contents, image, rng), np.clip(mask, 0, 1)
