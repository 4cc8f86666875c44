import numpy as np
import pytest

from benchmarks import clicks


def test_the_middle_is_that_of_the_largest_circle_inside():
    area = np.zeros((60, 80), bool)
    area[10:31, 20:41] = True  # 21 x 21
    area[40:45, 5:70] = True
    (x, y), radius = clicks.middle(area)
    assert (x, y) == (30, 20)
    assert radius == pytest.approx(11, abs=0.5)
    assert clicks.middle(np.zeros((4, 4), bool))[1] == 0
    assert clicks.middle(np.ones((5, 5), bool))[0] == (2, 2)  # the photo's rim bounds a circle too


def test_iou():
    first, second = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert clicks.iou(first, second) == 1
    first[:2], second[1:3] = True, True
    assert clicks.iou(first, second) == pytest.approx(4 / 12)


def test_halves_share_the_photos_that_the_finder_has_not_seen():
    assert [clicks.half_of(number) for number in (0, 3, 4, 7, 8)] == ["tune", "tune", "kept", "kept", "tune"]


def test_clicks_go_to_the_largest_error(monkeypatch):
    """A prompter that marks too little, then too much, then what is right."""
    truth = np.zeros((40, 60), bool)
    truth[10:30, 10:50] = True
    answers = [truth & (np.arange(60) < 20), np.ones_like(truth), truth]
    asked = []

    def embedded(name, image):
        def ask(points, labels):
            asked.append((list(points), list(labels)))
            return answers[len(asked) - 1][None], np.ones(1, np.float32)

        return ask

    monkeypatch.setattr(clicks, "embedded", embedded)
    case = clicks.Case("a", np.zeros((40, 60, 3), np.uint8), truth, "dog")
    found = clicks.click_through("any", case)
    assert [labels for _, labels in asked] == [[1], [1, 1], [1, 1, 0]]
    points = asked[-1][0]
    assert truth[points[1][1], points[1][0]]
    assert points[1][0] >= 20
    assert not truth[points[2][1], points[2][0]]
    np.testing.assert_allclose(found.ious, [0.25, 800 / 2400, 1, 1, 1])
    assert found.obeyed == [True, True, True, True, True]
    assert len(found.seconds) == 3
