import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from removal.batch.jobs import Job, Outcome
from removal.batch.notes import is_as_noted, note_of
from removal.batch.record import MANIFEST, Manifest
from removal.errors import BusyError, PlanError

SETTINGS, ASKED, MODELS = {"seed": 0, "score": 0.5}, {"inpainter": "auto"}, {"inpainter": "telea"}


@pytest.fixture
def opened():
    """Opens manifests as a run does, and closes them at the end."""
    manifests = []

    def open_one(folder, settings=SETTINGS, asked=ASKED, *, overwrite=False, models=MODELS):
        manifest = Manifest(folder, settings, asked, overwrite=overwrite)
        manifests.append(manifest)
        manifest.open(create=True)
        if models is not None:
            manifest.begin(models)
        return manifest

    yield open_one
    for manifest in manifests:
        manifest.close()


def missing(manifest, jobs):
    """The jobs that no earlier run has finished."""
    return [job for job in jobs if not manifest.is_done(job)]


def job_of(folder, name):
    return Job(folder / "in" / name, folder / "out" / name)


def finish(manifest, job, outcome="done", **fields):
    manifest.start([job], overwrite=True)
    job.target.parent.mkdir(parents=True, exist_ok=True)
    job.target.write_bytes(b"result")
    manifest.ended(Outcome(job, outcome, **fields))


def lines_of(folder):
    return [json.loads(line) for line in (folder / MANIFEST).read_text().splitlines()]


def test_what_was_finished_is_not_missing(tmp_path, opened):
    done, failed, begun = (job_of(tmp_path, f"{name}.jpg") for name in "abc")
    first = opened(tmp_path / "out")
    finish(first, done)
    finish(first, failed, "failed", error="broken")
    first.start([begun], overwrite=True)
    first.close()
    again = opened(tmp_path / "out", models=None)
    assert missing(again, [done, failed, begun]) == [failed, begun]
    assert all(again.is_ours(job) for job in (done, failed, begun))
    assert not again.is_ours(job_of(tmp_path, "d.jpg"))
    sheet = replace(done, sheet=tmp_path / "out/a.compare.png")
    assert missing(again, [sheet]) == [sheet]  # asked for now and not there
    done.target.unlink()
    assert missing(again, [done]) == [done]


def test_overwrite_makes_everything_missing(tmp_path, opened):
    job = job_of(tmp_path, "a.jpg")
    finish(opened(tmp_path / "out"), job)
    assert missing(Manifest(tmp_path / "out", {"seed": 1}, ASKED, overwrite=True), [job]) == [job]


def test_a_run_that_overwrites_is_taken_up_without_saying_so_again(tmp_path, opened):
    jobs = [job_of(tmp_path, f"{name}.jpg") for name in "abc"]
    other, models = SETTINGS | {"seed": 1}, {"inpainter": "exemplar"}
    first = opened(tmp_path / "out")
    for job in jobs:
        finish(first, job)
    first.close()
    killed = opened(tmp_path / "out", other, overwrite=True, models=models)
    assert missing(killed, jobs) == jobs
    finish(killed, jobs[0])
    killed.close()
    with pytest.raises(PlanError, match="seed"):  # nobody agreed to what comes now
        missing(opened(tmp_path / "out", SETTINGS | {"seed": 2}, models=None), jobs)


@pytest.mark.parametrize("ends", [False, True])
def test_it_stays_so_until_the_run_has_come_to_its_end(tmp_path, opened, ends):
    jobs = [job_of(tmp_path, f"{name}.jpg") for name in "abc"]
    models = {"inpainter": "exemplar"}
    first = opened(tmp_path / "out")
    for job in jobs:
        finish(first, job)
    first.close()
    for job, overwrite in zip(jobs, (True, False), strict=False):  # killed, taken up, killed again
        run = opened(tmp_path / "out", overwrite=overwrite, models=models)
        finish(run, job)
        if ends:
            run.finished({})
        run.close()
        if ends:
            break
    last = opened(tmp_path / "out", models=None)
    if ends:
        assert missing(last, jobs) == []
        with pytest.raises(PlanError, match="models changed"):
            last.begin(models)
    else:
        assert missing(last, jobs) == [jobs[2]]


def test_the_folder_may_be_spelled_otherwise(tmp_path, opened, monkeypatch):
    first = opened(tmp_path / "out")
    finish(first, job_of(tmp_path, "sub/a.jpg"))
    first.close()
    monkeypatch.chdir(tmp_path)
    again = opened(Path("out"), models=None)
    assert missing(again, [Job(Path("in/sub/a.jpg"), Path("out/sub/a.jpg"))]) == []


def test_a_result_made_with_other_settings_is_refused(tmp_path, opened):
    job, other = job_of(tmp_path, "a.jpg"), job_of(tmp_path, "b.jpg")
    first = opened(tmp_path / "out")
    finish(first, job)
    first.close()
    second = opened(tmp_path / "out", {"seed": 1, "score": 0.5}, models=None)
    assert missing(second, [other]) == [other]
    with pytest.raises(PlanError, match=r"a\.jpg' was made with other settings \(seed changed\)"):
        missing(second, [other, job])


