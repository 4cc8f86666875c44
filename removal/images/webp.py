"""WebP in and out (RFC 9649): lossless stays lossless, lossy stays lossy."""

import io
import struct
from collections.abc import Iterator

from PIL import WebPImagePlugin

from _removal_support.pillow_limit import pillow_limit_lifted
from removal.images.colour import from_image, to_image
from removal.images.metadata import read_resolution, without_exif_prefix
from removal.images.photo import Decoded, Metadata, Opened, Raster, WebpSettings

_LOSSY_QUALITY = 95  # of libwebp's 100: a second compression of what was compressed once is not seen
_LOSSLESS_EFFORT = 75


def open_webp(data: bytes) -> Opened:
    """Read all of a WebP file but its pixels. Raises ValueError."""
    chunks: dict[bytes, bytes] = {}
    for kind, content in _chunks(data):
        chunks.setdefault(kind, content)
    width, height = _size(chunks)
    if b"ANIM" in chunks or b"ANMF" in chunks:
        raise ValueError("animated pictures are not supported")
    exif = without_exif_prefix(chunks.get(b"EXIF", b""))
    metadata = Metadata(
        exif=exif,
        dpi=read_resolution(exif),
        xmp=chunks.get(b"XMP ", b""),
        icc=chunks.get(b"ICCP", b""),
    )

    def decode() -> Decoded:
        with pillow_limit_lifted(width * height):
            image = WebPImagePlugin.WebPImageFile(io.BytesIO(data))
        if image.size != (width, height):
            raise ValueError(f"it states {width} x {height} pixels and has {image.width} x {image.height}")
        image.load()
        return Decoded(from_image(image), WebpSettings(lossless=b"VP8L" in chunks))

    return Opened(width, height, metadata, decode)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) + 1:  # some writers leave out the last padding byte
        raise ValueError("the file is truncated")
    while at + 8 <= min(end, len(data)):
        kind, size = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _size(chunks: dict[bytes, bytes]) -> tuple[int, int]:
    head = chunks.get(b"VP8X", b"")
    if len(head) >= 10:
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    head = chunks.get(b"VP8L", b"")
    if len(head) >= 5:
        packed = int.from_bytes(head[1:5], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    head = chunks.get(b"VP8 ", b"")
    if len(head) >= 10:
        return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    raise ValueError("it has no picture")


def encode_webp(raster: Raster, metadata: Metadata, settings: WebpSettings) -> bytes:
    """A WebP file. raster: 8-bit "RGB" or "RGBA"; colours under full transparency are kept too."""
    buffer = io.BytesIO()
    to_image(raster).save(
        buffer,
        "WEBP",
        lossless=settings.lossless,
        quality=_LOSSLESS_EFFORT if settings.lossless else _LOSSY_QUALITY,
        exact=True,
        exif=metadata.exif,
        xmp=metadata.xmp,
        icc_profile=metadata.icc,
    )
    return buffer.getvalue()
