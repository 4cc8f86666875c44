"""Folders that were begun by the code before the rooms (commit da50a5f) are finished by the code of now."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from removal.batch.record import MANIFEST, digest_of
from removal.batch.run import asked, run, settings
from removal.errors import PlanError
from removal.options import RunOptions

# Written by a run of da50a5f over a.bmp, b.bmp and c.bmp that was killed when a.bmp was done; process, host
# and the photos' folder were replaced.
RECORD = Path(__file__).parents[2] / "data/removal-da50a5f.jsonl"
BOX = (6, 6, 16, 12)


def bmp(number, height=24, width=32):
    """A coloured ground with a white square as an uncompressed BMP, the same bytes everywhere."""
    rows = b""
    for row in reversed(range(height)):
        for col in range(width):
            white = 8 <= row < 16 and 8 <= col < 20
            ground = bytes((row * 5 + number, col * 3, (row * col + 40 * number) % 200))
            rows += b"\xff\xff\xff" if white else ground
    head = b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54)
    return head + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 2835, 2835, 0, 0) + rows


@pytest.fixture
def begun(tmp_path):
    """The photos, and the folder as the killed run left it: a whole result, and half of another."""
    for folder in ("photos", "out"):
        (tmp_path / folder).mkdir()
    for number, name in enumerate("abc"):
        (tmp_path / f"photos/{name}.bmp").write_bytes(bmp(number))
    for name in ("a.bmp", "a.mask.png"):
        (tmp_path / "out" / name).write_bytes(b"made by the old code")
    (tmp_path / "out/.b.bmp.0123abcd.part").write_bytes(b"half")
    (tmp_path / "out" / MANIFEST).write_bytes(RECORD.read_bytes())
    return tmp_path


def options(folder, **changes):
    chosen = {"boxes": (BOX,), "inpainter": "telea", "refine": False, "save_masks": True, **changes}
    return RunOptions(output=folder / "out", **chosen)


def test_a_folder_begun_by_the_old_code_is_finished(begun):
    outcomes = list(run([begun / "photos"], options(begun)))
    assert [outcome.outcome for outcome in outcomes] == ["skipped", "done", "done"]
    assert (begun / "out/a.bmp").read_bytes() == b"made by the old code"
    assert not (begun / "out/.b.bmp.0123abcd.part").exists()
    before, after = (np.asarray(Image.open(begun / where / "b.bmp")) for where in ("photos", "out"))
    assert (after[8:16, 8:20] != 255).any(axis=2).all()
    outside = np.asarray(Image.open(begun / "out/b.mask.png")) == 0
    np.testing.assert_array_equal(after[outside], before[outside])
    lines = [json.loads(line) for line in (begun / "out" / MANIFEST).read_text().splitlines()]
    assert {line["run"] for line in lines if "run" in line} == {"03159854f0cc"}
    assert {outcome.outcome for outcome in run([begun / "photos"], options(begun))} == {"skipped"}


def test_what_the_old_code_would_refuse_is_refused(begun):
    with pytest.raises(PlanError, match=r"a\.bmp' was made with other settings \(seed changed\)"):
        list(run([begun / "photos"], options(begun, seed=1)))
    (begun / "photos/a.bmp").write_bytes(bmp(7))
    with pytest.raises(PlanError, match=r"result of another photo, '/photos/a\.bmp'"):
        list(run([begun / "photos"], options(begun)))


@pytest.mark.parametrize(
    ("chosen", "of_settings", "of_asked"),
    [
        ({"classes": ("person", "dog")}, "0052983e3b6c", "c477ae2847e0"),
        (
            {"boxes": ((1, 2, 3, 4),), "inpainter": "telea", "refine": False, "seed": 7},
            "3f7f80f93786",
            "0453e55131c5",
        ),
        (
            {"blind": True, "threshold": 0.3, "inpainter": "reconstruction", "blind_weights": ("w.pth",)},
            "a332ecdfa06a",
            "fe445211ec9e",
        ),
        (
            {
                "masks": Path("/masks"),
                "classes": ("cat",),
                "mask_label": 3,
                "mask_polarity": "keep",
                "score": 0.7,
                "attached": "none",
                "shadows": False,
                "working_size": 256,
                "detail": False,
                "colour": False,
                "segmenter": "builtin",
                "weights": "x",
                "inpainter": "deepfillv2",
                "device": "cpu",
                "precision": "float32",
            },
            "dc21a32c82c2",
            "e324b1bd3794",
        ),
    ],
)
def test_digests_are_those_of_the_old_code(chosen, of_settings, of_asked):
    """Literal: another digest would do every folder again."""
    models = {"masks": "m", "inpainter": "i"}
    assert digest_of(settings(RunOptions(**chosen)) | {"models": models}) == of_settings
    assert digest_of(asked(RunOptions(**chosen))) == of_asked
