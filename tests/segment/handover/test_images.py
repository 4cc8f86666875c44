import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from segment import MaskError
from segment.handover.images import read_mask_image
from segment.handover.mask_picture import label_levels, threshold_levels

MASK = np.array([[1, 1, 0], [0, 0, 0]], dtype=bool)
GREY = np.where(MASK, 255, 0).astype(np.uint8)
LABELS = np.array([[15, 15, 0], [2, 0, 7]], np.uint8)
PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0] + [90, 20, 160] * 253
PHOTO = np.random.default_rng(0).integers(0, 256, (2, 3, 3), dtype=np.uint8)


def palette_image(indices: np.ndarray, colours: list[int]) -> Image.Image:
    image = Image.fromarray(indices.astype(np.uint8), "P")
    image.putpalette(colours)
    return image


def with_alpha(grey: np.ndarray, alpha: np.ndarray) -> Image.Image:
    return Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])


def painted(mark: tuple[int, int, int], ground: tuple[int, int, int]) -> Image.Image:
    return Image.fromarray(np.where(MASK[..., None], mark, ground).astype(np.uint8))


def read_mask(path):
    picture = read_mask_image(path)
    return threshold_levels(picture.levels, 127, lossy=picture.lossy)


KINDS = {
    "grey": Image.fromarray(GREY),
    "one bit": Image.fromarray(GREY).convert("1"),
    "rgb": Image.fromarray(GREY).convert("RGB"),
    "rgba": Image.fromarray(GREY).convert("RGBA"),
    "zero and one": Image.fromarray(MASK.astype(np.uint8)),
    "zero and fifteen": Image.fromarray(MASK.astype(np.uint8) * 15),
    "16 bit": Image.fromarray(GREY.astype(np.uint16) * 257),
    "16 bit, zero and one": Image.fromarray(MASK.astype(np.uint16)),
    "just above the threshold": Image.fromarray(np.where(MASK, 128, 127).astype(np.uint8)),
    "palette": palette_image(MASK, [0, 0, 0, 255, 255, 255]),
    "palette, white first": palette_image(~MASK, [255, 255, 255, 0, 0, 0]),
    "palette of dark colours": palette_image(MASK, [0, 0, 0, 128, 0, 0]),
    "alpha alone": with_alpha(np.full_like(GREY, 255), GREY),
    "alpha alone, black": with_alpha(np.zeros_like(GREY), GREY),
    "white but transparent": with_alpha(
        np.array([[255, 255, 255], [0, 0, 0]], np.uint8), np.array([[255, 255, 0], [255] * 3], np.uint8)
    ),
    "photo cut out by its alpha": Image.fromarray(np.dstack([PHOTO, GREY])),
    "red on black": painted((255, 0, 0), (0, 0, 0)),
    "yellow on blue": painted((255, 255, 0), (0, 0, 255)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_mask_images(kind, tmp_path):
    KINDS[kind].save(tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png")
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, MASK)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".jpg", {"quality": 90}),
        (".webp", {"quality": 60}),
        (".webp", {"lossless": True}),
        (".tif", {}),
        (".tif", {"compression": "tiff_lzw"}),
        (".tif", {"compression": "jpeg"}),
        (".bmp", {}),
        (".gif", {}),
    ],
)
def test_formats(suffix, options, tmp_path):
    square = np.zeros((32, 48), np.uint8)
    square[8:24, 8:32] = 255
    path = tmp_path / f"mask{suffix}"
    Image.fromarray(square).save(path, **options)
    picture = read_mask_image(path)
    assert picture.lossy == (
        (suffix in (".jpg", ".webp") and "lossless" not in options) or "jpeg" in options.values()
    )
    np.testing.assert_array_equal(read_mask(path), square > 0)


def test_one_bit_tiff(tmp_path):
    Image.fromarray(GREY).convert("1").save(tmp_path / "mask.tif", compression="group4")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.tif"), MASK)


def test_float_masks(tmp_path):
    Image.fromarray(MASK.astype(np.float32) * 0.75).save(tmp_path / "mask.tiff")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.tiff"), MASK)
    Image.fromarray(np.where(MASK, np.nan, 0).astype(np.float32)).save(tmp_path / "nan.tiff")
    with pytest.raises(MaskError, match=r"nan\.tiff cannot be read: expected numbers, got NaN"):
        read_mask_image(tmp_path / "nan.tiff")


def test_the_noise_of_a_black_jpeg_is_not_a_mask(tmp_path):
    Image.fromarray(np.ones((16, 16), np.uint8)).save(tmp_path / "mask.jpg")
    assert not read_mask(tmp_path / "mask.jpg").any()


@pytest.mark.parametrize("quality", [5, 10, 30])
def test_jpeg_noise_does_not_become_specks(quality, tmp_path, rng):
    import cv2

    mask = np.zeros((160, 160), np.uint8)
    cv2.circle(mask, (70, 80), 40, 255, -1)
    cv2.line(mask, (100, 20), (150, 140), 255, 5)
    Image.fromarray(mask).save(tmp_path / "mask.jpg", quality=quality)
    read = read_mask(tmp_path / "mask.jpg")
    assert cv2.connectedComponents(read.view(np.uint8))[0] - 1 <= cv2.connectedComponents(mask)[0] - 1
    assert cv2.connectedComponents((~read).view(np.uint8))[0] == cv2.connectedComponents(255 - mask)[0]
    assert (read & (mask > 0)).sum() / (read | (mask > 0)).sum() > 0.95


