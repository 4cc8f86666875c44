from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inpaint.training.decoding import PhotoCache, UnreadablePhotoError, decode_photo


@pytest.fixture
def pixels(rng) -> np.ndarray:
    return rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def test_a_small_photo_is_as_it_is(tmp_path, pixels):
    decoded = decode_photo(saved(tmp_path / "a.png", Image.fromarray(pixels)), 30)
    np.testing.assert_array_equal(decoded.pixels, pixels)
    assert decoded.scale == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_upright(tmp_path, pixels, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.png", Image.fromarray(pixels), exif=exif)
    stored = pixels.swapaxes(0, 1) if orientation >= 5 else pixels
    expected = stored[
        :: -1 if orientation in (3, 4, 7, 8) else 1,
        :: -1 if orientation in (2, 3, 6, 7) else 1,
    ]
    np.testing.assert_array_equal(decode_photo(path, 100).pixels, expected)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path, pixels, mode):
    image = Image.fromarray(pixels).convert(mode)
    path = saved(tmp_path / ("a.jpg" if mode == "CMYK" else "a.png"), image)
    decoded = decode_photo(path, 100).pixels
    assert decoded.dtype == np.uint8
    if mode != "CMYK":
        np.testing.assert_array_equal(decoded, np.asarray(image.convert("RGB")))
    assert decoded.shape == (30, 40, 3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_keeps_its_upper_bits(tmp_path, suffix):
    levels = np.array([[0, 255, 256], [32768, 65279, 65535]], np.uint16)
    decoded = decode_photo(saved(tmp_path / f"a.{suffix}", Image.fromarray(levels)), 100).pixels
    assert (decoded == np.array([[0, 0, 1], [128, 254, 255]])[..., None]).all()


@pytest.mark.parametrize(("shape", "expected"), [((400, 600), (100, 150)), ((600, 401), (150, 100))])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_large_photo_is_shrunk(tmp_path, shape, expected, suffix):
    rows, columns = np.indices(shape)
    scene = np.stack([rows * 255 / shape[0], columns * 255 / shape[1], rows * 0 + 90], axis=2).astype(
        np.uint8
    )
    decoded = decode_photo(saved(tmp_path / f"a.{suffix}", Image.fromarray(scene)), 100)
    assert decoded.pixels.shape[:2] == expected
    assert decoded.scale == 100 / min(shape)
    rows, columns = np.indices(expected)
    wanted = np.stack([rows * 255 / expected[0], columns * 255 / expected[1], rows * 0 + 90], axis=2)
    assert abs(decoded.pixels - wanted).max() < 7


def test_a_large_turned_jpeg_is_shrunk_and_upright(tmp_path):
    scene = np.zeros((400, 800, 3), np.uint8)
    scene[:, 400:] = 255  # stored right = upright bottom
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode_photo(saved(tmp_path / "a.jpg", Image.fromarray(scene), exif=exif), 50).pixels
    assert decoded.shape == (100, 50, 3)
    assert decoded[:45].max() < 20
    assert decoded[55:].min() > 235


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("text.jpg", "not an image"),
        ("empty.jpg", "not an image"),
        ("half.jpg", "image file is truncated"),
        ("half.png", "image file is truncated"),
        ("folder.jpg", "a folder"),
        ("absent.jpg", "no such file"),
        ("float.tif", "expected 8 or 16 bits per sample, got mode F"),
    ],
)
def test_a_bad_photo_is_named_with_its_cause(tmp_path, pixels, name, cause):
    image = Image.fromarray(pixels)
    (tmp_path / "text.jpg").write_text("not an image")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    for suffix in ("jpg", "png"):
        data = saved(tmp_path / f"whole.{suffix}", image).read_bytes()
        (tmp_path / f"half.{suffix}").write_bytes(data[: len(data) * 3 // 4])
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(UnreadablePhotoError) as raised:
        decode_photo(tmp_path / name, 100)
    assert str(raised.value).startswith(f"{tmp_path / name}: {cause}")
    assert "\n" not in str(raised.value)


def test_a_picture_too_large_for_pillow_is_bad_and_a_large_one_no_warning(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(np.zeros((30, 40, 3), np.uint8)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert decode_photo(path, 10).pixels.shape == (10, 13, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(UnreadablePhotoError, match="exceeds limit"):
        decode_photo(path, 10)


def test_the_cache_keeps_what_fits_and_hands_it_out_again(tmp_path, pixels):
    paths = [saved(tmp_path / f"{number}.png", Image.fromarray(pixels)) for number in range(3)]
    cache = PhotoCache(30, limit_bytes=2 * pixels.nbytes)
    first = [cache.decode(path) for path in paths]
    again = [cache.decode(path) for path in paths]
    assert [one is other for one, other in zip(first, again, strict=True)] == [True, True, False]
    np.testing.assert_array_equal(again[2].pixels, pixels)
    with pytest.raises(ValueError, match="read-only"):
        first[0].pixels[0] = 0
