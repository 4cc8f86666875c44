import hashlib
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from inpaint.checkpoints import CheckpointError, check, convert, identify, load_deepfillv2
from inpaint.networks.deepfillv2 import DeepFillV2
from inpaint.networks.layouts import LAYOUTS
from inpaint.published import record_of
from inpaint.registry import published_weights
from tests import published

EVERY_LAYOUT = pytest.mark.parametrize("layout", list(LAYOUTS))


def published_state(layout: str) -> dict[str, torch.Tensor]:
    """Fresh weights under the published names."""
    ours = DeepFillV2(LAYOUTS[layout]).state_dict()
    return {name: ours[key] for name, key in LAYOUTS[layout].key_map().items()}


@pytest.fixture(scope="module")
def pt_state():
    return published_state("nipponjo_pt")


def as_published(layout: str, state: dict[str, torch.Tensor]) -> dict[str, object]:
    """The state as the published file of that layout nests it, with all that it holds besides."""
    if layout == "mmagic":
        entries = OrderedDict((f"generator.{name}", tensor) for name, tensor in state.items())
        entries["generator.stage2.contextual_attention_neck.contextual_attention.fuse_kernel"] = torch.eye(3)
        entries["disc.discriminator.convs.0.weight_orig"] = torch.zeros(2, 2)
        return {"meta": {"iter": 3, "time": "today"}, "state_dict": entries}
    extra = {"stage2.contextual_attention.fuse_weight": torch.eye(3).view(1, 1, 3, 3)}
    return {
        "G": state | (extra if layout == "nipponjo_pt" else {}),
        "D": {"conv1.weight": torch.zeros(2)},
        "n": 3,
    }


@EVERY_LAYOUT
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_as_published_is_recognised_and_loaded(tmp_path, layout, zipped):
    state = published_state(layout)
    path = tmp_path / "weights.pth"
    torch.save(as_published(layout, state), path, _use_new_zipfile_serialization=zipped)
    assert identify(path) == layout
    network = load_deepfillv2(path)
    assert network.layout is LAYOUTS[layout]
    assert not network.training
    loaded = network.state_dict()
    for name, key in LAYOUTS[layout].key_map().items():
        assert torch.equal(loaded[key], state[name])


@EVERY_LAYOUT
def test_the_names_are_those_of_the_published_files(layout):
    ours = {name: list(tensor.shape) for name, tensor in published_state(layout).items()}
    assert ours == published.shapes(layout)


def test_a_bare_state_dict_loads_and_half_precision_becomes_float32(pt_state):
    state = {name: tensor.half() for name, tensor in pt_state.items()}
    network = load_deepfillv2(state, max_scores_mb=5)
    assert network.max_scores_mb == 5
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def prefixed(state, prefix):
    return {prefix + name: value for name, value in state.items()}


@pytest.mark.parametrize(
    "nest",
    [
        lambda state: {"G": {"state_dict": state}},
        lambda state: {"state_dict": {"G": state, "D": {"x": torch.zeros(1)}}},
        lambda state: {"generator": {"state_dict": {"G": state}}},
        lambda state: prefixed(state, "module."),
        lambda state: {"state_dict": prefixed(state, "module.generator.")},
        lambda state: prefixed(state, "G.") | {"D.conv.weight": torch.zeros(1)},
        lambda state: {"G": prefixed(state, "generator.module.")},
        lambda state: prefixed(prefixed(state, "G."), "module.") | {"module.D.x": torch.zeros(1)},
    ],
)
def test_any_nesting_is_unwrapped(pt_state, nest):
    network = load_deepfillv2(nest(pt_state))
    loaded = network.state_dict()
    key_map = LAYOUTS["nipponjo_pt"].key_map()
    assert all(torch.equal(loaded[key], pt_state[name]) for name, key in key_map.items())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path, pt_state, value):
    name = "stage1.conv1.conv.weight"
    bad = pt_state[name].clone()
    bad[0, 0, 0, 0] = value
    path = tmp_path / "weights.pth"
    torch.save(pt_state | {name: bad}, path)
    for refuse in (load_deepfillv2, check):
        with pytest.raises(CheckpointError, match=r"conv1\.conv\.weight holds NaN or infinity"):
            refuse(path)


