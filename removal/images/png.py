"""PNG in and out (W3C PNG, third edition): palette, transparency, 16 bits, and every harmless chunk."""

import binascii
import io
import struct
import zlib
from collections.abc import Iterable

import numpy as np
from PIL import PngImagePlugin

from _removal_support.limits import LARGEST_PROFILE_BYTES
from removal.images.colour import from_image, to_image
from removal.images.metadata import without_exif_prefix
from removal.images.photo import Decoded, Metadata, Opened, Raster

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_KEPT = (
    b"sRGB",
    b"gAMA",
    b"cHRM",
    b"cICP",
    b"mDCV",
    b"cLLI",
    b"sBIT",
    b"pHYs",
    b"tIME",
    b"tEXt",
    b"zTXt",
    b"iTXt",
)
_XMP = b"XML:com.adobe.xmp\0"
_RAW_PROFILE = b"Raw profile type "  # ImageMagick's and exiftool's way before the eXIf chunk
_PICTURE_PROFILES = tuple(_RAW_PROFILE + name + b"\0" for name in (b"exif", b"APP1", b"xmp", b"8bim"))
_METRES_PER_INCH = 0.0254
_DEFLATE_RATIO = 1032  # the most that deflate can squeeze (zlib's technical details)
_PIECE_BYTES = 1 << 18
_ADAM7 = (  # section 8.1: first column, first row, step across, step down
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_SHORT = "the file is truncated: it holds less of the picture than its header states"

Chunk = tuple[bytes, bytes]


def open_png(data: bytes) -> Opened:
    """Read all of a PNG file but its pixels. Raises ValueError."""
    chunks = _read_chunks(data)
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise ValueError("it has no header")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    for kind, content in chunks:
        if kind == b"acTL" and int.from_bytes(content[:4], "big") > 1:
            raise ValueError("animated pictures are not supported")

    def decode() -> Decoded:
        expected = _filtered_bytes(chunks[0][1])
        parts = [content for kind, content in chunks if kind == b"IDAT"]
        if sum(map(len, parts)) * _DEFLATE_RATIO < expected:
            raise ValueError(_SHORT)
        # Only what makes up the picture goes to the decoders: they choke on, or warn about, broken metadata.
        plain = _write_chunks([chunk for chunk in chunks if chunk[0] in _PICTURE])
        raster = _decode_16_bits(plain, colour) if depth == 16 else _decode_8_bits(plain)
        if (interlaced or not _colours(raster.samples[-1]).any()) and not _holds(parts, expected):
            raise ValueError(_SHORT)  # decoders leave black what is not there
        return Decoded(raster)

    return Opened(width, height, _read_metadata(chunks), decode)


def _filtered_bytes(header: bytes) -> int:
    """How many bytes the picture data of this header (IHDR) has before it is deflated (section 9.2)."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    total = 0
    for left, top, across, down in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _colours(row: np.ndarray) -> np.ndarray:
    """A row of samples without its alpha."""
    return row[:, :-1] if row.ndim == 2 and row.shape[1] in (2, 4) else row


def _holds(parts: Iterable[bytes], size: int) -> bool:
    """Whether deflated parts hold `size` bytes at least; a piece at a time."""
    engine = zlib.decompressobj()
    for part in parts:
        while part and size > 0 and not engine.eof:
            size -= len(engine.decompress(part, _PIECE_BYTES))
            part = engine.unconsumed_tail
    return size - len(engine.flush()) <= 0


def _read_chunks(data: bytes) -> list[Chunk]:
    chunks: list[Chunk] = []
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        content = data[at + 8 : end - 4]
        if kind in _PICTURE and binascii.crc32(content, binascii.crc32(kind)) != int.from_bytes(
            data[end - 4 : end], "big"
        ):
            raise ValueError(f"its {kind.decode()} part is damaged")
        if kind == b"IEND":
            return chunks
        chunks.append((kind, content))
        at = end
    raise ValueError("the file is truncated")


def _write_chunks(chunks: Iterable[Chunk]) -> bytes:
    parts = [_SIGNATURE]
    for kind, content in [*chunks, (b"IEND", b"")]:
        crc = binascii.crc32(content, binascii.crc32(kind))
        parts += [struct.pack(">I4s", len(content), kind), content, struct.pack(">I", crc)]
    return b"".join(parts)


def _decode_8_bits(plain: bytes) -> Raster:
    image = PngImagePlugin.PngImageFile(io.BytesIO(plain))
    image.load()
    return from_image(image)


def _decode_16_bits(plain: bytes, colour: int) -> Raster:
    import cv2  # Pillow reads 16-bit colour as 8 bits

    samples = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None or samples.dtype != np.uint16:
        raise ValueError("its 16-bit samples cannot be decoded")
    if samples.ndim == 2:
        return Raster(samples, "L")
    if samples.shape[2] == 4 and colour in (0, 4):
        return Raster(np.ascontiguousarray(samples[..., [0, 3]]), "LA")
    alpha = samples.shape[2] == 4
    return Raster(samples[..., [2, 1, 0, 3] if alpha else [2, 1, 0]], "RGBA" if alpha else "RGB")


def _read_metadata(chunks: list[Chunk]) -> Metadata:
    exif = xmp = icc = b""
    dpi = None
    extra = []
    for kind, content in chunks:
        if kind == b"eXIf":
            exif = without_exif_prefix(content)
        elif kind == b"iCCP":
            icc = _inflate(content.partition(b"\0")[2][1:])
        elif kind == b"iTXt" and content.startswith(_XMP):
            xmp = _international_text(content)
        elif kind == b"zTXt" and content.startswith((_RAW_PROFILE + b"exif\0", _RAW_PROFILE + b"APP1\0")):
            exif = exif or _raw_profile(content)
        elif kind in _KEPT and not content.startswith(_PICTURE_PROFILES):
            extra.append((kind, content))
        if kind == b"pHYs" and len(content) == 9 and content[8] == 1:
            across, down = struct.unpack(">II", content[:8])
            dpi = (across * _METRES_PER_INCH, down * _METRES_PER_INCH)
    return Metadata(exif, xmp, icc, dpi, tuple(extra))


def _inflate(content: bytes) -> bytes:
    """Decompressed content; empty where it is damaged or inflates to more than any profile needs."""
    engine = zlib.decompressobj()
    try:
        inflated = engine.decompress(content, LARGEST_PROFILE_BYTES)
    except zlib.error:
        return b""
    return inflated if engine.eof else b""


def _international_text(content: bytes) -> bytes:
    """Text of an iTXt chunk (section 11.3.3.4): flag, method, language and translated keyword come first."""
    _, _, rest = content.partition(b"\0")
    compressed, parts = rest[:1] == b"\1", rest[2:].split(b"\0", 2)
    text = parts[2] if len(parts) == 3 else b""
    return _inflate(text) if compressed else text


def _raw_profile(content: bytes) -> bytes:
    """EXIF from a zTXt chunk that holds a name, a length and hexadecimal digits."""
    words = _inflate(content.partition(b"\0")[2][1:]).split()
    try:
        return without_exif_prefix(binascii.unhexlify(b"".join(words[2:])))
    except (binascii.Error, ValueError):
        return b""


def encode_png(raster: Raster, metadata: Metadata, settings: None) -> bytes:
    """A PNG file. raster: any layout but "CMYK" and "RGBX"; a 16-bit "LA" is written as RGBA."""
    encoded = _read_chunks(_encode_16_bits(raster) if raster.bits == 16 else _encode_8_bits(raster))
    picture = [chunk for chunk in encoded if chunk[0] in _PICTURE]
    return _write_chunks([picture[0], *_metadata_chunks(metadata, colour=picture[0][1][9]), *picture[1:]])


def _encode_8_bits(raster: Raster) -> bytes:
    buffer = io.BytesIO()
    image = to_image(raster)
    if raster.palette is not None and (raster.palette[:, 3] < 255).any():
        image.save(buffer, "PNG", transparency=raster.palette[:, 3].tobytes())
    else:
        image.save(buffer, "PNG")
    return buffer.getvalue()


def _encode_16_bits(raster: Raster) -> bytes:
    import cv2

    order = {"L": None, "LA": [0, 0, 0, 1], "RGB": [2, 1, 0], "RGBA": [2, 1, 0, 3]}[raster.layout]
    samples = raster.samples if order is None else raster.samples[..., order]
    done, encoded = cv2.imencode(".png", samples)
    if not done:
        raise ValueError("its 16-bit samples cannot be encoded")
    return encoded.tobytes()


def _metadata_chunks(metadata: Metadata, colour: int) -> list[Chunk]:
    chunks = []
    if metadata.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    significant = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour]
    kept = [(kind, content) for kind, content in metadata.extra if kind in _KEPT]
    for kind, content in kept:
        if kind != b"sBIT" or len(content) == significant:
            chunks.append((kind, content))
    if metadata.dpi and not any(kind == b"pHYs" for kind, _ in kept):
        across, down = (round(value / _METRES_PER_INCH) for value in metadata.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append((b"iTXt", _XMP + b"\0\0\0\0" + metadata.xmp))
    return chunks
