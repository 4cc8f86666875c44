"""`remove weights check NAME --run`, with stand-ins of the published contracts."""

import hashlib
import warnings
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:FutureWarning")


class Mean(nn.Module):
    """LaMa's contract: the mean colour of what is kept."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        kept = 1 - mask
        mean = (image * kept).sum(dim=(2, 3), keepdim=True) / kept.sum(dim=(2, 3), keepdim=True)
        return mean.expand_as(image)


class Inverse(nn.Module):
    """Returns the negative of what it is shown, the hole included."""

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        return 1 - image


def saved(module, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save(str(path))
    return path


@pytest.fixture
def lama(monkeypatch, tmp_path):
    """Puts a stand-in into the cache under LaMa's name, as if it had been published."""
    import inpaint.lama
    import inpaint.records

    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)

    def put(module):
        path = saved(module, cache / "big-lama.pt")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        weights = replace(inpaint.lama.WEIGHTS, sha256_prefix=digest)
        known = replace(inpaint.records.INPAINTERS["lama"], weights=(weights,))
        monkeypatch.setitem(inpaint.records.INPAINTERS, "lama", known)
        return known

    return put


def test_published_weights_are_checked_by_name(invoke, tmp_path, lama):
    result = invoke("weights", "check", "lama")
    assert result.exit_code == 1
    assert "lama is not in the cache: `remove weights fetch lama` fetches it" in result.stderr
    (tmp_path / "torch/hub/checkpoints/big-lama.pt").write_bytes(b"<html>")
    result = invoke("weights", "check", "lama")
    assert result.exit_code == 1
    assert "is not big-lama.pt: expected a SHA-256 starting 344c77bb" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    lama(Mean())
    result = invoke("weights", "check", "lama")
    assert result.exit_code == 0, result.output
    assert "its hash is the published one" in result.stdout


def test_a_run_fills_the_scene_and_says_that_no_reference_is_known(invoke, lama):
    lama(Mean())
    result = invoke("weights", "check", "lama", "--run", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "lama (big-lama.pt), float32 on cpu" in result.stdout
    assert "no reference figure is known for lama yet" in result.stdout
    assert "no fault found" in result.stdout


def test_a_run_finds_another_models_file_and_a_wrong_figure(invoke, lama, monkeypatch):
    import inpaint.records

    known = lama(Inverse())
    result = invoke("weights", "check", "lama", "--run", "--device", "cpu")
    assert result.exit_code == 1
    assert "far worse than smoothing" in result.stdout
    assert "depends on what lies in the hole" in result.stdout
    known = lama(Mean())
    monkeypatch.setitem(inpaint.records.INPAINTERS, "lama", replace(known, reference_db=60.0))
    result = invoke("weights", "check", "lama", "--run", "--device", "cpu")
    assert result.exit_code == 1
    assert "It should have come to 60.00 dB" in result.stdout


def test_a_file_of_ones_own_is_tried_by_the_model_that_is_named(invoke, tmp_path):
    saved(Mean(), tmp_path / "mine.pt")
    result = invoke("weights", "check", "mine.pt", "--run", "--inpainter", "torchscript", "--device", "cpu")
    assert result.exit_code == 1
    assert "mine.toml" in result.stderr
    (tmp_path / "mine.toml").write_text(
        'inputs = "image, mask"\nimage_range = [0, 1]\noutput_range = [0, 1]\nmask_values = [0, 1]\n'
        "masked = true\nmultiple = 8\nsize_px = 0\n"
    )
    result = invoke("weights", "check", "mine.pt", "--run", "--inpainter", "torchscript", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "torchscript (mine.pt)" in result.stdout


def test_a_segmenters_weights_are_no_inpainter(invoke, tmp_path):
    from segment.published import MASKRCNN_V1

    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / MASKRCNN_V1.file_name).write_bytes(b"")
    result = invoke("weights", "check", "maskrcnn-v1", "--run")
    assert result.exit_code == 1
    assert "Error" in result.stderr
