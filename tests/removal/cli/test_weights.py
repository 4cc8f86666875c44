import os
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from inpaint.networks.deepfillv2 import DeepFillV2
from inpaint.networks.layouts import LAYOUTS
from tests import published


def test_the_list_names_files_terms_and_state(invoke, tmp_path):
    cached = tmp_path / "torch/hub/checkpoints/states_pt_places2.pth"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"")
    result = invoke("weights", "list")
    assert result.exit_code == 0, result.output
    for text in (
        "maskrcnn (not fetched)",
        "deepfillv2-places (not fetched)",
        "deepfillv2-pt-places2 (in the cache)",
        "deepfillv2-tf-places2 (by hand)",
        "CC BY-NC 4.0",
        "sha256 10d15793",
        "mask AP 41.8",
        str(tmp_path / "torch/hub/checkpoints"),
    ):
        assert text in result.stdout


def test_fetching_what_cannot_be_had_is_one_line(invoke):
    result = invoke("weights", "fetch", "deepfillv2-places")
    assert result.exit_code == 1
    assert "REMOVAL_OFFLINE is set; download deepfillv2_256x256" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    result = invoke("weights", "fetch", "deepfillv3")
    assert result.exit_code == 2
    assert "deepfillv2-places" in result.stderr


class Evil:
    def __reduce__(self):
        return (os.mkdir, ("owned",))


def test_bad_files_are_one_line_and_no_code_is_run(invoke, tmp_path):
    with open("code.pth", "wb") as file:
        pickle.dump({"stage1": Evil()}, file)
    torch.save({"stage1.other": torch.zeros(1)}, "keys.pth")
    (tmp_path / "text.pth").write_text("hello")
    for name in ("code.pth", "keys.pth", "text.pth", "missing.pth"):
        for command in ("check", "convert"):
            result = invoke("weights", command, name)
            assert result.exit_code == 1, (name, command)
            assert name in result.stderr
            assert len(result.stderr.splitlines()) == 1, result.stderr
    assert not (tmp_path / "owned").exists()
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_name_that_nobody_published_is_one_line(invoke):
    result = invoke("weights", "check", "nosuch", "--run")
    assert result.exit_code == 1
    said = "there is no file nosuch, nor published weights of that name: `remove weights list` has these"
    assert result.stderr == f"Error: {said}\n"


def test_the_weights_of_prompters_are_known_by_name(invoke, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert "sam2.1-tiny (not fetched)" in invoke("weights", "list").stdout
    result = invoke("weights", "fetch", "sam2.1-tiny")
    assert result.exit_code == 1
    assert "facebook/sam2.1-hiera-tiny cannot be had: " in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_segmenters_weights_are_checked_by_name_and_by_short_name(invoke, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--Roboflow--rf-detr-seg-nano"
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc" / "model.safetensors").write_bytes(b"")
    for name in ("rf-detr-nano", "rf-detr-seg-nano"):
        result = invoke("weights", "check", name)
        assert result.exit_code == 0, result.output
        assert "RF-DETR-Seg nano; no hash is published" in result.stdout
        result = invoke("weights", "check", name, "--run")
        assert result.exit_code == 1
        assert "rf-detr-seg-nano are no weights of an inpainter" in result.stderr


@pytest.fixture
def generator_file(tmp_path):
    """A file in the layout nipponjo_pt, with random weights under the published names."""
    shapes = published.shapes("nipponjo_pt")
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.randn(shape, generator=generator) * 0.05 for name, shape in shapes.items()}
    torch.save({"G": state}, tmp_path / "mine.pth")
    return tmp_path / "mine.pth"


def test_check_convert_and_use(invoke, generator_file, tmp_path):
    result = invoke("weights", "check", generator_file)
    assert result.exit_code == 0, result.output
    assert "layout nipponjo_pt, 4,052,478 parameters" in result.stdout
    assert invoke("weights", "convert", generator_file).exit_code == 0
    result = invoke("weights", "convert", generator_file)
    assert result.exit_code == 1
    assert "--overwrite" in result.stderr
    result = invoke("weights", "check", "mine.safetensors")
    assert "layout nipponjo_pt" in result.stdout
    assert "source mine.pth" in result.stdout
    pixels = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    Image.fromarray(pixels).save("photo.png")
    mask = np.zeros((64, 96), np.uint8)
    mask[20:44, 30:60] = 255
    Image.fromarray(mask).save("mask.png")
    arguments = ("--masks", "mask.png", "photo.png", "--no-refine", "--inpainter", "deepfillv2")
    result = invoke(*arguments, "--weights", "mine.safetensors", "--json")
    assert result.exit_code == 0, result.output
    after = np.asarray(Image.open("photo.removed.png"))
    assert np.array_equal(after[mask == 0], pixels[mask == 0])
    assert not np.array_equal(after[mask > 0], pixels[mask > 0])
    result = invoke(*arguments, "--weights", "none.pth", "--overwrite")
    assert result.exit_code == 1
    assert "none.pth" in result.stderr


def test_the_parameter_count_is_the_papers():
    network = DeepFillV2(LAYOUTS["nipponjo_pt"])
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_052_478


def test_what_steers_a_terminal_never_reaches_it(invoke, tmp_path):
    from safetensors.torch import save_file

    from inpaint.checkpoints import save_network
    from inpaint.networks.glcic import GLCIC

    notes = {"source": "\x1b]0;owned\x07\x1b[31mred\nfake line: ok"}
    save_network(GLCIC(width=0.125), tmp_path / "a.safetensors", notes=notes)
    result = invoke("weights", "check", tmp_path / "a.safetensors")
    assert result.exit_code == 0, result.output
    assert r"source \x1b]0;owned\x07\x1b[31mred fake line: ok" in result.stdout
    save_file({"\x1b[31mevil\x9b": torch.zeros(1)}, tmp_path / "b.safetensors")
    result = invoke("weights", "check", tmp_path / "b.safetensors")
    assert result.exit_code == 1
    assert r"it holds \x1b[31mevil\x9b" in result.stderr
    assert "\x1b" not in result.output
