"""Files of every network: as published, as converted, as trained here."""

import json

import pytest
import torch
from safetensors.torch import save_file

from inpaint.checkpoints import CheckpointError, check, convert, identify, load_network, save_network
from inpaint.formats import FORMATS, NETWORKS, build_network
from inpaint.records import INPAINTERS
from inpaint.registry import published_weights

EVERY_NETWORK = pytest.mark.parametrize("name", list(NETWORKS))
MMAGIC = pytest.mark.parametrize("name", ["deepfillv1", "glcic"])


def key_map(name: str) -> dict[str, str]:
    return next(dict(known.key_map) for known in FORMATS if known.network == name)


def published(name: str) -> dict[str, torch.Tensor]:
    """Fresh weights under the published names; running statistics unlike those of a fresh network."""
    generator = torch.Generator().manual_seed(1)
    ours = build_network(name).state_dict()
    state = {theirs: ours[key] for theirs, key in key_map(name).items()}
    return {
        theirs: torch.rand(value.shape, generator=generator) if "running" in theirs else value
        for theirs, value in state.items()
    }


def as_published(name: str) -> dict[str, object]:
    """As mmagic nests it, with all that its files hold besides."""
    entries = {f"generator.{key}": value for key, value in published(name).items()}
    entries["disc.global_disc.conv1.conv.weight"] = torch.zeros(2, 2)
    if name == "glcic":
        entries["generator.encoder.enc1.bn.num_batches_tracked"] = torch.tensor(7)
    else:
        entries["generator.stage2.contextual_attention_neck.contextual_attention.fuse_kernel"] = torch.eye(3)
    return {"meta": {"iter": 3}, "state_dict": entries}


@MMAGIC
def test_a_file_as_published_is_recognised_loaded_and_converted(tmp_path, name):
    path = tmp_path / "weights.pth"
    torch.save(as_published(name), path)
    network = load_network(path)
    assert isinstance(network, NETWORKS[name])
    assert not network.training
    loaded, state = network.state_dict(), published(name)
    assert all(torch.equal(loaded[key], state[theirs]) for theirs, key in key_map(name).items())
    out = convert(path, tmp_path / "weights.safetensors")
    again = load_network(out, name).state_dict()
    assert all(torch.equal(again[key], loaded[key]) for key in loaded)
    report = check(out)
    assert (report.network, report.layout, report.source) == (name, "mmagic", "weights.pth")
    assert report.parameters == {"deepfillv1": 3_601_542, "glcic": 6_069_155}[name]
    assert identify(path) == "mmagic"


def test_running_statistics_may_be_left_out_together_only():
    state = published("glcic")
    bare = {key: value for key, value in state.items() if "running" not in key}
    layer = load_network(bare).encoder[0]
    assert layer.norm.running_mean.tolist() == [0.0] * 64
    assert layer.norm.running_var.tolist() == [1.0] * 64
    del state["encoder.enc1.bn.running_mean"]
    with pytest.raises(CheckpointError, match=r"missing encoder\.enc1\.bn\.running_mean;"):
        load_network(state)


@pytest.mark.parametrize(("wanted", "held"), [("glcic", "deepfillv1"), ("deepfillv2", "glcic")])
def test_another_networks_file_is_named_as_such(wanted, held):
    no, but = INPAINTERS[wanted].title, INPAINTERS[held].title
    message = f"no {no} generator, it holds {but} \\(--inpainter {held}\\); accepted are"
    with pytest.raises(CheckpointError, match=message):
        load_network(published(held), wanted)


def test_what_is_accepted_is_said():
    with pytest.raises(CheckpointError) as error:
        load_network({"layer.weight": torch.zeros(3)})
    assert str(error.value) == (
        "the state dict: no generator that is known here, it holds layer.weight; accepted are "
        "DeepFillv2 generators in the formats nipponjo_pt, nipponjo_tf, mmagic; DeepFillv1 generators in the "
        "formats mmagic; GLCIC generators in the formats mmagic; any network as trained here "
        "(.pth or .safetensors)"
    )
    with pytest.raises(CheckpointError, match="accepted are autoencoder as trained here"):
        load_network({"layer.weight": torch.zeros(3)}, "autoencoder")


