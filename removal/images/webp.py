"""WebP in and out (RFC 9649): lossless stays lossless, lossy stays lossy at about its own quality."""

import io
import struct
from collections.abc import Callable, Iterator

from PIL import WebPImagePlugin

from _removal_support.pillow_limit import pillow_limit_lifted
from removal.images.colour import from_image, to_image
from removal.images.metadata import read_resolution
from removal.images.photo import Decoded, Metadata, Raster, WebpSettings

_QUALITY_WITHOUT_SOURCE = 90


def decode_webp(data: bytes, check_size: Callable[[int, int], None]) -> Decoded:
    """Decode a WebP file. check_size(width, height) is called before any pixel is. Raises ValueError."""
    chunks = dict(_chunks(data))
    width, height = _size(chunks)
    check_size(width, height)
    if b"ANIM" in chunks:
        raise ValueError("animated pictures are not supported")
    with pillow_limit_lifted(width * height):
        image = WebPImagePlugin.WebPImageFile(io.BytesIO(data))
    info = image.info
    exif = info.get("exif", b"").removeprefix(b"Exif\0\0")
    metadata = Metadata(
        exif=exif,
        dpi=read_resolution(exif),
        xmp=info.get("xmp", b""),
        icc=info.get("icc_profile", b""),
    )
    image.load()
    lossless = b"VP8L" in chunks
    quality = 100 if lossless else lossy_quality(chunks[b"VP8 "])
    return Decoded(from_image(image), metadata, WebpSettings(lossless, quality))


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


class _BoolDecoder:
    """Boolean entropy decoder for header flags of even odds (RFC 6386, section 7.3)."""

    def __init__(self, data: bytes) -> None:
        self._data = data + bytes(4)
        self._value, self._at = int.from_bytes(self._data[:2], "big"), 2
        self._range, self._shifted = 255, 0

    def bits(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._bit()
        return value

    def signed(self, count: int) -> int:
        magnitude = self.bits(count)
        return -magnitude if self.bits(1) else magnitude

    def _bit(self) -> int:
        split = 1 + ((self._range - 1) * 128 >> 8)
        bit = int(self._value >= split << 8)
        if bit:
            self._range -= split
            self._value -= split << 8
        else:
            self._range = split
        while self._range < 128:
            self._value, self._range, self._shifted = self._value << 1, self._range << 1, self._shifted + 1
            if self._shifted == 8:
                self._shifted = 0
                self._value |= self._data[self._at] if self._at < len(self._data) else 0
                self._at += 1
        return bit


def lossy_quality(frame: bytes) -> int:
    """libwebp quality (0 to 100) whose quantiser is nearest to a VP8 key frame's (RFC 6386, 9.3 to 9.6).

    libwebp spreads four segments around the quantiser asked for; the second finest comes nearest: within 5 of
    the quality that photos were written with, for 20 to 95.
    """
    flags = _BoolDecoder(frame[10:])
    flags.bits(2)  # colour space, clamping
    absolute, levels = _segment_quantisers(flags) if flags.bits(1) else (False, [])
    flags.bits(1 + 6 + 3)  # loop filter: type, level, sharpness
    if flags.bits(1) and flags.bits(1):
        for _ in range(8):
            if flags.bits(1):
                flags.signed(6)
    flags.bits(2)  # partitions
    base = flags.bits(7)
    quantisers = levels if absolute else [base + level for level in levels]
    ordered = sorted(quantisers) or [base]
    quantiser = min(max(ordered[len(ordered) // 4], 0), 127)
    # libwebp's QualityToCompression: quantiser = 127 * (1 - cube root(linear)).
    linear = (1 - quantiser / 127) ** 3
    return round(100 * (linear * 3 / 2 if linear < 0.5 else (linear + 1) / 2))


def _segment_quantisers(flags: _BoolDecoder) -> tuple[bool, list[int]]:
    update_map, update_data = flags.bits(1), flags.bits(1)
    absolute, levels = False, []
    if update_data:
        absolute = bool(flags.bits(1))
        levels = [flags.signed(7) if flags.bits(1) else 0 for _ in range(4)]
        for _ in range(4):  # loop filter strengths
            if flags.bits(1):
                flags.signed(6)
    if update_map:
        for _ in range(3):
            if flags.bits(1):
                flags.bits(8)
    return absolute, levels


def encode_webp(raster: Raster, metadata: Metadata, settings: WebpSettings) -> bytes:
    """A WebP file. raster: 8-bit "RGB" or "RGBA"; colours under full transparency are kept too."""
    buffer = io.BytesIO()
    to_image(raster).save(
        buffer,
        "WEBP",
        lossless=settings.lossless,
        quality=75 if settings.lossless else settings.quality,  # of a lossless file: the effort
        exact=True,
        exif=metadata.exif,
        xmp=metadata.xmp,
        icc_profile=metadata.icc,
    )
    return buffer.getvalue()


def new_webp_settings(*, lossless: bool) -> WebpSettings:
    """Settings for a picture that never was a WebP."""
    return WebpSettings(lossless, _QUALITY_WITHOUT_SOURCE)
