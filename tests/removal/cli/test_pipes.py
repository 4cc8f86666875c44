"""`-` for a photo and `-o -` for its result, through the real command."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from removal.cli.main import cli as main

HOLE = ["--box", "5,5,8,8", "--inpainter", "telea", "--no-refine"]


@pytest.fixture
def png() -> bytes:
    buffer = io.BytesIO()
    pixels = np.full((32, 40, 3), 100, np.uint8)
    pixels[5:13, 5:13] = 250
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_from_standard_input_to_standard_output(png: bytes) -> None:
    for output in (["-o", "-"], []):
        result = CliRunner().invoke(main, [*HOLE, "-", *output], input=png)
        assert result.exit_code == 0, result.stderr
        with Image.open(io.BytesIO(result.stdout_bytes)) as image:
            assert image.format == "PNG"
            np.testing.assert_allclose(np.asarray(image).astype(int), 100, atol=2)
        assert result.stderr.startswith("- -> -: removed 1 box")


def test_one_side_may_be_a_file(png: bytes, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [*HOLE, "-", "-o", str(tmp_path / "out.jpg")], input=png)
    assert result.exit_code == 0
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.format == "JPEG"
    (tmp_path / "in.png").write_bytes(png)
    result = CliRunner().invoke(main, [*HOLE, str(tmp_path / "in.png"), "-o", "-"])
    assert result.stdout_bytes.startswith(b"\x89PNG")
    assert sorted(os.listdir(tmp_path)) == ["in.png", "out.jpg"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Error: standard input: is empty"),
        (b"GIF89a" + bytes(20), "Error: standard input: is a GIF file: save the frame"),
        (b"\x89PNG\r\n\x1a\n", "Error: standard input: damaged or unsupported PNG file"),
    ],
)
def test_what_is_no_photo_is_told_in_one_line(data: bytes, message: str) -> None:
    result = CliRunner().invoke(main, [*HOLE, "-", "-o", "-"], input=data)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "wrong",
    [["-", "-", "-o", "-"], ["-", "-o", "-", "--json"], ["-", "-o", "-", "--save-masks"], [".", "-o", "-"]],
)
def test_what_does_not_fit_together_is_refused(png: bytes, wrong: list[str]) -> None:
    result = CliRunner().invoke(main, [*HOLE, *wrong], input=png)
    assert result.exit_code == 2
    assert "expected" in result.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_standard_output_is_one_line(png: bytes) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "removal.cli.start", *HOLE, "-"],
            input=png,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 1
    assert done.stderr == b"Error: cannot write to standard output: No space left on device\n"


def test_files_passed_over_are_named_counted_and_noted(png: bytes, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(png)
    for name in ("b.gif", "c.gif", "d.dng", "notes.txt"):
        (tmp_path / "in" / name).write_bytes(b"")
    arguments = [*HOLE, str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert "3 files passed over: 2 .gif, 1 .dng\n" in result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == {"passed_over": {".gif": 2, ".dng": 1}}
    last = json.loads((tmp_path / "out/removal.jsonl").read_text().splitlines()[-1])
    assert last["finished"]["passed_over"] == {".gif": 2, ".dng": 1}


def test_what_was_mended_is_said(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)).save(buffer, "JPEG")
    (tmp_path / "open.jpg").write_bytes(buffer.getvalue()[:-2])
    result = CliRunner().invoke(main, [*HOLE, str(tmp_path / "open.jpg")])
    assert result.exit_code == 0
    assert (
        f"{tmp_path / 'open.jpg'}: its end marker is missing; the whole picture is there\n" in result.stderr
    )
