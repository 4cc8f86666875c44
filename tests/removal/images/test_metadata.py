"""Orientation, EXIF, XMP, ICC, DPI: what is kept, and that nothing still shows the old picture."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, TiffImagePlugin

from removal.images import read_photo, write_photo
from removal.images.ifd import IfdError, main_directory, read_directory, read_header
from removal.images.metadata import clean_exif, clean_photoshop, clean_xmp, standard_exif

HEIGHT, WIDTH = 24, 40
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    b' xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Make="Maker"/></rdf:RDF></x:xmpmeta>'
    b'<?xpacket end="w"?>'
)
FORMATS = [("jpg", {"quality": 95}), ("png", {}), ("webp", {"lossless": True}), ("tif", {})]


def gradient() -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([rows * 10, columns * 6, (rows + columns) * 3], -1).astype(np.uint8)


def thumbnail() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(gradient()).resize((16, 10)).save(buffer, "JPEG")
    return buffer.getvalue()


def exif_block(orientation: int = 1, *, order: str = "<") -> bytes:
    """EXIF with text, an EXIF directory with a maker note that holds a preview, and a thumbnail directory."""
    picture = thumbnail()
    note = b"MAKER\0\0\0" + struct.pack(f"{order}I", 1234) + picture + b"END."

    def directory(entries: list[tuple[int, int, int, bytes]], following: int) -> bytes:
        table = b"".join(
            struct.pack(f"{order}HHI", code, kind, count) + value.ljust(4, b"\0")
            for code, kind, count, value in entries
        )
        return struct.pack(f"{order}H", len(entries)) + table + struct.pack(f"{order}I", following)

    def long(value: int) -> bytes:
        return struct.pack(f"{order}I", value)

    sizes = [2 + 12 * n + 4 for n in (4, 3, 3)]
    make_at = 8 + sizes[0]
    exif_at = make_at + 10
    note_at = exif_at + sizes[1]
    second_at = note_at + len(note) + len(note) % 2
    picture_at = second_at + sizes[2]
    first = [
        (271, 2, 9, long(make_at)),
        (272, 2, 4, b"One\0"),
        (274, 3, 1, struct.pack(f"{order}H", orientation)),
        (34665, 4, 1, long(exif_at)),
    ]
    inner = [
        (37500, 7, len(note), long(note_at)),
        (40962, 4, 1, long(WIDTH)),
        (40963, 4, 1, long(HEIGHT)),
    ]
    second = [
        (259, 3, 1, struct.pack(f"{order}H", 6)),
        (513, 4, 1, long(picture_at)),
        (514, 4, 1, long(len(picture))),
    ]
    block = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    block += directory(first, second_at) + b"Cameraco\0\0" + directory(inner, 0)
    block += note + b"\0" * (len(note) % 2) + directory(second, 0) + picture
    return block


def hole() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[8:14, 10:20] = True
    return mask


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("suffix", "options"), FORMATS)
def test_orientation_is_applied_and_the_tag_reset(
    tmp_path: Path, suffix: str, options: dict, orientation: int
) -> None:
    path = tmp_path / f"photo.{suffix}"
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(gradient()).save(path, exif=exif.tobytes(), **options)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert expected.shape == ((WIDTH, HEIGHT, 3) if orientation >= 5 else (HEIGHT, WIDTH, 3))

    photo = read_photo(path)
    mask = np.zeros(expected.shape[:2], bool)
    mask[2, 3] = True
    written = write_photo(photo, photo.pixels, mask)

    np.testing.assert_array_equal(photo.pixels, expected)
    assert photo.orientation == orientation
    with Image.open(written) as after:
        assert after.getexif().get(274, 1) == 1
        new = np.asarray(after.convert("RGB")).astype(int)
    assert np.abs(new - expected).max() <= (12 if suffix == "jpg" else 0)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_invalid_orientation_counts_as_none(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(gradient()).save(tmp_path / "photo.png", exif=exif.tobytes())

    photo = read_photo(tmp_path / "photo.png")

    assert photo.orientation == 1
    np.testing.assert_array_equal(photo.pixels, gradient())


@pytest.mark.parametrize("target", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize(("suffix", "options"), FORMATS)
def test_exif_icc_xmp_and_dpi_are_kept_in_and_across_formats(
    tmp_path: Path, suffix: str, options: dict, target: str
) -> None:
    path = tmp_path / f"photo.{suffix}"
    exif = Image.Exif()
    exif[271], exif[306] = "Cameraco", "2020:01:02 03:04:05"
    exif[282], exif[283], exif[296] = 300.0, 300.0, 2
    exif.get_ifd(34665)[33434] = TiffImagePlugin.IFDRational(1, 250)
    exif.get_ifd(34853)[1] = "N"
    if suffix == "png":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {"pnginfo": text}
    elif suffix != "tif":
        options = {**options, "xmp": XMP}
    if suffix == "tif":
        exif[700] = XMP
        exif[34665], exif[34853] = exif.get_ifd(34665), exif.get_ifd(34853)
        Image.fromarray(gradient()).save(path, exif=exif, icc_profile=SRGB)
    else:
        Image.fromarray(gradient()).save(path, exif=exif, icc_profile=SRGB, dpi=(300, 300), **options)

    photo = read_photo(path)
    written = write_photo(photo, photo.pixels, hole(), tmp_path / f"out.{target}")

    with Image.open(written) as after:
        new = after.getexif()
        assert new[271] == "Cameraco"
        assert new[306] == "2020:01:02 03:04:05"
        assert float(new.get_ifd(34665)[33434]) == 1 / 250
        assert new.get_ifd(34853)[1] == "N"
        assert after.info["icc_profile"] == SRGB
        if target != "webp":
            assert after.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert after.info.get("xmp") == XMP


def test_jpeg_without_a_thumbnail_keeps_its_segments_byte_for_byte(shared: Path, tmp_path: Path) -> None:
    source = shared / "data" / "large" / "IMG_0184.jpg"
    photo = read_photo(source)
    mask = np.zeros(photo.pixels.shape[:2], bool)
    mask[100:200, 300:500] = True

    with (
        Image.open(source) as before,
        Image.open(write_photo(photo, photo.pixels, mask, tmp_path / "a.jpg")) as after,
    ):
        assert photo.pixels.shape == (2592, 1936, 3)
        assert after.quantization == before.quantization
        assert after.layer == before.layer
        for key in ("exif", "icc_profile", "xmp", "dpi", "jfif_version", "jfif_density"):
            assert after.info[key] == before.info[key], key
        assert after.getexif().get_ifd(34665) == before.getexif().get_ifd(34665)


@pytest.mark.parametrize("order", ["<", ">"])
def test_thumbnail_and_preview_leave_the_exif_block(order: str) -> None:
    block = exif_block(6, order=order)
    assert block.count(b"\xff\xd8\xff") == 2

    cleaned = clean_exif(block, 6)

    assert b"\xff\xd8" not in cleaned
    assert len(cleaned) < len(block)
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + cleaned)
    assert dict(exif) == {271: "Cameraco", 272: "One", 274: 1, 34665: exif[34665]}
    assert dict(exif.get_ifd(1)) == {}
    inner = exif.get_ifd(34665)
    assert (inner[40962], inner[40963]) == (HEIGHT, WIDTH)  # a quarter turn
    note = inner[37500]
    assert note == b"MAKER\0\0\0" + struct.pack(f"{order}I", 1234) + bytes(len(thumbnail())) + b"END."


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_no_file_still_shows_the_old_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(gradient()).save(path, exif=b"Exif\0\0" + exif_block())
    assert thumbnail() in path.read_bytes()

    photo = read_photo(path)
    for target in ("jpg", "png", "webp", "tif", "bmp"):
        written = write_photo(photo, photo.pixels, hole(), tmp_path / f"out.{target}").read_bytes()
        assert thumbnail() not in written
        assert written.count(b"\xff\xd8\xff") == (target == "jpg")


def test_jpeg_loses_pictures_behind_and_beside_the_main_one(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(gradient()).save(
        buffer, "MPO", save_all=True, append_images=[Image.fromarray(gradient()[::-1])]
    )
    resources = b"8BIM\x04\x0c\0\0" + struct.pack(">I", 30) + b"\xff\xd8\xff" * 10
    resources += b"8BIM\x04\x04\0\0" + struct.pack(">I", 5) + b"Title\0"
    app13 = b"Photoshop 3.0\0" + resources
    data = buffer.getvalue()
    cut = 2 + 2 + int.from_bytes(data[4:6], "big")
    extra = b"\xff\xed" + struct.pack(">H", len(app13) + 2) + app13
    extra += b"\xff\xe0" + struct.pack(">H", 2 + 26) + b"JFXX\0\x10" + b"\xff\xd8\xff" * 6 + b"\0\0"
    extra += b"\xff\xfe\0\x07hello"
    (tmp_path / "photo.jpg").write_bytes(data[:cut] + extra + data[cut:])

    photo = read_photo(tmp_path / "photo.jpg")
    written = write_photo(photo, photo.pixels, hole()).read_bytes()

    assert written.count(b"\xff\xd8\xff") == 1
    assert b"MPF" not in written
    assert b"JFXX" not in written
    assert b"\xff\xed" + struct.pack(">H", 2 + 14 + 18) + b"Photoshop 3.0\0" + resources[-18:] in written
    assert b"\xff\xfe\0\x07hello" in written
    with Image.open(io.BytesIO(written)) as after:
        assert after.format == "JPEG"
        assert np.abs(np.asarray(after).astype(int) - photo.pixels).max() <= 12


def test_xmp_without_pictures_is_kept_byte_for_byte() -> None:
    assert clean_xmp(XMP) == XMP
    assert clean_xmp(b"") == b""
    assert clean_xmp(XMP.replace(b"tiff:Make", b'tiff:Orientation="6" tiff:Make')) == XMP.replace(
        b"tiff:Make", b'tiff:Orientation="1" tiff:Make'
    )


def test_xmp_pictures_and_dangling_references_go() -> None:
    packet = XMP.replace(
        b' tiff:Make="Maker"/>',
        b' tiff:Make="Maker" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:note="http://ns.adobe.com/xmp/note/"'
        b' xmlns:g="http://ns.google.com/photos/1.0/image/" xmlns:c="http://ns.google.com/photos/1.0/camera/"'
        b' xmlns:o="urn:other" g:Data="abc" note:HasExtendedXMP="123" c:MicroVideoOffset="9"'
        b' o:Small="/9j/4AAQ">'
        b"<xmp:Thumbnails><rdf:Alt><rdf:li>secret</rdf:li></rdf:Alt></xmp:Thumbnails>"
        b"<xmp:Rating>5</xmp:Rating></rdf:Description>",
    )

    cleaned = clean_xmp(packet)

    for gone in (b"secret", b"Thumbnails", b"HasExtendedXMP=", b"MicroVideoOffset", b"abc", b"/9j/"):
        assert gone not in cleaned
    assert b'tiff:Make="Maker"' in cleaned
    assert b"<xmp:Rating>5</xmp:Rating>" in cleaned
    assert cleaned.startswith(b"<?xpacket begin")
    assert clean_xmp(b"<broken Thumbnails") == b""


def test_damaged_metadata_is_dropped_and_not_an_error(tmp_path: Path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "photo.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7fjunk")
    photo = read_photo(tmp_path / "photo.jpg")

    with Image.open(write_photo(photo, photo.pixels, hole())) as after:
        assert "exif" not in after.info
    assert clean_exif(b"nonsense") == b""
    assert clean_photoshop(b"nonsense, longer than a header") == b""
    with pytest.raises(IfdError, match="runs past the end"):
        read_directory(b"II*\0\x08\0\0\0\xff\xff", 8, read_header(b"II*\0\x08\0\0\0"))


def test_damage_anywhere_in_metadata_never_fails() -> None:
    rng = np.random.default_rng(5)
    packet = XMP.replace(b"Make", b"Thumbnails")
    resources = b"8BIM\x04\x0c\0\0" + struct.pack(">I", 30) + bytes(30) + RESOURCES
    blocks = [(exif_block(6, order=order), lambda block: clean_exif(block, 6)) for order in "<>"]
    for block, clean in [*blocks, (packet, clean_xmp), (resources, clean_photoshop)]:
        for _ in range(300):
            broken = bytearray(block)
            for at in rng.integers(0, min(len(block), 200), 4):
                broken[at] = rng.integers(0, 256)
            cleaned = clean(bytes(broken[: rng.integers(len(block) // 2, len(block) + 1)]))
            assert len(cleaned) <= len(block) + 50  # XML may come back with longer escapes
            for entry in main_directory(standard_exif(cleaned)):
                assert entry.offset + len(entry.value) <= len(block)


def test_tiff_keeps_its_tags_and_drops_its_preview_page(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    with tifffile.TiffWriter(path, byteorder=">") as file:
        file.write(
            gradient(),
            photometric="rgb",
            resolution=(118.11, 118.11),
            resolutionunit="CENTIMETER",
            description="A street",
            metadata=None,
            software="Scanner",
            extratags=[
                (315, 2, 0, "Someone", True),
                (33723, 7, 6, b"IPTC..", True),
                (34377, 7, 18, RESOURCES, True),
            ],
        )
        file.write(gradient()[::2, ::2], photometric="rgb", subfiletype=1)

    photo = read_photo(path)
    written = write_photo(photo, photo.pixels, hole())

    with tifffile.TiffFile(written) as after:
        assert len(after.pages) == 1
        tags = after.pages[0].tags
        assert (tags[270].value, tags[305].value, tags[315].value) == ("A street", "Scanner", "Someone")
        assert tags[33723].value == b"IPTC.."
        assert tags[34377].value == RESOURCES
        assert tags[282].value[0] / tags[282].value[1] * {2: 1, 3: 2.54}[tags[296].value] == pytest.approx(
            300, abs=0.1
        )
        np.testing.assert_array_equal(after.asarray(), gradient())
    assert photo.metadata.dpi == pytest.approx((300, 300), abs=0.1)


RESOURCES = b"8BIM\x04\x04\0\0" + struct.pack(">I", 5) + b"Title\0"


def test_png_chunks_are_kept(tmp_path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "A street")
    text.add(b"gAMA", struct.pack(">I", 45455))
    text.add(b"tIME", b"\x07\xe4\1\2\3\4\5")
    Image.fromarray(gradient()).save(tmp_path / "photo.png", pnginfo=text, dpi=(72, 144))

    photo = read_photo(tmp_path / "photo.png")
    with Image.open(write_photo(photo, photo.pixels, hole())) as after:
        assert after.info["Title"] == "A street"
        assert after.info["gamma"] == 0.45455
        assert after.info["dpi"] == pytest.approx((72, 144), abs=0.1)
    assert b"tIME\x07\xe4\1\2\3\4\5" in (tmp_path / "photo.removed.png").read_bytes()


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_unequal_dpi_turns_with_the_picture(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(gradient()).save(tmp_path / f"photo.{suffix}", exif=exif, dpi=(100, 200))

    photo = read_photo(tmp_path / f"photo.{suffix}")
    with Image.open(write_photo(photo, photo.pixels, hole().T.copy())) as after:
        assert after.info["dpi"] == pytest.approx((200, 100), abs=0.1)


def test_bmp_keeps_its_dpi(tmp_path: Path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "photo.bmp", dpi=(300, 300))
    photo = read_photo(tmp_path / "photo.bmp")
    with Image.open(write_photo(photo, photo.pixels, hole())) as after:
        assert after.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_a_profile_that_no_longer_fits_is_not_written(tmp_path: Path) -> None:
    """CMYK shown as RGB in a PNG must not carry the CMYK profile."""
    cmyk = bytearray(SRGB)
    cmyk[16:20] = b"CMYK"
    Image.new("CMYK", (WIDTH, HEIGHT), (0, 50, 100, 20)).save(tmp_path / "ink.tif", icc_profile=bytes(cmyk))
    photo = read_photo(tmp_path / "ink.tif")

    with Image.open(write_photo(photo, photo.pixels, hole(), tmp_path / "out.png")) as after:
        assert "icc_profile" not in after.info
    with Image.open(write_photo(photo, photo.pixels, hole(), tmp_path / "out.jpg")) as after:
        assert after.mode == "CMYK"
        assert after.info["icc_profile"] == bytes(cmyk)
