"""HEIC through pillow-heif, AVIF through Pillow; the files are made here."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from removal.images import Photo, PhotoError, read_photo, write_photo
from removal.images.size import read_size

pillow_heif = pytest.importorskip("pillow_heif")

HEIGHT, WIDTH = 48, 64


def picture() -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([columns * 4, rows * 5, np.full_like(rows, 90)], axis=-1).astype(np.uint8)


def described(orientation: int) -> dict[str, bytes]:
    exif = Image.Exif()
    exif[274], exif[271] = orientation, "Phone"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {"exif": exif.tobytes(), "icc_profile": icc}


def saved(path: Path, orientation: int = 1) -> Path:
    image = Image.fromarray(picture())
    if path.suffix == ".avif":
        image.save(path, quality=95, subsampling="4:4:4", **described(orientation))
    else:
        pillow_heif.from_pillow(image).save(path, quality=95, chroma=444, **described(orientation))
    return path


def filled(photo: Photo, path: Path) -> Photo:
    """What is read back after a corner was painted grey."""
    mask = np.zeros(photo.pixels.shape[:2], bool)
    mask[8:24, 8:24] = True
    write_photo(photo, np.full_like(photo.pixels, 200), mask, path)
    back = read_photo(path)
    np.testing.assert_allclose(back.pixels[12:20, 12:20], 200, atol=2)
    change = np.abs(back.pixels.astype(int) - photo.pixels)[~mask]
    assert change.mean() < 2
    return back


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_pixels_and_metadata_survive(tmp_path: Path, suffix: str, orientation: int) -> None:
    photo = read_photo(saved(tmp_path / f"photo{suffix}", orientation))

    upright = np.rot90(picture(), -1) if orientation == 6 else picture()
    assert photo.format == {".heic": "HEIF", ".avif": "AVIF"}[suffix]
    assert np.abs(photo.pixels.astype(int) - upright).mean() < 2
    assert read_size(photo.path)[:2] == upright.shape[:2]
    back = filled(photo, tmp_path / f"out{suffix}")
    assert back.metadata.icc == photo.metadata.icc != b""
    assert b"Phone" in back.metadata.exif
    assert back.orientation == 1
    with Image.open(filled(photo, tmp_path / "out.tif").path) as image:
        assert image.getexif().get(274, 1) == 1  # nobody turns it a second time


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_an_empty_mask_keeps_the_files_bytes(tmp_path: Path, suffix: str) -> None:
    photo = read_photo(saved(tmp_path / f"photo{suffix}"))
    out = write_photo(photo, photo.pixels, np.zeros((HEIGHT, WIDTH), bool))
    assert out.read_bytes() == photo.path.read_bytes()


def test_ten_bits_stay_ten(tmp_path: Path) -> None:
    samples = np.arange(0, 1024, dtype=np.uint16).reshape(32, 32).repeat(2, 0).repeat(2, 1)
    stored = np.stack([samples << 6] * 3, axis=-1)
    buffer = io.BytesIO()
    pillow_heif.encode("RGB;16", (64, 64), stored.tobytes(), buffer, quality=-1, chroma=444)
    (tmp_path / "ten.heic").write_bytes(buffer.getvalue())

    photo = read_photo(tmp_path / "ten.heic")

    assert photo.raster.bits == 16
    assert photo.raster.samples.max() == 65535  # white stays white
    assert np.abs((photo.raster.samples[..., 1] >> 6).astype(int) - samples).max() <= 2
    filled(photo, tmp_path / "out.heic")
    assert pillow_heif.open_heif(tmp_path / "out.heic").info["bit_depth"] == 10
    assert filled(photo, tmp_path / "out.png").raster.bits == 16


def test_old_pictures_inside_go(tmp_path: Path) -> None:
    image = Image.fromarray(picture())
    file = pillow_heif.from_pillow(image)
    file.add_from_pillow(image.transpose(Image.Transpose.FLIP_TOP_BOTTOM))
    file.save(tmp_path / "two.heic", quality=90, save_all=True, primary_index=0)
    assert len(pillow_heif.open_heif(tmp_path / "two.heic")) == 2

    filled(read_photo(tmp_path / "two.heic"), tmp_path / "out.heic")

    after = pillow_heif.open_heif(tmp_path / "out.heic")
    assert len(after) == 1
    assert not after.info["thumbnails"]
    assert not after.info["depth_images"]


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_ones_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = saved(tmp_path / f"photo{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(PhotoError, match="damaged or unsupported"):
        read_photo(path)


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_too_large_ones_are_refused_before_they_are_decoded(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(PhotoError, match=r"64 x 48 pixels .* more than the limit"):
        read_photo(saved(tmp_path / f"photo{suffix}"), max_megapixels=0.001)


def test_without_the_library_the_message_says_what_to_install(tmp_path: Path) -> None:
    saved(tmp_path / "photo.heic")
    program = f"""
import sys
sys.modules["pillow_heif"] = None
from removal.batch.jobs import photos_in
from removal.images import PhotoError, read_photo
from removal.images.kinds import count_passed_over, passed_over
try:
    read_photo({str(tmp_path / "photo.heic")!r})
except PhotoError as error:
    print(error)
found = []
print(photos_in(__import__("pathlib").Path({str(tmp_path)!r}), on_passed_over=found.append))
print(passed_over(count_passed_over(found)))
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    refusal, photos, passed = said.splitlines()
    assert refusal.endswith("is a HEIC or HEIF file: pip install 'removal[heic]' makes it readable")
    assert photos == "[]"
    assert passed == "1 file passed over: 1 .heic (pip install 'removal[heic]')"
