"""The folder of an evaluation that was damaged or made to harm: refused by file and line."""

import json
import os

import pytest

from _removal_support.json_lines import RecordError
from removal.errors import PlanError
from removal.evaluation.folder import CONFIG, KIND, LINES, EvaluationFolder

DONE = {"photo": "a.png", "outcome": "done", "bytes": 3, "unedited": {}, "figures": {"c": {"psnr": 1.5}}}
NOTE = {"size": 1, "mtime_ns": 1, "hash": "00"}


def folder_with(tmp_path, *lines, **config):
    folder = tmp_path / "run"
    folder.mkdir()
    content = {"kind": KIND, "settings": {"seed": 0}, "models": {}} | config
    (folder / CONFIG).write_text(json.dumps(content))
    with (folder / LINES).open("wb") as file:
        for line in lines:
            file.write((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
    return folder


def test_sound_lines_are_taken(tmp_path):
    failed = {"photo": "b.png", "outcome": "failed", "stage": "read", "error": "damaged"}
    lines = [DONE | {"file": NOTE}, failed, {"photo": "c.png"}, DONE | {"photo": "sub/d.png", "file": {}}]
    folder = EvaluationFolder(folder_with(tmp_path, *lines), {"seed": 0})
    assert sorted(folder.records) == ["a.png", "b.png", "sub/d.png"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (DONE | {"photo": "../../secret"}, 'a photo in the folder of the photos, got "../../secret"'),
        (DONE | {"photo": "/etc/passwd"}, 'got "/etc/passwd"'),
        (DONE | {"photo": 3}, "got 3"),
        (DONE | {"outcome": ["done"]}, 'expected "outcome" as done or failed, got ["done"]'),
        (DONE | {"figures": 3}, 'expected "figures" as numbers by combination and name, got 3'),
        (DONE | {"figures": {"c": [1]}}, 'expected "figures"'),
        (DONE | {"figures": {"c": {"psnr": "high"}}}, 'expected "figures"'),
        (DONE | {"unedited": [1]}, 'expected "unedited" as numbers by name, got [1]'),
        (DONE | {"bytes": "3"}, 'expected "bytes" as a number, got "3"'),
        (DONE | {"file": 7}, 'expected "file" with size, mtime_ns and hash, got 7'),
        ({"photo": "a", "outcome": "failed", "error": 5}, 'expected "error" as text, got 5'),
        (b"[" * 100_000, "it is nested deeper than 64 levels"),
    ],
)
def test_wrong_lines_are_one_error_that_names_file_and_line(tmp_path, line, problem):
    folder = folder_with(tmp_path, DONE, line)
    with pytest.raises(RecordError) as caught:
        EvaluationFolder(folder, {"seed": 0})
    assert f"{folder / LINES}, line 2: " in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "config", [{"settings": 3}, {"models": []}, {"continued_by": 3}, {"continued_by": [3]}]
)
def test_damaged_settings_are_one_error(tmp_path, config):
    with pytest.raises(PlanError, match=r"config\.json is damaged"):
        EvaluationFolder(folder_with(tmp_path, **config), {"seed": 0})


def test_settings_nested_too_deep_are_none(tmp_path):
    (tmp_path / CONFIG).write_text("[" * 100_000)
    with pytest.raises(PlanError, match="holds no evaluation"):
        EvaluationFolder(tmp_path, {})


def test_only_halves_of_our_own_are_cleared_away_and_none_behind_a_link(tmp_path):
    folder = folder_with(tmp_path)
    (tmp_path / "victim").mkdir()
    (folder / "results").mkdir()
    os.symlink(tmp_path / "victim", folder / "masks")
    half = ".a.png.0123abcd.part"
    paths = [folder / "results" / half, folder / "results/.notes.part", tmp_path / "victim" / half]
    for path in paths:
        path.write_bytes(b"half")
    run = EvaluationFolder(folder, {"seed": 0})
    run.begin({}, {})
    run.close()
    assert [path.exists() for path in paths] == [False, True, True]


def test_starting_anew_removes_nothing_behind_a_link(tmp_path):
    folder = folder_with(tmp_path)
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/photo.png").write_bytes(b"somebody's")
    os.symlink(tmp_path / "victim", folder / "results")
    run = EvaluationFolder(folder, {"seed": 1}, overwrite=True)
    run.begin({}, {})
    run.close()
    assert (tmp_path / "victim/photo.png").read_bytes() == b"somebody's"
