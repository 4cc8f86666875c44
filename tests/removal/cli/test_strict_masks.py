"""What the command line says of hand-overs by which the wrong thing would go."""

import json

import numpy as np
import pytest
from PIL import Image

SIZE = (24, 32)
LEFT, RIGHT = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
LEFT[4:12, 2:10] = True
RIGHT[4:12, 20:30] = True
FAST = ("--inpainter", "telea", "--no-refine")


def photo(path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(90, 110, (*SIZE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def changed(before, after) -> np.ndarray:
    with Image.open(before) as first, Image.open(after) as second:
        return (np.asarray(first) != np.asarray(second)).any(axis=2)


@pytest.fixture
def days(tmp_path):
    """The same name in two folders, and a mask for the first alone."""
    for day in ("day1", "day2"):
        photo(tmp_path / "in" / day / "IMG_0001.png")
    (tmp_path / "masks/day1").mkdir(parents=True)
    Image.fromarray(LEFT).save(tmp_path / "masks/day1/IMG_0001.png")
    return tmp_path


def test_a_photo_of_another_folder_fails_and_is_not_filled(invoke, days):
    result = invoke("in", "--masks", "masks", *FAST, "-o", "out")
    assert result.exit_code == 1
    (error,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert "expected one mask for in/day2/IMG_0001.png in masks, found none" in error
    assert not (days / "out/day2/IMG_0001.png").exists()
    found = changed(days / "in/day1/IMG_0001.png", days / "out/day1/IMG_0001.png")
    assert not found[~LEFT].any()
    assert found[LEFT].any()


def test_check_names_every_mask_of_more_than_one_photo(invoke, days):
    (days / "masks/day1/IMG_0001.png").rename(days / "masks/IMG_0001.png")
    result = invoke("masks", "check", "masks", "--images", "in")
    assert "masks of several photos: 1" in result.stdout
    assert "masks/IMG_0001.png: in/day1/IMG_0001.png, in/day2/IMG_0001.png" in result.stdout
    images = [{"id": 1, "file_name": "IMG_0001.png", "height": 24, "width": 32}]
    content = {"images": images, "annotations": [], "categories": []}
    (days / "c.json").write_text(json.dumps(content))
    result = invoke("masks", "check", "c.json", "--images", "in", "--json")
    (line,) = [json.loads(line) for line in result.stdout.splitlines() if "hand_over" in line]
    assert line["shared"] == ["IMG_0001.png: in/day1/IMG_0001.png, in/day2/IMG_0001.png"]


@pytest.mark.parametrize(
    ("args", "gone"), [(("--mask-label", "48,112,32"), LEFT), (("--class", "cars"), RIGHT)]
)
def test_label_maps_in_colour(args, gone, invoke, tmp_path):
    photo(tmp_path / "a.png")
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[LEFT], pixels[RIGHT] = (48, 112, 32), (176, 112, 32)
    (tmp_path / "m/SegmentationClass").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "m/SegmentationClass/a.png")
    result = invoke("a.png", "--masks", "m", *FAST, "-o", "b.png")
    assert result.exit_code == 1
    assert "Error: --mask-label: mask " in result.stderr
    assert "176,112,32 (10.4%); 48,112,32 (8.3%)" in result.stderr
    (tmp_path / "m/labelmap.txt").write_text("background:0,0,0::\nperson:48,112,32::\ncar:176,112,32::\n")
    result = invoke("a.png", "--masks", "m", *FAST, "-o", "b.png")
    assert result.exit_code != 0
    assert "Error: --class: the masks are label maps of person, car" in result.stderr
    result = invoke("a.png", "--masks", "m", *args, *FAST, "-o", "b.png")
    assert result.exit_code == 0, result.output
    found = changed(tmp_path / "a.png", tmp_path / "b.png")
    assert not found[~gone].any()
    assert found[gone].any()


@pytest.mark.parametrize("label", ["x", "70000", "1,2", "1,2,256", "1,2,3,4", "-1", "1,,2"])
def test_a_label_is_a_number_or_a_colour(label, invoke, tmp_path):
    result = invoke("a.png", "--masks", "m", f"--mask-label={label}")
    assert result.exit_code == 2
    assert "expected a value from 0 to 65535 such as 15, or a colour red,green,blue" in " ".join(
        result.stderr.split()
    )


def test_a_list_as_powershell_writes_it(invoke, tmp_path):
    for name in "abc":
        photo(tmp_path / f"{name}.png")
    Image.fromarray(LEFT).save(tmp_path / "mask.bmp")
    (tmp_path / "list.txt").write_bytes("b.png\r\n".encode("utf-16"))
    result = invoke("--list", "list.txt", "--masks", "mask.bmp", *FAST, "-o", "out")
    assert result.exit_code == 0, result.output
    assert [path.name for path in (tmp_path / "out").iterdir() if path.suffix == ".png"] == ["b.png"]
    (tmp_path / "list.txt").write_bytes("/b.png\r\n".encode("utf-16-le"))
    result = invoke("--list", "list.txt", "--masks", "mask.bmp", *FAST, "-o", "out2")
    assert result.exit_code == 2
    assert "Error: --list: list.txt, line 1: expected a path as UTF-8 text" in result.stderr


def test_nothing_of_a_hand_over_steers_the_terminal(invoke, tmp_path):
    escape = "\x1b[2J\x1b]0;owned\x07"
    photo(tmp_path / "in" / f"a{escape}.png")
    images = [
        {"id": n, "file_name": f"{one}{escape}.png", "height": 24, "width": 32} for n, one in enumerate("zy")
    ]
    objects = [{"id": 1, "image_id": 0, "category_id": escape, "segmentation": [[1, 1, 9, 1, 9, 9]]}]
    content = {"images": images, "annotations": objects, "categories": [{"id": 1, "name": escape}]}
    (tmp_path / "c.json").write_text(json.dumps(content))
    for args in (
        ("masks", "check", "c.json", "--images", "in"),
        ("masks", "check", "c.json", "--images", "in", "--json"),
        ("masks", "check", "c.json", "--images", "in", "--class", f"x{escape}"),
        ("masks", "export", "in", "--masks", "c.json", "--to", "out"),
    ):
        result = invoke(*args)
        assert result.exit_code != 0
        assert "\x1b" not in result.output
        assert "\x07" not in result.output
