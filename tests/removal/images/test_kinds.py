"""Which files are photos, and what is said of the others."""

from pathlib import Path

import pytest

from removal.images.kinds import count_passed_over, is_passed_over, kind_of, passed_over, refusal


@pytest.mark.parametrize(
    ("head", "suffix", "kind"),
    [
        (b"\xff\xd8\xff\xe0", ".png", "JPEG"),
        (b"II*\0\x08\0\0\0\0\0", ".tif", "TIFF"),
        (b"II*\0\x08\0\0\0\0\0", ".NEF", "RAW"),
        (b"II*\0\x10\0\0\0CR\x02\0", ".jpg", "RAW"),
        (b"FUJIFILMCCD-RAW 0201", "", "RAW"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", ".cr3", "RAW"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ".jpg", "HEIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "", "AVIF"),
        (b"\0\0\0\x1cftypisom\0\0\0\0isommp42avc1", "", "VIDEO"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", ".mov", "VIDEO"),
        (b"RIFF\0\0\0\0AVI LIST", "", "VIDEO"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "", "WEBP"),
        (b"\xff\x0a\xfa\x1f", ".jxl", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", ".jxl", "JPEG XL"),
        (b"8BPS\0\x01", ".psd", "PSD"),
        (b"hello", ".jpg", None),
    ],
)
def test_the_beginning_of_a_file_tells_its_kind(head: bytes, suffix: str, kind: str | None) -> None:
    assert kind_of(head, suffix) == kind


def test_each_refusal_says_what_to_do() -> None:
    assert refusal("JPEG XL") == "is a JPEG XL file: convert it to PNG or JPEG (djxl)"
    assert refusal("RAW").startswith("is a camera's raw file: develop it to TIFF or JPEG")
    assert refusal(None).startswith("is not a photo; AVIF, BMP, ")


def test_what_was_passed_over_is_counted_the_most_first() -> None:
    names = ["a.GIF", "b.dng", "c.dng", "notes.txt", ".hidden.gif", "d.jpg", "clip.mp4"]
    counts = count_passed_over(path for path in map(Path, names) if is_passed_over(path))
    assert counts == {".dng": 2, ".gif": 1, ".mp4": 1}
    assert passed_over(counts) == "4 files passed over: 2 .dng, 1 .gif, 1 .mp4"
