"""`remove train`, the real command, on photos of noise and networks of a few channels."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from inpaint.checkpoints import load_blind_network, load_network
from inpaint.networks.edge_prediction import EdgePredictor
from inpaint.networks.mask_prediction import MaskPredictor
from inpaint.networks.reconstruction import Reconstructor

QUICK = ("--size-px", "32", "--batch", "2", "--steps", "2", "--width", "0.05", "--workers", "0")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(5):
        Image.fromarray(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def test_a_folder_gives_weights_that_remove_takes(invoke, photos, tmp_path):
    Image.fromarray(np.full((64, 64, 3), 99, np.uint8)).save(tmp_path / "photo.png")
    words = ("--images", "photos", "--out", "run", "--keep-apart", "1", "--log-every", "1")
    result = invoke("train", "autoencoder", *words, *QUICK)
    assert result.exit_code == 0, result.output
    assert result.stdout == "run/weights.safetensors\n"
    assert "step 1 of 2: mse " in result.stderr
    assert "validation: l1 in the hole " in result.stderr
    told = json.loads((tmp_path / "run/config.json").read_text())
    assert (told["network"], told["network width"], told["photos"]) == ("autoencoder", 0.05, 4)
    assert told["made with"]["libraries"]["torch"] == torch.__version__.partition("+")[0]
    assert [path.name for path in (tmp_path / "run/kept_apart").iterdir()] == ["2.png"]
    assert load_network(tmp_path / "run/weights.safetensors").options["width"] == 0.05
    used = ("--inpainter", "autoencoder", "--weights", "run/weights.safetensors")
    result = invoke("--box", "10,10,20,20", "photo.png", "-o", "out.png", *used)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.png").is_file()


def test_resume_goes_on_and_a_finished_run_is_not_written_over(invoke, photos, tmp_path):
    words = ("train", "deepfillv2", "--images", "photos", "--out", "run", *QUICK)
    assert invoke(*words).exit_code == 0
    again = invoke(*words)
    assert again.exit_code == 1
    assert "Error: --out: expected a folder without a run, got run: resume its run" in again.stderr
    assert invoke(*words, "--overwrite").exit_code == 0
    changed = invoke(*words, "--resume", "--seed", "4")
    assert changed.exit_code == 1
    assert "seed 0 there and 4 now" in changed.stderr
    assert invoke(*words, "--resume").exit_code == 0
    both = invoke(*words, "--resume", "--overwrite")
    assert both.exit_code == 2
    assert "give one of them" in both.stderr


def test_every_option_reaches_the_run(invoke, photos, tmp_path):
    told = {
        "--generator-share": 0.5, "--critic-share": 0.25, "--critic-updates": 2, "--optimiser": "adam",
        "--learning-rate": 0.002, "--critic-learning-rate": 0.003, "--decay": "cosine", "--warmup-steps": 1,
        "--ema": 0.5, "--clip": 1.0, "--accumulate": 2, "--seed": 7, "--precision": "bfloat16",
    }  # fmt: skip
    losses = {"--reconstruction": 1.5, "--coarse": 0.5, "--known": 0.25, "--adversarial": 0.125,
              "--gradient-penalty": 5.0, "--discount": 0.9}  # fmt: skip
    words = [str(word) for pair in {**told, **losses}.items() for word in pair]
    damage = ("--damage", "mosaic-box=2", "--damage", "strokes", "--smallest-scale", "0.9", "--no-flip",
              "--largest-px", "40", "--critic-width", "0.03", "--layout", "mmagic")  # fmt: skip
    result = invoke("train", "deepfillv2", "--images", "photos", "--out", "run", *QUICK, *words, *damage)
    assert result.exit_code == 0, result.output
    config = json.loads((tmp_path / "run/config.json").read_text())
    for flag, value in told.items():
        assert config[flag.removeprefix("--").replace("-", "_")] == value, flag
    for flag, value in losses.items():
        assert config[f"weight of {flag.removeprefix('--').replace('-', '_')}"] == value, flag
    assert config["damage"] == {"mosaic-box": 2.0, "strokes": 1.0}
    assert (config["smallest_scale"], config["flip"], config["largest_px"]) == (0.9, False, 40)
    assert config["critic_width"] == 0.03
    assert (config["network layout"], config["network sees_hole"]) == ("mmagic", True)


@pytest.mark.slow
def test_blind_networks_one_in_front_of_the_other(invoke, photos, tmp_path):
    words = ("--images", "photos", *QUICK, "--width", "0.1", "--damage", "text")
    assert invoke("train", "mask-prediction", "--out", "mask", *words).exit_code == 0
    front = ("--mask-network", "mask/weights.safetensors")
    result = invoke("train", "edge-prediction", "--out", "edges", *words, *front)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "edges/mask-prediction.safetensors").is_file()
    config = json.loads((tmp_path / "edges/config.json").read_text())
    assert config["in front"] == {"mask-prediction": "weights.safetensors"}
    frozen = invoke("train", "edge-prediction", "--out", "frozen", *words, *front, "--frozen")
    assert frozen.exit_code == 0, frozen.output
    before, after = (load_file(tmp_path / name) for name in
                     ("mask/weights.safetensors", "frozen/mask-prediction.safetensors"))  # fmt: skip
    assert all(torch.equal(before[name], after[name]) for name in before)
    nothing = invoke("train", "edge-prediction", "--out", "x", *words, "--frozen")
    assert nothing.exit_code == 1
    assert "expected networks in front that are to be frozen, got none" in nothing.stderr
    both = (*front, "--edge-network", "edges/weights.safetensors")
    result = invoke("train", "reconstruction", "--out", "all", *words, *both)
    assert result.exit_code == 0, result.output
    networks = {"mask-prediction": MaskPredictor, "edge-prediction": EdgePredictor, "weights": Reconstructor}
    for stem, kind in networks.items():
        load_blind_network(tmp_path / f"all/{stem}.safetensors", kind)
    log = [json.loads(line) for line in (tmp_path / "all/log.jsonl").read_text().splitlines()]
    assert {"map dice", "edge cross entropy", "l1", "adversarial", "critic"} <= set(log[0])
    wrong = invoke("train", "mask-prediction", "--out", "x", *words, *front)
    assert wrong.exit_code == 1
    assert "expected no network mask-prediction in front of mask-prediction" in wrong.stderr


def test_classes_keep_some_of_each_apart(invoke, photos, tmp_path):
    for animal in ("cat", "dog"):
        (tmp_path / "animals" / animal).mkdir(parents=True)
        for path in photos.iterdir():
            (tmp_path / "animals" / animal / path.name).write_bytes(path.read_bytes())
    words = ("--dataset", "classes", "--root", "animals", "--keep-apart", "2", "--out", "run")
    result = invoke("train", "autoencoder", *words, *QUICK)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "run/config.json").read_text())["photos"] == 6
    assert len(list((tmp_path / "run/kept_apart").iterdir())) == 4


def test_a_folder_may_be_given_as_a_data_set_too(invoke, photos, tmp_path):
    words = ("--dataset", "folder", "--root", "photos", "--keep-apart", "2", "--out", "run")
    result = invoke("train", "autoencoder", *words, *QUICK)
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "run/kept_apart").iterdir())) == 2


def test_a_dry_run_prints_the_plan_and_writes_nothing(invoke, photos, tmp_path):
    result = invoke("train", "deepfillv2", "--images", "photos", "--out", "run", *QUICK, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "parameters" in result.stdout
    assert not (tmp_path / "run").exists()
    told = result.stderr.splitlines()
    assert told[0].startswith("building deepfillv2, and trying a few steps of ")
    assert told[1].startswith("step 1, training the network and the critic: ")
    assert told[1].endswith(" MB at the peak")
    assert len(told) == 5


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("magic", "--images", "photos"), 2, "expected a network of autoencoder, context-encoder"),
        (("glcic",), 2, "give photos by --images DIR, or by --dataset NAME and --root DIR"),
        (("glcic", "--images", "photos", "--dataset", "coco", "--root", "x"), 2, "give photos by --images"),
        (("glcic", "--dataset", "coco"), 2, "--dataset needs --root DIR"),
        (("glcic", "--images", "photos", "--root", "x"), 2, "--root is for --dataset"),
        (("glcic", "--images", "nowhere"), 1, "there is no folder nowhere"),
        (("glcic", "--dataset", "magic", "--root", "photos"), 1, "expected a data set of folder, classes"),
        (("glcic", "--dataset", "places365", "--root", "photos"), 1, "which are not downloaded; missing: "),
        (("glcic", "--images", "photos", "--attribute", "Hat"), 2, "--attribute is for celeba"),
        (("glcic", "--images", "photos", "--landmark", "nose"), 2, "--landmark is for celeba"),
        (("glcic", "--dataset", "celeba", "--root", "photos", "--small"), 2, "--small is for places365"),
        (("glcic", "--images", "."), 2, "--out run lies among the photos in .: "),
        (("glcic", "--dataset", "classes", "--root", "."), 2, "--out run lies among the photos in .: "),
        (("glcic", "--images", "photos", "--keep-apart", "5"), 1, "expected to keep 0 to 4 of the 5 photos"),
        (("glcic", "--images", "photos", "--damage", "magic"), 1, "expected kinds of damage of strokes"),
        (("glcic", "--images", "photos", "--damage", "box=x"), 2, "expected a weight after ="),
        (("glcic", "--images", "photos", "--damage", "shapes"), 1, "expected COCO annotations"),
        (("glcic", "--images", "photos", "--size-px", "48"), 1, "multiple of 64"),
        (("glcic", "--images", "photos", "--learning-rate", "99"), 2, "99.0 is not in the range"),
        (("glcic", "--images", "photos", "--weights", "photos/1.png"), 1, "no file of weights"),
        (("glcic", "--images", "photos", "--weights", "x.pth"), 1, "No such file or directory: 'x.pth'"),
        (("autoencoder", "--images", "photos", "--no-attention"), 2, "--no-attention is for deepfillv1"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(invoke, photos, words, status, message):
    result = invoke("train", words[0], "--out", "run", *words[1:])
    assert result.exit_code == status
    assert message in result.stderr
    assert "Traceback" not in result.stderr
