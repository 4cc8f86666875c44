"""Windows bitmaps in and out."""

import io
import struct

import numpy as np
from PIL import BmpImagePlugin

from removal.images.colour import from_image, to_image
from removal.images.photo import Decoded, Metadata, Opened, Raster

_METRES_PER_INCH = 0.0254
_V4_HEADER_BYTES = 108


def open_bmp(data: bytes) -> Opened:
    """Read all of a BMP file but its pixels."""
    image = BmpImagePlugin.BmpImageFile(io.BytesIO(data))
    dpi = image.info.get("dpi")
    stated = (float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None

    def decode() -> Decoded:
        image.load()
        return Decoded(from_image(image))

    return Opened(*image.size, Metadata(dpi=stated), decode)


def encode_bmp(raster: Raster, metadata: Metadata, settings: None) -> bytes:
    """A BMP file, which has no place for EXIF or ICC. raster: 8-bit at most, no "LA", "RGBX" or "CMYK"."""
    dpi = metadata.dpi or (96.0, 96.0)
    if raster.layout == "RGBA":
        return _encode_rgba(raster.samples, dpi)
    buffer = io.BytesIO()
    to_image(raster).save(buffer, "BMP", dpi=dpi)
    return buffer.getvalue()


def _encode_rgba(samples: np.ndarray, dpi: tuple[float, float]) -> bytes:
    """With a BITMAPV4HEADER, whose masks say which byte is alpha: readers ignore it under an older header."""
    height, width = samples.shape[:2]
    rows = np.ascontiguousarray(samples[::-1, :, [2, 1, 0, 3]]).tobytes()
    start = 14 + _V4_HEADER_BYTES
    per_metre = [round(value / _METRES_PER_INCH) for value in dpi]
    head = struct.pack("<2sIII", b"BM", start + len(rows), 0, start)
    core = struct.pack("<IiiHHIIiiII", _V4_HEADER_BYTES, width, height, 1, 32, 3, len(rows), *per_metre, 0, 0)
    masks = struct.pack("<IIII4s", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs")
    return b"".join([head, core, masks, bytes(_V4_HEADER_BYTES - len(core) - len(masks)), rows])
