"""Turned and mirrored sources: where they lie, what they cost, what they are good for."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from _removal_support.progress import watched
from inpaint.exemplar import turned
from inpaint.exemplar.completion import complete
from inpaint.exemplar.patchmatch import match_known, search
from inpaint.exemplar.pyramid import build_pyramid
from inpaint.exemplar.settings import BEST, EFFORTS, FAST

TURNED = replace(FAST, turned_px=20.0)
TARGET, SOURCE = (10, 10), (20, 40)


def flower(petals=12):
    """A flower of striped petals on a dark ground, with grain, and a hole on one side of it."""
    rows, columns = np.mgrid[:200, :240].astype(np.float32)
    radius, angle = np.hypot(rows - 100, columns - 120), np.arctan2(rows - 100, columns - 120)
    off = (angle / (2 * np.pi) * petals + 0.5) % 1 - 0.5
    width = 0.42 * np.sin(np.clip((radius - 10) / 85, 0, 0.999) * np.pi) ** 0.6
    veined = np.where((radius - 60 * np.abs(off)) % 9 < 2, 150, 205)
    levels = np.where(np.abs(off) < width, veined, 60)
    levels = np.where(radius < 12, 230, levels) + np.random.default_rng(2).normal(0, 5, levels.shape)
    mask = np.zeros((200, 240), bool)
    mask[60:120, 150:205] = True
    return np.clip(levels, 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2), mask


def wrong_share(image, mask, settings):
    """The share of the hole's pixels that are off by more than 40 levels."""
    filled = complete(np.where(mask[..., None], np.uint8(0), image), mask, settings=settings)
    off = cv2.absdiff(*(cv2.GaussianBlur(one, (0, 0), 1) for one in (filled, image)))
    return (off.max(axis=2) > 40)[mask].mean()


def test_a_flower_is_completed_from_its_other_petals():
    image, mask = flower()
    assert wrong_share(image, mask, FAST) > 0.25
    assert wrong_share(image, mask, TURNED) < 0.02


@pytest.mark.parametrize("settings", [FAST, TURNED])
def test_what_is_told_of_the_progress_only_grows(settings):
    image, mask = flower()
    told = []
    with watched(told.append):
        complete(image, mask, settings=settings)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 1)


def test_what_is_not_round_is_filled_as_without_turned_sources():
    rows, columns = np.mgrid[:120, :160]
    image = np.uint8([220, 180, 60]) * ((rows + columns) // 6 % 2)[..., None].astype(np.uint8)
    mask = np.zeros((120, 160), bool)
    mask[40:80, 60:110] = True
    assert np.array_equal(complete(image, mask, settings=TURNED), complete(image, mask, settings=FAST))


def test_a_sheet_that_would_be_too_large_is_not_laid_out(monkeypatch):
    image, mask = flower()
    monkeypatch.setattr(turned, "MOST_SHEET_PX", 8 * 256**2 - 1)
    assert np.array_equal(complete(image, mask, settings=TURNED), complete(image, mask, settings=FAST))


def test_protected_pixels_are_not_copied_turned_either():
    image, mask = flower()
    protect = np.zeros(mask.shape, bool)
    protect[:, :150] = True
    image[protect] = (255, 0, 0)
    filled = complete(image, mask, protect=protect, settings=TURNED)
    coloured = np.abs(filled[..., 0].astype(int) - filled[..., 1])[mask]
    assert (coloured > 100).mean() < 0.02  # but for seams that are evened


def test_a_hole_at_the_border_is_filled():
    image, mask = flower()
    mask = np.zeros_like(mask)
    mask[150:, 200:] = True
    filled = complete(image, mask, settings=TURNED)
    assert filled.shape == image.shape
    assert np.array_equal(filled[~mask], image[~mask])


def level_of(image, hole):
    return build_pyramid(image, hole, None, coarsest_hole_px=20.0)[0]


def test_a_sheet_has_the_photo_and_its_seven_turned_images():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    hole = np.zeros((40, 50), bool)
    hole[10:20, 5:15] = True
    level = level_of(image, hole)
    sheet = turned.sheet_of(level, (64, 64))
    assert sheet.own == (64, 64)
    assert sheet.image.shape == (128, 256, 3)
    assert np.array_equal(sheet.image[:40, :50], level.image)
    assert np.array_equal(np.argwhere(sheet.hole), np.argwhere(hole))
    assert np.array_equal(sheet.valid[:64, :64], np.pad(level.valid, ((0, 24), (0, 14))))
    assert np.count_nonzero(~sheet.blocked) == 8 * np.count_nonzero(~hole)
    assert np.count_nonzero(sheet.valid) == 8 * np.count_nonzero(level.valid)
    quarter = sheet.image[63 - 3, 64], sheet.texture[63 - 3, 64]  # the top has become the left
    assert quarter[0].tolist() == image[0, 3].tolist()
    assert quarter[1].tolist() == level.texture[0, 3, ::-1].tolist()
    assert sheet.image[64, 63 - 3].tolist() == image[0, 3].tolist()  # mirrored
    assert sheet.blocked[64 + 12, 63 - 7]
    assert not sheet.blocked[64 + 12, 63 - 20]


def test_a_sheet_of_a_hole_at_the_border_goes_on_with_it():
    hole = np.zeros((40, 50), bool)
    hole[30:] = True
    sheet = turned.sheet_of(level_of(np.zeros((40, 50, 3), np.uint8), hole), (64, 64))
    assert sheet.hole[30:64, :64].all()
    assert np.count_nonzero(sheet.hole) == 34 * 64


@pytest.mark.parametrize(
    ("own", "expected"),
    [(None, np.hypot(10, 30) + 7), ((48, 48), np.hypot(10, 30) + 7), ((48, 40), 5), ((20, 48), 5)],
)
def test_a_turned_source_pays_a_fixed_distance_and_nothing_for_lines(own, expected):
    index = np.full((48, 48), -1, np.int32)
    index[TARGET] = 0
    cost = np.zeros(1, np.float32)
    search(
        np.zeros((48, 48, 3), np.uint8),
        np.zeros((48, 48, 2), np.uint8),
        np.array([(1, 0, 7 / 4)], np.float32),  # no more than 4 px off the line count
        np.array([TARGET], np.int32),
        index,
        np.zeros((48, 48), bool),  # there is no other source
        np.array([SOURCE], np.int32),
        cost,
        seed=0,
        reach_px=8,
        texture_weight=0,
        near_weight=1,
        own=own,
        turned_px=5,
    )
    assert cost[0] == pytest.approx(expected, rel=1e-5)


def test_the_first_match_too_counts_turned_sources_as_far_away():
    image = np.zeros((48, 96, 3), np.uint8)
    sources = np.array([(10, 30), (10, 60)], np.int32)

    def found(turned_px):
        known, lines = np.ones((48, 96), bool), np.zeros((1, 3), np.float32)
        target = np.array([TARGET], np.int32)
        return match_known(image, known, lines, target, sources, 1.0, own=(48, 48), turned_px=turned_px)

    assert found(21.0).tolist() == [[10, 30]]
    assert found(19.0).tolist() == [[10, 60]]


def test_only_best_looks_for_turned_sources():
    assert EFFORTS["fast"].turned_px == EFFORTS["normal"].turned_px == 0
    assert BEST.turned_px == 20
