import os
import subprocess
import sys

import inpaint
from inpaint.exemplar.compilation import kernel


def double(number):
    return 2 * number


def test_a_kernel_computes_what_the_function_does():
    assert kernel()(double)(21) == 42


def test_without_a_writable_cache_kernels_still_run(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file where the cache folder should be")
    code = (
        "import numpy as np\n"
        "from inpaint.exemplar.patchmatch import best_origins\n"
        "index = np.zeros((9, 9), np.int32)\n"
        "field, origin = np.array([(2, 3)], np.int32), np.zeros((1, 2), np.int32)\n"
        "best_origins(np.array([(4, 4)], np.int32), index, field, np.zeros(1, np.float32), origin)\n"
        "print(origin.tolist())\n"
    )
    root = os.path.dirname(os.path.dirname(inpaint.__file__))
    environment = {**os.environ, "PYTHONPATH": root, "NUMBA_CACHE_DIR": str(blocked / "cache")}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[[5, 6]]"
