from dataclasses import replace

import numpy as np
import pytest

from removal.errors import RunError
from removal.evaluation.case import Case
from removal.evaluation.dataset import EvalPhoto
from removal.evaluation.judge import Judge, build_judge, change_outside, new_in_hole, still_found
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
    from removal.evaluation.plan import EvaluationOptions

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


SIZE = (50, 60)


def rectangle(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def detections(*objects: tuple[str, float, np.ndarray]) -> Detections:
    if not objects:
        return Detections.empty(*SIZE)
    return Detections.from_masks(
        [mask for *_, mask in objects], [o[0] for o in objects], [o[1] for o in objects]
    )


MAN = rectangle(10, 10, 30, 10)
WOMAN = rectangle(10, 40, 30, 10)
REMOVED = detections(("person", 1.0, MAN), ("person", 1.0, WOMAN))


def test_nothing_found_is_all_removed():
    assert still_found(REMOVED, detections()).tolist() == [False, False]
    assert still_found(detections(), REMOVED).tolist() == []


def test_an_untouched_photo_has_everyone_still():
    assert still_found(REMOVED, REMOVED).tolist() == [True, True]


@pytest.mark.parametrize(("height", "found"), [(30, True), (20, True), (19, False)])
def test_the_same_object_is_one_of_half_the_overlap(height, found):
    man = detections(("person", 1.0, rectangle(10, 10, height, 10)))
    taller = detections(("person", 0.9, rectangle(10, 10, 40, 10)))  # IoU and part: height / 40
    assert still_found(man, taller).tolist() == [found]


def test_a_part_that_is_left_counts_and_one_that_hardly_touches_does_not():
    head = detections(("person", 0.9, rectangle(10, 12, 5, 5)))
    assert still_found(REMOVED, head).tolist() == [True, False]
    half_out = detections(("person", 0.9, rectangle(10, 15, 4, 10)))  # 20 of its 40 pixels on the man
    assert still_found(REMOVED, half_out).tolist() == [True, False]
    more_out = detections(("person", 0.9, rectangle(10, 16, 4, 10)))
    assert still_found(REMOVED, more_out).tolist() == [False, False]
    assert still_found(REMOVED, more_out, threshold=0.4).tolist() == [True, False]


def test_another_class_and_an_unsure_find_do_not_count():
    assert (
        still_found(REMOVED, detections(("dog", 0.9, MAN), ("person", 0.49, WOMAN))).tolist() == [False] * 2
    )
    assert still_found(REMOVED, detections(("person", 0.5, WOMAN))).tolist() == [False, True]
    assert still_found(REMOVED, detections(("person", 0.2, MAN)), min_score=0.1).tolist() == [True, False]


def test_what_the_fill_made_is_new_and_what_was_there_is_not():
    hole = rectangle(8, 8, 34, 14)
    original = detections(("person", 0.9, MAN), ("chair", 0.3, rectangle(30, 5, 20, 20)))
    result = detections(
        ("dog", 0.9, rectangle(12, 10, 8, 8)),  # made
        ("person", 0.9, rectangle(12, 12, 5, 5)),  # a part of him: still found, not new
        ("chair", 0.8, rectangle(30, 5, 18, 20)),  # was there
        ("cat", 0.4, rectangle(20, 10, 8, 8)),  # unsure
        ("car", 0.9, WOMAN),  # elsewhere
        ("bird", 0.9, rectangle(15, 20, 4, 4)),  # half of it in the hole
        ("kite", 0.9, rectangle(15, 20, 4, 5)),  # less than half
    )
    assert new_in_hole(hole, original, result).tolist() == [0, 5]
    assert new_in_hole(hole, original, result, min_score=0.3).tolist() == [0, 3, 5]
    assert new_in_hole(hole, original, result, threshold=0.4).tolist() == [0, 5, 6]
    assert new_in_hole(hole, detections(), result).tolist() == [0, 1, 5]
    assert new_in_hole(np.zeros(SIZE, bool), original, result).tolist() == []
    assert new_in_hole(hole, original, detections()).tolist() == []


def test_change_outside_is_the_largest_of_any_channel():
    image = np.full((*SIZE, 3), 200, np.uint8)
    result = image.copy()
    result[MAN] = 0
    assert change_outside(image, result, MAN) == 0
    result[0, 0, 2] = 203
    result[49, 59, 0] = 190
    assert change_outside(image, result, MAN) == 10
    assert change_outside(image, result, np.zeros(SIZE, bool)) == 200
    assert change_outside(image, result, np.ones(SIZE, bool)) == 0
    white, black = np.full((*SIZE, 3), 255, np.uint8), np.zeros((*SIZE, 3), np.uint8)
    assert change_outside(black, white, MAN) == change_outside(white, black, MAN) == 255


def test_what_does_not_fit_together_is_refused():
    image = np.zeros((*SIZE, 3), np.uint8)
    small = Detections.empty(49, 60)
    with pytest.raises(ValueError, match="photos of one size, got \\(50, 60\\) and \\(49, 60\\)"):
        still_found(REMOVED, small)
    with pytest.raises(ValueError, match="hole of size \\(49, 60\\), got \\(50, 60\\)"):
        new_in_hole(MAN, REMOVED, small)
    with pytest.raises(TypeError, match="bool hole, got uint8"):
        new_in_hole(MAN.astype(np.uint8), REMOVED, REMOVED)
    with pytest.raises(ValueError, match="one size"):
        change_outside(image, image[:-1], MAN)
    with pytest.raises(ValueError, match="a mask of \\(49, 60\\)"):
        change_outside(image, image, MAN[:-1])
    with pytest.raises(TypeError, match="result of uint8, got float64"):
        change_outside(image, image / 1.0, MAN)
    with pytest.raises(TypeError, match="mask of bool, got uint8"):
        change_outside(image, image, MAN.astype(np.uint8))
