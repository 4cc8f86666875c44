"""Networks that give NaN or black, from the command line: one line, and the photo is left as it was."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

CONTRACT = (
    'inputs = "image, mask"\nimage_range = [0, 1]\noutput_range = [0, 1]\nmask_values = [0, 1]\n'
    "masked = true\nmultiple = 8\nsize_px = 0\n"
)


class NaN(nn.Module):
    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return image / 0.0 * 0.0


class Black(nn.Module):
    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return image * 0.0


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (NaN(), "torchscript gave NaN or infinity; the photo is left as it was"),
        (
            Black(),
            "torchscript gave black where nothing around the hole is black; the photo is left as it was",
        ),
    ],
)
def test_one_line_names_the_photo_and_nothing_is_written(invoke, tmp_path, module, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save("mine.pt")
    (tmp_path / "mine.toml").write_text(CONTRACT)
    Image.fromarray(np.full((60, 80, 3), 150, np.uint8)).save("photo.png")
    before = (tmp_path / "photo.png").read_bytes()
    mask = np.zeros((60, 80), np.uint8)
    mask[20:40, 30:50] = 255
    Image.fromarray(mask).save("mask.png")
    result = invoke(
        "--masks",
        "mask.png",
        "photo.png",
        "--no-refine",
        "--inpainter",
        "torchscript",
        "--weights",
        "mine.pt",
    )
    assert result.exit_code == 1
    assert f"Error: photo.png: {words}" in result.stderr
    assert (tmp_path / "photo.png").read_bytes() == before
    assert not (tmp_path / "photo.removed.png").exists()
