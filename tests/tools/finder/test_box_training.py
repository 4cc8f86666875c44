import numpy as np
import pytest
import torch
from click.testing import CliRunner

from tests.tools.finder.test_training import write_tiny_data
from tools.finder.box_network import WINDOW_PX, BoxNetwork
from tools.finder.box_training import Examples, example, main
from tools.finder.lite_trunk import STAGES, LiteTrunk, SameConv
from tools.finder.photos import IGNORE, PERSON


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


def test_an_example_is_the_part_around_a_person():
    image, label = np.zeros((300, 400, 3), np.uint8), np.zeros((300, 400), np.uint8)
    label[100:140, 200:220] = PERSON
    image[label == PERSON] = 200
    one = example(image, label, person=True)
    assert one.box.tolist() == [40, 40, 60, 80]
    assert one.image.shape == (120, 100, 3)
    assert (one.image[40:80, 40:60] == 200).all()
    label[100:130] = 0
    assert example(image, label, person=True) is None  # 10 px high


def test_samples_show_the_box_and_its_person(tmp_path, rng):
    write_tiny_data(tmp_path, rng)
    examples = Examples(tmp_path, np.random.default_rng(0))
    signs = set()
    for _ in range(30):
        image, label, box = examples.sample()
        assert (image.shape, label.shape) == ((WINDOW_PX, WINDOW_PX, 3), (WINDOW_PX, WINDOW_PX))
        assert (label[box == 0] == IGNORE).all()
        assert (label == PERSON).sum() > 500
        signs |= set(np.unique(box).tolist())
    assert signs == {-1.0, 0.0, 1.0}  # people and the chair


def test_a_step_of_the_training_and_what_it_writes(tmp_path, rng):
    write_tiny_data(tmp_path, rng)
    torch.save(published(LiteTrunk()), tmp_path / "published.pth")
    arguments = ["--data", str(tmp_path), "--trunk", str(tmp_path / "published.pth"),
                 "--out", str(tmp_path / "boxes.pt"), "--steps", "1", "--batch", "2"]  # fmt: skip
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert "1 people kept apart: IoU mean" in result.output
    BoxNetwork().load_state_dict(torch.load(tmp_path / "boxes.pt", weights_only=True))
