"""The networks on the command line: files trained here, files that do not fit, weights that cannot be had."""

import numpy as np
import pytest
import torch
from PIL import Image

from inpaint.checkpoints import save_network
from inpaint.formats import NETWORKS, build_network

TASK = ("--masks", "mask.png", "photo.png", "--no-refine", "--inpainter")


@pytest.fixture
def photo(invoke, tmp_path) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 255, (70, 96, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    mask = np.zeros((70, 96), np.uint8)
    mask[20:44, 30:60] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return pixels


def trained(name: str, path) -> None:
    save_network(build_network(name, {"width": 0.1}), path, notes={"source": "run 7"})


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_file_trained_here_fills_a_photo(invoke, photo, tmp_path, name):
    trained(name, tmp_path / "mine.safetensors")
    result = invoke(*TASK, name, "--weights", "mine.safetensors", "--json")
    assert result.exit_code == 0, result.output
    after = np.asarray(Image.open("photo.removed.png"))
    hole = np.asarray(Image.open("mask.png")) > 0
    assert np.array_equal(after[~hole], photo[~hole])
    assert (after[hole] != photo[hole]).any(axis=1).mean() > 0.9
    result = invoke("weights", "check", "mine.safetensors")
    assert f"{name}, layout ours" in result.stdout
    assert "source run 7" in result.stdout


@pytest.mark.parametrize("name", ["autoencoder", "context-encoder"])
def test_networks_without_published_weights_ask_for_a_file(invoke, photo, name):
    result = invoke(*TASK, name)
    assert result.exit_code == 1
    assert (
        f"no weights of the {name.replace('-', ' ')} are published: expected a file of your own"
        in result.stderr
    )


@pytest.mark.parametrize(
    ("name", "file_name"),
    [
        ("deepfillv1", "deepfillv1_256x256_8x2_places_20200619-c00a0e21.pth"),
        ("glcic", "gl_256x256_8x12_places_20200619-52a040a8.pth"),
    ],
)
def test_published_weights_that_cannot_be_had_are_named(invoke, photo, name, file_name):
    result = invoke(*TASK, name)
    assert result.exit_code == 1
    assert f"REMOVAL_OFFLINE is set; download {file_name} from https://" in result.stderr
    assert file_name in invoke("weights", "list").stdout


def test_files_that_do_not_fit_are_one_line(invoke, photo, tmp_path):
    trained("glcic", tmp_path / "mine.safetensors")
    result = invoke(*TASK, "deepfillv1", "--weights", "mine.safetensors")
    assert result.exit_code == 1
    assert "mine.safetensors: no DeepFillv1 generator, it holds GLCIC (--inpainter glcic)" in result.stderr
    torch.save({"layer.weight": torch.zeros(1)}, "other.pth")
    result = invoke(*TASK, "autoencoder", "--weights", "other.pth")
    assert result.exit_code == 1
    assert "other.pth: no autoencoder generator, it holds layer.weight" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    result = invoke(*TASK, "glcic", "--weights", "none.pth")
    assert result.exit_code == 1
    assert "there is no file none.pth, nor published weights of that name (glcic-places)" in result.stderr


def test_the_help_leads_to_a_list_of_every_network(invoke):
    assert "remove models lists all" in " ".join(invoke("--help-all").stdout.split())
    listed = invoke("models").output
    assert [name for name in NETWORKS if f"\n  {name}" not in listed] == []
