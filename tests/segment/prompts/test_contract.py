import numpy as np
import pytest

from segment.prompts.contract import PromptError, check_image, check_prompt, obeyed


def test_a_mask_that_agrees_is_left_alone():
    mask = np.zeros((20, 30), bool)
    mask[5:10, 5:10] = True
    assert obeyed(mask, [(6, 6), (20, 15)], [1, 0]) is mask


def test_a_click_turns_a_disc_and_nothing_else():
    mask = np.zeros((500, 1000), bool)
    found = obeyed(mask, [(300, 200)], [1])
    assert not mask.any()
    rows, cols = np.nonzero(found)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (196, 204, 296, 304)
    assert found[200, 300]
    taken = obeyed(~mask, [(0, 0)], [0])
    assert not taken[0, 0]
    assert taken.sum() == mask.size - 17  # a quarter of a disc of 4 px


def test_clicks_side_by_side_are_both_obeyed():
    points, labels = [(50, 50), (51, 50), (50, 51), (52, 50)], [1, 0, 0, 1]
    for start in (np.zeros((2000, 2000), bool), np.ones((2000, 2000), bool)):
        found = obeyed(start, points, labels)
        assert [found[y, x] for x, y in points] == [True, False, False, True]


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        ([(3, 3), (3.4, 3.9)], [1, 0], r"\(3.4, 3.9\) to be on the thing or not, got it as both"),
        ([(float("nan"), 3)], [1], "finite numbers"),
        ([(10, 3)], [1], "inside 10 x 8 pixels"),
        ([(3, 8)], [1], "inside 10 x 8 pixels"),
        ([(-0.1, 3)], [1], "inside 10 x 8 pixels"),
    ],
)
def test_points_that_say_nothing_name_their_setting(points, labels, message):
    with pytest.raises(PromptError, match=message) as caught:
        check_prompt(points, labels, None, 8, 10)
    assert caught.value.option == "points"


def test_images_of_another_kind():
    check_image(np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(TypeError, match="uint8"):
        check_image(np.zeros((2, 2, 3)))
    with pytest.raises(ValueError, match="shape"):
        check_image(np.zeros((0, 2, 3), np.uint8))
