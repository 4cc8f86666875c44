import numpy as np
import pytest

from segment.finder_views import look, sigmoid, views, working_image


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


def test_a_look_has_the_detail_of_the_largest_view_and_the_middles_of_the_smallest():
    view = look(bright_people, np.zeros((300, 600, 3), np.uint8), (200, 400))
    assert view.probability.shape == (100, 200)
    assert view.middles.shape == (25, 50)
    assert view.ways.shape == (2, 25, 50)
