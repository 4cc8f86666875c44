import io
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from removal.batch.lists import read_list
from removal.errors import PlanError


@pytest.mark.parametrize(
    "content",
    [
        b"b.jpg\nd\xc3\xa4.jpg\n",
        b"\xef\xbb\xbfb.jpg\r\nd\xc3\xa4.jpg\r\n",  # as Windows' Notepad saves it
        "b.jpg\r\nd\u00e4.jpg\r\n".encode("utf-16"),  # as PowerShell's > writes it
        b"\xfe\xff" + "b.jpg\nd\u00e4.jpg".encode("utf-16-be"),
        b"b.jpg\0d\xc3\xa4.jpg\0",
        b"b.jpg\n\n  \nb.jpg\nd\xc3\xa4.jpg",  # blank lines, a name twice
    ],
)
def test_every_encoding_gives_the_same_names(content, tmp_path):
    (tmp_path / "list.txt").write_bytes(content)
    assert read_list(tmp_path / "list.txt") == [Path("b.jpg"), Path("d\u00e4.jpg")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a.jpg\n/photos/b.jpg\n".encode("utf-16-le"), "line 1: .*got UTF-16 without a byte-order mark"),
        ("a.jpg\n/photos/b.jpg\n".encode("utf-16-be"), "line 1: .*got UTF-16 without a byte-order mark"),
        ("a.jpg\n".encode("utf-32"), "line 1: .*got UTF-32"),
        (b"a.jpg\nd\xe4.jpg\n", r"line 2: .*got 'd\\\\xe4.jpg'"),
        (b"a.jpg\0d\xe4.jpg\0", r"name 2: .*got 'd\\\\xe4.jpg'"),
        ("a.jpg\n".encode("utf-16") + b"\x00\xd8b\x00", "line 2: .*got what is no UTF-16"),
        ("a.jpg\nb\0.jpg".encode("utf-16"), "line 2: .*got a zero character"),
    ],
)
def test_anything_else_is_refused_with_the_line(content, words, tmp_path):
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(PlanError, match=f"list.txt, {words}") as error:
        read_list(tmp_path / "list.txt")
    assert error.value.option == "lists"
    assert "save the list as UTF-8" in str(error.value)


def test_a_slash_in_utf16_is_not_the_whole_disk(tmp_path):
    (tmp_path / "list.txt").write_bytes("in/b.jpg\r\n".encode("utf-16"))
    assert read_list(tmp_path / "list.txt") == [Path("in/b.jpg")]


def test_names_of_one_letter_that_are_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        (tmp_path / name).mkdir()
    (tmp_path / "list").write_bytes(b"a\0b\0c\0")
    assert read_list(Path("list")) == [Path("a"), Path("b"), Path("c")]


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_file_whose_name_is_no_utf8_is_taken_byte_for_byte(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"d\xe4.jpg")
    (tmp_path / name).touch()
    (tmp_path / "list").write_bytes(b"d\xe4.jpg\n")
    assert read_list(Path("list")) == [Path(name)]


def test_standard_input_is_read_alike(monkeypatch):
    stream = SimpleNamespace(buffer=io.BytesIO("b.jpg\r\n".encode("utf-16")))
    monkeypatch.setattr("sys.stdin", stream)
    assert read_list(Path("-")) == [Path("b.jpg")]


def test_what_is_no_file_or_too_large_is_refused(tmp_path, monkeypatch):
    with pytest.raises(PlanError, match="which is no file"):
        read_list(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_list(tmp_path / "gone")
    monkeypatch.setattr("removal.batch.lists.LARGEST_LIST_BYTES", 4)
    (tmp_path / "list").write_bytes(b"a.jpg\n")
    with pytest.raises(PlanError, match="expected a list of at most 0 MB, got more"):
        read_list(tmp_path / "list")
