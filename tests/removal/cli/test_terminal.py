"""What is printed reaches any terminal whole, steers none, and a full one is no traceback."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from removal.cli.terminal import json_line

ESCAPE = "\x1b]0;owned\x07\x1b[31m\x9b2J\x7f\u202e"
STEERING = {*range(32), *range(127, 160), 0x202E} - {10}
NEEDS_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
TELEA = ("--inpainter", "telea")
BOX = ("--box", "8,8,16,16", *TELEA, "--no-refine")


def remove(*words, folder, stdout=subprocess.PIPE, **environment):
    return subprocess.run(
        [sys.executable, "-m", "removal.cli.start", *map(os.fspath, words)],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
        check=False,
    )


def photo(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
        Image.fromarray(pixels).save(file, "PNG")
    return path


def steered_by(done):
    """The characters of what was printed that a terminal would obey."""
    text = done.stdout.decode("utf-8", "surrogateescape") + done.stderr.decode("utf-8", "surrogateescape")
    return {character for character in text if ord(character) in STEERING}


@NEEDS_FULL
@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("models",),
        ("weights", "list"),
        (*BOX, "a.png", "-o", "out/"),
        (*BOX, "a.png", "-o", "out/", "--json"),
        ("masks", "check", "masks", "--images", "in", "--json"),
    ],
)
def test_a_full_standard_output_is_one_line(tmp_path, words):
    photo(tmp_path / "a.png")
    photo(tmp_path / "in/a.png")
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.eye(40, 48, dtype=np.uint8) * 255).save(tmp_path / "masks/a.png")
    with open("/dev/full", "wb") as full:
        done = remove(*words, folder=tmp_path, stdout=full)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert lines[-1].startswith("Error: ")
    assert "No space left on device" in lines[-1]
    assert "Traceback" not in done.stderr.decode()
    assert "Exception ignored" not in done.stderr.decode()


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "utf-8:strict"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["utf-8", "ascii", "C"],
)
def test_a_name_that_the_output_cannot_encode_is_written_out(tmp_path, environment):
    name = b"f\xff\xc3\xa9.png"
    photo(os.fsencode(tmp_path) + b"/in/" + name)
    plain = remove(*BOX, "in", "-o", "out", folder=tmp_path, **environment)
    assert plain.returncode == 0, plain.stderr
    assert os.listdir(
        os.fsencode(tmp_path / "out/in" if (tmp_path / "out/in").exists() else tmp_path / "out")
    )
    assert b"removed 1 box" in plain.stdout
    assert b"Traceback" not in plain.stderr
    again = remove(*BOX, "in", "-o", "out", "--json", folder=tmp_path, **environment)
    (line,) = again.stdout.decode("ascii").splitlines()
    content = json.loads(line)
    assert content["outcome"] == "skipped"
    assert os.fsencode(content["input"]) == b"in/" + name or "PYTHONUTF8" in environment


def test_json_lines_hold_no_control_characters_and_read_as_they_were():
    content = {"input": f"a{ESCAPE}\udcff.jpg"}
    line = json_line(content)
    assert {ord(character) for character in line} & STEERING == set()
    assert json.loads(line) == content


@pytest.fixture
def escapes(tmp_path):
    """Photos and masks whose names would steer a terminal."""
    photo(tmp_path / f"in/a{ESCAPE}.png")
    (tmp_path / f"in/broken{ESCAPE}.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    photo(tmp_path / f"holes/a{ESCAPE}.png")
    photo(tmp_path / f"holes/other{ESCAPE}.png")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        (*BOX, "in", "-o", "out"),
        (*BOX, "in", "-o", "out", "--json"),
        (*BOX, f"no{ESCAPE}.jpg"),
        ("masks", "check", "holes", "--images", "in"),
        ("masks", "check", "holes", "--images", "in", "--json"),
        ("masks", "check", f"none{ESCAPE}", "--images", "in"),
        ("masks", "export", "in", "--masks", "holes", "--to", f"x{ESCAPE}"),
        ("evaluate", "--protocol", "holes", "--images", "in", "--holes", "holes", *TELEA, "-o", f"r{ESCAPE}"),
        ("compare", "--images", "in", "--holes", "holes", "telea", "-o", f"table{ESCAPE}"),
        ("compare", "--images", f"in{ESCAPE}", "--holes", "holes", "telea", "-o", "table"),
        ("compare", "--images", "in", "--holes", "holes", f"telea{ESCAPE}", "-o", "table"),
        ("weights", "check", f"in/broken{ESCAPE}.png"),
        ("weights", "fetch", f"x{ESCAPE}"),
        ("train", "glcic", "--images", f"none{ESCAPE}", "--out", "run"),
        ("train", f"glcic{ESCAPE}", "--images", "in", "--out", "run"),
        (f"--no{ESCAPE}",),
        ("serve", f"none{ESCAPE}.jpg"),
    ],
    ids=lambda words: "-".join(words)[:30].replace(ESCAPE, "ESC") if isinstance(words, tuple) else None,
)
def test_names_do_not_steer_a_terminal(escapes, words):
    done = remove(*words, folder=escapes)
    assert steered_by(done) == set()
    assert b"Traceback" not in done.stderr
    assert done.stdout or done.stderr


def test_what_a_file_of_weights_says_of_itself_does_not_steer_a_terminal(tmp_path):
    from inpaint.formats import build_network

    network = build_network("glcic", {"width": 0.02})
    state = {name: value for name, value in network.state_dict().items() if value.is_floating_point()}
    state = {name: value.contiguous() for name, value in state.items()}
    notes = {"format": "glcic", "layout": "ours", "options": '{"width": 0.02}', "source": f"me{ESCAPE}"}
    (tmp_path / f"w{ESCAPE}.safetensors").write_bytes(save(state, metadata=notes))
    done = remove("weights", "check", f"w{ESCAPE}.safetensors", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert steered_by(done) == set()
    assert rb"source me\x1b]0;owned" in done.stdout
    torch.save({f"x{ESCAPE}": torch.zeros(1)}, tmp_path / "w.pth")
    done = remove("weights", "check", "w.pth", folder=tmp_path)
    assert steered_by(done) == set()
    assert rb"it holds x\x1b" in done.stderr


def test_models_and_the_cache_do_not_steer_a_terminal(tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path / f"c{ESCAPE}"), "REMOVAL_INPAINTER": f"x{ESCAPE}"}
    for words in (("models",), ("weights", "list")):
        assert steered_by(remove(*words, folder=tmp_path, **environment)) == set()
