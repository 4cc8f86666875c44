"""Kinds of picture files: which are read, which are known by name, and what to do about those."""

from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

HEIF_INSTALLED = find_spec("pillow_heif") is not None
INSTALL_HEIF = "pip install 'removal[heic]'"

_READ = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "AVIF": (".avif",),
}
_HEIF = (".heic", ".heif", ".hif")
if HEIF_INSTALLED:
    _READ["HEIF"] = _HEIF

PHOTO_SUFFIXES: Mapping[str, str] = MappingProxyType(
    {suffix: kind for kind, suffixes in _READ.items() for suffix in suffixes}
)
"""Lower-case suffix -> format of the files that can be read and written here."""

_RAW = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos"),
    *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
_VIDEO = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm"),
    ".wmv",
)
_NAMES = {
    "GIF": "a GIF file",
    "HEIF": "a HEIC or HEIF file",
    "JPEG 2000": "a JPEG 2000 file",
    "JPEG XL": "a JPEG XL file",
    "PDF": "a PDF file",
    "PSD": "a Photoshop file",
    "RAW": "a camera's raw file",
    "SVG": "an SVG file",
    "VIDEO": "a video",
}
_ADVICE = {
    "GIF": "save the frame that is wanted as PNG",
    "HEIF": f"{INSTALL_HEIF} makes it readable",
    "JPEG 2000": "convert it to PNG or TIFF",
    "JPEG XL": "convert it to PNG or JPEG (djxl)",
    "PDF": "export the picture as PNG or JPEG",
    "PSD": "export it as PNG or TIFF",
    "RAW": "develop it to TIFF or JPEG with the camera's or a raw developer's program",
    "SVG": "export it as PNG",
    "VIDEO": "export the frames that are wanted as PNG",
}
_KNOWN = {suffix: "RAW" for suffix in _RAW} | {suffix: "VIDEO" for suffix in _VIDEO}
_KNOWN |= {".gif": "GIF", ".psd": "PSD", ".psb": "PSD", ".jxl": "JPEG XL", ".pdf": "PDF", ".svg": "SVG"}
_KNOWN |= {".jp2": "JPEG 2000", ".j2k": "JPEG 2000", ".jpx": "JPEG 2000"}
_KNOWN |= {suffix: "HEIF" for suffix in _HEIF if not HEIF_INSTALLED}
KNOWN_SUFFIXES: Mapping[str, str] = MappingProxyType(_KNOWN)
"""Lower-case suffix -> kind of the pictures and videos that cannot be read here."""

_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"%PDF": "PDF",
    b"8BPS": "PSD",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"FUJIFILMCCD-RAW": "RAW",
    b"IIRO": "RAW",
    b"IIRS": "RAW",
    b"MMOR": "RAW",
    b"IIU\0": "RAW",
    b"FOVb": "RAW",
    b"\0MRM": "RAW",
    b"II\x1a\0\0\0HEAPCCDR": "RAW",
    b"\x1aE\xdf\xa3": "VIDEO",
    b"\0\0\x01\xba": "VIDEO",
    b"\0\0\x01\xb3": "VIDEO",
    b"FLV\x01": "VIDEO",
}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"heif", b"mif1", b"msf1")
HEAD_BYTES = 256
"""As much of a file's beginning as tells its kind."""


def kind_of(head: bytes, suffix: str = "") -> str | None:
    """A file's kind by its beginning: a format that is read ("JPEG"), another that is known ("GIF"), or None.

    suffix: of its name; most cameras' raw files begin as a TIFF does and are told by it alone.
    """
    if head[4:8] == b"ftyp":
        return _kind_of_boxes(head)
    if head.startswith(b"RIFF"):
        return {b"WEBP": "WEBP", b"AVI ": "VIDEO"}.get(head[8:12])
    kind = next((name for start, name in _STARTS.items() if head.startswith(start)), None)
    if kind == "TIFF" and (KNOWN_SUFFIXES.get(suffix.lower()) == "RAW" or head[8:10] == b"CR"):
        return "RAW"
    return kind


def _kind_of_boxes(head: bytes) -> str:
    """Of a file in boxes (ISO/IEC 14496-12), by its brands: the main one and those that it is like."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    if brands[0] == b"crx ":
        return "RAW"
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    return "HEIF" if any(brand in _HEIF_BRANDS for brand in brands) else "VIDEO"


def refusal(kind: str | None) -> str:
    """What is said about a file of a kind that cannot be read; None = of an unknown one."""
    if kind in _NAMES:
        return f"is {_NAMES[kind]}: {_ADVICE[kind]}"
    names = ", ".join(sorted(("WebP" if name == "WEBP" else name) for name in _READ))
    return f"is not a photo; {names} can be read"


def is_passed_over(path: Path) -> bool:
    """Whether a name found in a folder is that of a picture or video that cannot be read."""
    return not path.name.startswith(".") and path.suffix.lower() in KNOWN_SUFFIXES


def count_passed_over(paths: Iterable[Path]) -> dict[str, int]:
    """Suffix -> how many files of it were passed over, the most first."""
    counts = Counter(path.suffix.lower() for path in paths)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def passed_over(counts: Mapping[str, int]) -> str:
    """One line on files that were passed over, such as
    "4 files passed over: 2 .heic (pip install 'removal[heic]'), 1 .gif, 1 .dng"."""
    total = sum(counts.values())
    words = []
    for suffix, count in counts.items():
        how = f" ({INSTALL_HEIF})" if KNOWN_SUFFIXES.get(suffix) == "HEIF" else ""
        words.append(f"{count} {suffix}{how}")
    return f"{total} {'file' if total == 1 else 'files'} passed over: {', '.join(words)}"
