"""The real command on small files, reading the pixels back."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from inpaint.exemplar.settings import EFFORTS, ExemplarSettings
from removal.batch.record import Manifest
from removal.cli.main import cli

HEIGHT, WIDTH = 48, 64


@pytest.fixture
def photo(tmp_path):
    """A PNG of a smooth ground with a white square in it, and the square's mask."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([rows * 2, cols * 2, rows + cols], axis=2).astype(np.uint8)
    pixels[16:32, 20:36] = 255
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def masks(tmp_path):
    """A folder with the mask of the square, named like the photo."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[16:32, 20:36] = 255
    (tmp_path / "team").mkdir()
    Image.fromarray(mask).save(tmp_path / "team/photo.png")
    return tmp_path / "team"


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


FAST = ("--inpainter", "telea")


def test_masks_of_another_team(invoke, photo, masks):
    result = invoke("--masks", masks, photo, *FAST, "--no-refine")
    assert result.exit_code == 0, result.output
    after, before = pixels(photo.with_name("photo.removed.png")), pixels(photo)
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[16:32, 20:36] = True
    assert np.array_equal(after[~hole], before[~hole])
    assert after[hole].max() < 200
    assert "photo.removed.png" in result.stdout


def test_one_mask_file_and_an_output_file(invoke, photo, masks, tmp_path):
    assert invoke("--masks", masks / "photo.png", photo, "-o", tmp_path / "new/x.png", *FAST).exit_code == 0
    assert pixels(tmp_path / "new/x.png").shape == (HEIGHT, WIDTH, 3)


def test_a_box(invoke, photo):
    result = invoke("--box", "18,14,20,20", photo, *FAST)
    assert result.exit_code == 0, result.output
    assert pixels(photo.with_name("photo.removed.png"))[18:30, 22:34].max() < 200


def test_coco_annotations(invoke, photo, tmp_path):
    square = [20, 16, 36, 16, 36, 32, 20, 32]
    annotations = {
        "images": [{"id": 7, "file_name": "photo.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 1, "iscrowd": 0, "area": 256, "bbox": [20, 16, 16, 16],
             "segmentation": [square]}
        ],
    }  # fmt: skip
    (tmp_path / "instances.json").write_text(json.dumps(annotations))
    result = invoke("--masks", "instances.json", "--class", "person", photo, "-o", "out", *FAST)
    assert result.exit_code == 0, result.output
    assert pixels(tmp_path / "out/photo.png")[18:30, 22:34].max() < 200
    result = invoke("--masks", "instances.json", "--class", "dog", photo, "-o", "none", *FAST)
    assert result.exit_code == 0
    assert "unchanged" in result.stdout
    assert (tmp_path / "none/photo.png").read_bytes() == photo.read_bytes()


def test_extras_and_json(invoke, photo, masks):
    result = invoke("--masks", masks, photo, *FAST, "--json", "--compare", "--save-masks")
    (line,) = result.stdout.splitlines()
    record = json.loads(line)
    assert record["outcome"] == "done"
    assert record["input"] == str(photo)
    assert 256 / (HEIGHT * WIDTH) <= record["mask_share"] < 0.5
    assert set(record["seconds"]) == {"read", "segment", "refine", "inpaint", "write"}
    mask = np.asarray(Image.open(photo.with_name("photo.removed.mask.png")).convert("L"))
    assert set(np.unique(mask)) == {0, 255}
    assert (mask > 0).mean() == pytest.approx(record["mask_share"], abs=1e-6)
    sheet = pixels(photo.with_name("photo.removed.compare.png"))
    assert sheet.shape == (HEIGHT, 3 * WIDTH + 16, 3)
    assert np.array_equal(sheet[:, :WIDTH], pixels(photo))


def test_nothing_found_writes_the_photo_unchanged(invoke, photo):
    result = invoke("--class", "person", "--segmenter", "builtin", photo, *FAST)
    assert result.exit_code == 0, result.output
    assert "nothing found" in result.stdout
    assert photo.with_name("photo.removed.png").read_bytes() == photo.read_bytes()


def test_auto_says_in_one_line_each_what_it_fell_back_to(invoke, photo):
    result = invoke("--class", "person", photo)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stderr.splitlines() if "using" in line]
    assert len(lines) >= 1
    assert "built-in person finder" in lines[0]
    assert "maskrcnn_resnet50_fpn_v2_coco" in lines[0]


def test_an_explicit_name_never_falls_back(invoke, photo):
    result = invoke("--class", "person", "--segmenter", "maskrcnn", photo)
    assert result.exit_code == 1
    assert "maskrcnn_resnet50_fpn_v2_coco" in result.stderr
    assert "https://" in result.stderr
    assert not photo.with_name("photo.removed.png").exists()


def test_a_folder_goes_on_past_a_bad_photo_and_resumes(invoke, photo, masks, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    photo.rename(folder / "photo.png")
    (folder / "bad.jpg").write_text("this is text")
    result = invoke("--masks", masks, folder, "-o", "out", *FAST)
    assert result.exit_code == 1
    assert "bad.jpg" in result.stderr
    assert "2 photos: 1 done, 1 failed" in result.stderr
    first = (tmp_path / "out/photo.png").stat().st_mtime_ns
    result = invoke("--masks", masks, folder, "-o", "out", *FAST)
    assert "2 photos: 1 skipped, 1 failed" in result.stderr
    assert (tmp_path / "out/photo.png").stat().st_mtime_ns == first
    (folder / "bad.jpg").unlink()
    assert invoke("--masks", masks, folder, "-o", "out", *FAST).exit_code == 0
    result = invoke("--masks", masks, folder, "-o", "out", *FAST, "--seed", 1)
    assert result.exit_code == 2
    assert "seed changed" in result.stderr
    assert invoke("--masks", masks, folder, "-o", "out", *FAST, "--seed", 1, "--overwrite").exit_code == 0
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_another_effort_is_another_result_of_the_fills_that_depend_on_it(
    invoke, photo, masks, tmp_path, monkeypatch
):
    monkeypatch.setitem(EFFORTS, "best", ExemplarSettings(coarse_rounds=1, fine_rounds=1))
    (tmp_path / "in").mkdir()
    photo.rename(tmp_path / "in/photo.png")
    arguments = ("--masks", masks, tmp_path / "in", "--no-refine")
    exemplar, telea = (("-o", name, "--inpainter", name) for name in ("exemplar", "telea"))
    for method in (exemplar, telea):
        assert invoke(*arguments, *method, "--effort", "best").exit_code == 0
    first = json.loads((tmp_path / "exemplar/removal.jsonl").read_text().splitlines()[0])
    assert first["asked"]["effort"] == "best"
    assert first["settings"]["models"]["inpainter"].endswith(", effort best, seed 0")
    result = invoke(*arguments, *exemplar, "--effort", "fast")
    assert result.exit_code == 2
    assert "models changed" in result.stderr
    assert "done by an earlier run" in invoke(*arguments, *telea).stdout
    assert "--effort" in invoke(*arguments, *telea, "--effort", "most").stderr


def test_a_result_found_without_a_record_is_not_overwritten(invoke, photo, masks, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/photo.png").write_bytes(b"mine")
    result = invoke("--masks", masks, photo, "-o", "out", *FAST)
    assert result.exit_code == 1
    assert "--overwrite" in result.stderr
    assert (tmp_path / "out/photo.png").read_bytes() == b"mine"
    result = invoke("--masks", masks, photo, "-o", "out", *FAST)
    assert (tmp_path / "out/photo.png").read_bytes() == b"mine"
    assert invoke("--masks", masks, photo, "-o", "out", *FAST, "--overwrite").exit_code == 0


def test_extras_are_never_written_over_what_is_there(invoke, photo, masks, tmp_path):
    (tmp_path / "x.mask.png").write_bytes(b"mine")
    arguments = ("--masks", masks, photo, "-o", "x.png", *FAST, "--save-masks")
    result = invoke(*arguments)
    assert result.exit_code == 1
    one_line(result.stderr, "x.mask.png", "--overwrite")
    assert (tmp_path / "x.mask.png").read_bytes() == b"mine"
    assert not (tmp_path / "x.png").exists()
    assert invoke(*arguments, "--overwrite").exit_code == 0


def test_extras_can_be_asked_for_later_and_the_masks_used_again(invoke, photo, masks, tmp_path):
    arguments = ("--masks", masks, photo, "-o", "out", *FAST)
    assert invoke(*arguments).exit_code == 0
    result = invoke(*arguments, "--save-masks", "--compare")
    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "photo.png", "photo.mask.png", "photo.compare.png", "removal.jsonl"
    }  # fmt: skip
    before = (tmp_path / "out/photo.png").read_bytes()
    result = invoke("--masks", "out", photo, "-o", "again", *FAST, "--no-refine")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "again/photo.png").read_bytes() == before


def test_one_folder_takes_the_results_of_several_commands(invoke, photo, masks, tmp_path):
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    assert invoke("--box", "18,14,20,20", photo, "-o", "out", *FAST).exit_code == 0
    assert invoke("--box", "16,12,22,22", other, "-o", tmp_path / "out", *FAST).exit_code == 0
    result = invoke("--box", "18,14,20,20", photo, "-o", tmp_path / "out", *FAST)
    assert "earlier run" in result.stdout
    result = invoke("--box", "16,12,22,22", photo, "-o", "out", *FAST)
    assert result.exit_code == 2
    assert "boxes changed" in result.stderr


def test_a_missing_photo_is_told_before_any_model_is_loaded(invoke, tmp_path):
    result = invoke("--class", "person", "--segmenter", "maskrcnn", "missing.jpg", "-o", "out")
    assert result.exit_code == 1
    one_line(result.stderr, "missing.jpg")
    assert not (tmp_path / "out").exists()


def test_the_same_seed_gives_the_same_file(invoke, photo, masks, tmp_path):
    for name in ("one", "two"):
        arguments = ("--masks", masks, photo, "-o", name, "--inpainter", "exemplar", "--seed", 3)
        assert invoke(*arguments).exit_code == 0
    assert (tmp_path / "one/photo.png").read_bytes() == (tmp_path / "two/photo.png").read_bytes()


def one_line(text, *words):
    lines = [line for line in text.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    for word in words:
        assert str(word) in lines[0]


def test_bad_photos_get_one_line_that_names_them(invoke, photo, masks, tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("hello")
    Image.open(photo).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:-400])
    for name in ("missing.jpg", "empty.jpg", "text.jpg", "cut.jpg"):
        result = invoke("--box", "1,1,9,9", name, *FAST)
        assert result.exit_code == 1, name
        one_line(result.stderr, name)
        assert not (tmp_path / name.replace(".", ".removed.")).exists()


def test_damaged_headers_are_told_by_us_alone(tmp_path):
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0"
    Image.new("RGB", (64, 48), (90, 120, 60)).save(tmp_path / "a.jpg")
    Image.new("RGB", (64, 48)).save(tmp_path / "b.tif")
    jpeg, tiff = ((tmp_path / name).read_bytes() for name in ("a.jpg", "b.tif"))
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + segment + jpeg[2:])
    at = tiff.index(b"\x15\x01\x03\x00") + 8  # samples per pixel
    (tmp_path / "b.tif").write_bytes(tiff[:at] + b"\x07" + tiff[at + 1 :])
    command = [sys.executable, "-m", "removal.cli.start", "--box", "5,5,20,20", "a.jpg", "b.tif", "-o", "out"]
    ended = subprocess.run([*command, *FAST], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1
    lines = ended.stderr.splitlines()
    assert lines[0] == "a.jpg: its EXIF is damaged and was left out"
    assert lines[1].startswith("Error: b.tif: damaged or unsupported TIFF file: 7 channels"), ended.stderr
    assert [line.split(":")[0].strip() for line in lines[2:4]] == ["failed", "b.tif"]
    assert len(lines) == 6


def test_a_name_with_line_ends_stays_in_one_line(invoke, photo, masks, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    photo.rename(folder / "new\nline\x1b[2J.png")
    (masks / "photo.png").rename(masks / "new\nline\x1b[2J.png")
    (folder / "bad\n.jpg").write_bytes(b"no photo")
    result = invoke("--masks", masks, folder, "-o", tmp_path / "out", *FAST)
    (told,) = result.stdout.splitlines()
    assert "in/new\\nline\\x1b[2J.png -> " in told
    (error,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert "in/bad\\n.jpg: " in error
    assert (tmp_path / "out/new\nline\x1b[2J.png").is_file()


def test_masks_that_do_not_fit(invoke, photo, masks, tmp_path):
    Image.new("L", (WIDTH, HEIGHT), 255).save(tmp_path / "full.png")
    result = invoke("--masks", "full.png", photo, *FAST)
    assert result.exit_code == 1
    one_line(result.stderr, "photo.png", "covers")
    Image.new("L", (WIDTH // 3, HEIGHT), 255).save(tmp_path / "small.png")
    Image.new("L", (WIDTH, HEIGHT), 0).save(tmp_path / "black.png")
    result = invoke("--masks", "black.png", photo, *FAST, "-o", "black_out")
    assert result.exit_code == 1
    one_line(result.stderr, "black.png is empty", "--allow-empty-masks")
    result = invoke("--masks", "black.png", photo, *FAST, "-o", "black_out", "--allow-empty-masks")
    assert result.exit_code == 0
    assert (tmp_path / "black_out/photo.png").read_bytes() == photo.read_bytes()
    result = invoke("--masks", "small.png", photo, *FAST)
    assert result.exit_code == 1
    one_line(result.stderr, "small.png")
    result = invoke("--masks", "nowhere", photo, *FAST)
    assert result.exit_code == 1
    one_line(result.stderr, "nowhere")
    assert not photo.with_name("photo.removed.png").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("photo.png",), ("--class",)),
        (("--class", "persom", "photo.png"), ("persom", "did you mean", "person")),
        (("--box", "1,2,3", "photo.png"), ("--box", "1,2,3")),
        (("--box", "1,2,3,4", "--class", "person", "photo.png"), ("--box",)),
        (("--masks", "team", "--class", "person", "photo.png"), ("--class",)),
        (("--class", "person", "--score", "2", "photo.png"), ("--score",)),
        (("--class", "person", "--segmenter", "yolo", "photo.png"), ("yolo", "maskrcnn")),
        (("--class", "person", "--inpainter", "brush", "photo.png"), ("brush", "exemplar")),
        (("--masks", "team", "team", "photo.png", "-o", "x.png"), ("x.png",)),
        (("--masks", "team", "photo.png", "photo.png", "-o", "out"), ("would both be written",)),
        (("--masks", "team", "photo.png", "-o", "photo.png"), ("over the photo",)),
        (("--box", "1,1,9,9", "--weights", "none.pth", "photo.png"), ("--weights", "auto")),
        (("--box", "1,1,9,9", "--segmenter", "builtin", "photo.png"), ("--segmenter",)),
        (("--box", "1,1,9,9", "--seed", "-1", "photo.png"), ("--seed",)),
        (("--box", "1,1,9,9", "--inpainter", "telea", "--weights", "x", "photo.png"), ("--weights", "telea")),
        (("--nonsense", "photo.png"), ("--nonsense",)),
        (("--box", "1,1,9,9"), ("no photos given: name photos, folders or a list",)),
        (("photo.png",), ("say what to remove: --class NAME, --point X,Y, --box X,Y,W,H, --masks PATH",)),
        (("--box", "1,1,9,9", "--device", "gpu", "photo.png"), ("--device: expected", "cuda", "'gpu'")),
        (("--box", "1,1,9,9", "--list", "none.txt"), ("none.txt",)),
        (("--box", "1,1,9,9", "--only-masked", "photo.png"), ("--only-masked",)),
        (("--box", "1,1,9,9", "--workers", "0", "photo.png"), ("--workers",)),
        (("--box", "1,1,9,9", "--batch-size", "0", "photo.png"), ("--batch-size",)),
        (
            ("--box", "1,1,9,9", "--batch-size", "2", "photo.png"),
            ("--batch-size: expected a detector", "got masks or boxes"),
        ),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(invoke, photo, masks, tmp_path, args, words):
    result = invoke(*args)
    assert result.exit_code == 2, result.output
    one_line(result.stderr, *words)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "torch") == ["photo.png", "team"]


def test_a_file_where_the_folder_of_the_result_should_be(invoke, photo, tmp_path):
    (tmp_path / "notes.txt").write_text("")
    result = invoke("--box", "1,1,9,9", "--inpainter", "telea", "photo.png", "-o", "notes.txt/x.png")
    assert result.exit_code == 1
    one_line(result.stderr, "cannot make the folder for the result: a file of this name", "notes.txt")


def test_a_class_that_the_built_in_finder_lacks(invoke, photo):
    result = invoke("--class", "dog", photo)
    assert result.exit_code == 1
    one_line(result.stderr, "dog", "maskrcnn_resnet50_fpn_v2_coco", "https://")


def test_an_output_that_cannot_be_written(invoke, photo, masks, tmp_path):
    (tmp_path / "file").write_text("")
    result = invoke("--masks", masks, photo, "-o", "file/out", *FAST)
    assert result.exit_code == 1
    one_line(result.stderr, "file/out")


def test_a_name_of_a_command_is_a_command_unless_it_is_a_path(invoke, photo):
    assert "known background" in invoke("demo", "--help").stdout
    assert invoke("./demo", "--box", "1,1,9,9").exit_code == 1


def test_help_shows_options_and_commands(invoke):
    result = invoke("--help")
    assert result.exit_code == 0
    for word in ("--class", "--masks", "--box", "--overwrite", "demo", "--version"):
        assert word in result.stdout
    assert invoke("--version").stdout.startswith("remove")


def test_many_photos_are_summed_up_and_failures_listed_at_the_end(invoke, photo, masks, tmp_path):
    for name in ("one.png", "two.png"):
        (tmp_path / name).write_bytes(photo.read_bytes())
        (masks / name).write_bytes((masks / "photo.png").read_bytes())
    (tmp_path / "bad.jpg").write_text("this is text")
    arguments = ("--masks", masks, "one.png", "bad.jpg", "two.png", "-o", "out", *FAST, "--workers", 2)
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert [line.partition(" ")[0] for line in result.stdout.splitlines()] == ["one.png", "two.png"]
    lines = result.stderr.splitlines()
    assert lines[-4] == "failed:"
    assert lines[-3].startswith("  bad.jpg: ")
    assert lines[-2] == "3 photos: 2 done, 1 failed"
    assert re.fullmatch(
        r"[\d.]+ photos/s in [\d.]+ s; work: read \d+%, segment \d+%, fill \d+%, write \d+%", lines[-1]
    )
    (tmp_path / "bad.jpg").write_bytes(b"")
    assert invoke(*arguments, "--json").stderr.splitlines()[-1] == "3 photos: 2 skipped, 1 failed"


def test_photos_listed_on_standard_input(tmp_path, monkeypatch, invoke, photo, masks):
    command = ["--masks", str(masks), "--list", "-", "-o", "out", *FAST]
    result = CliRunner().invoke(cli, command, input="photo.png\n")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out/photo.png").is_file()
    result = CliRunner().invoke(cli, command, input="\n")
    assert result.exit_code == 2
    one_line(result.stderr, "no photos in -")


def test_a_folder_that_another_run_is_at_work_in_is_refused(invoke, photo, masks, tmp_path):
    other = Manifest(tmp_path / "out", {}, {})
    other.open(create=True)
    other.begin({})
    arguments = ("--masks", masks, photo, "-o", "out", *FAST)
    result = invoke(*arguments)
    assert result.exit_code == 1
    one_line(result.stderr, "another run is at work in 'out'", f"process {os.getpid()}")
    assert not (tmp_path / "out/photo.png").exists()
    other.close()
    assert invoke(*arguments).exit_code == 0


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(photo, masks, tmp_path):
    rng = np.random.default_rng(0)
    for index in range(40):
        Image.fromarray(rng.integers(0, 255, (400, 400, 3), np.uint8)).save(tmp_path / f"in{index:02}.png")
    photo.unlink()
    mask = np.zeros((400, 400), np.uint8)
    mask[100:250, 100:250] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    (tmp_path / "in").mkdir()
    for path in tmp_path.glob("in*.png"):
        path.rename(tmp_path / "in" / path.name)
    command = [
        sys.executable,
        "-m",
        "removal.cli.main",
        "--masks",
        "mask.png",
        "in",
        "-o",
        "out",
        *FAST,
        "--no-refine",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("out/*.png"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stderr = process.communicate(timeout=60)[1]
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert "Interrupted" in stderr
    written = sorted(os.listdir(tmp_path / "out"))
    assert 1 < len(written) < 41
    assert all(name == "removal.jsonl" or name.startswith("in") for name in written), written
    for name in written:
        if name.endswith(".png"):
            assert pixels(tmp_path / "out" / name).shape == (400, 400, 3)
    again = subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=True)
    assert "40 photos:" in again.stderr
    assert "skipped" in again.stderr
