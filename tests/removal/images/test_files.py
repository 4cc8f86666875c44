"""What bad input gets, and files that appear whole or not at all."""

import os
import signal
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from _removal_support import files
from removal.images import (
    PHOTO_SUFFIXES,
    Photo,
    PhotoError,
    read_photo,
    write_mask,
    write_photo,
    write_png,
)

HEIGHT, WIDTH = 64, 80
SAVED = [
    ("jpg", {"quality": 90}),
    ("jpg", {"quality": 90, "progressive": True}),
    ("png", {}),
    ("webp", {}),
    ("webp", {"lossless": True}),
    ("tif", {}),
    ("tif", {"compression": "tiff_lzw"}),
    ("bmp", {}),
]


def noise() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    Image.fromarray(noise()).save(tmp_path / "photo.png")
    return read_photo(tmp_path / "photo.png")


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:9, 5:9] = True
    return mask


def refusal(path: Path, **options: float) -> str:
    with pytest.raises((PhotoError, OSError)) as caught:
        read_photo(path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize(("suffix", "options"), SAVED)
def test_a_truncated_photo_is_refused(tmp_path: Path, suffix: str, options: dict, share: float) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(noise()).save(path, **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])

    refusal(path)


def test_a_jpeg_cut_right_before_its_end_marker_is_refused(tmp_path: Path, shared: Path) -> None:
    data = (shared / "data" / "large" / "IMG_0184.jpg").read_bytes()
    (tmp_path / "photo.jpg").write_bytes(data[:-1000])
    assert "truncated" in refusal(tmp_path / "photo.jpg")


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("empty.jpg", b"", "is empty"),
        ("text.jpg", b"Dear Sir or Madam, ", "is not a photo"),
        ("short.jpg", b"\xff\xd8\xff", "damaged or unsupported JPEG"),
        ("moving.gif", b"GIF89a" + bytes(20), "is a GIF file"),
        ("phone.jpg", b"\0\0\0\x18ftypheic" + bytes(20), "damaged or unsupported HEIF"),
        ("clip.mp4", b"\0\0\0\x18ftypisom" + bytes(20), "is a video: export the frames"),
        ("raw.dng", b"II*\0" + bytes(20), "is a camera's raw file: develop it"),
        ("head.png", b"\x89PNG\r\n\x1a\n", "truncated"),
        ("head.tif", b"II*\0", "no TIFF header"),
        ("loop.tif", b"II*\0\x08\0\0\0" + bytes(6), "no picture"),
        ("head.webp", b"RIFF\x04\0\0\0WEBP", "no picture"),
        ("head.bmp", b"BM", "damaged or unsupported BMP"),
    ],
)
def test_what_is_no_photo(tmp_path: Path, name: str, content: bytes, cause: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert cause in refusal(tmp_path / name)


def test_missing_folder_and_odd_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg: no such file$"):
        read_photo(tmp_path / "nowhere.jpg")
    (tmp_path / "album.jpg").mkdir()
    assert "is a folder" in refusal(tmp_path / "album.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "not a regular file" in refusal(tmp_path / "pipe.jpg")
    assert "name is too long" in refusal(tmp_path / ("x" * 300 + ".jpg"))


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(PermissionError, match=r"photo\.png: no permission to read it$"):
        read_photo(path)


@pytest.mark.parametrize(("suffix", "options"), SAVED)
def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path, suffix: str, options: dict) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(noise()).save(path, **options)

    assert read_photo(path, max_megapixels=0.00512).pixels.shape == (HEIGHT, WIDTH, 3)
    message = refusal(path, max_megapixels=0.005119)
    assert "80 x 64 pixels" in message
    assert "limit of 0.005119 megapixels" in message


def test_bombs_cost_nothing(tmp_path: Path) -> None:
    """Small files that say they hold 3,600 and 900 megapixels, at the default limit."""
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    png = b"".join(
        struct.pack(">I", len(data)) + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in parts
    )
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + png)
    Image.fromarray(noise()).save(tmp_path / "small.jpg")
    jpeg = bytearray((tmp_path / "small.jpg").read_bytes())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 30000, 30000)
    (tmp_path / "bomb.jpg").write_bytes(jpeg)

    assert "60000 x 60000 pixels (3600 megapixels), more than the limit of 300" in refusal(
        tmp_path / "bomb.png"
    )
    assert "30000 x 30000 pixels (900 megapixels)" in refusal(tmp_path / "bomb.jpg")


