"""`remove --blind` on small files, with a network that finds white damaged."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from inpaint import blind_weights
from inpaint.checkpoints import save_network
from inpaint.networks.edge_prediction import EdgePredictor
from inpaint.networks.reconstruction import Reconstructor

HEIGHT, WIDTH = 48, 64
SHIPPED = blind_weights.FOLDER
TELEA = ("--inpainter", "telea")


def ground():
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([rows * 2, cols * 2, rows + cols], axis=2).astype(np.uint8)


def scratch():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:23, 8:56] = True
    return mask


@pytest.fixture
def photo(tmp_path):
    pixels = ground()
    pixels[scratch()] = 255
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(autouse=True)
def packaged(tmp_path, monkeypatch, white_finder):
    """The package's folder of weights, with the finder in it and no other network."""
    folder = tmp_path / "package"
    folder.mkdir()
    monkeypatch.setattr(blind_weights, "FOLDER", folder)
    save_network(white_finder, folder / "blind-mask-prediction.safetensors")
    return folder


@pytest.fixture
def networks(packaged):
    """The other two networks, too."""
    for network in (EdgePredictor(width=1 / 32), Reconstructor(width=1 / 12)):
        save_network(network, packaged / f"blind-{network.name}.safetensors")


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_scratch_is_found_and_filled(invoke, photo, tmp_path):
    result = invoke("--blind", photo, "-o", "out.png", *TELEA)
    assert result.exit_code == 0, result.output
    assert "repaired" in result.stdout
    after, before = pixels(tmp_path / "out.png"), pixels(photo)
    assert np.abs(after[scratch()].astype(int) - ground()[scratch()]).max() < 10
    near = np.zeros((HEIGHT, WIDTH), bool)
    near[16:27, 4:60] = True
    assert np.array_equal(after[~near], before[~near])


def test_reconstruction_and_what_it_saw(invoke, photo, networks, tmp_path):
    options = ("--inpainter", "reconstruction", "--save-masks", "--compare", "--json")
    result = invoke("--blind", photo, "-o", "out", *options)
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["outcome"] == "done"
    assert [found["label"] for found in record["objects"]] == ["damage"]
    after, before = pixels(tmp_path / "out/photo.png"), pixels(photo)
    mask = np.asarray(Image.open(tmp_path / "out/photo.mask.png")) > 0
    level = np.asarray(Image.open(tmp_path / "out/photo.damage.png"))
    assert np.array_equal(after[~mask], before[~mask])
    assert mask[scratch()].all()
    assert level.shape == (HEIGHT, WIDTH)
    assert np.array_equal(level > 127, scratch())
    assert np.asarray(Image.open(tmp_path / "out/photo.edges.png")).shape == (HEIGHT, WIDTH)
    assert (tmp_path / "out/photo.compare.png").is_file()


def test_other_inpainters_have_no_edges_to_show(invoke, photo, tmp_path):
    assert invoke("--blind", photo, "-o", "out", "--save-masks", *TELEA).exit_code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    kept = {"photo.png", "photo.mask.png", "photo.damage.png"}
    assert names == kept | {"photo.layers.png", "removal.jsonl"}
    assert not np.asarray(Image.open(tmp_path / "out/photo.layers.png")).any()
    again = invoke("--blind", photo, "-o", "out", "--save-masks", *TELEA)
    assert "done by an earlier run" in again.stdout
    assert invoke("--blind", photo, "-o", "plain", "--save-masks", "--no-refine", *TELEA).exit_code == 0
    assert {path.name for path in (tmp_path / "plain").iterdir()} == kept | {"removal.jsonl"}


def test_a_layer_that_was_undone_is_shown(invoke, monkeypatch, tmp_path):
    level = np.zeros((HEIGHT, WIDTH), np.float32)
    level[10:30, 10:50] = 0.7
    photo = np.repeat(np.broadcast_to(np.arange(WIDTH) * 4, level.shape)[..., None], 3, axis=2)
    photo[10:30, 10:50] = photo[10:30, 10:50] // 2 + 127
    Image.fromarray(photo.astype(np.uint8)).save(tmp_path / "veiled.png")
    monkeypatch.setattr("inpaint.blind.DamageFinder.__call__", lambda finder, image: level)
    assert invoke("--blind", "veiled.png", "-o", "out.png", *TELEA).exit_code == 0
    result = invoke("--blind", "veiled.png", "-o", "out", "--save-masks", *TELEA)
    assert result.exit_code == 0, result.output
    opacity = np.asarray(Image.open(tmp_path / "out/veiled.layers.png")).astype(int)
    assert opacity[20, 30] == pytest.approx(127, abs=20)
    assert not opacity[:6].any()
    assert np.asarray(Image.open(tmp_path / "out/veiled.mask.png"))[10:30, 10:50].all()


