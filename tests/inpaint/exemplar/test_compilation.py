import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core import event
from numba.core.caching import CacheImpl, IndexDataCacheFile

import inpaint
from inpaint.exemplar.compilation import Kernel

ROOT = Path(inpaint.__file__).parents[1]
FILL = """
import sys
import numpy as np
from inpaint.exemplar.warming import warm_up
from inpaint.exemplar.completion import complete
warm_up(lambda line: print(line, file=sys.stderr))
image = np.full((40, 50, 3), 90, np.uint8)
mask = np.zeros((40, 50), bool)
mask[15:25, 20:30] = True
print(complete(image, mask)[mask].mean())
"""


def double(numbers):
    for n in range(numbers.shape[0]):
        numbers[n] *= 2


def fill_in_a_new_process(cache: Path) -> list[str]:
    """What it says on stderr; the fill itself is checked."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(cache)}
    ran = subprocess.run(
        [sys.executable, "-c", FILL], capture_output=True, text=True, check=False, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "90.0\n"
    return ran.stderr.splitlines()


def test_a_kernel_computes_what_the_function_does():
    numbers = np.array([1, 21], np.int32)
    Kernel(double, "void(int32[::1])")(numbers)
    assert numbers.tolist() == [2, 42]


def test_a_kernel_takes_no_other_types_as_that_would_be_compiled_in_silence():
    with pytest.raises(TypeError, match="No matching definition"):
        Kernel(double, "void(int32[::1])")(np.zeros(4, np.int64)[::2])


def test_compiling_is_said_once_and_kept(tmp_path):
    said = ["compiling the fill's kernels for this machine, once: some seconds"]
    assert fill_in_a_new_process(tmp_path) == said
    assert fill_in_a_new_process(tmp_path) == []
    for file in tmp_path.rglob("*.nbi"):  # a process that was killed, a disk that was full
        file.write_bytes(file.read_bytes()[:20])
    assert fill_in_a_new_process(tmp_path) == said


def test_without_a_folder_for_the_cache_kernels_still_run(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file where the cache folder should be")
    # numba then keeps them beside the source, where an earlier test may have left them
    assert set(fill_in_a_new_process(blocked / "cache")) <= {
        "compiling the fill's kernels for this machine, once: some seconds"
    }


def test_where_no_folder_at_all_will_do_a_kernel_is_compiled_without(monkeypatch):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    numbers = np.array([1, 21], np.int32)
    Kernel(double, "void(int32[::1])")(numbers)
    assert numbers.tolist() == [2, 42]


def test_a_full_disk_does_not_make_it_compile_twice(monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    monkeypatch.setattr(IndexDataCacheFile, "load", lambda *arguments: None)
    numbers = np.array([1, 21], np.int32)
    with event.install_recorder("numba:compile") as compiled:
        Kernel(double, "void(int32[::1])")(numbers)
    assert numbers.tolist() == [2, 42]
    started = [one for _, one in compiled.buffer if one.is_start]
    assert [one.data["dispatcher"].py_func for one in started] == [double]
