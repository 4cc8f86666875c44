"""With masks of another team an evaluation protects people who stay, as the main job does."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from removal.evaluation.case import Case
from removal.evaluation.mask_sources import EvaluatedSource, find_hole
from removal.evaluation.runner import evaluate
from removal.options import RunOptions
from segment import Detections

PERSON = np.zeros((48, 64), bool)
PERSON[10:40, 30:50] = True
HOLE = np.zeros((48, 64), bool)
HOLE[10:40, 5:20] = True


class Finder:
    description = "a finder for tests"

    def __init__(self):
        self.looks = 0

    def __call__(self, images, *, classes=None, min_score=0.05):
        self.looks += len(images)
        return [Detections.from_masks([PERSON], ["person"], [0.9]) for _ in images]


@pytest.fixture
def finder(monkeypatch):
    finder = Finder()
    monkeypatch.setattr("removal.evaluation.workshop.build_bystanders", lambda inpainter: finder)
    return finder


@pytest.fixture
def team(tmp_path):
    folder = tmp_path / "team"
    folder.mkdir()
    for name in ("a", "b", "c"):
        Image.fromarray(HOLE).save(folder / f"{name}.png")
    return folder


def case_of(source):
    found = Detections.from_masks([HOLE], ["mask"], [1.0])
    image = np.full((48, 64, 3), 90, np.uint8)
    people = Detections.from_masks([PERSON], ["person"], [0.9])
    return Case(None, 0, image, {}, found={source.name: found}, people=people)


@pytest.mark.parametrize(
    ("names_all", "protect", "kept"), [(False, True, True), (True, True, False), (False, False, False)]
)
def test_only_where_a_source_does_not_name_people_are_they_kept_out(names_all, protect, kept):
    source = EvaluatedSource("team", "a team's", None, False, lambda case: None, names_all=names_all)
    hole = find_hole(case_of(source), source, RunOptions(protect=protect), refined=False)
    assert np.array_equal(hole.mask, HOLE)
    if kept:
        assert hole.protect[PERSON].all()
        assert not hole.protect[HOLE].any()
        assert hole.protect.sum() == 30 * 20 + 2 * 2 * (30 + 20) + 4  # two pixels more, round the corners
    else:
        assert hole.protect is None


def test_a_run_looks_once_at_each_photo_and_says_who_looks(coco_options, finder, team):
    options = replace(coco_options, mask_sources=("annotations", str(team)), inpainters=("telea", "exemplar"))
    evaluate(options)
    models = json.loads((options.out / "config.json").read_text())["models"]
    assert models["protect"] == finder.description
    assert finder.looks == 3


def test_annotations_say_who_is_there(coco_options, finder):
    evaluate(coco_options)
    assert "protect" not in json.loads((coco_options.out / "config.json").read_text())["models"]
    assert finder.looks == 0
