"""TIFF directories: what EXIF blocks and TIFF files keep their tags in (TIFF 6.0, section 2; BigTIFF)."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from _removal_support.limits import LARGEST_DIRECTORY_COUNT, LARGEST_TAG_COUNT

EXIF_IFD, GPS_IFD, INTEROP_IFD = 34665, 34853, 40965
SUB_DIRECTORIES = (EXIF_IFD, GPS_IFD, INTEROP_IFD)
SHORT, LONG, UNDEFINED = 3, 4, 7

_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_VALUE_BYTES |= {16: 8, 17: 8, 18: 8}
_WORD_BYTES = _VALUE_BYTES | {5: 4, 10: 4}


class IfdError(ValueError):
    """The bytes are no readable TIFF structure."""


class BrokenChainError(IfdError):
    """No camera and no program writes such directories: nothing of the structure is believed."""


@dataclass(frozen=True)
class Header:
    """Byte order ("<" or ">"), whether the structure is a BigTIFF, and where its first directory is."""

    order: str
    big: bool
    first: int


@dataclass(frozen=True)
class Entry:
    """One tag. value is little-endian whatever the file's order; offset is where the file has it."""

    code: int
    kind: int
    count: int
    value: bytes
    offset: int = 0
    children: tuple["Entry", ...] = ()

    def integers(self) -> tuple[int, ...]:
        """The values of a BYTE, SHORT, LONG or LONG8 tag; empty for any other type."""
        if self.kind not in (1, 3, 4, 13, 16, 18):
            return ()
        return tuple(np.frombuffer(self.value, f"<u{_VALUE_BYTES[self.kind]}").tolist())

    def rational(self) -> float | None:
        """The first value of a RATIONAL tag, None where there is none."""
        if self.kind != 5 or self.count < 1:
            return None
        numerator, denominator = struct.unpack_from("<II", self.value)
        return numerator / denominator if denominator else None


def short(code: int, *values: int) -> Entry:
    """A SHORT tag."""
    return Entry(code, SHORT, len(values), struct.pack(f"<{len(values)}H", *values))


def long(code: int, *values: int) -> Entry:
    """A LONG tag."""
    return Entry(code, LONG, len(values), struct.pack(f"<{len(values)}I", *values))


def read_header(data: bytes) -> Header:
    """Header of a TIFF structure. Raises IfdError."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        raise IfdError("no TIFF header")
    (magic,) = struct.unpack_from(f"{order}H", data, 2)
    if magic == 42:
        return Header(order, False, struct.unpack_from(f"{order}I", data, 4)[0])
    if magic == 43 and len(data) >= 16:
        return Header(order, True, struct.unpack_from(f"{order}Q", data, 8)[0])
    raise IfdError("no TIFF header")


@dataclass
class Walk:
    """What was met on the way through a structure, so that no way through it is long.

    visited: the offsets of its directories. tags: how many they have together; value_bytes: of these.
    """

    visited: set[int] = field(default_factory=set)
    tags: int = 0
    value_bytes: int = 0


def read_directory(
    data: bytes, offset: int, header: Header, walk: Walk | None = None
) -> tuple[list[Entry], int]:
    """Tags of the directory at `offset`, with sub-directories, and the next one's offset (0 = none).

    Tags whose value lies outside the data or whose type is unknown are left out. walk: the way here; None =
    the first directory. Raises IfdError, also where directories are met twice or have more tags than any
    honest file's.
    """
    walk = Walk() if walk is None else walk
    order, width = header.order, 20 if header.big else 12
    if offset in walk.visited or len(walk.visited) >= LARGEST_DIRECTORY_COUNT:
        raise BrokenChainError("its directories lead back to each other, or there are too many")
    walk.visited.add(offset)
    try:
        (count,) = struct.unpack_from(order + ("Q" if header.big else "H"), data, offset)
        start = offset + (8 if header.big else 2)
        if start + count * width > len(data):
            raise IfdError("a directory runs past the end")
        walk.tags += count
        if walk.tags > LARGEST_TAG_COUNT:
            raise BrokenChainError("it has more tags than any photo")
        entries = []
        for i in range(count):
            entry = _read_entry(data, start + i * width, header, walk)
            if entry is not None:
                walk.value_bytes += 0 if entry.children else len(entry.value)
                if walk.value_bytes > len(data):
                    raise BrokenChainError("tags overlap each other")
                entries.append(entry)
    except struct.error as error:
        raise IfdError("a directory runs past the end") from error
    end = start + count * width
    size = 8 if header.big else 4
    follows = end + size <= len(data)
    return entries, struct.unpack_from(order + ("Q" if header.big else "I"), data, end)[0] if follows else 0


def later_directories(data: bytes, following: int, header: Header) -> Iterator[tuple[list[Entry], int]]:
    """The directories after the first, and where each stands. Raises IfdError."""
    chain: set[int] = {header.first}
    walk = Walk()
    while following and following not in chain:
        if len(chain) >= LARGEST_DIRECTORY_COUNT:
            raise BrokenChainError("it has more directories than any photo")
        chain.add(following)
        at = following
        walk.visited.clear()  # pages may share a sub-directory; their tags are counted together
        entries, following = read_directory(data, at, header, walk)
        yield entries, at


def main_directory(block: bytes) -> list[Entry]:
    """Tags of a block's first directory; none where it is unreadable."""
    try:
        header = read_header(block)
        return read_directory(block, header.first, header)[0]
    except IfdError:
        return []