@EVERY_NETWORK
def test_what_was_trained_here_loads_as_it_was(tmp_path, name):
    network = build_network(name, {"width": 0.1}, generator=torch.Generator().manual_seed(4))
    for key, value in network.state_dict().items():
        if "running" in key:
            value.add_(0.25)
    path = save_network(network, tmp_path / "mine.safetensors", notes={"source": "run 7"})
    loaded = load_network(path, name)
    assert loaded.options == network.options
    assert not loaded.training
    before, after = network.state_dict(), loaded.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    report = check(path)
    assert (report.network, report.layout, report.source) == (name, "ours", "run 7")
    with pytest.raises(FileExistsError):
        save_network(network, path)
    again = convert(path, tmp_path / "again.safetensors")
    assert load_network(again, name).options == network.options
    assert check(again).source == "run 7"


def test_a_trained_file_of_another_network_is_named_as_such(tmp_path):
    path = save_network(build_network("autoencoder", {"width": 0.05}), tmp_path / "mine.safetensors")
    with pytest.raises(
        CheckpointError, match=r"mine\.safetensors: no context encoder generator, it holds auto"
    ):
        load_network(path, "context-encoder")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            {"format": "stylegan", "layout": "ours"},
            "name no network that is known here: .* got 'stylegan'",
        ),
        ({"layout": "ours"}, "name no network that is known here"),
        ({"format": "glcic", "layout": "ours", "options": "{"}, "name no network that is known here"),
        ({"format": "glcic", "layout": "ours", "options": "[1]"}, "name no network that is known here"),
        ({"format": "glcic", "layout": "ours", "options": '{"depth": 3}'}, "build no glcic: .*depth"),
        ({"format": "glcic", "layout": "ours", "options": '{"width": 99}'}, "build no glcic: .*at most 4"),
        (
            {"format": "glcic", "layout": "ours", "options": '{"width": 0.5}'},
            "not a whole glcic, layout ours",
        ),
        (
            {"format": "glcic", "layout": "ours", "options": '{"width": NaN}'},
            "build no glcic: .*got nan",
        ),
    ],
)
def test_metadata_that_fit_nothing_are_refused(tmp_path, metadata, message):
    path = tmp_path / "mine.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata=metadata)
    with pytest.raises(CheckpointError, match=message):
        load_network(path)


def test_weights_of_another_width_than_noted_are_refused(tmp_path):
    network = build_network("autoencoder", {"width": 0.1})
    network.options = network.options | {"width": 0.2}
    path = save_network(network, tmp_path / "mine.safetensors")
    with pytest.raises(CheckpointError, match=r"encoder\.0\.conv\.weight of shape \(6, 4, 4, 4\) instead of"):
        load_network(path)


def test_the_metadata_tell_what_a_trained_file_holds(tmp_path):
    from safetensors import safe_open

    network = build_network("context-encoder", {"width": 0.05, "size_px": 64})
    path = save_network(network, tmp_path / "mine.safetensors", notes={"steps": "9"})
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    options = {"size_px": 64, "bottleneck": None, "width": 0.05, "sees_hole": False}
    assert json.loads(metadata.pop("options")) == options
    assert metadata == {"format": "context-encoder", "layout": "ours", "steps": "9"}
    with pytest.raises(ValueError, match=r"ending in \.safetensors, got mine\.pth"):
        save_network(network, tmp_path / "mine.pth")


def test_no_two_formats_share_a_name_of_a_parameter():
    names = [known.key_map.keys() for known in FORMATS]
    assert all(not first & second for index, first in enumerate(names) for second in names[:index])


def test_the_records_name_the_published_files():
    prefix = "https://download.openmmlab.com/mmediting/inpainting/"
    known = published_weights()
    assert known["deepfillv1-places"].url == (
        f"{prefix}deepfillv1/deepfillv1_256x256_8x2_places_20200619-c00a0e21.pth"
    )
    assert known["glcic-places"].url == f"{prefix}global_local/gl_256x256_8x12_places_20200619-52a040a8.pth"
    assert known["glcic-places"].architecture == "GLCIC, layout mmagic"
    assert {name for name, known in INPAINTERS.items() if known.is_network} == {
        *NETWORKS,
        *("lama", "mi-gan", "stable-diffusion", "sdxl", "torchscript", "onnx", "reconstruction"),
    }
    for name, network in NETWORKS.items():
        known = INPAINTERS[name]
        assert known.title == network.title
        default = known.default()
        assert (default is None) == (not known.weights)
        assert default is None or default.architecture.startswith(known.title)
