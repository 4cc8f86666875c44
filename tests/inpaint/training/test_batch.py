import numpy as np
import pytest
import torch

from inpaint.edges import canny_maps
from inpaint.training import batch as batches
from inpaint.training.batch import Batch, Sample, to_batch


def sample(level: int, share: float) -> Sample:
    image = np.full((4, 6, 3), level, np.uint8)
    mask = np.zeros((4, 6), np.float32)
    mask[1, 2] = share
    return Sample(image, np.where(mask[..., None] > 0, 128, image).astype(np.uint8), mask)


def test_samples_become_tensors_of_minus_one_to_one():
    batch = to_batch([sample(0, 1.0), sample(255, 0.25)])
    assert len(batch) == 2
    assert batch.images.shape == batch.damaged.shape == (2, 3, 4, 6)
    assert batch.masks.shape == (2, 1, 4, 6)
    assert {part.dtype for part in (batch.images, batch.damaged, batch.masks)} == {torch.float32}
    assert batch.images.unique().tolist() == [-1, 1]
    assert batch.damaged[0, :, 1, 2].tolist() == pytest.approx([128 / 127.5 - 1] * 3, abs=1e-6)
    assert (batch.masks[0].sum(), batch.masks[1].sum()) == (1, 0.25)


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="expected samples, got none"):
        to_batch([])


def test_a_composite_takes_what_is_destroyed_in_proportion():
    batch = to_batch([sample(0, 0.25)])
    found = batch.composite(torch.ones_like(batch.images))
    assert found[0, :, 1, 2].tolist() == pytest.approx([-0.5] * 3)
    found[0, :, 1, 2] = -1
    torch.testing.assert_close(found, batch.images)


def test_edges_are_looked_for_once(monkeypatch):
    images = torch.full((1, 3, 24, 24), -1.0)
    images[..., 12:] = 1
    masks = torch.zeros(1, 1, 24, 24)
    masks[..., :8, :] = 1
    batch = Batch(images, torch.where(masks > 0, torch.zeros_like(images), images), masks)
    asked = []
    monkeypatch.setattr(batches, "canny_maps", lambda *given: asked.append(len(given)) or canny_maps(*given))
    for _ in range(2):
        assert batch.edges.sum() == 24
        assert 0 < batch.edges_left.sum() <= 16
        assert batch.edges_left[..., :8, :].sum() == 0
    assert asked == [1, 2]
