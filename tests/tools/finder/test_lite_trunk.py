import pytest
import torch
from torch import nn

from tools.finder.lite_trunk import STAGES, LiteTrunk, SameConv


def published(trunk):
    """The trunk's weights under the names of the published file, and a classifier, which is not wanted."""
    blocks = [f"stages.{s}.{b}" for s, row in enumerate(STAGES) for b in range(row[0])]
    renamed = {"_fc.weight": torch.zeros(1000, 1280)}
    for name, value in trunk.state_dict().items():
        block = next((b for b in blocks if name.startswith(f"{b}.")), None)
        part = name.removeprefix("stem." if block is None else f"{block}.")
        norms = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
        if block is None:
            part = part.replace("conv.", "_conv_stem.").replace("norm.", "_bn0.")
            renamed[part] = value
            continue
        which, kind, rest = part.split(".")
        there = f"_{which}_conv" if kind == "conv" else norms[which]
        renamed[f"_blocks.{blocks.index(block)}.{there}.{rest}"] = value
    return renamed


def test_published_weights_are_taken_over_by_name(tmp_path):
    torch.manual_seed(0)
    theirs = LiteTrunk().eval()
    state = published(theirs)
    assert state["_blocks.15._project_conv.weight"].shape == (320, 1152, 1, 1)
    assert state["_blocks.0._depthwise_conv.weight"].shape == (32, 1, 3, 3)
    torch.save(state, tmp_path / "published.pth")
    ours = LiteTrunk().eval()
    ours.from_published(tmp_path / "published.pth")
    images = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        features, expected = ours(images), theirs(images)
    assert [tuple(f.shape[1:]) for f in features] == [
        (16, 32, 48), (24, 16, 24), (40, 8, 12), (112, 4, 6), (320, 2, 3)
    ]  # fmt: skip
    assert all(torch.equal(f, e) for f, e in zip(features, expected, strict=True))
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(KeyError):
        ours.from_published(tmp_path / "other.pth")


@pytest.mark.parametrize(("size", "padding"), [(3, (0, 1, 0, 1)), (5, (1, 2, 1, 2))])
def test_strides_are_padded_as_tensorflow_pads(size, padding):
    assert SameConv(4, 4, size, 2).padding == padding
    assert SameConv(4, 4, size).padding == (size // 2,) * 4


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_convolves_channel_by_channel_as_evaluation_does(size, stride, precision):
    torch.manual_seed(0)
    layer = SameConv(8, 8, size, stride, groups=8)
    layer.norm = nn.Identity()
    images = torch.randn(2, 8, 12, 10)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        ours, theirs = layer.train()(images), layer.eval()(images)
    assert ours.dtype == theirs.dtype == getattr(torch, precision)
    torch.testing.assert_close(ours, theirs)
    ours.float().sum().backward()
    assert layer.conv.weight.grad.dtype == torch.float32


def test_a_bias_is_kept_in_training():
    """Of a trunk whose normalisation is folded in."""
    layer = SameConv(8, 8, 3, groups=8, fused=True)
    images = torch.randn(1, 8, 6, 6)
    torch.testing.assert_close(layer.train()(images), layer.eval()(images))
