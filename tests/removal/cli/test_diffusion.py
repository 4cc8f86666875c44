"""Diffusion models from the command line: words, steps, what is recorded, what is refused."""

import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("diffusers")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture
def given(tmp_path):
    """A photo, its mask and a tiny model."""
    from tests.tiny_pipelines import save_stable_diffusion

    pixels = np.random.default_rng(0).integers(60, 200, (48, 64, 3), np.uint8)
    mask = np.zeros((48, 64), np.uint8)
    mask[16:32, 20:44] = 255
    for name, array in (("in", pixels), ("masks", mask)):
        (tmp_path / name).mkdir()
        Image.fromarray(array).save(tmp_path / name / "photo.png")
    save_stable_diffusion(tmp_path / "sd")
    return pixels, mask > 0


def test_words_and_steps_decide_the_pixels_and_are_recorded(invoke, given):
    pixels, hole = given
    start = ("--masks", "masks", "in", "-o", "out", "--no-refine", "--inpainter", "stable-diffusion")
    start += ("--weights", "sd", "--steps", "2", "--no-detail")
    result = invoke(*start, "--prompt", "sand")
    assert result.exit_code == 0, result.output
    first = np.asarray(Image.open("out/photo.png"))
    assert np.array_equal(first[~hole], pixels[~hole])
    assert not np.array_equal(first[hole], pixels[hole])
    with open("out/removal.jsonl") as file:
        begin = json.loads(file.readline())
    assert begin["settings"]["prompt"] == "sand"
    assert begin["settings"]["steps"] == 2
    assert begin["settings"]["negative_prompt"] is None
    assert "2 steps, guidance 7.5, prompt 'sand'" in json.dumps(begin, ensure_ascii=False)
    assert invoke(*start, "--prompt", "sand").stdout.count("done by an earlier run") == 1
    refused = invoke(*start, "--prompt", "snow")
    assert refused.exit_code != 0
    assert "prompt" in refused.stderr
    assert invoke(*start, "--prompt", "snow", "--overwrite").exit_code == 0
    assert not np.array_equal(np.asarray(Image.open("out/photo.png")), first)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--prompt", "sand"), "--prompt"),
        (("--negative-prompt", "dog"), "--negative-prompt"),
        (("--steps", "5"), "--steps"),
        (("--guidance", "3"), "--guidance"),
    ],
)
def test_words_without_a_diffusion_model_are_wrong_usage(invoke, given, words, named):
    result = invoke("--masks", "masks", "in", "-o", "out", "--inpainter", "exemplar", *words)
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"Error: {named}: expected the name of a diffusion model as inpainter, got exemplar\n"
    )
    result = invoke("compare", "--images", "in", "--holes", "masks", "telea", *words)
    assert result.exit_code == 2
    assert named in result.stderr


def test_another_folder_is_another_model(given, tmp_path):
    from removal.batch.run import content_of

    before = content_of(str(tmp_path / "sd"))
    assert before == content_of(str(tmp_path / "sd"))
    assert len(before) == 64
    (tmp_path / "sd" / "unet" / "config.json").write_text("{}")
    assert content_of(str(tmp_path / "sd")) != before
    assert content_of("me/mine") == "me/mine"


def test_compare_takes_it_by_name_beside_others(invoke, given):
    result = invoke(
        "compare", "--images", "in", "--holes", "masks", "telea", "stable-diffusion=sd", "--steps", "2",
        "--no-detail",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    with open("comparison/table.md") as file:
        table = file.read()
    assert "| stable-diffusion |" in table
    assert "2 steps" in table
