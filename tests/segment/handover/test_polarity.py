import numpy as np
import pytest

from segment.handover.polarity import Look, find_polarity, look_at

PERSON, CUT_OFF, CLOSE_UP = Look(0.0, 0.1), Look(0.15, 0.4), Look(0.5, 0.6)


def inverted(look: Look) -> Look:
    return Look(1 - look.border, 1 - look.coverage)


def test_the_bottom_edge_does_not_count():
    levels = np.zeros((5, 4), np.uint8)
    levels[4] = 255
    levels[:, 0] = 255
    look = look_at(levels)
    assert look.coverage == pytest.approx(8 / 20)
    assert look.border == pytest.approx(6 / 12)  # left side and the corner of the right one; top has 4
    assert look_at(levels, threshold=255).coverage == 0


@pytest.mark.parametrize(
    ("looks", "polarity", "sure"),
    [
        ([PERSON], "remove", True),
        ([CUT_OFF], "remove", True),
        ([CLOSE_UP], "remove", False),  # one that could be either is not turned round
        ([inverted(PERSON)], "keep", True),
        ([inverted(CUT_OFF)], "remove", False),
        ([inverted(CLOSE_UP)], "remove", True),
        ([PERSON] * 9 + [CLOSE_UP], "remove", True),
        ([inverted(PERSON)] * 3 + [inverted(CUT_OFF)] * 3, "keep", True),
        ([inverted(CUT_OFF)] * 6, "remove", False),
        ([PERSON] * 5 + [inverted(PERSON)] * 5, "remove", False),  # they disagree
        ([Look(1, 1)], "remove", False),  # white all over says nothing by itself
        ([Look(1, 1)] * 5 + [inverted(CUT_OFF)], "keep", True),
        ([Look(0, 0)] * 5 + [PERSON], "remove", True),
        ([], "remove", False),
    ],
)
def test_what_white_means(looks, polarity, sure):
    found = find_polarity(looks)
    assert (found.polarity, found.sure) == (polarity, sure)
    assert found.looked_at == len(looks)


def test_people_of_coco(shared):
    """No mask of people is turned round; of the inverted ones none is said to be right for sure but one that
    covers nearly the whole photo."""
    from segment import CocoMasks

    coco = CocoMasks(shared / "data" / "coco" / "instances.json")
    looks = []
    for number in coco.image_ids:
        mask = coco.detections(number).union(classes=("person",))
        if mask.any():
            looks.append(look_at(mask.view(np.uint8) * 255))
    assert len(looks) == 141
    assert all(find_polarity([look]).polarity == "remove" for look in looks)
    single = [find_polarity([inverted(look)]) for look in looks]
    assert sum(found.polarity == "keep" for found in single) == 112
    assert sum(found.polarity == "remove" and found.sure for found in single) == 1
    assert find_polarity(looks[::6]).sure
    assert find_polarity([inverted(look) for look in looks[::6]]).polarity == "keep"
