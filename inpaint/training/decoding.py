"""Photo files to pixels, for training: upright, RGB, no larger than is needed, kept in memory."""

import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".dib")

# What Pillow raises, depending on the format, where a file is cut off or full of nonsense.
_DECODING_ERRORS = (
    *(OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError, AttributeError),
    *(OverflowError, struct.error, Image.DecompressionBombError),
)
_CAUSES: Mapping[type[Exception], str] = MappingProxyType(
    {UnidentifiedImageError: "not an image", FileNotFoundError: "no such file", IsADirectoryError: "a folder"}
)


class UnreadablePhotoError(ValueError):
    """A photo that cannot be decoded; the message is one line naming the file and the cause."""


@dataclass(frozen=True)
class DecodedPhoto:
    """pixels: uint8 (H, W, 3) RGB, upright. scale: their size over the size of the photo, at most 1."""

    pixels: np.ndarray
    scale: float


def decode_photo(path: Path, shorter_px: int) -> DecodedPhoto:
    """The photo upright and in RGB; one whose shorter side is above `shorter_px` is shrunk to that.

    Alpha and colour profiles are left out; 16-bit grey keeps its upper 8 bits.

    Raises UnreadablePhotoError for a missing, truncated or damaged file and one that is no image.
    """
    try:
        # Nobody reads what a worker warns of: size, odd tags, palettes.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            shorter, longer = sorted(image.size)
            _decode_smaller(image, shorter_px)
            pixels = _rgb(ImageOps.exif_transpose(image))
    except _DECODING_ERRORS as error:
        raise UnreadablePhotoError(f"{path}: {_cause(error)}") from error
    scale = min(1.0, shorter_px / shorter)
    if scale < 1:
        height, width = pixels.shape[:2]
        longer_px = round(longer * scale)
        size = (shorter_px, longer_px) if width < height else (longer_px, shorter_px)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return DecodedPhoto(pixels, scale)


def _cause(error: Exception) -> str:
    """One line that does not name the file."""
    text = _CAUSES.get(type(error)) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())


def _decode_smaller(image: Image.Image, shorter_px: int) -> None:
    """Let a JPEG be decoded at 1/2, 1/4 or 1/8, but its shorter side at no less than `shorter_px`."""
    share = shorter_px / min(image.size)
    if share < 1:
        width, height = image.size
        image.draft("RGB", (int(np.ceil(width * share)), int(np.ceil(height * share))))


def _rgb(image: Image.Image) -> np.ndarray:
    """uint8 (H, W, 3)."""
    if image.mode.startswith("I;16"):
        return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError(f"expected 8 or 16 bits per sample, got mode {image.mode}")
    return np.asarray(image.convert("RGB"))


@dataclass
class PhotoCache:
    """Decoded photos, kept until they take `limit_bytes`; from then on those that are in stay.

    Each epoch takes every photo once: were the oldest put out for the newest, little of a set that does not
    fit would still be there when its turn comes again. This way the share that fits always is.
    """

    shorter_px: int
    limit_bytes: int
    _kept: dict[Path, DecodedPhoto] = field(default_factory=dict, repr=False)
    _bytes: int = 0

    def decode(self, path: Path) -> DecodedPhoto:
        """As `decode_photo`; the pixels are shared and must not be written into."""
        known = self._kept.get(path)
        if known is not None:
            return known
        decoded = decode_photo(path, self.shorter_px)
        if self._bytes + decoded.pixels.nbytes <= self.limit_bytes:
            decoded.pixels.flags.writeable = False
            self._kept[path] = decoded
            self._bytes += decoded.pixels.nbytes
        return decoded
