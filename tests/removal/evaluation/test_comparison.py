"""Whole comparisons of drawn photos; figures are held against ones computed here."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from inpaint.checkpoints import load_network, save_network
from inpaint.formats import build_blind_network, build_network
from inpaint.tensors import images_to_tensor, masks_to_tensor
from removal.errors import PlanError
from removal.evaluation.comparison import compare, spread
from removal.evaluation.plan import EvaluationOptions
from removal.options import RunOptions


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def trained(path, name, *, seed=1, **options):
    generator = torch.Generator().manual_seed(seed)
    network = build_network(name, {"width": 0.05, **options}, generator=generator)
    path.parent.mkdir(parents=True, exist_ok=True)
    return save_network(network, path)


def options_of(folder, *inpainters, **more):
    run = RunOptions(device="cpu", precision="float32")
    if "damage" not in more:
        more["holes"] = folder / "holes"
    return EvaluationOptions(
        folder / "photos", folder / "run", protocol="holes", inpainters=inpainters, run=run, **more
    )


def test_figures_of_a_bare_network_are_those_of_its_own_pixels(holes_set):
    weights = trained(holes_set / "net.safetensors", "autoencoder")
    options = options_of(holes_set, "telea", f"autoencoder={weights}", plain=True, limit=1)
    evaluation = compare(options)
    assert (evaluation.done, evaluation.failures) == (1, {})
    clean, hole = pixels(holes_set / "photos/1.png"), pixels(holes_set / "holes/1.png")[..., 0] > 0
    with torch.no_grad():
        (answer,) = load_network(weights)(images_to_tensor([clean]), masks_to_tensor([hole]))
    answer = ((answer[0].permute(1, 2, 0).numpy() + 1) * 127.5).round().clip(0, 255)
    error = (answer - clean)[hole] / 255
    row = json.loads((options.out / "results.json").read_text())["rows"][1]
    figures = row["figures"]
    assert figures["hole_l1"] == pytest.approx(np.abs(error).mean())
    assert figures["hole_mse"] == pytest.approx(np.square(error).mean())
    assert figures["hole_psnr"] == pytest.approx(-10 * np.log10(np.square(error).mean()))
    assert figures["whole_l1"] == pytest.approx(np.abs(error).mean() * hole.mean())
    whole = np.square(error).mean() * hole.mean()
    assert figures["whole_psnr"] == pytest.approx(-10 * np.log10(whole))
    assert figures["parameters"] == sum(p.numel() for p in load_network(weights).parameters())


def test_the_table_has_a_row_for_each_method_and_says_what_is_missing(holes_set, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    options = options_of(
        holes_set, "navier-stokes", "telea", f"glcic={trained(tmp_path / 'w.pt.safetensors', 'glcic')}"
    )
    compare(options)
    text = (options.out / "table.md").read_text()
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"
    ]
    header, _, *rows = lines
    assert [row[0] for row in rows] == ["navier-stokes", "telea", "glcic"]
    assert {len(row) for row in lines} == {len(header)}
    assert header[1:5] == ["L1", "MSE", "PSNR, dB", "SSIM"]
    assert "LPIPS" not in header
    assert "Without LPIPS: weights missing: alexnet-owt-7be5be79.pth." in text
    content = json.loads((options.out / "results.json").read_text())
    figures = {row["inpainter"]: row["figures"] for row in content["rows"]}
    place = header.index("PSNR, dB")
    for row in rows:
        assert row[place].strip("*") == f"{figures[row[0]]['hole_psnr']:.2f}"
    best = max(figures, key=lambda name: figures[name]["hole_psnr"])
    assert [row[0] for row in rows if "**" in row[place]] == [best]
    lines = [json.loads(line)["figures"] for line in (options.out / "photos.jsonl").read_text().splitlines()]
    better = [
        line["holes.asis.telea"]["hole_psnr"] > line["holes.asis.navier-stokes"]["hole_psnr"]
        for line in lines
    ]
    assert rows[1][header.index("beats the first")].strip("*") == f"{np.mean(better):.0%}"
    assert rows[0][header.index("beats the first")] == ""
    assert rows[2][-1] == f"{figures['glcic']['parameters']:,}"


def test_the_sheet_shows_the_hole_each_fill_and_the_photo(holes_set):
    options = options_of(holes_set, "navier-stokes", "telea")
    compare(options)
    sheet = pixels(options.out / "sheet.jpg").astype(int)
    # titles of 22 px; two rows of 192 px (64 x 48 photos at 256 px) and their texts; four columns
    assert sheet.shape == (22 + 2 * (192 + 22), 4 * (256 + 8), 3)
    cells = [sheet[22 : 22 + 192, left : left + 256] for left in range(0, 4 * 264, 264)]
    clean, hole = pixels(holes_set / "photos/1.png"), pixels(holes_set / "holes/1.png")[..., 0] > 0
    result = pixels(options.out / "results/holes.asis.telea/1.png.png")
    grey = np.where(hole[..., None], 128, clean)
    for cell, picture in ((cells[0], grey), (cells[2], result), (cells[3], clean)):
        large = picture.repeat(4, axis=0).repeat(4, axis=1)
        assert np.abs(cell - large).mean() < 6  # JPEG
    compare(options, sheet_rows=1)
    assert len(pixels(options.out / "sheet.jpg")) == 22 + 192 + 22


def test_squares_are_what_is_measured_and_kept(holes_set):
    options = options_of(holes_set, "telea", size=32)
    compare(options)
    kept = {name: pixels(options.out / f"inputs/{name}/1.png.png") for name in ("shown", "clean")}
    assert kept["clean"].shape == (32, 32, 3)
    result = pixels(options.out / "results/holes.asis.telea/1.png.png")
    hole = (kept["shown"] != kept["clean"]).any(axis=2)
    assert np.array_equal(result[~hole], kept["clean"][~hole])
    assert "squares of 32 px" in (options.out / "table.md").read_text()
    assert (options.out / "report.html").read_text().count("before | mask | after | clean view") == 1
    (options.out / "inputs/shown/1.png.png").unlink()
    assert compare(options).done == 1


def test_a_mosaic_is_seen_by_the_network_that_looks_and_by_no_other(holes_set):
    """Both have the same weights, but for the option."""
    weights = {
        name: trained(holes_set / f"{name}.safetensors", "autoencoder", sees_hole=name == "sees")
        for name in ("sees", "blind")
    }
    words = [f"{name}:autoencoder={path}" for name, path in weights.items()]
    compare(options_of(holes_set, *words, damage=("mosaic-centre",), plain=True))
    text = (holes_set / "run/table.md").read_text()
    assert "\n| as damaged | " in text
    shown = pixels(holes_set / "run/inputs/shown/1.png.png")
    assert not np.array_equal(shown, pixels(holes_set / "run/inputs/clean/1.png.png"))
    hole = pixels(holes_set / "run/masks/holes.asis/1.png.png")[..., 0] > 0
    for name, path in weights.items():
        image = shown if name == "sees" else np.where(hole[..., None], np.uint8(0), shown)
        with torch.no_grad():
            answer = load_network(path)(images_to_tensor([image]), masks_to_tensor([hole]))[-1]
        expected = ((answer[0].permute(1, 2, 0).numpy() + 1) * 127.5).round().clip(0, 255)
        result = pixels(holes_set / f"run/results/holes.asis.{name}/1.png.png")
        assert np.abs(result[hole] - expected[hole]).max() <= 1


def test_holes_or_damage_and_not_both(holes_set):
    options = options_of(holes_set, "telea", damage=("box",))
    with pytest.raises(PlanError, match="either a folder of hole files or kinds of damage"):
        compare(EvaluationOptions(options.images, options.out, protocol="holes", inpainters=("telea",)))
    both = options_of(holes_set, "telea")
    both = EvaluationOptions(
        both.images, both.out, protocol="holes", holes=both.holes, damage=("box",), inpainters=("telea",)
    )
    with pytest.raises(PlanError, match="either a folder of hole files or kinds of damage"):
        compare(both)


def test_weights_that_changed_are_another_run(holes_set):
    weights = trained(holes_set / "net.safetensors", "autoencoder")
    options = options_of(holes_set, f"autoencoder={weights}", limit=1)
    compare(options)
    assert compare(options).earlier == 1
    weights.unlink()
    trained(weights, "autoencoder", seed=2)
    with pytest.raises(PlanError, match="contents changed"):
        compare(options)


def test_even_choice():
    assert spread(list("abcdefgh"), 3) == ["b", "e", "g"]
    assert spread(list("ab"), 3) == ["a", "b"]


class LeftHalf:
    """Finds the left half of every photo damaged, and has learned 5 numbers."""

    network = torch.nn.Linear(4, 1)

    def __call__(self, image):
        level = np.zeros(image.shape[:2], np.float32)
        level[:, : image.shape[1] // 2] = 0.75
        return level


def test_blind_rows_fill_what_was_found_and_are_measured_where_the_damage_is(holes_set, monkeypatch):
    monkeypatch.setattr("removal.evaluation.mask_sources.build_damage_finder", lambda run: LeftHalf())
    options = options_of(
        holes_set, "telea", damage=("covered-box",), mask_sources=("holes", "blind"), limit=1, size=32
    )
    compare(options)
    kept = {name: pixels(options.out / f"inputs/{name}/1.png.png") for name in ("shown", "clean")}
    found = pixels(options.out / "masks/blind.asis/1.png.png")[..., 0] > 0
    assert found[:, :18].all()  # and the rim of what is so wide
    assert not found[:, 18:].any()
    filled = pixels(options.out / "results/blind.asis.telea/1.png.png")
    assert np.array_equal(filled[~found], kept["shown"][~found])
    damaged = pixels(options.out / "masks/holes.asis/1.png.png")[..., 0] > 0
    given, blind = json.loads((options.out / "results.json").read_text())["rows"]
    error = (filled.astype(float) - kept["clean"])[damaged] / 255
    assert blind["figures"]["hole_mse"] == pytest.approx(np.square(error).mean())
    assert blind["figures"]["mask_share"] == pytest.approx(18 / 32)
    assert given["figures"]["hole_mse"] != blind["figures"]["hole_mse"]
    assert [row["figures"]["parameters"] for row in (given, blind)] == [0, 5]
    text = (options.out / "table.md").read_text()
    assert "\n| telea |" in text
    assert "\n| blind, telea |" in text
    assert "\n- blind: damage, from 0.5 on" in text


def test_blind_rows_need_damage(holes_set):
    with pytest.raises(PlanError, match="a blind row finds damage, not holes"):
        compare(options_of(holes_set, "telea", mask_sources=("holes", "blind")))
    with pytest.raises(PlanError, match="fills the holes as they are"):
        compare(options_of(holes_set, "telea", mask_sources=("builtin",)))


class Partly:
    """Finds all of every photo damaged to a share."""

    network = torch.nn.Linear(4, 1)

    def __init__(self, share):
        self.share = share

    def __call__(self, image):
        return np.full(image.shape[:2], self.share, np.float32)


def test_a_photo_found_damaged_all_over_counts_as_it_is_but_for_reconstruction(
    holes_set, monkeypatch, tmp_path
):
    monkeypatch.setattr(
        "removal.evaluation.mask_sources.build_damage_finder", lambda run: Partly(0.45)
    )  # surer than the rule on unsure damage asks
    files = [tmp_path / f"{name}.safetensors" for name in ("edge-prediction", "reconstruction")]
    for path in files:
        save_network(build_blind_network(path.stem, {"width": 0.1}), path)
    run = RunOptions(device="cpu", precision="float32", threshold=0.3, blind_weights=tuple(map(str, files)))
    options = replace(
        options_of(holes_set, "telea", "reconstruction", damage=("covered-box",), limit=1, size=64),
        mask_sources=("holes", "blind"),
        run=run,
    )
    assert compare(options).failures == {}
    shown = pixels(options.out / "inputs/shown/1.png.png").astype(int)
    telea, ours = (
        pixels(options.out / f"results/blind.asis.{name}/1.png.png").astype(int)
        for name in ("telea", "reconstruction")
    )
    assert np.array_equal(telea, shown)
    # All of it is drawn anew, but what is left of a pixel shows: 0.55 of it, whatever is drawn.
    left = np.corrcoef(ours.ravel(), shown.ravel())[0, 1]
    assert not np.array_equal(ours, shown)
    assert left > 0.8


def test_names_of_sources_are_no_paths(holes_set, monkeypatch):
    monkeypatch.chdir(holes_set)
    options = options_of(holes_set, "telea", limit=1)
    compare(replace(options, out=holes_set / "first"))
    (holes_set / "blind").mkdir()
    assert compare(replace(options, out=holes_set / "first")).earlier == 1
    monkeypatch.setattr("removal.evaluation.mask_sources.build_damage_finder", lambda run: LeftHalf())
    blind = options_of(holes_set, "telea", damage=("scratches",), mask_sources=("holes", "blind"), limit=1)
    compare(replace(blind, out=holes_set / "blind"))
    assert compare(replace(blind, out=holes_set / "blind")).earlier == 1


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"threshold": 0.3}, "it says what damage a blind row takes for whole"),
        ({"blind_weights": ("w.safetensors",)}, "they are for blind rows and reconstruction"),
    ],
)
def test_what_is_said_of_blind_rows_needs_some(holes_set, told, message):
    with pytest.raises(PlanError, match=message):
        compare(replace(options_of(holes_set, "telea"), run=RunOptions(**told)))