@pytest.mark.parametrize(("suffix", "options"), SAVED)
def test_pillows_own_limits_do_not_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, options: dict
) -> None:
    """It warns from 89 megapixels and refuses from 179."""
    Image.fromarray(noise()).save(tmp_path / f"photo.{suffix}", **options)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", HEIGHT * WIDTH // 3)
    assert read_photo(tmp_path / f"photo.{suffix}").pixels.shape == (HEIGHT, WIDTH, 3)
    assert Image.MAX_IMAGE_PIXELS == HEIGHT * WIDTH // 3


def test_moving_and_many_page_files_are_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise()), Image.fromarray(noise()[::-1])]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])

    assert "animated pictures are not supported" in refusal(tmp_path / "a.png")
    assert "animated pictures are not supported" in refusal(tmp_path / "a.webp")
    assert "several pages are not supported" in refusal(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("samples", "options", "cause"),
    [
        (np.zeros((8, 8), np.float32), {}, "floating-point"),
        (np.zeros((8, 8), np.int16), {}, "signed"),
        (np.zeros((8, 8), np.uint32), {}, "samples of 32 bits"),
        (
            np.zeros((8, 8, 5), np.uint8),
            {"photometric": "minisblack", "planarconfig": "contig"},
            "5 channels",
        ),
    ],
)
def test_tiffs_that_are_no_photos(tmp_path: Path, samples: np.ndarray, options: dict, cause: str) -> None:
    tifffile.imwrite(tmp_path / "data.tif", samples, **options)
    assert cause in refusal(tmp_path / "data.tif")


def test_a_damaged_png_is_refused(tmp_path: Path) -> None:
    Image.fromarray(noise()).save(tmp_path / "photo.png")
    data = bytearray((tmp_path / "photo.png").read_bytes())
    data[200] ^= 1
    (tmp_path / "photo.png").write_bytes(data)
    assert "its IDAT part is damaged" in refusal(tmp_path / "photo.png")


@pytest.mark.parametrize(("suffix", "options"), SAVED)
def test_damage_anywhere_gives_one_line_or_a_picture(tmp_path: Path, suffix: str, options: dict) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(noise()[:16, :16]).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", **options)
    data = path.read_bytes()
    rng = np.random.default_rng(11)
    for _ in range(60):
        broken = bytearray(data)
        for at in rng.integers(0, min(len(data), 400), 3):
            broken[at] = rng.integers(0, 256)
        path.write_bytes(broken)
        message = ""
        try:
            assert read_photo(path).pixels.ndim == 3
        except PhotoError as error:
            message = str(error)
        assert not message or (message.startswith(f"{path}: ") and "\n" not in message)


def test_suffixes() -> None:
    assert set(PHOTO_SUFFIXES) >= {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
    assert ".part" not in PHOTO_SUFFIXES


def test_nothing_is_overwritten_unasked(tmp_path: Path, photo: Photo, mask: np.ndarray) -> None:
    target = tmp_path / "photo.removed.png"
    target.write_bytes(b"mine")

    with pytest.raises(FileExistsError, match=r"photo\.removed\.png: exists already$"):
        write_photo(photo, photo.pixels, mask)
    assert target.read_bytes() == b"mine"
    write_photo(photo, photo.pixels, mask, overwrite=True)
    np.testing.assert_array_equal(read_photo(target).pixels, noise())
    write_photo(photo, photo.pixels, mask, photo.path, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "photo.removed.png"]


def test_a_file_that_appears_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.png"
    write = files._write_synced

    def somebody_else_is_faster(part: Path, data: bytes) -> None:
        write(part, data)
        target.write_bytes(b"theirs")

    monkeypatch.setattr(files, "_write_synced", somebody_else_is_faster)
    with pytest.raises(FileExistsError, match=r"out\.png: exists already$"):
        write_png(noise(), target)
    assert target.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_png(noise(), tmp_path / "out.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "out.png").pixels, noise())
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "failure", [KeyboardInterrupt(), OSError(28, "No space left on device"), MemoryError()]
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, overwrite: bool
) -> None:
    target = tmp_path / "out.png"
    if overwrite:
        target.write_bytes(b"before")

    def fail(_: int) -> None:
        assert [path.suffix for path in tmp_path.iterdir() if path != target] == [".part"]
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(failure)) as caught:
        write_png(noise(), target, overwrite=overwrite)
    if isinstance(failure, OSError):
        assert str(caught.value) == f"{target}: cannot be written: No space left on device"
    assert list(tmp_path.iterdir()) == ([target] if overwrite else [])
    assert not overwrite or target.read_bytes() == b"before"


