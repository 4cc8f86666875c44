import dataclasses
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from inpaint.exemplar import bands
from inpaint.exemplar.completion import ExemplarInpainter, complete
from inpaint.exemplar.settings import EFFORTS, ExemplarSettings


def stripes(height=96, width=128, period=8):
    """Diagonal stripes in two colours."""
    rows, columns = np.mgrid[:height, :width]
    light = ((rows + columns) // (period // 2)) % 2 == 1
    return np.where(light[..., None], np.uint8((220, 180, 60)), np.uint8((20, 40, 90)))


def hole(height=96, width=128):
    mask = np.zeros((height, width), bool)
    mask[30:62, 40:76] = True
    return mask


def damaged(image, mask):
    return np.where(mask[..., None], np.uint8((255, 0, 255)), image)


def test_a_regular_pattern_is_continued():
    image, mask = stripes(), hole()
    filled = ExemplarInpainter()(damaged(image, mask), mask)
    wrong = (np.abs(filled.astype(int) - image).max(axis=2) > 30)[mask].mean()
    assert wrong < 0.05


def test_two_flat_areas_meet_in_one_edge():
    image = np.full((96, 128, 3), 210, np.uint8)
    image[48:] = (40, 90, 30)
    mask = hole()
    filled = complete(damaged(image, mask), mask)
    assert (np.abs(filled.astype(int) - image).max(axis=2) > 20)[mask].mean() < 0.1


def test_the_same_seed_gives_the_same_pixels_and_another_one_others(rng):
    image = cv2.GaussianBlur(rng.integers(0, 256, (96, 128, 3), dtype=np.uint8), (0, 0), 2)
    mask = hole()
    first = ExemplarInpainter(seed=3)(image, mask)
    assert np.array_equal(first, ExemplarInpainter(seed=3)(image, mask))
    assert not np.array_equal(first, ExemplarInpainter(seed=4)(image, mask))


def test_the_number_of_threads_changes_no_pixel(monkeypatch, rng):
    image = cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), (0, 0), 2)
    mask = np.zeros((240, 320), bool)
    mask[40:200, 60:230] = True  # large enough that every kernel is worth several threads
    filled = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(bands, "threads", lambda threads=threads: threads)
        monkeypatch.setattr(bands, "_pool", None)
        filled.append(complete(image, mask))
    assert np.array_equal(filled[0], filled[1])
    assert np.array_equal(filled[0], filled[2])


def test_the_number_of_threads_changes_no_pixel_of_a_round_edge(monkeypatch, rng):
    image = cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), (0, 0), 2) // 4 + 20
    cv2.circle(image, (160, 150), 90, (220, 200, 60), -1, cv2.LINE_AA)
    mask = np.zeros((240, 320), bool)
    mask[40:120, 110:200] = True
    filled = []
    for threads in (1, 5):
        monkeypatch.setattr(bands, "threads", lambda threads=threads: threads)
        monkeypatch.setattr(bands, "_pool", None)
        filled.append(complete(image, mask, settings=EFFORTS["best"]))
    assert np.array_equal(filled[0], filled[1])


def test_several_threads_may_fill_at_once(rng):
    images = [cv2.GaussianBlur(rng.integers(0, 256, (96, 128, 3), np.uint8), (0, 0), 2) for _ in range(4)]
    alone = [complete(image, hole()) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(complete, images, [hole()] * 4))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_the_layout_of_the_arguments_and_whether_they_may_be_written_to_change_nothing():
    image, mask, protect = stripes(), hole(), np.zeros((96, 128), bool)
    protect[:20] = True
    expected = complete(image, mask, protect=protect)
    others = [np.asfortranarray(array) for array in (image, mask, protect)]
    for array in others:
        array.setflags(write=False)
    assert np.array_equal(complete(others[0], others[1], protect=others[2]), expected)


def test_nothing_is_copied_from_what_is_protected():
    image, mask = np.full((96, 128, 3), (90, 120, 60), np.uint8), hole()
    image += np.random.default_rng(0).integers(0, 6, image.shape, dtype=np.uint8)
    image[20:80, 80:120] = (250, 0, 0)
    image[62:80, 40:76] = (250, 0, 0)
    protect = (image == (250, 0, 0)).all(axis=2)
    free = complete(image, mask)
    kept = complete(image, mask, protect=protect)
    assert free[mask][:, 0].max() > 200
    assert kept[mask][:, 0].max() < 130


def test_what_lies_in_the_hole_has_no_influence():
    image, mask = stripes(), hole()
    assert np.array_equal(complete(damaged(image, mask), mask), complete(image, mask))


def wire(shape):
    mask = np.zeros(shape, np.uint8)
    cv2.line(mask, (10, 5), (shape[1] - 12, shape[0] - 9), 1, 5)
    return mask > 0


def nearly_everything(shape):
    mask = np.ones(shape, bool)
    mask[:, -24:] = False
    return mask


