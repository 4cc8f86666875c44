"""The network that OpenCV runs gives what the one that torch trained gives."""

import cv2
import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import helper
from safetensors.torch import save_file
from torch.nn import functional

from segment.builtin import WEIGHTS, BuiltinSegmenter, load_builtin
from segment.finder_views import WORKING_SIDES_PX, look
from segment.person_network import PersonNetwork
from tools.finder.export import LICENCE
from tools.finder.network import STRIDE, PersonFinder, to_tensor
from tools.finder.to_onnx import load_network, main, to_onnx
from tools.finder.training import save_weights


@pytest.fixture(scope="module")
def trained():
    return load_network(WEIGHTS)


@torch.inference_mode()
def outputs_of(network, images):
    found = network(torch.from_numpy(images))
    return [found] if isinstance(found, torch.Tensor) else list(found)


@torch.inference_mode()
def torch_probability(network, image):
    """The probability of a person as torch computes it all: `segment.builtin` written independently."""
    largest = max(WORKING_SIDES_PX) / 2 / max(image.shape[:2])
    target = tuple(max(1, round(side * largest)) for side in image.shape[:2])
    answers = []
    for side in WORKING_SIDES_PX:
        scale = side / max(image.shape[:2])
        height, width = (max(1, round(length * scale)) for length in image.shape[:2])
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        batch = to_tensor(torch.from_numpy(cv2.resize(image, (width, height), interpolation=way)[None]))
        for view in (batch, batch.flip(-1)):
            padded = functional.pad(view, (0, -width % STRIDE, 0, -height % STRIDE), value=127 / 127.5 - 1)
            found = functional.interpolate(
                outputs_of(network, padded.numpy())[0], scale_factor=2, mode="bilinear"
            )
            found = found[..., :height, :width]
            found = found.flip(-1) if view is not batch else found
            answers.append(functional.interpolate(found, size=target, mode="bilinear").sigmoid())
    return torch.stack(answers).mean(0)[0, 0].numpy()


@pytest.mark.parametrize("size", [(64, 64), (96, 64), (160, 224)])
def test_every_output_is_torchs_at_any_size(trained, size, rng):
    images = rng.uniform(-1, 1, (2, 3, *size)).astype(np.float32)
    ours = PersonNetwork(WEIGHTS)(images)
    theirs = outputs_of(trained, images)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert np.abs(one - other.numpy()).max() < 1e-3


@pytest.mark.parametrize("size", [(32, 32), (32, 160), (96, 32)])
def test_small_sides_are_continued_in_grey(trained, size, rng):
    """OpenCV gives anything for features that are one pixel wide: no image reaches it so small."""
    images = rng.uniform(-1, 1, (1, 3, *size)).astype(np.float32)
    ours = PersonNetwork(WEIGHTS)(images)
    below, right = max(0, 64 - size[0]), max(0, 64 - size[1])
    padded = np.pad(images, ((0, 0), (0, 0), (0, below), (0, right)), constant_values=127 / 127.5 - 1)
    for one, other in zip(ours, outputs_of(trained, padded.astype(np.float32)), strict=True):
        unit = padded.shape[2] // other.shape[2]
        assert one.shape == (*other.shape[:2], size[0] // unit, size[1] // unit)
        assert np.abs(one - other.numpy()[:, :, : one.shape[2], : one.shape[3]]).max() < 1e-3


def test_probabilities_are_those_that_torch_computes(trained, rng):
    network = PersonNetwork(WEIGHTS)
    for height, width in ((120, 90), (300, 500)):
        image = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), np.uint8), (0, 0), 4)
        difference = look(network, image).probability - torch_probability(trained, image)
        assert np.abs(difference).max() < 1e-3


def test_masks_of_real_photos_are_those_of_torch(trained, shared):
    finder = load_builtin()
    for name in ("intel_0293", "closeup_0001", "highway_0001"):
        photo = shared / "data/pairs" / name / "photo.png"
        if not photo.is_file():
            continue
        image = np.ascontiguousarray(cv2.imread(str(photo))[..., ::-1])
        ours = finder.find(image, 0.5)
        theirs = BuiltinSegmenter(lambda images: [o.numpy() for o in outputs_of(trained, images)]).find(
            image, 0.5
        )
        assert len(ours) == len(theirs)
        one, other = ours.union(), theirs.union()
        assert (one & other).sum() >= 0.995 * (one | other).sum(), name


def test_the_file_holds_half_precision_and_says_its_licence():
    model = onnx.load(WEIGHTS)
    assert {prop.key: prop.value for prop in model.metadata_props}["licence"] == LICENCE
    floats = [one for one in model.graph.initializer if one.data_type == onnx.TensorProto.FLOAT]
    assert sum(int(np.prod(one.dims)) for one in floats) < 100  # a scale here and there
    assert WEIGHTS.stat().st_size <= 8_000_000


def test_the_command_turns_what_the_training_wrote_into_what_ships(tmp_path, rng):
    torch.manual_seed(0)
    network = PersonFinder().eval()
    for module in network.modules():  # the exporter keeps one of several weights that are equal
        if isinstance(module, torch.nn.BatchNorm2d):
            module.bias.data.uniform_(-0.1, 0.1)
    save_weights(network, tmp_path / "trained.safetensors")
    arguments = ["--weights", str(tmp_path / "trained.safetensors"), "--out", str(tmp_path / "ships.onnx")]
    done = CliRunner().invoke(main, [*arguments, "--note", "steps=0"], catch_exceptions=False)
    assert done.output.startswith(f"{tmp_path / 'ships.onnx'}: 7,")
    notes = {prop.key: prop.value for prop in onnx.load(tmp_path / "ships.onnx").metadata_props}
    assert notes["licence"] == LICENCE
    assert notes["steps"] == "0"
    images = rng.uniform(-1, 1, (1, 3, 64, 96)).astype(np.float32)
    ours, theirs = PersonNetwork(tmp_path / "ships.onnx")(images)[0], outputs_of(network, images)[0].numpy()
    assert np.abs(ours - theirs).max() < 0.02 * np.abs(theirs).max()  # the rounding to float16
    again = to_onnx(load_network(tmp_path / "ships.onnx"), notes)
    assert again.SerializeToString() == (tmp_path / "ships.onnx").read_bytes()


def test_files_with_other_weights_are_refused(tmp_path):
    save_file({"stem.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"other\.safetensors does not hold the person finder's weights: "):
        load_network(tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.safetensors does not hold"):
        load_network(tmp_path / "text.safetensors")


def test_a_graph_that_answers_something_else_is_no_person_finder(tmp_path):
    size = [1, 3, None, None]
    images, answer = (helper.make_tensor_value_info(name, 1, size) for name in ("images", "answer"))
    graph = helper.make_graph([helper.make_node("Relu", ["images"], ["answer"])], "a", [images], [answer])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"expected one logit for each 2 x 2 pixels, got \(1, 3, 32, 32\)"):
        PersonNetwork(tmp_path / "a.onnx")
