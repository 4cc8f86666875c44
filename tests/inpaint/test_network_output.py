"""Networks that fail: too little memory, NaN, black."""

import pickle

import numpy as np
import pytest
import torch
from torch import Tensor

from inpaint.network_inpainter import NetworkInpainter, NetworkSettings
from inpaint.network_output import NetworkMemoryError, NetworkOutputError, is_out_of_memory
from inpaint.networks.fill_network import FillNetwork


class Greedy(FillNetwork):
    """Fails beyond `most_px` pixels, as torch does; draws one level."""

    name = title = "greedy"

    def __init__(self, most_px: int, level: float = 0.5) -> None:
        super().__init__()
        self.most_px, self.level = most_px, level
        self.options = {}
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images: Tensor, masks: Tensor) -> tuple[Tensor]:
        self.seen.append(tuple(images.shape))
        if images.shape[0] * images.shape[2] * images.shape[3] > self.most_px:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return (torch.full_like(images, self.level),)


def photo(level=200, size=600):
    image = np.full((size, size, 3), level, np.uint8)
    mask = np.zeros((size, size), bool)
    mask[200:400, 200:400] = True
    return image, mask


def inpainter(network, said, **settings):
    return NetworkInpainter(
        network,
        device="cpu",
        precision="float32",
        settings=NetworkSettings(detail=False, **settings),
        say=said.append,
    )


def test_where_memory_is_short_windows_shrink_and_that_is_said():
    said: list[str] = []
    network = Greedy(most_px=130 * 130)
    image, mask = photo()
    filled = inpainter(network, said)(image, mask)
    assert [shape[-1] for shape in network.seen] == [512, 512, 256, 128]
    assert len(said) == 2
    assert said[0] == (
        "greedy: cpu has too little memory for a window of 512 px; it is shrunk to 256 px, so the fill will "
        "be coarser"
    )
    assert np.array_equal(filled[~mask], image[~mask])
    assert (filled[mask] != 0).all()


def test_several_windows_are_tried_one_by_one_before_they_shrink():
    said: list[str] = []
    network = Greedy(most_px=300 * 300)
    image = np.full((300, 900, 3), 200, np.uint8)
    mask = np.zeros((300, 900), bool)
    mask[140:160, 140:160] = mask[140:160, 740:760] = True
    inpainter(network, said)(image, mask)
    assert [shape[0] for shape in network.seen] == [2, 1, 1]
    assert said == []


def test_where_nothing_fits_one_line_says_what_to_do():
    said: list[str] = []
    image, mask = photo()
    kept = image.copy()
    with pytest.raises(NetworkMemoryError, match="too little memory for a window of 128 px: close") as caught:
        inpainter(Greedy(0), said)(image, mask)
    assert "the photo is left as it was" in str(caught.value)
    assert caught.value.option == "device"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert np.array_equal(image, kept)
    with pytest.raises(NetworkMemoryError, match="a photo of 600 px as a whole: run it in windows"):
        inpainter(Greedy(0), said, plain=True)(image, mask)


def test_a_warning_says_it_where_nobody_listens():
    image, mask = photo()
    network = NetworkInpainter(Greedy(300 * 300), device="cpu", settings=NetworkSettings(detail=False))
    with pytest.warns(RuntimeWarning, match="shrunk to 256 px"):
        network(image, mask)


def test_other_errors_are_no_lack_of_memory():
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"))
    assert not is_out_of_memory(RuntimeError("expected 3 channels"))


def test_nan_and_infinity_are_refused():
    image, mask = photo()
    for level in (float("nan"), float("inf")):
        with pytest.raises(NetworkOutputError, match="greedy gave NaN or infinity; the photo is left as"):
            inpainter(Greedy(10**9, level), [])(image, mask)
    coarse = NetworkInpainter(Greedy(10**9, float("nan")), device="cpu", precision="bfloat16")
    with pytest.raises(NetworkOutputError, match="bfloat16 may be too coarse for it") as caught:
        coarse(image, mask)
    assert caught.value.option == "precision"


def test_black_is_refused_where_the_rim_is_not_dark():
    image, mask = photo()
    with pytest.raises(NetworkOutputError, match="greedy gave black where nothing around the hole is black"):
        inpainter(Greedy(10**9, -1.0), [])(image, mask)
    night, mask = photo(level=10)
    assert inpainter(Greedy(10**9, -1.0), [], colour=False)(night, mask)[mask].max() == 0
