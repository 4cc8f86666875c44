"""RF-DETR-Seg and Mask2Former from the shell, with small models of random weights that are sure of dogs."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("transformers")

from tests.tiny_detectors import save_mask2former, save_rf_detr

FAST = ("--inpainter", "telea", "--no-shadows", "--no-refine", "--json", "--score", "0.4")
MODELS = {"rf-detr-nano": save_rf_detr, "mask2former": save_mask2former}


@pytest.fixture
def photo(tmp_path, monkeypatch) -> np.ndarray:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 65536, (6, 8, 3)).astype(np.float32)
    pixels = cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC).clip(0, 65535).astype(np.uint16)
    cv2.imwrite("photo.png", pixels)
    return pixels


@pytest.mark.parametrize("name", MODELS)
def test_objects_are_erased_from_a_16_bit_photo(invoke, photo, tmp_path, name):
    MODELS[name](tmp_path / "weights", sure="dog")
    chosen = ("--segmenter", name, "--segmenter-weights", "weights", "--device", "cpu", *FAST)
    result = invoke("--class", "dog", *chosen, "photo.png", "--save-masks", "--no-refine-boxes")
    assert result.exit_code == 0, result.output
    [line] = result.stdout.splitlines()
    said = json.loads(line)
    assert said["outcome"] == "done"
    assert {one["label"] for one in said["objects"]} == {"dog"}
    after = cv2.imread("photo.removed.png", cv2.IMREAD_UNCHANGED)
    mask = cv2.imread("photo.removed.mask.png", cv2.IMREAD_GRAYSCALE) > 0
    assert after.dtype == np.uint16
    assert 0 < mask.mean() < 1
    assert np.array_equal(after[~mask], photo[~mask])
    assert not np.array_equal(after[mask], photo[mask])
    nothing = invoke("--class", "cat", *chosen, "photo.png", "-o", "cats.png", "--no-refine-boxes")
    assert json.loads(nothing.stdout)["outcome"] == "unchanged"


def test_a_model_by_name_without_its_weights_is_one_line(invoke, photo):
    result = invoke("--class", "dog", "--segmenter", "rf-detr-nano", *FAST, "photo.png")
    assert result.exit_code == 1
    assert "Roboflow/rf-detr-seg-nano cannot be had: it is not in the cache and REMOVAL_OFFLINE is set" in (
        result.stderr
    )
    assert len(result.stderr.splitlines()) == 1
    result = invoke("weights", "fetch", "rf-detr-nano")
    assert result.exit_code == 1
    assert "download https://huggingface.co/Roboflow/rf-detr-seg-nano into a folder" in result.stderr


def test_a_folder_of_another_model_is_one_line_and_the_photo_is_untouched(invoke, photo, tmp_path):
    save_mask2former(tmp_path / "weights")
    before = (tmp_path / "photo.png").read_bytes()
    chosen = ("--segmenter", "rf-detr-nano", "--segmenter-weights", "weights")
    result = invoke("--class", "dog", *chosen, *FAST, "photo.png")
    assert result.exit_code == 1
    assert "got Mask2FormerForUniversalSegmentation in weights" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert (tmp_path / "photo.png").read_bytes() == before
    assert not (tmp_path / "photo.removed.png").exists()


def test_the_list_says_how_to_get_the_package_that_is_missing(invoke, photo, monkeypatch):
    monkeypatch.setattr("segment.registry.find_spec", lambda name: None)
    monkeypatch.setenv("REMOVAL_SEGMENTER", "rf-detr-nano,builtin")
    result = invoke("models")
    lacks = "transformers not installed: pip install 'removal[transformers]'"
    assert f"cannot run yet: {lacks}" in result.stdout
    result = invoke("--class", "person", *FAST, "photo.png")
    assert result.exit_code == 0, result.output
    assert f"using the built-in person finder, because rf-detr-nano: {lacks}" in result.stderr


def test_the_list_says_what_they_need(invoke, photo):
    result = invoke("models")
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.stdout.splitlines()]
    at = lines.index("rf-detr-seg-nano: COCO's 80 classes")
    assert lines[at + 1 : at + 4] == [
        "licence: Apache-2.0",
        "memory: about 0.3 GB",
        "weights rf-detr-seg-nano: not fetched, 134 MB, Apache-2.0",
    ]
    for size in ("small", "medium", "large", "xlarge"):
        assert f"rf-detr-seg-{size}: COCO's 80 classes" in lines
    assert "mask2former-swin-large: COCO's 80 classes" in lines
