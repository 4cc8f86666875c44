"""Whole evaluations of drawn photos; figures are held against the measures computed here."""

import csv
import json
import sys

import numpy as np
import pytest
from PIL import Image

from removal.errors import RunError
from removal.evaluation.fidelity import l1, mse, psnr, total_variation
from removal.evaluation.masks import leak, spill, union_iou
from removal.evaluation.plan import EvaluationOptions
from removal.evaluation.runner import evaluate
from removal.evaluation.texture import swd


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def table(folder, name="results.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def other(options, **changes):
    """The options with some changed."""
    from dataclasses import replace

    return replace(options, **changes)


def test_every_combination_has_its_row_and_its_pictures(coco_options):
    options = other(coco_options, refine=(True, False), inpainters=("telea", "navier-stokes"))
    evaluation = evaluate(options)
    assert (evaluation.done, evaluation.earlier, evaluation.failures) == (3, 0, {})
    rows = [
        (row["mask_source"], row["refine"], row["inpainter"], row["photos"]) for row in table(options.out)
    ]
    assert rows == [
        ("annotations", "on", "telea", "3"),
        ("annotations", "on", "navier-stokes", "3"),
        ("annotations", "off", "telea", "3"),
        ("annotations", "off", "navier-stokes", "3"),
    ]
    assert len(table(options.out, "results_images.csv")) == 12
    kept = sorted(path.relative_to(options.out).as_posix() for path in options.out.rglob("b.png.png"))
    assert kept == [
        "masks/annotations.asis/sub/b.png.png",
        "masks/annotations.refined/sub/b.png.png",
        "results/annotations.asis.navier-stokes/sub/b.png.png",
        "results/annotations.asis.telea/sub/b.png.png",
        "results/annotations.refined.navier-stokes/sub/b.png.png",
        "results/annotations.refined.telea/sub/b.png.png",
    ]


def test_figures_of_masks_are_those_of_the_masks_that_are_kept(coco_options):
    evaluate(coco_options)
    (row,) = table(coco_options.out)
    truths = {"a.png": [(4, 10, 10, 20), (40, 12, 12, 28)], "c.png": [(10, 8, 12, 30)]}
    truths["sub/b.png"] = [(6, 6, 10, 30), (30, 6, 20, 20)]
    figures = []
    for name, boxes in truths.items():
        truth = np.zeros((48, 64), bool)
        for left, top, width, height in boxes:
            truth[top : top + height, left : left + width] = True
        mask = pixels(coco_options.out / f"masks/annotations.refined/{name}.png").any(axis=2)
        figures.append((union_iou(mask, truth), leak(mask, truth), spill(mask, truth), mask.mean()))
    names = ("after_iou", "after_leak", "after_spill", "mask_share")
    assert [float(row[name]) for name in names] == pytest.approx(np.mean(figures, axis=0))
    assert float(row["after_spill"]) > 0.1
    assert [row[name] for name in ("before_iou", "before_leak", "change_outside")] == ["1.0", "0.0", "0"]


def test_average_precision_counts_the_photos_of_the_run_alone(coco_options):
    """With all photos of the file as ground truth, the first photo's masks would have an AP of about 0.5."""
    evaluate(other(coco_options, limit=1, refine=(False,)))
    (row,) = table(coco_options.out)
    assert [float(row[name]) for name in ("before_ap", "before_ap50", "after_ap75")] == [1, 1, 1]


def test_too_few_photos_for_sets_say_so(coco_options):
    evaluate(coco_options)
    (row,) = table(coco_options.out)
    assert row["patch_frechet"] == ""
    assert "needs 5 photos with the class and without, got 3 and 2" in row["not_computed"]
    assert "still_found" in row["not_computed"]


@pytest.fixture
def enough_photos(coco_set, tmp_path):
    """Five photos with a person and five without."""
    for number in range(5):
        coco_set.photo(number, f"{number}.png", persons=[(10, 8, 20, 30)])
        coco_set.photo(10 + number, f"never{number}.png")
    return EvaluationOptions(
        coco_set.images, tmp_path / "run", annotations=coco_set.write(), classes=("person",),
        inpainters=("telea",), judge="none", refine=(False,),
    )  # fmt: skip


def test_sets_are_compared_where_there_are_enough_photos(enough_photos):
    evaluate(enough_photos)
    from removal.evaluation.classwise import class_wise, patch_features

    results = [pixels(enough_photos.out / f"results/annotations.asis.telea/{n}.png.png") for n in range(5)]
    never = [pixels(enough_photos.images / f"never{n}.png") for n in range(5)]
    ours, theirs = (np.stack([patch_features(picture) for picture in side]) for side in (results, never))
    (row,) = table(enough_photos.out)
    for name, value in class_wise(ours, theirs, prefix="patch_").items():
        assert float(row[name]) == pytest.approx(value), name
    content = json.loads((enough_photos.out / "results.json").read_text())
    assert row["fid_star"] == ""
    assert "weights missing" in content["rows"][0]["not_computed"]["fid_star"]
    untouched = content["nothing_removed"]["figures"]["patch_frechet"]
    assert untouched > float(row["patch_frechet"])  # the white boxes are what differs


def test_a_library_that_is_not_installed_leaves_its_measures_empty(enough_photos, monkeypatch):
    def missing(*sets, **options):
        raise ModuleNotFoundError("evaluation needs sklearn: pip install 'removal[evaluation]'")

    monkeypatch.setattr("removal.evaluation.classwise.class_wise", missing)
    evaluate(enough_photos)
    (row,) = table(enough_photos.out)
    assert row["patch_frechet"] == ""
    assert "pip install 'removal[evaluation]'" in row["not_computed"]
    assert row["after_leak"] == "0.0"


def test_broken_photos_that_never_had_the_class(enough_photos):
    for number in range(3):
        (enough_photos.images / f"never{number}.png").write_bytes(b"no photo")
    assert evaluate(enough_photos).failures == {}
    data = json.loads((enough_photos.out / "results.json").read_text())["data"]
    assert data["of these could not be read"] == "never0.png, never1.png, never2.png"
    (row,) = table(enough_photos.out)
    assert "patch_frechet" in row["not_computed"]
    assert "too few photos could be read" in row["not_computed"]


def test_holes_against_the_photo_itself(holes_set, tmp_path):
    options = EvaluationOptions(
        holes_set / "photos", tmp_path / "run", protocol="holes", holes=holes_set / "holes",
        inpainters=("telea", "navier-stokes"),
    )  # fmt: skip
    evaluate(options)
    for row in table(options.out):
        assert (row["mask_source"], row["refine"], row["photos"]) == ("holes", "off", "2")
        expected = {}
        for number in (1, 2):
            truth = pixels(holes_set / f"photos/{number}.png")
            result = pixels(options.out / f"results/holes.asis.{row['inpainter']}/{number}.png.png")
            hole = pixels(holes_set / f"holes/{number}.png")[..., 0] > 127
            for region, where in (("hole", hole), ("whole", None)):
                for name, measure in (("l1", l1), ("mse", mse), ("psnr", psnr), ("swd", swd)):
                    value = measure(result, truth, where)
                    expected.setdefault(f"{region}_{name}", []).append(value)
                expected.setdefault(f"{region}_tv", []).append(total_variation(result, where))
        for name, values in expected.items():
            assert float(row[name]) == pytest.approx(np.mean(values)), name
        assert row["change_outside"] == "0"
        assert row["hole_lpips"] == ""
        assert "hole_lpips whole_lpips: weights missing: alexnet" in row["not_computed"]


def test_pairs_against_the_clean_view(pairs_set, tmp_path):
    options = EvaluationOptions(
        pairs_set, tmp_path / "run", protocol="pairs", mask_sources=("object", "changed"), refine=(False,),
        inpainters=("telea",),
    )  # fmt: skip
    evaluate(options)
    by_source = {row["mask_source"]: row for row in table(options.out)}
    for source, row in by_source.items():
        expected = []
        for name in ("scene_1", "scene_2"):
            clean = pixels(pairs_set / name / "clean.png")
            changed = pixels(pairs_set / name / "changed.png")[..., 0] > 127
            result = pixels(options.out / f"results/{source}.asis.telea/{name}.png")
            expected.append(psnr(result, clean, changed))
        assert float(row["changed_psnr"]) == pytest.approx(np.mean(expected))
    share = 20 * 6 / (12 * 24 + 20 * 6)
    assert float(by_source["object"]["after_leak"]) == pytest.approx(share)
    assert float(by_source["changed"]["after_leak"]) == 0
    assert float(by_source["changed"]["shadow_psnr"]) > float(by_source["object"]["shadow_psnr"])
    content = json.loads((options.out / "results.json").read_text())
    assert content["rows"][0]["photos_measured"]["shadow_psnr"] == 1
    assert content["nothing_removed"]["figures"]["changed_psnr"] < float(by_source["changed"]["changed_psnr"])


def test_a_photo_is_read_found_and_refined_once(coco_options, monkeypatch):
    from removal.evaluation import mask_sources, workshop
    from removal.evaluation.coco_protocol import CocoProtocol

    calls = []

    def counted(name, function):
        def call(*args, **options):
            calls.append(name)
            return function(*args, **options)

        return call

    monkeypatch.setattr(CocoProtocol, "read", counted("read", CocoProtocol.read))
    monkeypatch.setattr(workshop, "find_hole", counted("refine", mask_sources.find_hole))
    truth_source = mask_sources.truth_source
    monkeypatch.setattr(
        mask_sources,
        "truth_source",
        lambda *args: other(truth_source(*args), find=counted("find", truth_source(*args).find)),
    )
    inpainters = ("telea", "navier-stokes")
    evaluate(other(coco_options, refine=(True, False), inpainters=inpainters, limit=2))
    assert {name: calls.count(name) for name in calls} == {"read": 2, "find": 2, "refine": 4}


def test_a_photo_that_cannot_be_read_is_left_out_and_named(coco_options, small_coco):
    (coco_options.images / "c.png").write_bytes(b"no photo")
    small_coco.photo(70, "gone.png", persons=[(1, 1, 9, 9)], there=False).write()
    evaluation = evaluate(coco_options)
    assert sorted(evaluation.failures) == ["c.png", "gone.png"]
    assert "no such file" in evaluation.failures["gone.png"]
    assert [row["photos"] for row in table(coco_options.out)] == ["2"]
    content = json.loads((coco_options.out / "results.json").read_text())
    assert sorted(content["left_out"]) == ["c.png", "gone.png"]
    again = evaluate(coco_options)
    assert (again.done, again.earlier) == (1, 2)
    assert sorted(again.failures) == ["c.png", "gone.png"]


def test_where_no_photo_can_be_done_tables_are_empty_and_say_why(coco_options):
    for path in coco_options.images.rglob("*.png"):
        path.write_bytes(b"no photo")
    assert len(evaluate(coco_options).failures) == 3
    (row,) = table(coco_options.out)
    assert (row["photos"], row["after_leak"], row["after_ap"]) == ("0", "", "")
    assert "not defined for any of these photos" in row["not_computed"]
    assert "not a photo" in (coco_options.out / "report.html").read_text()


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_photos(coco_set, tmp_path, mode):
    coco_set.photo(1, "a.jpg", persons=[(20, 10, 16, 28)], mode=mode)
    options = EvaluationOptions(
        coco_set.images, tmp_path / "run", annotations=coco_set.write(), classes=("person",),
        inpainters=("telea",), judge="none",
    )  # fmt: skip
    assert evaluate(options).failures == {}
    assert pixels(options.out / "results/annotations.refined.telea/a.jpg.png").shape == (48, 64, 3)


def test_masks_of_another_team_that_cover_some_of_the_photos(coco_options, tmp_path):
    team = tmp_path / "team"
    team.mkdir()
    for name in ("a", "c"):
        mask = np.zeros((48, 64), np.uint8)
        mask[10:40, 4:52] = 255
        Image.fromarray(mask).save(team / f"{name}.png")
    options = other(coco_options, mask_sources=("annotations", str(team)), refine=(False,))
    evaluation = evaluate(options)
    assert list(evaluation.failures) == ["sub/b.png"]
    rows = table(options.out)
    assert [row["photos"] for row in rows] == ["2", "2"]
    assert rows[1]["before_ap"] == ""
    assert "one per photo" in rows[1]["not_computed"]
    assert 0 < float(rows[1]["before_iou"]) < 1


def test_results_of_another_team_as_a_coco_file(coco_options, small_coco, tmp_path):
    """Half of one person's box, found by the photo's id; nothing elsewhere."""
    from pycocotools import mask as coco_mask

    half = np.zeros((48, 64), np.uint8)
    half[10:20, 4:14] = 1
    rle = coco_mask.encode(np.asfortranarray(half))
    entry = {"image_id": 4, "category_id": 1, "score": 0.9}
    entry["segmentation"] = {"size": [48, 64], "counts": rle["counts"].decode()}
    path = tmp_path / "team.json"
    path.write_text(json.dumps([entry]))
    options = other(coco_options, mask_sources=(str(path),), refine=(False,))
    assert evaluate(options).failures == {}
    leaks = {row["photo"]: float(row["before_leak"]) for row in table(options.out, "results_images.csv")}
    assert leaks == {"a.png": pytest.approx(1 - 100 / (200 + 336)), "sub/b.png": 1, "c.png": 1}


def test_weights_that_are_not_there_stop_the_run_before_any_work(coco_options, monkeypatch, tmp_path):
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(RunError, match="deepfillv2"):
        evaluate(other(coco_options, inpainters=("telea", "deepfillv2")))
    assert not (coco_options.out / "photos.jsonl").exists()


def test_where_results_come_from_is_noted(coco_options):
    evaluate(coco_options)
    config = json.loads((coco_options.out / "config.json").read_text())
    assert config["models"] == {
        "mask_source annotations": "annotations of the data",
        "inpainter telea": "telea (OpenCV), radius 5 px",
        "judge": "no judge was chosen",
    }
    assert config["settings"]["seed"] == 0
    assert {"version", "commit", "started", "python", "libraries"} <= config.keys()


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_names_that_are_no_text(holes_set, tmp_path):
    for kind in ("photos", "holes"):
        (holes_set / kind / "1.png").rename(holes_set / kind / "bad\udcff.png")
    options = EvaluationOptions(
        holes_set / "photos", tmp_path / "run", protocol="holes", holes=holes_set / "holes",
        inpainters=("telea",),
    )  # fmt: skip
    assert evaluate(options).done == 2
    assert evaluate(options).earlier == 2
    assert "bad\\udcff.png" in {row["photo"] for row in table(options.out, "results_images.csv")}
