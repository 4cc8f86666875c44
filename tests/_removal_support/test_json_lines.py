"""Lines that outlive a killed run."""

import errno
import json
import os
import threading

import pytest

from _removal_support.json_lines import JsonLines, changed_names


@pytest.fixture
def lines(tmp_path):
    """An open file of lines, and its path."""
    record = JsonLines(tmp_path / "lines.jsonl")
    assert record.open(create=True)
    yield record, tmp_path / "lines.jsonl"
    record.close()


def test_what_is_appended_is_read(lines):
    record, path = lines
    record.append({"a": 1}, {"a": 2})
    record.append({"b": [None, "x"]}, sync=True)
    assert path.read_text() == '{"a": 1}\n{"a": 2}\n{"b": [null, "x"]}\n'
    assert list(record.read()) == [{"a": 1}, {"a": 2}, {"b": [None, "x"]}]


def test_a_torn_last_line_is_passed_over_and_swallows_nothing(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a": 1}\n[2]\n\xff\n{"a": ')
    record = JsonLines(path)
    assert record.open(create=False)
    assert list(record.read()) == [{"a": 1}]
    record.append({"a": 3})
    assert list(record.read()) == [{"a": 1}, {"a": 3}]
    record.close()


def test_a_full_disk_tears_one_line_alone(lines, monkeypatch):
    record, _ = lines
    record.append({"a": 1})
    write = os.write

    def half(file, data):
        monkeypatch.setattr(os, "write", full)
        return write(file, data[: len(data) // 2])

    def full(file, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space left"):
        record.append({"a": 2})
    monkeypatch.setattr(os, "write", write)
    record.append({"a": 3})
    assert list(record.read()) == [{"a": 1}, {"a": 3}]


def test_it_is_one_runs_at_a_time(lines, tmp_path):
    record, path = lines
    other = JsonLines(path)
    assert not other.open(create=True)
    assert not other.is_open
    record.close()
    assert other.open(create=False)
    other.clear()
    assert list(other.read()) == []
    other.close()
    with pytest.raises(FileNotFoundError):
        JsonLines(tmp_path / "none.jsonl").open(create=False)


def test_many_threads_write_whole_lines(lines):
    record, path = lines
    threads = [
        threading.Thread(
            target=lambda n=number: [record.append({"n": n, "text": "x" * 500}) for _ in range(20)]
        )
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(found) == 160


def test_what_is_no_number_is_refused(lines):
    with pytest.raises(ValueError, match="not JSON compliant"):
        lines[0].append({"a": float("nan")})


def test_changed_settings_are_named():
    assert changed_names({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ["b", "c"]
    assert changed_names({"a": None}, {}) == []
