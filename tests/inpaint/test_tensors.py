import numpy as np
import pytest
import torch

from inpaint.tensors import images_to_tensor, masks_to_tensor, tensor_to_images, tensor_to_masks


def test_levels_and_channels_by_hand():
    image = np.array([[[0, 127, 255], [51, 204, 102]]], np.uint8)
    batch = images_to_tensor([image])
    assert batch.shape == (1, 3, 1, 2)
    assert batch.dtype == torch.float32
    expected = torch.tensor([[[[-1.0, -0.6]], [[-1 / 255, 0.6]], [[1.0, -0.2]]]])
    torch.testing.assert_close(batch, expected, rtol=0, atol=1e-6)


def test_every_level_comes_back():
    image = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    assert np.array_equal(tensor_to_images(images_to_tensor([image]))[0], image)


def test_the_way_back_rounds_to_the_nearest_level_and_clips():
    levels = torch.tensor([-3.0, 0.4, 0.6, 99.5, 100.6, 254.6, 260.0, 128.0])
    batch = (levels / 127.5 - 1).expand(1, 3, 1, 8)
    assert tensor_to_images(batch)[0][0, :, 0].tolist() == [0, 0, 1, 100, 101, 255, 255, 128]


def test_arguments_are_not_written_to():
    image, batch = np.full((2, 2, 3), 9, np.uint8), torch.zeros(1, 3, 2, 2)
    images_to_tensor([image])
    tensor_to_images(batch)
    assert (image == 9).all()
    assert (batch == 0).all()


def test_masks_there_and_back():
    mask = np.array([[True, False, False], [False, True, True]])
    batch = masks_to_tensor([mask, ~mask])
    assert batch.dtype == torch.float32
    assert batch[:, 0].tolist() == [[[1, 0, 0], [0, 1, 1]], [[0, 1, 1], [1, 0, 0]]]
    back = tensor_to_masks(batch)
    assert back[0].dtype == bool
    assert np.array_equal(back[0], mask)
    assert np.array_equal(back[1], ~mask)


def test_wrong_arrays_are_refused():
    with pytest.raises(TypeError, match="dtype uint8, got float64"):
        images_to_tensor([np.zeros((2, 2, 3))])
    with pytest.raises(ValueError, match=r"shape \(H, W, 3\), got \(2, 2, 4\)"):
        images_to_tensor([np.zeros((2, 2, 4), np.uint8)])
    with pytest.raises(ValueError, match=r"got \(2, 3\) beside \(2, 2\)"):
        masks_to_tensor([np.zeros((2, 2), bool), np.zeros((2, 3), bool)])
    with pytest.raises(ValueError, match="got none"):
        masks_to_tensor([])


def test_wrong_tensors_are_refused():
    with pytest.raises(ValueError, match=r"got \(1, 4, 2, 2\)"):
        tensor_to_images(torch.zeros(1, 4, 2, 2))
    with pytest.raises(ValueError, match="NaN or infinity"):
        tensor_to_images(torch.full((1, 3, 2, 2), torch.nan))
    with pytest.raises(ValueError, match=r"got \(1, 3, 2, 2\)"):
        tensor_to_masks(torch.zeros(1, 3, 2, 2))
