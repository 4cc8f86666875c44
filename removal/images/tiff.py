"""TIFF in and out (TIFF 6.0): the file's own compression, 16-bit colour and all its tags that stay true.

Pillow (libtiff) does the compression, but reads 16-bit colour as 8 bits and knows few tags. So the tags are
read and written here, and libtiff is given a bare file of one page; 16-bit colour goes through it as 16-bit
grey, whose rows are as many times wider.
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import TiffImagePlugin

from _removal_support.pillow_limit import pillow_limit_lifted
from removal.images.colour import from_image, to_image
from removal.images.ifd import (
    UNDEFINED,
    Entry,
    later_directories,
    long,
    main_directory,
    read_directory,
    read_header,
    short,
    write_structure,
    write_tiff,
)
from removal.images.metadata import clean_photoshop, read_resolution
from removal.images.photo import Decoded, Metadata, Opened, Raster, TiffSettings

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, CHANNELS, STRIP_SIZES = 273, 277, 279
ACROSS, DOWN, RESOLUTION_UNIT = 282, 283, 296
PLANES, PREDICTOR, TILE_WIDTH, TILE_OFFSETS, TILE_SIZES = 284, 317, 322, 324, 325
ROWS_PER_STRIP, TILE_HEIGHT = 278, 323
SUBFILE, OLD_SUBFILE, EXTRA_SAMPLES, SAMPLE_FORMAT = 254, 255, 338, 339
XMP, PHOTOSHOP, ICC = 700, 34377, 34675

# What describes how the samples lie in the file: no metadata.
_SAMPLES = (WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, CHANNELS, PLANES, EXTRA_SAMPLES, SAMPLE_FORMAT)
_PIECES = (STRIP_OFFSETS, STRIP_SIZES, ROWS_PER_STRIP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES)
_CODING = (266, 292, 293, PREDICTOR, 320, 347, 529, 530, 531, 532)  # fill order, fax, palette, JPEG, YCbCr
_STRUCTURE = frozenset((*_SAMPLES, *_PIECES, *_CODING))
_SINGLE = _STRUCTURE - {BITS, EXTRA_SAMPLES, SAMPLE_FORMAT, 320, 347, 529, 530, 532}
_SINGLE -= {STRIP_OFFSETS, STRIP_SIZES, TILE_OFFSETS, TILE_SIZES}
# Further pictures, layers and previews; kinds of page; what is kept elsewhere.
_DROPPED = frozenset((SUBFILE, OLD_SUBFILE, 280, 281, 297, 330, 513, 514, 37724, 50784, XMP, PHOTOSHOP, ICC))
_DEFLATE, _OLD_JPEG, _JPEG = 8, 6, 7
_COMPRESSIONS = {2: "tiff_ccitt", 3: "group3", 4: "group4", 5: "tiff_lzw", 7: "jpeg", 8: "tiff_adobe_deflate"}
_COMPRESSIONS |= {1: "raw", 32773: "packbits", 32946: "tiff_adobe_deflate", 34925: "lzma", 50000: "zstd"}
_FAX = (2, 3, 4)
_JPEG_QUALITY = 95
_LAYOUTS = {
    (0, 1): "L",
    (0, 2): "LA",
    (1, 1): "L",
    (1, 2): "LA",
    (2, 3): "RGB",
    (2, 4): "RGBA",
    (5, 4): "CMYK",
}


def open_tiff(data: bytes) -> Opened:
    """Read all of a TIFF file but its pixels. Raises ValueError.

    Reduced-size pages (previews) are left out; more than one full page is refused.
    """
    header = read_header(data)
    entries, following = read_directory(data, header.first, header)
    page = {entry.code: entry for entry in entries}
    width, height = _number(page, WIDTH), _number(page, HEIGHT)
    if width < 1 or height < 1:
        raise ValueError("it has no picture")
    _refuse_more_pages(data, following)
    depths = set(page[BITS].integers()) if BITS in page else {1}
    _refuse_unsupported(page, depths)
    strips = _read_strips(data, page)

    def decode() -> Decoded:
        if depths == {16}:
            raster = _decode_16_bits(page, strips, header.order)
        else:
            structure = [entry for entry in entries if entry.code in _STRUCTURE]
            raster = _decode_8_bits(structure, strips, header.order)
        return Decoded(raster, TiffSettings(_number(page, COMPRESSION, 1), _number(page, PREDICTOR, 1)))

    return Opened(width, height, _read_metadata(entries, page), decode)


def _number(page: dict[int, Entry], code: int, default: int = 0) -> int:
    values = page[code].integers() if code in page else ()
    return values[0] if values else default


def _refuse_more_pages(data: bytes, following: int) -> None:
    for entries, _ in later_directories(data, following, read_header(data)):
        page = {entry.code: entry for entry in entries}
        if not (_number(page, SUBFILE) & 1 or _number(page, OLD_SUBFILE) == 2):
            raise ValueError("files of several pages are not supported: save its pages one by one")


def _refuse_unsupported(page: dict[int, Entry], depths: set[int]) -> None:
    for code in _SINGLE & page.keys():
        if len(page[code].integers()) != 1:
            raise ValueError(f"its tag {code} is damaged")
    if _number(page, SUBFILE) & 1:
        raise ValueError("its first picture is only a preview (a raw photo?)")
    if _number(page, SAMPLE_FORMAT, 1) not in (1, 4):
        raise ValueError("signed and floating-point samples are not supported")
    if not (depths <= {1, 2, 4, 8} or depths == {16}) or len(depths) != 1:
        raise ValueError(f"samples of {'/'.join(map(str, sorted(depths)))} bits are not supported")
    if _number(page, COMPRESSION, 1) == _OLD_JPEG:
        raise ValueError("the old kind of JPEG compression (6) is not supported")
    if _number(page, CHANNELS, 1) > 4:
        raise ValueError(f"{_number(page, CHANNELS)} channels are not supported, at most 4 are")


def _tile_tags(page: dict[int, Entry]) -> tuple[int, int]:
    return (TILE_OFFSETS, TILE_SIZES) if TILE_OFFSETS in page else (STRIP_OFFSETS, STRIP_SIZES)


def _read_strips(data: bytes, page: dict[int, Entry]) -> list[bytes]:
    starts_tag, sizes_tag = _tile_tags(page)
    starts = page[starts_tag].integers() if starts_tag in page else ()
    sizes = page[sizes_tag].integers() if sizes_tag in page else ()
    if not sizes and len(starts) == 1:  # allowed, once, where nothing is compressed
        sizes = (len(data) - starts[0],)
    if not starts or len(starts) != len(sizes):
        raise ValueError("its picture data cannot be found")
    if len(starts) < _expected_strips(page):
        raise ValueError("the file is truncated: it holds less of the picture than its header states")
    if any(start + size > len(data) for start, size in zip(starts, sizes, strict=True)):
        raise ValueError("the file is truncated")
    if sum(sizes) > 2 * len(data):
        raise ValueError("its picture data overlaps itself")
    return [data[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def _expected_strips(page: dict[int, Entry]) -> int:
    """How many strips or tiles the picture takes (TIFF 6.0, sections 3 and 15)."""
    width, height = _number(page, WIDTH), _number(page, HEIGHT)
    planes = _number(page, CHANNELS, 1) if _number(page, PLANES, 1) == 2 else 1
    if TILE_OFFSETS in page:
        wide, high = _number(page, TILE_WIDTH), _number(page, TILE_HEIGHT)
        if wide < 1 or high < 1:
            raise ValueError("its tiles have no size")
        return -(-width // wide) * -(-height // high) * planes
    rows = _number(page, ROWS_PER_STRIP) or height
    return -(-height // rows) * planes


def _decode_8_bits(structure: list[Entry], strips: Sequence[bytes], order: str) -> Raster:
    page = {entry.code: entry for entry in structure}
    bare = write_tiff(structure, strips, order=order, tags=_tile_tags(page))
    return from_image(_load(bare))


def _load(bare: bytes) -> TiffImagePlugin.TiffImageFile:
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(bare))
    with pillow_limit_lifted(image.width * image.height):
        image.load()
    return image


def _decode_16_bits(page: dict[int, Entry], strips: Sequence[bytes], order: str) -> Raster:
    width, height, channels = _number(page, WIDTH), _number(page, HEIGHT), _number(page, CHANNELS, 1)
    layout = _LAYOUTS.get((_number(page, PHOTOMETRIC, 1), channels))
    if layout is None:
        raise ValueError(f"16-bit samples of photometric kind {_number(page, PHOTOMETRIC)} are not supported")
    planes = channels if _number(page, PLANES, 1) == 2 else 1
    each = len(strips) // planes
    wide = [
        _decode_grey(page, strips[plane * each : (plane + 1) * each], order, channels // planes)
        for plane in range(planes)
    ]
    if _number(page, PREDICTOR, 1) == 2:
        wide = [_undo_predictor(plane, page, channels // planes) for plane in wide]
    samples = np.stack(wide, axis=-1) if planes > 1 else wide[0].reshape(height, width, channels)
    samples = samples[..., 0] if channels == 1 else samples
    if _number(page, PHOTOMETRIC, 1) == 0:
        samples = (
            np.concatenate([65535 - samples[..., :1], samples[..., 1:]], -1)
            if channels > 1
            else 65535 - samples
        )
    extra = _number(page, EXTRA_SAMPLES)
    if layout == "RGBA" and extra == 0:
        layout = "RGBX"
    if layout in ("LA", "RGBA") and extra == 1:
        samples = _straight_alpha(samples)
    return Raster(np.ascontiguousarray(samples), layout)


def _decode_grey(page: dict[int, Entry], strips: Sequence[bytes], order: str, channels: int) -> np.ndarray:
    """uint16 (H, W * channels): libtiff only undoes the compression."""
    kept = [page[code] for code in (HEIGHT, 266, ROWS_PER_STRIP, COMPRESSION, TILE_HEIGHT) if code in page]
    kept += [
        long(WIDTH, _number(page, WIDTH) * channels),
        short(BITS, 16),
        short(CHANNELS, 1),
        short(PHOTOMETRIC, 1),
    ]
    if TILE_WIDTH in page:
        kept.append(long(TILE_WIDTH, _number(page, TILE_WIDTH) * channels))
    image = _load(write_tiff(kept, strips, order=order, tags=_tile_tags(page)))
    return np.asarray(image).astype(np.uint16)


def _undo_predictor(wide: np.ndarray, page: dict[int, Entry], channels: int) -> np.ndarray:
    """Horizontal differencing (TIFF 6.0, section 14) starts anew in each row of each tile."""
    height, total = wide.shape
    step = _number(page, TILE_WIDTH, total // channels)
    samples = wide.reshape(height, -1, channels)
    parts = [samples[:, start : start + step] for start in range(0, samples.shape[1], step)]
    return np.concatenate([np.cumsum(part, axis=1, dtype=np.uint16) for part in parts], 1).reshape(
        height, total
    )


def _straight_alpha(samples: np.ndarray) -> np.ndarray:
    """Colours divided by their alpha, as PNG and everything else here has them."""
    alpha = np.maximum(samples[..., -1:].astype(np.uint32), 1)
    colours = np.minimum((samples[..., :-1].astype(np.uint32) * 65535 + alpha // 2) // alpha, 65535)
    return np.concatenate([colours.astype(np.uint16), samples[..., -1:]], axis=-1)


def _read_metadata(entries: list[Entry], page: dict[int, Entry]) -> Metadata:
    described = [entry for entry in entries if entry.code not in _STRUCTURE | _DROPPED]
    exif = write_structure(described) if described else b""
    return Metadata(
        exif=exif,
        xmp=page[XMP].value if XMP in page else b"",
        icc=page[ICC].value if ICC in page else b"",
        dpi=read_resolution(exif),
        extra=((b"Photoshop", page[PHOTOSHOP].value),) if PHOTOSHOP in page else (),
    )


def encode_tiff(raster: Raster, metadata: Metadata, settings: TiffSettings | None) -> bytes:
    """A TIFF file of one page. settings: None for a picture that never was a TIFF: deflate.

    A compression that cannot be written, or not for such samples, becomes deflate as well; JPEG inside a TIFF
    is written at quality 95.
    """
    settings = _usable(settings or TiffSettings(_DEFLATE, 2), raster)
    wide = raster.bits == 16 and raster.samples.ndim == 3
    buffer = io.BytesIO()
    bare = _as_wide_grey(raster, settings) if wide else raster
    options: dict[str, object] = {"compression": _COMPRESSIONS[settings.compression]}
    if not wide and settings.predictor == 2:
        options["tiffinfo"] = {PREDICTOR: 2}
    if settings.compression == _JPEG:
        options["quality"] = _JPEG_QUALITY
    to_image(bare).save(buffer, "TIFF", **options)
    data = buffer.getvalue()
    page = {entry.code: entry for entry in main_directory(data) if entry.code in _STRUCTURE}
    strips = _read_strips(data, page)
    if wide:
        page |= {entry.code: entry for entry in _wide_tags(raster, settings)}
    if settings.compression == 32946:
        page[COMPRESSION] = short(COMPRESSION, 32946)
    page |= {entry.code: entry for entry in _metadata_tags(metadata)}
    return write_tiff(page.values(), strips, order=read_header(data).order, tags=(STRIP_OFFSETS, STRIP_SIZES))


def _usable(settings: TiffSettings, raster: Raster) -> TiffSettings:
    compression = settings.compression
    if compression not in _COMPRESSIONS:
        compression = _DEFLATE
    if compression in _FAX and raster.layout != "1":
        compression = _DEFLATE
    if compression == _JPEG and (raster.bits != 8 or raster.layout not in ("L", "RGB", "CMYK")):
        compression = _DEFLATE
    predicted = (
        compression in (5, _DEFLATE, 32946, 34925, 50000) and settings.predictor == 2 and raster.bits >= 8
    )
    return TiffSettings(compression, 2 if predicted else 1)


def _as_wide_grey(raster: Raster, settings: TiffSettings) -> Raster:
    samples = raster.samples
    if settings.predictor == 2:
        samples = np.diff(samples, axis=1, prepend=samples[:, :1] * np.uint16(0))
    return Raster(samples.reshape(len(samples), -1), "L")


def _wide_tags(raster: Raster, settings: TiffSettings) -> list[Entry]:
    channels = raster.samples.shape[2]
    photometric = {"LA": 1, "RGB": 2, "RGBA": 2, "RGBX": 2, "CMYK": 5}[raster.layout]
    tags = [long(WIDTH, raster.samples.shape[1]), short(BITS, *[16] * channels), short(CHANNELS, channels)]
    tags += [short(PHOTOMETRIC, photometric), short(PREDICTOR, settings.predictor)]
    if raster.layout in ("LA", "RGBA", "RGBX"):
        tags.append(short(EXTRA_SAMPLES, 0 if raster.layout == "RGBX" else 2))
    return tags


def _metadata_tags(metadata: Metadata) -> list[Entry]:
    tags = []
    if metadata.dpi:
        tags += [
            _rational(ACROSS, metadata.dpi[0]),
            _rational(DOWN, metadata.dpi[1]),
            short(RESOLUTION_UNIT, 2),
        ]
    described = main_directory(metadata.exif)
    tags += [entry for entry in described if entry.code not in _STRUCTURE | _DROPPED]
    if metadata.xmp:
        tags.append(Entry(XMP, 1, len(metadata.xmp), metadata.xmp))
    if metadata.icc:
        tags.append(Entry(ICC, UNDEFINED, len(metadata.icc), metadata.icc))
    for kind, content in metadata.extra:
        if kind == b"Photoshop" and (kept := clean_photoshop(content)):
            tags.append(Entry(PHOTOSHOP, UNDEFINED, len(kept), kept))
    return tags


def _rational(code: int, value: float) -> Entry:
    pair = round(value * 10000), 10000
    return Entry(code, 5, 1, b"".join(number.to_bytes(4, "little") for number in pair))
