"""Photos in: by content, upright, refused with one line that says why."""

import errno
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from _removal_support.errors import one_line
from _removal_support.limits import LARGEST_BYTES_PER_PIXEL, LARGEST_MEGAPIXELS, SMALL_FILE_BYTES
from removal.images.avif import open_avif
from removal.images.bmp import open_bmp
from removal.images.colour import view
from removal.images.heif import open_heif
from removal.images.jpeg import open_jpeg
from removal.images.kinds import HEAD_BYTES, HEIF_INSTALLED, kind_of, refusal
from removal.images.metadata import believable, read_orientation
from removal.images.photo import Decoded, Metadata, Opened, Photo, PhotoError, Raster
from removal.images.png import open_png
from removal.images.tiff import open_tiff
from removal.images.webp import open_webp

_OPENERS: dict[str, Callable[[bytes], Opened]] = {
    "JPEG": open_jpeg,
    "PNG": open_png,
    "WEBP": open_webp,
    "TIFF": open_tiff,
    "BMP": open_bmp,
    "AVIF": open_avif,
    "HEIF": open_heif,
}
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, LookupError, TypeError, EOFError, ArithmeticError),
    *(struct.error, zlib.error, RuntimeError, MemoryError, UserWarning),
)
_TOO_LARGE = "is larger than any photo of as many megapixels as are allowed"
_PIECE_BYTES = 4 << 20

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class OpenedPhoto:
    """A photo of which all but the pixels was read. width, height: as stored; orientation: 1 to 8, how that
    is to be turned."""

    path: Path
    kind: str
    width: int
    height: int
    orientation: int
    metadata: Metadata
    notes: tuple[str, ...]
    data: bytes
    decode: Callable[[], Decoded]


def read_photo(
    source: str | Path | BinaryIO,
    *,
    max_megapixels: float = LARGEST_MEGAPIXELS,
    name: str | Path = "standard input",
) -> Photo:
    """Read a JPEG, PNG, WebP, TIFF, BMP, AVIF or HEIF photo; its content counts, not its name.

    source: a path, or a binary stream that is read to its end. name: what a stream is called in messages.
    max_megapixels: larger pictures are refused before they are decoded.

    Raises PhotoError for a folder, an empty, damaged, truncated, too large, animated, multi-page or
    unsupported file; FileNotFoundError; PermissionError. Each message is one line that names the file.
    """
    opened = open_photo(source, max_megapixels=max_megapixels, name=name)
    decoded = _told(opened.path, opened.kind, opened.decode)
    stored = decoded.raster
    if stored.samples.shape[:2] != (opened.height, opened.width):
        raise PhotoError(
            f"{opened.path}: damaged {opened.kind} file: its picture has another size than it states"
        )
    raster = Raster(upright(stored.samples, opened.orientation), stored.layout, stored.palette)
    return Photo(
        view(raster, opened.metadata.icc),
        opened.path,
        opened.kind,
        raster,
        opened.metadata,
        opened.orientation,
        decoded.settings,
        opened.data,
        (*opened.notes, *decoded.notes),
    )


def open_photo(
    source: str | Path | BinaryIO,
    *,
    max_megapixels: float = LARGEST_MEGAPIXELS,
    name: str | Path = "standard input",
) -> OpenedPhoto:
    """All of a photo but its pixels. The arguments and errors are those of `read_photo`."""
    limit = int(max(max_megapixels * 1e6 * LARGEST_BYTES_PER_PIXEL, SMALL_FILE_BYTES))
    if isinstance(source, str | Path):
        path = Path(source)
        data = _read_file(path, limit)
    else:
        path = Path(name)
        data = _read_up_to(source, limit + 1)
    if len(data) > limit:
        raise PhotoError(f"{path}: {_TOO_LARGE}")
    kind = _readable_kind(path, data)
    opened = _told(path, kind, lambda: _OPENERS[kind](data))
    width, height = opened.width, opened.height
    if width < 1 or height < 1:
        raise PhotoError(f"{path}: damaged {kind} file: it has no picture")
    if width * height > max_megapixels * 1e6:
        size = f"{width} x {height} pixels ({width * height / 1e6:.0f} megapixels)"
        raise PhotoError(f"{path}: has {size}, more than the limit of {max_megapixels:g} megapixels")
    orientation = read_orientation(opened.metadata)
    metadata, notes = believable(opened.metadata, kind)
    return OpenedPhoto(path, kind, width, height, orientation, metadata, notes, data, opened.decode)


def upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    """Samples (H, W, ...) turned as EXIF orientation 1 to 8 says (EXIF 2.32, tag 274); contiguous."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    flip_rows, flip_columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    samples = samples[::-1] if flip_rows else samples
    samples = samples[:, ::-1] if flip_columns else samples
    return np.ascontiguousarray(samples)


def _read_file(path: Path, limit: int) -> bytes:
    """The bytes of a regular file; those of one that is no photo or too large are not all read."""
    try:
        if path.is_dir():
            raise PhotoError(f"{path}: is a folder, not a photo")
        if path.exists() and not path.is_file():
            raise PhotoError(f"{path}: is not a regular file")
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
            _readable_kind(path, head)
            if os.fstat(file.fileno()).st_size <= limit:
                return head + _read_up_to(file, limit + 1 - len(head))
            raise PhotoError(f"{path}: {_TOO_LARGE}")
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file") from error
    except PermissionError as error:
        raise PermissionError(f"{path}: no permission to read it") from error
    except OSError as error:
        reason = "its name is too long" if error.errno == errno.ENAMETOOLONG else error.strerror
        raise PhotoError(f"{path}: cannot be read: {reason}") from error


def _read_up_to(stream: BinaryIO, size: int) -> bytes:
    """At most `size` bytes; a piece at a time, as `read` would set aside all that it is allowed."""
    pieces = []
    while size > 0 and (piece := stream.read(min(size, _PIECE_BYTES))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _readable_kind(path: Path, head: bytes) -> str:
    if not head:
        raise PhotoError(f"{path}: is empty")
    kind = kind_of(head[:HEAD_BYTES], path.suffix)
    if kind is None or kind not in _OPENERS or (kind == "HEIF" and not HEIF_INSTALLED):
        raise PhotoError(f"{path}: {refusal(kind)}")
    return kind


def _told(path: Path, kind: str, read: Callable[[], Result]) -> Result:
    """What `read` gives; what the decoders' libraries raise becomes a PhotoError."""
    try:
        return read()
    except _DAMAGE as error:
        cause = one_line(str(error)) or type(error).__name__
        raise PhotoError(f"{path}: damaged or unsupported {kind} file: {cause}") from error
