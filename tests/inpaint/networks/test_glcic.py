import pytest
import torch

from inpaint.checkpoints import load_network
from inpaint.networks.glcic import GLCIC, KEY_MAP
from tests import published


@pytest.mark.parametrize("case", ["square", "wide"])
def test_gives_what_the_published_code_gives(case):
    with torch.no_grad():
        (filled,) = load_network(published.state_dict("glcic"), "glcic")(*published.inputs(case))
    assert published.difference("glcic", case, "stage1", filled) < 1e-4


def test_the_names_are_those_of_the_published_file():
    shapes = published.shapes("glcic")
    state = GLCIC().state_dict()
    ours = {name: list(state[key].shape) for name, key in KEY_MAP.items() if "running" not in name}
    assert ours == shapes
    assert set(KEY_MAP.values()) == {key for key in state if not key.endswith("num_batches_tracked")}


def test_has_as_many_parameters_as_the_paper():
    """Iizuka et al. 2017, table 1: (kernel, in, out) of the 17 layers; two numbers a channel to normalise."""
    layers = (
        [(5, 4, 64), (3, 64, 128), (3, 128, 128), (3, 128, 256)]
        + [(3, 256, 256)] * 8
        + [(4, 256, 128), (3, 128, 128), (4, 128, 64), (3, 64, 32)]
    )
    expected = sum(kernel**2 * inner * outer + 2 * outer for kernel, inner, outer in layers)
    expected += 3**2 * 32 * 3 + 3  # to RGB, with a bias
    assert len(layers) == 16
    assert sum(parameter.numel() for parameter in GLCIC().parameters()) == expected == 6_069_155


def test_width_multiplies_every_layer():
    half = GLCIC(width=0.5)
    assert [layer.conv.out_channels for layer in half.encoder] == [32, 64, 64, 128, 128, 128]
    assert [layer.conv.out_channels for layer in half.decoder] == [128, 128, 64, 64, 32, 16, 3]
