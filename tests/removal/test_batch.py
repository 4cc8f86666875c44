import json
from dataclasses import replace
from pathlib import Path

import pytest

from removal.batch import MANIFEST, Job, Manifest, Outcome, PlanError, photos_in, plan_jobs


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


def test_an_existing_folder_named_like_a_photo_is_a_folder(folder):
    (folder / "out.png").mkdir()
    assert targets(plan_jobs([folder / "in/a.jpg"], folder / "out.png"), folder) == ["out.png/a.jpg"]


def test_plans_that_cannot_work_are_refused_before_any_work(folder):
    with pytest.raises(PlanError, match="more than one photo"):
        plan_jobs([folder / "in"], folder / "x.jpg")
    with pytest.raises(PlanError, match="-o FOLDER"):
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
    (job,) = plan_jobs([folder / "in/sub/b.PNG"], folder / "out", masks=True, sheets=True)
    assert [path.name for path in job.files] == ["b.PNG", "b.mask.png", "b.compare.png"]
    first, second, _ = plan_jobs([folder / "in"], folder / "out", masks=True)
    assert [first.mask.name, second.mask.name] == ["a.jpg.mask.png", "a.png.mask.png"]
    (folder / "in/sub/b.mask.png").write_bytes(b"")
    with pytest.raises(PlanError, match=r"would both be written to '.*b\.mask\.png'"):
        plan_jobs([folder / "in"], folder / "out", masks=True)
    with pytest.raises(PlanError, match="written over the photo"):
        plan_jobs([folder / "in/a.jpg", folder / "in/sub/b.mask.png"], folder / "in/sub", masks=False)


def test_the_manifest_knows_what_is_done(tmp_path):
    out = tmp_path / "out"
    done, failed, begun = (Job(Path(f"{name}.jpg"), out / f"{name}.jpg") for name in "abc")
    manifest = Manifest(out, {"seed": 0})
    manifest.begin()
    for job in (done, failed, begun):
        manifest.started(job)
        job.target.write_bytes(b"x")
    manifest.ended(Outcome(done, "done"))
    manifest.ended(Outcome(failed, "failed", error="broken"))
    with manifest.path.open("a") as file:
        file.write('{"input": "half a li')  # the power went
    again = Manifest(out, {"seed": 0})
    assert [again.is_done(job) for job in (done, failed, begun)] == [True, False, False]
    assert all(again.is_ours(job) for job in (done, failed, begun))
    assert not again.is_ours(Job(Path("d.jpg"), out / "d.jpg"))
    assert not again.is_done(replace(done, sheet=out / "a.compare.png"))  # asked for now and not there
    done.target.unlink()
    assert not again.is_done(done)


def test_the_manifest_does_not_care_how_the_folder_is_spelled(tmp_path, monkeypatch):
    out = tmp_path / "out"
    manifest = Manifest(out, {"seed": 0})
    manifest.begin()
    job = Job(Path("a.jpg"), out / "sub/a.jpg")
    manifest.started(job)
    manifest.ended(Outcome(job, "done"))
    job.target.parent.mkdir()
    job.target.write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert Manifest(Path("out"), {"seed": 0}).is_done(Job(Path("a.jpg"), Path("out/sub/a.jpg")))


def test_only_a_result_made_with_other_settings_is_refused(tmp_path):
    first = Manifest(tmp_path, {"seed": 0, "score": 0.5})
    first.begin()
    job, other = (Job(Path(name), tmp_path / name) for name in ("a.jpg", "b.jpg"))
    first.started(job)
    first.ended(Outcome(job, "done"))
    job.target.write_bytes(b"x")
    second = Manifest(tmp_path, {"seed": 1, "score": 0.5})
    second.check([other])
    with pytest.raises(PlanError, match=r"a\.jpg' was made with other settings \(seed changed\)"):
        second.check([other, job])
    Manifest(tmp_path, {"seed": 1, "score": 0.5}, overwrite=True).check([job])


def test_a_damaged_manifest_is_read_as_far_as_it_goes(tmp_path):
    (tmp_path / MANIFEST).write_bytes(b'3\n\xff\xfe\n[1]\n{"file": "a.jpg"}\n{"settings": 4}\n\n')
    assert Manifest(tmp_path, {"seed": 0}).states == {}


def test_outcomes_are_recorded_as_json():
    job = Job(Path("a.jpg"), Path("out/a.jpg"))
    record = json.loads(json.dumps(Outcome(job, "done", mask_share=0.25, seconds={"read": 0.12345}).record()))
    assert record["input"] == "a.jpg"
    assert record["output"] == "out/a.jpg"
    assert record["mask_share"] == 0.25
    assert record["seconds"] == {"read": 0.123}
    assert Outcome(job, "failed", error="broken").record()["error"] == "broken"
    assert MANIFEST == "removal.jsonl"
