import json
import time

import pytest

pytest.importorskip("fsspec")

from _removal_support.json_lines import RecordError
from removal.batch.jobs import Job, Outcome
from removal.batch.record import Manifest
from removal.cluster.paths import path_from, store
from removal.cluster.record import LOCK, STALE_S, RemoteManifest
from removal.errors import BusyError, PlanError

MODELS = {"inpainter": "telea"}


@pytest.fixture
def folder(tmp_path):
    return path_from(f"local://{tmp_path}/out")


@pytest.fixture
def job(tmp_path, folder):
    (tmp_path / "a.png").write_bytes(b"photo")
    return Job(tmp_path / "a.png", folder / "a.png")


def opened(folder, *, seed=0):
    manifest = RemoteManifest(folder, {"seed": seed}, {"inpainter": "telea"}, overwrite=False)
    return manifest, manifest.open(create=True)


def work(folder, job, outcome="done"):
    """One whole run."""
    manifest, _ = opened(folder)
    try:
        manifest.begin(MODELS)
        manifest.start([job], overwrite=True)
        store(b"result", job.target)
        manifest.ended(Outcome(job, outcome))
    finally:
        manifest.close()


def names(tmp_path):
    return sorted(file.name for file in (tmp_path / "out").iterdir())


def test_a_run_leaves_one_record_and_the_next_finds_it_done(tmp_path, folder, job):
    work(folder, job)
    assert names(tmp_path) == ["a.png", "removal.jsonl"]
    lines = [json.loads(line) for line in (tmp_path / "out/removal.jsonl").read_text().splitlines()]
    assert [line.get("outcome") for line in lines] == [None, "started", "done"]
    assert lines[2]["output"] == str(job.target)
    manifest, _ = opened(folder)
    assert manifest.is_done(job)
    manifest.close()


def test_a_result_that_is_gone_is_missing(tmp_path, folder, job):
    work(folder, job)
    (tmp_path / "out/a.png").unlink()
    manifest, _ = opened(folder)
    assert not manifest.is_done(job)
    assert manifest.is_ours(job)
    assert not job.target.exists()
    manifest.close()


def test_other_settings_are_refused(folder, job):
    work(folder, job)
    manifest, _ = opened(folder, seed=1)
    with pytest.raises(PlanError, match=r"a.png' was made with other settings \(seed changed\)"):
        manifest.is_done(job)
    manifest.close()


def test_there_is_nothing_to_open_in_an_empty_folder(folder):
    manifest = RemoteManifest(folder, {}, {}, overwrite=False)
    assert not manifest.open(create=False)
    manifest.close()


def test_a_killed_runs_pieces_are_read_its_halves_cleared_and_its_lock_waited_for(tmp_path, folder, job):
    killed, _ = opened(folder)
    killed.begin(MODELS)
    killed.start([job], overwrite=True)
    killed._ending.set()  # no more signs of life
    killed._beating.join()
    Manifest.close(killed)
    killed._copy.cleanup()
    (tmp_path / "out/.a.png.0123abcd.part").write_bytes(b"hal")
    assert names(tmp_path) == [".a.png.0123abcd.part", LOCK, "removal.jsonl.000001"]

    second = RemoteManifest(folder, {"seed": 0}, {"inpainter": "telea"}, overwrite=False)
    with pytest.raises(BusyError, match=r"another run \(process \d+ on .*\) is at work in 'local://.*wait"):
        second.open(create=True)
    second.close()
    lock = json.loads((tmp_path / "out" / LOCK).read_text())
    (tmp_path / "out" / LOCK).write_text(json.dumps(lock | {"renewed": time.time() - STALE_S - 1}))

    manifest, _ = opened(folder)
    assert manifest.is_ours(job)
    assert not manifest.is_done(job)
    manifest.begin(MODELS)
    manifest.close()
    assert names(tmp_path) == ["removal.jsonl"]
    text = (tmp_path / "out/removal.jsonl").read_text()
    assert [json.loads(line).get("outcome") for line in text.splitlines()] == [None, "started", None]


def test_a_record_that_cannot_be_put_stops_the_run(folder, job, monkeypatch):
    manifest, _ = opened(folder)
    manifest.begin(MODELS)

    def refuse(content, path):
        raise OSError(5, "store is full", str(path))

    monkeypatch.setattr("removal.cluster.record.store", refuse)
    with pytest.raises(OSError, match="store is full"):
        manifest.start([job], overwrite=True)
    manifest.close()


def test_a_record_there_names_files_of_its_own_folder_alone(tmp_path, folder, job):
    work(folder, job)
    path = tmp_path / "out/removal.jsonl"
    line = {"file": "b.png", "run": "0", "outcome": "started", "files": ["../victim/b.png"]}
    path.write_text(path.read_text() + json.dumps(line) + "\n")
    with pytest.raises(RecordError) as caught:
        opened(folder)
    assert "/out/removal.jsonl, line 4: expected names of files in this folder" in str(caught.value)
    assert "removal-record-" not in str(caught.value), "the copy is nobody's business"


@pytest.mark.parametrize("renewed", [1e300, -1e300, "now", None])
def test_a_lock_of_no_time_that_can_be_locks_nobody_out(tmp_path, folder, renewed):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK).write_text(json.dumps({"renewed": renewed}))
    manifest, made = opened(folder)
    manifest.close()
    assert made


def test_a_lock_nested_too_deep_locks_nobody_out(tmp_path, folder):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK).write_text("[" * 100_000)
    manifest, made = opened(folder)
    manifest.close()
    assert made
