import io
import sys
from pathlib import Path

import pytest

from removal.batch.jobs import photos_in, place_of, plan_jobs
from removal.batch.lists import read_list
from removal.errors import PlanError


@pytest.fixture
def folder(tmp_path):
    for name in ("in/a.jpg", "in/sub/b.PNG", "in/notes.txt", "in/.hidden/c.jpg", "in/.d.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def targets(jobs, base):
    return [str(job.target.relative_to(base)) for job in jobs]


def test_photos_in_a_folder_are_found_below_it_and_hidden_ones_are_not(folder):
    assert photos_in(folder / "in") == [folder / "in/a.jpg", folder / "in/sub/b.PNG"]


def test_results_in_the_folder_itself_are_not_taken_for_photos(folder):
    assert photos_in(folder / "in", leave_out=folder / "in/sub") == [folder / "in/a.jpg"]


def test_without_an_output_the_result_lies_beside_the_photo(folder):
    assert targets(plan_jobs([folder / "in/sub/b.PNG"], None), folder) == ["in/sub/b.removed.PNG"]


def test_an_output_with_a_photo_suffix_is_the_file(folder):
    assert targets(plan_jobs([folder / "in/a.jpg"], folder / "x.png"), folder) == ["x.png"]


def test_any_other_output_is_a_folder_with_names_relative_to_the_input(folder):
    assert targets(plan_jobs([folder / "in"], folder / "out"), folder) == ["out/a.jpg", "out/sub/b.PNG"]
    assert targets(plan_jobs([folder / "in/sub/b.PNG"], folder / "out"), folder) == ["out/b.PNG"]


def test_an_output_with_an_unknown_suffix_is_refused_unless_it_is_a_folder(folder):
    with pytest.raises(PlanError, match=r"expected a suffix among \.avif .*received \.xyz; make the folder"):
        plan_jobs([folder / "in/a.jpg"], folder / "result.xyz")
    assert not (folder / "result.xyz").exists()
    (folder / "result.xyz").mkdir()
    assert targets(plan_jobs([folder / "in/a.jpg"], folder / "result.xyz"), folder) == ["result.xyz/a.jpg"]
    assert targets(plan_jobs([folder / "in/a.jpg"], folder / "out-1.5"), folder) == ["out-1.5/a.jpg"]


def test_pictures_that_cannot_be_read_are_told(folder):
    for name in ("in/b.gif", "in/sub/c.DNG", "in/.e.gif"):
        (folder / name).write_bytes(b"")
    found = []
    plan_jobs([folder / "in"], folder / "out", on_passed_over=found.append)
    assert sorted(found) == [folder / "in/b.gif", folder / "in/sub/c.DNG"]


def test_an_existing_folder_named_like_a_photo_is_a_folder(folder):
    (folder / "out.png").mkdir()
    assert targets(plan_jobs([folder / "in/a.jpg"], folder / "out.png"), folder) == ["out.png/a.jpg"]


def test_plans_that_cannot_work_are_refused_before_any_work(folder):
    with pytest.raises(PlanError, match="folder for the results of several photos"):
        plan_jobs([folder / "in"], folder / "x.jpg")
    with pytest.raises(PlanError, match="expected a folder for the results"):
        plan_jobs([folder / "in"], None)
    (folder / "in/sub/a.jpg").write_bytes(b"")
    with pytest.raises(PlanError, match=r"a\.jpg' and '.*sub/a\.jpg' would both be written to"):
        plan_jobs([folder / "in/a.jpg", folder / "in/sub/a.jpg"], folder / "out")
    with pytest.raises(PlanError, match="written over the photo"):
        plan_jobs([folder / "in/a.jpg"], folder / "in/a.jpg")


def test_a_folder_without_photos_is_a_problem_and_not_a_crash(tmp_path):
    (job,) = plan_jobs([tmp_path], tmp_path / "out")
    assert "no photos" in job.problem


def test_results_inside_the_input_are_left_out_however_they_are_spelled(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert photos_in(Path("in"), leave_out=folder / "in/sub") == [Path("in/a.jpg")]
    assert photos_in(folder / "in", leave_out=Path("in/sub")) == [folder / "in/a.jpg"]


def test_a_missing_photo_is_a_problem_of_its_own(folder):
    good, missing, long = plan_jobs(
        [folder / "in/a.jpg", folder / "in/none.jpg", folder / f"{'a' * 300}.jpg"], folder / "out"
    )
    assert good.problem is None
    assert missing.problem == f"{folder}/in/none.jpg: No such file or directory"
    assert "too long" in long.problem
    (job,) = plan_jobs([folder / "in/notes"], None)
    assert job.problem is not None


def test_masks_and_sheets_are_planned_with_the_results(folder):
    (folder / "in/a.png").write_bytes(b"")
    (job,) = plan_jobs([folder / "in/sub/b.PNG"], folder / "out", extras=("mask", "sheet"))
    assert [path.name for path in job.files] == ["b.PNG", "b.mask.png", "b.compare.png"]
    first, second, _ = plan_jobs([folder / "in"], folder / "out", extras=("mask",))
    assert [first.mask.name, second.mask.name] == ["a.jpg.mask.png", "a.png.mask.png"]
    (folder / "in/sub/b.mask.png").write_bytes(b"")
    with pytest.raises(PlanError, match=r"would both be written to '.*b\.mask\.png'"):
        plan_jobs([folder / "in"], folder / "out", extras=("mask",))
    with pytest.raises(PlanError, match="written over the photo"):
        plan_jobs([folder / "in/a.jpg", folder / "in/sub/b.mask.png"], folder / "in/sub")


def test_a_list_names_photos_and_folders_each_once(folder, monkeypatch):
    monkeypatch.chdir(folder)
    Path("list.txt").write_text("in/a.jpg\r\n\nin/sub\nin/a.jpg\n./in/a.jpg")
    assert read_list(Path("list.txt")) == [Path("in/a.jpg"), Path("in/sub")]
    jobs = plan_jobs([], folder / "out", lists=[Path("list.txt")])
    assert targets(jobs, folder) == ["out/in/a.jpg", "out/in/sub/b.PNG"]
    (job,) = plan_jobs([], None, lists=[write(folder / "one.txt", "in/a.jpg")])
    assert job.target == Path("in/a.removed.jpg")


def test_a_list_may_end_its_names_with_zero_bytes_and_come_from_standard_input(folder, monkeypatch):
    monkeypatch.chdir(folder)
    Path("in/new\nline.jpg").write_bytes(b"")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"in/new\nline.jpg\0in/a.jpg\0")))
    jobs = plan_jobs([], Path("out"), lists=[Path("-")])
    assert [job.source for job in jobs] == [Path("in/new\nline.jpg"), Path("in/a.jpg")]
    assert not any(job.problem for job in jobs)


