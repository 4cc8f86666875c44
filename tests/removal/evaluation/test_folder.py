"""Whole evaluations of drawn photos; figures are held against the measures computed here."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from removal.errors import PlanError, RunError
from removal.evaluation import runner
from removal.evaluation.plan import EvaluationOptions
from removal.evaluation.runner import evaluate


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def figures_in(path):
    """The rows of a table without the times."""
    with path.open() as file:
        return [
            {name: cell for name, cell in row.items() if "seconds" not in name}
            for row in csv.DictReader(file)
        ]


def other(options, **changes):
    """The options with some changed."""
    from dataclasses import replace

    return replace(options, **changes)


def test_another_word_for_the_class_is_the_same_evaluation(coco_options, monkeypatch):
    evaluate(coco_options)
    results = (coco_options.out / "results.json").read_bytes()
    assert json.loads(results)["settings"]["classes"] == ["person"]
    monkeypatch.setattr(runner, "open_workshop", None)  # nothing is left to do
    said = []
    evaluation = evaluate(other(coco_options, classes=("People",)), say=said.append)
    assert (evaluation.done, evaluation.earlier, said) == (0, 3, [])
    evaluation = evaluate(other(coco_options, classes=("woman",)), say=said.append)
    assert (evaluation.done, evaluation.earlier) == (0, 3)
    assert said == ["class 'woman': this is read as 'person', so that each one is removed"]
    assert (coco_options.out / "results.json").read_bytes() == results


def test_a_folder_that_an_earlier_version_began_without_a_judge_is_finished(coco_options):
    options = other(coco_options, judge="none")
    evaluate(options)
    before = figures_in(options.out / "results.csv")
    config = json.loads((options.out / "config.json").read_text())
    config["models"]["judge"] = "no judge was asked for (--judge none)"  # as it was said then
    (options.out / "config.json").write_text(json.dumps(config))
    (options.out / "results.json").unlink()
    lines = (options.out / "photos.jsonl").read_text().splitlines(keepends=True)
    (options.out / "photos.jsonl").write_text("".join(lines[:1]))
    evaluation = evaluate(options)
    assert (evaluation.done, evaluation.earlier) == (2, 1)
    assert figures_in(options.out / "results.csv") == before
    config["models"]["judge"] = "builtin: another judge"
    (options.out / "config.json").write_text(json.dumps(config))
    (options.out / "results.json").unlink()
    with pytest.raises(PlanError, match=r"other settings \(judge changed\)"):
        evaluate(options)


def test_a_second_run_loads_nothing(coco_options, monkeypatch):
    evaluate(coco_options)
    before = {path: path.stat().st_mtime_ns for path in coco_options.out.rglob("*")}
    monkeypatch.setattr(runner, "open_workshop", None)
    evaluation = evaluate(coco_options)
    assert (evaluation.done, evaluation.earlier) == (0, 3)
    assert {path: path.stat().st_mtime_ns for path in coco_options.out.rglob("*")} == before


def test_a_second_run_imports_no_torch(coco_options):
    evaluate(coco_options)
    images, out, annotations = (
        str(path) for path in (coco_options.images, coco_options.out, coco_options.annotations)
    )
    code = (
        "import sys; from pathlib import Path; from removal.evaluation.plan import EvaluationOptions;"
        "from removal.evaluation.runner import evaluate;"
        f"options = EvaluationOptions(Path({images!r}), Path({out!r}), annotations=Path({annotations!r}),"
        "classes=('person',), inpainters=('telea',), judge='none'); print(evaluate(options).earlier,"
        "{'torch', 'torchvision', 'numba', 'torchmetrics'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "3 set()"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"refine": (False,)}, "refine"),
        ({"inpainters": ("navier-stokes",)}, "inpainters"),
        ({"limit": 2}, "limit"),
        ({"classes": ("dog",)}, "classes"),
        ({"judge": "builtin"}, "judge"),
    ],
)
def test_other_settings_are_refused(coco_options, change, named):
    evaluate(coco_options)
    with pytest.raises(PlanError, match=rf"other settings \({named} changed\).*overwrite it"):
        evaluate(other(coco_options, **change))
    assert evaluate(other(coco_options, **(change | {"judge": "none", "overwrite": True}))).earlier == 0


def test_starting_anew_leaves_nothing_of_before(coco_options):
    evaluate(other(coco_options, inpainters=("telea", "navier-stokes")))
    (coco_options.out / "notes.txt").write_text("mine")
    evaluate(other(coco_options, limit=1, overwrite=True))
    kept = {path.relative_to(coco_options.out).as_posix() for path in coco_options.out.rglob("*.png")}
    assert kept == {"results/annotations.refined.telea/a.png.png", "masks/annotations.refined/a.png.png"}
    assert len((coco_options.out / "photos.jsonl").read_text().splitlines()) == 1
    assert (coco_options.out / "notes.txt").exists()


def test_other_annotations_under_the_same_name_are_refused(coco_options, small_coco):
    evaluate(coco_options)
    small_coco.content["annotations"].pop()
    small_coco.write()
    with pytest.raises(PlanError, match="contents changed"):
        evaluate(coco_options)


def test_a_killed_run_goes_on_where_it_was(coco_options):
    evaluate(coco_options)
    tables = (coco_options.out / "results_images.csv").read_text()
    lines = (coco_options.out / "photos.jsonl").read_text()
    (coco_options.out / "photos.jsonl").write_text(lines[:-40])  # cut short within the last line
    (coco_options.out / "results.json").unlink()
    (coco_options.out / "results/annotations.refined.telea/.c.png.png.0f0f0f0f.part").write_bytes(b"half")
    evaluation = evaluate(coco_options)
    assert (evaluation.done, evaluation.earlier) == (1, 2)
    timeless = [
        [
            [cell for name, cell in row.items() if "seconds" not in name]
            for row in csv.DictReader(text.splitlines())
        ]
        for text in (tables, (coco_options.out / "results_images.csv").read_text())
    ]
    assert timeless[0] == timeless[1]
    assert evaluate(coco_options).done == 0
    assert not list(coco_options.out.rglob("*.part"))


def test_a_lost_picture_or_another_photo_is_done_again(coco_options):
    evaluate(coco_options)
    (coco_options.out / "results/annotations.refined.telea/a.png.png").unlink()
    assert evaluate(coco_options).done == 1
    photo = coco_options.images / "c.png"
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(photo)
    assert evaluate(coco_options).done == 1


def test_two_runs_in_one_folder(coco_options):
    from removal.evaluation.folder import EvaluationFolder

    evaluate(coco_options)
    config = json.loads((coco_options.out / "config.json").read_text())
    holder = EvaluationFolder(coco_options.out, config["settings"])
    holder.begin(config["models"], {"commit": config["commit"]})
    (coco_options.out / "results.csv").unlink()
    with pytest.raises(RunError, match="another run is at work"):
        evaluate(coco_options)
    holder.close()
    assert evaluate(coco_options).earlier == 3
    assert (coco_options.out / "results.csv").exists()


def test_a_run_that_began_while_this_one_loaded_its_models_is_not_written_over(coco_options, tmp_path):
    from removal.evaluation.folder import EvaluationFolder

    late = EvaluationFolder(coco_options.out, {"protocol": "coco", "seed": 1})
    evaluate(coco_options)
    lines = (coco_options.out / "photos.jsonl").read_text()
    with pytest.raises(RunError, match="meanwhile"):
        late.begin({}, {})
    late.close()
    assert (coco_options.out / "photos.jsonl").read_text() == lines
    assert evaluate(coco_options).earlier == 3


def test_a_later_version_of_the_code_is_noted(coco_options, monkeypatch):
    from removal.evaluation import environment

    monkeypatch.setattr(environment, "commit", lambda: "aaa")
    evaluate(coco_options)
    (coco_options.out / "results/annotations.refined.telea/a.png.png").unlink()
    monkeypatch.setattr(environment, "commit", lambda: "bbb")
    evaluate(coco_options)
    config = json.loads((coco_options.out / "config.json").read_text())
    assert (config["commit"], [entry["commit"] for entry in config["continued_by"]]) == ("aaa", ["bbb"])
    assert "commit aaa, continued by bbb" in (coco_options.out / "report.html").read_text()


def test_a_folder_of_something_else_is_left_alone(coco_options):
    coco_options.out.mkdir()
    (coco_options.out / "diary.txt").write_text("dear")
    for overwrite in (False, True):
        with pytest.raises(PlanError, match="not empty and holds no evaluation"):
            evaluate(other(coco_options, overwrite=overwrite))
    assert [path.name for path in coco_options.out.iterdir()] == ["diary.txt"]


def test_a_photo_of_the_same_size_in_bytes_is_another_one(coco_options):
    for value in (90, 91):
        photo = np.full((48, 64, 3), value, np.uint8)
        Image.fromarray(photo).save(coco_options.images / "c.png", compress_level=0)
        assert evaluate(coco_options).done == (3 if value == 90 else 1)
    result = coco_options.out / "results/annotations.refined.telea/c.png.png"
    assert pixels(result)[0, 0].tolist() == [91, 91, 91]


def test_detections_that_were_lost_are_made_again(coco_options):
    evaluate(coco_options)
    (coco_options.out / "detections/annotations.asis/a.png.json").unlink()
    (coco_options.out / "results.csv").unlink()
    assert evaluate(coco_options).done == 1


def test_a_hole_that_changed_and_not_its_size_is_refused(holes_set, tmp_path):
    options = EvaluationOptions(
        holes_set / "photos", tmp_path / "run", protocol="holes", holes=holes_set / "holes",
        inpainters=("telea",),
    )  # fmt: skip
    hole = holes_set / "holes/1.png"
    Image.fromarray(pixels(hole)).save(hole, compress_level=0)
    evaluate(options)
    size = hole.stat().st_size
    Image.fromarray(np.roll(pixels(hole), 1, axis=0)).save(hole, compress_level=0)
    assert hole.stat().st_size == size
    with pytest.raises(PlanError, match="contents changed"):
        evaluate(options)


def test_a_run_killed_before_its_settings_were_written_can_be_started_again(coco_options):
    coco_options.out.mkdir()
    (coco_options.out / "photos.jsonl").write_bytes(b"")
    (coco_options.out / ".config.json.0f0f0f0f.part").write_bytes(b"{")
    assert evaluate(coco_options).done == 3
    assert not list(coco_options.out.glob(".*"))
