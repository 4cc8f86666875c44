"""Sheets to judge by and what is counted of them."""

import csv
import json

import cv2
import numpy as np
import pytest

from benchmarks import efforts
from benchmarks.fill import Case


def drawn(name, level):
    mask = np.zeros((300, 400), bool)
    mask[100:150, 200:240] = True
    image = np.full((300, 400, 3), level, np.uint8)
    return Case(name, image, mask, image)


def test_sheets_hide_which_side_is_which_in_a_key(tmp_path):
    sets = {"photos": [drawn(f"p{number}", number) for number in range(8)]}
    for effort, level in (("fast", 50), ("normal", 200)):
        for case in sets["photos"]:
            file = efforts.file_of(tmp_path, "photos", case, effort).with_suffix(".png")
            file.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(file), np.full_like(case.image, level))
    efforts.write_sheets(sets, tmp_path, tmp_path / "sheets", "normal")
    key = list(csv.DictReader((tmp_path / "sheets/key.csv").read_text().splitlines()))
    assert {row["A"] for row in key} == {"fast", "normal"}  # not the same side each time
    for row in key:
        sheet = cv2.imread(str(tmp_path / f"sheets/{row['name']}.png"))
        width = (sheet.shape[1] - 2 * efforts.GAP_PX) // 3
        assert sheet[0, width + efforts.GAP_PX, 0] == {"fast": 50, "normal": 200}[row["A"]]
        assert sheet[0, -1, 0] == {"fast": 50, "normal": 200}[row["B"]]


def test_judgements_are_counted_by_the_key(tmp_path):
    (tmp_path / "key.csv").write_text("name,A,B,note\na,fast,normal,\nb,normal,fast,\nc,fast,normal,\n")
    (tmp_path / "judged.csv").write_text("a,B\nb,B\nc,same\n")
    assert efforts.score(tmp_path) == "1 better, 1 same, 1 worse"
    (tmp_path / "judged.csv").write_text("d,A\n")
    with pytest.raises(ValueError, match="expected the name of a sheet and A, B or same, got 'd', 'A'"):
        efforts.score(tmp_path)


def test_what_was_filled_is_kept_with_its_figures_and_the_time_of_fast_beside_it(tmp_path, monkeypatch):
    def fill(case, effort):
        return case.image, {"fast": 2.0, "normal": 3.0}[effort]

    monkeypatch.setattr(efforts, "timed_fill", fill)
    file = tmp_path / "a.json"
    efforts.fill_one(efforts.Work(drawn("a", 100), "normal", file, with_fast=True))
    figures = json.loads(file.read_text())
    assert (figures["cpu_s_fast"], figures["cpu_s"], figures["ssim"]) == (2.0, 3.0, pytest.approx(1.0))
    assert file.with_suffix(".png").exists()
    assert efforts.ratio_of([figures]) == "1.50"