def test_missing_and_unexpected_names_are_named_five_of_each(pt_state):
    names = list(pt_state)
    state = {name: pt_state[name] for name in names[7:]} | {f"other{i}": torch.zeros(1) for i in range(2)}
    with pytest.raises(CheckpointError) as error:
        load_deepfillv2(state)
    message = str(error.value)
    assert "nipponjo_pt generator" in message
    assert f"missing {', '.join(names[:5])} and 2 more; unexpected other0, other1;" in message
    assert names[5] not in message
    assert "formats nipponjo_pt, nipponjo_tf, mmagic" in message


def test_a_mapping_that_holds_itself_is_no_generator():
    loop = {}
    loop["G"] = loop
    with pytest.raises(CheckpointError, match="it holds G"):
        load_deepfillv2(loop)


def test_another_network_is_refused():
    with pytest.raises(
        CheckpointError, match=r"no DeepFillv2 generator, it holds layer\.weight; accepted are"
    ):
        load_deepfillv2({"layer.weight": torch.zeros(3)})
    with pytest.raises(CheckpointError, match="it holds nothing"):
        identify({})


def test_a_wrong_shape_or_kind_is_named(pt_state):
    name = "stage1.conv1.conv.weight"
    with pytest.raises(
        CheckpointError, match=r"conv1\.conv\.weight of shape \(2,\) instead of \(48, 5, 5, 5\)"
    ):
        load_deepfillv2(pt_state | {name: torch.zeros(2)})
    with pytest.raises(CheckpointError, match=r"conv1\.conv\.weight as a tensor of floats, got torch.int64"):
        load_deepfillv2(pt_state | {name: torch.zeros(48, 5, 5, 5, dtype=torch.int64)})
    with pytest.raises(CheckpointError, match="as a tensor of floats, got str"):
        load_deepfillv2(pt_state | {name: "gone"})


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.0005, 0.01, 0.5, 0.999])
def test_a_file_cut_short_is_refused(tmp_path, pt_state, zipped, share):
    path = tmp_path / "weights.pth"
    torch.save({"G": pt_state}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match=r"weights\.pth: damaged, cut short, or no file of weights"):
        load_deepfillv2(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("w.safetensors", b""),
        ("w.safetensors", b"\x40\x00\x00"),
        ("w.safetensors", b"\x80" + 19 * b"\xff"),
        ("w.safetensors", b"\x40" + 7 * b"\x00"),
        ("w.pth", b"P"),
        ("w.pth", b"PK\x03"),
        ("w.pth", b"\x80\x02"),
        ("w.pth", b"\x80\x02\x8a"),
        ("w.pth", b"<!DOCTYPE html><html><body>Sign in</body></html>"),
    ],
)
def test_what_is_no_file_of_weights_is_called_that(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged, cut short, or no file of weights"):
        load_deepfillv2(path)


class Code:
    """An object whose pickle runs a command when it is loaded."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_pickle_that_holds_code_is_refused_and_not_run(tmp_path, pt_state):
    marker = tmp_path / "ran"
    path = tmp_path / "weights.pth"
    for zipped in (True, False):
        torch.save({"G": pt_state, "x": Code(marker)}, path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(
            CheckpointError, match=r"refused: .*it holds (posix|nt)\.system, and loading that would run code"
        ):
            load_deepfillv2(path)
    path.write_bytes(pickle.dumps(Code(marker)))
    with pytest.raises(CheckpointError, match="refused"):
        check(path)
    assert not marker.exists()


def test_the_hash_is_held_to_the_one_given_and_to_the_published_one(tmp_path, pt_state):
    path = tmp_path / "weights.pth"
    torch.save(pt_state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert load_deepfillv2(path, sha256_prefix=digest[:8].upper()).layout.name == "nipponjo_pt"
    with pytest.raises(CheckpointError, match=f"expected a SHA-256 starting 00000000, got {digest[:8]}"):
        load_deepfillv2(path, sha256_prefix="00000000")
    impostor = path.rename(tmp_path / published_weights()["deepfillv2-places"].file_name)
    with pytest.raises(CheckpointError, match=f"starting 10d15793, got {digest[:8]}"):
        load_deepfillv2(impostor)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_deepfillv2(tmp_path / "none.pth")


def test_check_says_what_a_file_holds(tmp_path, pt_state):
    path = tmp_path / "states_pt_places2.pth"
    torch.save({"G": pt_state}, path)
    report = check(path)
    assert (report.layout, report.parameters, report.source) == ("nipponjo_pt", 4052478, path.name)
    assert report.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert report.published is published_weights()["deepfillv2-pt-places2"]
    assert "CC BY-NC 4.0" in report.published.licence


def test_convert_writes_safetensors_that_load_and_tell_their_origin(tmp_path, pt_state):
    path = tmp_path / "weights.pth"
    torch.save(as_published("nipponjo_pt", pt_state), path)
    out = convert(path, tmp_path / "weights.safetensors")
    with safe_open(out, framework="pt") as file:
        assert file.metadata() == {
            "format": "deepfillv2",
            "layout": "nipponjo_pt",
            "source": "weights.pth",
            "source_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        assert set(file.keys()) == set(pt_state)
    assert identify(out) == "nipponjo_pt"
    assert check(out).source == "weights.pth"
    loaded, original = load_deepfillv2(out).state_dict(), load_deepfillv2(path).state_dict()
    assert all(torch.equal(loaded[key], original[key]) for key in original)
    with pytest.raises(FileExistsError):
        convert(path, out)
    assert convert(path, out, overwrite=True) == out
    with pytest.raises(ValueError, match=r"ending in \.safetensors, got weights\.bin"):
        convert(path, tmp_path / "weights.bin")
    out.write_bytes(out.read_bytes()[:100_000])
    with pytest.raises(CheckpointError, match="damaged, cut short"):
        load_deepfillv2(out)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["weights.pth", "weights.safetensors"]


def test_convert_says_where_it_cannot_write(tmp_path, pt_state):
    path = tmp_path / "weights.pth"
    torch.save(pt_state, path)
    with pytest.raises(FileNotFoundError, match=r"none/w\.safetensors.*there is no folder"):
        convert(path, tmp_path / "none" / "w.safetensors")
    with pytest.raises(OSError, match=r"wwww\.safetensors"):
        convert(path, tmp_path / ("w" * 250 + ".safetensors"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["weights.pth"]


def test_convert_takes_tensors_that_share_memory(tmp_path, pt_state):
    first, second = (f"stage1.down_block1.{name}.conv.bias" for name in ("conv1_downsample", "conv2"))
    path = tmp_path / "weights.pth"
    torch.save(pt_state | {second: pt_state[first]}, path)
    out = convert(path, tmp_path / "w.safetensors")
    with safe_open(out, framework="pt") as file:
        assert torch.equal(file.get_tensor(second), file.get_tensor(first))


def test_converting_a_converted_file_keeps_its_origin(tmp_path, pt_state):
    path = tmp_path / "weights.pth"
    torch.save(pt_state, path)
    once = convert(path, tmp_path / "once.safetensors")
    twice = convert(once, tmp_path / "twice.safetensors")
    assert check(twice).source == "weights.pth"
    with safe_open(twice, framework="pt") as file:
        assert file.metadata()["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_records_name_what_is_published():
    assert set(published_weights()) == {
        "deepfillv2-places",
        "deepfillv2-celeba",
        "deepfillv2-pt-places2",
        "deepfillv2-tf-places2",
        "deepfillv2-pt-celebahq",
        "deepfillv2-tf-celebahq",
        "deepfillv1-places",
        "glcic-places",
        "lama",
        "mi-gan",
        "stable-diffusion",
        "sdxl",
    }
    places = published_weights()["deepfillv2-places"]
    assert places.url.endswith("/deepfillv2_256x256_8x2_places_20200619-10d15793.pth")
    assert (places.architecture, places.by_hand) == ("DeepFillv2, layout mmagic", False)
    tf = published_weights()["deepfillv2-tf-celebahq"]
    assert (tf.file_name, tf.sha256_prefix) == ("states_tf_celebahq.pth", None)
    assert tf.architecture == "DeepFillv2, layout nipponjo_tf"
    assert "no commercial use" in tf.licence
    assert record_of(Path("folder") / tf.file_name) is tf
