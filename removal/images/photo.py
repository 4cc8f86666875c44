"""What a decoded photo is: its pixels, and all that is needed to write it back as it was."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from _removal_support.errors import RemovalError


class PhotoError(RemovalError, ValueError):
    """A photo that cannot be read or written; the message is one line naming the file and the cause."""


@dataclass(frozen=True, eq=False)
class Raster:
    """Samples as a file stores them.

    samples: uint8 or uint16 (H, W) or (H, W, C); bool (H, W) for layout "1"; palette indices for "P".
    layout: "1", "L", "LA", "P", "RGB", "RGBA", "RGBX" (a fourth channel that is not alpha) or
        "CMYK" (0 = no ink).
    palette: uint8 (N, 4) RGBA for "P", else None.
    """

    samples: np.ndarray
    layout: str
    palette: np.ndarray | None = None

    @property
    def bits(self) -> int:
        """Bits per sample: 1, 8 or 16."""
        return 1 if self.layout == "1" else self.samples.dtype.itemsize * 8


@dataclass(frozen=True, eq=False)
class Metadata:
    """What a file says about its picture, as raw bytes.

    exif: a TIFF structure, without the "Exif\\0\\0" some formats put before it; may be empty.
    xmp, icc: may be empty. dpi: horizontal, vertical; None where the file states none.
    extra: further pieces that only the file's own format takes, as (kind, content).
    """

    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""
    dpi: tuple[float, float] | None = None
    extra: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True)
class JpegSettings:
    """How a JPEG was compressed.

    tables: one quantisation table (64 divisors) for each component in turn, the last one serving the rest.
    subsampling: 0 = 4:4:4, 1 = 4:2:2, 2 = 4:2:0. rgb: the components are R, G, B and not Y, Cb, Cr.
    """

    tables: tuple[tuple[int, ...], ...]
    subsampling: int
    progressive: bool
    rgb: bool


@dataclass(frozen=True)
class WebpSettings:
    """How a WebP was compressed."""

    lossless: bool


@dataclass(frozen=True)
class TiffSettings:
    """How a TIFF was compressed: the values of its tags Compression and Predictor."""

    compression: int
    predictor: int


@dataclass(frozen=True)
class HeifSettings:
    """How a HEIF picture was stored.

    chroma: 420, 422 or 444. colour_codes: libheif's names and the numbers of ITU-T H.273.
    """

    chroma: int
    colour_codes: tuple[tuple[str, int], ...] = ()


Settings = JpegSettings | WebpSettings | TiffSettings | HeifSettings | None


@dataclass(frozen=True, eq=False)
class Decoded:
    """The raster as stored, not yet turned upright; notes: what a reader of the photo should know, one
    sentence each."""

    raster: Raster
    settings: Settings = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Opened:
    """A file of which all but the pixels was read.

    width, height: of the picture as stored, not yet turned upright. decode: decodes the pixels, once.
    """

    width: int
    height: int
    metadata: Metadata
    decode: Callable[[], Decoded]


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo and all that is needed to write it back.

    pixels: uint8 (H, W, 3) RGB, upright: what all stages see. 16-bit samples are scaled to 8, alpha is left
        aside, CMYK is shown in sRGB; RGB and grey values are the file's own, in its own colour profile.
    path: where it was read from; of a stream the name that was given.
    format: "JPEG", "PNG", "WEBP", "TIFF", "BMP", "HEIF" or "AVIF", by the file's content and not its name.
    raster: the file's own samples, upright.
    orientation: 1 to 8, what was undone to turn the picture upright (EXIF 2.32, tag 274).
    settings: how the file was compressed, None where its format has nothing to choose.
    encoded: the file's own bytes.
    notes: what was mended or left out when it was read, one sentence each.
    """

    pixels: np.ndarray
    path: Path
    format: str
    raster: Raster
    metadata: Metadata
    orientation: int
    settings: Settings
    encoded: bytes
    notes: tuple[str, ...] = ()
