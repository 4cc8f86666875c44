"""JPEG in and out (ITU-T T.81; JFIF 1.02), with the source's own quantisation tables and subsampling."""

import io
import struct
from collections.abc import Iterator
from dataclasses import replace

from PIL import Image, JpegImagePlugin

from removal.images.colour import from_image, to_image
from removal.images.jpeg_end import WITHOUT_END, completed_scan
from removal.images.metadata import clean_photoshop, read_resolution, standard_exif, without_exif_prefix
from removal.images.photo import Decoded, JpegSettings, Metadata, Opened, Raster

_APP0, _APP1, _APP2, _APP13, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF
_EOI, _SOS, _COM = 0xD9, 0xDA, 0xFE
_SEGMENT_BYTES = 65533
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_QUALITY_WITHOUT_SOURCE = 95
_SUBSAMPLINGS = {(1.0, 1.0): 0, (2.0, 1.0): 1, (2.0, 2.0): 2}


def open_jpeg(data: bytes) -> Opened:
    """Read all of a JPEG file but its pixels; of several pictures in it (MPF, gain maps, motion photos) the
    first. Raises ValueError."""
    plain, described = _split(data)
    # The plain plugin class: Image.open would add its own size limit.
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(plain))
    width, height = image.size

    def decode() -> Decoded:
        settings = _read_settings(image)
        adobe = "adobe" in image.info
        notes: tuple[str, ...] = ()
        loaded: Image.Image = image
        try:
            image.load()
        except OSError:
            completed = completed_scan(plain)
            if completed is None:
                raise
            loaded, notes = completed, (WITHOUT_END,)
        raster = from_image(loaded)
        if raster.layout == "CMYK" and not adobe:
            # Pillow takes every CMYK JPEG for one of Adobe's, which are stored inverted.
            raster = Raster(255 - raster.samples, "CMYK")
        return Decoded(raster, settings, notes)

    return Opened(width, height, _read_metadata(described), decode)


