"""Diffusion pipelines, tested with tiny ones of random weights (tests/tiny_pipelines.py)."""

import json
import shutil

import numpy as np
import pytest
import torch

from _removal_support.pretrained import WeightsError
from inpaint import load_inpainter, sdxl, stable_diffusion
from inpaint.diffusion import DiffusionNetwork, smoothed_over
from inpaint.diffusion_contract import NEGATIVE_PROMPT, PROMPT, DiffusionContract, DiffusionError
from inpaint.network_inpainter import NetworkInpainter
from inpaint.record import MissingPackageError
from inpaint.registry import record

pytest.importorskip("diffusers")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


class Recorder:
    """A pipeline that notes what it is called with and draws one grey."""

    def __init__(self, *, flagged: bool = False, grey: float = 0.5) -> None:
        self.components = {"unet": torch.nn.Linear(2, 2), "scheduler": object()}
        self.calls: list[dict] = []
        self.flagged, self.grey = flagged, grey

    def __call__(self, **given):
        self.calls.append(given)
        picture = torch.full((1, 3, given["height"], given["width"]), self.grey)
        noise = torch.rand(1, generator=given["generator"])
        picture[0, 0] = self.grey + 0.1 * noise
        found = type("Output", (), {})()
        found.images, found.nsfw_content_detected = picture, [self.flagged]
        return found


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    from tests.tiny_pipelines import save_sdxl, save_stable_diffusion

    root = tmp_path_factory.mktemp("pipelines")
    return {
        "stable-diffusion": save_stable_diffusion(root / "sd", flags_all=False),
        "flags": save_stable_diffusion(root / "flags", flags_all=True),
        "sdxl": save_sdxl(root / "sdxl"),
    }


def photo(height=100, width=140):
    image = np.full((height, width, 3), (200, 100, 50), np.uint8)
    mask = np.zeros((height, width), bool)
    mask[40:60, 50:90] = True
    return image, mask


def in_windows(pipeline, contract=stable_diffusion.CONTRACT, seed=0):
    return NetworkInpainter(DiffusionNetwork(pipeline, contract, "sd", seed=seed), device="cpu", seed=seed)


def test_a_pipeline_is_given_what_its_contract_says():
    pipeline = Recorder()
    image, mask = photo(701, 1100)
    image[mask] = (0, 0, 255)  # must not be seen
    in_windows(pipeline)(image, mask)
    (given,) = pipeline.calls
    assert (given["prompt"], given["negative_prompt"]) == (PROMPT, NEGATIVE_PROMPT)
    assert "background" in PROMPT
    assert "person, people" in NEGATIVE_PROMPT
    assert (given["strength"], given["num_inference_steps"], given["guidance_scale"]) == (1.0, 30, 7.5)
    picture, hole = given["image"], given["mask_image"]
    assert (picture.mode, hole.mode, picture.size, hole.size) == ("RGB", "L", (512, 512), (512, 512))
    assert set(np.unique(np.asarray(hole))) == {0, 255}
    assert np.asarray(hole)[::8, ::8].repeat(8, 0).repeat(8, 1).tolist() == np.asarray(hole).tolist()
    assert np.abs(np.asarray(picture).astype(int) - (200, 100, 50)).max() <= 1


def test_sizes_are_multiples_of_8_and_native_whatever_the_working_size_says():
    assert (sdxl.CONTRACT.native_px, sdxl.CONTRACT.strength) == (1024, 0.99)
    pipeline = Recorder()
    image, mask = photo(100, 141)  # enlarged, and 141 : 100 of 1024 is 726, no multiple of 8
    filled = in_windows(pipeline, sdxl.CONTRACT)(image, mask)
    assert pipeline.calls[0]["image"].size == (1024, 728)
    assert np.array_equal(filled[~mask], image[~mask])
    assert not np.array_equal(filled[mask], image[mask])


def test_a_hole_thinner_than_a_cell_of_the_latent_image_is_not_missed():
    pipeline = Recorder()
    network = DiffusionNetwork(pipeline, stable_diffusion.CONTRACT, "sd")
    images, masks = torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    masks[..., 20:50, 21] = 1
    network(images, masks)
    hole = np.asarray(pipeline.calls[0]["mask_image"]) > 0
    assert hole[16:56, 16:24].all()
    assert hole.sum() == 40 * 8


def test_what_lies_in_the_hole_is_smoothed_over():
    image = np.full((32, 32, 3), 90, np.uint8)
    hole = np.zeros((32, 32), bool)
    hole[8:24, 8:24] = True
    image[hole] = 255
    assert np.abs(smoothed_over(image, hole).astype(int) - 90).max() <= 1