@pytest.mark.slow
def test_interrupting_the_process_leaves_nothing(tmp_path: Path) -> None:
    program = """
        import os, sys, time
        import numpy as np
        from removal.images import write_png
        def slow(_):
            print("writing", flush=True)
            time.sleep(20)
        os.fsync = slow
        write_png(np.zeros((50, 50), np.uint8), sys.argv[1])
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "out.png")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(10) != 0
    assert list(tmp_path.iterdir()) == []


def test_mode_is_that_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_png(noise(), tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"before")
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")

    with pytest.raises(FileExistsError):
        write_png(noise(), tmp_path / "link.png")
    write_png(noise(), tmp_path / "link.png", overwrite=True)

    assert (tmp_path / "link.png").is_symlink()
    np.testing.assert_array_equal(read_photo(tmp_path / "real.png").pixels, noise())


def test_targets_that_cannot_be_written(tmp_path: Path, photo: Photo, mask: np.ndarray) -> None:
    with pytest.raises(PhotoError, match=r"out\.xyz: expected a suffix among .*\.jpg.*, received \.xyz$"):
        write_photo(photo, photo.pixels, mask, tmp_path / "out.xyz")
    with pytest.raises(PhotoError, match=r"received none$"):
        write_photo(photo, photo.pixels, mask, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*missing$"):
        write_photo(photo, photo.pixels, mask, tmp_path / "missing" / "out.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.png: is a folder$"):
        write_photo(photo, photo.pixels, mask, tmp_path / "folder.png", overwrite=True)


def test_long_names(tmp_path: Path) -> None:
    target = tmp_path / ("é" * 120 + ".png")
    write_png(noise(), target)
    assert list(tmp_path.iterdir()) == [target]


def test_wrong_arrays(tmp_path: Path, photo: Photo, mask: np.ndarray) -> None:
    with pytest.raises(TypeError, match="mask: expected an array of bool, received uint8"):
        write_photo(photo, photo.pixels, mask.astype(np.uint8))
    with pytest.raises(TypeError, match="pixels: expected an array of uint8, received float64"):
        write_photo(photo, photo.pixels / 1.0, mask)
    with pytest.raises(ValueError, match=r"mask: expected shape \(64, 80\), received \(80, 64\)"):
        write_photo(photo, photo.pixels, mask.T)
    with pytest.raises(ValueError, match=r"pixels: expected shape \(64, 80, 3\), received \(64, 80\)"):
        write_photo(photo, photo.pixels[..., 0], mask)
    with pytest.raises(TypeError, match="mask: expected an array of bool, received list"):
        write_mask([[True]], tmp_path / "mask.png")
    with pytest.raises(ValueError, match=r"expected shape \(H, W\), received \(2, 2, 2\)"):
        write_mask(np.zeros((2, 2, 2), bool), tmp_path / "mask.png")
    with pytest.raises(ValueError, match=r"received \(2, 2, 4\)"):
        write_png(np.zeros((2, 2, 4), np.uint8), tmp_path / "sheet.png")
    with pytest.raises(TypeError, match="received bool"):
        write_png(mask, tmp_path / "sheet.png")
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_masks_and_sheets(tmp_path: Path, mask: np.ndarray) -> None:
    write_mask(mask, tmp_path / "mask.png")
    write_png(noise(), tmp_path / "sheet.png")

    assert read_photo(tmp_path / "mask.png").raster.layout == "L"
    np.testing.assert_array_equal(read_photo(tmp_path / "mask.png").pixels[..., 0], np.where(mask, 255, 0))
    np.testing.assert_array_equal(read_photo(tmp_path / "sheet.png").pixels, noise())
    with pytest.raises(FileExistsError):
        write_mask(mask, tmp_path / "mask.png")


def test_heavy_libraries_wait_until_they_are_needed() -> None:
    program = "import sys, removal.images; print({'torch', 'cv2', 'tifffile', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