def _split(data: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
    """The file without its metadata, which decoders warn about where it is broken; and that metadata.

    The segments of JFIF and Adobe (APP14) stay with the picture too: they tell how its colours are stored.
    """
    plain = [data[:2]]
    described: list[tuple[int, bytes]] = []
    at = data.find(b"\xff", 2)
    while at >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:  # fill bytes and markers without content
            at = data.find(b"\xff", at + (1 if marker == 0xFF else 2))
            continue
        if marker in (_SOS, _EOI):
            return b"".join([*plain, data[at:]]), described
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        content = data[at + 4 : end]
        is_metadata = marker == _COM or (_APP0 <= marker <= _APP15 and marker != _APP14)
        if is_metadata:
            described.append((marker, content))
        if not is_metadata or content.startswith(b"JFIF\0"):
            plain.append(data[at:end])
        at = data.find(b"\xff", end)
    raise ValueError("the file is truncated")


def _read_settings(image: JpegImagePlugin.JpegImageFile) -> JpegSettings:
    transform = image.info.get("adobe_transform")
    names = bytes(layer[0] for layer in image.layer)
    rgb = image.layers == 3 and (
        transform == 0 or (transform is None and names == b"RGB" and "jfif" not in image.info)
    )
    used = [tuple(image.quantization[layer[3]]) for layer in image.layer]
    if image.layers == 4 and transform == 2:
        used = used[:1]  # YCCK is written as CMYK: the tables of Cb and Cr would be too coarse for ink.
    while len(used) > 1 and used[-1] == used[-2]:
        used.pop()
    return JpegSettings(tuple(used), _subsampling(image), bool(image.info.get("progressive")), rgb)


def _subsampling(image: JpegImagePlugin.JpegImageFile) -> int:
    """Those that Pillow cannot write (4:1:1, 4:4:0) become 4:4:4, which loses nothing."""
    (_, wide, high, _), *chroma = image.layer
    if image.layers == 1:  # one component has nothing to share samples with, but some files say so
        return _SUBSAMPLINGS.get((wide, high), 0)
    if image.layers != 3:
        return 0
    if chroma[0][1:3] != chroma[1][1:3]:
        return 0
    return _SUBSAMPLINGS.get((wide / chroma[0][1], high / chroma[0][2]), 0)


def _read_metadata(described: list[tuple[int, bytes]]) -> Metadata:
    exif = xmp = b""
    profile: dict[int, bytes] = {}
    extra = []
    for marker, content in described:
        if marker == _APP0 and content.startswith(b"JFIF\0") and len(content) >= 12:
            extra.append((b"JFIF", content[:12] + b"\0\0"))  # the two bytes: no thumbnail
        elif marker == _APP1 and content.startswith(_EXIF):
            # Some writers put the prefix twice, and a block too large for one segment goes on in the next.
            exif += content[len(_EXIF) :] if exif else without_exif_prefix(content)
        elif marker == _APP1 and content.startswith(_XMP):
            xmp = content[len(_XMP) :]
        elif marker == _APP2 and content.startswith(_ICC):
            profile.setdefault(content[len(_ICC)], content[len(_ICC) + 2 :])
        elif marker == _APP13 and content.startswith(_PHOTOSHOP):
            extra.append((b"Photoshop", content[len(_PHOTOSHOP) :]))
        elif marker == _COM:
            extra.append((b"COM", content))
    icc = b"".join(profile[number] for number in sorted(profile))
    return Metadata(exif, xmp, icc, _read_dpi(dict(extra).get(b"JFIF"), exif), tuple(extra))


def _read_dpi(jfif: bytes | None, exif: bytes) -> tuple[float, float] | None:
    if jfif is not None and jfif[7] in (1, 2):
        per_inch = 2.54 if jfif[7] == 2 else 1.0
        across, down = struct.unpack_from(">HH", jfif, 8)
        return (across * per_inch, down * per_inch) if across and down else None
    return read_resolution(exif)


def turned(settings: JpegSettings, orientation: int) -> JpegSettings:
    """Settings for the picture turned upright, so that it is quantised as before.

    A quarter turn (orientation 5 to 8) swaps the frequencies along and across, as in a lossless rotation: the
    tables are transposed. 4:2:2 would then thin the colours the other way as well: it becomes 4:4:4.
    """
    if orientation < 5:
        return settings
    tables = tuple(
        tuple(table[row * 8 + col] for col in range(8) for row in range(8)) for table in settings.tables
    )
    return replace(
        settings, tables=tables, subsampling=0 if settings.subsampling == 1 else settings.subsampling
    )


def encode_jpeg(raster: Raster, metadata: Metadata, settings: JpegSettings | None) -> bytes:
    """A JPEG file. raster: 8-bit "L", "RGB" or "CMYK". settings: None for a picture that never was a JPEG."""
    buffer = io.BytesIO()
    image = to_image(raster)
    dpi = tuple(value if 0 < value < 65535 else 0 for value in metadata.dpi or (0, 0))
    if settings is None:
        image.save(buffer, "JPEG", quality=_QUALITY_WITHOUT_SOURCE, subsampling=0, dpi=dpi)
    else:
        image.save(
            buffer,
            "JPEG",
            qtables=[list(table) for table in settings.tables],
            subsampling=-1 if raster.layout == "CMYK" else settings.subsampling,
            progressive=settings.progressive,
            keep_rgb=settings.rgb,
            dpi=dpi,
        )
    return _with_segments(buffer.getbuffer(), metadata)


def _with_segments(stream: memoryview, metadata: Metadata) -> bytes:
    """Put the metadata behind the stream's JFIF header, which every reader expects first."""
    at = 2
    jfif = b""
    if bytes(stream[2:4]) == b"\xff\xe0":
        at = 4 + struct.unpack_from(">H", stream, 4)[0]
        jfif = bytes(stream[2:at])
        for kind, content in metadata.extra:
            if kind == b"JFIF":
                jfif = _segment(_APP0, content)
    segments = b"".join(_segment(marker, content) for marker, content in _segments(metadata))
    return b"".join([b"\xff\xd8", jfif, segments, stream[at:]])


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _segments(metadata: Metadata) -> Iterator[tuple[int, bytes]]:
    exif = metadata.exif
    if len(_EXIF + exif) > _SEGMENT_BYTES:
        exif = standard_exif(exif)  # a TIFF's private tags can be larger than a JPEG segment
    if exif and len(_EXIF + exif) <= _SEGMENT_BYTES:
        yield _APP1, _EXIF + exif
    if metadata.xmp and len(_XMP + metadata.xmp) <= _SEGMENT_BYTES:
        yield _APP1, _XMP + metadata.xmp
    size = _SEGMENT_BYTES - len(_ICC) - 2
    parts = [metadata.icc[start : start + size] for start in range(0, len(metadata.icc), size)]
    if len(parts) <= 255:
        for number, part in enumerate(parts, 1):
            yield _APP2, _ICC + bytes([number, len(parts)]) + part
    for kind, content in metadata.extra:
        if kind == b"Photoshop" and (kept := clean_photoshop(content)):
            yield _APP13, _PHOTOSHOP + kept
        elif kind == b"COM":
            yield _COM, content