def test_listed_paths_keep_their_folders_as_tar_has_it(folder, monkeypatch):
    monkeypatch.chdir(folder / "in")
    assert place_of(Path("sub/b.PNG")) == Path("sub/b.PNG")
    assert place_of(Path("/data/sets/a.jpg")) == Path("data/sets/a.jpg")
    assert place_of(Path("../other/a.jpg")) == Path(*folder.parts[1:], "other", "a.jpg")


def test_a_list_with_a_missing_photo_an_empty_one_and_one_that_is_not_there(folder, monkeypatch):
    monkeypatch.chdir(folder)
    good, missing = plan_jobs([], folder / "out", lists=[write(folder / "l", "in/a.jpg\nin/none.jpg")])
    assert (good.problem, missing.problem) == (None, "in/none.jpg: No such file or directory")
    with pytest.raises(PlanError, match=r"no photos in .*empty"):
        plan_jobs([], folder / "out", lists=[write(folder / "empty", "\n\n")])
    with pytest.raises(PlanError, match="folder for the results of several photos"):
        plan_jobs([], folder / "x.jpg", lists=[write(folder / "l", "in/a.jpg\nin/sub/b.PNG")])
    with pytest.raises(FileNotFoundError):
        plan_jobs([], folder / "out", lists=[folder / "nowhere"])
    with pytest.raises(PlanError, match="no photos given"):
        plan_jobs([], None)


def write(path, text):
    path.write_text(text)
    return path


def test_a_folder_that_cannot_be_read_is_a_problem_of_its_own(folder, monkeypatch):
    import os

    def walk(top, onerror, followlinks):
        onerror(PermissionError(13, "Permission denied", f"{top}/locked"))
        yield str(top), [], ["a.jpg"]

    monkeypatch.setattr(os, "walk", walk)
    locked, good = sorted(plan_jobs([folder / "in"], folder / "out"), key=lambda job: job.problem is None)
    assert locked.problem == f"{folder}/in/locked: Permission denied"
    assert good.source == folder / "in/a.jpg"
    with pytest.raises(PermissionError):
        photos_in(folder / "in")


def test_a_result_that_is_a_link_to_a_photo_is_refused(folder):
    (folder / "out").mkdir()
    (folder / "out/a.jpg").symlink_to(folder / "in/a.jpg")
    with pytest.raises(PlanError, match="written over the photo"):
        plan_jobs([folder / "in/a.jpg"], folder / "out")


def test_links_to_folders_are_followed_but_not_in_circles(folder):
    (folder / "more").mkdir()
    (folder / "more/e.jpg").write_bytes(b"")
    (folder / "more/back").symlink_to(folder / "in")
    (folder / "in/more").symlink_to(folder / "more")
    (folder / "in/sub/up").symlink_to(folder / "in")
    (folder / "results").mkdir()
    (folder / "results/a.jpg").write_bytes(b"")
    (folder / "in/results").symlink_to(folder / "results")
    found = photos_in(folder / "in", leave_out=folder / "results")
    assert found == [folder / "in" / name for name in ("a.jpg", "more/e.jpg", "sub/b.PNG")]


def test_a_link_that_leads_nowhere_is_not_passed_over(folder):
    (folder / "in/lost.jpg").symlink_to("nowhere.jpg")
    (folder / "in/lost.txt").symlink_to("nowhere.txt")
    jobs = plan_jobs([folder / "in"], folder / "out")
    assert targets(jobs, folder) == ["out/a.jpg", "out/lost.jpg", "out/sub/b.PNG"]


def test_what_two_lists_name_is_done_once(folder, monkeypatch):
    monkeypatch.chdir(folder)
    lists = [write(folder / "one", "in/a.jpg"), write(folder / "two", "in/sub/b.PNG\nin/a.jpg")]
    assert targets(plan_jobs([], folder / "out", lists=lists), folder) == ["out/in/a.jpg", "out/in/sub/b.PNG"]


def test_a_photo_that_may_not_be_looked_at_is_not_passed_over(folder, monkeypatch):
    def is_file(path):
        if path.name == "b.PNG":
            raise PermissionError(13, "Permission denied", str(path))
        return True

    monkeypatch.setattr(Path, "is_file", is_file)
    assert photos_in(folder / "in") == [folder / "in/a.jpg", folder / "in/sub/b.PNG"]
