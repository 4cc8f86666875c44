import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation
from skimage.feature import canny

from inpaint.edges import canny_edges, canny_maps
from inpaint.tensors import images_to_tensor


def stripes(height: int = 40, width: int = 60) -> np.ndarray:
    """Dark left of column 30, bright from there on."""
    image = np.full((height, width, 3), 40, np.uint8)
    image[:, 30:] = 200
    return image


def blobs() -> np.ndarray:
    """Smooth shapes of all strengths, uint8 (96, 128, 3)."""
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:96, :128]
    picture = np.full((96, 128), 90.0)
    for _ in range(12):
        row, column, radius = rng.uniform(0, 96), rng.uniform(0, 128), rng.uniform(5, 20)
        picture[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] += rng.uniform(-60, 60)
    return np.repeat(picture.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_a_step_is_one_line():
    edges = canny_edges(stripes())
    assert edges.dtype == bool
    assert edges.shape == (40, 60)
    columns = np.flatnonzero(edges[20])
    assert len(columns) == 1
    assert columns[0] in (29, 30)


@pytest.mark.parametrize(("step", "found"), [(16, False), (200, True)])
def test_a_weak_step_is_none(step, found):
    image = np.full((40, 60, 3), 20, np.uint8)
    image[:, 30:] += np.uint8(step)
    assert canny_edges(image).any() == found


def test_they_are_those_of_scikit_image():
    """But for another rounding and border, which move some by a pixel."""
    image = blobs()
    ours, theirs = canny_edges(image), canny(image[..., 0] / 255, sigma=2)
    assert theirs.sum() > 300
    assert (ours & theirs).sum() > 0.9 * theirs.sum()
    assert (ours & binary_dilation(theirs, np.ones((3, 3)))).sum() > 0.97 * ours.sum()
    assert (theirs & binary_dilation(ours, np.ones((3, 3)))).sum() > 0.99 * theirs.sum()


def test_a_hole_has_no_rim_and_says_nothing():
    image, mask = blobs(), np.zeros((96, 128), np.float32)
    mask[30:60, 40:90] = 1
    white, noise = image.copy(), image.copy()
    white[30:60, 40:90] = 255
    noise[30:60, 40:90] = np.random.default_rng(0).integers(0, 256, (30, 50, 3))
    edges = canny_edges(white, mask)
    assert not edges[29:61, 39:91].any()
    assert np.array_equal(edges, canny_edges(noise, mask))
    far = np.ones((96, 128), bool)
    far[20:70, 30:100] = False
    assert np.array_equal(edges[far], canny_edges(image)[far])
    assert edges[far].sum() > 100


def test_a_flat_photo_with_a_hole_has_no_edge():
    image, mask = np.full((40, 60, 3), 120, np.uint8), np.zeros((40, 60), np.float32)
    image[10:20, 10:30] = (255, 0, 255)
    mask[10:20, 10:30] = 1
    assert not canny_edges(image, mask).any()
    assert not canny_edges(image, np.ones((40, 60), np.float32)).any()


def test_hardly_destroyed_pixels_keep_their_edge():
    faint = np.full((40, 60), 0.05, np.float32)
    assert np.array_equal(canny_edges(stripes(), faint), canny_edges(stripes()))


def test_a_batch_is_its_photos():
    images = [blobs(), blobs()[:, ::-1].copy()]
    masks = np.zeros((2, 96, 128), np.float32)
    masks[1, 30:60, 40:90] = 1
    maps = canny_maps(images_to_tensor(images), torch.from_numpy(masks)[:, None])
    assert maps.shape == (2, 1, 96, 128)
    assert maps.dtype == torch.float32
    for map_, image, mask in zip(maps, images, masks, strict=True):
        assert np.array_equal(map_[0].numpy() == 1, canny_edges(image, mask))
    whole = canny_maps(images_to_tensor(images))
    assert np.array_equal(whole[0, 0].numpy() == 1, canny_edges(images[0]))


def test_wrong_arguments_are_refused():
    image = stripes()
    with pytest.raises(TypeError, match="image of uint8, got float64"):
        canny_edges(image / 255)
    with pytest.raises(ValueError, match=r"an image \(H, W, 3\), got \(40, 60\)"):
        canny_edges(image[..., 0])
    with pytest.raises(ValueError, match=r"mask of shape \(40, 60\), got \(60, 40\)"):
        canny_edges(image, np.zeros((60, 40), np.float32))
    with pytest.raises(ValueError, match="sigma_px above 0, got 0"):
        canny_edges(image, sigma_px=0)
