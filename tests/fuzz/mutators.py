"""What is done to a sound file: bytes changed, values of JSON replaced. Everything random is passed in."""

from __future__ import annotations

import copy
import json
import struct
import zlib
from typing import Any

import numpy as np

ODD_NUMBERS = (
    0,
    -1,
    1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64,
    10**30,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
)
ODD_TEXTS = (
    "",
    "\0",
    "../../etc/passwd",
    "/dev/zero",
    "\x1b[31m",
    "a" * 5000,
    "\ud800",
    "C:\\a\\b.png",
    "http://a/b.png",
)
ODD_VALUES = (*ODD_NUMBERS, *ODD_TEXTS, None, True, False, [], {}, [[]], {"a": {}}, [None] * 50)


def mutate_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """A few of: bytes changed, a run overwritten, cut, doubled, moved; extreme numbers written anywhere."""
    content = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        content = _STEPS[int(rng.integers(len(_STEPS)))](content, rng)
    return bytes(content)


def _at(content: bytearray, rng: np.random.Generator) -> int:
    """A place in the file; heads decide most, so the first bytes are the likeliest."""
    if not content:
        return 0
    length = len(content) if rng.random() < 0.5 else min(len(content), 96)
    return int(rng.integers(length))


def _flip(content: bytearray, rng: np.random.Generator) -> bytearray:
    if content:
        content[_at(content, rng)] ^= 1 << int(rng.integers(8))
    return content


def _set(content: bytearray, rng: np.random.Generator) -> bytearray:
    if content:
        content[_at(content, rng)] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))
    return content


def _number(content: bytearray, rng: np.random.Generator) -> bytearray:
    width = int(rng.choice([2, 4, 8]))
    value = int(rng.choice([0, 1, 2 ** (8 * width - 1) - 1, 2 ** (8 * width - 1)])) % 2 ** (8 * width)
    start = _at(content, rng)
    content[start : start + width] = value.to_bytes(width, str(rng.choice(["little", "big"])))
    return content


def _cut(content: bytearray, rng: np.random.Generator) -> bytearray:
    start = _at(content, rng)
    return (
        content[:start]
        if rng.random() < 0.5
        else content[:start] + content[start + int(rng.integers(1, 64)) :]
    )


def _double(content: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = _at(content, rng), int(rng.integers(1, 64))
    return (
        content[: start + length]
        + content[start : start + length] * int(rng.integers(1, 9))
        + content[start + length :]
    )


def _noise(content: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = _at(content, rng), int(rng.integers(1, 32))
    content[start : start + length] = rng.bytes(length)
    return content


_STEPS = (_flip, _flip, _set, _set, _number, _number, _cut, _double, _noise)


def mutate_json(value: Any, rng: np.random.Generator) -> str:
    """The value as JSON, with some of its parts replaced by odd ones, doubled or taken out."""
    changed = copy.deepcopy(value)
    for _ in range(int(rng.integers(1, 4))):
        changed = _mutated(changed, rng)
    text = json.dumps(changed)
    if rng.random() < 0.1:
        text = text.replace("[", "[" * int(rng.integers(2, 2000)), 1)
    return text


def _mutated(value: Any, rng: np.random.Generator) -> Any:
    if isinstance(value, (dict, list)) and value and rng.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = keys[int(rng.integers(len(keys)))]
        choice = rng.random()
        if choice < 0.12:
            del value[key]
        elif choice < 0.2 and isinstance(value, list):
            value.append(copy.deepcopy(value[key]))
        else:
            value[key] = _mutated(value[key], rng)
        return value
    return copy.deepcopy(ODD_VALUES[int(rng.integers(len(ODD_VALUES)))])


def mutate_safetensors(data: bytes, rng: np.random.Generator) -> bytes:
    """The header's JSON mutated, its stated length right: what bytes alone hardly ever come to."""
    length = int.from_bytes(data[:8], "little")
    header = mutate_json(json.loads(data[8 : 8 + length]), rng).encode("utf-8", "surrogatepass")
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def mutate_png(data: bytes, rng: np.random.Generator) -> bytes:
    """One chunk mutated, doubled or taken out; lengths and checksums are right."""
    chunks, start = [], 8
    while start < len(data):
        (length,) = struct.unpack(">I", data[start : start + 4])
        chunks.append((data[start + 4 : start + 8], data[start + 8 : start + 8 + length]))
        start += length + 12
    index, choice = int(rng.integers(len(chunks))), rng.random()
    kind, content = chunks[index]
    if choice < 0.1:
        del chunks[index]
    elif choice < 0.2:
        chunks.insert(int(rng.integers(len(chunks))), (kind, content))
    else:
        chunks[index] = kind, mutate_bytes(content, rng)
    parts = [
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    ]
    return data[:8] + b"".join(parts)
