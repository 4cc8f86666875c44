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
    told = [(one["part"], one["label"], one["point"]) for one in record["result"]["pieces"]]
    assert [one[:2] for one in told] == [
        ("object", ""),
        ("shadow", ""),
        ("shadow", ""),
        ("attached", "handbag"),
    ]
    places = {(part, 20 <= x < 44 and 10 <= y < 33) for part, _, (x, y) in told}
    assert places == {("object", True), ("shadow", True), ("shadow", False), ("attached", True)}
    assert [len(one["outlines"]) for one in record["result"]["pieces"]] == [1, 1, 1, 1]
    wrong = session.done(session.post(f"{photo}/parts", {"objects": [5]}))
    assert (wrong["state"], wrong["error"]) == ("failed", "expected the ids of objects of this photo")


FAR_SHADOW = {"part": "shadow", "point": [55, 45]}
BAG = {"part": "attached", "point": [41.5, 25]}


@pytest.mark.parametrize(
    ("wanted", "area"),
    [
        ({"parts": ["object"]}, 400),
        ({"parts": ["object", "shadow"]}, 490),
        ({"parts": []}, 0),
        ({}, 530),
        ({"without": [FAR_SHADOW]}, 500),
        ({"without": [BAG]}, 490),
        ({"without": [BAG, FAR_SHADOW, {"part": "shadow", "point": [30, 31]}]}, 400),
        ({"without": [{"part": "shadow", "point": [1, 1]}]}, 530),  # nothing is there
        ({"without": [{"part": "shadow", "point": [9999, 1]}]}, 530),
    ],
)
def test_the_mask_holds_the_pieces_that_are_wanted(session, photo, wanted, area):
    steps = [{"kind": "objects", "objects": [0], **wanted}]
    mask = read(session.post(f"{photo}/mask", {"steps": steps}).content)
    assert mask.shape == (48, 64, 3)
    assert set(np.unique(mask)) <= {0, 255}
    assert (mask[..., 0] > 0).sum() == area


@pytest.mark.parametrize(
    "wrong",
    [
        {"without": "shadow"},
        {"without": [{"part": "hat", "point": [1, 1]}]},
        {"without": [{"part": "shadow"}]},
        {"without": [{"part": "shadow", "point": ["1", 1]}]},
        {"parts": "shadow"},
        {"objects": [True]},
    ],
)
def test_pieces_that_are_not_described_as_they_should_be_are_refused(session, photo, wrong):
    answer = session.post(f"{photo}/mask", {"steps": [{"kind": "objects", "objects": [0], **wrong}]})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("expected ")


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
    other = session.post(f"{photo}/results/{first['id']}/save").json()["path"]
    assert other == str(tmp_path / "out" / "a-2.png")  # another try stands beside it: nothing is overwritten
    np.testing.assert_array_equal(read((tmp_path / "out" / "a.png").read_bytes()), expected)
    expected[OBJECT] = drawn()[OBJECT]
    np.testing.assert_array_equal(read((tmp_path / "out" / "a-2.png").read_bytes()), expected)


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


def held_fills(session, monkeypatch):
    """Fills of this session set the first event and wait for the second."""
    going, go = threading.Event(), threading.Event()

    def slow(image, mask, protect=None):
        going.set()
        go.wait(20)
        return image

    monkeypatch.setattr(session.studio.models.pipeline, "inpainter", slow)
    return going, go


def test_a_job_is_cancelled_at_once_though_it_runs(session, photo, monkeypatch):
    going, go = held_fills(session, monkeypatch)
    steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
    started = session.post(f"{photo}/fill", {"steps": steps})
    assert going.wait(10)
    cancelled = session.post(f"/api/v1/jobs/{started.json()['job']}/cancel").json()
    assert cancelled["state"] == "cancelled"
    go.set()
    assert session.done(started)["state"] == "cancelled"
    assert session.done(session.post(f"{photo}/find"))["state"] == "done"  # the worker goes on


