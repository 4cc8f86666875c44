"""Metadata of an edited photo: all that stays true is kept, nothing that still shows the old picture.

Cameras and editors put small copies of a picture into its metadata. After a removal they would still show
what was removed, so they go: EXIF thumbnails and previews in maker notes, XMP and Photoshop thumbnails.
"""

import re
import struct
from dataclasses import replace
from xml.dom import minidom
from xml.parsers import expat
from xml.parsers.expat import ExpatError

from _removal_support.limits import (
    LARGEST_DPI,
    LARGEST_XMP_DEPTH,
    LARGEST_XMP_ELEMENTS,
)
from removal.images.ifd import (
    EXIF_IFD,
    GPS_IFD,
    BrokenChainError,
    Entry,
    Header,
    IfdError,
    later_directories,
    main_directory,
    read_directory,
    read_header,
    write_structure,
)
from removal.images.photo import Metadata

ORIENTATION = 274
_EXIF_PREFIX = b"Exif\0\0"
_ACROSS, _DOWN, _UNIT = 282, 283, 296
_THUMBNAIL_STARTS, _THUMBNAIL_SIZES = (513, 273), (514, 279)
# Description, maker, model, orientation, resolution, software, date, artist, copyright; EXIF and GPS.
_STANDARD_TAGS = (270, 271, 272, ORIENTATION, _ACROSS, _DOWN, _UNIT, 305, 306, 315, 33432, EXIF_IFD, GPS_IFD)
_SIZE_TAGS = ((256, 257), (40962, 40963))

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([0-9])")
_XMP_NAMESPACES = (
    "http://ns.adobe.com/xap/1.0/g/img/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
)
_XMP_NAMES = re.compile("Thumbnails|HasExtendedXMP|MicroVideo.*|MotionPhoto.*")
_BASE64_PICTURES = ("/9j/", "iVBORw0KGgo", "UklGR")  # JPEG, PNG, WebP
_XMP_SUSPECTS = re.compile(
    b"|".join(re.escape(text.encode()) for text in (*_XMP_NAMESPACES, *_BASE64_PICTURES))
    + rb"|Thumbnails|HasExtendedXMP|MicroVideo|MotionPhoto"
)


def without_exif_prefix(exif: bytes) -> bytes:
    """A TIFF structure without the "Exif\\0\\0" that some formats put before it, and some writers twice."""
    while exif.startswith(_EXIF_PREFIX):
        exif = exif[len(_EXIF_PREFIX) :]
    return exif


def read_orientation(metadata: Metadata) -> int:
    """How the stored picture has to be turned: 1 (not at all) to 8; 1 where nothing valid is said.

    The EXIF tag counts; XMP's tiff:Orientation stands in where there is none, as it does in Pillow.
    """
    entries = main_directory(metadata.exif)
    stated = [value for entry in entries if entry.code == ORIENTATION for value in entry.integers()[:1]]
    if not stated and (found := _XMP_ORIENTATION.search(metadata.xmp)):
        stated = [int(found[2])]
    return stated[0] if stated and 1 <= stated[0] <= 8 else 1


def read_resolution(exif: bytes) -> tuple[float, float] | None:
    """Dots per inch, horizontal and vertical, that an EXIF block or a TIFF states; None where it does not."""
    page = {entry.code: entry for entry in main_directory(exif)}
    across = page[_ACROSS].rational() if _ACROSS in page else None
    down = page[_DOWN].rational() if _DOWN in page else None
    unit = (page[_UNIT].integers() or (1,))[0] if _UNIT in page else 2
    per_inch = {2: 1.0, 3: 2.54}.get(unit)
    return (across * per_inch, down * per_inch) if across and down and per_inch else None


def upright_metadata(metadata: Metadata) -> Metadata:
    """Metadata of a picture that its decoder turned upright: the orientation becomes 1, all else stays."""
    xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", metadata.xmp)
    block = bytearray(metadata.exif)
    try:
        header = read_header(metadata.exif)
        entries, _ = read_directory(metadata.exif, header.first, header)
    except IfdError:
        return replace(metadata, xmp=xmp)
    _set_upright(block, entries, header.order, swap=False)
    return replace(metadata, exif=bytes(block), xmp=xmp)


def edited_metadata(metadata: Metadata, orientation: int) -> Metadata:
    """Metadata for the upright, edited picture; `orientation` is how the source was turned."""
    metadata = replace(metadata, exif=clean_exif(metadata.exif, orientation), xmp=clean_xmp(metadata.xmp))
    if orientation < 5 or metadata.dpi is None or metadata.dpi[0] == metadata.dpi[1]:
        return metadata
    extra = tuple(piece for piece in metadata.extra if piece[0] not in (b"JFIF", b"pHYs"))
    return replace(metadata, dpi=metadata.dpi[::-1], extra=extra)