@pytest.mark.parametrize("holed", [wire, nearly_everything])
@pytest.mark.parametrize("effort", ["normal", "best"])
def test_what_lies_in_a_thin_or_a_huge_hole_has_no_influence(holed, effort):
    generator = np.random.default_rng(3)
    image = cv2.GaussianBlur(generator.normal(120, 90, (96, 128, 3)), (0, 0), 3).clip(0, 255).astype(np.uint8)
    cv2.circle(image, (60, 50), 30, (220, 200, 40), -1)
    mask = holed(image.shape[:2])
    fills = [
        complete(np.where(mask[..., None], colour, image).astype(np.uint8), mask, settings=EFFORTS[effort])
        for colour in (np.array((255, 0, 255)), np.array((0, 255, 0)), image)
    ]
    assert np.array_equal(fills[0], fills[1])
    assert np.array_equal(fills[0], fills[2])


def test_a_long_thin_hole_needs_no_shift_maps(monkeypatch):
    def not_needed(*_, **__):
        raise AssertionError

    monkeypatch.setattr("inpaint.exemplar.hypotheses.shift_map", not_needed)
    monkeypatch.setattr("inpaint.exemplar.hypotheses.find_palette", not_needed)
    image = np.tile(stripes(), (8, 12, 1))
    mask = wire(image.shape[:2])
    assert mask.sum() > EFFORTS["normal"].pick_px
    filled = complete(damaged(image, mask), mask)
    assert np.abs(filled.astype(int) - image)[mask].mean() < 12


@pytest.mark.parametrize("size", [(5, 6), (8, 40), (33, 7), (1, 30)])
def test_tiny_photos_are_filled_somehow(size):
    image = np.full((*size, 3), 100, np.uint8)
    mask = np.zeros(size, bool)
    mask[0, : size[1] // 2] = True
    filled = ExemplarInpainter()(damaged(image, mask), mask)
    assert np.abs(filled.astype(int) - 100).max() <= 2


def test_holes_at_the_border_and_nearly_everywhere():
    image = stripes()
    corner = np.zeros((96, 128), bool)
    corner[:40, :50] = True
    filled = ExemplarInpainter()(damaged(image, corner), corner)
    assert (np.abs(filled.astype(int) - image).max(axis=2) > 30)[corner].mean() < 0.2
    most = np.ones((96, 128), bool)
    most[40:60, 40:64] = False
    filled = ExemplarInpainter()(damaged(image, most), most)
    assert np.array_equal(filled[~most], image[~most])
    assert not (filled[most] == (255, 0, 255)).all(axis=1).any()


def test_a_large_hole_is_bounded_and_still_continues_the_pattern():
    image, mask = stripes(), hole()
    settings = ExemplarSettings(bounded_targets=500, bounded_rounds=2)
    filled = complete(damaged(image, mask), mask, settings=settings)
    assert (np.abs(filled.astype(int) - image).max(axis=2) > 30)[mask].mean() < 0.15


def test_a_guide_keeps_structure_and_gets_detail_from_the_photo():
    image, mask = stripes(period=6), hole()
    image = np.where(np.arange(128)[None, :, None] < 64, image, 255 - image)
    small = cv2.resize(image, (32, 24), interpolation=cv2.INTER_AREA)
    guide = cv2.resize(small, (128, 96), interpolation=cv2.INTER_CUBIC)
    filled = complete(damaged(image, mask), mask, guide=guide)

    def error(result):
        return np.abs(result.astype(int) - image)[mask].mean()

    assert error(filled) < 0.8 * error(guide)
    assert np.array_equal(filled[~mask], image[~mask])


def test_settings_are_frozen_and_arguments_checked():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ExemplarSettings().sweeps = 3  # type: ignore[misc]
    image, mask = stripes(), hole()
    with pytest.raises(ValueError, match="covers all of it"):
        complete(image, np.ones_like(mask))
    with pytest.raises(ValueError, match="uint8 guide of shape"):
        complete(image, mask, guide=image[:-1])
    assert np.array_equal(complete(image, np.zeros_like(mask)), image)


@pytest.mark.slow
def test_real_photos_get_texture_where_navier_stokes_gives_none(shared):
    from inpaint.classical import ClassicalInpainter

    ours, theirs = 0.0, 0.0
    for path in sorted((shared / "data" / "photos").iterdir())[::16]:
        photo = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
        mask = cv2.imread(str(shared / "data" / "holes" / f"{path.stem}.png"), 0) > 127

        def roughness(image, mask=mask):
            return cv2.Laplacian(image.astype(np.float32), cv2.CV_32F)[mask].std()

        truth = roughness(photo)
        ours += abs(roughness(ExemplarInpainter()(photo, mask)) - truth)
        theirs += abs(roughness(ClassicalInpainter("navier-stokes")(photo, mask)) - truth)
    assert ours < 0.5 * theirs
