"""Files that lie, loop, nest or end early: one line or a photo, at once, and the same answer everywhere."""

import io
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from removal.images import PhotoError, read_photo, write_photo
from removal.images.size import read_size

HEIGHT, WIDTH = 48, 64
LOOP_OF_40 = (
    b"II*\0\x08\0\0\0" + struct.pack("<H", 40) + struct.pack("<HHII", 34665, 4, 1, 8) * 40 + b"\0\0\0\0"
)


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Seconds of this process, however busy the machine is."""
    started = time.process_time()
    yield
    assert time.process_time() - started < 2


def noise() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def encoded(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise()).save(buffer, kind, **options)
    return buffer.getvalue()


def segment(content: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def jpeg_with(content: bytes) -> bytes:
    plain = encoded("JPEG")
    return plain[:2] + segment(content) + plain[2:]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(kind: bytes, content: bytes) -> bytes:
    plain = encoded("PNG")
    return plain[:33] + chunk(kind, content) + plain[33:]


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def edited(path: Path) -> bytes:
    """The file after a small removal."""
    photo = read_photo(path)
    mask = np.zeros(photo.pixels.shape[:2], bool)
    mask[4:8, 4:8] = True
    return write_photo(photo, photo.pixels, mask).read_bytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_an_exif_directory_that_points_to_itself_is_left_out(tmp_path: Path, suffix: str) -> None:
    data = jpeg_with(b"Exif\0\0" + LOOP_OF_40) if suffix == ".jpg" else png_with(b"eXIf", LOOP_OF_40)
    path = written(tmp_path / f"loop{suffix}", data)

    assert read_size(path) == (HEIGHT, WIDTH, 1)
    assert read_photo(path).notes == ("its EXIF is damaged and was left out",)
    assert LOOP_OF_40[10:60] not in edited(path)


def test_a_tiff_whose_directory_points_to_itself_is_refused(tmp_path: Path) -> None:
    plain = encoded("TIFF")
    (at,) = struct.unpack_from("<I", plain, 4)
    (count,) = struct.unpack_from("<H", plain, at)
    links = struct.pack("<HHII", 34665, 4, 1, len(plain)) * 40
    table = struct.pack("<H", count + 40) + plain[at + 2 : at + 2 + 12 * count] + links + b"\0\0\0\0"
    path = written(tmp_path / "loop.tif", plain[:4] + struct.pack("<I", len(plain)) + plain[8:] + table)

    for read in (read_size, read_photo):
        with pytest.raises(PhotoError, match="directories lead back to each other"):
            read(path)


@pytest.mark.parametrize("size", [500_000, 4_000_000])
def test_a_long_chain_of_empty_directories_takes_no_time(tmp_path: Path, size: int) -> None:
    count = (size - 8) // 6
    links = [8 + 6 * (i + 1) for i in range(count - 1)] + [0]
    block = b"II*\0\x08\0\0\0" + b"".join(struct.pack("<HI", 0, link) for link in links)
    path = written(tmp_path / "chain.png", png_with(b"eXIf", block))

    assert read_size(path) == (HEIGHT, WIDTH, 1)
    assert len(edited(path)) < 50_000


def test_directories_that_overlap_are_read_once_each(tmp_path: Path) -> None:
    count = 5000  # each entry of the first leads to a directory that begins 12 bytes after the last one's
    entries = b"".join(struct.pack("<HHII", 34665, 4, 1, 8 + 12 * i) for i in range(1, count + 1))
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + b"\x88\x13" * 40_000
    read_photo(written(tmp_path / "overlap.png", png_with(b"eXIf", block)))


def test_many_thumbnail_spans_are_blanked_once(tmp_path: Path) -> None:
    count, size = 20_000, 1 << 20
    first = struct.pack("<H", 0) + struct.pack("<I", 14)
    starts = struct.pack("<HHII", 273, 4, count, 44) + struct.pack("<HHII", 279, 4, count, 44 + 4 * count)
    block = b"II*\0\x08\0\0\0" + first + struct.pack("<H", 2) + starts + b"\0\0\0\0"
    block = block.ljust(44, b"\0") + struct.pack("<I", 44 + 8 * count) * count
    block += struct.pack("<I", size) * count + bytes(size)
    edited(written(tmp_path / "spans.png", png_with(b"eXIf", block)))


def test_deep_xmp_is_left_out_and_said(tmp_path: Path) -> None:
    xmp = b"<a>" * 5000 + b"<Thumbnails/>" + b"</a>" * 5000
    path = written(tmp_path / "deep.jpg", jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + xmp))
    assert read_photo(path).notes == ("its XMP cannot be read or is no photo's, and was left out",)
    assert b"<a><a>" not in edited(path)


def test_xmp_with_entities_is_left_out(tmp_path: Path) -> None:
    xmp = b'<!DOCTYPE a [<!ENTITY b "x">]><a>&b;<Thumbnails/></a>'
    path = written(tmp_path / "entities.jpg", jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + xmp))
    assert read_photo(path).metadata.xmp == b""


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_an_absurd_resolution_is_left_out_and_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    if suffix == ".tif":
        Image.fromarray(noise()).save(path, tiffinfo={282: 4294967295.0, 283: 4294967295.0, 296: 2})
    else:
        written(path, png_with(b"pHYs", struct.pack(">IIB", 4294967295, 4294967295, 1)))

    photo = read_photo(path)

    assert photo.notes == ("its resolution (DPI) is no photo's, and was left out",)
    assert photo.metadata.dpi is None
    out = written(tmp_path / f"out{suffix}", edited(path))
    assert read_photo(out).notes == ()
    np.testing.assert_array_equal(read_photo(out).pixels, noise())


@pytest.mark.parametrize(("width", "height"), [(3_000_000_000, 4), (70_000, 70_000)])
def test_a_png_that_lies_about_its_size_is_refused_by_all_readers(
    tmp_path: Path, width: int, height: int
) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path = written(tmp_path / "lying.png", data)
    for read in (read_size, read_photo):
        with pytest.raises(PhotoError, match="more than the limit of 300 megapixels"):
            read(path)


def test_a_small_png_that_states_a_large_picture_costs_nothing(tmp_path: Path) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 17_000, 17_000, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(PhotoError, match="holds less of the picture than its header states"):
        read_photo(written(tmp_path / "lying.png", data))


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "I;16"])
def test_a_png_that_holds_half_of_its_rows_is_refused(tmp_path: Path, mode: str) -> None:
    buffer = io.BytesIO()
    image = Image.fromarray(noise())
    image = Image.new(mode, image.size, 40_000) if mode == "I;16" else image.convert(mode)
    image.save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    struct.pack_into(">I", data, 20, 2 * HEIGHT)
    struct.pack_into(">I", data, 29, zlib.crc32(bytes(data[12:29])))
    with pytest.raises(PhotoError, match=r"truncated|damaged"):
        read_photo(written(tmp_path / "short.png", bytes(data)))


def test_a_png_with_a_black_last_row_is_read(tmp_path: Path) -> None:
    pixels = noise()
    pixels[-1] = 0
    Image.fromarray(pixels).save(tmp_path / "black.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "black.png").pixels, pixels)


@pytest.mark.parametrize("compression", ["raw", "tiff_adobe_deflate", "tiff_lzw"])
@pytest.mark.parametrize("whole_strips", [True, False])
def test_a_tiff_that_holds_half_of_its_rows_is_refused(
    tmp_path: Path, compression: str, whole_strips: bool
) -> None:
    data = bytearray(encoded("TIFF", compression=compression))
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for place in range(at + 2, at + 2 + 12 * count, 12):
        code, kind = struct.unpack_from("<HH", data, place)
        if code == 257 or (code == 278 and not whole_strips):  # rows; rows of a strip
            struct.pack_into("<H" if kind == 3 else "<I", data, place + 8, 2 * HEIGHT)
    with pytest.raises(PhotoError, match="damaged or unsupported TIFF"):
        read_photo(written(tmp_path / "short.tif", bytes(data)))


def test_a_doubled_exif_prefix_counts_once(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    path = written(tmp_path / "double.jpg", jpeg_with(b"Exif\0\0" + exif.tobytes()))
    assert exif.tobytes().startswith(b"Exif\0\0")
    assert read_photo(path).pixels.shape == (WIDTH, HEIGHT, 3)
    assert read_size(path) == (WIDTH, HEIGHT, 6)


@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_size_and_photo_agree_on_turned_ones(tmp_path: Path, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = written(tmp_path / "turned", encoded(kind, exif=exif))
    height, width, stated = read_size(path)
    assert (height, width) == ((WIDTH, HEIGHT) if orientation >= 5 else (HEIGHT, WIDTH))
    assert (height, width) == read_photo(path).pixels.shape[:2]
    assert stated == orientation


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restarts", [0, 1])
def test_a_jpeg_that_lacks_only_its_end_marker_is_read_and_said(
    tmp_path: Path, progressive: bool, restarts: int
) -> None:
    data = encoded("JPEG", quality=90, progressive=progressive, restart_marker_rows=restarts)
    whole = read_photo(written(tmp_path / "whole.jpg", data))
    for missing in (1, 2):
        photo = read_photo(written(tmp_path / "open.jpg", data[:-missing]))
        np.testing.assert_array_equal(photo.pixels, whole.pixels)
        assert photo.notes == ("its end marker is missing; the whole picture is there",)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restarts", [0, 1])
def test_a_jpeg_that_lacks_more_is_refused(tmp_path: Path, progressive: bool, restarts: int) -> None:
    data = encoded("JPEG", quality=90, progressive=progressive, restart_marker_rows=restarts)
    cuts = [data.rfind(bytes((0xFF, 0xD0 + number))) for number in range(8)] if restarts else []
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"][1:]
    for length in (len(data) - 8, len(data) - 40, len(data) // 2, *scans, *(cut for cut in cuts if cut > 0)):
        with pytest.raises(PhotoError, match="truncated"):
            read_photo(written(tmp_path / "cut.jpg", data[:length]))


def test_png_text_of_megabytes_and_of_a_wrong_checksum_is_no_obstacle(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "{}" * 1_500_000, zip=True)
    info.add_text("Comment", "hello")
    data = bytearray(encoded("PNG", pnginfo=info))
    data[data.find(b"tEXtComment") + 5] ^= 0xFF
    path = written(tmp_path / "text.png", bytes(data))
    assert read_size(path) == (HEIGHT, WIDTH, 1)
    np.testing.assert_array_equal(read_photo(path).pixels, noise())


def test_a_webp_that_states_16000_x_16000_pixels_in_82_bytes(tmp_path: Path) -> None:
    picture = struct.pack("<I", 15_999 | 15_999 << 14)
    lossless = b"VP8L" + struct.pack("<I", 46) + b"\x2f" + picture + bytes(41)
    frame = b"VP8X\x0a\0\0\0" + bytes(4) + (15_999).to_bytes(3, "little") * 2
    body = b"WEBP" + frame + lossless
    with pytest.raises(PhotoError, match="damaged or unsupported WEBP"):
        read_photo(written(tmp_path / "bomb.webp", b"RIFF" + struct.pack("<I", len(body)) + body))


def test_a_photo_from_a_stream() -> None:
    photo = read_photo(io.BytesIO(encoded("PNG")), name="standard input")
    np.testing.assert_array_equal(photo.pixels, noise())
    with pytest.raises(PhotoError, match=r"^standard input: is empty$"):
        read_photo(io.BytesIO(b""))
    with pytest.raises(PhotoError, match=r"^standard input: is a GIF file"):
        read_photo(io.BytesIO(b"GIF89a" + bytes(20)))
