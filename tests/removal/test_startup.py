"""The heavy libraries stay out until work starts (docs/architecture.md)."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "cv2", "numba", "pycocotools", "PIL")


@pytest.mark.parametrize(
    "statement",
    [
        "import removal",
        "from removal import Pipeline, remove_objects",
        "import segment, inpaint, postprocess",
        "from removal.cli.main import cli; cli(['--help'], standalone_mode=False)",
        "from removal.cli.main import cli; cli(['demo', '--help'], standalone_mode=False)",
    ],
)
def test_nothing_heavy_is_imported(statement):
    code = f"import sys; {statement}; print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []", done.stdout


def test_finding_a_person_and_filling_the_hole_loads_no_torch(tmp_path):
    code = """
import sys
import cv2
import numpy as np
from segment import builtin

as_found = builtin.look

def with_a_person(network, image):
    view = as_found(network, image)
    view.probability[20:60, 40:80] = 1
    return view

builtin.look = with_a_person
cv2.imwrite(sys.argv[1], np.random.default_rng(0).integers(90, 110, (120, 160, 3), np.uint8))
from removal.cli.main import cli

chosen = "--class person --segmenter builtin --inpainter exemplar --json".split()
cli([*chosen, sys.argv[1], "-o", sys.argv[2]], standalone_mode=False)
print("loaded", sorted({"torch", "torchvision", "safetensors.torch"} & set(sys.modules)))
"""
    arguments = [sys.executable, "-c", code, str(tmp_path / "photo.png"), str(tmp_path / "removed.png")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    outcome, loaded = done.stdout.splitlines()
    assert json.loads(outcome)["outcome"] == "done"
    assert json.loads(outcome)["mask_share"] > 0.03
    assert loaded == "loaded []"
    assert done.stderr == ""
