"""ONNX networks of a user's own, tested with graphs of a few nodes."""

import numpy as np
import pytest

from inpaint import load_inpainter
from inpaint.contract import ContractError

onnx = pytest.importorskip("onnx")
RUNTIMES = ["onnxruntime", "opencv"]


@pytest.fixture(params=RUNTIMES)
def runtime(request, monkeypatch):
    if request.param == "onnxruntime":
        pytest.importorskip("onnxruntime")
    else:
        import inpaint.onnx_network

        monkeypatch.setattr(inpaint.onnx_network, "find_spec", lambda name: None)
    return request.param


def saved(path, *, joined=False, operator="Mul", names=("image", "mask"), toml=True):
    """A network that returns half of the image it is given, and its contract."""
    from onnx import TensorProto, helper

    def value(name, channels):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "h", "w"])

    half = helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5])
    if joined:
        inputs, nodes = [value("both", 4)], [helper.make_node("Conv", ["both", "kernel"], ["out"])]
        weights = np.zeros((3, 4, 1, 1), np.float32)
        weights[range(3), range(3)] = 0.5
        half = helper.make_tensor("kernel", TensorProto.FLOAT, [3, 4, 1, 1], weights.ravel())
    else:
        image, mask = names
        inputs = [value(image, 3), value(mask, 1)]
        nodes = [
            helper.make_node("Mul", [mask, "zero"], ["nothing"]),
            helper.make_node(operator, [image, "half"], ["dim"]),
            helper.make_node("Add", ["dim", "nothing"], ["out"]),
        ]
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
    graph = helper.make_graph(nodes, "g", inputs, [value("out", 3)], [half] if joined else [half, zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    if toml:
        path.with_suffix(".toml").write_text(
            f'inputs = "{"image+mask" if joined else "image, mask"}"\n'
            "image_range = [0, 255]\noutput_range = [0, 255]\nmask_values = [0, 1]\n"
            "masked = false\nmultiple = 8\nsize_px = 0\n"
        )
    return path


def photo():
    image = np.full((70, 90, 3), (200, 100, 50), np.uint8)
    mask = np.zeros((70, 90), bool)
    mask[20:40, 30:60] = True
    return image, mask


@pytest.mark.parametrize("joined", [False, True])
def test_a_network_of_ones_own_is_given_what_its_contract_says(tmp_path, runtime, joined):
    path = saved(tmp_path / "half.onnx", joined=joined)
    image, mask = photo()
    filled = load_inpainter("onnx", weights=path, device="cpu", colour=False)(image, mask)
    assert (filled[mask] == (100, 50, 25)).all()
    assert np.array_equal(filled[~mask], image[~mask])


def test_it_says_what_ran(tmp_path):
    inpainter = load_inpainter("onnx", weights=saved(tmp_path / "half.onnx"), device="cpu")
    assert inpainter.description.startswith("onnx (half.onnx), float32 on cpu")


def test_bad_files_are_one_line(tmp_path, runtime):
    def refused(match, path):
        with pytest.raises(ContractError, match=match) as caught:
            load_inpainter("onnx", weights=path, device="cpu")
        assert "\n" not in str(caught.value)

    (tmp_path / "page.onnx").write_text("<html>")
    saved(tmp_path / "spare.onnx").with_suffix(".toml").rename(tmp_path / "page.toml")
    refused(r"page\.onnx: expected an ONNX file that", tmp_path / "page.onnx")
    refused(r"expected the contract of none\.onnx", saved(tmp_path / "none.onnx", toml=False))
    refused("Nonsense", saved(tmp_path / "op.onnx", operator="Nonsense"))
    with pytest.raises(FileNotFoundError, match="there is no file gone"):
        load_inpainter("onnx", weights="gone")


def test_the_number_of_inputs_is_checked_where_it_is_told(tmp_path):
    pytest.importorskip("onnxruntime")
    path = saved(tmp_path / "two.onnx")
    joined = saved(tmp_path / "one.onnx", joined=True).with_suffix(".toml").read_text()
    path.with_suffix(".toml").write_text(joined)
    with pytest.raises(ContractError, match=r"says 1 inputs, the file has 2 \(image, mask\)"):
        load_inpainter("onnx", weights=path, device="cpu")


def test_without_weights_it_says_what_is_missing():
    with pytest.raises(RuntimeError, match="no weights of the ONNX network are published: expected a file"):
        load_inpainter("onnx")
