"""The real command on small data sets."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

COCO = ("--images", "coco/images", "--annotations", "coco/instances.json")
FAST = ("--inpainter", "telea", "--judge", "none", "--out", "run")


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_by_two_combinations_and_a_second_run(invoke, small_coco, tmp_path):
    words = (*COCO, "--class", "person", "--refine", "on,off", "--inpainter", "telea,navier-stokes",
             "--judge", "none", "--out", "runs/x")  # fmt: skip
    result = invoke("evaluate", *words)
    assert result.exit_code == 0, result.output
    assert "3 photos worked on, 0 done by an earlier run" in result.stdout
    table = rows(tmp_path / "runs/x/results.csv")
    assert [(row["refine"], row["inpainter"]) for row in table] == [
        ("on", "telea"),
        ("on", "navier-stokes"),
        ("off", "telea"),
        ("off", "navier-stokes"),
    ]
    assert (tmp_path / "runs/x/report.html").read_text().startswith("<!DOCTYPE html>")
    content = json.loads((tmp_path / "runs/x/results.json").read_text())
    assert content["rows"][2]["figures"]["before_leak"] == 0
    again = invoke("evaluate", *words)
    assert again.exit_code == 0
    assert "0 photos worked on, 3 done by an earlier run" in again.stdout


def test_the_published_figures_can_be_read_off_row_by_row(invoke, holes_set, tmp_path):
    result = invoke("evaluate", "--protocol", "holes", "--images", "photos", "--holes", "holes",
                    "--inpainter", "navier-stokes,telea", "--out", "run")  # fmt: skip
    assert result.exit_code == 0, result.output
    names = ("inpainter", "whole_l1", "whole_mse", "whole_psnr", "whole_lpips", "whole_tv")
    table = [[row[name] for name in names] for row in rows(tmp_path / "run/results.csv")]
    assert [row[0] for row in table] == ["navier-stokes", "telea"]
    for _, l1, mse, psnr, lpips, tv in table:
        assert 0 < float(mse) < float(l1) < 0.1
        assert 20 < float(psnr) < 60
        assert 0.1 < float(tv) < 1
        assert lpips == ""


def test_pairs_with_masks_of_another_team(invoke, pairs_set, tmp_path):
    """Masks are found by the pair's name; one is missing."""
    (tmp_path / "team").mkdir()
    mask = np.zeros((48, 64), np.uint8)
    mask[4:40, 10:60] = 255
    Image.fromarray(mask).save(tmp_path / "team/scene_2.png")
    result = invoke("evaluate", "--protocol", "pairs", "--images", "pairs", "--mask-source", "object,team",
                    "--refine", "off", "--inpainter", "telea", "--out", "run")  # fmt: skip
    assert result.exit_code == 1
    assert "Left out: scene_1" in result.stderr
    table = {row["mask_source"]: row for row in rows(tmp_path / "run/results.csv")}
    assert {name: row["photos"] for name, row in table.items()} == {"object": "1", "team": "1"}
    assert float(table["team"]["after_leak"]) == 0
    assert float(table["object"]["after_leak"]) > 0


