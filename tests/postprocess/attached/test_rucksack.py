import cv2
import numpy as np
import pytest

from postprocess.attached.objects import clinging_region

HEIGHT, WIDTH = 360, 400
GROUND = (128, 122, 110)
RED, GREEN = (200, 40, 40), (40, 160, 60)


def box(top: int, bottom: int, left: int = 120) -> np.ndarray:
    """From `left` to the walker's back: bool (H, W)."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:176] = True
    return mask


def walker() -> np.ndarray:
    """Somebody who walks to the right, seen from the side: bool (H, W)."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (205, 58), 19, 1, -1)
    cv2.ellipse(mask, (198, 135), (26, 62), 4, 0, 360, 1, -1)
    for joints in (
        ((198, 185), (230, 255), (236, 318), (252, 320)),
        ((196, 185), (180, 260), (155, 312), (168, 322)),
    ):
        cv2.polylines(mask, [np.array(joints)], False, 1, 20)
    cv2.polylines(mask, [np.array(((202, 95), (222, 150), (245, 172)))], False, 1, 13)
    return mask.view(bool)


def rucksack(down: int = 0, away: int = 0) -> np.ndarray:
    """On the walker's back, or so many pixels lower and further to the left: bool (H, W)."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, (165 - away, 118 + down), (25, 40), 6, 0, 360, 1, -1)
    return mask.view(bool) & ~walker()


def walking(*things: np.ndarray, colour: tuple[int, int, int] = RED) -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 3), GROUND, np.float64)
    for thing in things:
        image[thing] = colour
    image[walker()] = (30, 30, 45)
    return np.clip(image + np.random.default_rng(0).normal(0, 3, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("colour", [RED, GREEN, (40, 60, 140), (170, 140, 90)])
def test_a_rucksack_behind_the_back_goes_along(colour):
    """Outside of the figure's convex hull."""
    found = clinging_region(walking(rucksack(), colour=colour), walker())
    assert found[rucksack()].mean() > 0.97
    assert (found & ~rucksack()).sum() < 0.2 * rucksack().sum()


def test_what_is_like_a_rucksack_but_not_on_the_back_stays():
    for things in (
        [rucksack(away=25)],  # apart
        [rucksack(down=150, away=20)],  # low behind the legs
        [rucksack(), rucksack(away=110)],  # one of two
        [box(0, 170) & ~walker()],  # runs out of the photo
        [box(100, 150, left=60) & ~walker()],  # ends at the back, but goes on behind it
    ):
        assert not clinging_region(walking(*things), walker()).any()
    beside = rucksack(away=45)  # whose it is, nobody knows
    assert not clinging_region(walking(rucksack()), walker(), others=beside & ~rucksack()).any()
