import numpy as np
import pytest

from segment.finder_views import (
    MOST_LOOKS,
    SECOND_SIDE_PX,
    fitted,
    look,
    look_again,
    rim_weight,
    sampled,
    sigmoid,
    views,
    windows_to_look_at,
    working_image,
)


def bright_people(images):
    """Stands for the network: what is bright is a person, whose middle lies 64 px to the right."""
    bright = images.mean(1, keepdims=True)
    instances = np.zeros((len(images), 3, images.shape[2] // 4, images.shape[3] // 4), np.float32)
    instances[:, 0] = bright[:, 0, ::4, ::4] * 8
    instances[:, 2] = 1
    return bright[:, :, ::2, ::2] * 8, instances


def test_the_logistic_function_does_not_overflow():
    values = sigmoid(np.array([-1e4, -2, 0, 2, 1e4], np.float32))
    assert values.tolist() == pytest.approx([0, 1 / (1 + np.e**2), 0.5, 1 / (1 + np.e**-2), 1])


def test_working_images_keep_their_aspect_and_are_padded_with_grey():
    padded, height, width = working_image(np.zeros((300, 600, 3), np.uint8), 200)
    assert (height, width) == (100, 200)
    assert padded.shape == (128, 224, 3)
    assert (padded[100:] == 127).all()
    assert (padded[:100, :200] == 0).all()


def test_a_view_is_half_the_working_size_and_its_cells_a_quarter():
    image = np.zeros((300, 600, 3), np.uint8)
    image[100:200, 60:160] = 255
    view = views(bright_people, image, 200, (False,))[0]
    assert view.probability.shape == (50, 100)
    assert view.middles.shape == (25, 50)
    assert view.ways.shape == (2, 25, 50)
    assert view.probability[25, 18] > 0.99
    assert view.probability[5, 5] < 0.01


def test_the_mirrored_view_is_turned_back_and_its_ways_too():
    image = np.zeros((128, 256, 3), np.uint8)
    image[32:96, 64:96] = 255
    plain, mirrored = views(bright_people, image, 256, (False, True))
    assert np.abs(plain.probability - mirrored.probability).max() < 0.55  # half a pixel apart at the edge
    assert np.abs(plain.probability - mirrored.probability).mean() < 0.02
    assert mirrored.ways[1].mean() == pytest.approx(-1)
    assert look(bright_people, image).ways[1].mean() == pytest.approx(0)


def test_small_people_get_a_window_and_large_ones_do_not():
    probability = np.zeros((100, 200), np.float32)
    probability[50:60, 100:104] = 0.9
    probability[10:90, 10:60] = 0.9
    ((top, left, bottom, right),) = windows_to_look_at(probability, (400, 800))
    assert bottom - top == right - left == 120  # three times the height
    assert (top + bottom) // 2 == 220
    assert (left + right) // 2 == 408
    probability[50:58, 110:114] = 0.5  # beside, inside the window: no window of its own
    assert len(windows_to_look_at(probability, (400, 800))) == 1


def test_the_number_of_looks_is_bounded_and_the_likeliest_come_first():
    probability = np.zeros((200, 200), np.float32)
    for index in range(20):
        probability[20 * (index % 5) * 2 + 5 :, 40 * (index // 5) + 5 :][:4, :3] = 0.3 + index / 40
    windows = windows_to_look_at(probability, (200, 200))
    assert len(windows) == MOST_LOOKS
    top, left, bottom, right = windows[0]
    assert top <= 165 <= bottom
    assert left <= 125 <= right


def test_windows_stay_in_the_photo():
    assert fitted(5, 40, 100) == (0, 40)
    assert fitted(97, 40, 100) == (60, 100)
    assert fitted(50, 400, 100) == (0, 100)


def test_the_second_look_sees_what_the_first_only_suspected():
    image = np.zeros((400, 800, 3), np.uint8)
    image[200:240, 400:416] = 255
    first = np.zeros((96, 192), np.float32)
    first[48:57, 96:100] = 0.3
    (((top, left, bottom, right), second),) = look_again(bright_people, image, first)
    assert second.shape == (SECOND_SIDE_PX // 2, SECOND_SIDE_PX // 2)
    row = round((220 - top) / (bottom - top) * len(second))
    col = round((408 - left) / (right - left) * len(second))
    assert second[row, col] > 0.6
    assert second[0, 0] == pytest.approx(0, abs=1e-3)
    assert first.max() == np.float32(0.3)


def test_a_part_of_a_map_is_sampled_where_it_lies():
    small = np.tile(np.arange(10, dtype=np.float32), (10, 1))
    part = sampled(small, (0, 50, 50, 100), (100, 100), (5, 5))
    assert part[0].tolist() == pytest.approx([5, 6, 7, 8, 9])


def test_the_rim_of_a_window_counts_less_where_the_photo_goes_on():
    weight = rim_weight((20, 20), (True, False, False, False))
    assert weight[0, 10] < 0.2
    assert weight[19, 10] == weight[10, 0] == weight[10, 10] == 1
