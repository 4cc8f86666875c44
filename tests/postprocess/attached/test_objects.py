from dataclasses import replace

import numpy as np
import pytest

from postprocess.attached.objects import ATTACHED_CHOICES, TABLE, AttachedRule, attached_objects

HEIGHT, WIDTH = 200, 300

PERSON = (60, 100, 160, 130)  # top, left, bottom, right: 100 tall, of size 55
SKATEBOARD = (160, 90, 166, 140)
HANDBAG = (105, 130, 125, 145)  # at the hand
UMBRELLA = (30, 75, 62, 155)  # above the head
BICYCLE = (110, 80, 170, 150)


def attached(*things: tuple[str, tuple[int, int, int, int]], wanted=(0,), **options) -> list[int]:
    """Indices that go along, the first thing being a person to remove; boxes are top, left, bottom, right."""
    things = (("person", PERSON), *things)
    masks = np.zeros((len(things), HEIGHT, WIDTH), bool)
    for mask, (_, (top, left, bottom, right)) in zip(masks, things, strict=True):
        mask[top:bottom, left:right] = True
    boxes = np.array([(left, top, right, bottom) for _, (top, left, bottom, right) in things], np.float32)
    return attached_objects([label for label, _ in things], boxes, masks.__getitem__, wanted, **options)


@pytest.mark.parametrize(
    ("label", "box"),
    [
        ("skateboard", SKATEBOARD),
        ("skis", (163, 80, 166, 150)),  # a gap of 3 pixels, which snow hides
        ("handbag", HANDBAG),
        ("backpack", (70, 122, 100, 142)),
        ("tie", (75, 112, 100, 118)),
        ("tennis racket", (95, 129, 105, 160)),
        ("umbrella", UMBRELLA),
        ("bicycle", BICYCLE),
        ("horse", (110, 60, 195, 175)),
        ("sports ball", (150, 130, 162, 142)),
        ("cup", (100, 110, 108, 116)),  # in front of the body
        ("clock", (100, 126, 103, 129)),  # on the wrist
    ],
)
def test_what_is_carried_worn_or_ridden_goes_along(label, box):
    assert attached((label, box)) == [1]


@pytest.mark.parametrize(
    ("label", "box"),
    [
        ("skateboard", (160, 190, 166, 240)),  # far off
        ("skis", (100, 136, 103, 200)),  # 6 pixels off, but not under the feet
        ("handbag", (140, 130, 160, 145)),  # on the ground beside the feet
        ("suitcase", (125, 131, 160, 150)),  # the same, not touched at its handle
        ("umbrella", (30, 125, 62, 205)),  # a parasol that begins above the head
        ("bicycle", (80, 60, 140, 130)),  # stands behind: it ends above the person's feet
        ("horse", (40, 60, 163, 175)),  # stands behind, its hooves beside the feet
        ("cup", (100, 130, 108, 136)),  # behind the body, one side of it seen
        ("wine glass", (150, 110, 185, 120)),  # on a table before the person, seen against the body
        ("clock", (60, 130, 80, 150)),  # on the wall
        ("kite", (60, 130, 160, 230)),  # larger than the person
        ("chair", (110, 100, 165, 130)),
        ("dog", (140, 130, 160, 160)),
        ("car", (100, 10, 165, 290)),
        ("no such class", HANDBAG),
    ],
)
def test_what_is_merely_near_stays(label, box):
    assert attached((label, box)) == []


