import cv2
import numpy as np
import pytest
import torch

from _removal_support.pretrained import WeightsError
from inpaint import blind_weights
from inpaint.blind import load_damage_finder
from inpaint.blind_weights import given_files, load_blind
from inpaint.checkpoints import save_network
from inpaint.networks.autoencoder import Autoencoder
from inpaint.networks.edge_prediction import EdgePredictor
from inpaint.networks.mask_prediction import MaskPredictor


@pytest.fixture
def mask_file(tmp_path, white_finder):
    return save_network(white_finder, tmp_path / "mask.safetensors")


@pytest.fixture
def edge_file(tmp_path):
    return save_network(EdgePredictor(width=1 / 32), tmp_path / "edge.safetensors")


def test_each_file_says_which_network_it_holds(mask_file, edge_file):
    assert given_files([edge_file, str(mask_file)]) == {
        "edge-prediction": edge_file,
        "mask-prediction": mask_file,
    }
    assert given_files([]) == {}


def test_the_given_file_is_taken(mask_file, edge_file, white_finder):
    network, path = load_blind(MaskPredictor, [edge_file, mask_file])
    assert path == mask_file
    assert not network.training
    assert torch.equal(network.head.weight, white_finder.head.weight)


def test_else_the_package_has_its_own(monkeypatch, tmp_path, mask_file, edge_file):
    monkeypatch.setattr(blind_weights, "FOLDER", tmp_path)
    mask_file.rename(tmp_path / "blind-mask-prediction.safetensors")
    _, path = load_blind(MaskPredictor, [edge_file])
    assert path == tmp_path / "blind-mask-prediction.safetensors"


def test_weights_that_the_package_lacks_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(blind_weights, "FOLDER", tmp_path)
    with pytest.raises(WeightsError, match=r"for edge-prediction, got no file .*blind-edge-prediction"):
        load_blind(EdgePredictor)


def test_files_that_cannot_serve(tmp_path, mask_file):
    with pytest.raises(FileNotFoundError, match="there is no file none"):
        given_files(["none"])
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(ValueError, match="text: no file of weights"):
        given_files([tmp_path / "text"])
    other = save_network(Autoencoder(width=1 / 32), tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"mask-prediction, edge-prediction.*; it holds 'autoencoder'"):
        given_files([other])
    with pytest.raises(ValueError, match=r"one file for mask-prediction, got .*mask\.safetensors and"):
        given_files([mask_file, mask_file])


def test_what_the_package_ships_is_small_and_whole():
    files = sorted(blind_weights.FOLDER.glob("*.safetensors"))
    assert sum(path.stat().st_size for path in files) <= 8_000_000
    assert given_files(files) == {path.stem.removeprefix("blind-"): path for path in files}
    network, path = load_blind(MaskPredictor)
    assert path in files
    assert not network.training


@pytest.mark.parametrize("colour", [(250, 40, 200), (255, 255, 255), (0, 0, 0)])
def test_the_map_s_weights_see_a_line_across_a_smooth_photo(colour):
    finder = load_damage_finder(device="cpu")
    rows, columns = np.mgrid[:256, :256]
    image = np.stack([60 + rows // 4, 90 + columns // 4, 120 + rows // 8], axis=2).astype(np.uint8)
    assert (finder(image) >= 0.5).mean() < 0.005
    stroke = np.zeros((256, 256), np.uint8)
    cv2.line(stroke, (20, 60), (230, 190), 1, 6)
    image[stroke > 0] = colour
    found = finder(image) >= 0.5
    assert (found & (stroke > 0)).sum() / (found | (stroke > 0)).sum() > 0.8