def test_an_undamaged_photo_stays_as_it_is(invoke, tmp_path):
    Image.fromarray(ground()).save(tmp_path / "whole.png")
    result = invoke("--blind", "whole.png", "-o", "out", *TELEA)
    assert result.exit_code == 0
    assert "no damage found" in result.stdout
    assert (tmp_path / "out/whole.png").read_bytes() == (tmp_path / "whole.png").read_bytes()


def test_a_threshold_that_nothing_reaches(invoke, photo):
    assert "no damage found" in invoke("--blind", photo, "--threshold", 1, *TELEA).stdout


def test_without_refinement_nothing_is_added_around(invoke, photo, tmp_path):
    invoke("--blind", photo, "-o", "out", "--no-refine", "--save-masks", *TELEA)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/photo.mask.png")) > 0, scratch())


def test_a_second_run_does_what_is_missing(invoke, photo, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "in" / name).write_bytes(photo.read_bytes())
    run = ("--blind", "in", "-o", "out", "--workers", 2, *TELEA)
    assert invoke(*run).exit_code == 0
    (tmp_path / "out/b.png").unlink()
    lines = invoke(*run).stdout.splitlines()
    assert ["earlier run" in line for line in lines] == [True, False]
    result = invoke(*run, "--threshold", 0.3)
    assert result.exit_code == 2
    assert "threshold changed" in result.stderr


def test_other_weights_for_the_finder(invoke, photo, packaged, tmp_path):
    file = (packaged / "blind-mask-prediction.safetensors").rename(tmp_path / "mine.safetensors")
    result = invoke("--blind", photo, "-o", "x.png", "--blind-weights", file, *TELEA)
    assert result.exit_code == 0, result.output
    result = invoke("--blind", photo, "-o", "y.png", *TELEA)
    assert result.exit_code == 1
    assert "blind-mask-prediction.safetensors" in result.stderr
    assert "--blind-weights: expected weights for mask-prediction" in result.stderr
    result = invoke("--blind", photo, "-o", "y.png", "--blind-weights", photo, *TELEA)
    assert result.exit_code == 1
    assert str(photo) in result.stderr
    assert not (tmp_path / "y.png").exists()


def test_reconstruction_needs_weights_of_its_own(invoke, photo):
    result = invoke("--blind", photo, "--inpainter", "reconstruction")
    assert result.exit_code == 1
    assert "blind-reconstruction.safetensors" in result.stderr


def test_reconstruction_fills_given_masks_too(invoke, photo, networks, tmp_path):
    Image.fromarray(scratch()).save(tmp_path / "mask.png")
    result = invoke(
        "--masks", "mask.png", photo, "-o", "x.png", "--inpainter", "reconstruction", "--no-refine"
    )
    assert result.exit_code == 0, result.output
    assert np.array_equal(pixels(tmp_path / "x.png")[~scratch()], pixels(photo)[~scratch()])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--blind", "--class", "person"), ("--blind: ", "got classes")),
        (("--blind", "--box", "1,1,9,9", "--masks", "package"), ("--blind: ", "got masks and boxes")),
        (("--blind", "--segmenter", "builtin"), ("--segmenter: ", "blind")),
        (("--blind", "--score", "0.9"), ("--score: expected a threshold",)),
        (("--blind", "--only-masked"), ("--only-masked: expected only_masked only with masks",)),
        (("--blind", "--threshold", "0"), ("--threshold",)),
        (("--blind", "--threshold", "1.5"), ("--threshold",)),
        (("--box", "1,1,9,9", "--threshold", "0.3"), ("--threshold: expected", "(blind), got 0.3")),
        (
            ("--box", "1,1,9,9", "--blind-weights", "x"),
            ("--blind-weights: expected", "the inpainter reconstruction"),
        ),
        (("--threshold", "0.3"), ("--threshold: expected", "(blind), got 0.3")),
    ],
)
def test_wrong_usage(invoke, photo, options, words):
    result = invoke(*options, photo)
    assert result.exit_code == 2, result.output
    for word in words:
        assert word in result.stderr


def test_with_what_the_package_ships_a_written_over_photo_is_repaired(invoke, tmp_path, monkeypatch):
    monkeypatch.setattr(blind_weights, "FOLDER", SHIPPED)
    rows, columns = np.mgrid[:256, :320]
    clean = np.stack([60 + rows // 4, 90 + columns // 4, 120 + rows // 8], axis=2).astype(np.uint8)
    damaged = cv2.putText(clean.copy(), "holidays", (20, 140), cv2.FONT_HERSHEY_DUPLEX, 2, (255, 255, 0), 5)
    Image.fromarray(damaged).save(tmp_path / "photo.png")
    result = invoke("--blind", "photo.png", "-o", "out.png", *TELEA)
    assert result.exit_code == 0, result.output
    before, after = (
        np.abs(picture.astype(int) - clean).mean() for picture in (damaged, pixels(tmp_path / "out.png"))
    )
    assert after < before / 5
