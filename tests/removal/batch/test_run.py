"""Runs over folders of small photos, with masks from files and a quick fill."""

import errno
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from _removal_support import files
from removal.batch.engine import megapixels
from removal.batch.record import MANIFEST, Manifest
from removal.batch.run import run
from removal.batch.work import Task
from removal.errors import PlanError, RunError
from removal.options import RunOptions

HEIGHT, WIDTH = 48, 64


def draw(folder, count, *, size=(HEIGHT, WIDTH), suffix=".jpg"):
    """Photos 00, 01, ... in folder/in, every third in a folder below, and their masks in folder/masks."""
    (folder / "masks").mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng(number)
        small = rng.integers(0, 255, (6, 8, 3), np.uint8)
        photo = Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC)
        path = folder / "in" / ("sub" if number % 3 == 2 else ".") / f"{number:02}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo.save(path)
        mask = np.zeros(size, np.uint8)
        mask[size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = 255
        Image.fromarray(mask).save(folder / "masks" / f"{number:02}.png")
    return folder


@pytest.fixture
def album(tmp_path):
    return draw(tmp_path / "album", 9)


def options_for(folder, **changes):
    options = RunOptions(
        masks=folder / "masks", output=folder / "out", inpainter="telea", refine=False, workers=2
    )
    return replace(options, **changes)


def outcomes(folder, **changes):
    """The outcome of each photo in the folder, by its name."""
    found = list(run([folder / "in"], options_for(folder, **changes)))
    assert [outcome.job.source for outcome in found] == sorted(outcome.job.source for outcome in found)
    return {outcome.job.source.name: outcome for outcome in found}


def results(folder):
    """All files below a folder but for the record, with their bytes."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if path.name != MANIFEST}


def states(folder):
    return {outcome.outcome for outcome in outcomes(folder).values()}


def ended_lines(folder):
    lines = [json.loads(line) for line in (folder / "out" / MANIFEST).read_text().splitlines()]
    return [line for line in lines if line.get("outcome") not in (None, "started")]


def test_a_folder_is_done_in_order_and_its_structure_kept(album):
    assert {outcome.outcome for outcome in outcomes(album).values()} == {"done"}
    assert sorted(results(album / "out")) == sorted(results(album / "in"))
    before, after = (np.asarray(Image.open(album / which / "sub/02.jpg")) for which in ("in", "out"))
    assert after.shape == before.shape
    assert not np.array_equal(before, after)
    lines = ended_lines(album)
    assert sorted(line["file"] for line in lines) == sorted(results(album / "in"))
    assert all(set(line["seconds"]) == {"read", "segment", "refine", "inpaint", "write"} for line in lines)
    assert all(len(line["hash"]) == 32 and len(line["mask_file"]["hash"]) == 32 for line in lines)


@pytest.mark.parametrize("inpainter", ["telea", "exemplar"])
def test_the_number_of_workers_changes_no_byte(tmp_path, inpainter):
    folder = draw(tmp_path, 6)
    made = []
    for workers in (1, 2, 5):
        outcomes(folder, inpainter=inpainter, workers=workers)
        made.append(results(folder / "out"))
        shutil.rmtree(folder / "out")
    for path in (folder / "in").rglob("*.jpg"):  # and one by one, without any threads
        target = folder / "out" / path.relative_to(folder / "in")
        list(run([path], options_for(folder, inpainter=inpainter, output=target)))
    made.append(results(folder / "out"))
    assert len(made[0]) == 6
    assert made[0] == made[1] == made[2] == made[3]


def test_a_second_run_loads_nothing_and_writes_nothing(album, monkeypatch):
    outcomes(album)
    before = {path: path.stat().st_mtime_ns for path in (album / "out").rglob("*")}

    def load(*arguments):
        raise AssertionError("models are loaded")

    monkeypatch.setattr("removal.batch.work.build", load)
    assert states(album) == {"skipped"}
    assert {path: path.stat().st_mtime_ns for path in (album / "out").rglob("*")} == before


def test_only_what_is_missing_or_has_changed_is_done(album):
    outcomes(album)
    (album / "out/01.jpg").unlink()
    shutil.copy(album / "in/00.jpg", album / "in/03.jpg")
    shutil.copy(album / "masks/00.png", album / "masks/99.png")
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[2:8, 2:8] = 255
    Image.fromarray(mask).save(album / "masks/04.png")
    os.utime(album / "in/06.jpg")  # touched, and the same content
    shutil.copy(album / "in/00.jpg", album / "in/99.jpg")
    done = [name for name, outcome in outcomes(album).items() if outcome.outcome == "done"]
    assert done == ["01.jpg", "03.jpg", "04.jpg", "99.jpg"]
    assert states(album) == {"skipped"}


def test_other_settings_are_refused_before_anything_is_loaded(album, monkeypatch):
    outcomes(album)
    before = results(album / "out")
    monkeypatch.setattr("removal.batch.work.build", None)
    with pytest.raises(PlanError, match="refine changed"):
        outcomes(album, refine=True)
    monkeypatch.undo()
    with pytest.raises(PlanError, match="models changed"):
        outcomes(album, inpainter="navier-stokes")
    assert results(album / "out") == before
    outcomes(album, inpainter="navier-stokes", overwrite=True)
    assert results(album / "out") != before


def test_bad_photos_fail_alone_are_listed_and_tried_again(album):
    (album / "in/01.jpg").write_bytes((album / "in/00.jpg").read_bytes()[:-300])
    (album / "in/04.jpg").write_text("no photo")
    (album / "masks/06.png").unlink()
    found = outcomes(album)
    failed = {name: outcome.error for name, outcome in found.items() if outcome.outcome == "failed"}
    assert list(failed) == ["01.jpg", "04.jpg", "06.jpg"]
    assert all(name in error for name, error in failed.items())
    assert {line["file"] for line in ended_lines(album) if line["outcome"] == "failed"} == set(failed)
    assert len(results(album / "out")) == 6
    shutil.copy(album / "in/00.jpg", album / "in/04.jpg")
    again = {name: outcome.outcome for name, outcome in outcomes(album).items()}
    assert again["04.jpg"] == "done"
    assert again["00.jpg"] == "skipped"
    assert again["01.jpg"] == again["06.jpg"] == "failed"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_photo_without_permission_fails_alone(album):
    (album / "in/01.jpg").chmod(0)
    found = outcomes(album)
    assert "permission" in found["01.jpg"].error
    assert found["00.jpg"].outcome == "done"


def test_an_unreadable_file_fails_alone(album, monkeypatch):
    """As above for root: the file system says no."""
    open_file = open

    def refuse(path, *arguments, **options):
        if str(path).endswith("in/01.jpg"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return open_file(path, *arguments, **options)

    monkeypatch.setattr("builtins.open", refuse)
    found = outcomes(album)
    assert "01.jpg: no permission to read it" in found["01.jpg"].error
    assert [outcome.outcome for outcome in found.values()].count("done") == 8


def test_a_full_disk_leaves_no_half_file_and_the_rest_is_done_later(album, monkeypatch):
    outcomes(album)
    undisturbed = results(album / "out")
    shutil.rmtree(album / "out")
    write = files._write_synced

    def fill_up(part, data):
        if int(part.name[1:3]) % 2:
            part.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(part, data)

    monkeypatch.setattr(files, "_write_synced", fill_up)
    found = outcomes(album)
    odd = {name for name in found if int(name[1]) % 2}
    assert {name for name, outcome in found.items() if outcome.outcome == "failed"} == odd
    assert "No space left" in found["01.jpg"].error
    assert len(results(album / "out")) == 5
    monkeypatch.undo()
    again = outcomes(album)
    assert {name for name, outcome in again.items() if outcome.outcome == "done"} == odd
    assert {name for name, outcome in again.items() if outcome.outcome == "skipped"} == found.keys() - odd
    assert results(album / "out") == undisturbed


def test_a_record_that_cannot_be_written_ends_the_run(album, monkeypatch):
    def refuse(self, outcome):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Manifest, "ended", refuse)
    threads = threading.active_count()
    with pytest.raises(RunError, match=r"cannot write to .*No space left"):
        outcomes(album)
    assert threading.active_count() == threads
    monkeypatch.undo()
    assert states(album) == {"done"}


def test_two_runs_on_one_folder(album):
    first = run([album / "in"], options_for(album))
    next(first)
    with pytest.raises(RunError, match=f"another run is at work in .*process {os.getpid()}"):
        outcomes(album)
    first.close()
    assert {"done", "skipped"} >= states(album)
    assert states(album) == {"skipped"}


def test_a_run_that_is_left_in_the_middle_ends_its_threads_and_can_be_taken_up(album):
    threads = threading.active_count()
    begun = run([album / "in"], options_for(album, workers=1))
    next(begun)
    begun.close()
    assert threading.active_count() == threads
    finished = len(ended_lines(album))
    assert 1 <= finished < 9
    assert all(name.endswith(".jpg") for name in results(album / "out"))
    again = [outcome.outcome for outcome in outcomes(album).values()]
    assert again.count("skipped") == finished
    assert again.count("done") == 9 - finished


@pytest.mark.slow
def test_killed_at_any_moment_and_taken_up_gives_the_same_bytes(tmp_path):
    folder = draw(tmp_path, 16, size=(300, 400))
    outcomes(folder)
    undisturbed = results(folder / "out")
    shutil.rmtree(folder / "out")
    arguments = ["--masks", "masks", "in", "-o", "out", "--inpainter", "telea", "--no-refine"]
    command = [sys.executable, "-m", "removal.cli.main", *arguments]
    pause = random.Random(5)
    for wanted in (1, 5, 9):
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        while len(list((folder / "out").rglob("[0-9]*"))) < wanted and process.poll() is None:
            time.sleep(0.002)
        time.sleep(pause.uniform(0, 0.02))
        process.kill()
        process.communicate()
        for name, content in results(folder / "out").items():
            assert Path(name).name.startswith(".") or content == undisturbed[name]
    noted = {line["file"] for line in ended_lines(folder)}
    dates = {name: (folder / "out" / name).stat().st_mtime_ns for name in noted}
    leftover = folder / "out/.00.jpg.0123abcd.part"
    leftover.write_bytes(b"half")
    again = outcomes(folder)
    assert {name for name, outcome in again.items() if outcome.outcome == "skipped"} == {
        Path(name).name for name in noted
    }
    assert results(folder / "out").keys() - undisturbed.keys() <= {leftover.name}
    assert {name: results(folder / "out")[name] for name in undisturbed} == undisturbed
    assert all((folder / "out" / name).stat().st_mtime_ns == date for name, date in dates.items())


def test_lists_and_annotated_images_only(album, small_coco):
    listed = album / "list.txt"
    listed.write_text(f"{album}/in/00.jpg\n{album}/in/sub/02.jpg\n{album}/in/none.jpg\n")
    found = list(run([], options_for(album, lists=(listed,))))
    assert [outcome.outcome for outcome in found] == ["done", "done", "failed"]
    assert found[1].job.target == album / "out" / Path(*album.parts[1:]) / "in/sub/02.jpg"
    Image.new("RGB", (WIDTH, HEIGHT)).save(small_coco.images / "of nobody.png")
    told = []
    options = RunOptions(
        masks=small_coco.folder / "instances.json", classes=("person",), output=album / "coco",
        inpainter="telea", refine=False, only_masked=True,
    )  # fmt: skip
    found = list(run([small_coco.images], options, say=told.append))
    assert [(outcome.job.source.name, outcome.outcome) for outcome in found] == [
        ("a.png", "done"), ("c.png", "done"), ("dog.png", "unchanged"), ("empty.png", "unchanged"),
        ("b.png", "done"),
    ]  # fmt: skip
    assert any("5 of 6 photos have a mask" in line for line in told)
    failed = list(run([small_coco.images], replace(options, only_masked=False)))
    assert [outcome.job.source.name for outcome in failed if outcome.outcome == "failed"] == ["of nobody.png"]


def test_changed_annotations_are_done_again(small_coco, tmp_path):
    file = small_coco.folder / "instances.json"
    options = RunOptions(
        masks=file, classes=("person",), output=tmp_path / "out", inpainter="telea", refine=False
    )
    assert {outcome.outcome for outcome in run([small_coco.images], options)} == {"done", "unchanged"}
    assert {outcome.outcome for outcome in run([small_coco.images], options)} == {"skipped"}
    small_coco.annotation(99, 900, (5, 5, 10, 10))
    small_coco.write()
    again = {outcome.job.source.name: outcome.outcome for outcome in run([small_coco.images], options)}
    assert again["empty.png"] == "done"
    assert "skipped" not in again.values()


def test_the_report_counts_and_has_the_share_of_each_stage(album):
    (album / "in/04.jpg").write_text("no photo")
    reports, totals, models = [], [], []
    list(
        run(
            [album / "in"],
            options_for(album),
            tell_report=reports.append,
            planned=totals.append,
            tell_models=models.append,
        )
    )
    (report,) = reports
    assert totals == [9]
    assert models[0]["inpainter"].startswith("telea")
    assert dict(report.counts) == {"done": 8, "failed": 1}
    assert set(report.shares) == {"read", "segment", "fill", "write"}
    assert sum(report.shares.values()) == pytest.approx(1)
    assert report.photos_per_s == pytest.approx(9 / report.seconds)
    last = json.loads((album / "out" / MANIFEST).read_text().splitlines()[-1])
    assert last["finished"]["photos"] == {"done": 8, "failed": 1}
    assert last["finished"]["workers"] == 2
    assert set(last["finished"]["shares"]) == {"read", "segment", "fill", "write"}


def test_the_size_of_a_photo_is_known_before_it_is_decoded(album, tmp_path):
    from removal.batch.jobs import Job

    Image.new("1", (12_000, 10_000)).save(tmp_path / "large.png")  # Pillow would warn of its size
    assert megapixels(Task(Job(tmp_path / "large.png", tmp_path / "x.png"))) == 120
    assert megapixels(Task(Job(album / "in/00.jpg", tmp_path / "x.png"))) == WIDTH * HEIGHT / 1e6
    (tmp_path / "text.jpg").write_text("no photo")
    assert megapixels(Task(Job(tmp_path / "text.jpg", tmp_path / "x.png"))) == 0
    assert megapixels(Task(Job(tmp_path / "none.jpg", tmp_path / "x.png"))) == 0


def test_a_mask_that_is_not_ours_fails_its_photo_and_is_named(album):
    outcomes(album)
    (album / "out/00.mask.png").write_bytes(b"somebody's")
    found = outcomes(album, save_masks=True)
    assert "00.mask.png' exists" in found["00.jpg"].error
    assert (album / "out/00.mask.png").read_bytes() == b"somebody's"
    assert found["01.jpg"].outcome == "done"
    assert (album / "out/01.mask.png").is_file()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_fails_alone_and_is_not_waited_for(album):
    os.mkfifo(album / "pipe.jpg")
    photos = [album / "pipe.jpg", album / "in/00.jpg"]
    pipe, photo = run(photos, options_for(album, only_masked=False))
    assert (pipe.outcome, photo.outcome) == ("failed", "done")
    assert "regular file" in pipe.error
