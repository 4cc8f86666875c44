import numpy as np
import pytest

from segment import Detections, load_segmenter, segmenter_names
from segment.registry import record
from segment.second_look import MOST_WINDOWS, SecondLook, merged, windows_around


def mask_of(height, width, *boxes) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def found(height, width, *objects) -> Detections:
    """objects: (class, score, box xyxy) each."""
    masks = np.array([mask_of(height, width, box) for _, _, box in objects], bool).reshape(-1, height, width)
    return Detections.from_masks(
        masks, [label for label, _, _ in objects], [score for _, score, _ in objects]
    )


class Finder:
    """Finds each white rectangle that is at least `least` of what it is shown high, as a person."""

    name, classes, description, fallback = "finder", ("person",), "a stand-in", None

    def __init__(self, least=0.1):
        self.least, self.shown = least, []

    def __call__(self, images, *, classes=None, min_score=0.05):
        self.shown += [image.shape for image in images]
        return [self.find(image, min_score) for image in images]

    def find(self, image, min_score):
        import cv2

        _, _, stats, _ = cv2.connectedComponentsWithStats(image[..., 0])
        objects = []
        for left, top, width, height, _ in stats[1:].tolist():
            score = 0.9 if height >= self.least * len(image) else 0.1
            if score >= min_score:
                objects.append(("person", score, (left, top, left + width, top + height)))
        return found(*image.shape[:2], *objects)


def photo(height, width, *boxes) -> np.ndarray:
    return np.repeat(mask_of(height, width, *boxes)[..., None], 3, 2).astype(np.uint8) * 255


SMALL_PERSON = (200, 100, 206, 124)


def test_what_was_half_believed_is_found_by_the_second_look():
    image = photo(300, 400, SMALL_PERSON, (20, 30, 90, 250))
    plain = Finder()
    assert len(plain([image], min_score=0.5)[0]) == 1
    twice = SecondLook(Finder(), 200)
    [result] = twice([image], min_score=0.5)
    assert result.labels == ("person", "person")
    np.testing.assert_allclose(result.scores, 0.9, atol=1e-6)
    assert np.array_equal(result.union(), image[..., 0] > 0)
    assert [tuple(box) for box in result.boxes] == [(20, 30, 90, 250), SMALL_PERSON]
    assert twice.segmenter.shown == [(300, 400, 3), (230, 230, 3)]
    assert twice.description == "a stand-in, second look at what is small"


def test_a_photo_that_was_seen_as_it_is_gets_no_second_look_unless_it_is_asked_for():
    image = photo(300, 400, SMALL_PERSON)
    assert len(SecondLook(Finder(), 400)([image], min_score=0.5)[0]) == 0
    assert len(SecondLook(Finder())([image], min_score=0.5)[0]) == 0
    assert len(SecondLook(Finder(), always=True)([image], min_score=0.5)[0]) == 1


def test_photos_without_small_objects_are_looked_at_once():
    twice = SecondLook(Finder(), 200)
    image = photo(300, 400, (20, 30, 90, 250))
    assert len(twice([image, image[:, :10]])[0]) == 1
    assert twice.segmenter.shown == [(300, 400, 3), (300, 10, 3)]


def test_a_window_around_all_of_a_photo_is_no_second_look():
    twice = SecondLook(Finder(), 100)
    twice([photo(80, 110, (40, 30, 46, 35))], min_score=0.05)
    assert twice.segmenter.shown == [(80, 110, 3)]


def test_a_segmenter_may_say_itself_what_it_suspects():
    class Silent(Finder):
        """Answers nothing below 0.9, but knows where to look."""

        def __call__(self, images, *, classes=None, min_score=0.05):
            return super().__call__(images, min_score=0.9)

        def suspects(self, image):
            return np.array([SMALL_PERSON], np.float32), np.array([0.3], np.float32)

    image = photo(300, 400, SMALL_PERSON)
    assert len(Silent()([image])[0]) == 0
    assert len(SecondLook(Silent(), 200)([image])[0]) == 1


def test_windows_hold_what_is_near_and_are_fitted_into_the_photo():
    boxes = np.array([[2, 3, 10, 23], [30, 10, 40, 40], [395, 290, 400, 300], [0, 0, 300, 300]], np.float32)
    windows = windows_around(boxes, np.array([0.9, 0.5, 0.2, 0.99]), (300, 400))
    assert len(windows) == 2, "the two at the upper left share one, the large one gets none"
    assert windows[0] == (0, 0, 115, 115)
    assert windows[1] == (185, 285, 300, 400)
    many = np.array([[x, y, x + 4, y + 4] for x in range(0, 3990, 400) for y in range(0, 2990, 400)], float)
    assert len(windows_around(many, np.full(len(many), 0.5), (3000, 4000))) == MOST_WINDOWS
    assert windows_around(np.empty((0, 4)), np.empty(0), (30, 40)) == []
    assert windows_around(np.array([[0.0, 0, 8, 8]]), np.array([1.0]), (20, 40)) == [(0, 0, 20, 40)]


WINDOW = (50, 100, 150, 200)  # top, left, bottom, right


