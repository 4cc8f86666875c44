"""A record that no run of ours wrote, or that was damaged: refused by file and line, nothing outside goes."""

import json
import os
from dataclasses import replace

import pytest

from _removal_support.json_lines import RecordError
from removal.batch.jobs import Job, Outcome
from removal.batch.notes import is_as_noted
from removal.batch.record import MANIFEST, Manifest
from removal.errors import RemovalError

SETTINGS, ASKED, MODELS = {"seed": 0}, {"inpainter": "auto"}, {"inpainter": "telea"}
STARTED = {"file": "a.jpg", "run": "0123", "outcome": "started", "files": ["a.jpg"]}
DONE = {"file": "a.jpg", "run": "0123", "outcome": "done"}
NOTE = {"size": 4, "mtime_ns": 1, "hash": "00"}


@pytest.fixture
def opened(tmp_path):
    manifests = []

    def open_one(*lines, begin=True):
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        with (out / MANIFEST).open("ab") as file:
            for line in lines:
                file.write((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
        manifests.append(Manifest(out, SETTINGS, ASKED))
        manifests[-1].open(create=True)
        if begin:
            manifests[-1].begin(MODELS)
        return manifests[-1]

    yield open_one
    for manifest in manifests:
        manifest.close()


def job_of(folder, name):
    return Job(folder / "in" / name, folder / "out" / name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../victim/x.jpg", '"../victim/x.jpg"'),
        ("sub/../../victim/x.jpg", '"sub/../../victim/x.jpg"'),
        ("/tmp/x.jpg", '"/tmp/x.jpg"'),
        ("", '""'),
        ("a\0.jpg", r'"a\u0000.jpg"'),
        ("\ud800.jpg", r'"\ud800.jpg"'),
        (["a.jpg"], '["a.jpg"]'),
        (None, "null"),
    ],
)
def test_names_outside_the_folder_are_refused_and_nothing_there_is_removed(tmp_path, opened, name, shown):
    (tmp_path / "victim").mkdir()
    half = tmp_path / "victim/.x.jpg.0123abcd.part"
    half.write_bytes(b"somebody's")
    with pytest.raises(RecordError) as caught:
        opened({"settings": SETTINGS}, STARTED | {"files": ["a.jpg", name]})
    assert f"{MANIFEST}, line 2: expected names of files in this folder, got {shown}" in str(caught.value)
    assert half.read_bytes() == b"somebody's"


def test_a_name_outside_as_the_result_itself_is_refused(opened):
    with pytest.raises(RecordError, match=r'removal\.jsonl, line 1: .* got "\.\./a\.jpg"'):
        opened(DONE | {"file": "../a.jpg"})


def test_halves_behind_a_link_out_of_the_folder_are_left_alone(tmp_path, opened):
    (tmp_path / "victim").mkdir()
    (tmp_path / "out/inner").mkdir(parents=True)
    (tmp_path / "out/sub").symlink_to(tmp_path / "victim")
    halves = [tmp_path / "victim/.x.jpg.0123abcd.part", tmp_path / "out/inner/.x.jpg.0123abcd.part"]
    for half in halves:
        half.write_bytes(b"half")
    opened(*(STARTED | {"file": name, "files": [name]} for name in ("sub/x.jpg", "inner/x.jpg")))
    assert [half.exists() for half in halves] == [True, False]


def test_what_lies_behind_a_link_is_nobodys_result(tmp_path, opened):
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/x.jpg").write_bytes(b"somebody's")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sub").symlink_to(tmp_path / "victim")
    (tmp_path / "out/a.jpg").symlink_to(tmp_path / "victim/x.jpg")
    (tmp_path / "out/b.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "out/c.jpg").write_bytes(b"ours")
    names = ["sub/x.jpg", "a.jpg", "b.jpg", "c.jpg", "absent.jpg"]
    manifest = opened(*(STARTED | {"file": name, "files": [name]} for name in names))
    jobs = [job_of(tmp_path, name) for name in names]
    assert manifest.start(jobs, overwrite=False) == [False, False, False, True, True]
    begun = [json.loads(line) for line in manifest.path.read_text().splitlines()[len(names) + 1 :]]
    assert [line["file"] for line in begun] == ["c.jpg", "absent.jpg"]


def test_results_in_a_linked_folder_go_by_the_name_they_are_given_by(tmp_path, opened):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sub").symlink_to(tmp_path / "elsewhere")
    job = job_of(tmp_path, "sub/a.jpg")
    first = opened()
    assert first.name_of(job.target) == "sub/a.jpg"
    first.start([job], overwrite=False)
    job.target.write_bytes(b"result")
    first.ended(Outcome(job, "done"))
    first.close()
    assert opened(begin=False).is_done(job)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (STARTED | {"files": 3}, 'line 1: expected "files" as a list of names, got 3'),
        (STARTED | {"files": {"a": 1}}, 'expected "files" as a list of names, got {"a": 1}'),
        (DONE | {"file": []}, 'expected "file" as text, got []'),
        (DONE | {"run": {}}, 'expected "run" as text, got {}'),
        (DONE | {"outcome": [1]}, 'expected "outcome" as text, got [1]'),
        (DONE | {"input": 7}, 'expected "input" as text, got 7'),
        (DONE | {"mask_file": 7}, 'expected "mask_file" with path, size, mtime_ns and hash, got 7'),
        (DONE | {"mask_file": {"path": "m.png"}}, 'expected "mask_file" with path'),
        (DONE | {"mask_file": NOTE | {"path": None}}, 'expected "mask_file" with path'),
        ({"settings": 4}, 'expected "settings" as an object, got 4'),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "line 1: it is nested deeper than 64 levels"),
        (
            b'{"settings": ' + b'{"a": ' * 500 + b"1" + b"}" * 501,
            "line 1: it is nested deeper than 64 levels",
        ),
    ],
)
def test_wrong_types_are_one_error_that_names_file_and_line(tmp_path, opened, line, problem):
    with pytest.raises(RemovalError) as caught:
        opened(line)
    assert problem in str(caught.value)
    assert str(tmp_path / "out" / MANIFEST) in str(caught.value)
    assert "take that line out" in str(caught.value)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_record_that_is_a_link_or_a_pipe_is_refused(tmp_path, opened, kind):
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / MANIFEST
    other = tmp_path / "diary.txt"
    other.write_text("dear diary\n")
    path.symlink_to(other) if kind == "link" else os.mkfifo(path)
    manifest = Manifest(tmp_path / "out", SETTINGS, ASKED)
    with pytest.raises(RecordError, match=r"removal\.jsonl: expected a file, got a link or something else"):
        manifest.open(create=True)
    assert other.read_text() == "dear diary\n"


def test_what_a_record_notes_is_looked_up_in_regular_files_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", tmp_path, tmp_path / "none"):
        assert not is_as_noted(
            name, {"size": name.stat().st_size if name.exists() else 0} | {"mtime_ns": 1, "hash": ""}
        )


def test_masks_elsewhere_are_not_asked_for_on_a_records_word(tmp_path, opened):
    """No request leaves for a server that only the record names."""
    job = replace(job_of(tmp_path, "a.jpg"))
    first = opened(begin=False)
    first.begin(MODELS)
    first.start([job], overwrite=False)
    job.target.write_bytes(b"result")
    first.ended(Outcome(job, "done", inputs={"mask_file": NOTE | {"path": "memory://attacker/m.png"}}))
    first.close()
    assert not opened(begin=False).is_done(job)
