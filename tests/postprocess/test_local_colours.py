import numpy as np

from postprocess.local_colours import colour_score


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo of red left and grey right of column 40, what is known to be object and what outside."""
    image = np.full((60, 80, 3), 120, np.uint8)
    image[:, :40] = (170, 40, 50)
    inside, ground = np.zeros((60, 80), np.float32), np.zeros((60, 80), bool)
    inside[:, :25] = 1
    ground[:, 55:] = True
    return image, inside, ground


def score(image: np.ndarray, inside: np.ndarray, ground: np.ndarray, band_px: float = 15) -> np.ndarray:
    everywhere = np.ones(ground.shape, bool)
    return colour_score(image, everywhere, everywhere, inside, ground, band_px)


def test_the_object_s_colour_scores_high_and_the_ground_s_low_as_far_as_they_go():
    image, inside, ground = scene()
    got = score(image, inside, ground)
    assert got.dtype == np.float32
    # A share of one against none: log((1 + 0.03) / 0.03) = 3.5 either way.
    assert (got[:, :38] > 3.4).all()
    assert (got[:, 42:] < -3.4).all()


def test_a_colour_seen_on_neither_side_or_on_both_says_nothing():
    image, inside, ground = scene()
    image[20:40, 35:45] = (20, 200, 30)
    assert np.abs(score(image, inside, ground)[24:36, 37:43]).max() < 0.1
    flat = np.full((60, 80, 3), 90, np.uint8)
    assert np.abs(score(flat, inside, ground)).max() < 0.01


def test_what_counts_is_what_is_near():
    image = np.full((60, 600, 3), 120, np.uint8)
    image[:, 20:30] = image[:, 570:580] = (170, 40, 50)
    inside, ground = np.zeros((60, 600), np.float32), np.zeros((60, 600), bool)
    inside[:, 20:30] = 1  # red is the object on the left and the ground on the right
    inside[:, 540:550] = 1
    ground[:, 50:80] = ground[:, 570:580] = True
    got = score(image, inside, ground, 12)
    assert got[30, 25] > 3
    assert got[30, 575] < -3


def test_only_what_is_judged_gets_a_score():
    image, inside, ground = scene()
    judged = np.zeros((60, 80), bool)
    judged[10, 30] = judged[10, 50] = True
    got = colour_score(image, inside > 0, judged, inside, ground, 15)
    assert got[10, 30] > 0
    assert (got[~judged] == 0).all()
