"""JPEGs that lack only the two bytes at their end (ITU-T T.81, annex B.1.1.3: EOI)."""

import io
import re

import numpy as np
from PIL import Image, JpegImagePlugin

WITHOUT_END = "its end marker is missing; the whole picture is there"

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SOS, _EOI = 0xDA, b"\xff\xd9"
_FILLERS = (b"\xaa" * 256, b"\x55" * 256)
_COEFFICIENTS = 64


def completed_scan(plain: bytes) -> Image.Image | None:
    """The picture of a JPEG file without an end marker, decoded; None where more than that is missing.

    A decoder that runs out of data makes up the rest from whatever follows. So the file is ended in several
    ways: where the picture is the same each time, nothing was made up.

    plain: the file without its metadata.
    """
    plain = plain.removesuffix(b"\xff")  # half of the marker
    restart = _restart_after(plain)
    if restart is None:
        return None
    endings = [b"", *_FILLERS, *(restart + filler for filler in _FILLERS)]
    first = _decoded(plain + _EOI)
    pixels = np.asarray(first)
    for ending in endings[1:]:
        if not np.array_equal(pixels, np.asarray(_decoded(plain + ending + _EOI))):
            return None
    return first


def _decoded(data: bytes) -> Image.Image:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    image.load()
    return image


def _restart_after(plain: bytes) -> bytes | None:
    """The restart marker that would come next in the last scan; None where a scan or a segment is missing."""
    header = JpegImagePlugin.JpegImageFile(io.BytesIO(plain + _EOI))
    # The bits that every coefficient of every component still lacks (annex G.1.2: successive approximation).
    lacking = {layer[0]: np.full(_COEFFICIENTS, 99) for layer in header.layer}
    at = scan = plain.find(bytes((0xFF, _SOS)))
    while at >= 0:
        size = int.from_bytes(plain[at + 2 : at + 4], "big")
        if size < 2 or at + 2 + size > len(plain):
            return None
        if plain[at + 1] == _SOS:
            scan = at + 2 + size
            _note_scan(plain[at + 4 : scan], lacking)
        found = _MARKER.search(plain, at + 2 + size)
        at = found.start() if found else -1
    if any(bits.any() for bits in lacking.values()):
        return None
    markers = _RESTART.findall(plain, scan)
    return b"\xff" + bytes([0xD0 + (markers[-1][1] - 0xD0 + 1) % 8 if markers else 0xD0])


def _note_scan(header: bytes, lacking: dict[int, np.ndarray]) -> None:
    count = header[0] if header else 0
    if len(header) < 4 + 2 * count:
        return
    first, last, bits = header[1 + 2 * count : 4 + 2 * count]
    for component in header[1 : 1 + 2 * count : 2]:
        if component in lacking:
            lacking[component][first : last + 1] = bits & 15
