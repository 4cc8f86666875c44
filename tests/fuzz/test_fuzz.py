"""A short run of the fuzzer; the long one is `python -m tests.fuzz --inputs 20000`."""

import io
import json
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fuzz.mutators import mutate_bytes, mutate_json, mutate_png, mutate_safetensors

ROOT = Path(__file__).resolve().parents[2]


def test_three_hundred_hostile_inputs_are_read_or_refused():
    command = [sys.executable, "-m", "tests.fuzz", "--inputs", "300", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line.split() for line in done.stdout.splitlines()[-5:]]
    assert [row[0] for row in rows] == ["photo", "mask", "listing", "checkpoint", "record"]
    assert sum(int(number) for row in rows for number in row[1:]) == 300
    assert all(int(row[2]) > 0 for row in rows[:4]), "what is never refused was not hostile"
    assert all(int(row[3]) == 0 for row in rows)


def test_the_same_seed_makes_the_same_input():
    data = bytes(range(200))
    first, second = (mutate_bytes(data, np.random.default_rng(3)) for _ in range(2))
    assert first == second != data
    value = {"a": [1, 2, {"b": "c"}]}
    texts = [mutate_json(value, np.random.default_rng(number)) for number in (5, 5, 6)]
    assert texts[0] == texts[1]
    assert value == {"a": [1, 2, {"b": "c"}]}
    assert any(
        json.loads(mutate_json(value, np.random.default_rng(n)).replace("[[", "[")) != value for n in (0, 1)
    )


def test_structured_mutations_leave_the_frame_whole():
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(stream, "PNG")
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    tensors = len(header).to_bytes(8, "little") + header + bytes(4)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        data, start = mutate_png(stream.getvalue(), rng), 8
        while start < len(data):
            length = int.from_bytes(data[start : start + 4], "big")
            body = data[start + 4 : start + 8 + length]
            assert zlib.crc32(body) == int.from_bytes(data[start + 8 + length : start + 12 + length], "big")
            start += length + 12
        changed = mutate_safetensors(tensors, rng)
        assert int.from_bytes(changed[:8], "little") == len(changed) - 12