def test_models_are_compared_only_where_they_were_asked_for_by_other_names(tmp_path, opened):
    job = job_of(tmp_path, "a.jpg")
    first = opened(tmp_path / "out")
    finish(first, job)
    first.close()
    same = opened(tmp_path / "out", models=None)
    assert missing(same, [job]) == []
    assert not same.needs_models()
    same.close()
    renamed = opened(tmp_path / "out", asked={"inpainter": "telea"}, models=None)
    assert missing(renamed, [job]) == []
    assert renamed.needs_models()
    renamed.begin(MODELS)
    renamed.close()
    known_by_both_names = opened(tmp_path / "out", asked={"inpainter": "telea"}, models=None)
    missing(known_by_both_names, [job])
    assert not known_by_both_names.needs_models()
    with pytest.raises(PlanError, match="models changed"):
        known_by_both_names.begin({"inpainter": "exemplar"})


def test_an_input_that_changed_is_missing(tmp_path, opened):
    job = job_of(tmp_path, "a.jpg")
    job.source.parent.mkdir()
    job.source.write_bytes(b"one")
    mask = tmp_path / "mask.png"
    mask.write_bytes(b"mask")
    inputs = note_of(job.source.stat(), b"one") | {
        "mask_file": {"path": str(mask)} | note_of(mask.stat(), b"mask")
    }
    first = opened(tmp_path / "out")
    finish(first, job, inputs=inputs)
    first.close()

    def missing_now():
        manifest = opened(tmp_path / "out", models=None)
        found = missing(manifest, [job])
        manifest.close()
        return found

    assert missing_now() == []
    os.utime(job.source, ns=(1, 1))  # as a copy would have it: the same content
    assert missing_now() == []
    job.source.write_bytes(b"two")
    assert missing_now() == [job]
    job.source.write_bytes(b"one")
    assert missing_now() == []
    mask.write_bytes(b"other mask")
    assert missing_now() == [job]


def test_the_result_of_another_photo_is_not_written_over(tmp_path, opened):
    job = job_of(tmp_path, "a.jpg")
    job.source.parent.mkdir()
    job.source.write_bytes(b"one")
    first = opened(tmp_path / "out")
    finish(first, job, inputs=note_of(job.source.stat(), b"one"))
    first.close()
    other = Job(tmp_path / "other/a.jpg", job.target)
    other.source.parent.mkdir()
    other.source.write_bytes(b"two")
    second = opened(tmp_path / "out", models=None)
    with pytest.raises(PlanError, match=r"a\.jpg' is the result of another photo, '.*/in/a\.jpg', and not"):
        missing(second, [other])
    other.source.write_bytes(b"one")  # the same photo in another place
    assert missing(second, [other]) == []


def test_notes_go_by_size_and_time_and_then_by_content(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    note = note_of(path.stat(), b"abc")
    assert note["hash"] == "cf4ab791c62b8d2b2109c90275287816"  # BLAKE2b of 16 bytes, of another program
    assert is_as_noted(path, note)
    assert is_as_noted(path, None)
    assert not is_as_noted(path, note | {"size": 4})
    assert not is_as_noted(path, note | {"mtime_ns": 0, "hash": "0"})
    assert not is_as_noted(tmp_path / "none", note)


def test_a_line_cut_short_does_not_spoil_the_next_one(tmp_path, opened):
    first = opened(tmp_path / "out")
    finish(first, job_of(tmp_path, "a.jpg"))
    first.close()
    with first.path.open("a") as file:
        file.write('{"file": "b.jpg", "ru')  # the power went
    second = opened(tmp_path / "out")
    finish(second, job_of(tmp_path, "b.jpg"))
    second.close()
    third = opened(tmp_path / "out", models=None)
    assert missing(third, [job_of(tmp_path, name) for name in ("a.jpg", "b.jpg")]) == []


def test_a_disk_that_was_full_for_a_moment_does_not_spoil_the_next_line(tmp_path, opened, monkeypatch):
    job = job_of(tmp_path, "a.jpg")
    manifest = opened(tmp_path / "out")
    manifest.start([job], overwrite=True)
    write = os.write
    room = [5]

    def write_little(file, data):
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data[: room.pop()])

    monkeypatch.setattr(os, "write", write_little)
    with pytest.raises(OSError, match="No space left"):
        manifest.ended(Outcome(job, "failed", error="lost"))
    monkeypatch.undo()
    finish(manifest, job)
    manifest.close()
    assert missing(opened(tmp_path / "out", models=None), [job]) == []


def test_a_damaged_record_is_read_as_far_as_it_goes(tmp_path, opened):
    (tmp_path / MANIFEST).write_bytes(b'3\n\xff\xfe\n[1]\n{"file": "a.jpg"}\n{"finished": 4}\n\n')
    manifest = opened(tmp_path, models=None)
    job = Job(Path("a.jpg"), tmp_path / "a.jpg")
    assert missing(manifest, [job]) == [job]


