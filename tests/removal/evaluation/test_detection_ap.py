import contextlib
import copy
import io
import json
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from removal.evaluation.detection_ap import AveragePrecision, average_precision
from removal.handover.coco_results import entries as coco_entries
from segment import Detections

SIZE = (60, 80)


def box(left: float, top: float, width: float, height: float) -> list[list[float]]:
    """A rectangle as one polygon."""
    right, bottom = left + width, top + height
    return [[left, top, right, top, right, bottom, left, bottom]]


def annotation(number: int, image: int, polygon: Any, category: int = 7, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": polygon,
        "iscrowd": 0,
        **more,
    }


def dataset(annotations: list[dict[str, Any]], images: tuple[int, ...] = (30, 4)) -> dict[str, Any]:
    return {
        "images": [{"id": n, "file_name": f"{n}.jpg", "height": SIZE[0], "width": SIZE[1]} for n in images],
        "annotations": annotations,
        "categories": [{"id": 7, "name": "person"}, {"id": 2, "name": "dog"}],
    }


def result(image: int, polygon: Any, score: float, category: int = 7) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "segmentation": polygon, "score": score}


ANN = annotation(11, 30, box(10, 10, 20, 20))
BOB = annotation(12, 4, box(40, 10, 10, 10))


def test_all_found_is_one_and_half_found_half_of_it():
    content = dataset([ANN, BOB])
    perfect = [result(30, ANN["segmentation"], 0.9), result(4, BOB["segmentation"], 0.8)]
    assert average_precision(content, perfect, category="person") == AveragePrecision(
        *[pytest.approx(1.0)] * 3
    )
    half = average_precision(content, perfect[:1], category="person")
    # precision 1 at the recalls 0, 0.01, ... 0.5: 51 of 101 points
    assert half.ap == half.ap50 == half.ap75 == pytest.approx(51 / 101)


def test_a_sure_mistake_halves_the_precision():
    wrong_first = [result(30, box(50, 40, 10, 10), 0.9), result(30, ANN["segmentation"], 0.5)]
    figures = average_precision(dataset([ANN]), wrong_first, category="person")
    assert figures.ap50 == pytest.approx(0.5)


def test_thresholds_of_overlap():
    shifted = [result(30, box(10, 14, 20, 20), 0.9)]  # 320 of 480 pixels: IoU 2/3
    figures = average_precision(dataset([ANN]), shifted, category="person")
    assert (figures.ap50, figures.ap75) == pytest.approx((1.0, 0.0))
    assert figures.ap == pytest.approx(0.4)  # 0.50, 0.55, 0.60 and 0.65 of ten


def test_a_crowd_is_neither_missed_nor_a_mistake_to_find_people_in():
    crowd = annotation(13, 30, box(40, 5, 30, 30), iscrowd=1)
    content = dataset([ANN, crowd])
    found = [result(30, box(42, 8, 5, 12), 0.95), result(30, ANN["segmentation"], 0.9)]
    assert average_precision(content, found, category="person").ap == pytest.approx(1.0)
    crowd["iscrowd"] = 0
    assert average_precision(content, found, category="person").ap < 0.6


def test_an_object_of_id_zero_counts_as_any_other():
    content = dataset([ANN | {"id": 0}, BOB | {"id": 0}])
    found = [result(30, ANN["segmentation"], 0.9), result(4, BOB["segmentation"], 0.8)]
    assert average_precision(content, found, category="person").ap == pytest.approx(1.0)


def test_other_categories_and_photos_do_not_count():
    dog = annotation(14, 30, box(0, 0, 9, 9), category=2)
    content = dataset([ANN, BOB, dog])
    found = [
        result(30, ANN["segmentation"], 0.5),
        result(30, dog["segmentation"], 0.99, category=2),
        result(4, box(0, 40, 9, 9), 0.99),
        result(999, box(0, 0, 9, 9), 0.99),
    ]
    assert average_precision(content, found, category="person", image_ids=[30]).ap == pytest.approx(1.0)
    assert average_precision(content, found, category="person").ap50 == pytest.approx(0.5 * 51 / 101)
    assert average_precision(content, found, category="dog").ap == pytest.approx(1.0)


def test_nothing_found_is_zero_and_nothing_to_find_is_refused():
    assert average_precision(dataset([ANN]), [], category="person") == AveragePrecision(0, 0, 0)
    with pytest.raises(ValueError, match="at least one person in the annotations, got none"):
        average_precision(dataset([ANN]), [], category="person", image_ids=[4])
    only_crowd = dataset([ANN | {"iscrowd": 1}])
    with pytest.raises(ValueError, match="at least one person"):
        average_precision(only_crowd, [], category="person")


def test_what_the_annotations_do_not_have_is_refused():
    with pytest.raises(ValueError, match="no category cat; they have person, dog"):
        average_precision(dataset([ANN]), [], category="cat")
    with pytest.raises(ValueError, match="no image 5"):
        average_precision(dataset([ANN]), [], category="person", image_ids=[30, 5])
    broken = dataset([ANN | {"segmentation": []}])
    with pytest.raises(ValueError, match="object 11 of image 30: expected polygons or run lengths"):
        average_precision(broken, [result(30, box(1, 1, 5, 5), 0.5)], category="person")


def test_it_prints_nothing_and_leaves_its_arguments_alone(capsys):
    content, found = dataset([ANN, BOB]), [result(30, ANN["segmentation"], 0.9)]
    before = copy.deepcopy((content, found))
    average_precision(content, found, category="person")
    assert (content, found) == before
    assert capsys.readouterr().out == ""


def test_detections_as_results():
    masks = np.zeros((3, *SIZE), bool)
    masks[0, 10:30, 10:30] = masks[1, 40:50, 5:9] = masks[2, 1:3, 1:3] = True
    detections = Detections.from_masks(masks, ["person", "dog", "kite"], [0.75, 0.5, 0.25])
    entries = coco_entries(detections, 30, {"person": 7, "dog": 2}, leave_out_others=True)
    assert [(entry["image_id"], entry["category_id"], entry["score"]) for entry in entries] == [
        (30, 7, 0.75),
        (30, 2, 0.5),
    ]
    assert average_precision(dataset([ANN]), entries, category="person").ap == pytest.approx(1.0)


def test_the_same_as_pycocotools_by_hand_on_real_annotations(shared):
    path = shared / "data" / "coco" / "instances.json"
    results = shared / "data" / "team_masks" / "results.json"
    content, found = json.loads(path.read_text()), json.loads(results.read_text())
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        evaluation = COCOeval(truth, truth.loadRes(str(results)), iouType="segm")
        evaluation.params.catIds = truth.getCatIds(catNms=["person"])
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    figures = average_precision(content, found, category="person")
    expected = evaluation.stats[:3].tolist()
    assert 0.05 < expected[0] < expected[1] < 1
    assert [figures.ap, figures.ap50, figures.ap75] == pytest.approx(expected, abs=1e-9)
