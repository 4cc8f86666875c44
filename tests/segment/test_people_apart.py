import numpy as np

from segment.people_apart import CELL_PX, peaks, people_of_cells, split_region
from segment.person_network import OFFSET_UNIT_PX


def two_who_touch():
    """Cells of two people side by side: columns 4 to 9 and 10 to 15."""
    person = np.zeros((12, 20), bool)
    person[2:10, 4:16] = True
    middles = np.zeros((12, 20), np.float32)
    middles[6, 6], middles[6, 12] = 0.9, 0.6
    ways = np.zeros((2, 12, 20), np.float32)
    rows, cols = np.mgrid[:12, :20]
    ways[0] = (6 - rows) * CELL_PX / OFFSET_UNIT_PX
    ways[1] = (np.where(cols < 10, 6, 12) - cols) * CELL_PX / OFFSET_UNIT_PX
    return person, middles, ways


def test_peaks_are_the_cells_that_are_more_a_middle_than_those_around():
    _, middles, _ = two_who_touch()
    middles[6, 7] = 0.5  # beside a higher one
    middles[0, 0] = 0.05  # too low
    assert peaks(middles).tolist() == [[6, 6], [6, 12]]


def test_each_cell_goes_to_the_middle_that_it_points_to():
    person, middles, ways = two_who_touch()
    numbers = people_of_cells(person, middles, ways)
    assert (numbers[2:10, 4:10] == 1).all()
    assert (numbers[2:10, 10:16] == 2).all()
    assert not numbers[~person].any()


def test_a_middle_that_hardly_any_cell_points_to_is_nobody():
    person, middles, ways = two_who_touch()
    ways[1] = (6 - np.arange(20)) * CELL_PX / OFFSET_UNIT_PX  # all to the first
    assert np.unique(people_of_cells(person, middles, ways)).tolist() == [0, 1]


def test_without_middles_each_region_is_one_person():
    person = np.zeros((6, 10), bool)
    person[1:5, 1:3], person[1:5, 6:9] = True, True
    nothing = np.zeros((6, 10), np.float32)
    numbers = people_of_cells(person, nothing, np.stack([nothing, nothing]))
    assert np.unique(numbers).tolist() == [0, 1, 2]


def test_a_region_is_shared_out_among_its_people():
    person, middles, ways = two_who_touch()
    numbers = people_of_cells(person, middles, ways)
    inside = np.ones((80, 120), bool)  # ten pixels to a cell; the window of cells 2 to 10 and 4 to 16
    inside[0, 0] = False
    first, second = split_region(inside, numbers, (2, 4, 10, 16))
    assert ((first | second) == inside).all()
    assert not (first & second).any()
    assert first[:, :55].sum() == 80 * 55 - 1
    assert second[:, 65:].all()


def test_a_region_of_one_person_stays_whole():
    inside = np.ones((40, 40), bool)
    inside[:3, :3] = False
    numbers = np.zeros((12, 20), np.int32)
    numbers[3:9, 4:10] = 5
    assert [part.sum() for part in split_region(inside, numbers, (3, 4, 9, 10))] == [inside.sum()]
    assert len(split_region(inside, np.zeros((12, 20), np.int32), (3, 4, 9, 10))) == 1
