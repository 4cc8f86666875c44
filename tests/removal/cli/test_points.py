"""`--point`, `--not` and `--prompter`: the real command, with `classical` and a stand-in for a network."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

import segment.prompts
from segment import Detections

HEIGHT, WIDTH = 120, 160
FAST = ("--inpainter", "telea", "--no-refine")


@pytest.fixture
def photo(tmp_path):
    """A red disc and a blue square on grey with grain."""
    grain = np.random.default_rng(0).normal(0, 5, (HEIGHT, WIDTH, 3))
    image = Image.new("RGB", (WIDTH, HEIGHT), (120, 120, 120))
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 30, 70, 80), fill=(200, 30, 30))
    draw.rectangle((100, 40, 140, 80), fill=(30, 40, 200))
    path = tmp_path / "photo.png"
    Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8)).save(path)
    return path


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def changed(photo):
    """Where the result differs from the photo, bool (H, W)."""
    return (pixels(photo.with_name("photo.removed.png")) != pixels(photo)).any(2)


def share_changed(photo, left, top, right, bottom):
    return changed(photo)[top:bottom, left:right].mean()


def test_a_point_removes_what_is_there_and_nothing_else(invoke, photo):
    result = invoke("--point", "45,55", photo, *FAST)
    assert result.exit_code == 0, result.output
    assert share_changed(photo, 32, 42, 58, 68) > 0.95
    assert share_changed(photo, 100, 40, 140, 80) == 0
    assert "removed 1 pointed" in result.stdout


def test_two_points_and_one_beside_are_obeyed(invoke, photo):
    result = invoke("--point", "45,55", "--point", "120,60", "--not", "80,60", photo, *FAST, "--save-masks")
    assert result.exit_code == 0, result.output
    mask = np.asarray(Image.open(photo.with_name("photo.removed.mask.png"))) > 0
    assert [bool(mask[y, x]) for x, y in ((45, 55), (120, 60), (80, 60))] == [True, True, False]


def test_the_record_names_the_prompter_and_the_points(invoke, photo, tmp_path):
    assert invoke("--point", "45,55", "--not", "120,60", photo, "-o", "out", *FAST).exit_code == 0
    line = next(
        json.loads(line)
        for line in (tmp_path / "out/removal.jsonl").read_text().splitlines()
        if "settings" in line
    )
    assert line["settings"]["points"] == [[45.0, 55.0]]
    assert line["settings"]["not_points"] == [[120.0, 60.0]]
    assert line["settings"]["models"]["masks"].startswith("points, classical: ")
    assert line["asked"]["prompter"] == "auto"
    again = invoke("--point", "45,55", "--not", "120,60", photo, "-o", "out", *FAST)
    assert "done by an earlier run" in again.stdout
    other = invoke("--point", "46,55", "--not", "120,60", photo, "-o", "out", *FAST)
    assert other.exit_code == 2
    assert "points changed" in other.stderr


def test_a_class_and_a_point_go_together(invoke, photo, monkeypatch):
    class Finder:
        classes, fallback, description, name = ("person", "dog"), None, "found", "found"

        def __call__(self, images, *, classes=None, min_score=0.05):
            square = np.zeros((HEIGHT, WIDTH), bool)
            square[40:81, 100:141] = True
            disc = np.zeros((HEIGHT, WIDTH), bool)
            disc[60:64, 150:154] = True
            return [Detections.from_masks([square, disc], ["person", "dog"], [0.9, 0.9])]

    monkeypatch.setattr("removal.models.build_segmenter", lambda options, say: Finder())
    result = invoke("--point", "45,55", "--class", "person", photo, *FAST, "--json")
    assert result.exit_code == 0, result.output
    assert [found["label"] for found in json.loads(result.stdout)["objects"]] == ["pointed", "person"]
    assert share_changed(photo, 32, 42, 58, 68) > 0.95
    assert share_changed(photo, 102, 42, 138, 78) > 0.95
    assert not changed(photo)[60:64, 150:154].any()


class Network:
    """In place of a cached network: a rectangle in the middle of the box or around the first point."""

    name, description, is_network = "sam2.1-tiny", "sam2.1-tiny (stand-in), float32, cpu", True

    def embed(self, image, detections=None):
        def ask(points=(), labels=(), box=None):
            mask = np.zeros(image.shape[:2], bool)
            x, y = points[0] if box is None else ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            mask[int(y) - 5 : int(y) + 5, int(x) - 5 : int(x) + 5] = True
            return mask[None], np.ones(1, np.float32)

        return ask


def test_a_box_uses_a_network_where_one_is_cached_and_the_record_says_so(
    invoke, photo, tmp_path, monkeypatch
):
    monkeypatch.setattr(segment.prompts, "load_prompter", lambda *args, **options: Network())
    assert invoke("--box", "30,40,20,30", photo, "-o", "out", *FAST).exit_code == 0
    hole = (pixels(tmp_path / "out/photo.png") != pixels(photo)).any(2)
    rows, cols = np.nonzero(hole)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (50, 59, 35, 44)
    text = (tmp_path / "out/removal.jsonl").read_text()
    assert '"masks": "boxes, sam2.1-tiny (stand-in), float32, cpu"' in text


def test_a_box_without_a_network_is_noted_as_before(invoke, photo, tmp_path):
    assert invoke("--box", "18,28,56,56", photo, "-o", "out", *FAST).exit_code == 0
    line = next(
        json.loads(line)
        for line in (tmp_path / "out/removal.jsonl").read_text().splitlines()
        if "settings" in line
    )
    assert line["settings"]["models"]["masks"] == "boxes"
    assert "points" not in line["settings"]
    assert "prompter" not in line["asked"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--point", "1,2,3", "photo.png"), ("--point", "such as 120,40, got '1,2,3'")),
        (("--point", "-1,2", "photo.png"), ("--point", "from 0 on")),
        (("--point", "nan,2", "photo.png"), ("--point", "from 0 on")),
        (("--not", "5,5", "photo.png"), ("--not: expected a point on the thing as well",)),
        (("--point", "5,5", "--not", "5,5", "photo.png"), ("--not: expected 5,5 to be on the thing or not",)),
        (("--point", "5,5", "--box", "1,1,9,9", "photo.png"), ("--point: expected no masks and boxes",)),
        (("--point", "5,5", "--blind", "photo.png"), ("--blind", "got points")),
        (("--point", "5,5", "folder"), ("--point: expected one photo", "got the folder 'folder'")),
        (("--point", "5,5", "photo.png", "other.png"), ("--point: expected one photo", "got 2 photos")),
        (("--point", "5,5", "--prompter", "clicker", "photo.png"), ("--prompter: expected one of auto",)),
        (("--class", "person", "--prompter", "classical", "photo.png"), ("--prompter: expected points",)),
        (("--point", "5,5", "--prompter-weights", ".", "photo.png"), ("--prompter-weights: expected",)),
        (("--point", "5,5", "--segmenter", "builtin", "photo.png"), ("--segmenter: expected no segmenter",)),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line(invoke, photo, tmp_path, args, words):
    (tmp_path / "folder").mkdir()
    photo.with_name("other.png").write_bytes(photo.read_bytes())
    result = invoke(*args)
    assert result.exit_code == 2, result.output
    last = result.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last
    assert not list(tmp_path.glob("*.removed.png"))


def test_a_point_outside_the_photo_is_one_line_and_writes_nothing(invoke, photo):
    result = invoke("--point", "45,55", "--not", "160,3", photo, *FAST)
    assert result.exit_code == 1
    assert result.stderr.strip() == (
        "Error: --point: photo.png: expected points inside 160 x 120 pixels, got (160, 3)".replace(
            "photo.png", str(photo)
        )
    )
    assert not photo.with_name("photo.removed.png").exists()


def test_a_network_that_is_not_cached_is_one_line_offline(invoke, photo, monkeypatch, tmp_path):
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    result = invoke("--point", "45,55", "--prompter", "sam-base", photo, *FAST)
    assert result.exit_code == 1
    assert "REMOVAL_OFFLINE is set" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