def test_orientation_is_applied(tmp_path):
    image = Image.fromarray(GREY)
    exif = image.getexif()
    exif[0x0112] = 6  # stored lying on its left side
    image.save(tmp_path / "mask.png", exif=exif)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), np.rot90(MASK, -1))


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(LABELS),
        Image.fromarray(LABELS).convert("RGB"),
        Image.fromarray(LABELS.astype(np.uint16)),
        palette_image(LABELS, PALETTE),
    ],
    ids=["grey", "grey colours", "16 bit", "palette"],
)
def test_label_maps(image, tmp_path):
    image.save(tmp_path / "labels.png")
    picture = read_mask_image(tmp_path / "labels.png")
    assert picture.is_label_map
    np.testing.assert_array_equal(picture.labels, LABELS)
    np.testing.assert_array_equal(label_levels(picture, 15, "labels.png"), GREY)
    assert not label_levels(picture, 9, "labels.png").any()


def test_label_maps_above_255(tmp_path):
    labels = np.where(LABELS == 15, np.uint16(1500), LABELS.astype(np.uint16))
    Image.fromarray(labels).save(tmp_path / "labels.png")
    picture = read_mask_image(tmp_path / "labels.png")
    assert picture.is_label_map
    np.testing.assert_array_equal(label_levels(picture, 1500, ""), GREY)


def test_a_white_rim_does_not_hide_labels(tmp_path):
    """As in Pascal VOC: 15 a person, 255 the rim around it."""
    labels = np.zeros((20, 20), np.uint8)
    labels[4:16, 4:16] = 255
    labels[5:15, 5:15] = 15
    Image.fromarray(labels).save(tmp_path / "labels.png")
    assert read_mask_image(tmp_path / "labels.png").is_label_map
    labels[labels == 15] = 128  # a soft mask's shades are no labels
    Image.fromarray(labels).save(tmp_path / "labels.png")
    assert not read_mask_image(tmp_path / "labels.png").is_label_map


@pytest.mark.parametrize("name", ["colours.png", "losses.jpg"])
def test_what_is_no_label_map(name, tmp_path):
    image = painted((255, 0, 0), (0, 255, 0)) if name == "colours.png" else Image.fromarray(LABELS)
    image.save(tmp_path / name)
    with pytest.raises(MaskError, match=f"mask {name} is no label map, but a label was asked for") as error:
        label_levels(read_mask_image(tmp_path / name), 15, name)
    assert error.value.reason == "labels"


def test_shades_are_no_label_map(tmp_path):
    soft = np.clip(np.arange(-600, 600).reshape(24, 50), 0, 255).astype(np.uint8)
    Image.fromarray(soft).save(tmp_path / "soft.png")
    assert not read_mask_image(tmp_path / "soft.png").is_label_map
    thin = np.array([[0, 64, 128, 255], [0, 128, 191, 0], [0, 64, 64, 0]], np.uint8)  # a thin thing, halved
    Image.fromarray(thin).save(tmp_path / "thin.png")
    assert not read_mask_image(tmp_path / "thin.png").is_label_map
    trimap = np.repeat(np.array([[0, 0, 128, 255, 255]], np.uint8), 4, axis=0)
    Image.fromarray(trimap).save(tmp_path / "trimap.png")
    assert not read_mask_image(tmp_path / "trimap.png").is_label_map


def refusal(path) -> str:
    with pytest.raises(MaskError) as error:
        read_mask_image(path, max_pixels=10_000)
    assert error.value.reason == "unreadable"
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


def test_what_cannot_be_read(tmp_path):
    (tmp_path / "text.png").write_text("text")
    (tmp_path / "nothing.png").write_bytes(b"")
    Image.fromarray(PHOTO[..., 0].repeat(30, 0).repeat(30, 1)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:90])
    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    assert "it is no image (PNG, JPEG" in refusal(tmp_path / "text.png")
    assert "it is no image" in refusal(tmp_path / "nothing.png")
    assert "truncated" in refusal(tmp_path / "cut.png")
    assert "it is a colour picture and no mask" in refusal(tmp_path / "photo.png")
    with pytest.raises(FileNotFoundError):
        read_mask_image(tmp_path / "missing.png")


@pytest.mark.parametrize("suffix", [".tif", ".webp", ".gif", ".png"])
def test_pages_and_frames_are_refused(suffix, tmp_path):
    one, other = Image.fromarray(GREY).convert("RGB"), Image.fromarray(255 - GREY).convert("RGB")
    one.save(tmp_path / f"mask{suffix}", save_all=True, append_images=[other])
    assert "it has 2 pages or frames, expected one" in refusal(tmp_path / f"mask{suffix}")


def test_a_huge_size_is_refused_before_it_is_decoded(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))
    (tmp_path / "huge.png").write_bytes(data + chunk(b"IEND", b""))
    assert "it has 60000 x 60000 pixels, more than 0.01 million" in refusal(tmp_path / "huge.png")


def test_specks_and_holes_that_compression_made_are_left_out():
    levels = np.zeros((12, 30), np.uint8)
    levels[2:10, 2:12] = 255
    levels[5, 5], levels[5, 9] = 120, 20  # a hole hardly below the middle, and a black one
    levels[4, 20], levels[8, 24] = 140, 250  # a speck hardly above it, and a white one
    expected = levels > 127
    np.testing.assert_array_equal(threshold_levels(levels, 127, lossy=False), expected)
    expected[5, 5], expected[4, 20] = True, False
    np.testing.assert_array_equal(threshold_levels(levels, 127, lossy=True), expected)
