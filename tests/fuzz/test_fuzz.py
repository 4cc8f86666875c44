"""A short run of the fuzzer; the long one is `python -m tests.fuzz --inputs 20000`."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.fuzz.mutators import mutate_bytes, mutate_json

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
