import re

import cv2
import numpy as np
from PIL import Image


def test_the_demo_finds_the_figure_and_comes_nearer_to_the_known_background(invoke, tmp_path):
    result = invoke("demo", "-o", "pictures")
    assert result.exit_code == 0, result.output
    names = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert names == {
        "scene.jpg",
        "clean.jpg",
        "scene.removed.jpg",
        "scene.removed.mask.png",
        "scene.removed.compare.png",
    }
    before, after = map(float, re.search(r"whole picture\s+([\d.]+) -> ([\d.]+) dB", result.stdout).groups())
    assert after > before + 2
    assert "found by:   builtin" in result.stdout
    assert "filled by:  exemplar" in result.stdout
    scene, removed, mask = (
        np.asarray(Image.open(tmp_path / "pictures" / name).convert("RGB"))
        for name in ("scene.jpg", "scene.removed.jpg", "scene.removed.mask.png")
    )
    assert mask.any()
    far = ~cv2.dilate((mask[..., 0] > 0).astype(np.uint8), np.ones((33, 33), np.uint8)).astype(bool)
    assert np.abs(scene[far].astype(int) - removed[far]).mean() < 1  # encoded as JPEG once more, and no more
    result = invoke("demo", "-o", "pictures")
    assert result.exit_code == 1
    assert "--overwrite" in result.stderr
    assert len(result.stderr.splitlines()) <= 3


def test_an_output_that_is_a_file_is_refused(invoke, tmp_path):
    (tmp_path / "file").write_text("")
    result = invoke("demo", "-o", "file")
    assert result.exit_code == 2
    assert "file" in result.stderr
