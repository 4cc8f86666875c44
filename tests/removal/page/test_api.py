"""What a script gets from the API, step by step."""

import io
import threading
import zipfile

import cv2
import numpy as np
import pytest

from tests.removal.page.conftest import OBJECT, drawn, encoded


@pytest.fixture
def photo(session):
    opened = session.open(name="a.png").json()
    session.done(session.post(f"/api/v1/photos/{opened['id']}/find"))
    return f"/api/v1/photos/{opened['id']}"


def read(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_what_was_found_comes_with_its_outline(session, photo):
    (found,) = session.get(photo).json()["objects"]
    assert (found["id"], found["label"], found["score"]) == (0, "person", 0.9)
    assert found["box"] == [20, 10, 40, 30]
    assert found["outlines"] == [[[20, 10], [20, 29], [39, 29], [39, 10]]]


def test_parts_are_told_one_by_one(session, photo):
    record = session.done(session.post(f"{photo}/parts", {"objects": [0]}))
    assert set(record["result"]["parts"]) == {"object", "shadow"}
    wrong = session.done(session.post(f"{photo}/parts", {"objects": [5]}))
    assert (wrong["state"], wrong["error"]) == ("failed", "expected the ids of objects of this photo")


@pytest.mark.parametrize(("parts", "area"), [(["object"], 400), (["object", "shadow"], 440), ([], 0)])
def test_the_mask_holds_the_parts_that_are_wanted(session, photo, parts, area):
    steps = [{"kind": "objects", "objects": [0], "parts": parts}]
    mask = read(session.post(f"{photo}/mask", {"steps": steps}).content)
    assert mask.shape == (48, 64, 3)
    assert set(np.unique(mask)) <= {0, 255}
    assert (mask[..., 0] > 0).sum() == area


def test_a_fill_is_downloaded_saved_and_gone_on_from(session, photo, tmp_path):
    steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
    first = session.done(session.post(f"{photo}/fill", {"steps": steps, "seed": 7}))["result"]["result"]
    expected = drawn()
    expected[:5, :4] = 107
    answer = session.get(f"{photo}/results/{first['id']}/file")
    np.testing.assert_array_equal(read(answer.content), expected)
    assert 'filename="a.removed.png"' in answer.headers["content-disposition"]
    again = {"steps": [{"kind": "objects", "objects": [0], "parts": ["object"]}], "base": first["id"]}
    second = session.done(session.post(f"{photo}/fill", again))["result"]["result"]
    assert second["base"] == first["id"]
    expected[OBJECT] = 100
    saved = session.post(f"{photo}/results/{second['id']}/save").json()["path"]
    assert saved == str(tmp_path / "out" / "a.png")
    np.testing.assert_array_equal(read((tmp_path / "out" / "a.png").read_bytes()), expected)
    assert session.post(f"{photo}/results/{second['id']}/save").status_code == 409  # nothing is overwritten


def test_an_effort_that_nobody_knows_is_refused(session, photo):
    steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
    answer = session.post(f"{photo}/fill", {"steps": steps, "effort": "most"})
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "expected an effort of fast, normal, best, got 'most'",
    )
    done = session.done(session.post(f"{photo}/fill", {"steps": steps, "effort": "fast"}))
    assert done["state"] == "done"


def test_several_results_come_as_one_zip(session, photo):
    pairs = []
    for path in (photo, f"/api/v1/photos/{session.open(name='a.png').json()['id']}"):
        steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
        done = session.done(session.post(f"{path}/fill", {"steps": steps}))["result"]["result"]
        pairs.append([done["photo"], done["id"]])
    archive = zipfile.ZipFile(io.BytesIO(session.post("/api/v1/zip", {"results": pairs}).content))
    assert archive.namelist() == ["a.png", "a-2.png"]
    assert session.post("/api/v1/zip", {"results": [["a"]]}).status_code == 400


def test_a_mask_of_another_tool_is_taken(session, photo):
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[3:6, 2:9] = 255
    sent = session.client.post(f"{photo}/masks", content=encoded(mask), headers=session.headers)
    assert sent.status_code == 201
    steps = [{"kind": "mask", "mask": sent.json()["mask"]}]
    np.testing.assert_array_equal(read(session.post(f"{photo}/mask", {"steps": steps}).content), mask)
    wrong = session.client.post(f"{photo}/masks", content=encoded(mask[:9]), headers=session.headers)
    assert wrong.status_code == 400


@pytest.mark.parametrize("steps", [[], [{"kind": "box", "points": [[0, 0], [64, 48]]}], None, [{}]])
def test_nothing_or_everything_marked_is_told(session, photo, steps):
    record = session.done(session.post(f"{photo}/fill", {"steps": steps}))
    assert record["state"] == "failed"
    assert "\n" not in record["error"]


def test_a_click_on_an_object_takes_it(session, photo):
    record = session.done(session.post(f"{photo}/point", {"points": [[25, 15]], "labels": [1]}))
    assert record["result"]["outlines"] == [[[20, 10], [20, 29], [39, 29], [39, 10]]]
    wrong = session.done(session.post(f"{photo}/point", {"points": [[25, 15]], "labels": [2]}))
    assert wrong["error"] == "expected a label of 0 or 1 for each point"


def test_a_job_is_cancelled_at_once_though_it_runs(session, photo, monkeypatch):
    going, go = threading.Event(), threading.Event()

    def slow(image, mask, protect=None):
        going.set()
        go.wait(10)
        return image

    monkeypatch.setattr(session.studio.pipeline, "inpainter", slow)
    steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
    started = session.post(f"{photo}/fill", {"steps": steps})
    assert going.wait(10)
    cancelled = session.post(f"/api/v1/jobs/{started.json()['job']}/cancel").json()
    assert cancelled["state"] == "cancelled"
    go.set()
    assert session.done(started)["state"] == "cancelled"
    assert session.done(session.post(f"{photo}/find"))["state"] == "done"  # the worker goes on


def test_a_fault_of_ours_fails_the_job_and_not_the_worker(session, photo, monkeypatch):
    def broken(image, mask, protect=None):
        raise KeyError("a\nb")

    monkeypatch.setattr(session.studio.pipeline, "inpainter", broken)
    steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
    record = session.done(session.post(f"{photo}/fill", {"steps": steps}))
    assert record["state"] == "failed"
    assert record["error"].startswith("KeyError")
    assert session.done(session.post(f"{photo}/find"))["state"] == "done"


def test_other_models_are_loaded_and_look_anew(session, photo):
    record = session.done(session.post("/api/v1/models", {"segmenter": "builtin"}))
    assert record["result"]["chosen"]["segmenter"] == "builtin"
    assert session.get(photo).json()["objects"] == []
    assert session.get(photo).json()["found"] is False


def test_models_that_cannot_be_loaded_leave_those_that_are_there(session, photo, monkeypatch):
    from removal.errors import RunError

    assert session.post("/api/v1/models", {"inpainter": "none such"}).status_code == 400

    def fails(options, say):
        raise RunError("the weights are not there")

    monkeypatch.setattr("removal.models.build_removal", fails)
    record = session.done(session.post("/api/v1/models", {"segmenter": "builtin"}))
    assert (record["state"], record["error"]) == ("failed", "the weights are not there")
    state = session.get("/api/v1/state").json()["models"]
    assert state["ready"]
    assert state["chosen"]["segmenter"] == "auto"
    assert session.get(photo).json()["found"] is True