def drawn_attached(label: str, person: np.ndarray, thing: np.ndarray) -> list[int]:
    masks = np.stack([person, thing])
    boxes = [
        (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        for rows, columns in map(np.nonzero, masks)
    ]
    return attached_objects(["person", label], np.array(boxes, np.float32), masks.__getitem__, [0])


def filled(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Rectangles top, left, bottom, right: bool (HEIGHT, WIDTH)."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize(
    ("handle_top", "bag_bottom", "expected"),
    [
        (108, 140, [1]),  # hangs in the hand by its handle
        (118, 166, []),  # stands on the ground, its handle at the shin
    ],
)
def test_a_bag_goes_along_where_it_hangs_clear_of_the_ground(handle_top, bag_bottom, expected):
    bag = filled((handle_top, 131, handle_top + 6, 134), (handle_top + 6, 133, bag_bottom, 165))
    assert drawn_attached("handbag", filled(PERSON), bag) == expected


@pytest.mark.parametrize(
    ("rider", "expected"),
    [
        (filled((60, 100, 105, 130), (105, 110, 118, 118)), [1]),  # a leg before the middle of the cycle
        (filled((60, 100, 100, 130)), []),  # hidden by it from the waist down: somebody behind
    ],
)
def test_who_sits_on_a_cycle_is_before_its_middle(rider, expected):
    cycle = filled((100, 85, 185, 145)) & ~rider
    assert drawn_attached("motorcycle", rider, cycle) == expected


def goes(things: list[tuple[str, np.ndarray]], wanted: list[int]) -> list[int]:
    """Indices that go along with those wanted, of classes and masks bool (HEIGHT, WIDTH)."""
    boxes = [
        (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        for rows, columns in (np.nonzero(mask) for _, mask in things)
    ]
    masks = [mask for _, mask in things]
    labels = [label for label, _ in things]
    return attached_objects(labels, np.array(boxes, np.float32), masks.__getitem__, wanted)


def test_a_glove_before_a_body_belongs_to_the_arm_that_ends_in_it():
    batter = filled(PERSON)
    catcher = filled((90, 10, 190, 40), (114, 40, 128, 104))  # an arm across the batter's body
    glove = filled((114, 104, 128, 118))
    batter, catcher = batter & ~glove & ~catcher, catcher & ~glove
    scene = [("person", batter), ("person", catcher), ("baseball glove", glove)]
    assert goes(scene, [1]) == [2]
    assert goes(scene, [0]) == []
    assert goes([scene[0], scene[2]], [0]) == [1]  # the batter's own, with nobody else there


@pytest.mark.parametrize(
    ("canopy", "expected"),
    [
        ((22, 80, 53, 150), [1]),  # 7 pixels above the head, the stick too thin to be seen
        ((22, 125, 53, 195), []),  # over somebody else's place
        ((2, 80, 33, 150), []),  # hung up, 27 pixels above the head
        ((0, 10, 53, 220), []),  # a parasol, thrice as large as the person
        ((45, 80, 80, 150), [1]),  # on the shoulder, around the head
        ((95, 80, 130, 150), []),  # behind the hips
    ],
)
def test_an_umbrella_over_or_around_the_head_goes_along(canopy, expected):
    person = filled(PERSON)
    assert drawn_attached("umbrella", person, filled(canopy) & ~person) == expected


@pytest.mark.parametrize(
    ("cycle", "expected"),
    [
        (filled((100, 85, 125, 145), (125, 80, 165, 150)), [1]),
        (filled((142, 85, 150, 145), (150, 80, 200, 150)), []),  # lies on the ground at somebody's feet
    ],
)
def test_a_seat_is_above_the_knees(cycle, expected):
    person = filled(PERSON)
    assert drawn_attached("bicycle", person, cycle & ~person) == expected


def test_each_rider_of_one_mask_takes_the_horse_below():
    riders = filled((60, 60, 110, 85), (70, 85, 75, 215), (60, 215, 110, 240))  # they join hands
    horses = [("horse", filled((105, left, 150, left + 60)) & ~riders) for left in (45, 200)]
    assert goes([("person", riders), *horses], [0]) == [1, 2]
    assert goes([("person", riders), ("horse", filled((105, 120, 150, 180)))], [0]) == []  # without a rider


def test_cutlery_is_held_by_its_end_unless_it_lies_on_the_table():
    knife = filled((110, 129, 113, 151))
    fist = filled((104, 129, 119, 139)) & ~knife  # around the handle
    scene = [("person", filled(PERSON) & ~knife | fist), ("knife", knife)]
    assert goes(scene, [0]) == [1]
    assert goes([*scene, ("dining table", filled((113, 139, 160, 200)))], [0]) == []


def test_a_bag_cut_by_the_lower_edge_is_not_known_to_stand():
    person = filled((120, 100, HEIGHT, 140))
    assert drawn_attached("handbag", person, filled((170, 140, HEIGHT - 2, 160))) == []
    assert drawn_attached("handbag", person, filled((170, 140, HEIGHT, 160))) == [1]


def test_a_bottle_on_a_sideboard_beside_an_arm_stays():
    assert attached(("bottle", (95, 130, 115, 138))) == []
    assert attached(("bottle", (95, 122, 115, 128))) == [1]  # before the body, held


def test_kinds():
    things = (("skateboard", SKATEBOARD), ("handbag", HANDBAG), ("bicycle", BICYCLE))
    assert attached(*things, kinds="all") == [1, 2, 3]
    assert attached(*things, kinds="carried") == [2]
    assert attached(*things, kinds="ridden") == [1, 3]
    assert attached(*things, kinds="none") == []
    assert ATTACHED_CHOICES == ("none", "carried", "ridden", "all")


def test_a_board_under_the_arm_is_carried():
    board = ("skateboard", (90, 128, 130, 138))
    assert attached(board, kinds="carried") == [1]
    assert attached(board, kinds="ridden") == []


def test_a_suitcase_pulled_by_its_handle_goes_along():
    masks = np.zeros((2, HEIGHT, WIDTH), bool)
    top, left, bottom, right = PERSON
    masks[0, top:bottom, left:right] = True
    masks[1, 138:162, 133:155] = True
    boxes = np.array([(left, top, right, bottom), (129, 115, 155, 162)])
    assert attached_objects(("person", "suitcase"), boxes, masks.__getitem__, [0]) == []
    masks[1, 115:138, 129:134] = True
    assert attached_objects(("person", "suitcase"), boxes, masks.__getitem__, [0]) == [1]


def test_what_rests_on_furniture_stays_unless_the_person_is_under_it():
    bag, bench = ("handbag", (90, 130, 110, 150)), ("bench", (110, 125, 130, 220))
    assert attached(bag) == [1]
    assert attached(bag, bench) == []
    on_the_lap = ("handbag", (90, 105, 110, 125))
    assert attached(on_the_lap, bench) == [1]


def test_what_belongs_to_somebody_who_stays_stays():
    nearer = ("person", (60, 144, 160, 174))
    bag = ("handbag", (100, 130, 130, 143))
    assert attached(bag) == [1]
    assert attached(bag, nearer) == [1]  # both touch 30 rows, the first is closer
    clutch = ("handbag", (100, 131, 130, 150))
    assert attached(clutch, nearer) == []
    assert attached(clutch, nearer, wanted=(0, 2)) == [1]
    assert attached(clutch, nearer, wanted=(2,)) == [1]


def test_a_tray_held_by_two_goes_with_either():
    tray, second = ("pizza", (100, 129, 112, 150)), ("person", (60, 149, 160, 179))
    assert attached(tray) == []
    assert attached(tray, second, wanted=(0, 2)) == [1]


def test_a_bag_on_a_bicycle_goes_with_its_rider():
    bag = ("handbag", (112, 146, 130, 162))
    assert attached(bag, ("bicycle", BICYCLE)) == [1, 2]
    assert attached(bag, ("bicycle", BICYCLE), kinds="carried") == []
    assert attached(bag) == []


def test_only_holders_of_the_table_carry():
    assert attached(("handbag", HANDBAG), wanted=(1,)) == []
    things = (("dog", (100, 145, 125, 200)), ("handbag", HANDBAG))
    assert attached(*things, wanted=(1,)) == []
    table = {"handbag": replace(TABLE["handbag"], holders=("dog",))}
    assert attached(*things, wanted=(1,), table=table) == [2]
    assert attached(*things, table={}) == []


def test_large_photos_are_measured_at_a_smaller_size():
    masks = np.zeros((2, 4000, 2400), bool)
    masks[0, 1000:3000, 1000:1600] = True
    masks[1, 3000:3010, 800:1800] = True  # skis a thousand pixels long and ten thick
    boxes = np.array([[1000, 1000, 1600, 3000], [800, 3000, 1800, 3010]])
    assert attached_objects(("person", "skis"), boxes, masks.__getitem__, [0]) == [1]


def test_empty_masks_and_nothing_wanted():
    masks = np.zeros((2, HEIGHT, WIDTH), bool)
    boxes = np.tile([10.0, 10, 20, 20], (2, 1))
    assert attached_objects(("person", "tie"), boxes, masks.__getitem__, [0]) == []
    masks[1, 10:20, 10:20] = True
    assert attached_objects(("person", "tie"), boxes, masks.__getitem__, [0]) == []
    assert attached_objects((), np.empty((0, 4)), masks.__getitem__, []) == []


def test_masks_are_asked_for_only_where_boxes_are_near():
    asked = []

    def mask_of(index: int) -> np.ndarray:
        asked.append(index)
        return np.zeros((HEIGHT, WIDTH), bool)

    boxes = np.array([[0, 0, 20, 60], [200, 0, 220, 20], [15, 10, 30, 30]])
    attached_objects(("person", "tie", "dog"), boxes, mask_of, [0])
    assert asked == []


def test_wrong_use_is_refused():
    boxes = np.zeros((1, 4))
    mask_of = np.zeros((1, 5, 5), bool).__getitem__
    with pytest.raises(ValueError, match="kinds must be one of none, carried, ridden, all, got 'worn'"):
        attached_objects(("person",), boxes, mask_of, [0], kinds="worn")
    with pytest.raises(ValueError, match=r"boxes must have shape \(2, 4\), got \(1, 4\)"):
        attached_objects(("person", "tie"), boxes, mask_of, [0])
    with pytest.raises(ValueError, match=r"indices below 1, got \[1\]"):
        attached_objects(("person",), boxes, mask_of, [1])
    with pytest.raises(ValueError, match="carried, ridden or either, got 'worn'"):
        AttachedRule(kind="worn")
    with pytest.raises(TypeError, match="tuple of class names, got the string 'person'"):
        AttachedRule(holders="person")
    with pytest.raises(TypeError, match="reach must be a number, got str"):
        AttachedRule(reach="far")


def test_the_judged_objects_of_real_photos(shared):
    from benchmarks.attached import judge_all

    rows = judge_all(shared / "data/coco/instances.json")
    goes = [bool(row.taken) for row in rows if row.verdict != "neither"]
    stays = [bool(row.taken) for row in rows if row.verdict == "neither" and row.touches]
    assert (len(goes), len(stays)) == (174, 235)
    assert np.mean(goes) >= 0.95
    assert np.mean(stays) <= 0.05
