"""Files of the networks that repair a photo without a mask."""

import pytest
import torch

from inpaint.checkpoints import (
    CheckpointError,
    check,
    convert,
    load_blind_network,
    load_network,
    save_network,
)
from inpaint.formats import BLIND_NETWORKS, NETWORKS, build_blind_network, build_network

EVERY_NETWORK = pytest.mark.parametrize("name", list(BLIND_NETWORKS))


def trained(name: str) -> torch.nn.Module:
    network = build_blind_network(name, {"width": 0.1}, generator=torch.Generator().manual_seed(4))
    for key, value in network.state_dict().items():
        if "running" in key:
            value.add_(0.25)
    return network


@EVERY_NETWORK
def test_what_was_trained_here_loads_as_it_was(tmp_path, name):
    network = trained(name)
    path = save_network(network, tmp_path / "mine.safetensors", notes={"source": "run 7"})
    loaded = load_blind_network(path, BLIND_NETWORKS[name])
    assert type(loaded) is BLIND_NETWORKS[name]
    assert loaded.options == network.options
    assert not loaded.training
    before, after = network.state_dict(), loaded.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    report = check(convert(path, tmp_path / "again.safetensors"))
    assert (report.network, report.layout, report.source) == (name, "ours", "run 7")


@EVERY_NETWORK
def test_half_of_the_size_keeps_the_weights_within_a_thousandth(tmp_path, name):
    network = trained(name)
    whole = save_network(network, tmp_path / "whole.safetensors")
    path = save_network(network, tmp_path / "half.safetensors", half=True)
    assert path.stat().st_size < 0.65 * whole.stat().st_size
    loaded = load_blind_network(path, BLIND_NETWORKS[name]).state_dict()
    for key, value in network.state_dict().items():
        if value.ndim < 2:
            assert torch.equal(loaded[key], value), key
        else:
            assert loaded[key].dtype == torch.float32
            torch.testing.assert_close(loaded[key], value, rtol=1e-3, atol=1e-6)


@EVERY_NETWORK
def test_the_two_kinds_are_not_taken_for_one_another(tmp_path, name):
    path = save_network(trained(name), tmp_path / "mine.safetensors")
    title = name.replace("-", " ")
    with pytest.raises(CheckpointError, match=f"mine.safetensors: {title} fills no hole; accepted are Deep"):
        load_network(path)
    with pytest.raises(CheckpointError, match=f"no GLCIC generator, it holds {title}; accepted are"):
        load_network(path, "glcic")
    other = save_network(build_network("autoencoder", {"width": 0.05}), tmp_path / "other.safetensors")
    message = (
        rf"no {title} generator, it holds autoencoder \(--inpainter autoencoder\); accepted are {title} as"
    )
    with pytest.raises(CheckpointError, match=message):
        load_blind_network(other, BLIND_NETWORKS[name])


def test_names_are_not_shared_and_an_unknown_one_is_refused():
    assert not BLIND_NETWORKS.keys() & NETWORKS.keys()
    with pytest.raises(ValueError, match=r"a network of mask-prediction.*, got 'glcic'"):
        build_blind_network("glcic")