def test_half_written_files_of_what_was_begun_are_cleared_away(tmp_path, opened):
    out = tmp_path / "out"
    killed, done = job_of(tmp_path, "sub/a.jpg"), job_of(tmp_path, "b.jpg")
    killed = replace(killed, mask=out / "sub/a.mask.png")
    first = opened(out)
    first.start([killed], overwrite=True)
    finish(first, done)
    first.close()
    (out / "sub").mkdir()
    ours = [out / "sub/.a.jpg.0123abcd.part", out / "sub/.a.mask.png.0123abcd.part"]
    others = [out / ".b.jpg.0123abcd.part", out / "sub/.x.jpg.0123abcd.part", out / "sub/.a.jpg.part"]
    for path in ours + others:
        path.write_bytes(b"half")
    opened(out)
    assert [path.exists() for path in ours + others] == [False, False, True, True, True]


def test_a_second_run_on_the_folder_is_refused_and_told_who_is_there(tmp_path, opened):
    first = opened(tmp_path / "out")
    with pytest.raises(BusyError, match=rf"another run is at work in '.*out' \(process {os.getpid()} on "):
        opened(tmp_path / "out")
    first.close()
    opened(tmp_path / "out")


def test_a_killed_run_leaves_no_lock(tmp_path, opened):
    code = (
        "import sys, time; from pathlib import Path; from removal.batch.record import Manifest\n"
        "m = Manifest(Path(sys.argv[1]), {}, {}); m.open(create=True); m.begin({})\n"
        "print('locked', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "out"], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"locked\n"
    with pytest.raises(BusyError, match=f"process {process.pid} on"):
        opened(tmp_path / "out", {}, {}, models={})
    process.kill()
    process.communicate()
    opened(tmp_path / "out", {}, {}, models={})


def test_nothing_is_made_where_there_is_no_record_yet(tmp_path):
    manifest = Manifest(tmp_path / "out", SETTINGS, ASKED)
    assert not manifest.open(create=False)
    assert not manifest.lines.is_open
    assert not (tmp_path / "out").exists()


def test_lines_say_what_a_reader_needs(tmp_path, opened):
    job = job_of(tmp_path, "a.jpg")
    manifest = opened(tmp_path / "out")
    finish(manifest, job, inputs={"size": 3, "mtime_ns": 4, "hash": "ff"}, seconds={"read": 0.12345})
    manifest.finished({"photos": {"done": 1}})
    settings, started, ended, finished = lines_of(tmp_path / "out")
    assert settings["settings"] == SETTINGS | {"models": MODELS}
    assert settings["asked"] == ASKED
    assert settings["process"] == os.getpid()
    assert started == {"file": "a.jpg", "run": manifest.run, "outcome": "started", "files": ["a.jpg"]}
    assert ended["input"] == str(tmp_path / "in/a.jpg")
    assert (ended["file"], ended["outcome"], ended["hash"]) == ("a.jpg", "done", "ff")
    assert ended["seconds"] == {"read": 0.123}
    assert finished == {"run": manifest.run, "finished": {"photos": {"done": 1}}}


def test_outcomes_are_recorded_as_json():
    job = Job(Path("a.jpg"), Path("out/a.jpg"))
    record = json.loads(json.dumps(Outcome(job, "done", mask_share=0.25, parts={"object": 0.25}).record()))
    assert record == {
        "input": "a.jpg", "output": "out/a.jpg", "outcome": "done", "objects": [], "attached": [],
        "mask_share": 0.25, "parts": {"object": 0.25}, "shadow_confidence": 0.0, "seconds": {},
    }  # fmt: skip
    assert Outcome(job, "failed", error="broken").record()["error"] == "broken"


def test_a_mask_of_an_earlier_result_does_not_count_as_that_of_the_last_one(tmp_path, opened):
    plain = job_of(tmp_path, "a.jpg")
    with_mask = replace(plain, mask=tmp_path / "out/a.mask.png")
    first = opened(tmp_path / "out")
    finish(first, with_mask)
    with_mask.mask.write_bytes(b"mask")
    first.close()
    second = opened(tmp_path / "out")
    assert missing(second, [with_mask]) == []
    finish(second, plain)  # as where the photo has changed, and its mask is not asked for
    second.close()
    again = opened(tmp_path / "out")
    assert missing(again, [plain, with_mask]) == [with_mask]
    assert again.is_ours(with_mask)


def test_a_mask_that_no_run_made_is_not_written_over(tmp_path, opened):
    plain = job_of(tmp_path, "a.jpg")
    with_mask = replace(plain, mask=tmp_path / "out/a.mask.png")
    manifest = opened(tmp_path / "out")
    finish(manifest, plain)
    assert manifest.is_ours(with_mask)  # there is none yet
    with_mask.mask.write_bytes(b"somebody's")
    assert not manifest.is_ours(with_mask)
    assert manifest.is_ours(plain)