def test_a_cancelled_fill_stops_at_its_next_portion(session, photo, monkeypatch):
    from _removal_support.progress import in_turn

    going, done = threading.Event(), []

    def slow(image, mask, protect=None):
        for number in in_turn(range(1000)):
            done.append(number)
            going.set()
            threading.Event().wait(0.01)
        return image

    monkeypatch.setattr(session.studio.models.pipeline, "inpainter", slow)
    steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
    started = session.post(f"{photo}/fill", {"steps": steps})
    assert going.wait(10)
    session.post(f"/api/v1/jobs/{started.json()['job']}/cancel")
    monkeypatch.setattr(session.studio.models.pipeline, "inpainter", lambda image, mask, protect: image)
    assert session.done(session.post(f"{photo}/fill", {"steps": steps}))["state"] == "done"
    assert len(done) < 500
    assert session.done(started)["result"] is None


def test_a_fill_says_how_far_it_is(session, photo, monkeypatch):
    from _removal_support.progress import in_turn

    go, half = threading.Event(), threading.Event()

    def slow(image, mask, protect=None):
        for number in in_turn(range(4)):
            if number == 2:
                half.set()
                go.wait(10)
        return image

    monkeypatch.setattr(session.studio.models.pipeline, "inpainter", slow)
    steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
    started = session.post(f"{photo}/fill", {"steps": steps})
    assert half.wait(10)
    record = session.get(f"/api/v1/jobs/{started.json()['job']}").json()
    go.set()
    assert (record["stage"], record["progress"]) == ("filling", 0.5)
    assert session.done(started)["progress"] is None  # of its last stage


def test_clicks_are_answered_while_a_fill_runs(session, photo, monkeypatch):
    going, go = held_fills(session, monkeypatch)
    steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
    filling = session.post(f"{photo}/fill", {"steps": steps})
    assert going.wait(10)
    clicked = session.done(session.post(f"{photo}/point", {"points": [[25, 15]], "labels": [1]}))
    assert clicked["state"] == "done"
    assert session.done(session.post(f"{photo}/parts", {"objects": [0]}))["state"] == "done"
    assert session.get(f"/api/v1/jobs/{filling.json()['job']}").json()["state"] == "running"
    go.set()
    assert session.done(filling)["state"] == "done"


def test_a_result_has_a_picture_of_the_place_that_was_filled(session, photo):
    steps = [{"kind": "box", "points": [[0, 0], [4, 5]]}]
    done = session.done(session.post(f"{photo}/fill", {"steps": steps, "seed": 100}))["result"]["result"]
    answer = session.get(f"{photo}/results/{done['id']}/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg"
    seen = read(answer.content)
    assert seen.shape == (29, 28, 3)  # 24 pixels around the hole, as far as the photo goes
    assert abs(int(seen[2, 2, 0]) - 200) < 12
    assert session.get(f"{photo}/results/none/thumbnail").status_code == 404


def test_a_photo_is_known_again_by_its_digest(session, photo):
    import hashlib

    digest = hashlib.sha256(encoded(drawn())).hexdigest()
    assert session.get(photo).json()["digest"] == digest
    assert session.open(name="other.png").json()["digest"] == digest


def test_the_page_is_told_what_the_models_may_be_used_for(session, photo):
    from inpaint.registry import record
    from segment.registry import record as segmenter_record

    told = session.get("/api/v1/state").json()["models"]
    assert told["licences"] == {
        "finds": segmenter_record("builtin").licence,
        "fills": record("exemplar").licence,
    }
    assert all(told["licences"].values())


def test_a_fault_of_ours_fails_the_job_and_not_the_worker(session, photo, monkeypatch):
    def broken(image, mask, protect=None):
        raise KeyError("a\nb")

    monkeypatch.setattr(session.studio.models.pipeline, "inpainter", broken)
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
