"""Runs never write where they were not sent to, and say so where what they wrote is gone."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from removal.batch.record import MANIFEST
from removal.batch.run import run
from removal.errors import PlanError, RunError
from removal.options import RunOptions

BOX = (8, 8, 16, 16)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "in"
    (folder / "day1").mkdir(parents=True)
    names = [folder / "day1/a.png", folder / "day1/b.png", folder / "c.png", folder / "d.png"]
    for number, path in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 40, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return folder


def options_for(folder, **changes):
    options = {"boxes": (BOX,), "inpainter": "telea", "refine": False, "output": folder / "out", "workers": 1}
    return RunOptions(**(options | changes))


@pytest.mark.parametrize(("extra", "name"), [("save_masks", "c.mask.png"), ("compare", "c.compare.png")])
def test_masks_and_sheets_are_written_over_only_where_that_was_said(tmp_path, photos, extra, name):
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / name
    path.write_bytes(b"somebody's")
    (outcome,) = run([photos / "c.png"], options_for(tmp_path, **{extra: True}))
    assert outcome.outcome == "failed"
    assert outcome.option == "overwrite"
    assert f"'{path}' exists" in outcome.error
    assert path.read_bytes() == b"somebody's"
    assert not (tmp_path / "out/c.png").exists()
    (outcome,) = run([photos / "c.png"], options_for(tmp_path, **{extra: True}, overwrite=True))
    assert outcome.outcome == "done"
    with Image.open(path) as written:
        assert written.height >= 32


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["c.png", "c.mask.png", "c.compare.png"])
def test_nothing_is_written_through_a_link_that_leads_nowhere(tmp_path, photos, name, overwrite):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(tmp_path / "elsewhere.png")
    options = options_for(tmp_path, save_masks=True, compare=True, overwrite=overwrite)
    (outcome,) = run([photos / "c.png"], options)
    assert outcome.outcome == "failed"
    assert "exists" in outcome.error
    assert not (tmp_path / "elsewhere.png").exists()
    assert (tmp_path / "out" / name).is_symlink()


def test_a_mask_that_appeared_meanwhile_is_not_written_over(tmp_path, photos, monkeypatch):
    from removal.batch.work import PhotoWork

    fill = PhotoWork.fill

    def fill_slowly(work, task):
        task.job.mask.write_bytes(b"somebody's")
        return fill(work, task)

    monkeypatch.setattr(PhotoWork, "fill", fill_slowly)
    (outcome,) = run([photos / "c.png"], options_for(tmp_path, save_masks=True))
    assert outcome.outcome == "failed"
    assert "exists already" in outcome.error
    assert (tmp_path / "out/c.mask.png").read_bytes() == b"somebody's"


def test_a_pipe_or_device_is_not_replaced_by_a_result(tmp_path, photos):
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out/c.png")
    for overwrite, word in ((False, "exists"), (True, "no regular file")):
        (outcome,) = run([photos / "c.png"], options_for(tmp_path, overwrite=overwrite))
        assert outcome.outcome == "failed"
        assert word in outcome.error
    assert (tmp_path / "out/c.png").is_fifo()


def test_pipes_devices_and_links_in_a_circle_are_no_photos(tmp_path, photos):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "circle.jpg").symlink_to(tmp_path / "circle.jpg")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (photos / "day1/up").symlink_to(photos)  # a folder that holds itself
    (photos / "circle.jpg").symlink_to(photos / "circle.jpg")
    os.mkfifo(photos / "pipe.jpg")
    given = [tmp_path / "pipe.jpg", tmp_path / "circle.jpg", tmp_path / "device.jpg", photos]
    found = {outcome.job.source: outcome for outcome in run(given, options_for(tmp_path))}
    failed = {path.name: outcome.error for path, outcome in found.items() if outcome.error}
    assert sum(outcome.outcome == "done" for outcome in found.values()) == 4
    assert "is not a regular file" in failed["pipe.jpg"]
    assert "is not a regular file" in failed["device.jpg"]
    assert "symbolic links" in failed["circle.jpg"]
    assert photos / "pipe.jpg" not in found


def test_a_circle_of_links_as_the_output_is_one_error(tmp_path, photos):
    (tmp_path / "out").symlink_to(tmp_path / "out")
    with pytest.raises((RunError, PlanError), match="out"):
        list(run([photos], options_for(tmp_path)))


def test_an_output_folder_that_disappears_is_an_error_for_all_that_lay_there(tmp_path, photos, monkeypatch):
    from removal.batch.work import PhotoWork

    write, outcomes, reports = PhotoWork.write, [], []

    def write_and_remove(work, task):
        if task.job.source.name == "a.png":  # the third
            shutil.rmtree(tmp_path / "out")
        return write(work, task)

    monkeypatch.setattr(PhotoWork, "write", write_and_remove)
    with pytest.raises(RunError) as caught:
        outcomes.extend(run([photos], options_for(tmp_path), tell_report=reports.append))
    assert caught.value.option == "output"
    lost = f"'{tmp_path / 'out/c.png'}', '{tmp_path / 'out/d.png'}'"
    assert f"the results of 2 photos disappeared during the run, {lost}: something else" in str(caught.value)
    assert reports[0].counts == {"failed": 4}
    assert not (tmp_path / "out").exists(), "it is not made anew, without the record"


def test_a_photo_that_is_to_be_written_there_after_that_fails(tmp_path, photos, monkeypatch):
    from removal.batch.work import PhotoWork

    fill = PhotoWork.fill

    def fill_slowly(work, task):
        shutil.rmtree(tmp_path / "out")
        return fill(work, task)

    monkeypatch.setattr(PhotoWork, "fill", fill_slowly)
    (outcome,) = run([photos / "c.png"], options_for(tmp_path))
    assert outcome.outcome == "failed"
    assert "the output folder disappeared during the run" in outcome.error
    assert str(tmp_path / "out") in outcome.error
    assert not (tmp_path / "out").exists()


def test_the_next_run_makes_what_disappeared(tmp_path, photos):
    reports = []

    outcomes = run([photos], options_for(tmp_path), tell_report=reports.append)
    for _ in photos.rglob("*.png"):
        last = next(outcomes)
    assert last.job.source.name == "b.png"
    shutil.rmtree(tmp_path / "out/day1")
    with pytest.raises(RunError, match="the results of 2 photos disappeared"):
        next(outcomes)
    assert reports[0].counts == {"done": 2, "failed": 2}
    found = [outcome.outcome for outcome in run([photos], options_for(tmp_path))]
    assert sorted(found) == ["done", "done", "skipped", "skipped"]
    assert (tmp_path / "out" / MANIFEST).exists()
