from dataclasses import replace

import numpy as np
import pytest

from removal.errors import RunError
from removal.evaluation.case import Case
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.judge import Judge, build_judge
from removal.evaluation.mask_sources import Segmenters
from removal.options import RunOptions
from segment import Detections


class Found:
    """Finds what is white, as one person."""

    name, description, fallback = "white", "finds white", None
    classes = ("person",)

    def __init__(self):
        self.calls = 0

    def get(self, name):
        return self

    def find(self, name, image, min_score):
        self.calls += 1
        white = (image == 255).all(axis=2)
        return Detections.from_masks([white], ["person"], [0.9]) if white.any() else Detections.empty(8, 8)


def white_case(left):
    image = np.zeros((8, 8, 3), np.uint8)
    image[2:6, left : left + 3] = 255
    person = Detections.from_masks([(image == 255).all(axis=2)], ["person"], [1.0])
    return Case(EvalPhoto("a.png", "a.png", 1), 1, image, {"annotations": person}), person


def test_what_is_gone_what_is_still_there_and_what_is_new(tmp_path):
    judge = Judge("white", Found(), ("person",))
    case, person = white_case(1)
    judge.look(case)
    hole = person.mask(0)
    half_left, gone, painted = case.image.copy(), case.image.copy(), np.zeros_like(case.image)
    half_left[2:4] = 0
    gone[:] = 0
    painted[7, 5:8] = 255
    figures = [judge.figures(case, result, hole, person) for result in (case.image, half_left, gone)]
    assert [entry["still_found"] for entry in figures] == [1, 1, 0]
    assert [entry["seen_area"] for entry in figures] == [1, 0.5, 0]
    assert [entry["new_in_hole"] for entry in figures] == [0, 0, 0]
    assert all(entry["found_before"] == 1 and entry["seen_area_before"] == 1 for entry in figures)
    elsewhere = np.zeros((8, 8), bool)
    elsewhere[6:, 4:] = True
    assert judge.figures(case, painted, elsewhere, person)["new_in_hole"] == 1


def test_what_is_new_counts_whatever_its_class_and_the_area_only_the_wanted_one():
    class Dogs(Found):
        """Sees a dog where there is grey."""

        def find(self, name, image, min_score):
            grey = (image == 99).all(axis=2)
            dogs = Detections.from_masks([grey], ["dog"], [0.9]) if grey.any() else Detections.empty(8, 8)
            return dogs if grey.any() else super().find(name, image, min_score)

    judge = Judge("white", Dogs(), ("person",))
    case, person = white_case(1)
    judge.look(case)
    figures = judge.figures(case, np.full_like(case.image, 99), person.mask(0) | True, person)
    assert (figures["new_in_hole"], figures["still_found"], figures["seen_area"]) == (1, 0, 0)


def test_a_photo_nothing_was_removed_from_is_looked_at_once():
    found = Found()
    judge = Judge("white", found, ("person",))
    case, person = white_case(1)
    judge.look(case)
    assert judge.figures(case, case.image, np.zeros((8, 8), bool), person)["still_found"] == 1
    assert found.calls == 1


def test_a_judge_must_look_first():
    case, person = white_case(1)
    with pytest.raises(ValueError, match=r"expected look\(\) for a\.png"):
        Judge("white", Found(), ("person",)).figures(case, case.image, np.ones((8, 8), bool), person)


def test_auto_names_who_judges_or_says_why_nobody_does(monkeypatch, tmp_path):
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    told = []
    judge, problem = build_judge(
        "auto", Segmenters(RunOptions(classes=("person",)), told.append), ("person",), told.append
    )
    assert judge.description.startswith("builtin: ")
    assert problem == ""
    dogs = Segmenters(RunOptions(classes=("dog",)), told.append)
    assert build_judge("auto", dogs, ("dog",), told.append)[0] is None
    assert "finds only person" in told[-1]
    with pytest.raises(RunError, match="finds only person"):
        build_judge("builtin", dogs, ("dog",), told.append)
    assert build_judge("none", dogs, ("dog",), told.append) == (None, "no judge was chosen")


def test_a_judge_that_made_the_masks_is_named(small_coco, tmp_path):
    from removal.evaluation.coco_protocol import CocoProtocol
    from removal.evaluation.mask_sources import truth_source
    from removal.evaluation.options import EvaluationOptions

    options = EvaluationOptions(
        small_coco.images, tmp_path, annotations=small_coco.folder / "instances.json", classes=("person",)
    )
    protocol = CocoProtocol(options)
    protocol.judge = Judge("white", Found(), ("person",))
    annotations = truth_source("annotations", ("person",))
    protocol.sources = {"annotations": annotations}
    assert protocol.describe()["the judge"] is None
    protocol.sources["white"] = replace(annotations, name="white", description="finds white")
    assert protocol.describe()["the judge"].startswith("also made the masks of white")