def _read_entry(data: bytes, at: int, header: Header, walk: Walk) -> Entry | None:
    code, kind = struct.unpack_from(f"{header.order}HH", data, at)
    (count,) = struct.unpack_from(header.order + ("Q" if header.big else "I"), data, at + 4)
    if kind not in _VALUE_BYTES:
        return None
    inline = 8 if header.big else 4
    offset, size = at + 4 + inline, count * _VALUE_BYTES[kind]
    if size > inline:
        (offset,) = struct.unpack_from(header.order + ("Q" if header.big else "I"), data, offset)
    if offset + size > len(data):
        return None
    value = _reorder(bytes(data[offset : offset + size]), kind, header.order)
    entry = Entry(code, kind, count, value, offset)
    if code in SUB_DIRECTORIES and entry.integers():
        try:
            children, _ = read_directory(data, entry.integers()[0], header, walk)
        except BrokenChainError:
            raise
        except IfdError:
            return None
        return replace(entry, children=tuple(children))
    return entry


def _reorder(value: bytes, kind: int, order: str) -> bytes:
    word = _WORD_BYTES[kind]
    if order == "<" or word == 1:
        return value
    return np.frombuffer(value, f"<u{word}").byteswap().tobytes()


def write_directory(entries: Iterable[Entry], start: int, order: str = "<") -> bytes:
    """Bytes of one directory, to be placed at offset `start`, its values and sub-directories after it."""
    kept = [classic for entry in entries if (classic := _classic(entry)) is not None]
    ordered = sorted(kept, key=lambda entry: entry.code)
    table_end = start + 2 + 12 * len(ordered) + 4
    table, rest = [struct.pack(f"{order}H", len(ordered))], bytearray()
    for entry in ordered:
        value = _reorder(entry.value, entry.kind, order)
        if entry.children:
            rest += b"\0" * (len(rest) % 2)
            at = table_end + len(rest)
            rest += write_directory(entry.children, at, order)
            entry, value = replace(entry, kind=LONG, count=1), struct.pack(f"{order}I", at)
        elif len(value) > 4:
            rest += b"\0" * (len(rest) % 2)
            at = table_end + len(rest)
            rest += value
            value = struct.pack(f"{order}I", at)
        table.append(struct.pack(f"{order}HHI", entry.code, entry.kind, entry.count) + value.ljust(4, b"\0"))
    return b"".join(table) + b"\0\0\0\0" + bytes(rest)


def _classic(entry: Entry) -> Entry | None:
    """The entry as a classic TIFF can hold it; None for larger integers and links to nothing."""
    if entry.code in SUB_DIRECTORIES and not entry.children:
        return None
    if entry.kind not in (16, 17, 18):
        return entry
    values = entry.integers()
    return long(entry.code, *values) if values and max(values) <= 0xFFFFFFFF else None


def write_structure(entries: Iterable[Entry]) -> bytes:
    """A little-endian TIFF structure of one directory: an EXIF block."""
    return b"II*\0\x08\0\0\0" + write_directory(entries, 8)


def write_tiff(
    entries: Iterable[Entry], strips: Sequence[bytes], *, order: str, tags: tuple[int, int]
) -> bytes:
    """A TIFF file of one page: `strips` first, then the directory.

    order: the byte order, "<" or ">", that 16-bit samples in `strips` are in.
    tags: the tags for the strips' (or tiles') offsets and byte counts.
    Raises IfdError over 4 GiB, which a classic TIFF cannot hold.
    """
    sizes = [len(strip) for strip in strips]
    padding = sum(sizes) % 2
    start = 8 + sum(sizes) + padding
    if start > 0xFFFF0000:
        raise IfdError("more than the 4 GiB a TIFF can hold")
    offsets = (8 + np.cumsum([0, *sizes[:-1]])).tolist()
    kept = [entry for entry in entries if entry.code not in tags]
    kept += [long(tags[0], *offsets), long(tags[1], *sizes)]
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)
    return b"".join([head, *strips, b"\0" * padding, write_directory(kept, start, order)])
