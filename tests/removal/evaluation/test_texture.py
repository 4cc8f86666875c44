import importlib.util
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from removal.evaluation.texture import laplacian_pyramid, patch_corners, patches_at, swd, unit_directions


def picture(rng: np.random.Generator, contrast: float = 30) -> np.ndarray:
    return np.clip(128 + rng.normal(0, contrast, (96, 120, 3)), 0, 255).astype(np.uint8)


def reference_code(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_quality", shared / "tools" / "quality.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_same_as_the_reference_code_on_real_photos(shared):
    reference = reference_code(shared)
    data = shared / "data"
    for path in sorted((data / "photos").iterdir())[::16]:
        photo = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
        hole = cv2.imread(str(data / "holes" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE) > 127
        filled = cv2.inpaint(photo, hole.astype(np.uint8), 5, cv2.INPAINT_TELEA)
        for where in (hole, np.ones_like(hole)):
            expected = float(reference.swd(filled, photo, where))
            assert expected > 0.1
            assert swd(filled, photo, where) == pytest.approx(expected, abs=1e-5)


def test_the_same_as_scipys_distance_along_each_direction(rng):
    first, second = picture(rng), picture(rng, 60)
    where = np.zeros((96, 120), bool)
    where[20:80, 20:90] = True
    generator = np.random.default_rng(5)
    expected = 0.0
    for ours, theirs in zip(laplacian_pyramid(first), laplacian_pyramid(second), strict=True):
        small = cv2.resize(where.astype(np.uint8), ours.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
        corners = patch_corners(small)
        sides = [
            patches_at(band, corners[generator.integers(0, len(corners), 2000)]) for band in (ours, theirs)
        ]
        directions = unit_directions(147, 64, generator)
        expected += np.mean(
            [wasserstein_distance(*(side @ direction for side in sides)) for direction in directions.T]
        )
    assert swd(first, second, where, seed=5) == pytest.approx(expected, rel=1e-5)


def test_the_finest_band_of_a_flat_picture_is_empty_and_the_bands_add_up_again(rng):
    flat = np.full((40, 50, 3), 77, np.uint8)
    assert all(np.abs(band).max() < 1e-4 for band in laplacian_pyramid(flat))
    image = picture(rng)
    bands = laplacian_pyramid(image)
    assert [band.shape for band in bands] == [(96, 120, 3), (48, 60, 3), (24, 30, 3)]
    rest = image.astype(np.float32)
    for _ in bands:
        rest = cv2.pyrDown(rest)
    for band in reversed(bands):
        rest = band + cv2.pyrUp(rest, dstsize=band.shape[1::-1])
    assert np.abs(rest - image).max() < 1e-3


def test_blur_and_contrast_cost_and_another_draw_of_the_same_grain_hardly_does(rng):
    image, again = picture(rng), picture(rng)
    blurred = cv2.GaussianBlur(image, (0, 0), 2)
    same = swd(again, image)
    assert same < 2.5
    assert swd(blurred, image) > 10 * same
    assert swd(picture(rng, 50), image) > 4 * same


def test_it_looks_at_texture_in_the_hole_only(rng):
    image = picture(rng)
    where = np.zeros((96, 120), bool)
    where[30:60, 30:60] = True
    elsewhere = image.copy()
    elsewhere[:, 100:] = 0
    assert swd(elsewhere, image, where) == swd(image, image, where)
    assert swd(elsewhere, image) > swd(image, image) + 1


def test_seeds_repeat_and_matter(rng):
    first, second = picture(rng), picture(rng, 40)
    assert swd(first, second) == swd(first, second, seed=1)
    assert swd(first, second) != swd(first, second, seed=2)
    assert swd(first, second) == pytest.approx(swd(first, second, seed=2), rel=0.1)


def test_patches_are_cut_where_they_belong():
    band = np.arange(12 * 10 * 3, dtype=np.float32).reshape(12, 10, 3)
    counted = np.zeros((12, 10), bool)
    counted[4, 5] = True
    corners = patch_corners(counted)
    assert corners.tolist() == [[1, 2]]
    assert np.array_equal(patches_at(band, corners)[0], band[1:8, 2:9].ravel())
    counted[:3] = counted[:, :3] = counted[-4:] = counted[:, -4:] = True
    assert patch_corners(counted).tolist() == [[1, 2]]


def test_what_cannot_be_compared_is_refused(rng):
    image = picture(rng)
    where = np.zeros((96, 120), bool)
    with pytest.raises(ValueError, match="at least one pixel"):
        swd(image, image, where)
    where[40:44, 40:44] = True
    with pytest.raises(ValueError, match="room for 20 patches of 7 pixels"):
        swd(image, image, where)
    with pytest.raises(ValueError, match="one shape"):
        swd(image, image[:90])
    with pytest.raises(TypeError, match="uint8"):
        swd(image.astype(np.float32), image)
