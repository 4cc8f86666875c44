"""Photos in: by content, upright, refused with one line that says why."""

import errno
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from removal.images.bmp import decode_bmp
from removal.images.colour import view
from removal.images.jpeg import decode_jpeg
from removal.images.metadata import read_orientation
from removal.images.photo import Decoded, Photo, PhotoError, Raster
from removal.images.png import decode_png
from removal.images.tiff import decode_tiff
from removal.images.webp import decode_webp

_DECODERS: dict[str, Callable[[bytes, Callable[[int, int], None]], Decoded]] = {
    "JPEG": decode_jpeg,
    "PNG": decode_png,
    "WEBP": decode_webp,
    "TIFF": decode_tiff,
    "BMP": decode_bmp,
}
_OTHER_FORMATS = {b"GIF8": "GIF", b"%PDF": "PDF", b"8BPS": "Photoshop", b"\0\0\0\x0cjP": "JPEG 2000"}
# 16-bit RGBA, uncompressed, and as much again for metadata: no honest file is larger.
_MAX_BYTES_PER_PIXEL = 16


def read_photo(path: str | Path, *, max_megapixels: float = 300) -> Photo:
    """Read a JPEG, PNG, WebP, TIFF or BMP file; its content counts, not its name.

    max_megapixels: larger pictures are refused before they are decoded.

    Raises PhotoError for a folder, an empty, damaged, truncated, too large, animated, multi-page or
    unsupported file; FileNotFoundError; PermissionError. Each message is one line that names the file.
    """
    path = Path(path)
    data, kind = _read_bytes(path, max_megapixels)
    decoded = _decode(path, data, kind, max_megapixels)
    orientation = read_orientation(decoded.metadata)
    stored = decoded.raster
    raster = Raster(upright(stored.samples, orientation), stored.layout, stored.palette)
    pixels = view(raster, decoded.metadata.icc)
    return Photo(pixels, path, kind, raster, decoded.metadata, orientation, decoded.settings, data)


def upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """Samples (H, W, ...) turned as EXIF orientation 1 to 8 says (EXIF 2.32, tag 274); contiguous."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    flip_rows, flip_columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    samples = samples[::-1] if flip_rows else samples
    samples = samples[:, ::-1] if flip_columns else samples
    return np.ascontiguousarray(samples)


def _read_bytes(path: Path, max_megapixels: float) -> tuple[bytes, str]:
    try:
        if path.is_dir():
            raise PhotoError(f"{path}: is a folder, not a photo")
        if path.exists() and not path.is_file():
            raise PhotoError(f"{path}: is not a regular file")
        with open(path, "rb") as file:
            head = file.read(16)
            kind = _format_of(path, head)
            if path.stat().st_size > max(max_megapixels * 1e6 * _MAX_BYTES_PER_PIXEL, 1 << 26):
                raise PhotoError(f"{path}: larger than any photo of {max_megapixels:g} megapixels, the limit")
            return head + file.read(), kind
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file") from error
    except PermissionError as error:
        raise PermissionError(f"{path}: no permission to read it") from error
    except OSError as error:
        reason = "its name is too long" if error.errno == errno.ENAMETOOLONG else error.strerror
        raise PhotoError(f"{path}: cannot be read: {reason}") from error


def _format_of(path: Path, head: bytes) -> str:
    if not head:
        raise PhotoError(f"{path}: is empty")
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if head.startswith(b"BM"):
        return "BMP"
    other = next((name for start, name in _OTHER_FORMATS.items() if head.startswith(start)), None)
    if head[4:8] == b"ftyp":
        other = "HEIC, AVIF or video"
    what = f"a {other} file" if other else "not a photo"
    raise PhotoError(f"{path}: is {what}; JPEG, PNG, WebP, TIFF and BMP can be read")


def _decode(path: Path, data: bytes, kind: str, max_megapixels: float) -> Decoded:
    def check_size(width: int, height: int) -> None:
        if width * height > max_megapixels * 1e6:
            size = f"{width} x {height} pixels ({width * height / 1e6:.0f} megapixels)"
            raise PhotoError(f"{path}: has {size}, more than the limit of {max_megapixels:g} megapixels")

    try:
        return _DECODERS[kind](data, check_size)
    except PhotoError:
        raise
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, EOFError, ArithmeticError) as error:
        raise PhotoError(f"{path}: damaged or unsupported {kind} file: {_one_line(error)}") from error
    except (struct.error, zlib.error) as error:
        raise PhotoError(f"{path}: damaged or unsupported {kind} file: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