def believable(metadata: Metadata, kind: str) -> tuple[Metadata, tuple[str, ...]]:
    """Metadata without what no photo has and what would make it unwritable, and what was left out in a
    sentence each. kind: the format."""
    notes = []
    if metadata.exif and not clean_exif(metadata.exif):
        metadata = replace(metadata, exif=b"")
        notes.append("its EXIF is damaged and was left out")
    if metadata.xmp and not clean_xmp(metadata.xmp):
        metadata = replace(metadata, xmp=b"")
        notes.append("its XMP cannot be read or is no photo's, and was left out")
    if metadata.dpi and not all(0 < value <= LARGEST_DPI for value in metadata.dpi):
        extra = tuple(piece for piece in metadata.extra if piece[0] not in (b"JFIF", b"pHYs"))
        exif = metadata.exif if kind != "TIFF" else _without_resolution(metadata.exif)
        metadata = replace(metadata, dpi=None, extra=extra, exif=exif)
        notes.append("its resolution (DPI) is no photo's, and was left out")
    return metadata, tuple(notes)


def _without_resolution(exif: bytes) -> bytes:
    kept = [entry for entry in main_directory(exif) if entry.code not in (_ACROSS, _DOWN, _UNIT)]
    return write_structure(kept) if kept else b""


def standard_exif(exif: bytes) -> bytes:
    """An EXIF block with the usual text tags, EXIF and GPS only: without anyone's private tags."""
    return write_structure(entry for entry in main_directory(exif) if entry.code in _STANDARD_TAGS)


def clean_exif(exif: bytes, orientation: int = 1) -> bytes:
    """An EXIF block without pictures, its orientation set to 1, its sizes swapped for a quarter turn.

    It is changed in place, so that offsets inside maker notes, which only their maker knows, stay right.
    An unreadable block comes back empty: it could hold anything.
    """
    try:
        header = read_header(exif)
        if header.big:
            return b""
        entries, following = read_directory(exif, header.first, header)
        block = bytearray(exif)
        _set_upright(block, entries, header.order, swap=orientation >= 5)
        blanked = _drop_thumbnail_directories(block, header, following)
    except IfdError:
        return b""
    blanked += _blank_embedded_jpegs(block)
    end = len(block)
    for start, stop in sorted(blanked, reverse=True):
        if stop >= end:
            end = min(start, end)
    return bytes(block[:end])


def _set_upright(block: bytearray, entries: list[Entry], order: str, *, swap: bool) -> None:
    every = [*entries, *(child for entry in entries for child in entry.children)]
    places = {entry.code: entry for entry in every if entry.kind in (3, 4) and entry.count}
    across, down = ([entry for entry in entries if entry.code == code] for code in (_ACROSS, _DOWN))
    if swap and across and down and len(across[0].value) == len(down[0].value) > 4:
        one, two = (slice(entry.offset, entry.offset + len(entry.value)) for entry in (across[0], down[0]))
        block[one], block[two] = block[two], block[one]
    if ORIENTATION in places:
        _put(block, places[ORIENTATION], 1, order)
    for wide, high in _SIZE_TAGS if swap else ():
        if wide in places and high in places:
            width, height = places[wide].integers()[0], places[high].integers()[0]
            if max(width, height) <= 0xFFFF or places[wide].kind == places[high].kind:
                _put(block, places[wide], height, order)
                _put(block, places[high], width, order)


def _put(block: bytearray, entry: Entry, value: int, order: str) -> None:
    struct.pack_into(order + ("H" if entry.kind == 3 else "I"), block, entry.offset, value)


def _drop_thumbnail_directories(block: bytearray, header: Header, following: int) -> list[tuple[int, int]]:
    """Unlink the directories after the first and blank them with the pictures they point to. Raises IfdError
    where they are so many, or so tangled, that no camera wrote them."""
    link = header.first + 2 + 12 * _stated_count(block, header)
    if link + 4 <= len(block):
        struct.pack_into(f"{header.order}I", block, link, 0)
    spans: list[tuple[int, int]] = []
    source = bytes(block)
    try:
        for entries, at in later_directories(source, following, header):
            (stated,) = struct.unpack_from(f"{header.order}H", source, at)
            spans += [(entry.offset, entry.offset + len(entry.value)) for entry in entries]
            spans += _thumbnail_spans(entries)
            spans.append((at, at + 2 + 12 * stated + 4))
    except BrokenChainError:
        raise
    except IfdError:
        pass  # the chain ends in nothing: what it led to before is known
    return [_blank(block, start, stop) for start, stop in _merged(spans, len(block))]


