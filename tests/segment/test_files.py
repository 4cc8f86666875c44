import numpy as np
import pytest
from PIL import Image

from segment import MaskFiles
from segment.mask_images import read_mask_image
from segment.mask_picture import threshold_levels


def read_mask(path):
    picture = read_mask_image(path)
    return threshold_levels(picture.levels, 127, lossy=picture.lossy)


MASK = np.array([[1, 1, 0], [0, 0, 0]], dtype=bool)
GREY = np.where(MASK, 255, 0).astype(np.uint8)


def palette_image(indices: np.ndarray, colours: list[int]) -> Image.Image:
    image = Image.fromarray(indices.astype(np.uint8), "P")
    image.putpalette(colours)
    return image


def with_alpha(grey: np.ndarray, alpha: np.ndarray) -> Image.Image:
    return Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])


KINDS = {
    "grey": Image.fromarray(GREY),
    "one bit": Image.fromarray(GREY).convert("1"),
    "rgb": Image.fromarray(GREY).convert("RGB"),
    "rgba": Image.fromarray(GREY).convert("RGBA"),
    "zero and one": Image.fromarray(MASK.astype(np.uint8)),
    "16 bit": Image.fromarray(GREY.astype(np.uint16) * 257),
    "just above the threshold": Image.fromarray(np.where(MASK, 128, 127).astype(np.uint8)),
    "palette": palette_image(MASK, [0, 0, 0, 255, 255, 255]),
    "palette, white first": palette_image(~MASK, [255, 255, 255, 0, 0, 0]),
    "palette of dark colours": palette_image(MASK, [0, 0, 0, 128, 0, 0]),
    "alpha alone": with_alpha(np.full_like(GREY, 255), GREY),
    "alpha alone, black": with_alpha(np.zeros_like(GREY), GREY),
    "white but transparent": with_alpha(
        np.array([[255, 255, 255], [0, 0, 0]], np.uint8), np.array([[255, 255, 0], [255] * 3], np.uint8)
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_mask_images(kind, tmp_path):
    KINDS[kind].save(tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png")
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, MASK)


def test_float_masks(tmp_path):
    Image.fromarray(MASK.astype(np.float32) * 0.75).save(tmp_path / "mask.tiff")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.tiff"), MASK)


def test_the_noise_of_a_black_jpeg_is_not_a_mask(tmp_path):
    Image.fromarray(np.ones((16, 16), np.uint8)).save(tmp_path / "mask.jpg")
    assert not read_mask(tmp_path / "mask.jpg").any()


def test_orientation_is_applied(tmp_path):
    image = Image.fromarray(GREY)
    exif = image.getexif()
    exif[0x0112] = 6  # stored lying on its left side
    image.save(tmp_path / "mask.png", exif=exif)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), np.rot90(MASK, -1))


def test_threshold_is_a_parameter(tmp_path):
    Image.fromarray(np.where(MASK, 100, 20).astype(np.uint8)).save(tmp_path / "mask.png")
    assert not read_mask(tmp_path / "mask.png").any()
    np.testing.assert_array_equal(MaskFiles(tmp_path, threshold=60).mask("mask.jpg", (2, 3)), MASK)


def test_one_file_is_for_every_photo(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "any.png")
    found = MaskFiles(tmp_path / "any.png").detections("photo.jpg", (2, 3))
    assert (found.labels, found.scores.tolist()) == (("mask",), [1.0])
    np.testing.assert_array_equal(found.mask(0), MASK)


def test_folders_are_matched_by_stem_then_by_folder(tmp_path):
    for name in ("1.png", "a/2.png", "b/2.png", "3.png", "3.bmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(GREY).save(tmp_path / name)
    (tmp_path / "1.txt").write_text("no mask")
    files = MaskFiles(tmp_path)
    assert files.find("photos/x/1.JPG") == tmp_path / "1.png"
    assert files.find("photos/b/2.jpg") == tmp_path / "b" / "2.png"
    for photo, named in (("2.jpg", "several: .*2.png, .*2.png"), ("3.jpg", "several"), ("4.jpg", "none")):
        with pytest.raises(ValueError, match=f"expected one mask for {photo} in .*, found {named}"):
            files.find(photo)


def test_errors_name_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"masks not found: .*nowhere"):
        MaskFiles(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no mask file .* in .*empty"):
        MaskFiles(tmp_path / "empty")
    Image.fromarray(GREY).save(tmp_path / "1.png")
    Image.fromarray(GREY * 0).save(tmp_path / "2.png")
    (tmp_path / "3.png").write_text("text")
    (tmp_path / "4.png").write_bytes((tmp_path / "1.png").read_bytes()[:50])
    (tmp_path / "5.png").write_bytes(b"")
    files = MaskFiles(tmp_path)
    with pytest.raises(ValueError, match=r"mask .*1\.png is 3 x 2, but the photo 1\.jpg is 6 x 6 .*shape"):
        files.mask("1.jpg", (6, 6))
    with pytest.raises(ValueError, match=r"mask .*2\.png is empty: no pixel is brighter than 127 \(.*: 0\)"):
        files.mask("2.jpg", (2, 3))
    nothing = MaskFiles(tmp_path, allow_empty=True).detections("2.jpg", (2, 3))
    assert (len(nothing), nothing.height, nothing.width) == (0, 2, 3)
    for number in (3, 4, 5):
        with pytest.raises(ValueError, match=rf"mask .*{number}\.png cannot be read"):
            files.mask(f"{number}.jpg", (2, 3))


def test_masks_of_another_team(shared):
    folder = shared / "data" / "team_masks" / "png"
    files, marked = MaskFiles(folder, allow_empty=True), 0
    for path in sorted(folder.iterdir()):
        with Image.open(path) as reference:
            expected = np.asarray(reference) == 255
        np.testing.assert_array_equal(files.mask(f"{path.stem}.jpg", expected.shape), expected)
        marked += expected.any()
    assert marked == 113  # of 141: that team found nobody in the others