def test_the_second_look_replaces_the_first():
    first = found(300, 400, ("person", 0.6, (120, 70, 140, 100)))
    second = found(100, 100, ("person", 0.8, (22, 18, 42, 52)))  # 90 % of the first, and a new rim
    result = merged(first, [WINDOW], [second])
    assert len(result) == 1
    assert result.scores[0] == np.float32(0.8)
    assert np.array_equal(result.union(), mask_of(300, 400, (122, 68, 142, 102)))


def test_small_things_that_are_not_seen_again_are_dropped():
    small, large, outside = (120, 70, 140, 100), (100, 60, 190, 145), (300, 70, 320, 100)
    first = found(300, 400, *(("person", 0.6, box) for box in (small, large, outside)))
    result = merged(first, [WINDOW], [Detections.empty(100, 100)])
    assert {tuple(box) for box in result.boxes} == {large, outside}


def test_nothing_is_dropped_where_that_was_not_measured():
    first = found(300, 400, ("person", 0.6, (120, 70, 140, 100)))
    assert len(merged(first, [WINDOW], [Detections.empty(100, 100)], drops=False)) == 1

    class Forgetful(Finder):
        """Finds everything in a photo, and nothing in a window of one."""

        def find(self, image, min_score):
            whole = image.shape[:2] == (300, 400)
            return super().find(image, min_score) if whole else Detections.empty(*image.shape[:2])

    image = photo(300, 400, SMALL_PERSON)
    assert len(SecondLook(Forgetful(0.0), 200)([image])[0]) == 0
    twice = SecondLook(Forgetful(0.0), 200, drops=False)
    assert len(twice([image])[0]) == 1
    assert len(twice.segmenter.shown) == 2, "it did look again"


def test_only_the_built_in_finder_drops():
    assert [name for name in segmenter_names() if name != "auto" and record(name).second_look_measured] == [
        "builtin"
    ]
    assert load_segmenter("builtin", refine_boxes=None).drops is True


def test_what_is_seen_again_but_in_part_stays_as_it_was():
    first = found(300, 400, ("person", 0.6, (120, 70, 140, 100)))
    second = found(100, 100, ("person", 0.9, (20, 20, 40, 43)))  # 77 % of it
    result = merged(first, [WINDOW], [second])
    assert np.array_equal(result.union(), first.union())
    assert len(result) == 1


def test_what_is_large_is_not_replaced():
    first = found(300, 400, ("person", 0.6, (105, 55, 195, 145)))
    second = found(100, 100, ("person", 0.9, (5, 5, 95, 90)))
    assert np.array_equal(merged(first, [WINDOW], [second]).union(), first.union())


def test_what_grows_by_more_than_it_was_stays_as_it_was():
    first = found(300, 400, ("person", 0.6, (120, 70, 140, 100)))
    second = found(100, 100, ("person", 0.9, (20, 20, 62, 80)))
    assert np.array_equal(merged(first, [WINDOW], [second]).union(), first.union())


def test_two_people_who_were_one_become_two():
    first = found(300, 400, ("person", 0.6, (120, 70, 160, 100)))
    second = found(100, 100, ("person", 0.8, (20, 20, 39, 50)), ("person", 0.7, (40, 20, 60, 50)))
    assert len(merged(first, [WINDOW], [second])) == 2


def test_part_of_a_large_object_adds_nothing():
    first = found(300, 400, ("person", 0.9, (110, 0, 190, 290)))
    second = found(100, 100, ("person", 0.8, (30, 30, 60, 60)))
    result = merged(first, [WINDOW], [second])
    assert np.array_equal(result.union(), first.union())
    assert len(result) == 1


def test_another_class_in_the_same_place_stays():
    first = found(300, 400, ("dog", 0.6, (120, 70, 140, 100)))
    second = found(100, 100, ("person", 0.8, (20, 20, 40, 50)), ("dog", 0.7, (20, 20, 40, 50)))
    assert sorted(merged(first, [WINDOW], [second]).labels) == ["dog", "person"]


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ((0, 20, 20, 50), 0),
        ((80, 20, 100, 50), 0),
        ((20, 1, 40, 30), 0),
        ((20, 70, 40, 99), 0),
        ((30, 30, 61, 61), 1),
        ((30, 30, 62, 61), 0),
    ],
)
def test_what_the_window_cuts_off_is_left_to_the_first_look(box, kept):
    second = found(100, 100, ("person", 0.8, box))
    assert len(merged(Detections.empty(300, 400), [WINDOW], [second])) == kept


def test_at_the_side_of_the_photo_nothing_is_cut_off():
    second = found(100, 100, ("person", 0.8, (0, 0, 20, 31)))
    assert len(merged(Detections.empty(300, 400), [(0, 0, 100, 100)], [second])) == 1
    second = found(100, 100, ("person", 0.8, (80, 70, 100, 100)))
    assert len(merged(Detections.empty(300, 400), [(200, 300, 300, 400)], [second])) == 1


def test_what_two_windows_show_is_one_object():
    one = found(100, 100, ("person", 0.7, (20, 20, 40, 50)))
    other = found(100, 100, ("person", 0.8, (10, 10, 30, 40)))
    result = merged(Detections.empty(300, 400), [WINDOW, (60, 110, 160, 210)], [one, other])
    assert [float(score) for score in result.scores] == [np.float32(0.8)]