def _merged(spans: list[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """Spans of a block of `end` bytes, those that overlap joined."""
    joined: list[tuple[int, int]] = []
    for start, stop in sorted((start, min(stop, end)) for start, stop in spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(stop, joined[-1][1])
        elif start < stop:
            joined.append((start, stop))
    return joined


def _stated_count(block: bytearray, header: Header) -> int:
    return int(struct.unpack_from(f"{header.order}H", block, header.first)[0])


def _thumbnail_spans(entries: list[Entry]) -> list[tuple[int, int]]:
    values = {entry.code: entry.integers() for entry in entries}
    spans = []
    for starts, sizes in zip(_THUMBNAIL_STARTS, _THUMBNAIL_SIZES, strict=True):
        pairs = zip(values.get(starts, ()), values.get(sizes, ()), strict=False)
        spans += [(start, start + size) for start, size in pairs]
    return spans


def _blank(block: bytearray, start: int, stop: int) -> tuple[int, int]:
    stop = min(stop, len(block))
    if start < stop:
        block[start:stop] = bytes(stop - start)
    return start, stop


def _blank_embedded_jpegs(block: bytearray) -> list[tuple[int, int]]:
    """Blank whole JPEG streams, mostly previews in maker notes; one without an end to the block's end."""
    blanked = []
    for found in re.finditer(rb"\xff\xd8\xff[\xc0-\xfe]", bytes(block)):
        if block[found.start()] == 0xFF:
            stop = _jpeg_end(block, found.start())
            blanked.append(_blank(block, found.start(), stop))
    return blanked


def _jpeg_end(block: bytearray, start: int) -> int:
    """Where the JPEG stream at `start` ends; segments are stepped over, as they can hold JPEGs themselves."""
    at = start + 2
    while at + 4 <= len(block) and block[at] == 0xFF and block[at + 1] != 0xDA:
        at += 2 + struct.unpack_from(">H", block, at + 2)[0]
    end = block.find(b"\xff\xd9", at)
    return len(block) if end < 0 else end + 2


def clean_xmp(xmp: bytes) -> bytes:
    """An XMP packet without pictures, its tiff:Orientation set to 1.

    A packet without any comes back byte for byte, one that may hold some but cannot be parsed empty.
    References to parts that an edited file no longer has (gain map, motion photo, extended XMP) go too.
    """
    xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
    if not _XMP_SUSPECTS.search(xmp):
        return xmp
    try:
        _refuse_strange_xml(xmp.strip(b"\0 \n"))
        document = minidom.parseString(xmp.strip(b"\0 \n"))
    except (ExpatError, ValueError, LookupError):
        return b""
    if document.documentElement is not None:
        _drop_xmp_pictures(document.documentElement)
    return "".join(node.toxml() for node in document.childNodes).encode()


def _refuse_strange_xml(text: bytes) -> None:
    """Raises ValueError for XML that is deeper or larger than any photo's, or defines entities."""
    parser, depth, elements = expat.ParserCreate(), 0, 0

    def begin(*_: object) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > LARGEST_XMP_DEPTH or elements > LARGEST_XMP_ELEMENTS:
            raise ValueError("its XMP is deeper or larger than any photo's")

    def end(*_: object) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise ValueError("its XMP defines entities")

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(text, True)


def _drop_xmp_pictures(element: minidom.Element) -> None:
    for attribute in list((element.attributes or {}).values()):
        if _is_picture(attribute.namespaceURI, attribute.localName, attribute.value):
            element.removeAttributeNode(attribute)
    for child in list(element.childNodes):
        name = child.localName or "" if child.nodeType == child.ELEMENT_NODE else ""
        if _is_picture(child.namespaceURI, name, child.nodeValue or ""):
            element.removeChild(child)
        elif child.nodeType == child.ELEMENT_NODE:
            _drop_xmp_pictures(child)


def _is_picture(namespace: str | None, name: str | None, value: str) -> bool:
    by_name = namespace in _XMP_NAMESPACES or bool(_XMP_NAMES.fullmatch(name or ""))
    return by_name or value.strip().startswith(_BASE64_PICTURES)


def clean_photoshop(resources: bytes) -> bytes:
    """Photoshop image resources (IPTC captions and such) without their thumbnails; empty if unreadable."""
    kept, at = [], 0
    while at + 12 <= len(resources):
        name_size = resources[at + 6]
        size_at = at + 6 + (name_size + 2) // 2 * 2
        if resources[at : at + 4] != b"8BIM" or size_at + 4 > len(resources):
            return b""
        code, size = (
            struct.unpack_from(">H", resources, at + 4)[0],
            struct.unpack_from(">I", resources, size_at)[0],
        )
        end = size_at + 4 + (size + 1) // 2 * 2
        if size_at + 4 + size > len(resources):
            return b""
        if code not in (1033, 1036):
            kept.append(resources[at:end])
        at = end
    return b"".join(kept)
