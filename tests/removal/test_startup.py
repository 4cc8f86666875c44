"""The heavy libraries stay out until work starts (docs/architecture.md)."""

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