def test_missing_files_are_named_and_the_rest_is_done(invoke, small_coco, tmp_path):
    small_coco.photo(70, "gone.png", persons=[(1, 1, 9, 9)], there=False).write()
    result = invoke("evaluate", *COCO, "--class", "person", *FAST)
    assert result.exit_code == 1
    assert result.stderr.strip() == "Left out: gone.png: no such file"
    assert rows(tmp_path / "run/results.csv")[0]["photos"] == "3"


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ((*COCO, "--class", "persn", *FAST), 2, "persn"),
        ((*COCO, *FAST), 2, "--class"),
        (("--images", "none", *COCO[2:], "--class", "person", *FAST), 2, "'none' is not there"),
        ((*COCO[:2], "--annotations", "none.json", "--class", "person", *FAST), 2, "none.json"),
        ((*COCO[:2], "--class", "person", *FAST), 2, "--annotations"),
        ((*COCO, "--class", "person", "--out", "full"), 2, "holds no evaluation"),
        ((*COCO, "--class", "person", "--out", "coco/instances.json"), 2, "is a file"),
        ((*COCO, "--class", "person", *FAST, "--inpainter", "magic"), 2, "expected one of"),
        ((*COCO, "--class", "person", *FAST, "--inpainter", "telea,telea"), 2, "twice"),
        ((*COCO, "--class", "person", *FAST, "--inpainter", ""), 2, "expected values"),
        ((*COCO, "--class", "person", *FAST, "--mask-source", ""), 2, "expected values"),
        ((*COCO, "--class", "person", *FAST, "--mask-source", "nobody"), 2, "there is no 'nobody'"),
        ((*COCO, "--class", "person", *FAST, "--mask-source", "object"), 2, "there is no 'object'"),
        ((*COCO, "--class", "person", *FAST, "--refine", "maybe"), 2, "expected on, off"),
        ((*COCO, "--class", "person", *FAST, "--judge", "nobody"), 2, "--judge"),
        ((*COCO, "--class", "person", *FAST, "--limit", "0"), 2, "--limit"),
        (
            (*COCO, "--class", "person", *FAST, "--holes", "coco"),
            2,
            "--holes: hole files go with the protocol holes",
        ),
        ((*COCO, "--class", "person", *FAST, "--weights", "x.pth"), 2, "--weights"),
        ((*COCO, "--class", "dog", *FAST, "--judge", "builtin"), 1, "finds only person"),
        ((*COCO, "--class", "person", *FAST, "--mask-source", "maskrcnn"), 1, "maskrcnn"),
        (
            (*COCO, "--class", "person", *FAST, "--mask-source", "rf-detr-nano"),
            1,
            "Roboflow/rf-detr-seg-nano",
        ),
        ((*COCO, "--class", "person", *FAST, "--inpainter", "deepfillv2"), 1, "deepfillv2"),
        (("--images", "coco", "--protocol", "holes", "--out", "run"), 2, "--holes: the protocol holes needs"),
        (
            ("--images", "coco", "--protocol", "holes", "--holes", "coco", "--refine", "on", "--out", "run"),
            2,
            "as they are",
        ),
        (("--images", "full", "--protocol", "pairs", "--out", "run"), 2, "no photo"),
        (
            ("--images", "coco", "--protocol", "pairs", "--mask-source", "builtin", "--out", "run"),
            2,
            "--class",
        ),
        ((*COCO, "--protocol", "pairs", "--out", "run"), 2, "--annotations: the protocol pairs has"),
        (
            ("--images", "coco", "--protocol", "pairs", "--judge", "builtin", "--out", "run"),
            2,
            "--judge: a judge looks for annotated objects",
        ),
        (
            ("--images", "coco", "--protocol", "pairs", "--out", "coco/run"),
            2,
            "lies in the folder of the photos",
        ),
        (
            (*COCO, "--class", "person", "--mask-source", "coco/images", "--out", "coco/images/run"),
            2,
            "lies in the folder of the mask source",
        ),
        ((*COCO, "--class", "person", *FAST, "--segmenter-weights", "x"), 2, "one segmenter's name"),
        (("--images", "coco", "--protocol", "other", "--out", "run"), 2, "other"),
    ],
)
def test_bad_input_is_told_in_one_line(invoke, small_coco, tmp_path, words, status, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/diary.txt").write_text("dear")
    result = invoke("evaluate", *words)
    assert result.exit_code == status, result.output
    told = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert len(told) == 1
    assert message in told[0]
    assert not (tmp_path / "run").exists()


def test_help_loads_nothing_heavy():
    heavy = "{'torch', 'cv2', 'numba', 'pycocotools', 'PIL', 'matplotlib', 'torchmetrics', 'numpy'}"
    code = (
        "import sys; from removal.cli.main import cli; cli(['evaluate', '--help'], standalone_mode=False);"
        f"print('loaded', {heavy} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded set()"
