import cv2
import numpy as np
import pytest

from postprocess.attached.objects import clinging_region

HEIGHT, WIDTH = 480, 400
BROWN = (70, 40, 20)
HAND, FOOT = (248, 205), (275, 372)  # x, y


def figure() -> np.ndarray:
    """Somebody standing, one arm a little off the body: bool (H, W)."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (200, 50), 20, 1, -1)
    cv2.rectangle(mask, (175, 70), (225, 220), 1, -1)
    cv2.line(mask, (220, 85), HAND, 1, 14)
    for x in (185, 215):
        cv2.line(mask, (x, 220), (x, 366), 1, 18)
    return mask.view(bool)


def scene(*lines: tuple[tuple[int, int], tuple[int, int], int]) -> np.ndarray:
    """The figure on grainy ground with lines (from, to, thickness) behind it."""
    image = np.full((HEIGHT, WIDTH, 3), (150, 145, 130), np.uint8)
    for start, end, thickness in lines:
        cv2.line(image, start, end, BROWN, thickness)
    image[figure()] = (40, 40, 90)
    grain = np.random.default_rng(0).normal(0, 3, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def drawn(start, end, thickness) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.line(mask, start, end, 1, thickness)
    return mask.view(bool) & ~figure()


def test_a_cane_from_the_hand_to_the_ground_goes_along():
    cane = drawn(HAND, FOOT, 6)
    found = clinging_region(scene((HAND, FOOT, 6)), figure())
    assert found[cane].mean() > 0.75
    assert (found & ~cane).sum() < 0.4 * cane.sum()  # a rim of a pixel or two
    flipped = clinging_region(scene((HAND, FOOT, 6))[:, ::-1].copy(), figure()[:, ::-1].copy())[:, ::-1]
    assert flipped[cane].mean() > 0.75


@pytest.mark.parametrize(
    "line",
    [
        (HAND, (262, 290), 6),  # ends in the air
        ((230, 20), (275, 372), 6),  # a pole that stands behind and rises above the hand
        (HAND, (292, 475), 6),  # a line on the ground that goes on
        ((290, 205), (310, 372), 6),  # not at the person
        ((200, 225), (200, 366), 6),  # between the legs
        (HAND, FOOT, 40),  # too wide for a stick
        (HAND, (340, 215), 6),  # level
    ],
    ids=["short", "pole", "goes on", "apart", "legs", "wide", "level"],
)
def test_other_lines_stay(line):
    found = clinging_region(scene(line), figure())
    assert found[drawn(*line)].sum() < 0.05 * drawn(*line).sum()


def test_somebody_small_or_cut_by_the_frame_holds_no_stick():
    image, objects = scene((HAND, FOOT, 6)), figure()
    assert not clinging_region(image[:369], objects[:369]).any()  # what is below the stick is not seen
    small = cv2.resize(image, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    shrunk = cv2.resize(objects.view(np.uint8), small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    assert not clinging_region(small, shrunk.view(bool)).any()


def test_what_stays_is_left_alone():
    cane = drawn(HAND, FOOT, 10)
    assert not clinging_region(scene((HAND, FOOT, 6)), figure(), others=cane).any()