def test_black_of_the_safety_checker_and_of_anything_else_is_a_failure():
    image, mask = photo()
    with pytest.raises(DiffusionError, match="safety checker of sd held its picture back"):
        in_windows(Recorder(flagged=True))(image, mask)
    with pytest.raises(ValueError, match="sd gave black where nothing around the hole is black"):
        in_windows(Recorder(grey=-1.0))(image, mask)
    with pytest.raises(ValueError, match="sd gave NaN or infinity"):
        in_windows(Recorder(grey=float("nan")))(image, mask)


@pytest.mark.parametrize("name", ["stable-diffusion", "sdxl"])
def test_a_real_pipeline_fills_the_hole_alone_and_the_seed_decides(folders, name):
    from inpaint.diffusion import build
    from inpaint.inpainter import InpainterOptions

    contract = {
        "stable-diffusion": DiffusionContract(stable_diffusion.CONTRACT.pipeline, 128, 1.0, 2, 7.5),
        "sdxl": DiffusionContract(sdxl.CONTRACT.pipeline, 128, 0.99, 2, 8.0),
    }[name]
    image, mask = photo()

    def fill(seed, **options):
        chosen = InpainterOptions(device="cpu", weights=folders[name], seed=seed, detail=False, **options)
        return build(record(name), chosen, contract)(image, mask)

    first = fill(0)
    assert np.array_equal(first[~mask], image[~mask])
    assert np.array_equal(first, fill(0))
    assert not np.array_equal(first, fill(1))
    assert not np.array_equal(first, fill(0, prompt="zzz"))
    assert not np.array_equal(first, fill(0, guidance=2.0))


def test_the_registry_builds_one_from_a_folder_and_says_what_runs(folders):
    inpainter = load_inpainter(
        "stable-diffusion", weights=str(folders["stable-diffusion"]), device="cpu", steps=2, prompt="sand"
    )
    assert inpainter.description == (
        "stable-diffusion (2 steps, guidance 7.5, prompt 'sand', sd), float32 on cpu, at 512 px, detail and "
        "colour restored, effort normal, seed 0"
    )
    assert inpainter.parameters > 10_000
    image, mask = photo()
    with pytest.raises(DiffusionError, match="safety checker"):
        load_inpainter("stable-diffusion", weights=folders["flags"], device="cpu", steps=2)(image, mask)


def test_wrong_folders_words_and_numbers_are_one_line(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("REMOVAL_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))

    def refused(match, error=DiffusionError, name="stable-diffusion", **options):
        with pytest.raises(error, match=match) as caught:
            load_inpainter(name, device="cpu", **options)
        assert "\n" not in str(caught.value)

    good = folders["stable-diffusion"]
    refused("expected a StableDiffusionXLInpaintPipeline for sdxl, got a Stable", name="sdxl", weights=good)
    refused("expected a folder as diffusers saves it", weights=tmp_path)
    broken = tmp_path / "broken"
    shutil.copytree(good, broken)
    (broken / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"<html>")
    refused("expected a whole StableDiffusionInpaintPipeline as safetensors", weights=broken)
    (broken / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    refused("expected a whole StableDiffusionInpaintPipeline", weights=broken)
    refused("at most 300 tokens.*shorten it", weights=good, prompt="word " * 300)
    refused("expected steps from 2 to 1000, got 1", weights=good, steps=1)
    refused("expected a guidance from 1 to 100, got 0.5", weights=good, guidance=0.5)
    refused("there is no file nothing", FileNotFoundError, weights="nothing")
    refused(
        "no folder me/mine, and as a repository it cannot be had: it is not in",
        WeightsError,
        weights="me/mine",
    )
    refused("inpainting cannot be had: it is not in the cache and REMOVAL_OFFLINE is set", WeightsError)


def test_another_kind_of_unet_is_refused(tmp_path):
    from tests.tiny_pipelines import save_stable_diffusion

    folder = save_stable_diffusion(tmp_path / "depth", in_channels=5)
    with pytest.raises(DiffusionError, match="UNet of 9 channels \\(or 4\\), got 5"):
        load_inpainter("stable-diffusion", weights=folder, device="cpu")


def test_without_the_package_the_extra_is_named(monkeypatch):
    import inpaint.record

    monkeypatch.setattr(inpaint.record, "find_spec", lambda name: None)
    assert not record("sdxl").is_ready()
    with pytest.raises(
        MissingPackageError, match=r"diffusers and transformers not installed: pip install 'remo"
    ):
        load_inpainter("sdxl")


def test_the_records_hold_the_published_names():
    for model, repository in (
        (stable_diffusion, "stable-diffusion-v1-5/stable-diffusion-inpainting"),
        (sdxl, "diffusers/stable-diffusion-xl-1.0-inpainting-0.1"),
    ):
        assert model.WEIGHTS.url == f"https://huggingface.co/{repository}"
        assert "OpenRAIL" in model.WEIGHTS.licence
        assert json.dumps(model.WEIGHTS.patterns).count("safetensors") == 1
        assert not any("bin" in pattern for pattern in model.WEIGHTS.patterns)
