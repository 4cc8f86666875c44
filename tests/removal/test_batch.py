import json
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
    done.target.unlink()
    assert not again.is_done(done)


def test_other_settings_are_refused(tmp_path):
    first = Manifest(tmp_path, {"seed": 0, "score": 0.5})
    first.begin()
    with pytest.raises(PlanError, match=r"other settings \(seed changed\)"):
        Manifest(tmp_path, {"seed": 1, "score": 0.5})
    assert Manifest(tmp_path, {"seed": 1, "score": 0.5}, overwrite=True).states == {}


def test_outcomes_are_recorded_as_json():
    job = Job(Path("a.jpg"), Path("out/a.jpg"))
    record = json.loads(json.dumps(Outcome(job, "done", mask_share=0.25, seconds={"read": 0.12345}).record()))
    assert record["input"] == "a.jpg"
    assert record["output"] == "out/a.jpg"
    assert record["mask_share"] == 0.25
    assert record["seconds"] == {"read": 0.123}
    assert Outcome(job, "failed", error="broken").record()["error"] == "broken"
    assert MANIFEST == "removal.jsonl"
