"""Samples of every kind through read_photo and write_photo, read back with Pillow, OpenCV and tifffile."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.color
import tifffile
from PIL import Image, ImageCms

from removal.images import PHOTO_SUFFIXES, output_format, read_photo, write_photo

HEIGHT, WIDTH = 41, 53
HOLE = (slice(10, 25), slice(20, 43))
RED = (200, 30, 60)
RED_LUMA = 84  # 0.299 * 200 + 0.587 * 30 + 0.114 * 60 = 84.25


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[HOLE] = True
    return mask


@pytest.fixture
def fill() -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), RED, np.uint8)


def noise(*channels: int, dtype: type = np.uint8) -> np.ndarray:
    top = np.iinfo(dtype).max
    return np.random.default_rng(7).integers(0, top, (HEIGHT, WIDTH, *channels), dtype=dtype, endpoint=True)


def smooth() -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([rows * 5, columns * 4, (rows + columns) * 2], -1).astype(np.uint8)


def pillow_image(mode: str) -> Image.Image:
    if mode == "1":
        return Image.fromarray(noise() > 127)
    if mode == "P":
        return Image.fromarray(noise(3)).quantize(40)
    if mode == "I;16":
        return Image.fromarray(noise(dtype=np.uint16))
    channels = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,), "CMYK": (4,)}[mode]
    return Image.frombytes(mode, (WIDTH, HEIGHT), noise(*channels).tobytes())


TIFF_CASES = [
    ("tif", mode, {"compression": compression})
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd")
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")
] + [
    ("tif", "1", {"compression": "group4"}),
    ("tif", "RGB", {"compression": "tiff_lzw", "tiffinfo": {317: 2}}),
]
LOSSLESS_CASES = [
    *[("png", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")],
    *[("webp", mode, {"lossless": True, "exact": True}) for mode in ("RGB", "RGBA")],
    *[("bmp", mode, {}) for mode in ("1", "L", "P", "RGB")],
    *TIFF_CASES,
]


@pytest.mark.parametrize(("suffix", "mode", "options"), LOSSLESS_CASES)
def test_lossless_outside_the_mask_bit_for_bit(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray, suffix: str, mode: str, options: dict
) -> None:
    path = tmp_path / f"photo.{suffix}"
    source = pillow_image(mode)
    source.save(path, **options)

    written = write_photo(read_photo(path), fill, mask)

    assert written == tmp_path / f"photo.removed.{suffix}"
    with Image.open(path) as before, Image.open(written) as after:
        assert (after.format, after.mode, after.size) == (before.format, before.mode, (WIDTH, HEIGHT))
        assert after.info.get("compression") == before.info.get("compression")
        same = np.asarray(before.convert("RGB") if mode == "P" else before)
        new = np.asarray(after.convert("RGB") if mode == "P" else after)
    np.testing.assert_array_equal(new[~mask], same[~mask])
    hole = new[mask]
    alpha_free = hole[..., :-1] if mode in ("LA", "RGBA") else hole
    expected = {"1": False, "L": RED_LUMA, "LA": RED_LUMA, "I;16": RED_LUMA * 257}.get(mode, RED)
    if mode == "CMYK":  # K = 255 - 200; C = 0; M = 255 - 255 * 30 / 200; Y = 255 - 255 * 60 / 200
        expected = (0, 217, 178, 55)
    np.testing.assert_array_equal(alpha_free, np.broadcast_to(expected, alpha_free.shape))
    if mode in ("LA", "RGBA"):
        np.testing.assert_array_equal(hole[..., -1], same[mask][..., -1])


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_png(tmp_path: Path, mask: np.ndarray, fill: np.ndarray, channels: int) -> None:
    samples = noise(channels, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), samples)

    photo = read_photo(tmp_path / "deep.png")
    written = cv2.imread(str(write_photo(photo, fill, mask)), cv2.IMREAD_UNCHANGED)

    np.testing.assert_array_equal(photo.pixels, np.round(samples[..., 2::-1] / 257).astype(np.uint8))
    assert written.dtype == np.uint16
    np.testing.assert_array_equal(written[~mask], samples[~mask])
    np.testing.assert_array_equal(
        written[mask][:, :3], np.full((mask.sum(), 3), (60 * 257, 30 * 257, 200 * 257))
    )
    if channels == 4:
        np.testing.assert_array_equal(written[..., 3], samples[..., 3])


def png_bytes(samples: np.ndarray, colour: int, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG made by hand: big-endian rows without filters."""
    height, width = samples.shape[:2]
    rows = samples.astype(samples.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    body = zlib.compress(np.c_[np.zeros((height, 1), np.uint8), rows].tobytes())
    header = struct.pack(">IIBBBBB", width, height, samples.dtype.itemsize * 8, colour, 0, 0, 0)
    parts = [(b"IHDR", header), *extra, (b"IDAT", body), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_16_bit_grey_and_alpha_png(tmp_path: Path, mask: np.ndarray, fill: np.ndarray) -> None:
    samples = noise(2, dtype=np.uint16)
    (tmp_path / "deep.png").write_bytes(png_bytes(samples, colour=4))

    photo = read_photo(tmp_path / "deep.png")
    written = cv2.imread(str(write_photo(photo, fill, mask)), cv2.IMREAD_UNCHANGED)

    np.testing.assert_array_equal(photo.raster.samples, samples)
    np.testing.assert_array_equal(written[~mask], samples[~mask][:, [0, 0, 0, 1]])
    np.testing.assert_array_equal(written[..., 3], samples[..., 1])
    assert (written[mask][:, :3] == RED_LUMA * 257).all()


def test_transparent_colour_of_a_png_becomes_alpha(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray
) -> None:
    samples = smooth()
    samples[:15] = (9, 8, 7)
    Image.fromarray(samples).save(tmp_path / "key.png", transparency=(9, 8, 7))

    with Image.open(write_photo(read_photo(tmp_path / "key.png"), fill, mask)) as after:
        assert after.mode == "RGBA"
        written = np.asarray(after)

    np.testing.assert_array_equal(written[..., 3], np.where((samples == (9, 8, 7)).all(-1), 0, 255))
    np.testing.assert_array_equal(written[~mask][:, :3], samples[~mask])


@pytest.mark.parametrize("photometric", ["rgb", "minisblack", "miniswhite", "separated"])
@pytest.mark.parametrize("layout", ["strips", "tiles", "planes"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("predictor", [False, True])
def test_16_bit_tiff(
    tmp_path: Path,
    mask: np.ndarray,
    fill: np.ndarray,
    photometric: str,
    layout: str,
    order: str,
    predictor: bool,
) -> None:
    shape = {"rgb": (3,), "separated": (4,)}.get(photometric, ())
    if layout == "planes" and not shape:
        pytest.skip("grey has one plane")
    samples = noise(*shape, dtype=np.uint16)
    planes = np.moveaxis(samples, -1, 0) if layout == "planes" else samples
    options = {"tile": (16, 16)} if layout == "tiles" else {"rowsperstrip": 7}
    tifffile.imwrite(
        tmp_path / "deep.tif",
        planes,
        photometric=photometric,
        planarconfig="separate" if layout == "planes" else "contig",
        byteorder=order,
        compression="adobe_deflate",
        predictor=predictor,
        **options,
    )

    photo = read_photo(tmp_path / "deep.tif")
    written = tifffile.imread(write_photo(photo, fill, mask))

    stored = 65535 - samples if photometric == "miniswhite" else samples
    np.testing.assert_array_equal(photo.raster.samples, stored)
    assert written.dtype == np.uint16
    np.testing.assert_array_equal(written[~mask], stored[~mask])
    expected = {"rgb": RED, "separated": (0, 217, 178, 55)}.get(photometric, (RED_LUMA,))
    np.testing.assert_array_equal(
        written[mask].reshape(-1, len(expected)), [np.array(expected) * 257] * mask.sum()
    )


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
def test_16_bit_tiff_keeps_its_compression(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray, channels: int, compression: int
) -> None:
    samples = noise(channels, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "deep.tif"), samples, [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    photo = read_photo(tmp_path / "deep.tif")
    assert (
        photo.raster.layout == {1: "L", 3: "RGB", 4: "RGBX"}[channels]
    )  # OpenCV does not say what the 4th is

    written = write_photo(photo, fill, mask)

    with tifffile.TiffFile(tmp_path / "deep.tif") as before, tifffile.TiffFile(written) as after:
        assert after.pages[0].compression == before.pages[0].compression == compression
        assert after.pages[0].predictor == before.pages[0].predictor
    again = cv2.imread(str(written), cv2.IMREAD_UNCHANGED).reshape(samples.shape)
    np.testing.assert_array_equal(again[~mask], samples[~mask])
    if channels == 4:
        np.testing.assert_array_equal(again[..., 3], samples[..., 3])


def test_16_bit_tiff_with_alpha(tmp_path: Path, mask: np.ndarray, fill: np.ndarray) -> None:
    samples = noise(4, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", samples, photometric="rgb", extrasamples=["unassalpha"])

    written = write_photo(read_photo(tmp_path / "deep.tif"), fill, mask)

    with tifffile.TiffFile(written) as after:
        assert after.pages[0].extrasamples == (2,)
        again = after.asarray()
    np.testing.assert_array_equal(again[~mask], samples[~mask])
    np.testing.assert_array_equal(again[..., 3], samples[..., 3])


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("subsampling", "factors"), [("4:4:4", (1, 1)), ("4:2:2", (2, 1)), ("4:2:0", (2, 2))]
)
def test_jpeg_keeps_tables_and_subsampling(
    tmp_path: Path,
    mask: np.ndarray,
    fill: np.ndarray,
    mode: str,
    progressive: bool,
    subsampling: str,
    factors: tuple[int, int],
) -> None:
    source = Image.fromarray(smooth()).convert(mode)
    source.save(tmp_path / "photo.jpg", quality=83, subsampling=subsampling, progressive=progressive)

    photo = read_photo(tmp_path / "photo.jpg")
    written = write_photo(photo, fill, mask)

    with Image.open(tmp_path / "photo.jpg") as before, Image.open(written) as after:
        assert after.mode == before.mode == mode
        assert after.quantization == before.quantization
        assert after.layer == before.layer
        assert after.layer[0][1:3] == factors
        assert ("progressive" in after.info) == progressive
        old, new = np.asarray(before.convert("RGB")).astype(int), np.asarray(after.convert("RGB")).astype(int)
    np.testing.assert_array_equal(photo.pixels, old)
    near = cv2.dilate(mask.astype(np.uint8), np.ones((33, 33))) > 0  # two 16 px blocks around the hole
    assert np.abs(new - old)[~near].max() <= 8
    assert abs(new[17, 31] - (RED if mode == "RGB" else RED_LUMA)).max() <= 10


def test_jpeg_tables_of_its_own(tmp_path: Path, mask: np.ndarray, fill: np.ndarray) -> None:
    tables = [[3] * 64, [5] * 64, [7] * 64]
    Image.fromarray(smooth()).save(tmp_path / "photo.jpg", qtables=tables, subsampling=1)

    with Image.open(write_photo(read_photo(tmp_path / "photo.jpg"), fill, mask)) as after:
        assert after.quantization == {0: [3] * 64, 1: [5] * 64, 2: [7] * 64}
        assert [layer[3] for layer in after.layer] == [0, 1, 2]


@pytest.mark.parametrize(
    "factor", [cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440]
)
def test_jpeg_subsampling_that_cannot_be_written_loses_nothing(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray, factor: int
) -> None:
    cv2.imwrite(str(tmp_path / "photo.jpg"), smooth(), [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor])

    with Image.open(write_photo(read_photo(tmp_path / "photo.jpg"), fill, mask)) as after:
        assert [layer[1:3] for layer in after.layer] == [(1, 1), (1, 1), (1, 1)]


def test_jpeg_stored_as_rgb_stays_so(tmp_path: Path, mask: np.ndarray, fill: np.ndarray) -> None:
    Image.fromarray(smooth()).save(tmp_path / "photo.jpg", keep_rgb=True, quality=95)

    with Image.open(write_photo(read_photo(tmp_path / "photo.jpg"), fill, mask)) as after:
        assert after.info["adobe_transform"] == 0
        assert np.abs(np.asarray(after)[17, 31].astype(int) - RED).max() <= 4


def test_adobe_cmyk_jpeg(tmp_path: Path, mask: np.ndarray, fill: np.ndarray) -> None:
    ink = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    ink[..., 0], ink[..., 3] = 255, 51  # cyan with a fifth of black: (0, 204, 204)
    Image.frombytes("CMYK", (WIDTH, HEIGHT), ink.tobytes()).save(tmp_path / "ink.jpg", quality=95)

    photo = read_photo(tmp_path / "ink.jpg")
    with Image.open(write_photo(photo, fill, mask)) as after:
        assert after.mode == "CMYK"
        written = np.asarray(after).astype(int)

    assert np.abs(photo.pixels.astype(int) - (0, 204, 204)).max() <= 2
    assert np.abs(written[17, 31] - (0, 217, 178, 55)).max() <= 6
    assert np.abs(written[2, 2] - (255, 0, 0, 51)).max() <= 2


def test_cmyk_jpeg_without_adobe_marker_is_not_inverted(tmp_path: Path) -> None:
    ink = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    ink[..., 0] = 255
    buffer = io.BytesIO()
    Image.frombytes("CMYK", (WIDTH, HEIGHT), ink.tobytes()).save(buffer, "JPEG", quality=95)
    data = buffer.getvalue()
    at = data.index(b"\xff\xee")
    (tmp_path / "ink.jpg").write_bytes(
        data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    )

    # Stored 0, 255, 255, 255: no cyan, all else: black.
    assert read_photo(tmp_path / "ink.jpg").pixels.max() <= 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_lossy_webp_stays_lossy_and_loses_little(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray, mode: str, shared: Path
) -> None:
    with Image.open(shared / "data" / "coco" / "images" / "000000000139.jpg") as photo:
        source = photo.convert(mode)
    if mode == "RGBA":
        source.putalpha(Image.linear_gradient("L").resize(source.size))
    for quality in (40, 75, 90):
        path = tmp_path / f"{mode}{quality}.webp"
        source.save(path, quality=quality)
        decoded = read_photo(path)
        assert decoded.settings.lossless is False
        hole = np.zeros(decoded.pixels.shape[:2], bool)
        hole[100:200, 100:200] = True
        written = write_photo(decoded, decoded.pixels // 2, hole)
        assert b"VP8 " in written.read_bytes()
        assert b"VP8L" not in written.read_bytes()
        change = np.abs(read_photo(written).pixels.astype(int) - decoded.pixels)[~hole]
        assert change.mean() < 1.5  # levels of 255
        if mode == "RGBA":
            with Image.open(path) as before, Image.open(written) as after:
                np.testing.assert_array_equal(np.asarray(after)[..., 3], np.asarray(before)[..., 3])


def test_palette_takes_new_colours_while_there_is_room(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray
) -> None:
    indices = (np.arange(HEIGHT * WIDTH) % 254).astype(np.uint8).reshape(HEIGHT, WIDTH)
    source = Image.fromarray(indices, "P")
    source.putpalette(np.repeat(np.arange(254, dtype=np.uint8), 3).tobytes())
    source.save(tmp_path / "photo.png")
    photo = read_photo(tmp_path / "photo.png")
    two, three = fill.copy(), fill.copy()
    two[12] = (1, 2, 3)
    three[12], three[13] = (1, 2, 3), (4, 5, 6)

    with Image.open(write_photo(photo, two, mask, tmp_path / "two.png")) as after:
        assert after.mode == "P"
        written = np.asarray(after.convert("RGB"))
    np.testing.assert_array_equal(written, np.where(mask[..., None], two, photo.pixels))

    with Image.open(write_photo(photo, three, mask, tmp_path / "three.png")) as after:
        assert after.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(after), np.where(mask[..., None], three, photo.pixels))


def test_palette_with_transparency_keeps_its_alpha(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray
) -> None:
    source = Image.fromarray(noise() % 4, "P")
    source.putpalette(bytes([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]))
    source.save(tmp_path / "photo.png", transparency=bytes([255, 0, 128, 255]))

    with Image.open(write_photo(read_photo(tmp_path / "photo.png"), fill, mask)) as after:
        assert after.mode == "P"
        written = np.asarray(after.convert("RGBA"))

    np.testing.assert_array_equal(written[..., 3], np.array([255, 0, 128, 255])[noise() % 4])
    np.testing.assert_array_equal(written[mask][:, :3], np.full((mask.sum(), 3), RED))


def test_full_palette_makes_room_from_colours_used_nowhere(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray
) -> None:
    source = Image.fromarray(noise() % 40, "P")
    source.putpalette(np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes())
    source.save(tmp_path / "photo.tif")
    photo = read_photo(tmp_path / "photo.tif")

    with Image.open(write_photo(photo, fill, mask)) as after:
        assert after.mode == "P"
        np.testing.assert_array_equal(
            np.asarray(after.convert("RGB")), np.where(mask[..., None], fill, photo.pixels)
        )


def cmyk_profile() -> bytes:
    """A small ICC profile (ICC.1:2001-04) whose full cyan is Lab (60, -40, 30); back, only black is used."""

    def table(inputs: int, outputs: int, corners: list[tuple[int, ...]]) -> bytes:
        """lut16Type (section 6.5.7) with two grid points a side and straight curves."""
        head = b"mft2\0\0\0\0" + bytes([inputs, outputs, 2, 0])
        head += struct.pack(">9i", *(65536 if at % 4 == 0 else 0 for at in range(9))) + struct.pack(
            ">HH", 2, 2
        )
        grid = b"".join(struct.pack(f">{outputs}H", *corner) for corner in corners)
        return head + struct.pack(">HH", 0, 65535) * inputs + grid + struct.pack(">HH", 0, 65535) * outputs

    white, cyan = (100 * 652, 128 * 256, 128 * 256), (60 * 652, (128 - 40) * 256, (128 + 30) * 256)
    black = (0, 128 * 256, 128 * 256)
    tags = {
        b"A2B0": table(4, 3, [white, black] * 4 + [cyan, black] * 4),
        b"B2A0": table(3, 4, [(0, 0, 0, 65535)] * 4 + [(0, 0, 0, 0)] * 4),
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
    }
    body, index, at = b"", struct.pack(">I", len(tags)), 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        index += name + struct.pack(">II", at + len(body), len(content))
        body += content
    head = struct.pack(">I", at + len(body)) + b"\0\0\0\0\x02\x10\0\0prtrCMYKLab " + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + index + body


def test_cmyk_is_shown_and_filled_through_its_profile(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray
) -> None:
    ink = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    ink[20:, :, 0] = 255
    source = Image.frombytes("CMYK", (WIDTH, HEIGHT), ink.tobytes())
    source.save(tmp_path / "ink.tif", icc_profile=cmyk_profile())

    photo = read_photo(tmp_path / "ink.tif")
    with Image.open(write_photo(photo, fill, mask)) as after:
        written, profile = np.asarray(after), after.info["icc_profile"]

    assert np.abs(photo.pixels[0, 0].astype(int) - 255).max() <= 2
    lab = skimage.color.rgb2lab(photo.pixels[30, 0] / 255)
    assert np.abs(lab - (60, -40, 30)).max() <= 3
    assert profile == cmyk_profile()
    np.testing.assert_array_equal(written[~mask], ink[~mask])
    lightness = skimage.color.rgb2lab(np.array(RED) / 255)[0]
    assert np.abs(written[mask] - (0, 0, 0, 255 * (1 - lightness / 100))).max() <= 3


def test_a_profile_of_another_colour_space_is_not_used(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pillow_image("CMYK").save(tmp_path / "ink.tif", icc_profile=srgb)

    photo = read_photo(tmp_path / "ink.tif")

    ink = photo.raster.samples.astype(float)
    expected = np.round((255 - ink[..., :3]) * (255 - ink[..., 3:]) / 255)
    assert np.abs(photo.pixels - expected).max() == 0


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [
        ("jpg", "RGB"),
        ("webp", "RGBA"),
        ("tif", "RGBA"),
        ("bmp", "RGBA"),
        ("png", "RGBA"),
    ],
)
def test_conversion_by_suffix(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray, suffix: str, mode: str
) -> None:
    samples = np.dstack([smooth(), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    samples[:5, :, 3] = 0
    samples[5:8, :, 3] = 128
    Image.fromarray(samples).save(tmp_path / "photo.png")

    written = write_photo(read_photo(tmp_path / "photo.png"), fill, mask, tmp_path / f"out.{suffix}")

    with Image.open(written) as after:
        assert after.format == PHOTO_SUFFIXES[f".{suffix}"]
        assert after.mode == mode
        new = np.asarray(after).astype(int)
    if suffix == "jpg":  # laid over white
        assert np.abs(new[:3] - 255).max() <= 10
        assert np.abs(new[30] - samples[30, :, :3]).max() <= 10
    else:
        np.testing.assert_array_equal(new[~mask], samples[~mask])
        np.testing.assert_array_equal(new[mask], np.full((mask.sum(), 4), (*RED, 255)))


def test_16_bits_become_8_where_the_format_has_no_more(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray
) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), noise(3, dtype=np.uint16))
    photo = read_photo(tmp_path / "deep.png")

    with Image.open(write_photo(photo, fill, mask, tmp_path / "out.bmp")) as after:
        np.testing.assert_array_equal(np.asarray(after), np.where(mask[..., None], fill, photo.pixels))
    deep = tifffile.imread(write_photo(photo, fill, mask, tmp_path / "out.tif"))
    np.testing.assert_array_equal(deep[~mask], photo.raster.samples[~mask])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp"])
def test_every_kind_of_sample_goes_into_every_format(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray, mode: str, suffix: str
) -> None:
    pillow_image(mode).save(tmp_path / "photo.tiff")
    photo = read_photo(tmp_path / "photo.tiff")

    again = read_photo(write_photo(photo, fill, mask, tmp_path / f"out.{suffix}"))

    assert again.format == PHOTO_SUFFIXES[f".{suffix}"]
    if suffix == "jpg":
        assert again.pixels.shape == photo.pixels.shape
    else:
        np.testing.assert_array_equal(again.pixels[~mask], photo.pixels[~mask])


def test_an_empty_mask_writes_the_files_own_bytes(tmp_path: Path, fill: np.ndarray) -> None:
    Image.fromarray(smooth()).save(tmp_path / "photo.jpg", quality=60)
    nothing = np.zeros((HEIGHT, WIDTH), bool)
    photo = read_photo(tmp_path / "photo.jpg")

    same = write_photo(photo, fill, nothing)
    other = write_photo(photo, fill, nothing, tmp_path / "out.png")

    assert same.read_bytes() == (tmp_path / "photo.jpg").read_bytes()
    with Image.open(other) as after:
        np.testing.assert_array_equal(np.asarray(after), photo.pixels)


def test_content_counts_and_not_the_name(tmp_path: Path, mask: np.ndarray, fill: np.ndarray) -> None:
    Image.fromarray(smooth()).save(tmp_path / "photo.jpg", "PNG")
    photo = read_photo(tmp_path / "photo.jpg")

    assert photo.format == "PNG"
    assert output_format(photo, Path("out.JPG")) == "PNG"
    assert output_format(photo, Path("out.jpeg")) == "JPEG"
    with Image.open(write_photo(photo, fill, mask)) as after:
        assert after.format == "PNG"


def test_a_photo_without_a_suffix_gets_its_formats(
    tmp_path: Path, mask: np.ndarray, fill: np.ndarray
) -> None:
    Image.fromarray(smooth()).save(tmp_path / "photo", "JPEG")
    assert write_photo(read_photo(tmp_path / "photo"), fill, mask) == tmp_path / "photo.removed.jpg"


def test_arguments_are_left_alone(tmp_path: Path, mask: np.ndarray, fill: np.ndarray) -> None:
    Image.fromarray(smooth()).save(tmp_path / "photo.png")
    photo = read_photo(tmp_path / "photo.png")
    pixels, hole = fill.copy(), mask.copy()

    write_photo(photo, pixels, hole)

    np.testing.assert_array_equal(photo.pixels, smooth())
    np.testing.assert_array_equal(pixels, fill)
    np.testing.assert_array_equal(hole, mask)


def test_a_jpeg_turned_upright_is_quantised_as_before(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rough = cv2.resize(
        rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (256, 192), interpolation=cv2.INTER_CUBIC
    )
    exif = Image.Exif()
    exif[274] = 6
    tables = [list(range(8, 72)), list(range(4, 132, 2))]
    Image.fromarray(rough).save(tmp_path / "photo.jpg", qtables=tables, subsampling=0, exif=exif)
    photo = read_photo(tmp_path / "photo.jpg")
    mask = np.zeros((256, 192), bool)
    mask[:8, :8] = True

    with Image.open(write_photo(photo, photo.pixels, mask)) as after:
        assert after.quantization[0] == np.arange(8, 72).reshape(8, 8).T.ravel().tolist()
        assert after.quantization[1] == np.arange(4, 132, 2).reshape(8, 8).T.ravel().tolist()
        difference = np.abs(np.asarray(after).astype(int) - photo.pixels)
    assert difference.mean() < 0.3
